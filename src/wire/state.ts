// What survives a crash: changes of core as keys and values of the store, and back (protocol clause STATE).
// A value that does not parse costs only itself: all can be learnt again from the mesh, but the incarnation and the floors (T08).
import { utf8 } from '../core/bytes.ts'
import type { Millis, NodeId } from '../core/env.ts'
import type { Change } from '../core/events.ts'
import { Failure } from '../core/failure.ts'
import type { HealthRecord } from '../core/fleet/record.ts'
import type { Envelope, Status } from '../core/fleet/rows.ts'
import type { SavedZone } from '../core/fleet/summary.ts'
import type { SavedBlock } from '../core/history/node-history.ts'
import { limits } from '../core/limits.ts'
import type { SavedArtifacts, SavedPublishers } from '../core/machines.ts'
import type { Contact } from '../core/protocols.ts'
import type { InstallEntry } from '../core/rollout/states.ts'
import type { Usage } from '../core/swarm/month.ts'
import type { PathFloor, RoleFloor } from '../core/trust/announcement.ts'
import type { AuditEntry } from '../core/trust/audit.ts'
import type { BeaconFloor } from '../core/trust/beacon.ts'
import type { Membership, RootDocument } from '../core/trust/documents.ts'
import { TOMBSTONE } from '../core/trust/rotations.ts'
import type { StatementDocument } from '../core/trust/statement.ts'
import { zoneProblem } from '../core/zone.ts'
import type { Store, StoreWrite } from '../ports/store.ts'
import { parseAnnouncement } from './announcement.ts'
import { auditName, decodeAuditEntry, encodeAuditEntry } from './audit.ts'
import { parseBeacon } from './beacon.ts'
import { decodeCached, encodeCached } from './cached.ts'
import { CONTACT_BYTES, decodeContact, encodeContact } from './contact.ts'
import { decodeDialledBack, encodeDialledBack } from './dialback.ts'
import { decodeEnvelope, RECORD_KIND } from './envelope.ts'
import { INTEGER_MAX, isHex } from './fields.ts'
import { decodeSavedBlock, encodeSavedBlock, historyName } from './history.ts'
import { decodeInstallEntry, encodeInstallEntry } from './journal.ts'
import { parseMembership } from './membership.ts'
import { nodeKey } from './node-id.ts'
import { MessageReader, MessageWriter } from './protobuf.ts'
import { decodeRecord } from './record.ts'
import { pathProblem } from './release.ts'
import { parseRoot } from './root.ts'
import { sha256Hex } from './signed.ts'
import { forgottenKey, isForgotten, pathFloorKey, zoneKey } from './state-keys.ts'
import { parseStatement } from './statement.ts'
import { readStatus, statusNumber } from './status.ts'
import { parseTargets, roleNameProblem } from './targets.ts'

/** The format of the keys and values below, and the first pimesh that reads it. Goes up when an older pimesh would misread them. */
export const STATE_FORMAT = { number: 1, since: '0.1.0' } as const

export interface SavedContact {
  contact: Contact
  /** Wall time when it was written. */
  wall: Millis
}

export interface SavedRow {
  node: NodeId
  envelope: Envelope
  record: HealthRecord
  status: Status
  heardWall: Millis
}

export interface SavedState {
  /** 0 when the node has never run. */
  incarnation: number
  /** In order of version. */
  roots: RootDocument[]
  /** Wall time in ms; 0 when none was written. */
  timeBound: Millis
  /** Where members could dial this node from outside; empty where they could not. */
  reachable: string[]
  memberships: Membership[]
  contacts: SavedContact[]
  rows: SavedRow[]
  zones: SavedZone[]
  publishers: SavedPublishers
  artifacts: SavedArtifacts
  installs: InstallEntry[]
  statements: StatementDocument[]
  audit: AuditEntry[]
  history: SavedBlock[]
  /** What pieces took of the month's budget. */
  usage: Usage | undefined
  /** Keys whose values do not parse; what they held is missing above. */
  damaged: string[]
}

/** The writes for changes, in their order. The format is part of every batch, so no store is without it. */
export function changesToWrites(changes: readonly Change[]): StoreWrite[] {
  if (changes.length === 0) return []
  const format = { key: 'format', value: utf8(`${STATE_FORMAT.number} ${STATE_FORMAT.since}`) }
  return [format, ...changes.map(changeToWrite)]
}

function changeToWrite(change: Change): StoreWrite {
  if (isForgotten(change)) return { key: forgottenKey(change), value: undefined }
  switch (change.type) {
    case 'incarnation':
      return { key: 'incarnation', value: utf8(String(change.incarnation)) }
    case 'root':
      return { key: rootKey(change.root), value: change.root.raw }
    case 'timeBound':
      return { key: 'timeBound', value: utf8(String(change.time)) }
    case 'beacon':
      return { key: 'beacon/newest', value: change.beacon.raw }
    case 'beaconFloor':
      return { key: 'beaconFloor', value: utf8(`${change.floor.counter} ${change.floor.role}`) }
    case 'reachable':
      return {
        key: 'reachable',
        value: change.addresses.length === 0 ? undefined : encodeDialledBack(change.addresses),
      }
    case 'membership':
      return { key: `membership/${change.membership.id}`, value: change.membership.raw }
    case 'statement':
      return { key: `statement/${change.statement.signed.enroller}`, value: change.statement.raw }
    case 'contact':
      return { key: `contact/${change.contact.node}`, value: encodeSavedContact(change) }
    case 'row':
      return { key: `row/${change.node}`, value: encodeSavedRow(change) }
    case 'zone':
      return { key: zoneKey(change), value: encodeZone(change) }
    case 'targets':
      return { key: 'targets/newest', value: change.targets.raw }
    case 'targetsFloor':
      return { key: 'targetsFloor', value: utf8(targetsFloorText(change)) }
    case 'announcement':
      return { key: `announcement/${change.side}/${change.announcement.signed.role}`, value: change.announcement.raw }
    case 'roleFloor':
      return { key: `roleFloor/${change.floor.role}`, value: utf8(roleFloorText(change.floor)) }
    case 'pathFloor':
      return pathFloorWrite(change.floor)
    case 'pieceList':
      return { key: `pieceList/${change.hash}`, value: change.list }
    case 'holding':
      return { key: `holding/${change.encoding}`, value: change.bits }
    case 'usage':
      return { key: 'usage', value: encodeUsage(change.usage) }
    case 'cached':
      return { key: `cached/${change.cached.encoding.hash}`, value: encodeCached(change.cached) }
    case 'install':
      return { key: `install/${change.entry.path}`, value: encodeInstallEntry(change.entry) }
    case 'history': {
      const { node, tier, block } = change.saved
      return {
        key: `history/${historyName(node, tier, block.run, block.first)}`,
        value: encodeSavedBlock(change.saved),
      }
    }
    case 'audit':
      return { key: `audit/${auditName(change.entry)}`, value: encodeAuditEntry(change.entry) }
  }
}

function pathFloorWrite(floor: PathFloor): StoreWrite {
  return { key: pathFloorKey(floor), value: utf8(`${floor.epoch} ${floor.counter} ${floor.artifact}`) }
}

type Read = <T>(prefix: string, parse: (value: Uint8Array, name: string) => T) => Promise<T[]>

/**
 * Everything that was saved. Throws E_STATE when a newer pimesh wrote it, or when the incarnation or a floor is damaged: guessing
 * one could make this node's records older than those it sent before, or let an old release in.
 */
export async function readState(store: Pick<Store, 'get' | 'entries'>): Promise<SavedState> {
  checkFormat(await store.get('format'))
  const damaged: string[] = []
  const read: Read = async (prefix, parse) => {
    const values: ReturnType<typeof parse>[] = []
    for (const { key, value } of await store.entries(prefix)) {
      const parsed = attempt(() => parse(value, key.slice(prefix.length)))
      if (parsed === undefined) damaged.push(key)
      else values.push(parsed)
    }
    return values
  }
  const roots = await read('root/', (value) => parseRoot(value))
  return {
    incarnation: parseIncarnation(await store.get('incarnation')),
    roots: roots.sort((a, b) => a.signed.version - b.signed.version),
    timeBound: parseTimeBound(await store.get('timeBound')),
    reachable: (await read('reachable', decodeDialledBack)).flat(),
    memberships: await read('membership/', (value, id) => same(parseMembership(value), (it) => it.id, id)),
    contacts: await read('contact/', (value, node) => same(decodeSavedContact(value), (it) => it.contact.node, node)),
    rows: await read('row/', decodeSavedRow),
    zones: await read('zone/', decodeZone),
    publishers: await readPublishers(read, store),
    artifacts: await readArtifacts(read),
    installs: await read('install/', decodeInstallEntry),
    statements: await read('statement/', (value, enroller) =>
      same(parseStatement(value), ({ signed }) => signed.enroller, enroller),
    ),
    audit: await read('audit/', decodeAuditEntry),
    history: await read('history/', decodeSavedBlock),
    usage: (await read('usage', decodeUsage))[0],
    damaged,
  }
}

async function readPublishers(read: Read, store: Pick<Store, 'get' | 'entries'>): Promise<SavedPublishers> {
  const [targets] = await read('targets/', (value) => parseTargets(value))
  const side = (side: 'held' | 'rival') =>
    read(`announcement/${side}/`, (value, role) => ({
      side,
      announcement: same(parseAnnouncement(value), (it) => it.signed.role, role),
    }))
  const floors = async <T>(prefix: string, parse: (value: string, name: string) => T | undefined): Promise<T[]> =>
    (await store.entries(prefix)).map(
      ({ key, value }) => parse(text(value), key.slice(prefix.length)) ?? damagedForGood(key),
    )
  return {
    targets,
    ...parseTargetsFloor(await store.get('targetsFloor')),
    announcements: [...(await side('held')), ...(await side('rival'))],
    roleFloors: await floors('roleFloor/', parseRoleFloor),
    pathFloors: await floors('pathFloor/', parsePathFloor),
    ...(await readBeacons(read, store)),
  }
}

async function readBeacons(
  read: Read,
  store: Pick<Store, 'get'>,
): Promise<Pick<SavedPublishers, 'beacon' | 'beaconFloor'>> {
  const [beacon] = await read('beacon/', (value) => parseBeacon(value))
  const beaconFloor = parseBeaconFloor(await store.get('beaconFloor'))
  return { ...(beacon && { beacon }), ...(beaconFloor && { beaconFloor }) }
}

function parseBeaconFloor(value: Uint8Array | undefined): BeaconFloor | undefined {
  if (value === undefined) return undefined
  const [, counter, role] = /^([1-9]\d{0,9}) ([0-9a-f]{64})$/.exec(text(value)) ?? []
  if (role === undefined || Number(counter) > INTEGER_MAX) return damagedForGood('beaconFloor')
  return { counter: Number(counter), role }
}

/** The rotation is only there when there is one: `2.1 7`. */
function roleFloorText({ epoch, rotation = 0, version }: RoleFloor): string {
  return rotation === 0 ? `${epoch} ${version}` : `${epoch}.${rotation} ${version}`
}

function parseRoleFloor(value: string, role: string): RoleFloor | undefined {
  const [whole, ...groups] = /^([1-9]\d{0,9})(?:\.([1-9]\d{0,2}))? ([1-9]\d{0,9})$/.exec(value) ?? []
  const [epoch = 0, rotation = 0, version = 0] = groups.map((digits) => Number(digits ?? 0))
  if (whole === undefined || Math.max(epoch, version) > INTEGER_MAX || rotation > TOMBSTONE) return undefined
  if (roleNameProblem(role) !== undefined) return undefined
  return { role, epoch, ...(rotation === 0 ? {} : { rotation }), version }
}

function parsePathFloor(value: string, name: string): PathFloor | undefined {
  const [, epoch, counter, artifact] = /^([1-9]\d{0,9}) ([1-9]\d{0,9}) ([0-9a-f]{64})$/.exec(value) ?? []
  if (artifact === undefined || Math.max(Number(epoch), Number(counter)) > INTEGER_MAX) return undefined
  const [, role = '', path = ''] = /^([^/]*)[/](.*)$/.exec(name) ?? []
  if (roleNameProblem(role) !== undefined || pathProblem(path) !== undefined) return undefined
  return { role, path, epoch: Number(epoch), counter: Number(counter), artifact }
}

/** The epoch is only there when it is not the first. */
function targetsFloorText({ epoch = 1, version }: { epoch?: number; version: number }): string {
  return epoch === 1 ? String(version) : `${epoch} ${version}`
}

function parseTargetsFloor(value: Uint8Array | undefined): Pick<SavedPublishers, 'targetsFloor' | 'targetsFloorEpoch'> {
  if (value === undefined) return { targetsFloor: 0 }
  const [whole, epoch, version] = /^(?:([1-9]\d{0,9}) )?([1-9]\d{0,9})$/.exec(text(value)) ?? []
  if (whole === undefined || epoch === '1' || Math.max(Number(epoch ?? 1), Number(version)) > INTEGER_MAX)
    return damagedForGood('targetsFloor')
  return { targetsFloor: Number(version), ...(epoch === undefined ? {} : { targetsFloorEpoch: Number(epoch) }) }
}

async function readArtifacts(read: Read): Promise<SavedArtifacts> {
  return {
    pieceLists: await read('pieceList/', (list, hash) => ({ hash: same(sha256Hex(list), (it) => it, hash), list })),
    holdings: await read('holding/', (bits, encoding) => {
      if (isHex(encoding, 32) && bits.length > 0 && bits.length <= limits.pieces / 8) return { encoding, bits }
      throw new Failure('E_STATE', `"${encoding}" holds no pieces`)
    }),
    cached: await read('cached/', decodeCached),
  }
}

function encodeZone({ heardWall }: Pick<SavedZone, 'heardWall'>): Uint8Array {
  return new MessageWriter().millis(1, heardWall).finish()
}

function decodeZone(value: Uint8Array, name: string): SavedZone {
  const reader = new MessageReader(value, 'a known zone', 32)
  const heardWall = reader.uint(1)
  reader.end()
  const [, kind, zone = ''] = /^(leaf|inner)([/].*)$/.exec(name) ?? []
  if (kind === undefined || zoneProblem(zone) !== undefined) return reader.refuse('it names none')
  return { zone, leaf: kind === 'leaf', heardWall }
}

function encodeUsage({ month, up, down, elapsed }: Usage): Uint8Array {
  return new MessageWriter().uint(1, month).uint(2, up).uint(3, down).millis(4, elapsed).finish()
}

/** A damaged one is none: the month begins anew, as it does on a new card. */
function decodeUsage(value: Uint8Array): Usage {
  const reader = new MessageReader(value, 'the usage of a month', 64)
  const usage = { month: reader.uint(1), up: reader.uint(2), down: reader.uint(3), elapsed: reader.uint(4) }
  reader.end()
  return usage
}

function checkFormat(value: Uint8Array | undefined): void {
  if (value === undefined) return
  const [, format, since] = /^(\d{1,9}) (\d+[.]\d+[.]\d+)$/.exec(text(value)) ?? []
  if (format === undefined)
    throw new Failure('E_STATE', 'the state in the data folder is damaged: key "format" does not parse')
  if (Number(format) > STATE_FORMAT.number)
    throw new Failure(
      'E_STATE',
      `the state in the data folder has format ${format} and this pimesh reads up to ${STATE_FORMAT.number}: install pimesh ${since} or newer`,
    )
}

function parseIncarnation(value: Uint8Array | undefined): number {
  if (value === undefined) return 0
  const [digits] = /^[1-9]\d{0,9}$/.exec(text(value)) ?? []
  if (digits !== undefined && Number(digits) <= limits.incarnationMax) return Number(digits)
  return damagedForGood('incarnation')
}

function parseTimeBound(value: Uint8Array | undefined): Millis {
  if (value === undefined) return 0
  const [digits] = /^(0|[1-9]\d{0,15})$/.exec(text(value)) ?? []
  return digits === undefined ? damagedForGood('timeBound') : Number(digits)
}

function damagedForGood(key: string): never {
  throw new Failure(
    'E_STATE',
    `the state in the data folder is damaged: key "${key}" does not parse; leave the mesh with this folder and join again with a new token`,
  )
}

const rootKey = (root: RootDocument): string => `root/${String(root.signed.version).padStart(10, '0')}`

function encodeSavedContact({ contact, wall }: SavedContact): Uint8Array {
  return new MessageWriter().bytes(1, encodeContact(contact)).millis(2, wall).finish()
}

function decodeSavedContact(value: Uint8Array): SavedContact {
  const reader = new MessageReader(value, 'a saved contact', CONTACT_BYTES + 16)
  const saved = { contact: decodeContact(reader.bytes(1, 1, CONTACT_BYTES)), wall: reader.uint(2) }
  reader.end()
  return saved
}

function encodeSavedRow(row: Omit<SavedRow, 'record'>): Uint8Array {
  return new MessageWriter()
    .bytes(1, row.envelope.raw)
    .uint(2, statusNumber(row.status))
    .millis(3, row.heardWall)
    .finish()
}

function decodeSavedRow(value: Uint8Array, node: string): SavedRow {
  const reader = new MessageReader(value, 'a saved row', limits.recordBytes + 32)
  const envelope = decodeEnvelope(reader.bytes(1, 1, limits.recordBytes))
  const [status, heardWall] = [readStatus(reader, 2), reader.uint(3)]
  reader.end()
  if (envelope.kind !== RECORD_KIND || nodeKey(node) === undefined) reader.refuse('it holds no record of a node')
  return { node, envelope, record: decodeRecord(envelope.body), status, heardWall }
}

/** `value` when it belongs under this name; a value under another's key is damage too. */
function same<T>(value: T, nameOf: (value: T) => string, name: string): T {
  if (nameOf(value) === name) return value
  throw new Failure('E_STATE', `"${name}" holds the value of "${nameOf(value)}"`)
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes.subarray(0, 96))
