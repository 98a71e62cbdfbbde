// The line at the bottom of a terminal that says how far something has come. Elsewhere nothing is drawn.
import { progressBar, progressText, RateMeter } from '../format/progress.ts'
import { width } from '../format/table.ts'
import { Screen } from './screen.ts'
import type { Terminal } from './terminal.ts'

/** Characters of the bar where there is room for them, and fewest that still show something. */
const BAR = 24
const BAR_MIN = 10
/** Shortest time between two drawings, in ms: more often is no news. */
const REDRAW = 100

export class ProgressLine {
  readonly #terminal: Terminal
  readonly #screen: Screen | undefined
  #there = false
  #drawn = Number.NEGATIVE_INFINITY

  /** `shown: false` when somebody wants no drawing. */
  constructor(terminal: Terminal, { shown }: { shown: boolean }) {
    this.#terminal = terminal
    this.#screen = shown && terminal.interactive ? new Screen(terminal) : undefined
  }

  /** Replaces the line. */
  say(text: string): void {
    this.#screen?.draw([text])
    this.#there = this.#screen !== undefined
  }

  /** A drawer of bytes done, for one piece of work called `what`. */
  meter(what: string): (done: number, total: number) => void {
    const meter = new RateMeter()
    return (done, total) => {
      const now = performance.now()
      if (now - this.#drawn < REDRAW && done < total) return
      this.#drawn = now
      meter.add(now, done)
      const text = progressText({ done, total, rate: meter.rate })
      this.say(`${what} ${this.#bar(done / Math.max(1, total), `${what}  ${text}`)}${text}`)
    }
  }

  /** As much of a bar, with a space, as fits beside `others`; the numbers say more than it. */
  #bar(share: number, others: string): string {
    const brackets = 2
    const room = Math.min(BAR, this.#terminal.columns - width(others) - brackets)
    return room < BAR_MIN ? '' : `${progressBar(share, room)} `
  }

  /** Takes the line away, so that something else may be written; it may come back. */
  end(): void {
    if (!this.#there) return
    this.#there = false
    this.#screen?.draw([])
    this.#screen?.end()
  }
}
