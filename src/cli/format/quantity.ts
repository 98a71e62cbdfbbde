// Quantities as people read them: ages, sizes and shares; and the durations they type.
import { Failure } from '../../core/failure.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const SPAN_UNITS = [
  [DAY, 'd'],
  [HOUR, 'h'],
  [MINUTE, 'min'],
  [SECOND, 's'],
] as const
const TYPED_UNITS: Readonly<Record<string, number>> = { ms: 1, s: SECOND, m: MINUTE, min: MINUTE, h: HOUR, d: DAY }
const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** `42 s`, `5 min`, `3 h`, `12 d`: one unit, never rounded up. null is unknown. */
export function age(ms: number | null): string {
  if (ms === null) return '?'
  if (ms < 2 * MINUTE) return `${Math.floor(ms / SECOND)} s`
  if (ms < 2 * HOUR) return `${Math.floor(ms / MINUTE)} min`
  return ms < 2 * DAY ? `${Math.floor(ms / HOUR)} h` : `${Math.floor(ms / DAY)} d`
}

/** `1.5 s`, `10 s`, `2 min`: what was promised, so never less than it is; below two minutes to a tenth of a second. */
export function exact(ms: number): string {
  return ms < 2 * MINUTE ? `${Math.ceil(ms / 100) / 10} s` : `${Math.ceil(ms / MINUTE)} min`
}

/** `3 d 4 h`, `2 h 5 min`, `42 s`: the two largest units. */
export function span(ms: number): string {
  const first = SPAN_UNITS.findIndex(([size]) => ms >= size)
  if (first === -1) return '0 s'
  const [size, name] = SPAN_UNITS[first] as (typeof SPAN_UNITS)[number]
  const next = SPAN_UNITS[first + 1]
  const rest = next === undefined ? 0 : Math.floor((ms % size) / next[0])
  return `${Math.floor(ms / size)} ${name}${rest === 0 ? '' : ` ${rest} ${next?.[1]}`}`
}

/** `3d4h`, `2h5m`, `42s`: a span in few columns. */
export function compactSpan(ms: number): string {
  return span(ms).replaceAll('min', 'm').replaceAll(' ', '')
}

/** `1.2 GB`: decimal units, three digits at most. */
export function bytes(count: number): string {
  const power = count < 1 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(count) / 3))
  const value = count / 1_000 ** power
  return `${power === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${BYTE_UNITS[power]}`
}

/** `42 %` of a share in 0..1. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

/** `1 node`, `6 nodes`, `8,925 nodes`. */
export function counted(count: number, what: string): string {
  return `${grouped(count)} ${what}${count === 1 ? '' : 's'}`
}

/** `8,925`. */
export function grouped(count: number): string {
  return count.toLocaleString('en-US')
}

/** Milliseconds of `48h`, `5s`, `250ms`, `30d`; a number alone is in the unit `bare`, when there is one. E_USAGE. */
export function parseDuration(option: string, text: string, bare?: 's'): number {
  const [, number, unit = bare] = /^(\d{1,9}(?:\.\d{1,3})?) ?([a-z]+)?$/.exec(text) ?? []
  if (number !== undefined && unit === undefined)
    throw new Failure('E_USAGE', `--${option} takes a duration, not "${text}": give a unit, such as 48h or 5s`)
  const size = TYPED_UNITS[unit ?? '']
  if (number === undefined || size === undefined)
    throw new Failure('E_USAGE', `--${option} takes a duration such as 30s, 5m, 48h or 7d, not "${text}"`)
  return Math.round(Number(number) * size)
}
