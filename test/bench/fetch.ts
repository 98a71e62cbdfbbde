// What a transfer costs: 256 MiB of random bytes from one real daemon to one and to four, beside WebTorrent with the same bytes.
// Both take turns on one machine, round after round, so that what else runs there disturbs them alike.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { BYTES, makeArtifact } from './artifact.ts'
import { deliverByPimesh } from './fetch-pimesh.ts'
import { deliverByWebtorrent, webtorrentReady } from './fetch-webtorrent.ts'
import { type BenchFleet, startFleet } from './fleet.ts'
import type { Report } from './main.ts'
import { type Spread, spread, spreadText } from './spread.ts'
import type { Transfer } from './transfer.ts'

const RECEIVERS = [1, 4]
const FLUSH = 600
const BARS = { peakRssBytes: 130e6 }

interface Figures {
  /** Bytes per second that each receiver got, until the last one had verified all. */
  bytesPerSecond: Spread
  installedBytesPerSecond: Spread | null
  /** CPU of all processes for each GiB that was delivered, counted once for each receiver. */
  cpuSecondsPerGiB: Spread
  installedCpuSecondsPerGiB: Spread | null
  senderPeakRssBytes: Spread
  /** Over all receivers. */
  receiverPeakRssBytes: Spread
}

interface Fleet {
  receivers: number
  pimesh: Figures
  webtorrent: Figures | null
  /** pimesh to WebTorrent, of medians. */
  ratios: { bytesPerSecond: number; cpuSecondsPerGiB: number; receiverPeakRssBytes: number } | null
}

export async function benchFetch(say: (line: string) => void, { rounds }: { rounds: number }): Promise<Report> {
  const beside = await webtorrentReady(spawn, say)
  const loads: number[] = []
  const fleets: Fleet[] = []
  for (const receivers of RECEIVERS) {
    const transfers = await compare(receivers, { rounds, beside, say, loads })
    fleets.push(summary(receivers, transfers))
  }
  const json = {
    bench: 'fetch',
    node: process.version,
    cpus: cpus().length,
    model: cpus()[0]?.model ?? null,
    bytes: BYTES,
    rounds,
    load: spread(loads),
    bars: BARS,
    fleets,
  }
  return { json, table: fleets.flatMap(tableOf) }
}

interface Transfers {
  pimesh: Transfer[]
  webtorrent: Transfer[]
}

async function compare(
  receivers: number,
  options: {
    rounds: number
    beside: boolean
    say: (line: string) => void
    loads: number[]
  },
): Promise<Transfers> {
  const { rounds, beside, say, loads } = options
  const folder = await mkdtemp(join(tmpdir(), 'pimesh-bench-'))
  const transfers: Transfers = { pimesh: [], webtorrent: [] }
  let fleet: BenchFleet | undefined
  try {
    say(`1 to ${receivers}: joining and starting`)
    fleet = await startFleet(folder, { nodes: receivers, flush: FLUSH, operator: true, launch: spawn })
    // Everybody has met everybody, and start-up is over.
    await fleet.whole()
    await fleet.counters(2)
    const { operator } = fleet
    if (operator === undefined) throw new Error('there is no operator')
    for (let round = 1; round <= rounds; round++) {
      const path = join(folder, 'artifact')
      const file = { path, hash: await makeArtifact(path, BYTES) }
      const turns = [
        async () => {
          const transfer = await deliverByPimesh({ fleet: fleet as BenchFleet, operator }, file, round)
          transfers.pimesh.push(transfer)
          say(`1 to ${receivers}, round ${round}: pimesh ${line(transfer, receivers)}`)
        },
        async () => {
          const transfer = await deliverByWebtorrent(file, { folder, receivers, launch: spawn })
          transfers.webtorrent.push(transfer)
          say(`1 to ${receivers}, round ${round}: WebTorrent ${line(transfer, receivers)}`)
        },
      ].slice(0, beside ? 2 : 1)
      for (const turn of round % 2 === 1 ? turns : turns.reverse()) {
        // What an earlier turn wrote is not to be written during the next.
        await once(spawn('sync', ['-f', folder]), 'close')
        loads.push(loadavg()[0] as number)
        await turn()
      }
    }
    return transfers
  } finally {
    await fleet?.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function summary(receivers: number, { pimesh, webtorrent }: Transfers): Fleet {
  const ours = figures(receivers, pimesh)
  const theirs = webtorrent.length === 0 ? null : figures(receivers, webtorrent)
  const ratio = (key: 'bytesPerSecond' | 'cpuSecondsPerGiB' | 'receiverPeakRssBytes') =>
    ours[key].median / (theirs?.[key].median ?? Number.NaN)
  const ratios = theirs && {
    bytesPerSecond: ratio('bytesPerSecond'),
    cpuSecondsPerGiB: ratio('cpuSecondsPerGiB'),
    receiverPeakRssBytes: ratio('receiverPeakRssBytes'),
  }
  return { receivers, pimesh: ours, webtorrent: theirs, ratios }
}

function figures(receivers: number, transfers: readonly Transfer[]): Figures {
  const gibibytes = (receivers * BYTES) / 2 ** 30
  const of = (value: (transfer: Transfer) => number) => spread(transfers.map(value))
  const installs = transfers.every(({ installedSeconds }) => installedSeconds !== null)
  return {
    bytesPerSecond: of(({ seconds }) => BYTES / seconds),
    installedBytesPerSecond: installs ? of(({ installedSeconds }) => BYTES / (installedSeconds as number)) : null,
    cpuSecondsPerGiB: of(({ cpuSeconds }) => cpuSeconds / gibibytes),
    installedCpuSecondsPerGiB: installs
      ? of(({ installedCpuSeconds }) => (installedCpuSeconds as number) / gibibytes)
      : null,
    senderPeakRssBytes: of(({ senderPeakRssBytes }) => senderPeakRssBytes),
    receiverPeakRssBytes: spread(transfers.flatMap(({ receiverPeakRssBytes }) => receiverPeakRssBytes)),
  }
}

function line({ seconds, cpuSeconds, senderPeakRssBytes, receiverPeakRssBytes }: Transfer, receivers: number): string {
  const rss = [senderPeakRssBytes, ...receiverPeakRssBytes].map((bytes) => (bytes * 1e-6).toFixed(0)).join(' ')
  const cpu = (cpuSeconds * 2 ** 30) / (receivers * BYTES)
  return `${(BYTES / seconds / 1e6).toFixed(1)} MB/s, ${cpu.toFixed(2)} CPU s/GiB, peak RSS ${rss} MB`
}

function tableOf({ receivers, pimesh, webtorrent, ratios }: Fleet): string[] {
  const rows: [string, keyof Figures, number, number, string, number | undefined][] = [
    ['speed, verified', 'bytesPerSecond', 1e-6, 1, 'MB/s', ratios?.bytesPerSecond],
    ['speed, installed', 'installedBytesPerSecond', 1e-6, 1, 'MB/s', undefined],
    ['CPU, verified', 'cpuSecondsPerGiB', 1, 2, 's/GiB', ratios?.cpuSecondsPerGiB],
    ['CPU, installed', 'installedCpuSecondsPerGiB', 1, 2, 's/GiB', undefined],
    ['peak RSS, sender', 'senderPeakRssBytes', 1e-6, 1, 'MB', undefined],
    ['peak RSS, receivers', 'receiverPeakRssBytes', 1e-6, 1, 'MB', ratios?.receiverPeakRssBytes],
  ]
  const cell = (figures: Figures | null, key: keyof Figures, scale: number, digits: number) => {
    const value = figures?.[key]
    return value ? spreadText(value, scale, digits) : '-'
  }
  return [
    [`1 to ${receivers}`.padEnd(22), 'pimesh'.padEnd(34), 'WebTorrent'.padEnd(34), 'ratio'].join(''),
    ...rows.map(([name, key, scale, digits, unit, ratio]) =>
      [
        `  ${name}`.padEnd(22),
        `${cell(pimesh, key, scale, digits)} ${unit}`.padEnd(34),
        (webtorrent ? cell(webtorrent, key, scale, digits) : 'not available here').padEnd(34),
        ratio === undefined ? '' : ratio.toFixed(2),
      ]
        .join('')
        .trimEnd(),
    ),
    ...(webtorrent === null ? ['WebTorrent: not available here'] : []),
  ]
}
