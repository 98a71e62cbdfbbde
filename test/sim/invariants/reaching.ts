// I20 to I23, and that all zones can exchange again within a bound after each fault: looked at once a virtual second in scenarios with
// NATs, and at every effect and input that concerns a path.
import type { Millis } from '../../../src/core/env.ts'
import type { Effect, Input } from '../../../src/core/events.ts'
import { limits, MINUTE, SECOND } from '../../../src/core/limits.ts'
import { ROUTES } from '../../../src/core/links/paths.ts'
import type { Network } from '../network.ts'
import type { SimNode } from '../sim-node.ts'
import type { Ways } from '../ways.ts'

/** A node that is linked to a relay which would take it has asked by then: a hello, the grace of who sees no NAT, a look. */
const ASKED: Millis = limits.reserveGrace + 2 * limits.linkCheckPeriod + 2 * limits.dialForgotten
/** From the end of a fault until all zones can exchange: a dial that fails, two turns of who seeks, a gate, a suspicion and a reservation. */
export const REJOINED: Millis =
  limits.dialTimeout +
  2.5 * limits.seekShare * limits.seekPeriod +
  limits.gateTimeout +
  limits.pulsePeriod +
  3 * limits.pulseTimeout
/** A second of the node's own clock, and that of the look. */
const SLACK: Millis = SECOND

interface Parts {
  now: () => Millis
  network: Network
  ways: Ways
  report: (invariant: string, node: number, detail: string) => void
}

export class Reaching {
  readonly #p: Parts
  readonly #nodes: SimNode[] = []
  /** When a fault last began or ended. */
  #disturbed: Millis = 0
  #cuts = 0
  /** Since when a node could have a relay and had none. */
  readonly #bare = new Map<number, Millis>()
  /** When a node tried to improve a link, by both ends. */
  readonly #tries = new Map<string, Millis[]>()
  /** The longest that zones were apart after a fault. */
  slowest: Millis = 0

  constructor(parts: Parts) {
    this.#p = parts
  }

  add(node: SimNode): void {
    this.#nodes.push(node)
  }

  /** Something broke, or was mended. @param cuts by how many more uplinks are cut now: nothing can be expected meanwhile */
  disturbed(cuts = 0): void {
    this.#cuts += cuts
    this.#disturbed = this.#p.now()
  }

  before(node: SimNode, input: Input): void {
    if (input.type !== 'moved') return
    const before = node.core?.snapshot().links.find(({ peer }) => peer === input.peer)
    const better = before === undefined || ROUTES.indexOf(input.route) < ROUTES.indexOf(before.route)
    if (!better) this.#p.report('I22', node.id.index, `its link moved from ${before?.route} to ${input.route}`)
  }

  effect(node: SimNode, effect: Effect): void {
    if (effect.type !== 'improve') return
    const key = `${node.id.index} ${effect.peer} ${effect.how}`
    const recent = (this.#tries.get(key) ?? []).filter((at) => at > this.#p.now() - MINUTE)
    this.#tries.set(key, [...recent, this.#p.now()])
    // A change of the own NAT and one of the peer may each give a fresh start.
    const most = 3 * limits.improveTries
    if (recent.length >= most)
      this.#p.report('I23', node.id.index, `it tried a better path ${most + 1} times in a minute`)
  }

  tick(): void {
    for (const node of this.#nodes) if (node.alive()) this.#look(node)
    this.#together()
  }

  #look(node: SimNode): void {
    const { core, id } = node
    if (core === undefined) return
    const { links, reach } = core.snapshot()
    const deadline = core.deadline()
    const late = (deadline ?? Number.POSITIVE_INFINITY) - node.now() > 1.25 * limits.linkCheckPeriod
    if (late && links.every(({ route }) => route === 'lan')) {
      this.#p.report('I21', id.index, 'it has no link to the outside and does nothing about it')
    }
    const tried = reach.reservations.length + reach.waiting.length > 0
    const could = !this.#p.ways.isPublic(id.index) && this.#p.ways.couldReserve(id.index)
    if (tried || !could) this.#bare.delete(id.index)
    else this.#bare.set(id.index, this.#bare.get(id.index) ?? this.#p.now())
    const since = this.#bare.get(id.index) ?? this.#p.now()
    if (this.#p.now() - since > ASKED)
      this.#p.report('I20', id.index, 'it has no relay although it is linked to one that has room')
  }

  /** Every two live zones are joined by links over which something gets through. */
  #together(): void {
    const isOff = !this.#nodes.some((node) => node.alive() && this.#p.ways.isPublic(node.id.index))
    if (isOff || this.#cuts > 0) this.disturbed()
    const age = this.#p.now() - this.#disturbed
    if (age === 0) return
    const groups = new Map<number, number>()
    const top = (node: number): number => {
      const above = groups.get(node) ?? node
      return above === node ? node : top(above)
    }
    const live = this.#nodes.filter((node) => node.alive() && node.isNode)
    for (const { id } of live) {
      for (const peer of this.#p.network.peers(id.index)) {
        if (this.#p.network.works(id.index, peer)) groups.set(top(id.index), top(peer))
      }
    }
    // A zone is there when one of its nodes is; within it there is the LAN.
    const zones = new Map<string, Set<number>>()
    for (const { id, zone } of live) zones.set(zone, (zones.get(zone) ?? new Set()).add(top(id.index)))
    const sets = [...zones.values()]
    const common = sets[0] ?? new Set<number>()
    const apart = sets.some((set) => ![...set].some((group) => common.has(group)))
    if (!apart) return
    this.slowest = Math.max(this.slowest, age)
    if (age > REJOINED + SLACK)
      this.#p.report('R1', live[0]?.id.index ?? 0, `zones are apart ${age} ms after the last fault`)
  }
}
