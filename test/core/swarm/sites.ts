// Sites behind thin wires: so many nodes on each LAN, and a publisher outside. What issue, laboratory and benchmarks measure, in memory.
import type { Millis, NodeId } from '../../../src/core/env.ts'
import { HOUR, limits } from '../../../src/core/limits.ts'
import { type TestEncoding, testEncoding } from './encodings.ts'
import { Site } from './test-node.ts'
import { World } from './world.ts'

const MBIT = 125_000

export interface Scene {
  sites: number
  /** Nodes of each site. */
  nodes: number
  pieces: number
  /** How many times as long as the shortest they are. */
  scale?: number
  /** Nodes of different sites can be linked. */
  exchange: boolean
  seed?: number
  /** Uplinks and downlinks, Mbit/s. */
  publisher?: number
  up?: number
  down?: number
  /** Links that each node makes to nodes of other sites. */
  links?: number
  /** Links that each node makes to its mates; as many come from them. All of them by default. */
  mates?: number
  /** Nodes of each site that are linked with the publisher; all of them by default. */
  served?: number
}

export class Sites {
  readonly world: World
  readonly wanted: TestEncoding
  readonly sites: Site[] = []
  /** Names of the nodes of each site. */
  readonly names: NodeId[][] = []
  readonly #scene: Scene

  constructor(scene: Scene) {
    const { publisher = 20, up = 10, down = 50, exchange, links = 2 } = scene
    this.#scene = scene
    this.wanted = testEncoding('a', scene.pieces, limits.pieceBytesMin * (scene.scale ?? 1))
    this.world = new World(scene.seed ?? 1, [this.wanted])
    this.world.latency = 1
    this.world.farLatency = 15
    this.world.seed('publisher', this.wanted).uplink = publisher * MBIT
    for (let i = 0; i < scene.sites; i++) {
      const site = new Site(up * MBIT, down * MBIT)
      this.sites.push(site)
      this.names.push(Array.from({ length: scene.nodes }, (_, k) => `s${i}n${k}`))
      for (const name of this.names[i] as NodeId[]) this.world.add(name, 'honest', site)
    }
    for (const name of this.all) this.meet(name, exchange ? links : 0)
  }

  get all(): NodeId[] {
    return this.names.flat()
  }

  /** Links a node with its mates, the publisher, and some of other sites. */
  meet(name: NodeId, links: number): void {
    const mates = this.names.find((names) => names.includes(name)) as NodeId[]
    const { served = mates.length, mates: near = mates.length } = this.#scene
    const dialled = this.world.random.shuffled(mates.filter((mate) => mate !== name)).slice(0, near)
    for (const mate of dialled) this.world.link(name, mate)
    if (mates.indexOf(name) < served) this.world.link(name, 'publisher')
    const others = this.world.random.shuffled(this.all.filter((other) => !mates.includes(other)))
    for (const other of others.slice(0, links)) this.world.link(name, other)
  }

  /** All want it now. @returns the time until the last one has it; 0 without a node, and 1 h when some never do */
  async run(names: readonly NodeId[] = this.all): Promise<Millis> {
    for (const name of names) this.world.want(name, this.wanted)
    return this.world.run(HOUR, () => names.every((name) => this.world.has(name, this.wanted)))
  }

  /** What no schedule can beat: out of the publisher, into a site, and out of all that send. */
  get bound(): Millis {
    const { publisher = 20, up = 10, down = 50, sites, exchange } = this.#scene
    const bytes = this.wanted.encoding.length
    const out = exchange ? publisher + sites * up : publisher
    const times = [bytes / publisher, bytes / down, (sites * bytes) / out]
    return (Math.max(...times) * 1000) / MBIT
  }

  /** Copies of the payload that came into each site. */
  get copies(): number[] {
    return this.sites.map(({ came }) => came / this.wanted.encoding.length)
  }

  /** Copies that the publisher gave. */
  get published(): number {
    return this.world.node('publisher').gave / this.wanted.encoding.length
  }
}
