// Quantities of the configuration that a person writes with their unit: rates, amounts of data, times of the day, degrees.
import type { Window } from '../core/swarm/hours.ts'
import type { ConfigKey } from './config-kinds.ts'

/** What stands for no bound. */
const UNLIMITED = 'unlimited'
type Amount = number | typeof UNLIMITED

/** Bytes a second. Wires are sold in bits. */
export const RATE_UNITS: Readonly<Record<string, number>> = {
  'kB/s': 1e3,
  'MB/s': 1e6,
  'GB/s': 1e9,
  'kbit/s': 125,
  'Mbit/s': 125e3,
  'Gbit/s': 125e6,
}

/** Bytes. */
export const VOLUME_UNITS: Readonly<Record<string, number>> = { MB: 1e6, GB: 1e9, TB: 1e12 }

interface Quantity {
  what: string
  units: Readonly<Record<string, number>>
  /** As a person would write it, in quotes. */
  examples: string
  least: string
  most: string
  why: string
}

/** A text such as "200 GB". */
export function measure(key: Quantity & { default: string }): ConfigKey<number> {
  return { ...readable(key, ''), default: key.default, why: key.why }
}

/** A text such as "2 MB/s", or "unlimited", which is the default. */
export function quantity(key: Quantity): ConfigKey<Amount> {
  const amount = readable(key, `, or "${UNLIMITED}"`)
  const reads = (value: unknown) => (value === UNLIMITED ? UNLIMITED : amount.read(value))
  return { ...amount, default: UNLIMITED, why: key.why, read: reads }
}

/** What stands for nothing at all. */
const NONE = 'none'

/** Bytes of a disk as a text such as "2 GB", or "none". */
export function room(key: { default: string; why: string }): ConfigKey<number> {
  const disk = { what: 'an amount', units: VOLUME_UNITS, examples: '"2 GB"', least: '1 MB', most: '1000 TB' }
  const amount = readable({ ...disk, why: key.why }, `, or "${NONE}"`)
  return { ...amount, ...key, read: (value) => (value === NONE ? 0 : amount.read(value)) }
}

/** A number alone is refused: nobody can tell kB from MB by it. `others`: words that are taken as well, as the end of a sentence. */
function readable({ what, units, examples, least, most }: Quantity, others: string) {
  const [from, to] = [least, most].map((text) => amountIn(text, units)) as [number, number]
  const must = `${what} with its unit such as ${examples}, from ${least} to ${most}${others}`
  return {
    must,
    read: (value: unknown) => {
      const amount = typeof value === 'string' ? amountIn(value, units) : undefined
      return amount !== undefined && amount >= from && amount <= to ? amount : undefined
    },
    problem: (value: unknown) => {
      const unit = unitOf(value)
      if (unit === undefined || Object.hasOwn(units, unit)) return undefined
      if (unit === '')
        return `${typeof value === 'number' ? value : JSON.stringify(value)} has no unit: it must be ${must}`
      return `"${unit}" is none of its units, which are ${Object.keys(units).join(', ')}: it must be ${must}`
    },
  }
}

/** A number, and its unit or nothing: no digit of the number is taken for a unit. */
const NUMBER = /^(\d{1,9}(?:\.\d{1,6})?) ?([^\s\d.]\S{0,19}|)$/

function amountIn(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, number, unit = ''] = NUMBER.exec(text) ?? []
  const size = Object.hasOwn(units, unit) ? units[unit] : undefined
  return number === undefined || size === undefined ? undefined : Math.round(Number(number) * size)
}

/** Empty where a number stands alone; undefined where there is no number to begin with. */
function unitOf(value: unknown): string | undefined {
  if (typeof value === 'number') return ''
  return typeof value === 'string' ? NUMBER.exec(value)?.[2] : undefined
}

const WINDOWS_MAX = 16
const TIME = /^(\d\d):(\d\d)-(\d\d):(\d\d)$/
const EXAMPLE = '"22:00-06:00"'

/** A list of "HH:MM-HH:MM"; the end may be 24:00, and comes before the beginning where midnight lies between. */
export const hours = {
  read(value: unknown): readonly Window[] | undefined {
    if (!Array.isArray(value) || value.length > WINDOWS_MAX) return undefined
    const windows = value.map((text) => (windowProblem(text) === undefined ? windowOf(text) : undefined))
    return windows.every((window) => window !== undefined) ? windows : undefined
  },
  problem(value: unknown): string | undefined {
    if (!Array.isArray(value)) return undefined
    const wrong = value.find((text) => windowProblem(text) !== undefined)
    return wrong === undefined ? undefined : `${JSON.stringify(wrong)} ${windowProblem(wrong)}`
  },
}

/** The end of a sentence that begins with the text. */
function windowProblem(text: unknown): string | undefined {
  const window = windowOf(text)
  if (window === undefined) return `is not two times of the day such as ${EXAMPLE}`
  if (window.from === window.to) return 'begins and ends at the same minute: write [] for all hours'
  return undefined
}

function windowOf(text: unknown): Window | undefined {
  const [whole, ...parts] = TIME.exec(typeof text === 'string' ? text : '') ?? []
  const [h1 = 24, m1 = 60, h2 = 25, m2 = 60] = parts.map(Number)
  const to = 60 * h2 + m2
  return whole === undefined || h1 > 23 || m1 > 59 || m2 > 59 || to > 24 * 60 ? undefined : { from: 60 * h1 + m1, to }
}

/** A number of degrees Celsius that a board can have, or "never". */
export function degrees(value: unknown): number | 'never' | undefined {
  if (value === 'never') return value
  return typeof value === 'number' && value >= 40 && value <= 110 ? value : undefined
}
