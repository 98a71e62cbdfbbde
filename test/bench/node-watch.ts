// CPU and memory of what runs in some nodes, read from /proc ten times a second: of each node's main process and all that it started.
// What a process used is kept when it ends, so that at most its last tenth of a second is missed.
import { readFileSync } from 'node:fs'
import { processReading } from './processes.ts'

const PERIOD = 100

/** Of one process, as last seen. */
interface Seen {
  cpuMs: number
  peakRssBytes: number
}

export class NodeWatch {
  readonly #processes: ReadonlyMap<string, number>
  readonly #seen = new Map<string, Map<number, Seen>>()
  readonly #readings = new Map<string, { at: number; cpuMs: number }[]>()
  readonly #timer: NodeJS.Timeout

  /** @param processes main process of each node by its name; looked at anew each time. */
  constructor(processes: ReadonlyMap<string, number>) {
    this.#processes = processes
    this.#read()
    this.#timer = setInterval(() => this.#read(), PERIOD)
  }

  /** Takes a last reading. */
  stop(): void {
    clearInterval(this.#timer)
    this.#read()
  }

  /** CPU of a node from a moment of performance.now() on, in ms; exact to a tenth of a second. */
  cpuMsSince(name: string, from: number): number {
    const readings = this.#readings.get(name) ?? []
    const before = readings.findLast(({ at }) => at <= from)
    return (readings.at(-1)?.cpuMs ?? 0) - (before?.cpuMs ?? 0)
  }

  /** The highest resident memory of the largest of a node's processes: one that was just forked still shares that of its parent. */
  peakRssBytes(name: string): number {
    return Math.max(0, ...[...(this.#seen.get(name)?.values() ?? [])].map(({ peakRssBytes }) => peakRssBytes))
  }

  #read(): void {
    for (const [name, main] of this.#processes) {
      const seen = this.#seen.get(name) ?? new Map<number, Seen>()
      this.#seen.set(name, seen)
      for (const pid of family(main)) {
        const reading = attempt(() => processReading(pid))
        if (reading !== undefined && reading.peakRssBytes > 0) seen.set(pid, reading)
      }
      const readings = this.#readings.get(name) ?? []
      this.#readings.set(name, readings)
      readings.push({ at: performance.now(), cpuMs: [...seen.values()].reduce((sum, { cpuMs }) => sum + cpuMs, 0) })
    }
  }
}

/** A process and all that it started. */
function family(pid: number): number[] {
  const children = attempt(() => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')) ?? ''
  return [pid, ...children.split(' ').filter(Boolean).map(Number).flatMap(family)]
}

/** Undefined when the process has gone. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
