// Links: secured connections to members, each admitted by the gate before anything else can use it.
import type { Millis, NodeId } from '../core/env.ts'
import type { RefusalCode } from '../core/events.ts'
import type { Path } from '../core/links/paths.ts'

export interface LinkEvents {
  connected(peer: NodeId, path: Path): void
  /** The link goes on over another path. Questions under way are repeated by the adapter; streams of pieces end and are opened anew. */
  moved(peer: NodeId, path: Path): void
  disconnected(peer: NodeId): void
  /** `mdns`: anybody on this LAN said so. `identify`: a linked member said so of itself. Addresses have no /p2p/ID. */
  discovered(peer: NodeId, addresses: readonly string[], source: 'mdns' | 'identify'): void
  /** Where this node can be dialled without a relay, as far as it knows itself. */
  listening(addresses: readonly string[]): void
  /** Addresses of this machine came or went. */
  networkChanged(): void
  /** How `peer` sees us, over a link that was dialled from the port that all links to the outside share. */
  observed(peer: NodeId, address: string): void
  /** All addresses at which members could dial us from outside; replaces what was said before. */
  reachable(addresses: readonly string[]): void
  /** This node dialled the peer to ask the directory, and for nothing else: its link passes. */
  visited(peer: NodeId): void
  /** A reservation ended although the link with the relay is open. */
  unreserved(relay: NodeId, why: 'full' | 'refused' | 'lost', detail: string): void
}

/** What this node does for others as a relay. */
export interface Relaying {
  reservations: number
  circuits: number
  /** Bytes forwarded since start, both ways together. */
  bytes: number
  /** Reservations and circuits that were refused since start, because a budget was used up. */
  refused: number
}

/** What a peer showed, and how the gate answers. */
export interface GateKeeper {
  /** The bytes we show: our credential, canonical JSON. */
  credential(): Uint8Array
  /**
   * Judges what `remote` showed. `reply` goes to the peer either way; the link opens only when `admitted`.
   * `code` says why not, for the failure that dial rejects with. `replaces`: both ends agreed, over the link that they have,
   * to put this one in its place.
   */
  judge(
    remote: NodeId,
    credential: Uint8Array,
    options: { replaces: boolean },
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
  /**
   * Tries these addresses for a linked peer; resolves when the link has moved to one of them. Rejects like dial; the link is as it was.
   * `routed`: false leaves out private addresses of networks that this machine is not on.
   */
  improve(peer: NodeId, addresses: readonly string[], options: { signal: AbortSignal; routed?: boolean }): Promise<void>
  /** Opens a path through the NATs of both ends of a relayed link; resolves when the link has moved. Rejects with Failure E_NO_MEMBER. */
  punch(peer: NodeId, options: { signal: AbortSignal }): Promise<void>
  /**
   * Resolves with the addresses at which others reach us through this linked peer; kept up until released, lost or the link ends.
   * Rejects with Failure E_RELAY_FULL when its budget is used up, E_REFUSED when it does not relay, else E_NO_MEMBER.
   */
  reserve(relay: NodeId, options: { signal: AbortSignal }): Promise<readonly string[]>
  release(relay: NodeId): void
  /** Whether others may reserve here. */
  offerRelay(on: boolean): void
  relaying(): Relaying
  /** Milliseconds until the other end answered, or all that it had when other bytes came meanwhile; a few bytes each way. Rejects when nothing came in time. */
  pulse(peer: NodeId, options: { signal: AbortSignal }): Promise<Millis>
  /** Resolves when the link is closed. `dead`: nothing gets through any more, so the other side is not told. */
  close(peer: NodeId, options?: { dead: boolean }): Promise<void>
  /** Bytes of TCP payload since start, all links together. */
  traffic(): { bytesIn: number; bytesOut: number }
}
