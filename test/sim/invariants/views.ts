// What each node shows of its zone-mates, kept up by the status events of the core so that a check costs one lookup.
import type { Status } from '../../../src/core/fleet/rows.ts'

export class Views {
  readonly #shown = new Map<number, Map<number, Status>>()

  /** A node started, showing this. */
  reset(observer: number, shown: Iterable<readonly [number, Status]>): void {
    this.#shown.set(observer, new Map(shown))
  }

  set(observer: number, subject: number, status: Status): void {
    const shown = this.#shown.get(observer)
    if (shown === undefined) this.#shown.set(observer, new Map([[subject, status]]))
    else shown.set(subject, status)
  }

  get(observer: number, subject: number): Status | undefined {
    return this.#shown.get(observer)?.get(subject)
  }

  entries(observer: number): Iterable<[number, Status]> {
    return this.#shown.get(observer) ?? []
  }
}

/** `down` or `left`: as if it were not there. */
export function gone(status: Status | undefined): boolean {
  return status === 'down' || status === 'left'
}
