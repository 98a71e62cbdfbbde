// The budgets of this node, as the local API's JSON.
import { type BudgetSnapshot, clockText, pauseText } from '../core/swarm/budgets.ts'
import { monthText } from '../core/swarm/month.ts'
import type { Relaying } from '../ports/links.ts'
import type { BudgetsJson } from './api-budget-types.ts'
import type { Config } from './config.ts'

export function budgetsJson(budgets: BudgetSnapshot, relay: Config['relay'] & Relaying, now: number): BudgetsJson {
  const { lan, upload, each, download, month, hours, heat } = budgets
  const rate = ({ limit, rate }: BudgetSnapshot['upload']) => ({ limit: limit ?? null, now: Math.round(rate) })
  const { windows, open, next } = hours
  return {
    lan,
    upload: rate(upload),
    each: each ?? null,
    download: rate(download),
    month: {
      month: month.month === 0 ? null : monthText(month.month),
      limit: month.limit ?? null,
      used: month.up + month.down,
      ...{ up: month.up, down: month.down, left: month.left ?? null },
      remainingMs: Math.round(month.remaining),
    },
    hours: {
      windows: windows.map(({ from, to }) => `${clockText(from)}-${clockText(to)}`),
      open: open ?? null,
      turns: next === undefined ? null : { at: clockText(next.minute), inMs: Math.round(next.after) },
    },
    heat: { limit: heat.limit ?? null, celsius: heat.celsius, throttled: heat.throttled },
    paused: pausedJson(budgets, now),
    relay: {
      ...{ offers: relay.offer, rate: relay.rate, monthly: relay.monthly },
      ...{ bytes: relay.bytes, refused: relay.refused },
    },
  }
}

function pausedJson({ paused, month, hours }: BudgetSnapshot, now: number): BudgetsJson['paused'] {
  if (paused === undefined) return null
  const { why, lan, since } = paused
  const resumes = why === 'month' ? month.remaining : why === 'hours' ? hours.next?.after : undefined
  return {
    ...{ reason: why, detail: pauseText(paused), ageMs: Math.round(now - since) },
    ...{ resumesInMs: resumes === undefined ? null : Math.round(resumes), lan },
  }
}
