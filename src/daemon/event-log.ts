// The event log: what a person may want to know, in words, in a bounded ring; new lines also go to stderr for the journal.
import type { NodeId } from '../core/env.ts'
import type { NodeEvent } from '../core/events.ts'
import { limits } from '../core/limits.ts'
import type { EventJson } from './api-types.ts'

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'
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

  /** Takes an event of the core. */
  add(event: NodeEvent): void {
    const { level, text } = this.#words(event)
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

  #words(event: NodeEvent): { level: LogLevel; text: string } {
    switch (event.type) {
      case 'status': {
        const level = event.to === 'down' ? 'warn' : 'info'
        return {
          level,
          text: `${this.#nameOf(event.node)} is ${event.to}${event.from === undefined ? '' : ` (was ${event.from})`}`,
        }
      }
      case 'alert':
        return { level: 'warn', text: `${this.#nameOf(event.node)}: ${event.detail}` }
      case 'refused':
        return { level: 'debug', text: `${this.#nameOf(event.peer)} refused at the ${event.detail} (${event.code})` }
      case 'rootAccepted':
        return { level: 'info', text: `root version ${event.version} is in force` }
      case 'rootRefused':
        return { level: 'warn', text: `${this.#nameOf(event.peer)} offered a root that was refused: ${event.detail}` }
      case 'incarnation': {
        const why = event.reason === 'start' ? '' : ', because an earlier record of this node carries a higher one'
        return { level: 'info', text: `incarnation ${event.incarnation}${why}` }
      }
      case 'firstHeartbeat':
        return { level: 'info', text: 'the first record was sent' }
      case 'diskFailed':
      case 'gossipFailed':
        return { level: 'error', text: event.detail }
    }
  }
}
