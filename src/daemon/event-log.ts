// The event log: what a person may want to know, in words, in a bounded ring; new lines also go to stderr for the journal.
import type { NodeId } from '../core/env.ts'
import { limits } from '../core/limits.ts'
import type { NodeEvent } from '../core/node-events.ts'
import type { EventJson } from './api-types.ts'
import type { LogLevel } from './config.ts'
import { eventWords } from './event-words.ts'

const ORDER: readonly LogLevel[] = ['error', 'warn', 'info', 'debug']

interface Entry {
  seq: number
  at: number
  type: string
  text: string
}

export class EventLog {
  readonly #entries: Entry[] = []
  readonly #level: LogLevel
  readonly #write: (line: string) => void
  readonly #nameOf: (node: NodeId) => string
  readonly #now: () => number
  #seq = 0

  constructor(options: {
    level: LogLevel
    write: (line: string) => void
    nameOf: (node: NodeId) => string
    now: () => number
  }) {
    this.#level = options.level
    this.#write = options.write
    this.#nameOf = options.nameOf
    this.#now = options.now
  }

  /** Takes an event of the core; one that is no news is left out. */
  add(event: NodeEvent): void {
    if (event.type === 'status' && event.quiet === true) return
    const { level, text } = eventWords(event, this.#nameOf)
    this.say(level, event.type, text)
  }

  say(level: LogLevel, type: string, text: string): void {
    this.#seq += 1
    this.#entries.push({ seq: this.#seq, at: this.#now(), type, text })
    if (this.#entries.length > limits.events) this.#entries.shift()
    if (ORDER.indexOf(level) <= ORDER.indexOf(this.#level)) this.#write(`${level} ${type}: ${text}`)
  }

  /** Those after the one numbered `after`, oldest first. */
  since(after: number): EventJson[] {
    const now = this.#now()
    const newer = this.#entries.filter(({ seq }) => seq > after)
    return newer.map(({ seq, at, type, text }) => ({ seq, ageMs: Math.round(now - at), type, text }))
  }
}
