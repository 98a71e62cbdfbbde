// A large file through a relay to a node on a thin wire: how much of the wire it gets, what the relay's memory does meanwhile, and
// whether the records of that node, and those of others at it, still come within their promise.
import { cpus, loadavg } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { Lab } from '../lab/lab.ts'
import { arrives, send } from './lab-file.ts'
import { linkOf, routeText, whole } from './lab-looks.ts'
import type { Report } from './main.ts'
import { processReading } from './processes.ts'

const BYTES = 64 * 2 ** 20
/** Mbit/s towards the receiver, and from it. */
const DOWN = 2
const UP = 1
const ZONE = '/lab/thin'
const WHOLE_BOUND = 60_000
const LOOK = 1_000
const BARS = { linkShare: 0.9, relayGrowthBytes: 20e6, lateShare: 1 }
/** Half as fast as the wire: it failed. */
const TRANSFER_BOUND = (2 * BYTES * 8_000) / (DOWN * 1e6)

const NODES = ['from-1', 'thin-1', 'third-1'] as const

export async function benchThin(say: (line: string) => void): Promise<Report> {
  const load = loadavg()[0] as number
  say('building the laboratory')
  const lab = await Lab.up([
    { name: 'pub', kind: 'open', nodes: 2 },
    { name: 'from', kind: 'random', zone: ZONE },
    { name: 'thin', kind: 'random', zone: ZONE, down: DOWN, up: UP },
    { name: 'third', kind: 'plain', zone: ZONE },
  ])
  try {
    await whole(lab, NODES, WHOLE_BOUND)
    const figures = await transfer(lab, say)
    const { linkShare, relayGrowthBytes, lateShare } = figures
    const ok = linkShare >= BARS.linkShare && relayGrowthBytes < BARS.relayGrowthBytes && lateShare <= BARS.lateShare
    const machine = { node: process.version, cpus: cpus().length, model: cpus()[0]?.model ?? null, load }
    const json = { bench: 'thin', ...machine, bytes: BYTES, mbits: DOWN, bars: BARS, ...figures, ok }
    return { json, table: tableOf(figures), ok }
  } finally {
    await lab.dispose()
  }
}

type Figures = Awaited<ReturnType<typeof transfer>>

async function transfer(lab: Lab, say: (line: string) => void) {
  const route = routeText(await linkOf(lab, 'thin-1', 'from-1'))
  const relays = lab.nodes('pub').map((name) => lab.daemons.pid(name))
  const before = relays.map((pid) => processReading(pid).rssBytes)
  const sent = await send(lab, { from: 'from-1', to: 'name == "thin-1"', name: 'thin@1', bytes: BYTES })
  say(`thin-1 is ${route}; ${BYTES} bytes announced`)
  const watch = new Watch(lab, relays)
  try {
    const { verifiedMs = Number.NaN, installedMs = Number.NaN } = await arrives(lab, 'thin-1', sent, TRANSFER_BOUND)
    const growths = watch.peaks.map((peak, at) => peak - (before[at] as number))
    return {
      route,
      seconds: verifiedMs / 1000,
      installedSeconds: installedMs / 1000,
      /** Payload of the file over what the wire could carry of whole frames. */
      linkShare: (BYTES * 8_000) / (DOWN * 1e6) / verifiedMs,
      relayGrowthBytes: Math.max(...growths),
      lateShare: watch.worst.share,
      latest: watch.worst.text,
      routeAfter: routeText(await linkOf(lab, 'thin-1', 'from-1')),
    }
  } finally {
    await watch.stop()
  }
}

/** Looks once a second at the relays' memory, and at how old the records of others are everywhere. */
class Watch {
  readonly peaks: number[]
  /** The oldest record as a share of its promise: above 1 the promise was broken. */
  worst = { share: 0, text: '' }
  readonly #done: Promise<void>
  #stopped = false

  constructor(lab: Lab, relays: readonly number[]) {
    this.peaks = relays.map(() => 0)
    this.#done = this.#run(lab, relays)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  async #run(lab: Lab, relays: readonly number[]): Promise<void> {
    while (!this.#stopped) {
      for (const [at, pid] of relays.entries())
        this.peaks[at] = Math.max(this.peaks[at] as number, processReading(pid).rssBytes)
      for (const name of NODES) await this.#look(lab, name)
      await pause(LOOK)
    }
  }

  async #look({ daemons }: Lab, at: string): Promise<void> {
    const { nodes } = await daemons.client(at).nodes({ zones: [ZONE] })
    for (const { name, ageMs, promiseMs, status } of nodes) {
      const share = name === at ? 0 : (ageMs ?? 0) / promiseMs
      if (share <= this.worst.share) continue
      const age = `${((ageMs ?? 0) / 1000).toFixed(1)} s old`
      this.worst = { share, text: `${name} at ${at}: ${age}, promised within ${promiseMs / 1000} s, ${status}` }
    }
  }
}

function tableOf({ route, seconds, linkShare, relayGrowthBytes, lateShare, latest }: Figures): string[] {
  return [
    `${route}: ${BYTES} bytes in ${seconds.toFixed(1)} s, ${(100 * linkShare).toFixed(1)} % of ${DOWN} Mbit/s (bar ${100 * BARS.linkShare} %)`,
    `memory of a relay grew by ${(relayGrowthBytes / 1e6).toFixed(1)} MB (bar ${BARS.relayGrowthBytes / 1e6} MB)`,
    `oldest record: ${(100 * lateShare).toFixed(0)} % of its promise (bar ${100 * BARS.lateShare} %), ${latest}`,
  ]
}
