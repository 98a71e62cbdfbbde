// A whole fleet that fetches one encoding: sites of 25 nodes behind thin wires, a publisher that has links with some of them only,
// and what goes wrong meanwhile. Every node runs the real core/swarm in the world of its tests; the links are as the policy
// (core/links) makes them. How long each node took is compared with what no schedule can beat.
import type { Millis, NodeId } from '../../../src/core/env.ts'
import { HOUR, limits } from '../../../src/core/limits.ts'
import type { Entry } from '../../../src/core/links/book-entry.ts'
import { type TestEncoding, testEncoding } from '../../core/swarm/encodings.ts'
import { Site, type TestNode } from '../../core/swarm/test-node.ts'
import { World } from '../../core/swarm/world.ts'
import type { Prng } from '../prng.ts'

const MBIT = 125_000
/** Mbit/s: the publisher's way out, and each site's out and in. */
const WIRES = { publisher: 20, up: 10, down: 50 }
const PUBLISHER = 'publisher'
/** A poisonous node keeps so many links, as nodes accept. */
const EVIL_LINKS = 8
/** Contacts outside of which a node knows when it looks for providers. */
const CONTACTS = 16

export interface Faults {
  /** Shares of all nodes: begin within the time that the bound allows; end within it. */
  late: number
  leaving: number
  /** Share of the links to the outside, whoever dialled them, that lead to members who hold everything and send flipped bytes. */
  poisonous: number
}

export interface Plan extends Faults {
  nodes: number
  /** Nodes of each site. */
  site: number
  /** Of 256 KiB. */
  pieces: number
}

export interface Outcome {
  /** What no schedule can beat, for a node that is there from the beginning. */
  bound: Millis
  /** Of each node that stayed: time since it began / bound; infinite when it never had all. */
  ratios: number[]
  /** Copies that came over the wire of each site. */
  copies: number[]
  /** Copies that the publisher gave. */
  published: number
  banned: number
}

export class SwarmFleet {
  readonly world: World
  readonly wanted: TestEncoding
  readonly bound: Millis
  readonly #plan: Plan
  readonly #random: Prng
  readonly #sites: Site[] = []
  /** In the order in which they joined the mesh. */
  readonly #nodes: TestNode[] = []
  readonly #mates = new Map<Site, TestNode[]>()
  readonly #evil: TestNode[] = []
  readonly #began = new Map<TestNode, Millis>()
  readonly #ended = new Map<TestNode, Millis>()
  readonly #left = new Set<TestNode>()

  constructor(plan: Plan, seed: number) {
    this.#plan = plan
    this.wanted = testEncoding('a', plan.pieces)
    this.world = new World(seed, [this.wanted])
    this.#random = this.world.random.fork('fleet')
    this.world.latency = 1
    this.world.farLatency = 15
    this.world.origin = [`/ip4/198.51.100.1/tcp/31415/p2p/${PUBLISHER}`]
    this.world.accepts = (from, to) => this.#accepts(from, to)
    this.world.completed = (node) => void this.#ended.set(node, this.world.now)
    this.world.seed(PUBLISHER, this.wanted).uplink = WIRES.publisher * MBIT
    this.bound = boundOf(this.wanted.encoding.length, Math.ceil(plan.nodes / plan.site))
    this.#build()
  }

  /** Runs until every node that stays has it, or for an hour. */
  async run(): Promise<Outcome> {
    const late = this.#share(this.#plan.late)
    for (const node of this.#nodes) {
      const at = late.has(node) ? this.#random.real() * this.bound : 0
      this.#began.set(node, at)
      this.world.queue.at(at, () => this.#begin(node))
    }
    for (const node of this.#share(this.#plan.leaving, late)) {
      this.#left.add(node)
      this.world.queue.at((0.1 + 0.8 * this.#random.real()) * this.bound, () => this.world.kill(node))
    }
    const stay = this.#nodes.filter((node) => !this.#left.has(node))
    const open = new Set(stay)
    await this.world.run(HOUR, () => {
      for (const node of open) {
        if (!this.#ended.has(node)) return false
        open.delete(node)
      }
      return true
    })
    return this.#outcome(stay)
  }

  #outcome(stay: readonly TestNode[]): Outcome {
    const took = (node: TestNode) =>
      (this.#ended.get(node) ?? Number.POSITIVE_INFINITY) - (this.#began.get(node) as number)
    const bytes = this.wanted.encoding.length
    return {
      bound: this.bound,
      ratios: stay.map((node) => took(node) / this.bound),
      copies: this.#sites.map(({ came }) => came / bytes),
      published: this.world.node(PUBLISHER).gave / bytes,
      banned: stay.reduce((sum, { banned }) => sum + banned.length, 0),
    }
  }

  #build(): void {
    const { nodes, site: size, poisonous } = this.#plan
    for (let i = 0; i < nodes; i++) {
      if (i % size === 0) this.#sites.push(new Site(WIRES.up * MBIT, WIRES.down * MBIT))
      const site = this.#sites.at(-1) as Site
      const node = this.world.add(`s${this.#sites.length}n${i % size}`, 'honest', site)
      node.up = false
      this.#nodes.push(node)
      this.#mates.set(site, [...(this.#mates.get(site) ?? []), node])
    }
    // Half of the links of a node are dialled by others: with as many of them again, the share of all links is right.
    const evil = (2 * limits.outsideLinksWanted * nodes * poisonous) / EVIL_LINKS
    for (let i = 0; i < evil; i++) this.#evil.push(this.world.add(`evil${i}`, 'poisons'))
    this.world.contacts = () => this.#contacts()
  }

  /** A node comes up, makes its links, and wants it. */
  #begin(node: TestNode): void {
    this.world.start(node)
    this.#meetMates(node)
    this.#meetOutside(node)
    this.world.want(node.name, this.wanted)
  }

  /** Zone-mates are dialled until there are limits.mateLinksWanted, and sent away above limits.mateLinksMax. */
  #meetMates(node: TestNode): void {
    const mates = this.#random.shuffled(this.#mates.get(node.site as Site) as TestNode[])
    for (const mate of mates) {
      if (this.#near(node) >= limits.mateLinksWanted) return
      if (mate !== node && mate.up && this.#near(mate) < limits.mateLinksMax) this.world.link(node.name, mate.name)
    }
  }

  /** The publisher's links are with as many nodes as it keeps; a node has dialled two members outside, and is dialled by others. */
  #meetOutside(node: TestNode): void {
    const { nodes, poisonous } = this.#plan
    if (this.#random.chance(limits.outsideLinksMax / nodes)) this.#dial(node, this.world.node(PUBLISHER))
    for (let i = 0; i < limits.outsideLinksWanted; i++) {
      const evil = this.#random.chance(poisonous) ? this.#random.pick(this.#evil) : undefined
      this.#dial(node, evil ?? (this.#random.pick(this.#nodes) as TestNode))
      if (this.#random.chance(poisonous)) this.#dial(this.#random.pick(this.#evil) as TestNode, node)
    }
  }

  #dial(from: TestNode, to: TestNode): void {
    if (!from.isOnLan(to) && this.#accepts(from, to)) this.world.link(from.name, to.name)
  }

  /** Links above limits.outsideLinksMax are closed, but not while pieces travel over them, until there is a crowd. */
  #accepts(_from: TestNode, to: TestNode): boolean {
    return to.up && to.links.size < (to.name === PUBLISHER ? limits.linksCrowded : limits.outsideLinksMax)
  }

  #near({ links }: TestNode): number {
    let near = 0
    for (const { route } of links.values()) if (route === 'lan') near += 1
    return near
  }

  #contacts(): Entry[] {
    const { poisonous } = this.#plan
    return Array.from({ length: CONTACTS }, () => {
      const evil = this.#random.chance(poisonous) ? this.#random.pick(this.#evil) : undefined
      return contact((evil ?? (this.#random.pick(this.#nodes) as TestNode)).name)
    })
  }

  /** So many of the nodes, at random; none of `others`. */
  #share(share: number, others: ReadonlySet<TestNode> = new Set()): Set<TestNode> {
    const rest = this.#random.shuffled(this.#nodes.filter((node) => !others.has(node)))
    return new Set(rest.slice(0, Math.round(share * this.#nodes.length)))
  }
}

function contact(node: NodeId): Entry {
  const nothing = { own: [], relays: false, nat: undefined, worked: undefined, by: undefined } as const
  return {
    node,
    zone: '/b',
    addresses: ['/ip4/198.51.100.2/tcp/1'],
    serves: true,
    seen: 0,
    source: 'itself',
    ...nothing,
  }
}

/** Out of the publisher, into a site, and out of all that send. */
export function boundOf(bytes: number, sites: number): Millis {
  const { publisher, up, down } = WIRES
  const times = [bytes / publisher, bytes / down, (sites * bytes) / (publisher + sites * up)]
  return (Math.max(...times) * 1000) / MBIT
}
