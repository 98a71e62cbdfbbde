// A file that somebody gave, read as what it says it is: bounded, and by the very parsers that nodes use, so that what they would not
// take as a document is none here either.
import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { AnnouncementDocument } from '../core/trust/announcement.ts'
import type { RootDocument, TargetsDocument } from '../core/trust/documents.ts'
import type { StatementDocument } from '../core/trust/statement.ts'
import { parseAnnouncement } from '../wire/announcement.ts'
import { type Json, type JsonObject, parseCanonical } from '../wire/canonical.ts'
import { parseRoot } from '../wire/root.ts'
import { parseStatement } from '../wire/statement.ts'
import { parseTargets } from '../wire/targets.ts'
import { REQUEST_FILE } from './request-folder.ts'
import { readRequest, type SigningRequest } from './signing-request.ts'

/** A document by itself. */
export type LoneDocument =
  | { kind: 'root'; document: RootDocument }
  | { kind: 'targets'; document: TargetsDocument }
  | { kind: 'announcement'; document: AnnouncementDocument }
  | { kind: 'statement'; document: StatementDocument }

export type FileContent = LoneDocument | { kind: 'request'; request: SigningRequest }

/**
 * Reads what a person named: a file, or the folder of a signing request.
 * @throws Failure E_DOCUMENT (no file, empty, too long, not a document that a node would take), E_REQUEST (a request that was altered)
 */
export function readDocumentFile(named: string): FileContent {
  const place = resolve(named)
  const request = join(place, REQUEST_FILE)
  const path = existsSync(request) ? request : place
  const bytes = readBounded(path)
  const kind = kindOf(bytes, path)
  if (kind === 'request') return { kind, request: readRequest(bytes, path) }
  return reading(path, () => {
    if (kind === 'root') return { kind, document: parseRoot(bytes) }
    if (kind === 'targets') return { kind, document: parseTargets(bytes) }
    if (kind === 'statement') return { kind, document: parseStatement(bytes) }
    return { kind, document: parseAnnouncement(bytes) }
  })
}

function kindOf(bytes: Uint8Array, path: string): FileContent['kind'] {
  const bounds = { maxBytes: limits.signingRequestBytes, maxValues: limits.signingRequestValues }
  const json = reading(path, () => parseCanonical(bytes, { ...bounds, what: 'document' }))
  if (isObject(json) && json._type === 'signing-request') return 'request'
  const signed = isObject(json) ? json.signed : undefined
  const type = signed !== undefined && isObject(signed) ? signed._type : undefined
  if (type === 'root') return 'root'
  if (type === 'enrolment') return 'statement'
  if (type === 'targets' && isObject(signed as Json))
    return Object.hasOwn(signed as JsonObject, 'delegations') ? 'targets' : 'announcement'
  const what = typeof type === 'string' ? `it is a document of type "${type.slice(0, 32)}"` : 'it says of no type'
  const known = 'a root, targets, announcement or enrolment statement, or a signing request'
  throw new Failure('E_DOCUMENT', `${path} cannot be checked: ${what}; give ${known}`)
}

function isObject(json: Json): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

/** @throws Failure E_DOCUMENT that names the file */
function reading<T>(path: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause
    const problem = cause.message.replace(/^The /, 'the ').replace(/\.$/, '')
    const advice = 'get it again, byte for byte, from whoever signed it'
    throw new Failure('E_DOCUMENT', `${path} is no document that a node would take (${problem}): ${advice}`, { cause })
  }
}

/** Never waits for a pipe, and reads no more than the longest document has. @throws Failure E_DOCUMENT */
function readBounded(path: string): Uint8Array {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new Failure('E_DOCUMENT', `${path} is a folder without a signing request: name a file`)
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stats = fstatSync(file)
      if (!stats.isFile()) throw new Failure('E_DOCUMENT', `${path} is not a file that can be read: name a document`)
      const size = `${path} has ${stats.size} bytes`
      if (stats.size > limits.signingRequestBytes)
        throw new Failure('E_DOCUMENT', `${size}, and no document has more than ${limits.signingRequestBytes}`)
      if (stats.size === 0) throw new Failure('E_DOCUMENT', `${path} is empty: get it again`)
      return readFileSync(file)
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (cause instanceof Failure || code === undefined) throw cause
    throw new Failure('E_DOCUMENT', `${path} cannot be read (${code}): check its path and permissions`, { cause })
  }
}
