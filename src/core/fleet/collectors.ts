// What is wrong with the custom collectors of this machine: told once for each change, and a flag in every record while something is.
import type { Outbox } from '../outbox.ts'
import type { CollectorTrouble } from './named-values.ts'

export class Collectors {
  readonly #out: Outbox
  #troubles = new Map<string, CollectorTrouble>()

  constructor(out: Outbox) {
    this.#out = out
  }

  get troubled(): boolean {
    return this.#troubles.size > 0
  }

  /** `troubles`: all that there are now. The words of one may differ from sample to sample; only another kind of trouble is news. */
  sampled(troubles: readonly CollectorTrouble[]): void {
    const before = this.#troubles
    this.#troubles = new Map(troubles.map((trouble) => [trouble.collector, trouble]))
    for (const [collector, trouble] of this.#troubles)
      if (before.get(collector)?.code !== trouble.code) this.#out.event({ type: 'collector', collector, trouble })
    for (const collector of before.keys())
      if (!this.#troubles.has(collector)) this.#out.event({ type: 'collector', collector, trouble: undefined })
  }
}
