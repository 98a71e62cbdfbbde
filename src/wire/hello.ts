// Hello (protocol clause HELLO): what two members tell each other when they meet and every minute after. Request and response alike.
import { toHex } from '../core/bytes.ts'
import { limits } from '../core/limits.ts'
import { NAT_KINDS } from '../core/links/paths.ts'
import type { Hello } from '../core/protocols.ts'
import type { VersionVector } from '../core/trust/announcement.ts'
import { BEACON_ROLE } from '../core/trust/beacon.ts'
import { CONTACT_BYTES, decodeContact, encodeContact, readAddresses, readZone, sendableAddresses } from './contact.ts'
import { INTEGER_MAX } from './fields.ts'
import { decodeHead, decodeVectorEntry, encodeHead, encodeVectorEntry } from './head.ts'
import { hexBytes, MessageReader, MessageWriter } from './protobuf.ts'

const HASH_BYTES = 32
const ORDER_BYTES = 24
const REACH_BYTES = 16
/** Everything of a hello but its contacts and the roles of its vector. */
const HELLO_FRAME = 1_536

/** Contacts that do not fit are left out, the last ones first: put the freshest first. Throws E_PROTOCOL when rootHash is no SHA-256. */
export function encodeHello(hello: Hello): Uint8Array {
  const entries = hello.vector.heads.slice(0, limits.delegatedRoles).map(encodeVectorEntry)
  const beacons = (hello.beacons ?? []).slice(0, limits.beaconKeys + 1).map(encodeHead)
  const message = new MessageWriter()
    .uint(1, hello.rootVersion)
    .bytes(2, hexBytes(hello.rootHash, HASH_BYTES, 'root hash'))
    .text(3, hello.zone)
    .bool(4, hello.serves)
    .texts(5, sendableAddresses(hello.addresses))
  let room = [...entries, ...beacons].reduce((left, bytes) => left - bytes.length - 4, limits.helloBytes - HELLO_FRAME)
  for (const contact of hello.contacts.slice(0, limits.helloContacts)) {
    const bytes = encodeContact(contact)
    room -= bytes.length + 4
    if (room < 0) break
    message.bytes(6, bytes)
  }
  if (hello.yours !== undefined) message.bytes(7, encodeOrder(hello.yours))
  const { targetsVersion, targetsHash } = hello.vector
  message.uint(8, targetsVersion)
  if (targetsHash !== undefined) message.bytes(9, hexBytes(targetsHash, HASH_BYTES, 'targets hash'))
  for (const bytes of entries) message.bytes(10, bytes)
  if (hello.statements !== undefined) message.bytes(11, hexBytes(hello.statements, HASH_BYTES, 'digest of statements'))
  for (const bytes of beacons) message.bytes(12, bytes)
  if (hello.reach !== undefined) message.bytes(13, encodeReach(hello.reach))
  return message.finish()
}

/** Throws E_PROTOCOL. */
export function decodeHello(bytes: Uint8Array): Hello {
  const reader = new MessageReader(bytes, 'a hello', limits.helloBytes)
  const rootVersion = reader.uint(1, 2 ** 31 - 1)
  const rootHash = toHex(reader.bytes(2, HASH_BYTES, HASH_BYTES))
  const zone = readZone(reader, 3) ?? reader.refuse('its zone is missing')
  const serves = reader.bool(4)
  const addresses = readAddresses(reader, 5)
  const contacts = reader.list(6, limits.helloContacts, 1, CONTACT_BYTES).map(decodeContact)
  const order = reader.optionalBytes(7, 0, ORDER_BYTES)
  const vector = readVector(reader)
  const digest = reader.optionalBytes(11, HASH_BYTES, HASH_BYTES)
  const beacons = readBeacons(reader)
  const reach = reader.optionalBytes(13, 0, REACH_BYTES)
  reader.end()
  const yours = order === undefined ? undefined : decodeOrder(order)
  const statements = digest === undefined ? undefined : toHex(digest)
  return {
    rootVersion,
    rootHash,
    zone,
    serves,
    addresses,
    contacts,
    yours,
    vector,
    statements,
    ...beacons,
    ...readReach(reach),
  }
}

/** Absent in the hello of a pimesh that knows no beacons, or holds none. */
function readBeacons(reader: MessageReader): Pick<Hello, 'beacons'> {
  const beacons = reader.list(12, limits.beaconKeys + 1, 1, limits.headBytes).map(decodeHead)
  if (beacons.some(({ role }) => role !== BEACON_ROLE)) reader.refuse('field 12 is not a beacon')
  return beacons.length === 0 ? {} : { beacons }
}

/** Absent in the hello of a pimesh that knows no publishers. */
function readVector(reader: MessageReader): VersionVector {
  const targetsVersion = reader.uint(8, INTEGER_MAX)
  const hash = reader.optionalBytes(9, HASH_BYTES, HASH_BYTES)
  if (targetsVersion > 0 !== (hash !== undefined)) reader.refuse('version and hash of its targets go together')
  const heads = reader.list(10, limits.delegatedRoles, 1, limits.headBytes).map(decodeVectorEntry)
  if (new Set(heads.map(({ role }) => role)).size !== heads.length) reader.refuse('it lists a role twice')
  return { targetsVersion, targetsHash: hash === undefined ? undefined : toHex(hash), heads }
}

type Reach = NonNullable<Hello['reach']>

function encodeReach({ relays, nat, reports = 0 }: Reach): Uint8Array {
  const kind = NAT_KINDS.indexOf(nat) + 1
  return new MessageWriter().bool(1, relays).uint(2, kind).uint(3, reports).finish()
}

/** Absent in the hello of a pimesh that knows no relays. A kind that this version does not know is unknown. */
function readReach(bytes: Uint8Array | undefined): Pick<Hello, 'reach'> {
  if (bytes === undefined) return {}
  const reader = new MessageReader(bytes, 'a hello', REACH_BYTES)
  const [relays, kind, reports] = [reader.bool(1), reader.uint(2), reader.uint(3, limits.zoneSegments + 1)]
  reader.end()
  return { reach: { relays, nat: NAT_KINDS[kind - 1] ?? 'unknown', ...(reports > 0 && { reports }) } }
}

type Order = NonNullable<Hello['yours']>

function encodeOrder({ incarnation, counter }: Order): Uint8Array {
  return new MessageWriter().uint(1, incarnation).uint(2, counter).finish()
}

function decodeOrder(bytes: Uint8Array): Order {
  const reader = new MessageReader(bytes, 'a hello', ORDER_BYTES)
  const order = { incarnation: reader.uint(1, limits.incarnationMax), counter: reader.uint(2) }
  reader.end()
  return order
}
