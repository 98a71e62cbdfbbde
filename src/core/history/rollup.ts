// One tick's samples made into one row: of a gauge the mean, of a counter and of a set of bits the last value. A mean of bits means
// nothing, and a counter's growth between two rows is exact only by its last value.
import { utf8 } from '../bytes.ts'
import type { Millis } from '../env.ts'
import { METRICS, type Metric, type MetricValues } from '../fleet/metrics.ts'
import { type NamedValue, seriesId } from '../fleet/named-values.ts'
import { limits } from '../limits.ts'
import type { Aggregate, Series } from './block.ts'

/** A value of a series of any tier, as an answer lists them. */
export interface SeriesValue extends Series {
  value: number | null
  /** Since it was taken; absent where nobody says. */
  age?: Millis
}

export interface RowValue {
  series: Series
  aggregate: Aggregate
  value: number
}

export type Row = readonly RowValue[]

interface Gathered {
  series: Series
  averaged: boolean
  sum: number
  count: number
  last: number
  least: number
  most: number
}

/** Digits of a mean: more than a sensor has, few enough to pack. */
const MEAN_DIGITS = 6
const metrics: readonly Metric[] = METRICS

export class Rollup {
  readonly #extremes: boolean
  readonly #gathered = new Map<string, Gathered>()

  constructor(extremes: boolean) {
    this.#extremes = extremes
  }

  take(values: MetricValues, more: readonly NamedValue[] = []): void {
    for (const [index, value] of values.entries()) {
      const metric = metrics[index]
      if (metric !== undefined && value !== null) this.#add(metric, value)
    }
    for (const one of more) this.#add(seriesOf(one), one.value)
  }

  /** The row of what was taken since the last call; empty when nothing was. */
  close(): Row {
    const row = this.row()
    this.#gathered.clear()
    return row
  }

  /** The same, of a tick that goes on. */
  row(): Row {
    return [...this.#gathered.values()].flatMap((one) => this.#valuesOf(one))
  }

  #add(series: Series, value: number): void {
    if (!Number.isFinite(value)) return
    const one = this.#gathered.get(series.name)
    if (one === undefined) {
      const averaged = series.kind === 'gauge' && series.unit !== 'bits'
      this.#gathered.set(series.name, {
        series,
        averaged,
        sum: value,
        count: 1,
        last: value,
        least: value,
        most: value,
      })
      return
    }
    one.sum += value
    one.count += 1
    one.last = value
    one.least = Math.min(one.least, value)
    one.most = Math.max(one.most, value)
  }

  #valuesOf({ series, averaged, sum, count, last, least, most }: Gathered): RowValue[] {
    if (!averaged) return [{ series, aggregate: 'value', value: last }]
    const mean = least === most ? last : Number((sum / count).toPrecision(MEAN_DIGITS))
    const value: RowValue = { series, aggregate: 'value', value: mean }
    if (!this.#extremes) return [value]
    return [value, { series, aggregate: 'least', value: least }, { series, aggregate: 'most', value: most }]
  }
}

const ours = new Set<string>(METRICS.map(({ name }) => name))

/**
 * Which named values are kept: no series of METRICS under another's unit, none whose name is empty or too long, and not more than
 * limits.historySeries, those that were there first.
 */
export class NamedIntake {
  readonly #known = new Set<string>()

  /** How many series it keeps. */
  get size(): number {
    return this.#known.size
  }

  admit(more: readonly NamedValue[]): NamedValue[] {
    return more.filter((one) => this.#isKnown(seriesId(one), one.unit))
  }

  #isKnown(name: string, unit: string): boolean {
    if (this.#known.has(name)) return true
    const fits = name !== '' && Math.max(utf8(name).length, utf8(unit).length) <= limits.historyNameBytes
    if (!fits || ours.has(name) || this.#known.size >= limits.historySeries) return false
    this.#known.add(name)
    return true
  }
}

/** Who does not say what a value is means one that goes up and down: a mean of it is right for more things than a rate. */
function seriesOf({ name, labels, unit, kind }: NamedValue): Series {
  return { name: seriesId({ name, labels }), unit, kind: kind === 'counter' ? 'counter' : 'gauge' }
}
