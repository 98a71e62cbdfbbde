// The token: one line of text that a person carries to a new machine, with all it needs to join (clause TOKEN).
import { createHash } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { toHex } from '../core/bytes.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { RoleFloor } from '../core/trust/announcement.ts'
import type { InviteDocument, RootDocument } from '../core/trust/documents.ts'
import { TOMBSTONE } from '../core/trust/rotations.ts'
import { canonicalBytes, documentFailure, type Json, type JsonObject, jsonOf, parseCanonical } from './canonical.ts'
import { Fields } from './fields.ts'
import { inviteFromJson } from './invite.ts'
import { nodeKey } from './node-id.ts'
import { rootFromJson } from './root.ts'

const PREFIX = 'pimesh1.'
const WHAT = 'token'
const CHECK_BYTES = 4
/** A multiaddr with `/p2p/` and the node's id. */
const ADDRESS_TEXT = limits.addressLength + 64
const ADDRESS = /^(?:\/[\w.:%-]+)+\/p2p\/(\w+)$/

export interface Token {
  /** Hex mesh id. */
  mesh: string
  /** The newest root when the invite was made: a joining node accepts nothing older (T42). */
  floor: { version: number; hash: string }
  /** The newest targets and announcements when the invite was made: nothing older is accepted either. */
  floors: {
    targets: number
    /** Of these targets; undefined: the first. */
    targetsEpoch?: number
    roles: readonly RoleFloor[]
  }
  /** Multiaddrs ending in /p2p/ID of members to start from; empty only for a founding invite. */
  via: readonly string[]
  /** 32-byte Ed25519 seed of the invite key. */
  inviteSecret: Uint8Array
  invite: InviteDocument
  /** All roots from version 1, for a founding invite; otherwise empty: members serve them. */
  roots: readonly RootDocument[]
}

/** The id in a multiaddr that ends in /p2p/ID, or undefined when it is not such an address. */
export function addressNode(address: string): string | undefined {
  const node = address.length <= ADDRESS_TEXT ? ADDRESS.exec(address)?.[1] : undefined
  return node !== undefined && nodeKey(node) !== undefined ? node : undefined
}

/** @throws Failure E_DOCUMENT when it is larger than limits.tokenBytes (a founding invite of a mesh with very many roots). */
export function encodeToken(token: Token): string {
  const json: JsonObject = {
    mesh: token.mesh,
    root: { ...token.floor },
    via: [...token.via],
    secret: toHex(token.inviteSecret),
    invite: jsonOf(token.invite.raw),
  }
  const { targets, targetsEpoch = 1, roles } = token.floors
  if (targets > 0 || roles.length > 0) {
    const epoch = targetsEpoch === 1 ? {} : { targetsEpoch }
    json.floors = { targets, ...epoch, roles: roles.map((floor) => ({ ...floor })) }
  }
  if (token.roots.length > 0) json.roots = token.roots.map((root) => jsonOf(root.raw))
  const bytes = canonicalBytes(json)
  if (bytes.length > limits.tokenBytes) throw documentFailure(WHAT, `it has more than ${limits.tokenBytes} bytes`)
  const packed = deflateRawSync(bytes, { level: 9 })
  return PREFIX + Buffer.concat([packed, checksum(packed)]).toString('base64url')
}

/**
 * Reads a token; white space anywhere in it is ignored, as mail and terminals break lines.
 * @throws Failure E_TOKEN_DAMAGED: not a token, cut off or altered, or its content is not valid.
 */
export function parseToken(text: string): Token {
  const bytes = unpack(text.replace(/\s+/g, ''))
  try {
    return readToken(bytes)
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause
    throw new Failure('E_TOKEN_DAMAGED', `${cause.message.replace(/\.$/, '')}; make a new one with "pimesh invite".`, {
      cause,
    })
  }
}

function unpack(line: string): Uint8Array {
  if (!line.startsWith(PREFIX))
    throw damaged(
      `This is not a pimesh token: it must begin with "${PREFIX}"; copy the line that "pimesh invite" printed.`,
    )
  const body = line.slice(PREFIX.length)
  const bytes = body.length <= 2 * limits.tokenBytes ? Buffer.from(body, 'base64url') : Buffer.alloc(0)
  const packed = bytes.subarray(0, -CHECK_BYTES)
  const whole = bytes.length > CHECK_BYTES && bytes.toString('base64url') === body
  if (!whole || !checksum(packed).equals(bytes.subarray(-CHECK_BYTES)))
    throw damaged(
      'This token is cut off or altered: its checksum is wrong; copy the whole line that "pimesh invite" printed.',
    )
  try {
    return inflateRawSync(packed, { maxOutputLength: limits.tokenBytes })
  } catch (cause) {
    throw damaged('This token cannot be unpacked; make a new one with "pimesh invite".', cause)
  }
}

function readToken(bytes: Uint8Array): Token {
  const json = parseCanonical(bytes, { maxBytes: limits.tokenBytes, what: WHAT })
  const required = ['mesh', 'root', 'via', 'secret', 'invite']
  const fields = new Fields(json, WHAT, { required, optional: ['floors', 'roots'] })
  const root = new Fields(fields.json('root'), `${WHAT} (root)`, { required: ['version', 'hash'] })
  const token: Token = {
    mesh: fields.hex('mesh', 32),
    floor: { version: root.integer('version'), hash: root.hex('hash', 32) },
    floors: fields.has('floors') ? readFloors(fields.json('floors')) : { targets: 0, roles: [] },
    via: fields.texts(
      'via',
      limits.tokenAddresses,
      (text) => addressNode(text) !== undefined,
      'addresses with /p2p/ID',
    ),
    inviteSecret: fields.bytes('secret', 32),
    invite: inviteFromJson(fields.json('invite')),
    roots: fields.has('roots') ? fields.list('roots', limits.rootVersions).map(rootFromJson) : [],
  }
  if (token.invite.signed.mesh !== token.mesh) throw documentFailure(WHAT, 'its invite is of another mesh')
  return token
}

/** Tokens of pimesh 0.1 have none. */
function readFloors(json: Json): Token['floors'] {
  const fields = new Fields(json, `${WHAT} (floors)`, { required: ['targets', 'roles'], optional: ['targetsEpoch'] })
  const roles = fields.list('roles', limits.delegatedRoles).map((item) => {
    const floor = new Fields(item, `${WHAT} (floors)`, {
      required: ['role', 'epoch', 'version'],
      optional: ['rotation'],
    })
    const rotation = floor.has('rotation') ? { rotation: floor.integer('rotation', 1, TOMBSTONE) } : {}
    return {
      role: floor.text('role', 32),
      epoch: floor.integer('epoch'),
      ...rotation,
      version: floor.integer('version'),
    }
  })
  if (new Set(roles.map(({ role }) => role)).size !== roles.length) fields.fail('roles', 'a list of different roles')
  const epoch = fields.has('targetsEpoch') ? { targetsEpoch: fields.integer('targetsEpoch') } : {}
  return { targets: fields.integer('targets', 0), ...epoch, roles }
}

function checksum(packed: Uint8Array): Buffer {
  return createHash('sha256').update(packed).digest().subarray(0, CHECK_BYTES)
}

function damaged(message: string, cause?: unknown): Failure {
  return new Failure('E_TOKEN_DAMAGED', message, { cause })
}
