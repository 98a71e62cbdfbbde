// One release as a target of an announcement (clause ANN 4 to 8): strict about what this version knows, open about the rest.

import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { ENCODING_BYTES_MAX, pieceLengthFor } from '../core/swarm/pieces.ts'
import {
  type Encoding,
  type EncodingType,
  type InstallerSpec,
  NO_NODE,
  type Release,
  wholeOf,
} from '../core/trust/announcement.ts'
import { canonicalBytes, type Json, type JsonObject } from './canonical.ts'
import { Fields, isHex } from './fields.ts'
import { sha256Hex } from './signed.ts'
import { addressNode } from './token.ts'

const WHAT = 'announcement'
const HASH_BYTES = 32
const TYPE_LENGTH = 32
const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/
/** What an installer puts beside the folders of a path: no path may lead there. */
const RESERVED_SEGMENT = /^(?:current|[1-9]\d{0,9}-[0-9a-f]{16})$/
const FILE = /^[A-Za-z0-9._-]+$/
/** The last one is the installer's own. */
const RESERVED_FILES = ['.', '..', '.release']
const VERSION_LABEL = /^[A-Za-z0-9._+~:-]+$/
const TARGET = ['length', 'hashes', 'custom']
const CUSTOM = ['counter', 'version', 'to', 'installer', 'encodings', 'origin']
const CUSTOM_OPTIONAL = ['requires', 'withdraws']
const ENCODING = ['type', 'length', 'hashes', 'piece_length', 'piece_list']
const PATCH = [...ENCODING, 'base']
const INSTALLER = ['type', 'file', 'executable']
/** Numbers on disk are places in this list, from 1: append only. */
export const ENCODING_TYPES: readonly EncodingType[] = ['identity', 'zstd', 'zstd-patch']

/** What a publisher says of a release; role and path are the announcement's. */
export type ReleaseTerms = Pick<Release, 'counter' | 'version' | 'artifact' | 'to' | 'encodings' | 'origin'> & {
  installer: InstallerSpec
  requires?: readonly string[]
}

/** Why `path` cannot name an artifact, or undefined when it can. */
export function pathProblem(path: string): string | undefined {
  if (path.length < 1 || path.length > limits.pathLength) return `it must have 1 to ${limits.pathLength} characters`
  const segments = path.split('/')
  const odd = segments.find((segment) => !SEGMENT.test(segment))
  if (odd !== undefined)
    return `its segment "${odd}" must be of A-Z, a-z, 0-9, ".", "_" and "-", not beginning with "."`
  const reserved = segments.find((segment) => RESERVED_SEGMENT.test(segment))
  return reserved === undefined ? undefined : `no segment of it may be "${reserved}"`
}

/** Why `version` cannot be a release's label, or undefined when it can. */
export function versionProblem(version: string): string | undefined {
  if (version.length <= limits.versionLength && VERSION_LABEL.test(version)) return undefined
  return `it must be 1 to ${limits.versionLength} of A-Z, a-z, 0-9, ".", "_", "+", "~", ":" and "-"`
}

/** Why `file` cannot be the name of an installed file, or undefined when it can. */
export function fileProblem(file: string): string | undefined {
  if (RESERVED_FILES.includes(file)) return `it may not be "${file}"`
  const good = file.length <= limits.pathLength && FILE.test(file)
  return good ? undefined : `it must be 1 to ${limits.pathLength} of A-Z, a-z, 0-9, ".", "_" and "-"`
}

/** The identity of a release, in hex: it stays while the role signs other releases anew. */
export function releaseHash(role: string, path: string, target: Json): string {
  return sha256Hex(canonicalBytes({ role, path, target }))
}

/** An encoding with its identity (clause ANN 6). */
export function encodingOf(described: Omit<Encoding, 'hash'>): Encoding {
  const { sha256, length, pieceList } = described
  return { ...described, hash: sha256Hex(canonicalBytes({ sha256, length, piece_list: pieceList })) }
}

/** The target of an announcement for a release. */
export function releaseTarget(release: ReleaseTerms): JsonObject {
  return {
    length: release.artifact.length,
    hashes: { sha256: release.artifact.hash },
    custom: {
      counter: release.counter,
      version: release.version,
      to: release.to,
      installer: { ...release.installer },
      encodings: release.encodings.map((encoding) => ({
        type: encoding.type,
        length: encoding.length,
        hashes: { sha256: encoding.sha256 },
        piece_length: encoding.pieceLength,
        piece_list: { sha256: encoding.pieceList },
        ...(encoding.base === undefined ? {} : { base: { sha256: encoding.base } }),
      })),
      origin: [...release.origin],
      ...(release.requires?.length ? { requires: [...release.requires] } : {}),
    },
  }
}

/** The target that withdraws a release (clause ANN 18): nothing changes but whom it is for. @param release its hash */
export function withdrawnTarget(target: JsonObject, release: string): JsonObject {
  return { ...target, custom: { ...(target.custom as JsonObject), to: NO_NODE, withdraws: release } }
}

/** Reads one target. @throws Failure E_DOCUMENT: a field that this version knows is malformed. */
export function readRelease(role: string, path: string, json: Json): Release {
  const what = `${WHAT} (${path.slice(0, limits.pathLength)})`
  const target = new Fields(json, what, { required: TARGET, open: true })
  const problem = pathProblem(path)
  if (problem !== undefined) target.fail('targets', `an object of paths: ${problem}`)
  const artifact = { hash: sha256Of(target, 'hashes'), length: target.integer('length', 1, ENCODING_BYTES_MAX) }
  const custom = new Fields(target.json('custom'), what, { required: CUSTOM, open: true })
  const version = custom.text('version', limits.versionLength)
  if (versionProblem(version) !== undefined) custom.fail('version', 'of A-Z, a-z, 0-9, ".", "_", "+", "~", ":" and "-"')
  const installer = readInstaller(custom)
  const encodings = readEncodings(custom, artifact)
  return {
    hash: releaseHash(role, path, json),
    path,
    counter: custom.integer('counter'),
    version,
    artifact,
    to: custom.text('to', limits.selectorLength),
    installer: installer.known,
    encodings,
    origin: custom.texts(
      'origin',
      limits.releaseOrigins,
      (text) => addressNode(text) !== undefined,
      'addresses with /p2p/ID',
    ),
    requires: requires(custom),
    withdraws: custom.has('withdraws') ? custom.hex('withdraws', HASH_BYTES) : undefined,
    unsupported: unsupported(target, custom, installer.unsupported, encodings),
  }
}

/** The first thing in a release that this version does not understand. */
function unsupported(
  target: Fields,
  custom: Fields,
  installer: string | undefined,
  encodings: readonly Encoding[],
): string | undefined {
  const unknown = target.unknown(TARGET) ?? custom.unknown([...CUSTOM, ...CUSTOM_OPTIONAL])
  if (unknown !== undefined) return fieldText(unknown)
  if (installer !== undefined) return installer
  return wholeOf(encodings) === undefined ? 'its encodings' : undefined
}

const fieldText = (key: string) => `the field "${key.slice(0, TYPE_LENGTH)}"`

function requires(custom: Fields): string[] {
  if (!custom.has('requires')) return []
  return custom.texts('requires', limits.releaseRequires, (text) => isHex(text, HASH_BYTES), 'release hashes')
}

function readInstaller(custom: Fields): { known: InstallerSpec | undefined; unsupported: string | undefined } {
  const fields = new Fields(custom.json('installer'), `${custom.what}: installer`, { required: ['type'], open: true })
  const type = fields.text('type', TYPE_LENGTH)
  if (type !== 'file') return { known: undefined, unsupported: `the installer "${type}"` }
  const unknown = fields.unknown(INSTALLER)
  if (unknown !== undefined) return { known: undefined, unsupported: `${fieldText(unknown)} of the installer "file"` }
  const missing = INSTALLER.find((key) => !fields.has(key))
  if (missing !== undefined) fields.fail(missing, 'there')
  const file = fields.text('file', limits.pathLength)
  if (fileProblem(file) !== undefined) fields.fail('file', 'the name of a file')
  return { known: { type, file, executable: fields.flag('executable') }, unsupported: undefined }
}

/** Those that this version knows, the shortest first; equally long ones as the publisher put them. */
function readEncodings(custom: Fields, artifact: Release['artifact']): Encoding[] {
  const encodings = custom
    .list('encodings', limits.releaseEncodings)
    .map((json) =>
      readEncoding(new Fields(json, `${custom.what}: encoding`, { required: ['type'], open: true }), artifact),
    )
    .filter((encoding) => encoding !== undefined)
  const whole = encodings.filter(({ base }) => base === undefined)
  if (new Set(whole.map(({ hash }) => hash)).size !== whole.length) custom.fail('encodings', 'different encodings')
  const patches = encodings.filter(({ base }) => base !== undefined)
  return distinct([...whole, ...patches]).sort((a, b) => a.length - b.length)
}

/** Of several with one hash the first. */
function distinct(encodings: readonly Encoding[]): Encoding[] {
  return encodings.filter(({ hash }, at) => encodings.findIndex((other) => other.hash === hash) === at)
}

/** undefined: not for this version. */
function readEncoding(fields: Fields, artifact: Release['artifact']): Encoding | undefined {
  const name = fields.text('type', TYPE_LENGTH)
  if (name === 'zstd-patch') return readPatch(fields)
  const type = ENCODING_TYPES.find((known) => known === name)
  if (type === undefined || fields.unknown(ENCODING) !== undefined) return undefined
  const missing = ENCODING.find((key) => !fields.has(key))
  if (missing !== undefined) fields.fail(missing, 'there')
  const length = fields.integer('length', 1, ENCODING_BYTES_MAX)
  const pieceLength = fields.integer('piece_length')
  if (pieceLength !== pieceLengthFor(length)) fields.fail('piece_length', `${pieceLengthFor(length)} for this length`)
  const sha256 = sha256Of(fields, 'hashes')
  if (type === 'identity' && (sha256 !== artifact.hash || length !== artifact.length))
    fields.fail('hashes', "the artifact's own, as the length, of an identity")
  return encodingOf({ type, sha256, length, pieceLength, pieceList: sha256Of(fields, 'piece_list') })
}

/**
 * What is wrong with a patch leaves out the patch alone: a pimesh that does not know patches does not see it, and all must take the
 * same announcements (clause ANN 7).
 */
function readPatch(fields: Fields): Encoding | undefined {
  if (fields.unknown(PATCH) !== undefined) return undefined
  try {
    const length = fields.integer('length', 1, ENCODING_BYTES_MAX)
    const pieceLength = fields.integer('piece_length')
    if (pieceLength !== pieceLengthFor(length)) return undefined
    const [sha256, pieceList, base] = [
      sha256Of(fields, 'hashes'),
      sha256Of(fields, 'piece_list'),
      sha256Of(fields, 'base'),
    ]
    return encodingOf({ type: 'zstd-patch', sha256, length, pieceLength, pieceList, base })
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

/** TUF lists hashes by algorithm; others than SHA-256 are not used. */
function sha256Of(fields: Fields, key: string): string {
  return new Fields(fields.json(key), `${fields.what}: ${key}`, { required: ['sha256'], open: true }).hex(
    'sha256',
    HASH_BYTES,
  )
}
