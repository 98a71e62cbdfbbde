// Kinds of values in the configuration: numbers of seconds, folders, addresses, one word of several. Quantities with a unit are in
// config-quantities.ts.
import { multiaddr } from '@multiformats/multiaddr'
import type { Millis } from '../core/env.ts'
import { limits, SECOND } from '../core/limits.ts'
import type { LoopbackAddress } from './metrics/listener.ts'

/** One key of the file. `read` turns what TOML holds into what the program uses, or undefined when it is not `must`. */
export interface ConfigKey<T> {
  /** What the value must be, for a person; with unit and range. */
  must: string
  /** In the file's unit. */
  default: unknown
  why: string
  read(value: unknown): T | undefined
  /** What is wrong with a value, where more can be said than what it must be. */
  problem?(value: unknown): string | undefined
}

const LIST_MAX = 16
/** Linux takes 4,095 bytes. */
export const PATH = /^[^\p{Cc}]{1,1024}$/u

export function seconds(range: { default: number; from: number; to: number; why: string }): ConfigKey<Millis> {
  const { from, to } = range
  return {
    must: `a number of seconds from ${from} to ${to}`,
    default: range.default,
    why: range.why,
    read: (value) =>
      typeof value === 'number' && value >= from && value <= to ? Math.round(value * SECOND) : undefined,
  }
}

/** Of TCP on this machine only. */
export function loopback(value: unknown): LoopbackAddress | 'none' | undefined {
  if (value === '') return 'none'
  if (typeof value !== 'string') return undefined
  const [, host = '', port] = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\]):(\d{1,5})$/.exec(value) ?? []
  if (port === undefined || Number(port) > 65_535) return undefined
  return { host: host.replace(/[[\]]/g, ''), port: Number(port) }
}

export function folder(why: string): ConfigKey<string> {
  return {
    must: 'the path of a folder, or "" for none',
    default: '',
    why,
    read: (value) => (typeof value === 'string' && (value === '' || PATH.test(value)) ? value : undefined),
  }
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
}

export function oneOf<T extends string>(words: readonly T[], key: { default: T; why: string }): ConfigKey<T> {
  return {
    must: `one of ${words.map((word) => `"${word}"`).join(', ')}`,
    ...key,
    read: (value) => words.find((word) => word === value),
  }
}

export function addresses(list: {
  must: string
  default: readonly string[]
  why: string
  length?: number
  accepts?(address: string): boolean
  /** Instead of `accepts`: what is wrong with one address, as the end of a sentence that begins with it. */
  problem?(address: string): string | undefined
}): ConfigKey<readonly string[]> {
  const { length = limits.addressLength, accepts, problem } = list
  const good = (address: unknown): address is string =>
    typeof address === 'string' &&
    address.length <= length &&
    isMultiaddr(address) &&
    (accepts?.(address) ?? problem?.(address) === undefined)
  const wrong = (value: unknown) => {
    const texts = Array.isArray(value) ? value.filter((address) => typeof address === 'string') : []
    const first = texts.find((address) => problem?.(address) !== undefined)
    return first === undefined ? undefined : `${shown(first)} ${problem?.(first)}`
  }
  return {
    must: list.must,
    default: list.default,
    why: list.why,
    read: (value) =>
      Array.isArray(value) && value.length <= LIST_MAX && value.every(good) ? [...new Set(value)] : undefined,
    ...(problem && { problem: wrong }),
  }
}

function isMultiaddr(text: string): boolean {
  try {
    multiaddr(text)
    return true
  } catch {
    return false
  }
}

export function shown(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
  return text.length <= 100 ? text : `${text.slice(0, 100)}...`
}
