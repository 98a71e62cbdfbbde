// What goes wrong in a fleet at scale, as its scenario says: processes end, machines and sites lose power, sites lose their way out, and some
// nodes get no CPU for seconds at a time (Lifeguard's experiment). Each end is told to whoever watches.
import type { Millis } from '../../../src/core/env.ts'
import { SECOND } from '../../../src/core/limits.ts'
import type { Prng } from '../prng.ts'
import type { ScaleFleet } from './fleet.ts'
import type { ScaleMachine } from './machine.ts'
import type { Trouble } from './scenario.ts'

/** Who ended, at what virtual time; `powerCut`: without a word of TCP. */
export type Ended = (machine: ScaleMachine, at: Millis, how: 'kill' | 'powerCut') => void

export class Troubles {
  readonly #fleet: ScaleFleet
  readonly #prng: Prng
  readonly #ended: Ended
  /** Nodes without CPU now and then. */
  readonly starved: ReadonlySet<number>

  constructor(fleet: ScaleFleet, prng: Prng, ended: Ended = () => {}) {
    this.#fleet = fleet
    this.#prng = prng
    this.#ended = ended
    const all = fleet.machines.map(({ id }) => id.index)
    this.starved = new Set(prng.shuffled(all).slice(0, fleet.scenario.starving.nodes))
  }

  /** Puts everything into the queue, counted from now. */
  schedule(): void {
    const { scenario, machines } = this.#fleet
    for (const trouble of scenario.troubles) this.#plan(trouble)
    for (const index of this.starved) this.#starve(machines[index] as ScaleMachine)
  }

  #plan(trouble: Trouble): void {
    const { queue } = this.#fleet
    for (let nth = 0; nth < trouble.count; nth++) {
      queue.after((trouble.at + nth * trouble.apart) * SECOND, () => this.#strike(trouble))
    }
  }

  #strike(trouble: Trouble): void {
    const { queue, wires } = this.#fleet
    const over = (undo: () => void) => {
      if (trouble.until > 0) queue.after((trouble.until - trouble.at) * SECOND, undo)
    }
    if (trouble.what === 'cut') {
      const site = this.#anySite()
      wires.cut(site, true)
      return over(() => wires.cut(site, false))
    }
    const silent = trouble.what !== 'kill'
    for (const machine of this.#victims(trouble)) {
      machine.stop(silent)
      this.#ended(machine, queue.now, silent ? 'powerCut' : 'kill')
      over(() => machine.start())
    }
  }

  #victims({ what, whom }: Trouble): ScaleMachine[] {
    const { machines, queue, enrolment } = this.#fleet
    if (what === 'off') {
      const site = this.#anySite()
      return machines.filter(({ id, core }) => id.site === site && core !== undefined)
    }
    const running = machines.filter(({ id, core }) => core !== undefined && !this.starved.has(id.index))
    const any = this.#prng.pick(running)
    if (any === undefined || whom === 'any') return any === undefined ? [] : [any]
    const { active, standby } = any.core?.fleet(queue.now).reporters ?? {}
    const chosen = whom === 'both' ? [active, standby] : [active]
    const found = chosen.map((node) => machines[enrolment.indexOf(node ?? '')])
    return found.filter((machine) => machine?.core !== undefined) as ScaleMachine[]
  }

  /** One that has power and a way out. */
  #anySite(): number {
    const { machines, wires } = this.#fleet
    const well = machines.filter(({ id, core }) => core !== undefined && !wires.isCut(id.site))
    return (this.#prng.pick(well) ?? (machines[0] as ScaleMachine)).id.site
  }

  /** Runs for a while, then stands still for a while. */
  #starve(machine: ScaleMachine): void {
    const { queue, scenario } = this.#fleet
    const { pause, run } = scenario.starving
    const between = ({ min, max }: { min: number; max: number }) => (min + (max - min) * this.#prng.real()) * SECOND
    const running = between(run)
    const stopped = between(pause)
    queue.after(running, () => machine.pause(queue.now + stopped))
    queue.after(running + stopped, () => this.#starve(machine))
  }
}
