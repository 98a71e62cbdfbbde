// Progress of something long: share, amount, rate and time left on one line.
import { bytes, percent, span } from './quantity.ts'

/** How far back the rate looks, in ms: long enough to be calm, short enough to follow a link that gets slow. */
const WINDOW = 5_000

/** Bytes per second over the last seconds, or longer. */
export class RateMeter {
  readonly #window: number
  readonly #seen: { at: number; done: number }[] = []

  /** `window`: how far back the rate looks, in ms. */
  constructor(window = WINDOW) {
    this.#window = window
  }

  /** `now`: monotonic ms; `done`: bytes since the beginning. */
  add(now: number, done: number): void {
    this.#seen.push({ at: now, done })
    while (this.#seen.length > 2 && now - (this.#seen[1]?.at ?? now) >= this.#window) this.#seen.shift()
  }

  /** 0 until two moments are known. */
  get rate(): number {
    const [first, last] = [this.#seen[0], this.#seen.at(-1)]
    if (first === undefined || last === undefined || last.at <= first.at) return 0
    return ((last.done - first.done) * 1_000) / (last.at - first.at)
  }
}

/** `42 %, 4.2 MB of 10.0 MB, 1.3 MB/s, 5 s left`; no rate and no time while nothing moves. */
export function progressText({ done, total, rate }: { done: number; total: number; rate: number }): string {
  const share = percent(total === 0 ? 1 : Math.floor((100 * done) / total) / 100)
  const amount = `${share}, ${bytes(done)} of ${bytes(total)}`
  if (!(rate > 0) || done >= total) return amount
  return `${amount}, ${bytes(rate)}/s, ${span(1_000 * Math.ceil((total - done) / rate))} left`
}

/** `[########............]`: `width` characters between the brackets. */
export function progressBar(share: number, width: number): string {
  const full = Math.floor(Math.min(1, Math.max(0, share)) * width)
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}]`
}
