// Typed readers of one JSON object's fields: each says exactly what it wants, and refuses with a sentence that names the field.
import { fromHex } from '../core/bytes.ts'
import type { Millis } from '../core/env.ts'
import { documentFailure, type Json, type JsonObject } from './canonical.ts'

/** Largest version, epoch or counter of any document. */
export const INTEGER_MAX = 2 ** 31 - 1

const DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/

/** Which keys an object must and may have. `open`: others are ignored (TUF documents and gate messages only). */
export interface Keys {
  required: readonly string[]
  optional?: readonly string[]
  open?: boolean
}

/** `YYYY-MM-DDTHH:MM:SSZ` of a wall time in ms; parts of a second are cut off. */
export function dateText(wall: Millis): string {
  return `${new Date(Math.floor(wall / 1000) * 1000).toISOString().slice(0, 19)}Z`
}

/** Wall time in ms of a strict UTC date, or undefined: February 30 and hour 24 are refused too. */
export function dateValue(text: string): Millis | undefined {
  if (!DATE.test(text)) return undefined
  const wall = Date.parse(text)
  return Number.isNaN(wall) || dateText(wall) !== text ? undefined : wall
}

/** The fields of one object. Every method throws Failure E_DOCUMENT when the field is not what it asks for. */
export class Fields {
  readonly what: string
  readonly #values: JsonObject

  constructor(value: Json, what: string, keys: Keys) {
    this.what = what
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw documentFailure(what, 'it is not an object')
    this.#values = value
    const missing = keys.required.find((key) => !Object.hasOwn(value, key))
    if (missing !== undefined) throw documentFailure(what, `field "${missing}" is missing`)
    const known = [...keys.required, ...(keys.optional ?? [])]
    const unknown = keys.open ? undefined : this.unknown(known)
    if (unknown !== undefined) throw documentFailure(what, `field "${unknown.slice(0, 64)}" is unknown`)
  }

  fail(key: string, wanted: string): never {
    throw documentFailure(this.what, `field "${key}" must be ${wanted}`)
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#values, key)
  }

  /** The first key that is none of these. */
  unknown(known: readonly string[]): string | undefined {
    return Object.keys(this.#values).find((key) => !known.includes(key))
  }

  json(key: string): Json {
    return this.#values[key] as Json
  }

  text(key: string, maxLength: number): string {
    const value = this.json(key)
    if (typeof value === 'string' && value.length > 0 && value.length <= maxLength) return value
    return this.fail(key, `a text of 1 to ${maxLength} characters`)
  }

  literal(key: string, wanted: string | boolean): void {
    if (this.json(key) !== wanted) this.fail(key, JSON.stringify(wanted))
  }

  flag(key: string): boolean {
    const value = this.json(key)
    return typeof value === 'boolean' ? value : this.fail(key, 'true or false')
  }

  integer(key: string, min = 1, max = INTEGER_MAX): number {
    const value = this.json(key)
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
    return this.fail(key, `a whole number from ${min} to ${max}`)
  }

  /** Lower-case hex of exactly `length` bytes. */
  hex(key: string, length: number): string {
    const value = this.json(key)
    if (isHex(value, length)) return value
    return this.fail(key, `${length} bytes in lower-case hex`)
  }

  bytes(key: string, length: number): Uint8Array {
    return fromHex(this.hex(key, length)) as Uint8Array
  }

  date(key: string): Millis {
    const value = this.json(key)
    const wall = typeof value === 'string' ? dateValue(value) : undefined
    return wall ?? this.fail(key, 'a UTC date such as 2026-07-01T12:00:00Z')
  }

  list(key: string, maxLength: number): Json[] {
    const value = this.json(key)
    if (Array.isArray(value) && value.length <= maxLength) return value
    return this.fail(key, `a list of at most ${maxLength}`)
  }

  /** A list of different texts, each of which `accepts` likes. */
  texts(key: string, maxLength: number, accepts: (text: string) => boolean, wanted: string): string[] {
    const list = this.list(key, maxLength)
    const good = list.every((item) => typeof item === 'string' && accepts(item)) && new Set(list).size === list.length
    return good ? (list as string[]) : this.fail(key, `a list of different ${wanted}`)
  }

  /** The entries of an object, at most `max` of them. */
  entries(key: string, max: number): [string, Json][] {
    const value = this.json(key)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const entries = Object.entries(value)
      if (entries.length <= max) return entries
    }
    return this.fail(key, `an object of at most ${max} entries`)
  }
}

/** True for lower-case hex of exactly `length` bytes. */
export function isHex(value: unknown, length: number): value is string {
  return typeof value === 'string' && value.length === 2 * length && /^[0-9a-f]*$/.test(value)
}
