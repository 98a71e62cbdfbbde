// Pieces: one long-lived stream of messages with each linked member that has something to do with us in a swarm.
import type { NodeId } from '../core/env.ts'

export interface PieceEvents {
  /** There is a stream with this peer, whoever opened it. */
  opened(peer: NodeId): void
  /**
   * A message, in order. The next one of this peer is read when the promise has settled, and may then overwrite `bytes`.
   * Must not reject.
   */
  message(peer: NodeId, bytes: Uint8Array): Promise<void>
  /** The stream is gone, also when open() failed. */
  closed(peer: NodeId): void
}

export interface Pieces {
  /** Set once, before anything is linked. */
  onEvents(events: PieceEvents): Promise<void>
  /** Opens a stream with a linked peer unless there is one; its outcome is an event. */
  open(peer: NodeId): void
  /**
   * The longest message that is read from this peer from now on, in bytes; a longer one closes the stream before it is
   * buffered. Until it is called: limits.pieceControlBytes.
   */
  expect(peer: NodeId, maxBytes: number): void
  /** Resolves when the stream took the bytes and has room for more; rejects when there is no stream or it closes. */
  send(peer: NodeId, bytes: Uint8Array): Promise<void>
  close(peer: NodeId): void
}
