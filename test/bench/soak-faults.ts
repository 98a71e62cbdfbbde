// The faults of a soak, drawn from a seed: the same seed makes the same faults in the same order.
import { setTimeout as pause } from 'node:timers/promises'
import { changeWanAddress, move, plug, pull } from '../lab/faults.ts'
import type { Lab } from '../lab/lab.ts'

const SECOND = 1_000

export interface Fault {
  what: string
  /** In ms, from when all is there again, or from the fault where nothing comes back: as in the benchmark of recovery. */
  bound: number
  /** Makes it; resolves to the moment of performance.now() from which the bound counts. */
  happens: () => Promise<number>
}

export class FaultMaker {
  readonly #lab: Lab
  readonly #publics: readonly string[]
  readonly #sites: readonly string[]
  #state: number
  /** Public member that was killed last, and is started before the next fault. */
  #dead: string | undefined

  constructor(lab: Lab, seed: number) {
    this.#lab = lab
    this.#state = seed >>> 0
    const { sites } = lab.network.plan
    this.#publics = lab.nodes('pub')
    this.#sites = sites.filter(({ kind }) => kind !== 'open').map(({ name }) => name)
  }

  /** @param restarts false: only the first public member is ever killed, so that all others can be compared with themselves. */
  async next({ restarts }: { restarts: boolean }): Promise<Fault> {
    const { daemons } = this.#lab
    if (this.#dead !== undefined) await daemons.start(this.#dead)
    this.#dead = undefined
    const kinds = [() => this.#relay(restarts), () => this.#wan(), () => this.#move(), () => this.#cable()]
    if (restarts)
      kinds.push(
        () => this.#relays(),
        () => this.#everything(),
      )
    return this.#one(kinds)()
  }

  #relay(any: boolean): Fault {
    const name = any ? this.#one(this.#publics) : (this.#publics[0] as string)
    this.#dead = name
    const happens = async () => {
      await this.#lab.daemons.kill(name)
      return performance.now()
    }
    return { what: `${name} killed`, bound: SECOND, happens }
  }

  #relays(): Fault {
    const { daemons } = this.#lab
    const happens = async () => {
      await Promise.all(this.#publics.map((name) => daemons.kill(name)))
      await Promise.all(this.#publics.map((name) => daemons.start(name)))
      return performance.now()
    }
    return { what: 'all public members restarted', bound: 3 * SECOND, happens }
  }

  #wan(): Fault {
    const site = this.#one(this.#sites)
    const happens = async () => {
      await changeWanAddress(this.#lab.network, site)
      return performance.now()
    }
    return { what: `WAN address of ${site} changed`, bound: 5 * SECOND, happens }
  }

  #move(): Fault {
    const { network } = this.#lab
    const node = this.#one(network.plan.nodes.filter(({ site }) => this.#sites.includes(site)))
    const to = this.#one(this.#sites.filter((site) => site !== node.site))
    const happens = async () => {
      await move(network, node.name, to)
      return performance.now()
    }
    return { what: `${node.name} carried to ${to}`, bound: 10 * SECOND, happens }
  }

  #cable(): Fault {
    const { network } = this.#lab
    const site = this.#one(this.#sites)
    const seconds = 1 + Math.floor(this.#random() * 8)
    const happens = async () => {
      await pull(network, site)
      await pause(seconds * SECOND)
      await plug(network, site)
      return performance.now()
    }
    return { what: `cable of ${site} out for ${seconds} s`, bound: 5 * SECOND, happens }
  }

  #everything(): Fault {
    const happens = async () => {
      const began = performance.now()
      await this.#lab.daemons.restartAll()
      return began
    }
    return { what: 'everything restarted', bound: 20 * SECOND, happens }
  }

  #one<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)] as T
  }

  /** Mulberry32: from 0 to below 1. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
