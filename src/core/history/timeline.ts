// A timeline: what several members told of one node, unpacked, made into values of one measure, put together, and cut into steps.
// Who told most comes first; the others fill its gaps. Where three or more tell of one time the middle value counts, so that no single one
// of them says what it was. What nobody has stays a gap.
import type { Millis } from '../env.ts'
import { isRate, type Measure, measured, type ReadMetric } from '../fleet/metric-names.ts'
import { limits, SECOND } from '../limits.ts'
import type { ToldBlock } from '../protocols.ts'
import { BlockReader, type Series } from './block.ts'
import type { HistorySource } from './inquiries.ts'

/** What is asked for: a measure of tier A, or a series by its exact name. */
export type Wanted = { measure: Measure } | { series: Series }

/** One row as a value. */
export interface Reading {
  /** Since its tick began, and since its last sample. */
  age: Millis
  taken: Millis
  certain: boolean
  /** Null: there is a row, and no value in it; for a rate also after a gap. */
  value: number | null
  least: number | null
  most: number | null
}

export interface Step {
  /** Since its beginning; it lasts one step. */
  age: Millis
  certain: boolean
  /** Mean over the step; null is a gap. */
  value: number | null
  least: number | null
  most: number | null
}

/** A silence of more than this many periods is one over which no rate is told. */
const RATE_PERIODS = 2.5

/** Series that have to be asked for. */
export function seriesOf(wanted: Wanted): string[] {
  return 'series' in wanted ? [wanted.series.name] : [...wanted.measure.parts, ...wanted.measure.wholes]
}

/** The readings of one member, oldest first. @param tick of its tier. */
export function readingsOf(source: HistorySource, wanted: Wanted, tick: Millis): Reading[] {
  const readings: Reading[] = []
  let earlier: Moment | undefined
  for (const block of [...source.blocks].reverse()) {
    const reader = BlockReader.of(block.payload)
    const seconds = reader?.seconds(block.first)
    if (reader === undefined || seconds === undefined) continue
    const columns = new Map(seriesOf(wanted).map((name) => [name, reader.values(name)]))
    const [least, most] = extremesOf(reader, wanted)
    for (const [row, second] of seconds.entries()) {
      const at: ReadMetric = (name) => columns.get(name)?.[row] ?? null
      const moment = { at, second, run: block.run }
      const value = valueAt(wanted, moment, follows(earlier, moment, block, tick))
      const taken = Math.max(0, block.age - (second - block.first) * SECOND)
      const age = taken + ((second * SECOND) % tick)
      readings.push({
        age,
        taken,
        certain: block.certain,
        value,
        least: least?.[row] ?? value,
        most: most?.[row] ?? value,
      })
      earlier = moment
    }
  }
  return readings
}

/** Readings of several members as one, oldest first, at most one for each `period`. */
export function merged(all: readonly (readonly Reading[])[], period: Millis): Reading[] {
  const byPlace = new Map<number, Reading[]>()
  for (const readings of [...all].sort((a, b) => b.length - a.length)) {
    const mine = new Map(readings.map((reading): [number, Reading] => [Math.floor(reading.age / period), reading]))
    for (const [place, reading] of mine) {
      const told = byPlace.get(place)
      if (told === undefined) byPlace.set(place, [reading])
      else told.push(reading)
    }
  }
  return [...byPlace.values()].map(middleOf).sort((a, b) => b.age - a.age)
}

/** Of two the first: one of them is wrong, and nobody can tell which. */
function middleOf(told: readonly Reading[]): Reading {
  const values = told.filter(({ value }) => value !== null)
  if (values.length < 3) return told[0] as Reading
  return values.sort((a, b) => (a.value as number) - (b.value as number))[(values.length - 1) >> 1] as Reading
}

/** The last `since` in steps, oldest first, gaps included. */
export function stepsOf(readings: readonly Reading[], since: Millis, step: Millis): Step[] {
  const count = Math.ceil(since / step)
  const filled = new Map<number, Reading[]>()
  for (const reading of readings) {
    const place = Math.floor(reading.age / step)
    filled.set(place, [...(filled.get(place) ?? []), reading])
  }
  return Array.from({ length: count }, (_, at) => {
    const place = count - 1 - at
    return stepOf(filled.get(place) ?? [], (place + 1) * step)
  })
}

/** How far apart rows may be at most, by what the newest block says. */
export function periodOf(sources: readonly HistorySource[], tick: Millis): Millis {
  const [newest] = sources.flatMap(({ blocks }) => blocks.slice(0, 1)).sort((a, b) => a.age - b.age)
  return Math.max(tick, Math.min(newest?.period ?? tick, limits.recordPeriodMax))
}

interface Moment {
  at: ReadMetric
  second: number
  run: number
}

function follows(earlier: Moment | undefined, { second, run }: Moment, block: ToldBlock, tick: Millis) {
  if (earlier === undefined || earlier.run !== run) return undefined
  const seconds = second - earlier.second
  const patience = (RATE_PERIODS * Math.max(block.period, tick)) / SECOND
  return seconds > 0 && seconds <= patience ? { at: earlier.at, seconds } : undefined
}

function valueAt(wanted: Wanted, { at }: Moment, earlier: { at: ReadMetric; seconds: number } | undefined) {
  if ('measure' in wanted) return measured(wanted.measure, at, earlier)
  // A name that is no metric of METRICS is read all the same: columns are by name.
  const name = wanted.series.name as Parameters<ReadMetric>[0]
  const value = at(name)
  if (wanted.series.kind === 'gauge' || value === null) return value
  const before = earlier?.at(name) ?? null
  return before === null || value < before || earlier === undefined ? null : (value - before) / earlier.seconds
}

/** Only a gauge that is asked for as it is has them: a ratio of the least values is not the least ratio. */
function extremesOf(reader: BlockReader, wanted: Wanted): [least?: (number | null)[], most?: (number | null)[]] {
  const [name = '', second] = seriesOf(wanted)
  const plain = 'series' in wanted ? wanted.series.kind === 'gauge' : !isRate(wanted.measure)
  if (!plain || second !== undefined) return []
  const [least, most] = [reader.values(name, 'least'), reader.values(name, 'most')]
  return least === undefined || most === undefined ? [] : [least, most]
}

function stepOf(readings: readonly Reading[], age: Millis): Step {
  const values = readings.flatMap(({ value }) => (value === null ? [] : [value]))
  const certain = readings.every((reading) => reading.certain)
  if (values.length === 0) return { age, certain, value: null, least: null, most: null }
  const least = Math.min(...readings.flatMap((one) => (one.least === null ? [] : [one.least])))
  const most = Math.max(...readings.flatMap((one) => (one.most === null ? [] : [one.most])))
  return { age, certain, value: values.reduce((sum, value) => sum + value, 0) / values.length, least, most }
}
