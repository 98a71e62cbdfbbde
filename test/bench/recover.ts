// How soon two sites exchange again after something went wrong between them: from the last good exchange to the next one.
import { cpus, loadavg } from 'node:os'
import { Lab } from '../lab/lab.ts'
import { ExchangeWatch } from './exchange.ts'
import { linkOf, ms, routeText } from './lab-looks.ts'
import type { Report } from './main.ts'
import { type Case, cases, type Pair } from './recover-cases.ts'
import { type Spread, spread } from './spread.ts'

/** Before a try: relays are reserved and the link has taken its best path by then, or will not. */
const SETTLE_BOUND = 60_000
const DIRECT_BOUND = 30_000
/** As many as a node wants. */
const RELAYS = 2
const RECOVERY_BOUND = 90_000

interface Settings {
  tries: number
  /** Name of one case; all without it. */
  only: string | undefined
  cableSeconds: number
}

interface Try {
  /** Null: not within the bound, and why. */
  ms: number | null
  failure: string | null
  /** How the link went before and after. */
  before: string
  after: string
}

interface Row {
  case: string
  what: string
  from: Case['from']
  barSeconds: number
  tries: number
  recovered: number
  seconds: Spread | null
  routes: string[]
  failures: string[]
  met: boolean
}

export async function benchRecover(say: (line: string) => void, settings: Settings): Promise<Report> {
  const chosen = Object.entries(cases).filter(([name]) => settings.only === undefined || settings.only === name)
  const load = loadavg()[0] as number
  const rows: Row[] = []
  for (const [name, one] of chosen) rows.push(rowOf(name, one, await measure(name, one, settings, say)))
  const json = {
    bench: 'recover',
    node: process.version,
    cpus: cpus().length,
    model: cpus()[0]?.model ?? null,
    load,
    cableSeconds: settings.cableSeconds,
    cases: rows,
  }
  return { json, table: tableOf(rows), ok: rows.every(({ met }) => met) }
}

async function measure(name: string, one: Case, settings: Settings, say: (line: string) => void): Promise<Try[]> {
  const done: Try[] = []
  const pairs = one.pairs(settings.tries)
  say(`${name}: building the laboratory`)
  const lab = await Lab.up(one.sites(settings.tries))
  try {
    while (done.length < settings.tries) {
      const round = pairs.slice(0, settings.tries - done.length)
      await settle(lab, one, round, say)
      await one.before?.(lab, round, settings)
      for (const pair of round) {
        const result = await attempt(lab, one, pair, done.length + 1)
        done.push(result)
        say(`${name}, try ${done.length}: ${result.failure ?? ms(result.ms)}; ${result.before} -> ${result.after}`)
      }
      await one.after?.(lab)
    }
    return done
  } finally {
    await lab.dispose()
  }
}

/** Whatever came before has passed when all pairs exchange, have their relays, and their link has taken its best path. */
async function settle(lab: Lab, one: Case, pairs: readonly Pair[], say: (line: string) => void): Promise<void> {
  for (const pair of pairs) {
    const watch = new ExchangeWatch(lab, pair)
    const relays = Math.min(RELAYS, lab.nodes('pub').filter((name) => lab.daemons.runs(name)).length)
    try {
      await watch.steady(SETTLE_BOUND)
      await lab.daemons.until('its relays are reserved', SETTLE_BOUND, async () =>
        (await Promise.all(pair.map((name) => relaysOf(lab, name)))).every((count) => count >= relays),
      )
      if (one.direct)
        await lab.daemons.until('its link is direct', DIRECT_BOUND, async () => {
          const link = await linkOf(lab, ...pair)
          return link?.path !== undefined && link.path.route !== 'relayed'
        })
    } catch (error) {
      say(`${pair.join(' and ')} did not settle: ${(error as Error).message}`)
    }
    await watch.stop()
  }
}

async function relaysOf({ daemons }: Lab, name: string): Promise<number> {
  return (await daemons.client(name).status()).reach?.relays.length ?? 0
}

async function attempt(lab: Lab, one: Case, pair: Pair, number: number): Promise<Try> {
  const before = routeText(await linkOf(lab, ...pair))
  const watch = new ExchangeWatch(lab, pair)
  try {
    const { began, over, wholeMs } = await one.fault(lab, pair, number)
    const { gapMs, backMs } = await watch.recovered({ began, over, bound: RECOVERY_BOUND })
    const after = routeText(await linkOf(lab, ...pair))
    return { ms: wholeMs ?? (one.from === 'back' ? backMs : gapMs), failure: null, before, after }
  } catch (error) {
    const after = routeText(await linkOf(lab, ...pair))
    return { ms: null, failure: (error as Error).message, before, after }
  } finally {
    await watch.stop()
  }
}

function rowOf(name: string, { what, from, barSeconds }: Case, tries: readonly Try[]): Row {
  const times = tries.map((one) => one.ms).filter((time) => time !== null)
  const seconds = times.length === 0 ? null : spread(times.map((time) => time / 1000))
  return {
    case: name,
    what,
    from,
    barSeconds,
    tries: tries.length,
    recovered: times.length,
    seconds,
    routes: [...new Set(tries.map(({ before, after }) => `${before} -> ${after}`))],
    failures: tries.flatMap(({ failure }) => failure ?? []),
    met: seconds !== null && times.length === tries.length && seconds.max <= barSeconds,
  }
}

function tableOf(rows: readonly Row[]): string[] {
  return rows.map(({ what, from, barSeconds, tries, recovered, seconds, met }) => {
    const start = from === 'back' ? 'after all is there again' : 'from the last good exchange'
    const times = seconds === null ? '-' : `${seconds.median.toFixed(2)} s, worst ${seconds.max.toFixed(2)} s`
    return `${what.padEnd(64)} ${recovered}/${tries}  ${times} ${start} (bar ${barSeconds} s: ${met ? 'met' : 'missed'})`
  })
}
