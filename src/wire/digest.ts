// A digest as the body of an envelope (protocol clause DIGEST). It has a fixed size at most; what does not fit is left out in a fixed
// order, from what can be asked for elsewhere to what cannot, so that one reporter's digest is the same whoever encodes it.
import { toHex } from '../core/bytes.ts'
import type { Digest } from '../core/fleet/digest.ts'
import { type Figures, mostReleases, mostVersions } from '../core/fleet/figures.ts'
import { limits } from '../core/limits.ts'
import { parentOf } from '../core/zone.ts'
import { readZone } from './contact.ts'
import { decodeFigures, encodeFigures } from './figures.ts'
import { hexBytes, MessageReader, MessageWriter } from './protobuf.ts'
import { decodeShortContact, encodeShortContact, SHORT_CONTACT_BYTES } from './short-contact.ts'

const COMMITMENT_BYTES = 16
/** Everything of an envelope but its body. */
const ENVELOPE_FRAME = 112
const DAY_MAX = 2 ** 31 - 1

type Cut = (digest: Digest) => Digest

const figures =
  (cut: (figures: Figures) => Partial<Figures>): Cut =>
  (digest) => ({ ...digest, figures: { ...digest.figures, ...cut(digest.figures) } })
const darkNames = (most: number) => figures(({ darkZones }) => ({ darkZones: darkZones.slice(0, most) }))
const worstNodes = (most: number) => figures(({ worst }) => ({ worst: worst.slice(0, most) }))
const releases = (most: number) => figures((all) => mostReleases(all.releases, all.otherReleases, most))
const versions = (most: number) => figures((all) => mostVersions(all.versions, all.otherVersions, most))
const contacts =
  (most: number, addresses: number): Cut =>
  (digest) => {
    const kept = digest.contacts.slice(0, most)
    return { ...digest, contacts: kept.map((one) => ({ ...one, addresses: one.addresses.slice(0, addresses) })) }
  }
const sketches = (most: number) =>
  figures((all) => ({ sketches: all.sketches.map((one, at) => (at < most ? one : [])) }))

/** What gives way, in order. */
const CUTS: readonly Cut[] = [
  darkNames(8),
  contacts(2, 1),
  worstNodes(3),
  darkNames(3),
  versions(2),
  releases(4),
  worstNodes(1),
  darkNames(0),
  releases(1),
  contacts(1, 1),
  worstNodes(0),
  contacts(0, 0),
  ...[6, 4, 2, 0].map(sketches),
]

/** The body of at most limits.digestBytes with its envelope. Throws E_PROTOCOL when a number is none that can be sent. */
export function encodeDigest(digest: Digest): Uint8Array {
  let cut = digest
  let bytes = encodeWhole(cut)
  for (const next of CUTS) {
    if (bytes.length <= limits.digestBytes - ENVELOPE_FRAME) break
    cut = next(cut)
    bytes = encodeWhole(cut)
  }
  return bytes
}

/** Throws E_PROTOCOL. */
export function decodeDigest(body: Uint8Array): Digest {
  const reader = new MessageReader(body, 'a digest', limits.digestBytes)
  const zone = readZone(reader, 1) ?? reader.refuse('its zone is missing')
  if (parentOf(zone) === undefined) reader.refuse('nobody reports for the whole fleet')
  const leaf = reader.bool(2)
  const incarnation = reader.uint(3, limits.incarnationMax)
  const counter = reader.uint(4)
  const day = reader.uint(5, DAY_MAX)
  const promise = reader.uint(6, limits.digestPeriodMax)
  const age = reader.uint(7, limits.digestAge)
  const figures = decodeFigures(reader.bytes(8, 0, limits.digestBytes), zone, 'a digest', limits.digestBytes)
  const commitment = toHex(reader.bytes(9, COMMITMENT_BYTES, COMMITMENT_BYTES))
  const contacts = reader.list(10, limits.digestContacts, 1, SHORT_CONTACT_BYTES).map(decodeShortContact)
  reader.end()
  if (incarnation === 0 || counter === 0 || promise === 0) reader.refuse('its order or its promise is missing')
  const { up, late, down, left } = figures.counts
  if (leaf && (figures.zones !== 1 || figures.dark > 0)) reader.refuse('a leaf zone is one zone')
  if (leaf && age > 0) reader.refuse('a leaf zone is as old as its digest')
  if (leaf && up + late + down + left > limits.viewNodes) reader.refuse('it counts more nodes than a leaf zone holds')
  return { zone, leaf, incarnation, counter, day, promise, age, figures, commitment, contacts }
}

function encodeWhole(digest: Digest): Uint8Array {
  const message = new MessageWriter()
    .text(1, digest.zone)
    .bool(2, digest.leaf)
    .uint(3, digest.incarnation)
    .uint(4, digest.counter)
    .uint(5, digest.day)
    .millis(6, digest.promise)
    .millis(7, digest.age)
    .bytes(8, encodeFigures(digest.figures, digest.zone))
    .bytes(9, hexBytes(digest.commitment, COMMITMENT_BYTES, 'commitment'))
  for (const contact of digest.contacts) message.bytes(10, encodeShortContact(contact))
  return message.finish()
}
