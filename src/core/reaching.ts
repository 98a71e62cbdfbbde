// Reaching: whom we meet and by which path, told to all machines that it concerns. A link that moves stays the link it was: what
// was asked over it is repeated by the mesh, pieces are asked for again over a new stream, and nobody is met anew.

import type { Conversations } from './conversations.ts'
import type { Millis, NodeId } from './env.ts'
import type { Input } from './events.ts'
import { limits } from './limits.ts'
import type { Link } from './links/links.ts'
import { type Path, relayOf } from './links/paths.ts'
import type { ReachInput } from './links/reach-inputs.ts'
import type { RoundTrip } from './links/watchdog.ts'
import type { Machines } from './machines.ts'

/** A link, for people. */
export interface LinkSnapshot extends Link {
  /** Who forwards it; undefined when nobody does. */
  via: NodeId | undefined
  /** Of the last pulse that was answered; undefined before the first answer. */
  roundTrip: RoundTrip | undefined
}

export class Reaching {
  readonly #m: Machines
  readonly #conversations: Conversations
  /** Who does not belong any more: the gate may have let one of them in just before, and the link opens only now. */
  readonly #struck = new Set<NodeId>()

  constructor(machines: Machines, conversations: Conversations) {
    this.#m = machines
    this.#conversations = conversations
  }

  connected({ peer, address, direction, route = 'direct' }: Extract<Input, { type: 'connected' }>, now: Millis): void {
    const zone = this.#m.roster.byNode(peer)?.claims.zone
    this.#m.statements.linked(peer)
    this.#m.links.opened({ peer, zone, address, direction, route, since: now }, now)
    this.#m.reach.opened(peer, { address, direction, route }, now)
    this.#m.book.touch(peer, now)
    this.#m.greetings.linked(peer, direction, now)
    this.#m.suspicion.linked(peer, now)
    this.#m.asking.linked(peer)
    this.#m.reporting.checks.linked(peer)
    this.#m.releases.linked(peer, now)
    this.#conversations.met(peer)
    if (zone === this.#m.self.zone && this.#m.self.isNode) {
      this.#m.heartbeat.hurry(now)
      this.#conversations.metMate(peer)
    }
    // Who was let in anew meanwhile, with another membership, is on the roster.
    if (this.#struck.has(peer) && this.#m.roster.byNode(peer) === undefined)
      this.#m.out.emit({ type: 'close', peer, reason: 'refused' })
  }

  /** These nodes do not belong any more. */
  struckOff(nodes: readonly NodeId[]): void {
    for (const node of nodes) this.#struck.add(node)
    for (const oldest of this.#struck) {
      if (this.#struck.size <= limits.memberships) return
      this.#struck.delete(oldest)
    }
  }

  disconnected(peer: NodeId, now: Millis): void {
    if (!this.#m.links.closed(peer, now)) return
    this.#m.reach.closed(peer, now)
    this.#m.suspicion.unlinked(peer, now)
    this.#m.greetings.unlinked(peer)
    this.#m.rivals.unlinked(peer, now)
    this.#m.asking.lost(peer, now)
    this.#m.releases.unlinked(peer, now)
    if (this.#m.self.isNode && this.#m.links.mates().length === 0) {
      this.#conversations.alone()
      this.#m.greetings.alone(now)
    }
  }

  discovered({ peer, addresses, source }: Extract<Input, { type: 'discovered' }>, now: Millis): void {
    if (this.#m.book.get(peer)?.source === 'itself' && this.#m.links.get(peer) !== undefined) return
    const contact = { node: peer, zone: this.#m.roster.byNode(peer)?.claims.zone, addresses, age: 0, serves: true }
    // Nobody has seen it there now: what members say of it later is newer, such as that it relays.
    if (source === 'bootstrap') this.#m.book.restored({ ...contact, age: limits.helloPeriod }, now)
    else this.#m.book.hearsay(contact, now, source === 'identify' ? peer : source)
    this.#m.links.soon(now)
    this.#m.reach.learnt(peer, {}, now)
  }

  links(): LinkSnapshot[] {
    const { links, reach } = this.#m
    return [...links.all()].map((link) => {
      return { ...link, via: relayOf(link.address), roundTrip: reach.watchdog.roundTrip(link.peer) }
    })
  }

  handle(input: ReachInput, now: Millis): void {
    const { reach } = this.#m
    switch (input.type) {
      case 'moved':
        return this.#moved(input.peer, input, now)
      case 'improveFailed':
        return reach.improving.failed(input.peer, input.how, now)
      case 'networkChanged':
        return reach.networkChanged(now)
      case 'observed':
        return reach.observed(input.peer, input.address, now)
      case 'reachable':
        return reach.reachable(input.addresses, now)
      case 'reserved':
        return reach.reserved(input.relay, input.addresses, now)
      case 'unreserved':
        return reach.unreserved(input.relay, input.why, input.detail, now)
      case 'pulsed':
        return this.#pulsed(input.peer, input.roundTrip, now)
      case 'pulseMissed':
        this.#m.suspicion.pulseMissed(input.peer, now)
        return reach.watchdog.missed(input.peer, now)
      case 'visited':
        return this.#m.links.visited(input.peer)
    }
  }

  /** Something came from a peer: a message of gossip, of pieces, a question or an answer. */
  heard(peer: NodeId, now: Millis): void {
    this.#m.greetings.heard(peer, now)
    this.#m.reach.watchdog.heard(peer, now)
    this.#m.suspicion.heard(peer, now)
  }

  #pulsed(peer: NodeId, roundTrip: Millis, now: Millis): void {
    this.#m.greetings.heard(peer, now)
    this.#m.reach.watchdog.pulsed(peer, roundTrip, now)
    this.#m.suspicion.heard(peer, now)
  }

  /** A link of which nobody told is one that opens. */
  #moved(peer: NodeId, { address, direction, route }: Path, now: Millis): void {
    const before = this.#m.links.get(peer)
    if (before === undefined) return this.connected({ type: 'connected', peer, address, direction, route }, now)
    const path = { address, direction, route }
    this.#m.links.moved(peer, path, now)
    this.#m.reach.moved(peer, path, now)
    this.#m.greetings.moved(peer, direction, now)
    this.#m.releases.moved(peer, now)
    this.#m.out.event({ type: 'moved', peer, from: before.route, to: route })
  }
}
