// Reporters: who speaks for a zone. There is no election: everybody orders the candidates by a hash that the day moves, and goes by what
// they see. Two views that differ make two speakers, and that is harmless (protocol clause REPORTER).
import type { Env, NodeId } from '../env.ts'
import { H } from '../hash.ts'
import { limits } from '../limits.ts'
import { FLAG } from './record.ts'
import type { Member } from './view.ts'

/** How a node speaks for a zone. */
export type Part = 'active' | 'standby' | 'none'

export interface Pair {
  active: NodeId | undefined
  standby: NodeId | undefined
}

/** Places of nodes in the orders of zones, on one day: worked out once each. */
export class Places {
  readonly #env: Pick<Env, 'sha256'>
  readonly #places = new Map<string, bigint>()
  #day: number | undefined

  constructor(env: Pick<Env, 'sha256'>) {
    this.#env = env
  }

  /** The lowest comes first. */
  of(zone: string, day: number, node: NodeId): bigint {
    if (day !== this.#day || this.#places.size >= limits.reporterPlaces) this.#places.clear()
    this.#day = day
    const key = `${zone} ${node}`
    const known = this.#places.get(key)
    if (known !== undefined) return known
    const place = H(this.#env, 'reporter', zone, String(day), node)
    this.#places.set(key, place)
    return place
  }

  /** The nodes in the zone's order of that day. */
  order(zone: string, day: number, nodes: Iterable<NodeId>): NodeId[] {
    const placed = [...nodes].map((node) => ({ node, place: this.of(zone, day, node) }))
    placed.sort((a, b) => (a.place < b.place ? -1 : a.place > b.place ? 1 : a.node < b.node ? -1 : 1))
    return placed.map(({ node }) => node)
  }
}

/**
 * Who may report for a leaf zone: who is `up`, has been for a while, is no cause of noise and has a way out; when that is nobody,
 * whoever is `up`.
 * @param isFlapping nodes that went and came back too often lately
 */
export function candidates(members: Iterable<Member>, isFlapping: (node: NodeId) => boolean = () => false): NodeId[] {
  const up = [...members].filter(({ status }) => status === 'up')
  const fit = up.filter(({ node, record }) => {
    const settled = record.counter >= limits.reporterSettled
    return settled && (record.flags & FLAG.cutOff) === 0 && !isFlapping(node)
  })
  return (fit.length > 0 ? fit : up).map(({ node }) => node)
}

/** The first is active, the second its standby. */
export function pairOf(ordered: readonly NodeId[]): Pair {
  return { active: ordered[0], standby: ordered[1] }
}

export function partOf(node: NodeId, { active, standby }: Pair): Part {
  if (node === active) return 'active'
  return node === standby ? 'standby' : 'none'
}
