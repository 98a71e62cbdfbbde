// What the demo shows: lines that stay, each with the time since the start, and on a terminal the nodes table below them.
import type { NodesJson } from '../../daemon/api-types.ts'
import { nodesLines } from '../format/nodes.ts'
import { Screen } from '../frame/screen.ts'
import type { Terminal } from '../frame/terminal.ts'

export class Display {
  readonly #terminal: Terminal
  readonly #screen: Screen
  readonly #started = performance.now()

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    this.#screen = new Screen(terminal)
  }

  /** Milliseconds since the start. */
  now(): number {
    return performance.now() - this.#started
  }

  elapsed(): string {
    return `${(this.now() / 1_000).toFixed(1)} s`
  }

  /** A line of the story. */
  step(text: string): void {
    this.say(`${this.#terminal.paint('grey', this.elapsed().padStart(7))}  ${text}`)
  }

  /** A line as it is. */
  say(text: string): void {
    if (this.#terminal.interactive) this.#screen.line(text)
    else this.#terminal.print(text)
  }

  /** Shows the nodes in place; where nothing can be drawn in place, does nothing. */
  live(answer: NodesJson): void {
    if (!this.#terminal.interactive) return
    const lines = nodesLines(answer, this.#terminal, { wide: false })
    this.#screen.draw(lines.slice(0, -1), lines.slice(-1))
  }

  /** Shows lines in place; where nothing can be drawn in place, does nothing. */
  lines(lines: readonly string[]): void {
    if (this.#terminal.interactive) this.#screen.draw(lines)
  }

  /** Shows the nodes as lines that stay. */
  table(answer: NodesJson): void {
    for (const line of nodesLines(answer, this.#terminal, { wide: false })) this.say(`  ${line}`)
  }

  end(): void {
    if (this.#terminal.interactive) this.#screen.end()
  }
}
