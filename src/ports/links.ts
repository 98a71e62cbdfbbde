// Links: secured connections to members, each admitted by the gate before anything else can use it.
import type { NodeId } from '../core/env.ts'

export interface LinkEvents {
  connected(peer: NodeId, address: string, direction: 'inbound' | 'outbound'): void
  disconnected(peer: NodeId): void
  discovered(peer: NodeId, addresses: readonly string[]): void
  listening(addresses: readonly string[]): void
}

/** What a peer showed, and how the gate answers. */
export interface GateKeeper {
  /** The bytes we show: our credential, canonical JSON. */
  credential(): Uint8Array
  /** Judges what `remote` showed. `reply` goes to the peer either way; the link opens only when `admitted`. */
  judge(remote: NodeId, credential: Uint8Array): Promise<{ admitted: boolean; reply: Uint8Array }>
  /** What the peer answered to our credential. Returns whether it admitted us. */
  answered(remote: NodeId, reply: Uint8Array): boolean
}

export interface Links {
  /** Dials until one address works; resolves when a link is open. Rejects with the reason of the last failure. */
  dial(peer: NodeId, addresses: readonly string[], options: { signal: AbortSignal }): Promise<void>
  close(peer: NodeId): Promise<void>
  /** Bytes of TCP payload since start, all links together. */
  traffic(): { bytesIn: number; bytesOut: number }
}
