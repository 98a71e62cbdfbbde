// A signing request: the one file that travels between the machines of key holders (clause REQUEST). It holds what is to be signed,
// the signatures so far, and every document that is needed to judge both without a network. Nothing in it is believed as it stands.
import { limits } from '../core/limits.ts'
import type { AnnouncementDocument } from '../core/trust/announcement.ts'
import type { RootDocument, TargetsDocument } from '../core/trust/documents.ts'
import { parseAnnouncement } from './announcement.ts'
import { canonicalBytes, documentFailure, type Json, type JsonObject, jsonOf, parseCanonical } from './canonical.ts'
import { Fields } from './fields.ts'
import { parseRoot } from './root.ts'
import { sha256Hex } from './signed.ts'
import { parseTargets } from './targets.ts'

const WHAT = 'signing request'
const TYPE = 'signing-request'
const FORMAT = 1
const FIELDS = ['_type', 'format', 'kind', 'document', 'roots', 'sha256']

/** What is signed, and what it comes after: for a root the last of `roots`. */
export type RequestSubject =
  | { kind: 'announcement'; document: AnnouncementDocument; previous: AnnouncementDocument | undefined }
  | { kind: 'targets'; document: TargetsDocument; previous: TargetsDocument | undefined }
  | { kind: 'root'; document: RootDocument; previous: RootDocument }

/** The content of a signing request, well formed and not judged. */
export type RequestFile = RequestSubject & {
  /** From version 1 on, in order; at least one. */
  roots: readonly RootDocument[]
  /** Under which an announcement is judged; undefined for the other kinds. */
  targets: TargetsDocument | undefined
}

/** The bytes of the file. @throws Failure E_DOCUMENT when it would be too long. */
export function encodeRequest(request: RequestFile): Uint8Array {
  const { kind, document, previous, roots, targets } = request
  const content = {
    _type: TYPE,
    format: FORMAT,
    kind,
    document: jsonOf(document.raw),
    ...(previous === undefined || kind === 'root' ? {} : { previous: jsonOf(previous.raw) }),
    roots: roots.map(({ raw }) => jsonOf(raw)),
    ...(targets === undefined ? {} : { targets: jsonOf(targets.raw) }),
  }
  const bytes = canonicalBytes({ ...content, sha256: sha256Hex(canonicalBytes(content)) })
  if (bytes.length <= limits.signingRequestBytes) return bytes
  throw documentFailure(WHAT, `it has ${bytes.length} bytes, more than ${limits.signingRequestBytes}`)
}

/** Parses a signing request strictly; judges no signature in it. @throws Failure E_DOCUMENT */
export function parseRequest(bytes: Uint8Array): RequestFile {
  const bounds = { maxBytes: limits.signingRequestBytes, maxValues: limits.signingRequestValues }
  const json = parseCanonical(bytes, { ...bounds, what: WHAT })
  const frame = new Fields(json, WHAT, { required: ['_type', 'format'], open: true })
  frame.literal('_type', TYPE)
  if (frame.integer('format') !== FORMAT) throw documentFailure(WHAT, 'it is of a newer pimesh')
  const fields = new Fields(json, WHAT, { required: FIELDS, optional: ['previous', 'targets'] })
  const { sha256, ...content } = json as JsonObject
  if (sha256 !== sha256Hex(canonicalBytes(content))) throw documentFailure(WHAT, 'its SHA-256 is another')
  const roots = fields.list('roots', limits.rootVersions).map((root) => parseRoot(canonicalBytes(root)))
  const [last] = roots.slice(-1)
  if (last === undefined) return fields.fail('roots', 'a list of at least one')
  const isAnnouncement = fields.json('kind') === 'announcement'
  if (fields.has('targets') !== isAnnouncement) fields.fail('targets', 'there for an announcement, and only for one')
  const targets = isAnnouncement ? parsePart(fields, 'targets', parseTargets) : undefined
  return { ...readSubject(fields, last), roots, targets }
}

function readSubject(fields: Fields, last: RootDocument): RequestSubject {
  const pair = <T>(parse: (bytes: Uint8Array) => T) => ({
    document: parsePart(fields, 'document', parse),
    previous: fields.has('previous') ? parsePart(fields, 'previous', parse) : undefined,
  })
  const kind = fields.json('kind')
  if (kind === 'announcement') return { kind, ...pair(parseAnnouncement) }
  if (kind === 'targets') return { kind, ...pair(parseTargets) }
  if (kind !== 'root') return fields.fail('kind', '"announcement", "targets" or "root"')
  if (fields.has('previous')) fields.fail('previous', 'left out: it is the last of "roots"')
  return { kind, document: parsePart(fields, 'document', parseRoot), previous: last }
}

/** Each document keeps the bounds that it has alone. */
function parsePart<T>(fields: Fields, key: string, parse: (bytes: Uint8Array) => T): T {
  return parse(canonicalBytes(fields.json(key) as Json))
}
