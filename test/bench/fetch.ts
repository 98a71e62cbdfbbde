// What a transfer costs: 256 MiB of random bytes from one real daemon to one and to four, beside WebTorrent and transmission with the
// same bytes. They take turns on one machine, round after round, so that what else runs there disturbs them alike.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeArtifact } from './artifact.ts'
import { deliverByPimesh } from './fetch-pimesh.ts'
import { deliverByTransmission, transmissionReady } from './fetch-transmission.ts'
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
  /** The same with all that came before: the start of the processes, or publishing where they run already. */
  wholeSeconds: Spread
  wholeCpuSecondsPerGiB: Spread
  installedCpuSecondsPerGiB: Spread | null
  senderPeakRssBytes: Spread
  /** Over all receivers. */
  receiverPeakRssBytes: Spread
}

/** pimesh to another, of medians. */
interface Ratios {
  bytesPerSecond: number
  cpuSecondsPerGiB: number
  receiverPeakRssBytes: number
}

const OTHERS = ['webtorrent', 'transmission'] as const
type Other = (typeof OTHERS)[number]
const NAMES = { pimesh: 'pimesh', webtorrent: 'WebTorrent', transmission: 'transmission' }

interface Fleet {
  receivers: number
  pimesh: Figures
  webtorrent: Figures | null
  transmission: Figures | null
  /** Null for who is not here. */
  ratios: Record<Other, Ratios | null>
}

export async function benchFetch(
  say: (line: string) => void,
  { rounds, bytes }: { rounds: number; bytes: number },
): Promise<Report> {
  const beside: Other[] = []
  if (await webtorrentReady(spawn, say)) beside.push('webtorrent')
  if (await transmissionReady(say)) beside.push('transmission')
  const loads: number[] = []
  const fleets: Fleet[] = []
  for (const receivers of RECEIVERS) {
    const transfers = await compare(receivers, { rounds, bytes, beside, say, loads })
    fleets.push(summary(receivers, bytes, transfers))
  }
  const json = {
    bench: 'fetch',
    node: process.version,
    cpus: cpus().length,
    model: cpus()[0]?.model ?? null,
    bytes,
    rounds,
    load: spread(loads),
    bars: BARS,
    fleets,
  }
  return { json, table: fleets.flatMap(tableOf) }
}

type Transfers = Record<'pimesh' | Other, Transfer[]>

async function compare(
  receivers: number,
  options: {
    rounds: number
    bytes: number
    beside: readonly Other[]
    say: (line: string) => void
    loads: number[]
  },
): Promise<Transfers> {
  const { rounds, bytes, beside, say, loads } = options
  const folder = await mkdtemp(join(tmpdir(), 'pimesh-bench-'))
  const transfers: Transfers = { pimesh: [], webtorrent: [], transmission: [] }
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
      const file = { path, hash: await makeArtifact(path, bytes) }
      const deliver: Record<'pimesh' | Other, () => Promise<Transfer>> = {
        pimesh: () => deliverByPimesh({ fleet: fleet as BenchFleet, operator }, file, round),
        webtorrent: () => deliverByWebtorrent(file, { folder, receivers, launch: spawn }),
        transmission: () => deliverByTransmission(file, { folder, receivers }),
      }
      const turns = ['pimesh', ...beside] as const
      for (const turn of round % 2 === 1 ? turns : turns.toReversed()) {
        // What an earlier turn wrote is not to be written during the next.
        await once(spawn('sync', ['-f', folder]), 'close')
        loads.push(loadavg()[0] as number)
        const transfer = await deliver[turn]()
        transfers[turn].push(transfer)
        say(`1 to ${receivers}, round ${round}: ${NAMES[turn]} ${line(transfer, receivers, bytes)}`)
      }
    }
    return transfers
  } finally {
    await fleet?.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function summary(receivers: number, bytes: number, transfers: Transfers): Fleet {
  const ours = figures(receivers, bytes, transfers.pimesh)
  const theirs = (name: Other) => (transfers[name].length === 0 ? null : figures(receivers, bytes, transfers[name]))
  const [webtorrent, transmission] = [theirs('webtorrent'), theirs('transmission')]
  const ratios = { webtorrent: ratiosOf(ours, webtorrent), transmission: ratiosOf(ours, transmission) }
  return { receivers, pimesh: ours, webtorrent, transmission, ratios }
}

function ratiosOf(ours: Figures, theirs: Figures | null): Ratios | null {
  if (theirs === null) return null
  const ratio = (key: keyof Ratios) => ours[key].median / theirs[key].median
  return {
    bytesPerSecond: ratio('bytesPerSecond'),
    cpuSecondsPerGiB: ratio('cpuSecondsPerGiB'),
    receiverPeakRssBytes: ratio('receiverPeakRssBytes'),
  }
}

function figures(receivers: number, bytes: number, transfers: readonly Transfer[]): Figures {
  const gibibytes = (receivers * bytes) / 2 ** 30
  const of = (value: (transfer: Transfer) => number) => spread(transfers.map(value))
  const installs = transfers.every(({ installedSeconds }) => installedSeconds !== null)
  return {
    bytesPerSecond: of(({ seconds }) => bytes / seconds),
    installedBytesPerSecond: installs ? of(({ installedSeconds }) => bytes / (installedSeconds as number)) : null,
    cpuSecondsPerGiB: of(({ cpuSeconds }) => cpuSeconds / gibibytes),
    wholeSeconds: of(({ wholeSeconds }) => wholeSeconds),
    wholeCpuSecondsPerGiB: of(({ wholeCpuSeconds }) => wholeCpuSeconds / gibibytes),
    installedCpuSecondsPerGiB: installs
      ? of(({ installedCpuSeconds }) => (installedCpuSeconds as number) / gibibytes)
      : null,
    senderPeakRssBytes: of(({ senderPeakRssBytes }) => senderPeakRssBytes),
    receiverPeakRssBytes: spread(transfers.flatMap(({ receiverPeakRssBytes }) => receiverPeakRssBytes)),
  }
}

function line(transfer: Transfer, receivers: number, bytes: number): string {
  const { seconds, cpuSeconds, senderPeakRssBytes, receiverPeakRssBytes } = transfer
  const rss = [senderPeakRssBytes, ...receiverPeakRssBytes].map((peak) => (peak * 1e-6).toFixed(0)).join(' ')
  const cpu = (cpuSeconds * 2 ** 30) / (receivers * bytes)
  return `${(bytes / seconds / 1e6).toFixed(1)} MB/s, ${cpu.toFixed(2)} CPU s/GiB, peak RSS ${rss} MB`
}

const ROWS: readonly [string, keyof Figures, number, number, string][] = [
  ['speed, verified', 'bytesPerSecond', 1e-6, 1, 'MB/s'],
  ['speed, installed', 'installedBytesPerSecond', 1e-6, 1, 'MB/s'],
  ['whole time', 'wholeSeconds', 1, 1, 's'],
  ['CPU, verified', 'cpuSecondsPerGiB', 1, 2, 's/GiB'],
  ['CPU, installed', 'installedCpuSecondsPerGiB', 1, 2, 's/GiB'],
  ['CPU, whole time', 'wholeCpuSecondsPerGiB', 1, 2, 's/GiB'],
  ['peak RSS, sender', 'senderPeakRssBytes', 1e-6, 1, 'MB'],
  ['peak RSS, receivers', 'receiverPeakRssBytes', 1e-6, 1, 'MB'],
]

function tableOf({ receivers, ratios, ...figures }: Fleet): string[] {
  const cells = (name: 'pimesh' | Other, [, key, scale, digits]: (typeof ROWS)[number]) => {
    const value = figures[name]?.[key]
    const own = value ? spreadText(value, scale, digits) : '-'
    const ratio = name === 'pimesh' ? undefined : ratios[name]?.[key as keyof Ratios]
    return ratio === undefined ? own : `${own}, ratio ${ratio.toFixed(2)}`
  }
  return [
    [`1 to ${receivers}`.padEnd(30), 'pimesh'.padEnd(28), ...OTHERS.map((name) => NAMES[name].padEnd(42))].join(''),
    ...ROWS.map((row) =>
      [
        `  ${row[0]}, ${row[4]}`.padEnd(30),
        cells('pimesh', row).padEnd(28),
        ...OTHERS.map((name) => cells(name, row).padEnd(42)),
      ]
        .join('')
        .trimEnd(),
    ),
    ...OTHERS.filter((name) => figures[name] === null).map((name) => `${NAMES[name]}: not available here`),
  ]
}
