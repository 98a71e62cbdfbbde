// Links: secured connections to members, each admitted by the gate before anything else can use it.
import type { NodeId } from '../core/env.ts'
import type { RefusalCode } from '../core/events.ts'

export interface LinkEvents {
  connected(peer: NodeId, address: string, direction: 'inbound' | 'outbound'): void
  disconnected(peer: NodeId): void
  /** `mdns`: anybody on this LAN said so. `identify`: a linked member said so of itself. Addresses have no /p2p/ID. */
  discovered(peer: NodeId, addresses: readonly string[], source: 'mdns' | 'identify'): void
  listening(addresses: readonly string[]): void
}

/** What a peer showed, and how the gate answers. */
export interface GateKeeper {
  /** The bytes we show: our credential, canonical JSON. */
  credential(): Uint8Array
  /**
   * Judges what `remote` showed. `reply` goes to the peer either way; the link opens only when `admitted`.
   * `code` says why not, for the failure that dial rejects with.
   */
  judge(
    remote: NodeId,
    credential: Uint8Array,
  ): Promise<{ admitted: boolean; reply: Uint8Array; code?: RefusalCode | undefined }>
  /** What the peer answered to our credential. Returns whether it admitted us, or throws the Failure that says why not. */
  answered(remote: NodeId, reply: Uint8Array): boolean
}

export interface Links {
  /**
   * Dials until one address works, the nearest first; resolves when a link is open. Rejects with Failure E_REFUSED when
   * either side refused the other in the gate, E_NO_ADDRESS when no address is usable, else E_NO_MEMBER.
   */
  dial(peer: NodeId, addresses: readonly string[], options: { signal: AbortSignal }): Promise<void>
  /** Resolves when the link is closed. `dead`: nothing gets through any more, so the other side is not told. */
  close(peer: NodeId, options?: { dead: boolean }): Promise<void>
  /** Bytes of TCP payload since start, all links together. */
  traffic(): { bytesIn: number; bytesOut: number }
}
