// Messages of the directory, written by hand as its protobuf has them (clause DIRECTORY): so that a test can break them, and sees what
// any other implementation would send.
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { NodeId } from '../../src/core/env.ts'

export const KEY = 'ab'.repeat(32)
export const TELL = 2
export const ASK = 3

export interface Parts {
  type: number
  key?: Uint8Array
  record?: Uint8Array
  closer?: readonly Uint8Array[]
  providers?: readonly Uint8Array[]
}

export function message({ type, key, record, closer = [], providers = [] }: Parts): Uint8Array {
  const fields: Uint8Array[] = [Uint8Array.of(8, type)]
  if (key !== undefined) fields.push(field(2, key))
  if (record !== undefined) fields.push(field(3, record))
  for (const each of closer) fields.push(field(8, each))
  for (const each of providers) fields.push(field(9, each))
  return join(fields)
}

export function addProvider(key: string, node: NodeId, addresses: readonly string[]): Uint8Array {
  return message({ type: TELL, key: multihash(key), providers: [peerInfo(node, addresses)] })
}

export function peerInfo(node: NodeId, addresses: readonly (string | Uint8Array)[]): Uint8Array {
  const id = peerIdFromString(node).toMultihash().bytes
  const bytes = addresses.map((each) => (typeof each === 'string' ? multiaddr(each).bytes : each))
  return join([field(1, id), ...bytes.map((each) => field(2, each))])
}

export function multihash(key: string): Uint8Array {
  return Uint8Array.from([0x12, 0x20, ...Buffer.from(key, 'hex')])
}

/** How many providers an answer names. */
export function answerOf(bytes: Uint8Array): { providers: number } {
  let providers = 0
  for (let at = 0; at < bytes.length; ) {
    const [tag, afterTag] = varint(bytes, at)
    const [value, afterValue] = varint(bytes, afterTag)
    if (tag >> 3 === 9) providers += 1
    at = (tag & 7) === 2 ? afterValue + value : afterValue
  }
  return { providers }
}

function varint(bytes: Uint8Array, at: number): [number, number] {
  let [value, shift] = [0, 0]
  for (;;) {
    const byte = bytes[at++] ?? 0
    value += (byte & 127) * 2 ** shift
    shift += 7
    if (byte < 128) return [value, at]
  }
}

function field(number: number, bytes: Uint8Array): Uint8Array {
  const length: number[] = []
  for (let rest = bytes.length; ; rest >>= 7) {
    length.push((rest & 127) | (rest > 127 ? 128 : 0))
    if (rest <= 127) break
  }
  return join([Uint8Array.of((number << 3) | 2, ...length), bytes])
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}
