// What the kernel says of processes: CPU, memory and disk, read from /proc; and CPU over time, so that it can be told for any moment.
import { readFileSync } from 'node:fs'

const TICK_MS = 10
const CPU_PERIOD = 100

/** Of one process; times since it began. */
export interface ProcessReading {
  cpuMs: number
  rssBytes: number
  /** The highest resident memory so far. */
  peakRssBytes: number
  writtenBytes: number
}

export function processReading(pid: number): ProcessReading {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024
  const io = readFileSync(`/proc/${pid}/io`, 'utf8')
  return {
    cpuMs: cpuMs(pid),
    rssBytes: kib('VmRSS'),
    peakRssBytes: kib('VmHWM'),
    writtenBytes: Number(/^write_bytes: (\d+)/m.exec(io)?.[1]),
  }
}

/** User and system time since the process began, all its threads. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/**
 * Reads the CPU of some processes ten times a second, which takes about a thousandth of a core, so that when a transfer has ended
 * its CPU can be told up to the moment of its end, however much later that is learnt.
 */
export class CpuWatch {
  readonly #pids: readonly number[]
  readonly #readings: { at: number; cpuMs: number }[] = []
  readonly #timer: NodeJS.Timeout
  #stopped = false

  constructor(pids: readonly number[]) {
    this.#pids = pids
    this.#read()
    this.#timer = setInterval(() => this.#read(), CPU_PERIOD)
  }

  /** CPU of all of them between two moments of performance.now(), in ms. */
  between(from: number, to: number): number {
    return this.#at(to) - this.#at(from)
  }

  /** Takes a last reading. Idempotent. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    clearInterval(this.#timer)
    this.#read()
  }

  /** A process that has gone is missed by whoever waits for it: here it only ends the readings. */
  #read(): void {
    try {
      this.#readings.push({ at: performance.now(), cpuMs: this.#pids.reduce((sum, pid) => sum + cpuMs(pid), 0) })
    } catch {
      clearInterval(this.#timer)
    }
  }

  /** Between two readings the CPU is taken to have been used evenly. */
  #at(moment: number): number {
    const after = this.#readings.findIndex(({ at }) => at >= moment)
    const later = this.#readings[after]
    const earlier = this.#readings[after - 1]
    if (later === undefined) return this.#readings.at(-1)?.cpuMs ?? 0
    if (earlier === undefined) return later.cpuMs
    const share = (moment - earlier.at) / (later.at - earlier.at)
    return earlier.cpuMs + share * (later.cpuMs - earlier.cpuMs)
  }
}
