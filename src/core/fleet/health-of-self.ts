// How far this node may trust what it sees: 1 when all is well, up to 8. Who hears its own timers late hears the answers of others
// late, and would call them gone. Source: Lifeguard (Dadgar, Phillips, Currey 2018), local health multiplier.
import type { Millis } from '../env.ts'
import { limits } from '../limits.ts'

export class HealthOfSelf {
  readonly #on: boolean
  #level = 1
  /** When the last sign of trouble was, or the level fell. */
  #since: Millis = 0
  /** When others last showed us to be wrong. */
  #contradicted: Millis | undefined

  /** @param on false only in simulations that show what it is good for */
  constructor(on: boolean) {
    this.#on = on
  }

  level(now: Millis): number {
    const rested = Math.floor((now - this.#since) / limits.healthRest)
    if (rested > 0) {
      this.#level = Math.max(1, this.#level - rested)
      this.#since += rested * limits.healthRest
    }
    return this.#level
  }

  /** A timer of ours came so late: the longer, the worse. */
  wokeLate(late: Millis, now: Millis): void {
    const steps = Math.floor(late / limits.lateWake)
    if (steps > 0) this.#worse(steps, now)
  }

  /** What we say of another, or another of us, was shown to be wrong. A split zone that heals shows it of many at once: that is one sign. */
  contradicted(now: Millis): void {
    if (this.#contradicted !== undefined && now - this.#contradicted < limits.healthRest / 2) return
    this.#contradicted = now
    this.#worse(1, now)
  }

  /** A probe of ours was answered in time. */
  answered(now: Millis): void {
    this.#level = Math.max(1, this.level(now) - 1)
  }

  /** How much longer than others this node waits for answers. */
  factor(now: Millis): number {
    return this.level(now)
  }

  /** False while what this node sees of others proves nothing. */
  mayAccuse(now: Millis): boolean {
    return this.level(now) <= limits.accuseHealth
  }

  /** What the silence of others is divided by before it counts. */
  patience(now: Millis): number {
    return Math.max(1, this.level(now) / limits.accuseHealth)
  }

  #worse(steps: number, now: Millis): void {
    if (!this.#on) return
    this.#level = Math.min(limits.healthMax, this.level(now) + steps)
    this.#since = now
  }
}
