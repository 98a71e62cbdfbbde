// Wires: who is linked to whom, as each end believes, and how long anything takes on the way. A LAN is a site; all else goes over the wide
// net. A process that ends resets its links; a machine that lost its power, or is cut off, says nothing, and its peers have to notice.
import type { Millis } from '../../../src/core/env.ts'
import type { Prng } from '../prng.ts'
import type { ScaleScenario } from './scenario.ts'

/** Which of a machine's states matters to others. `silent`: no power, so that nothing comes back. */
export type Presence = 'running' | 'ended' | 'silent'

export class Wires {
  readonly #sites: readonly number[]
  readonly #peers: Set<number>[]
  /** Those of them that it dialled. */
  readonly #dialled: Set<number>[]
  readonly #lists: (number[] | undefined)[]
  readonly #presence: Presence[]
  readonly #prng: Prng
  readonly #lan: ScaleScenario['lan']
  readonly #wan: ScaleScenario['wan']
  /** Sites without a way out. */
  readonly #cut = new Set<number>()

  /** @param sites the site of each node, by its number */
  constructor(sites: readonly number[], scenario: Pick<ScaleScenario, 'lan' | 'wan'>, prng: Prng) {
    this.#sites = sites
    this.#peers = sites.map(() => new Set())
    this.#dialled = sites.map(() => new Set())
    this.#lists = sites.map(() => undefined)
    this.#presence = sites.map(() => 'ended')
    this.#prng = prng
    this.#lan = scenario.lan
    this.#wan = scenario.wan
  }

  presence(node: number): Presence {
    return this.#presence[node] as Presence
  }

  set(node: number, presence: Presence): void {
    this.#presence[node] = presence
  }

  isWan(a: number, b: number): boolean {
    return this.#sites[a] !== this.#sites[b]
  }

  /** One way. */
  delay(a: number, b: number): Millis {
    const { min, mean } = this.isWan(a, b) ? this.#wan : this.#lan
    return min + this.#prng.exponential(mean - min)
  }

  /** Whether what `a` sends now gets to a process at `b`. */
  passes(a: number, b: number): boolean {
    return this.#presence[b] === 'running' && this.joined(a, b)
  }

  /** Whether packets get from one machine to the other, if they have power. */
  joined(a: number, b: number): boolean {
    if (this.#presence[a] === 'silent' || this.#presence[b] === 'silent') return false
    if (this.#cut.size === 0 || !this.isWan(a, b)) return true
    return !this.#cut.has(this.#sites[a] as number) && !this.#cut.has(this.#sites[b] as number)
  }

  isCut(site: number): boolean {
    return this.#cut.has(site)
  }

  cut(site: number, isCut: boolean): void {
    if (isCut) this.#cut.add(site)
    else this.#cut.delete(site)
  }

  /** As `a` believes. */
  linked(a: number, b: number): boolean {
    return (this.#peers[a] as Set<number>).has(b)
  }

  /** Whether it was `a` that dialled. */
  dialled(a: number, b: number): boolean {
    return (this.#dialled[a] as Set<number>).has(b)
  }

  peersOf(node: number): ReadonlySet<number> {
    return this.#peers[node] as Set<number>
  }

  peerList(node: number): readonly number[] {
    const list = this.#lists[node] ?? [...(this.#peers[node] as Set<number>)]
    this.#lists[node] = list
    return list
  }

  /** The end at `a`. */
  open(a: number, b: number, dialled: boolean): void {
    this.#peers[a]?.add(b)
    if (dialled) this.#dialled[a]?.add(b)
    else this.#dialled[a]?.delete(b)
    this.#lists[a] = undefined
  }

  /** The end at `a`; true when it was open. */
  close(a: number, b: number): boolean {
    this.#lists[a] = undefined
    return (this.#peers[a] as Set<number>).delete(b)
  }

  /** All ends at `a`; who was there. */
  closeAll(a: number): number[] {
    const peers = [...(this.#peers[a] as Set<number>)]
    this.#peers[a]?.clear()
    this.#lists[a] = undefined
    return peers
  }

  links(): number {
    return this.#peers.reduce((sum, peers) => sum + peers.size, 0) / 2
  }
}
