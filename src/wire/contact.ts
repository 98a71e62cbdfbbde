// A contact: where a member can be found (protocol clause CONTACT). Part of a hello, and of the address book on disk.
import type { NodeId } from '../core/env.ts'
import { limits } from '../core/limits.ts'
import type { Contact } from '../core/protocols.ts'
import { zoneProblem } from '../core/zone.ts'
import { nodeKey } from './node-id.ts'
import { MessageReader, MessageWriter } from './protobuf.ts'

/** A node id in base58 and a zone with its cell, in bytes. */
export const NODE_ID_BYTES = 52
export const ZONE_BYTES = limits.zoneSegments * (limits.zoneSegmentLength + 1) + 4

/** Shape only: whether a transport can dial it is the mesh's to find out. */
const ADDRESS = /^(\/[!-.0-~]+)+$/

/** Node id, zone and addresses of one contact take at most this much; a page of them is bounded by helloBytes. */
export const CONTACT_BYTES = 64 + NODE_ID_BYTES + ZONE_BYTES + limits.addressesPerContact * (limits.addressLength + 3)

/** Addresses beyond the bounds are left out: they are hints, and others follow. */
export function encodeContact(contact: Contact): Uint8Array {
  return new MessageWriter()
    .text(1, contact.node)
    .text(2, contact.zone ?? '')
    .texts(3, sendableAddresses(contact.addresses))
    .millis(4, contact.age)
    .bool(5, contact.serves)
    .bool(6, contact.relays ?? false)
    .uint(7, contact.reports ?? 0)
    .finish()
}

/** Throws E_PROTOCOL. */
export function decodeContact(bytes: Uint8Array): Contact {
  const reader = new MessageReader(bytes, 'a contact', CONTACT_BYTES)
  const node = readNode(reader, 1)
  const zone = readZone(reader, 2)
  const addresses = readAddresses(reader, 3)
  const age = reader.uint(4)
  const serves = reader.bool(5)
  const relays = reader.bool(6)
  const reports = reader.uint(7, limits.zoneSegments + 1)
  reader.end()
  return { node, zone, addresses, age, serves, ...(relays && { relays }), ...(reports > 0 && { reports }) }
}

/** At most addressesPerContact, none longer than addressLength. */
export function sendableAddresses(addresses: readonly string[]): string[] {
  const short = addresses.filter((address) => address.length <= limits.addressLength && ADDRESS.test(address))
  return short.slice(0, limits.addressesPerContact)
}

export function readAddresses(reader: MessageReader, field: number): string[] {
  const addresses = reader.texts(field, limits.addressesPerContact, limits.addressLength)
  if (!addresses.every((address) => ADDRESS.test(address))) reader.refuse(`field ${field} is not a multiaddr`)
  return addresses
}

export function readNode(reader: MessageReader, field: number): NodeId {
  return readOptionalNode(reader, field) ?? reader.refuse(`field ${field} is missing`)
}

export function readOptionalNode(reader: MessageReader, field: number): NodeId | undefined {
  const node = reader.text(field, NODE_ID_BYTES)
  if (node === '') return undefined
  return nodeKey(node) === undefined ? reader.refuse(`field ${field} is not a node id`) : node
}

/** A zone, or undefined when absent. */
export function readZone(reader: MessageReader, field: number): string | undefined {
  const zone = reader.text(field, ZONE_BYTES)
  if (zone === '') return undefined
  const problem = zoneProblem(zone)
  return problem === undefined ? zone : reader.refuse(`field ${field} is not a zone: ${problem}`)
}
