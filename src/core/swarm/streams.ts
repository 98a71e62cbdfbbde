// Streams of pieces: one for each linked peer, opened by whoever wants something, and kept. Their number is bounded: when all
// places are taken, one over which nothing went for a time gives way, so that idle peers cannot keep others from their update.
import type { Env, Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Links } from '../links/links.ts'
import { relayOf } from '../links/paths.ts'
import type { Outbox } from '../outbox.ts'
import { Gone } from './gone.ts'
import { Peer } from './peers.ts'

interface Parts {
  env: Pick<Env, 'random'>
  out: Outbox
  links: Pick<Links, 'all' | 'get'>
}

export class Streams {
  readonly #parts: Parts
  readonly #peers = new Map<NodeId, Peer>()
  readonly #gone = new Gone()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get peers(): ReadonlyMap<NodeId, Peer> {
    return this.#peers
  }

  /** Streams that are open or being opened. */
  get count(): number {
    let count = 0
    for (const peer of this.#peers.values()) if (peer.stream !== 'none') count += 1
    return count
  }

  /** The peer at the other end of an open stream. */
  open(node: NodeId): Peer | undefined {
    const peer = this.#peers.get(node)
    return peer?.stream === 'open' ? peer : undefined
  }

  /** A peer that is linked or shows up with a stream. */
  meet(node: NodeId, now: Millis): Peer {
    const peer = this.#peers.get(node) ?? this.#gone.back(node, now) ?? new Peer(node, now)
    const link = this.#parts.links.get(node)
    peer.near = link?.route === 'lan'
    peer.relay = link?.route === 'relayed' ? relayOf(link.address) : undefined
    this.#peers.set(node, peer)
    return peer
  }

  /** A peer whose stream is gone: it stays while it is linked, for what we know of it. */
  part(peer: Peer, now: Millis): void {
    if (peer.stream === 'none' && this.#parts.links.get(peer.node) === undefined) this.forget(peer.node, now)
  }

  /** The link with a peer is gone. */
  forget(node: NodeId, now: Millis): void {
    const peer = this.#peers.get(node)
    if (peer !== undefined) this.#gone.add(peer, now)
    this.#peers.delete(node)
  }

  /** Opens streams with all linked peers that `may` have one and whose pause is over. */
  openAll(may: (node: NodeId) => boolean, now: Millis): void {
    let room = limits.pieceStreams - this.count
    for (const { peer: node } of this.#parts.links.all()) {
      if (room <= 0) return
      const peer = this.meet(node, now)
      if (peer.stream !== 'none' || now < peer.reopenAt || !may(node)) continue
      peer.opening(now)
      this.#parts.out.emit({ type: 'piecesOpen', peer: node })
      room -= 1
    }
  }

  /** Who gives way to one more stream: the one that was silent longest; undefined when none was for long. */
  idlest(isBusy: (peer: Peer) => boolean, now: Millis): Peer | undefined {
    let idlest: Peer | undefined
    for (const peer of this.#peers.values()) {
      if (peer.stream !== 'open' || now - peer.heard < limits.linkProven || isBusy(peer)) continue
      if (idlest === undefined || peer.heard < idlest.heard) idlest = peer
    }
    return idlest
  }

  /** Peers whose stream was asked for and never reported on. */
  overdue(now: Millis): Peer[] {
    return [...this.#peers.values()].filter((peer) => peer.stream === 'opening' && now >= openingEnd(peer))
  }

  /** When a stream may be opened, or was to be. @param wanted streams are to be opened */
  deadline(wanted: boolean, now: Millis): Millis | undefined {
    let at: Millis | undefined
    for (const peer of this.#peers.values()) {
      if (peer.stream === 'opening') at = Math.min(at ?? openingEnd(peer), openingEnd(peer))
      else if (wanted && peer.stream === 'none' && peer.reopenAt > now)
        at = Math.min(at ?? peer.reopenAt, peer.reopenAt)
    }
    return at
  }

  /** Lost, or not to be had; another may be opened after a pause. */
  closed(peer: Peer, now: Millis): void {
    peer.closed(now, this.#parts.env.random())
    this.part(peer, now)
  }
}

function openingEnd(peer: Peer): Millis {
  return peer.since + limits.dialForgotten
}
