// What core needs from outside: injected, synchronous, and without effects that anyone can see.
import type { Subject } from './rollout/subject.ts'

/** A moment or a span in milliseconds. `now` is monotonic and orders everything; wall time is only ever a label or evidence of expiry. */
export type Millis = number

/** A node's libp2p PeerId in base58 (Ed25519, `12D3KooW...`). */
export type NodeId = string

/** 16 bytes of the SHA-256 of a membership's canonical `signed` part, in hex (32 characters). */
export type MembershipId = string

export interface Env {
  /** SHA-256, 32 bytes. */
  sha256(bytes: Uint8Array): Uint8Array
  /** Ed25519 on the hot path (records, memberships). Must answer false, never throw, on malformed keys and signatures. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /** Strict RFC 8032 Ed25519 for documents on whose acceptance all nodes must agree (roots, roles). Never throws. */
  verifyStrict(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /** The Ed25519 public key inside a node id, or undefined when it is not an Ed25519 PeerId. */
  nodeKey(node: NodeId): Uint8Array | undefined
  /** True when the CEL expression holds for the subject. False, never an exception, when it does not parse, fails or is no truth value. */
  matches(selector: string, subject: Subject): boolean
  /** A uniformly random number in [0, 1). */
  random(): number
}
