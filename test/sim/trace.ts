// The trace of a run: a running SHA-256 over every line, and each node's last lines for the report of a violation.
// Two runs are the same run exactly when their hashes are equal. A run of many keeps none: what fails is run again with one.
import { createHash } from 'node:crypto'
import type { Millis } from '../../src/core/env.ts'

const KEPT_PER_NODE = 60
const CHUNK = 65_536

export class Trace {
  /** False: nobody reads lines, so that they need not even be made. */
  readonly kept: boolean
  readonly #hash = createHash('sha256')
  readonly #last = new Map<string, string[]>()
  #pending = ''
  #lines = 0

  constructor(kept = true) {
    this.kept = kept
  }

  /** One line: what happened to which node, and the fields that tell it from its like. */
  add(time: Millis, node: string, what: string, detail = ''): void {
    if (!this.kept) return
    const line = `${time} ${node} ${what}${detail === '' ? '' : ` ${detail}`}`
    this.#lines++
    this.#pending += `${line}\n`
    if (this.#pending.length > CHUNK) this.#flush()
    this.#keep(node, line)
  }

  /** The newest lines of one node, oldest first. */
  last(node: string): string[] {
    return (this.#last.get(node) ?? []).slice(-KEPT_PER_NODE)
  }

  get lines(): number {
    return this.#lines
  }

  /** Hex SHA-256 of all lines so far; '' when none are kept. */
  digest(): string {
    if (!this.kept) return ''
    this.#flush()
    return this.#hash.copy().digest('hex')
  }

  #keep(node: string, line: string): void {
    const lines = this.#last.get(node)
    if (lines === undefined) this.#last.set(node, [line])
    else if (lines.push(line) > 4 * KEPT_PER_NODE) lines.splice(0, 3 * KEPT_PER_NODE)
  }

  #flush(): void {
    this.#hash.update(this.#pending)
    this.#pending = ''
  }
}
