// Budgets in words: for `status` and `doctor`.
import type { BudgetsJson } from '../../daemon/api-budget-types.ts'
import type { InstallHereJson, ReleaseJson } from '../../daemon/api-types.ts'
import { plain } from '../frame/terminal.ts'
import { bytes, counted, span } from './quantity.ts'

/** Lines of `status`: each budget, what it came to, which releases need more, and why nothing goes. */
export function budgetLines(budgets: BudgetsJson | undefined, releases: readonly ReleaseJson[]): [string, string][] {
  if (budgets === undefined) return []
  return [
    ['upload', uploadText(budgets)],
    ['download', `${limitText(budgets.download.limit)}, now ${bytes(budgets.download.now)}/s`],
    ['month', monthText(budgets)],
    ...shortages(budgets, releases).map((one): [string, string] => ['', shortageText(one)]),
    ['hours', hoursText(budgets)],
    ['heat', heatText(budgets)],
    ...relayLine(budgets),
    ...(budgets.paused === null ? [] : [['paused', pausedText(budgets.paused)] as [string, string]]),
  ]
}

/** `since 12 h: nothing comes from or goes to other sites outside of swarm.hours: it goes on at 22:00 (in 2 h); the LAN is free`. */
export function pausedText({ detail, ageMs, resumesInMs, lan }: NonNullable<BudgetsJson['paused']>): string {
  const when = resumesInMs === null ? '' : ` (in ${span(resumesInMs)})`
  return `since ${span(ageMs)}: ${detail}${when}${lan ? '' : '; the LAN is free'}`
}

/** A release that is fetched here and needs more than is left of the month. */
export interface Shortage {
  release: string
  /** Bytes. */
  missing: number
}

/** Releases on their way to this machine that the month's budget cannot bring here whole. */
export function shortages(budgets: BudgetsJson | undefined, releases: readonly ReleaseJson[]): Shortage[] {
  const left = budgets?.month.left ?? null
  // Of a month that is used up it is said anyway that it pauses.
  if (left === null || left === 0) return []
  return releases.flatMap(({ release, here, selected }) => {
    const missing = here === null || selected !== true ? 0 : missingOf(here)
    return missing > left ? [{ release: plain(release), missing }] : []
  })
}

/** `acme/agent@2.4.0 lacks 1.2 GB, more than is left of this month`. */
export function shortageText({ release, missing }: Shortage): string {
  return `${release} lacks ${bytes(missing)}, more than is left of this month`
}

const FETCHING = ['announced', 'fetching']

function missingOf({ state, bytes: have, totalBytes }: InstallHereJson): number {
  return FETCHING.includes(state) ? totalBytes - have : 0
}

function uploadText({ upload, each, lan }: BudgetsJson): string {
  const toOne = each === null ? '' : `, to one member ${bytes(each)}/s`
  return `${limitText(upload.limit)}${toOne}, now ${bytes(upload.now)}/s${lan ? ' (the LAN counts, too)' : ''}`
}

function limitText(limit: number | null): string {
  return limit === null ? 'unlimited' : `${bytes(limit)}/s`
}

function monthText({ month }: BudgetsJson): string {
  const { limit, used, up, down, left, remainingMs } = month
  const when = month.month === null ? 'in this month by uptime' : `in ${month.month}`
  const ways = `${when} (${bytes(up)} up, ${bytes(down)} down)`
  if (limit === null || left === null) return `unlimited, ${bytes(used)} ${ways}`
  return `${bytes(used)} of ${bytes(limit)} ${ways}, ${bytes(left)} left for ${span(remainingMs)}`
}

function hoursText({ hours }: BudgetsJson): string {
  const { windows, open, turns } = hours
  if (windows.length === 0) return 'always'
  const list = windows.join(', ')
  if (open === null) return `${list}: closed, as the clock is not synchronised`
  const until = turns === null ? '' : ` until ${turns.at} (${span(turns.inMs)})`
  return `${list}: ${open ? 'open' : 'closed'}${until}`
}

function heatText({ heat }: BudgetsJson): string {
  const { limit, celsius, throttled } = heat
  const now = celsius === null ? 'temperature not measured' : `now ${celsius.toFixed(1)} °C`
  const bound = limit === null ? 'never rests' : `rests from ${limit} °C on`
  return `${bound}, ${now}${throttled ? ', throttled by the firmware' : ''}`
}

/** Who never relays has no use for it. */
function relayLine({ relay }: BudgetsJson): [string, string][] {
  const { offers, rate, monthly, bytes: forwarded, refused } = relay
  if (offers === 'never') return []
  const turned = refused === 0 ? '' : `, ${counted(refused, 'time')} refused as the budget was used up`
  return [['relay', `${bytes(rate)}/s, ${bytes(monthly)} in 30 days, ${bytes(forwarded)} since start${turned}`]]
}
