// How a file came together in each node, for whoever tunes the swarm: when a hundredth of it was there, a tenth, two tenths, and so on, and whom the
// bytes came from. Each node is asked ten times a second, which costs it about a hundredth of a core.
import { setTimeout as pause } from 'node:timers/promises'
import type { PieceTrafficJson } from '../../src/daemon/api-types.ts'
import type { Daemons } from '../lab/daemons.ts'
import type { Arrival } from '../lab/opponents/entry.ts'

const LOOK = 100
/** Percent; the first is that of the first piece of a small file. */
const MARKS = [1, 10, 20, 30, 40, 50, 60, 70, 80, 90]

export interface TraceJson {
  nodes: {
    node: string
    site: string
    /** Percent of the pieces -> ms since the publication. */
    heldMs: Record<string, number | null>
    /** Bytes of pieces since the publication, of use or not. */
    from: PieceTrafficJson['from']
    to: PieceTrafficJson['to']
    /** Who it was linked with at the end -> how. */
    links: Record<string, string>
  }[]
}

export class SwarmTrace {
  readonly #daemons: Daemons
  readonly #held = new Map<string, { at: number; percent: number }[]>()
  readonly #done: Promise<unknown>
  #stopped = false

  constructor(daemons: Daemons, nodes: readonly string[], release: string) {
    this.#daemons = daemons
    this.#done = Promise.all(nodes.map((name) => this.#look(daemons, name, release)))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  /** @param began of performance.now(), when it was published */
  async json(
    began: number,
    arrivals: ReadonlyMap<string, Arrival>,
    moved: ReadonlyMap<string, PieceTrafficJson>,
  ): Promise<TraceJson> {
    const since = (moment: number | undefined) => (moment === undefined ? null : Math.round(moment - began))
    const nodes = [...moved].map(async ([node, { from, to }]) => {
      const held = this.#held.get(node) ?? []
      const marks = MARKS.map((mark) => [mark, since(held.find(({ percent }) => percent >= mark)?.at)])
      const heldMs = Object.fromEntries([...marks, [100, since(arrivals.get(node)?.at)]])
      const { links } = await this.#daemons
        .client(node)
        .status()
        .catch(() => ({ links: [] }))
      const routes = Object.fromEntries(links.map(({ node, name, path }) => [name ?? node, path?.route ?? 'linked']))
      return { node, site: node.replace(/-\d+$/, ''), heldMs, from, to, links: routes }
    })
    return { nodes: await Promise.all(nodes) }
  }

  async #look(daemons: Daemons, name: string, release: string): Promise<void> {
    const held: { at: number; percent: number }[] = []
    this.#held.set(name, held)
    while (!this.#stopped && held.at(-1)?.percent !== 100) {
      const answer = await daemons
        .client(name)
        .releases({ local: true })
        .catch(() => undefined) // too busy for a moment
      const percent = answer?.releases.find((one) => one.release === release)?.here?.percent ?? 0
      if (percent > (held.at(-1)?.percent ?? 0)) held.push({ at: performance.now(), percent })
      await pause(LOOK)
    }
  }
}
