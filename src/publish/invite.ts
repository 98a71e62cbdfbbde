// Making an invite: an enrol key grants seats to a new invite key, and one token carries it all.
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { DAY, limits, SECOND } from '../core/limits.ts'
import type { Capability, Invite, InviteDocument } from '../core/trust/documents.ts'
import { labelProblem } from '../core/trust/labels.ts'
import { within, zoneProblem } from '../core/zone.ts'
import { newSecret, publicKeyOf, type RandomBytes } from '../keys/ed25519.ts'
import type { KeyFile } from '../keys/key-file.ts'
import { type JsonObject, jsonOf } from '../wire/canonical.ts'
import { dateText, dateValue } from '../wire/fields.ts'
import { inviteFromJson, inviteJson } from '../wire/invite.ts'
import { memberAddressProblem } from '../wire/member-address.ts'
import { encodeSigned } from '../wire/signed.ts'
import { encodeToken } from '../wire/token.ts'
import { publisherFloors } from './delegations.ts'
import { type Mesh, meshKeys } from './mesh.ts'

export interface InviteOptions {
  /** The site, or `/` for an operator's peer. */
  zone: string
  labels?: Readonly<Record<string, string>> | undefined
  /** Default: node. */
  capabilities?: readonly Capability[] | undefined
  /** Nodes that may join with it; default 1. */
  seats?: number | undefined
  /** Cells that the site is cut into; default 1. */
  cells?: number | undefined
  /** Milliseconds until nobody can join with it any more; default 48 h. */
  expiresInMs?: number | undefined
  /** Milliseconds until the memberships made from it end; default 2 years. */
  membershipLifetimeMs?: number | undefined
  /** Multiaddrs ending in /p2p/ID of members to start from. */
  via?: readonly string[] | undefined
  /** For the first node of the mesh: no member has to meet it. */
  founding?: boolean | undefined
}

/** All that is decided before an enrol key signs. */
export interface InvitePlan {
  mesh: Mesh
  grant: Grant
  via: readonly string[]
  /** Signs it; to be unlocked before. */
  enroller: KeyFile
}

type Grant = Omit<Invite, 'mesh' | 'key' | 'epoch'>

/**
 * Checks what is asked for, and chooses an enrol key of the folder.
 * @param now wall time in ms.
 * @throws Failure E_ZONE, E_LABEL, E_USAGE, E_NO_ADDRESS (the user's mistakes), E_STATE (no enrol key here).
 */
export function planInvite(mesh: Mesh, options: InviteOptions, now: Millis): InvitePlan {
  const grant = readGrant(options, now)
  return { mesh, grant, via: readVia(options), enroller: enrollerFor(mesh, grant.zone) }
}

/** Signs an invite and packs it into a token. @throws Failure E_LABEL (too long), E_PASSPHRASE (the key is locked) */
export function signInvite(
  { mesh, grant, via, enroller }: InvitePlan,
  random?: RandomBytes,
): { token: string; invite: InviteDocument } {
  const secret = newSecret(random)
  const { enrolment } = mesh.root.signed
  const signed = inviteJson({ ...grant, mesh: mesh.id, key: publicKeyOf(secret), epoch: enrolment.epoch })
  const invite = inviteDocument(signed, enroller)
  const { hash, signed: root } = mesh.root
  const floor = { version: root.version, hash }
  const roots = grant.founding ? mesh.roots : []
  const floors = publisherFloors(mesh)
  return { token: encodeToken({ mesh: mesh.id, floor, floors, via, inviteSecret: secret, invite, roots }), invite }
}

/** An invite with a key that is not locked. @throws Failure as planInvite and signInvite */
export function makeInvite(
  mesh: Mesh,
  options: InviteOptions,
  now: Millis,
  random?: RandomBytes,
): { token: string; invite: InviteDocument } {
  return signInvite(planInvite(mesh, options, now), random)
}

function inviteDocument(signed: JsonObject, enroller: KeyFile): InviteDocument {
  const raw = encodeSigned(signed, [enroller])
  if (raw.length > limits.inviteBytes)
    throw new Failure(
      'E_LABEL',
      `These labels are too long together: an invite has at most ${limits.inviteBytes} bytes.`,
    )
  return inviteFromJson(jsonOf(raw))
}

function readGrant(options: InviteOptions, now: Millis): Grant {
  const { zone, capabilities = ['node'], seats = 1, cells = 1, founding = false, labels = {} } = options
  requireZone(zone, capabilities, cells)
  requireLabels(labels)
  requireCount('seats', seats, limits.inviteSeats)
  requireCount('cells', cells, limits.cells)
  if (founding && seats !== 1)
    throw new Failure('E_USAGE', 'An invite for the first node has one seat; make another invite for the other nodes.')
  const life = options.membershipLifetimeMs ?? limits.membershipLifetime
  return {
    ...{ zone, cells, labels, seats, founding },
    capabilities: [...new Set(capabilities)],
    expires: after(now, options.expiresInMs ?? limits.inviteLifetime, 'An invite'),
    membershipExpires: after(now, life, 'A membership'),
  }
}

function requireZone(zone: string, capabilities: readonly Capability[], cells: number): void {
  const wrong = zone.includes('~') ? '"~" is reserved for cells, which follow from --cells' : zoneProblem(zone)
  if (wrong !== undefined)
    throw new Failure('E_ZONE', `"${zone}" is not a zone: ${wrong}; write one like /uk/glasgow/lab3.`)
  if (capabilities.length === 0) throw new Failure('E_USAGE', 'An invite must grant a capability: node or operator.')
  if (zone === '/' && (capabilities.includes('node') || cells > 1))
    throw new Failure('E_ZONE', 'The zone "/" is for operators; give a node a zone like /uk/glasgow/lab3.')
}

function requireLabels(labels: Readonly<Record<string, string>>): void {
  const entries = Object.entries(labels)
  if (entries.length > limits.labels) throw new Failure('E_LABEL', `A node has at most ${limits.labels} labels.`)
  for (const [key, value] of entries) {
    const wrong = labelProblem(key, value)
    if (wrong !== undefined) throw new Failure('E_LABEL', `"${key}=${value}" is not a label: ${wrong}.`)
  }
}

function requireCount(what: string, count: number, most: number): void {
  if (!Number.isInteger(count) || count < 1 || count > most)
    throw new Failure('E_USAGE', `The number of ${what} must be a whole number from 1 to ${most}.`)
}

/** `now` plus a span, in whole seconds as documents hold it. */
function after(now: Millis, span: Millis, what: string): Millis {
  if (!(span >= SECOND && span <= limits.lifetimeMax))
    throw new Failure('E_USAGE', `${what} must last 1 second to ${limits.lifetimeMax / DAY} days.`)
  return dateValue(dateText(now + span)) as Millis
}

function readVia({ via = [], founding = false }: InviteOptions): readonly string[] {
  if (via.length === 0 && !founding)
    throw new Failure(
      'E_NO_ADDRESS',
      'An invite needs the address of a member to start from: add --via ADDR, or --first for the first node of the mesh.',
    )
  if (via.length > limits.tokenAddresses)
    throw new Failure('E_USAGE', `An invite names at most ${limits.tokenAddresses} addresses.`)
  for (const address of via) {
    const problem = memberAddressProblem(address)
    if (problem !== undefined) throw new Failure('E_USAGE', `--via: "${address}" ${problem}.`)
  }
  return [...new Set(via)]
}

/**
 * An enrol key that is in this folder and may enrol into `zone`, or any when that is not known.
 * @throws Failure E_STATE, E_ZONE
 */
export function enrollerFor(mesh: Mesh, zone: string | undefined): KeyFile {
  const { roles, enrolment } = mesh.root.signed
  const keys = meshKeys(mesh)
  const held = roles.enrol.keyIds.flatMap((keyId) => keys.get(keyId) ?? [])
  const fitting = held.find((key) => zone === undefined || within(zone, enrolment.zones.get(key.keyId) ?? '/'))
  if (fitting !== undefined) return fitting
  if (held.length === 0)
    throw new Failure(
      'E_STATE',
      `No enrol key of this mesh is in ${mesh.dir}/keys; copy it there, or do this where it is.`,
    )
  const zones = held.map((key) => enrolment.zones.get(key.keyId)).join(', ')
  throw new Failure('E_ZONE', `The enrol key here only reaches ${zones}; "${zone}" is not within it.`)
}
