// The install journal of one path as bytes on disk (clause STATE 4): what is in use, what is on its way, what failed here for good.
import { toHex } from '../core/bytes.ts'
import { limits } from '../core/limits.ts'
import {
  INSTALL_REASONS,
  INSTALL_STATES,
  type InstallEntry,
  type Installed,
  type Underway,
  type UnderwayState,
} from '../core/rollout/states.ts'
import { ENCODING_BYTES_MAX } from '../core/swarm/pieces.ts'
import { INTEGER_MAX } from './fields.ts'
import { hexBytes, MessageReader, MessageWriter } from './protobuf.ts'
import { ENCODING_TYPES, fileProblem, pathProblem, versionProblem } from './release.ts'
import { roleNameProblem } from './targets.ts'

type Failed = InstallEntry['failed'][number]

/** Number of the installer `file` on disk. */
const FILE = 1
const WHAT = 'a saved journal'
/** A role has a name of at most so many characters, all ASCII. */
const ROLE_BYTES = 32
const HASH_BYTES = 32
/** Two hashes, three numbers, a label and the name of a role, with their tags. */
const INSTALLED_BYTES = 2 * HASH_BYTES + limits.versionLength + 80
/** Number of the field, behind those of what is on its way. */
const SAVED = 11
const FAILED_BYTES = HASH_BYTES + 8
/** What is on its way also says how long it is, how it is encoded and what installs it. */
const UNDERWAY_BYTES = INSTALLED_BYTES + 16 + 3 * (HASH_BYTES + 8) + (limits.pathLength + 16)
const ENTRY_BYTES = INSTALLED_BYTES + UNDERWAY_BYTES + limits.failedReleases * (FAILED_BYTES + 4) + 16
const UNDERWAY: readonly UnderwayState[] = ['fetching', 'verified', 'staged', 'switched', 'healthy']

/** The value for a journal; its path is the key's. The oldest failures beyond the bound are left out. */
export function encodeInstallEntry({ installed, underway, failed }: InstallEntry): Uint8Array {
  const message = new MessageWriter()
  if (installed !== undefined) message.bytes(1, encodeInstalled(installed))
  if (underway !== undefined) message.bytes(2, encodeUnderway(underway))
  for (const failure of failed.slice(-limits.failedReleases)) message.bytes(3, encodeFailed(failure))
  return message.finish()
}

/** Throws E_PROTOCOL for a value or a path that is none. */
export function decodeInstallEntry(bytes: Uint8Array, path: string): InstallEntry {
  const reader = new MessageReader(bytes, WHAT, ENTRY_BYTES)
  if (pathProblem(path) !== undefined) reader.refuse('its key is not a path')
  const installed = reader.optionalBytes(1, 1, INSTALLED_BYTES)
  const underway = reader.optionalBytes(2, 1, UNDERWAY_BYTES)
  const failed = reader.list(3, limits.failedReleases, 1, FAILED_BYTES).map(decodeFailed)
  reader.end()
  return {
    path,
    installed: installed === undefined ? undefined : decodeInstalled(installed),
    underway: underway === undefined ? undefined : decodeUnderway(underway),
    failed,
  }
}

function writeInstalled({ release, counter, version, artifact, role, epoch }: Installed): MessageWriter {
  return new MessageWriter()
    .bytes(1, hexBytes(release, HASH_BYTES, "release's hash"))
    .uint(2, counter)
    .text(3, version)
    .bytes(4, hexBytes(artifact, HASH_BYTES, "artifact's hash"))
    .text(5, role)
    .uint(6, epoch)
}

function encodeInstalled(installed: Installed): Uint8Array {
  const message = writeInstalled(installed)
  if (installed.saved !== undefined) message.uint(SAVED, installed.saved)
  return message.finish()
}

/** What a patch saved: nothing, in what was written by a pimesh that did not know of it. */
function readSaved(reader: MessageReader): Pick<Installed, 'saved'> {
  const saved = reader.uint(SAVED, ENCODING_BYTES_MAX)
  return saved === 0 ? {} : { saved }
}

function readInstalled(reader: MessageReader): Installed {
  const release = toHex(reader.bytes(1, HASH_BYTES, HASH_BYTES))
  const counter = reader.uint(2, INTEGER_MAX)
  const version = reader.text(3, limits.versionLength)
  const artifact = toHex(reader.bytes(4, HASH_BYTES, HASH_BYTES))
  const role = reader.text(5, ROLE_BYTES)
  const epoch = reader.uint(6, INTEGER_MAX)
  if (counter === 0 || versionProblem(version) !== undefined) reader.refuse('its counter or its version is none')
  if (epoch === 0 || roleNameProblem(role) !== undefined) reader.refuse('its role or its epoch is none')
  return { role, epoch, release, counter, version, artifact }
}

function decodeInstalled(bytes: Uint8Array): Installed {
  const reader = new MessageReader(bytes, WHAT, INSTALLED_BYTES)
  const installed = { ...readInstalled(reader), ...readSaved(reader) }
  reader.end()
  return installed
}

function encodeUnderway(underway: Underway): Uint8Array {
  const { state, length, encoding, installer } = underway
  const hash = hexBytes(encoding.hash, HASH_BYTES, "encoding's hash")
  const sha256 = hexBytes(encoding.sha256, HASH_BYTES, "encoding's SHA-256")
  const type = ENCODING_TYPES.indexOf(encoding.type) + 1
  const encoded = new MessageWriter().uint(1, type).bytes(2, hash).bytes(3, sha256)
  if (encoding.base !== undefined) encoded.bytes(4, hexBytes(encoding.base, HASH_BYTES, "base's hash"))
  const message = writeInstalled(underway)
    .uint(7, INSTALL_STATES.indexOf(state) + 1)
    .uint(8, length)
    .bytes(9, encoded.finish())
    .bytes(10, new MessageWriter().uint(1, FILE).text(2, installer.file).bool(3, installer.executable).finish())
  if (underway.saved !== undefined) message.uint(SAVED, underway.saved)
  return message.finish()
}

function decodeUnderway(bytes: Uint8Array): Underway {
  const reader = new MessageReader(bytes, WHAT, UNDERWAY_BYTES)
  const installed = readInstalled(reader)
  const name = INSTALL_STATES[reader.uint(7) - 1]
  const state = UNDERWAY.find((known) => known === name) ?? reader.refuse('it is on its way in no known state')
  const length = reader.uint(8, ENCODING_BYTES_MAX)
  const encoding = decodeEncoding(reader.bytes(9, 1, UNDERWAY_BYTES))
  const installer = decodeInstaller(reader.bytes(10, 1, UNDERWAY_BYTES))
  const saved = readSaved(reader)
  reader.end()
  if (length === 0) reader.refuse('its length is missing')
  return { ...installed, state, length, encoding, installer, ...saved }
}

function decodeEncoding(bytes: Uint8Array): Underway['encoding'] {
  const reader = new MessageReader(bytes, WHAT, UNDERWAY_BYTES)
  const type = ENCODING_TYPES[reader.uint(1) - 1] ?? reader.refuse('its encoding is unknown')
  const hash = toHex(reader.bytes(2, HASH_BYTES, HASH_BYTES))
  const sha256 = toHex(reader.bytes(3, HASH_BYTES, HASH_BYTES))
  const base = reader.optionalBytes(4, HASH_BYTES, HASH_BYTES)
  reader.end()
  if ((base !== undefined) !== (type === 'zstd-patch')) reader.refuse('a patch, and nothing else, has a base')
  return base === undefined ? { type, hash, sha256 } : { type, hash, sha256, base: toHex(base) }
}

function decodeInstaller(bytes: Uint8Array): Underway['installer'] {
  const reader = new MessageReader(bytes, WHAT, UNDERWAY_BYTES)
  if (reader.uint(1) !== FILE) reader.refuse('its installer is unknown')
  const file = reader.text(2, limits.pathLength)
  const executable = reader.bool(3)
  reader.end()
  if (fileProblem(file) !== undefined) reader.refuse('its file has no name')
  return { type: 'file', file, executable }
}

function encodeFailed({ release, reason }: Failed): Uint8Array {
  const hash = hexBytes(release, HASH_BYTES, "release's hash")
  return new MessageWriter()
    .bytes(1, hash)
    .uint(2, INSTALL_REASONS.indexOf(reason) + 1)
    .finish()
}

function decodeFailed(bytes: Uint8Array): Failed {
  const reader = new MessageReader(bytes, WHAT, FAILED_BYTES)
  const release = toHex(reader.bytes(1, HASH_BYTES, HASH_BYTES))
  const reason = INSTALL_REASONS[reader.uint(2) - 1] ?? reader.refuse('it failed for no known reason')
  reader.end()
  return { release, reason }
}
