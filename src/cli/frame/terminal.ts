// The two ends a command speaks to: data on stdout, notices on stderr; and what a terminal at the other end can do.
import { Failure } from '../../core/failure.ts'

export type Colour = 'green' | 'yellow' | 'red' | 'grey' | 'bold'
const SGR: Readonly<Record<Colour, number>> = { green: 32, yellow: 33, red: 31, grey: 90, bold: 1 }

interface Sink {
  write(text: string): unknown
  isTTY?: boolean
  columns?: number
  rows?: number
}

export class Terminal {
  readonly #out: Sink
  readonly #err: Sink
  readonly #colour: boolean

  /** `colour: false` when the user wants none; a pipe or a dumb terminal gets none either. */
  constructor(out: Sink, err: Sink, options: { colour: boolean }) {
    this.#out = out
    this.#err = err
    this.#colour = options.colour && out.isTTY === true
  }

  /** True when a person looks at stdout. */
  get interactive(): boolean {
    return this.#out.isTTY === true
  }

  /** Width of stdout in characters; a pipe has no width, and a serial console says 0 for what it does not know. */
  get columns(): number {
    return this.interactive ? this.#out.columns || 80 : Number.POSITIVE_INFINITY
  }

  get rows(): number {
    return this.interactive ? this.#out.rows || 24 : Number.POSITIVE_INFINITY
  }

  print(text: string): void {
    this.#out.write(`${text}\n`)
  }

  /** As it is, for control sequences. */
  raw(text: string): void {
    this.#out.write(text)
  }

  json(value: unknown): void {
    this.print(JSON.stringify(value, undefined, this.interactive ? 2 : undefined))
  }

  notice(text: string): void {
    this.#err.write(`${text}\n`)
  }

  /** True when a person sees what is on stderr. */
  get asks(): boolean {
    return this.#err.isTTY === true
  }

  /** A question on stderr, for an answer on the same line. */
  ask(text: string): void {
    this.#err.write(text)
  }

  /** The one sentence of a failure. */
  complain(error: unknown): void {
    this.notice(failureLine(error))
  }

  paint(colour: Colour, text: string): string {
    return this.#colour ? `\u001b[${SGR[colour]}m${text}\u001b[0m` : text
  }
}

/** `pimesh: what is wrong: what to do [CODE]`, and nothing of a stack. */
export function failureLine(error: unknown): string {
  if (error instanceof Failure) return `pimesh: ${continued(error.message)} [${error.code}]`
  const reason = error instanceof Error ? error.message : String(error)
  const advice = 'this is a bug, please report it (PIMESH_DEBUG=1 shows where)'
  return `pimesh: something unexpected happened (${plain(reason)}): ${advice} [E_INTERNAL]`
}

/** Fits a sentence after "pimesh: " and before a code: no capital unless it begins a name, no full stop (dots that cut an id stay). */
function continued(message: string): string {
  const text = plain(message).replace(/(?<!\.)\.$/, '')
  return /^[A-Z]([a-z' ]|$)/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text
}

/** Control characters, and marks that turn the direction of text: whoever chose a name may not draw on this screen. */
const DECEPTIVE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** Text of others, safe to show on one line. */
export function plain(text: string): string {
  return text.replace(DECEPTIVE, '\ufffd')
}
