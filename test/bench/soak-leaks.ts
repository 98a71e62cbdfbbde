// What daemons hold while a soak goes on: memory, links, connections, servers and timers; and whether that grows. Each daemon is
// compared with itself, so only those count that ran through.
import type { Lab } from '../lab/lab.ts'
import { processReading } from './processes.ts'

/** The mean of so many minutes is compared. */
const WINDOW = 2
const ALLOWED = 0.1

export interface Holding {
  minute: number
  name: string
  pid: number
  /** By what is held. */
  counts: Record<string, number>
}

export interface Growth {
  what: string
  /** Means per daemon around the first moment, and at the end. */
  first: number
  last: number
  /** At the end not more than a tenth above. */
  met: boolean
}

export function holdings(lab: Lab, minute: number): Promise<Holding[]> {
  const names = lab.nodes().filter((name) => lab.daemons.runs(name))
  return Promise.all(
    names.map(async (name) => {
      const { links, process } = await lab.daemons.client(name).status()
      const { TCPSocketWrap = 0, TCPServerWrap = 0, Timeout = 0 } = process.resources ?? {}
      const counts = {
        'resident bytes': processReading(process.pid).rssBytes,
        links: links.length,
        connections: TCPSocketWrap,
        listeners: TCPServerWrap,
        timers: Timeout,
      }
      return { minute, name, pid: process.pid, counts }
    }),
  )
}

/** Compares the first minutes from `from` on with the last ones, over all daemons that ran all the while. */
export function leaks(held: readonly Holding[], from: number): Growth[] {
  const end = held.at(-1)?.minute ?? 0
  const first = held.filter(({ minute }) => minute >= from && minute < from + WINDOW)
  const last = held.filter(({ minute }) => minute > end - WINDOW)
  const pids = new Set(first.map(({ pid }) => pid).filter((pid) => last.some((holding) => holding.pid === pid)))
  const mean = (some: readonly Holding[], what: string) => {
    const values = some.filter(({ pid }) => pids.has(pid)).map(({ counts }) => counts[what] as number)
    return values.reduce((sum, value) => sum + value, 0) / values.length
  }
  return Object.keys(first[0]?.counts ?? {}).map((what) => {
    const [before, after] = [mean(first, what), mean(last, what)]
    return { what, first: before, last: after, met: after <= before * (1 + ALLOWED) }
  })
}
