// What an idle daemon costs: the bundled daemon as real processes in one zone of 6 and one of 25, on loopback.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BenchFleet, startFleet } from './fleet.ts'
import type { Report } from './main.ts'
import { type ProcessReading, processReading } from './processes.ts'
import { type Spread, spread } from './spread.ts'

const ZONES = [6, 25]
/** The view is written this often while we measure, so that the window holds several writes; scaled to the default after. */
const FLUSH = 20
const DEFAULT_FLUSH = 600
const BARS = { rssBytes: 110e6, cpuShare: 0.01, cpuToFirstHeartbeatMs: 600, bytesInPerSecond: 4_000 }

interface Reading extends ProcessReading {
  at: number
  bytesIn: number
  bytesOut: number
}

/** @param seconds length of the idle window. */
export async function benchDaemon(say: (line: string) => void, { seconds }: { seconds: number }): Promise<Report> {
  const zones: Record<string, unknown>[] = []
  for (const nodes of ZONES) zones.push(await measure(nodes, seconds, say))
  const json = {
    bench: 'daemon',
    node: process.version,
    cpus: cpus().length,
    model: cpus()[0]?.model ?? null,
    seconds,
    bars: BARS,
    zones,
  }
  return { json, table: tableOf(zones) }
}

async function measure(nodes: number, seconds: number, say: (line: string) => void) {
  const folder = await mkdtemp(join(tmpdir(), 'pimesh-bench-'))
  let fleet: BenchFleet | undefined
  try {
    say(`zone of ${nodes}: joining and starting`)
    fleet = await startFleet(folder, { nodes, flush: FLUSH, launch: spawn })
    await fleet.whole()
    // A first round of heartbeats and hellos is start-up, not idling.
    await fleet.counters(4)
    say(`zone of ${nodes}: whole; idle window of ${seconds} s`)
    const before = await readAll(fleet)
    await fleet.window(seconds)
    const after = await readAll(fleet)
    const starts = await Promise.all(
      fleet.members.map(async ({ client }) => (await client.status()).process.cpuToFirstHeartbeatMs ?? Number.NaN),
    )
    return summary(nodes, before, after, starts)
  } finally {
    await fleet?.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function readAll(fleet: BenchFleet): Promise<Reading[]> {
  return Promise.all(
    fleet.members.map(async ({ pid, client }) => {
      const { traffic } = await client.status()
      return { at: performance.now(), ...processReading(pid), ...traffic }
    }),
  )
}

function summary(nodes: number, before: readonly Reading[], after: readonly Reading[], starts: readonly number[]) {
  const rate = (key: 'cpuMs' | 'writtenBytes' | 'bytesIn' | 'bytesOut') =>
    spread(
      after.map(
        (reading, i) =>
          (reading[key] - (before[i] as Reading)[key]) / ((reading.at - (before[i] as Reading).at) / 1000),
      ),
    )
  const cpu = rate('cpuMs')
  const disk = rate('writtenBytes')
  const perHour = (3600 * FLUSH) / DEFAULT_FLUSH
  return {
    nodes,
    rssBytes: spread(after.map((reading) => reading.rssBytes)),
    cpuShare: times(cpu, 1 / 1000),
    cpuToFirstHeartbeatMs: spread(starts),
    bytesInPerSecond: rate('bytesIn'),
    bytesOutPerSecond: rate('bytesOut'),
    diskBytesPerHour: times(disk, perHour),
  }
}

function times({ median, min, max }: Spread, factor: number): Spread {
  return { median: median * factor, min: min * factor, max: max * factor }
}

function tableOf(zones: readonly Record<string, unknown>[]): string[] {
  const show = (spread: Spread, scale: number, digits: number) =>
    `${(spread.median * scale).toFixed(digits)} (max ${(spread.max * scale).toFixed(digits)})`
  const rows: [string, string, number, number, string][] = [
    ['RSS', 'rssBytes', 1e-6, 1, 'MB'],
    ['idle CPU', 'cpuShare', 100, 2, '% of a core'],
    ['CPU to first heartbeat', 'cpuToFirstHeartbeatMs', 1e-3, 2, 's'],
    ['bytes in', 'bytesInPerSecond', 1e-3, 2, 'kB/s'],
    ['bytes out', 'bytesOutPerSecond', 1e-3, 2, 'kB/s'],
    ['written to disk', 'diskBytesPerHour', 1e-3, 0, 'kB/h'],
  ]
  return rows.map(([name, key, scale, digits, unit]) => {
    const cells = zones.map((zone) => `zone of ${zone.nodes}: ${show(zone[key] as Spread, scale, digits)}`)
    return `${name.padEnd(24)}${cells.join('   ')} ${unit}`
  })
}
