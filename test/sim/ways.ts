// NATs, relays and holes: which machine can be dialled from where, what members see of each other's NAT, who relays for whom, and
// which holes can be punched. A zone is one LAN behind one router; public machines have a port of it to themselves.
import type { NodeId } from '../../src/core/env.ts'
import type { Effect } from '../../src/core/events.ts'
import { limits, SECOND } from '../../src/core/limits.ts'
import { type Route, relayOf } from '../../src/core/links/paths.ts'
import type { Network, Way } from './network.ts'
import type { Prng } from './prng.ts'
import type { EventQueue } from './queue.ts'
import type { Scenario } from './scenario.ts'
import type { SimNode } from './sim-node.ts'

/** What a member sees of us comes with identify, and the test of our addresses after it. */
const SEEN_AFTER = 30
const TESTED_AFTER = 500

interface Parts {
  scenario: Scenario
  queue: EventQueue
  network: Network
  prng: Prng
  machine: (index: number) => SimNode
  indexOf: (node: NodeId) => number
  at: (address: string) => number | undefined
}

export class Ways {
  readonly #p: Parts
  /** Zones whose router gives each connection another port. */
  readonly #random = new Map<string, boolean>()
  /** How often a zone's WAN address changed. */
  readonly #moves = new Map<string, number>()
  /** Who relays, and for whom. */
  readonly #offers = new Map<number, Set<number>>()

  constructor(parts: Parts) {
    this.#p = parts
  }

  /** False in scenarios that have no NATs. */
  get on(): boolean {
    return this.#p.scenario.paths.publics > 0
  }

  isPublic(index: number): boolean {
    return index < this.#p.scenario.paths.publics
  }

  /** By which way `from` reaches `to` at one of these addresses, the nearest first; undefined when by none. */
  find(from: number, to: number, addresses: readonly string[]): { address: string; way: Way } | undefined {
    const near = this.#zone(from) === this.#zone(to)
    const direct = addresses.find((address) => this.#p.at(address) === to)
    if (direct !== undefined && (near || this.isPublic(to))) {
      return { address: direct, way: { route: near ? 'lan' : 'direct', via: undefined } }
    }
    for (const address of addresses) {
      const via = this.#p.indexOf(relayOf(address) ?? '')
      if (this.#relays(via, from, to)) return { address, way: { route: 'relayed', via } }
    }
    return undefined
  }

  /** It is linked to a relay that would take it. */
  couldReserve(index: number): boolean {
    for (const [host, guests] of this.#offers) {
      const linked = this.#p.network.works(index, host) && this.#p.network.link(index, host)?.way.route !== 'relayed'
      if (linked && guests.size < this.#p.scenario.paths.budget) return true
    }
    return false
  }

  /** What the network knows of a machine that was just linked. */
  linked(index: number, peer: number, route: Route): void {
    const node = this.#p.machine(index)
    const run = node.run()
    const later = (delay: number, then: () => void) =>
      this.#p.queue.after(delay, () => {
        if (node.alive() && node.run() === run) then()
      })
    if (route === 'direct') {
      const address = this.#seenAs(index, peer)
      later(SEEN_AFTER, () => node.feed({ type: 'observed', peer: this.#p.machine(peer).node, address }))
    }
    if (this.isPublic(index)) {
      later(TESTED_AFTER, () => node.feed({ type: 'reachable', addresses: [node.id.address] }))
    }
  }

  stopped(index: number): void {
    this.#offers.delete(index)
  }

  unlinked(index: number, peer: number): void {
    this.#offers.get(index)?.delete(peer)
  }

  perform(index: number, effect: Extract<Effect, { type: 'offerRelay' | 'reserve' | 'release' | 'improve' }>): void {
    switch (effect.type) {
      case 'offerRelay':
        if (effect.on) this.#offers.set(index, new Set())
        else this.#offers.delete(index)
        return
      case 'release':
        this.#offers.get(this.#p.indexOf(effect.relay))?.delete(index)
        return
      case 'reserve':
        return this.#reserve(index, effect.relay)
      case 'improve':
        return this.#improve(index, effect)
    }
  }

  /** A provider gives the router of a zone another address: what went by the old one goes nowhere. */
  renumber(zone: string, inside: ReadonlySet<number>): void {
    this.#moves.set(zone, (this.#moves.get(zone) ?? 0) + 1)
    this.#p.network.estrange(inside)
  }

  #reserve(index: number, relay: NodeId): void {
    const { queue, network, scenario } = this.#p
    const node = this.#p.machine(index)
    const run = node.run()
    const host = this.#p.indexOf(relay)
    const link = network.link(index, host)
    queue.after(2 * network.delay(), () => {
      if (!node.alive() || node.run() !== run) return
      const lost =
        link === undefined || network.link(index, host) !== link || network.link(host, index) !== link || link.broken
      if (lost) return this.#unreserved(node, relay, 'lost')
      const guests = this.#offers.get(host)
      if (guests === undefined) return this.#unreserved(node, relay, 'refused')
      if (guests.size >= scenario.paths.budget && !guests.has(index)) return this.#unreserved(node, relay, 'full')
      guests.add(index)
      const { address } = this.#p.machine(host).id
      node.feed({ type: 'reserved', relay, addresses: [`${address}/p2p/${relay}/p2p-circuit`] })
    })
  }

  #unreserved(node: SimNode, relay: NodeId, why: 'full' | 'refused' | 'lost'): void {
    node.feed({ type: 'unreserved', relay, why, detail: `simulated: ${why}` })
  }

  #improve(index: number, effect: Extract<Effect, { type: 'improve' }>): void {
    const { queue, network, prng } = this.#p
    const peer = this.#p.indexOf(effect.peer)
    const node = this.#p.machine(index)
    const run = node.run()
    const found = effect.how === 'dial' ? this.find(index, peer, effect.addresses) : undefined
    const way = effect.how === 'dial' ? found?.way : this.#hole(index, peer)
    queue.after(way === undefined ? limits.punchWindow : prng.int(100, 2 * SECOND), () => {
      if (!node.alive() || node.run() !== run) return
      if (way !== undefined && network.passes(index, peer, way.via)) {
        network.move(index, peer, found?.address ?? this.#seenAs(peer, index), way)
        if (network.link(index, peer)?.way === way) return
      }
      node.feed({ type: 'improveFailed', peer: effect.peer, how: effect.how, reason: 'simulated' })
    })
  }

  #hole(a: number, b: number): Way | undefined {
    const { prng, scenario } = this.#p
    const open = [a, b].every((index) => !this.#isRandom(index)) && prng.chance(scenario.paths.punched)
    return open ? { route: 'punched', via: undefined } : undefined
  }

  /** A relay forwards to whom it took in, over links that both have with it or that the dialler makes now. */
  #relays(via: number, from: number, to: number): boolean {
    if (via < 0 || via === from || via === to || !this.#offers.get(via)?.has(to)) return false
    const link = this.#p.network.link(via, to)
    return link !== undefined && !link.broken && this.#p.network.passes(from, via, undefined)
  }

  #seenAs(index: number, by: number): string {
    if (this.isPublic(index)) return this.#p.machine(index).id.address
    const zone = this.#zone(index)
    const host = `80.${this.#moves.get(zone) ?? 0}.${[...zone].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 250, 7)}.1`
    return `/ip4/${host}/tcp/${10_000 + index + (this.#isRandom(index) ? 1_000 * (1 + by) : 0)}`
  }

  #isRandom(index: number): boolean {
    const zone = this.#zone(index)
    const known = this.#random.get(zone) ?? this.#p.prng.fork(zone).chance(this.#p.scenario.paths.random)
    this.#random.set(zone, known)
    return known && !this.isPublic(index)
  }

  #zone(index: number): string {
    return this.#p.machine(index).zone
  }
}
