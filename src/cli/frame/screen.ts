// Drawing in place on a terminal: a block of lines that is replaced, below lines that stay.
import { cropped } from '../format/table.ts'
import type { Terminal } from './terminal.ts'

const HIDE_CURSOR = '\u001b[?25l'
const SHOW_CURSOR = '\u001b[?25h'
const ERASE_BELOW = '\u001b[J'

export class Screen {
  readonly #terminal: Terminal
  #drawn = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  /** A line that stays, above the block. */
  line(text: string): void {
    this.#terminal.raw(`${this.#erase()}${text}\n`)
  }

  /** Replaces the block. What does not fit is cut: long lines at the right, many lines before `footer`. */
  draw(lines: readonly string[], footer: readonly string[] = []): void {
    const { columns } = this.#terminal
    const room = this.#room(footer)
    const hidden = lines.length - room
    const body = hidden > 0 ? [...lines.slice(0, room - 1), `... ${hidden + 1} lines more`] : lines
    const block = [...body, ...footer].map((line) => `${cropped(line, columns)}\n`)
    this.#terminal.raw(HIDE_CURSOR + this.#erase() + block.join(''))
    this.#drawn = block.length
  }

  /** Whether `draw` would show all lines. */
  fits(lines: readonly string[], footer: readonly string[]): boolean {
    return lines.length <= this.#room(footer)
  }

  #room(footer: readonly string[]): number {
    return Math.max(1, this.#terminal.rows - 2 - footer.length)
  }

  /** Leaves the block as it stands and gives the cursor back. What a terminal echoed of Ctrl-C goes: the next line begins there. */
  end(): void {
    this.#terminal.raw(`\r${ERASE_BELOW}${SHOW_CURSOR}`)
    this.#drawn = 0
  }

  #erase(): string {
    const up = this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A\r${ERASE_BELOW}`
    this.#drawn = 0
    return up
  }
}
