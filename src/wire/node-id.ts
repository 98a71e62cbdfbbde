// A node id: the libp2p PeerId of an Ed25519 key, which is the key itself behind a fixed prefix, in base58.
import { base58btc } from 'multiformats/bases/base58'
import { concat } from '../core/bytes.ts'
import type { NodeId } from '../core/env.ts'
import { limits } from '../core/limits.ts'
import { Recent } from './recent.ts'

/** Identity multihash of 36 bytes: protobuf {1: Ed25519, 2: 32 bytes}. */
const PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)
const KEY_BYTES = 32
const ID_LENGTH = 52

const known = new Recent<NodeId, Uint8Array | undefined>(limits.keyCache)

/** The 32-byte Ed25519 public key inside a node id, or undefined when it is not the id of an Ed25519 key. Never throws. */
export function nodeKey(node: NodeId): Uint8Array | undefined {
  if (node.length !== ID_LENGTH) return undefined
  return known.get(node, decodeKey)
}

/** The node id of a 32-byte Ed25519 public key. */
export function nodeIdOf(publicKey: Uint8Array): NodeId {
  if (publicKey.length !== KEY_BYTES) throw new Error(`an Ed25519 public key has 32 bytes, not ${publicKey.length}`)
  return base58btc.baseEncode(concat([PREFIX, publicKey]))
}

/** Base58 writes each sequence of bytes in one way only, so the prefix and the length are all there is to check. */
function decodeKey(node: NodeId): Uint8Array | undefined {
  try {
    const bytes = base58btc.baseDecode(node)
    const isKey = bytes.length === PREFIX.length + KEY_BYTES && PREFIX.every((byte, at) => bytes[at] === byte)
    return isKey ? bytes.slice(PREFIX.length) : undefined
  } catch {
    return undefined
  }
}
