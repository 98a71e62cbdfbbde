// A metric's value with its unit, for people. The unit follows from node_exporter's naming: the end of the series' name.
import { bytes, span } from './quantity.ts'

/** `3.9 GB`, `48.2 °C`, `3 d 4 h`; null: `not available`. */
export function metricText(series: string, value: number | null): string {
  if (value === null) return 'not available'
  const name = series.replace(/\{.*$/, '')
  if (name === 'node_timex_offset_seconds' || name === 'node_timex_maxerror_seconds') return `${value} s`
  if (name === 'node_boot_time_seconds') return dateText(value * 1_000)
  if (name === 'rpi_throttled') return throttleText(value)
  if (/_bytes(_total)?$/.test(name)) return bytes(value)
  if (/_seconds(_total)?$/.test(name)) return value < 60 ? `${trimmed(value)} s` : span(value * 1_000)
  if (/_hertz$/.test(name)) return `${Math.round(value / 1e6)} MHz`
  if (/(_temp|_celsius)$/.test(name)) return `${value.toFixed(1)} °C`
  if (/(_readonly|_sync_status)$/.test(name)) return value === 0 ? 'no' : 'yes'
  if (/_boot_id$/.test(name)) return value.toString(16)
  return trimmed(value)
}

const THROTTLE_BITS: Readonly<Record<number, string>> = {
  0: 'under-voltage now',
  1: 'frequency capped now',
  2: 'throttled now',
  3: 'soft temperature limit now',
  16: 'under-voltage occurred',
  17: 'frequency capping occurred',
  18: 'throttling occurred',
  19: 'soft temperature limit occurred',
}

/** The firmware's throttle bits in words. */
export function throttleText(bits: number): string {
  const set = Object.entries(THROTTLE_BITS).filter(([bit]) => (bits & (1 << Number(bit))) !== 0)
  return set.length === 0 ? 'none' : set.map(([, text]) => text).join(', ')
}

/** `2026-11-29 09:41:12Z`: a moment, not a span. */
function dateText(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime())
    ? '?'
    : date
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, 'Z')
}

function trimmed(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toFixed(3)))
}

/** `71.5 °C`, `92 %`, `0.42`, `3 d 4 h`: a value by its unit, as the daemon names it. */
export function measureText(value: number, unit: string): string {
  switch (unit) {
    case 'share':
      return `${trimmed(Math.round(value * 1_000) / 10)} %`
    case '%':
      return `${trimmed(Math.round(value * 10) / 10)} %`
    case 'degC':
      return `${value.toFixed(1)} °C`
    case 'B':
      return bytes(value)
    case 'B/s':
      return `${bytes(value)}/s`
    case 's':
      return value < 60 ? `${trimmed(value)} s` : span(value * 1_000)
    case 'Hz':
      return `${Math.round(value / 1e6)} MHz`
    case 'bits':
      return throttleText(value)
  }
  return trimmed(Math.round(value * 100) / 100)
}
