// Mutations of signed documents and of messages. Those of JSON know its structure, so that what they make is often still read:
// a field less, a key twice, two values exchanged, another type, a number or a text at an edge, a part of another document.
import { canonicalize } from '@tufjs/canonical-json'
import { limits } from '../../src/core/limits.ts'
import type { Json, JsonObject } from '../../src/wire/canonical.ts'
import type { Prng } from '../sim/prng.ts'

type Key = string | number
/** A place in a tree that holds a value. */
interface Slot {
  holder: Json[] | JsonObject
  key: Key
}

const NUMBERS = [0, -1, 1, 2, 1.5, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1, 2 ** 53, 1e308, -0]
const ODD: readonly Json[] = [null, true, false, 0, '', '0', [], {}, [[]], [{}]]
const NAMES = ['__proto__', 'constructor', 'toString', 'length', 'signed', 'keys', 'threshold', 'x', '', 'ключ']
const TEXTS = [
  '\u0000',
  '\u001f',
  '\ud800',
  '\udc00',
  '\u202e',
  '\ufeff',
  '😀',
  'é',
  'e\u0301',
  '\\',
  '"',
  '/',
  '..',
  '*',
]

/** A copy of the document with one change somewhere in it. @param other what parts may be taken from. */
export function changeJson(chance: Prng, document: Json, other: Json): Json {
  const root: Json[] = [structuredClone(document)]
  const slots = slotsOf(root)
  // The whole is one place among many: half of the changes shall lie deep.
  const slot = chance.pick(chance.chance(0.5) ? slots.slice(slots.length >> 1) : slots) as Slot
  const change = chance.pick(CHANGES) as Change
  change(chance, slot, slots, other)
  return root[0] ?? null
}

/**
 * A copy with one value changed into another one of its kind: most of these are still read, and have to be judged.
 */
export function nudgeJson(chance: Prng, document: Json): Json {
  const root: Json[] = [structuredClone(document)]
  const slots = slotsOf(root)
  const slot = chance.pick(slots.slice(1)) as Slot | undefined
  if (slot === undefined) return document
  const value = at(slot.holder, slot.key)
  if (Array.isArray(value))
    put(slot.holder, slot.key, value.length > 1 ? chance.shuffled(value).slice(chance.int(0, 1)) : value)
  else if (typeof value === 'number')
    put(slot.holder, slot.key, chance.pick([value + 1, value - 1, 2 ** 31 - 1, 1]) as number)
  else if (typeof value === 'boolean') put(slot.holder, slot.key, !value)
  else if (typeof value === 'string') put(slot.holder, slot.key, nudged(chance, value))
  return root[0] ?? null
}

function nudged(chance: Prng, text: string): string {
  if (/^[0-9a-f]{32,}$/.test(text)) return flipped(chance, text)
  return chance.chance(0.5)
    ? text.replace(/\d(?=\D*$)/, (digit) => String((Number(digit) + 1) % 10))
    : text.replace(/[a-z]$/, 'a')
}

type Change = (chance: Prng, slot: Slot, slots: readonly Slot[], other: Json) => void

const CHANGES: readonly Change[] = [
  // less
  (_, { holder, key }) => {
    if (Array.isArray(holder)) holder.splice(Number(key), 1)
    else delete holder[key]
  },
  // twice
  (chance, { holder, key }) => {
    const copy = structuredClone(at(holder, key))
    if (Array.isArray(holder)) holder.splice(chance.int(0, holder.length), 0, copy)
    else put(holder, String(chance.pick([`${key}x`, nameOf(chance), flipped(chance, String(key))])), copy)
  },
  // exchanged
  (chance, a, slots) => {
    const b = chance.pick(slots) as Slot
    const [left, right] = [structuredClone(at(a.holder, a.key)), structuredClone(at(b.holder, b.key))]
    put(a.holder, a.key, right)
    put(b.holder, b.key, left)
  },
  // another type
  (chance, { holder, key }) => put(holder, key, structuredClone(chance.pick(ODD) as Json)),
  // at an edge
  (chance, { holder, key }) => put(holder, key, edgeOf(chance, at(holder, key))),
  (chance, { holder, key }) => put(holder, key, edgeOf(chance, at(holder, key))),
  // another name
  (chance, { holder, key }) => {
    if (Array.isArray(holder)) return void holder.reverse()
    const value = at(holder, key)
    delete holder[key]
    put(holder, nameOf(chance), value)
  },
  // more
  (chance, { holder, key }) => {
    const value = at(holder, key)
    if (Array.isArray(value)) value.push(structuredClone(chance.pick([...ODD, ...value]) as Json))
    else if (value !== null && typeof value === 'object')
      put(value, nameOf(chance), structuredClone(chance.pick(ODD) as Json))
    else put(holder, key, [value])
  },
  // of another document
  (chance, { holder, key }, _, other) => {
    const part = chance.pick(slotsOf([other])) as Slot
    put(holder, key, structuredClone(at(part.holder, part.key)))
  },
  // deep
  (chance, { holder, key }) => {
    let value = at(holder, key)
    for (let depth = chance.int(1, 2 * limits.jsonDepth); depth > 0; depth--)
      value = chance.chance(0.5) ? [value] : { x: value }
    put(holder, key, value)
  },
  // long
  (chance, { holder, key }) => {
    const value = at(holder, key)
    const length = chance.pick([17, 65, 257, 2_000]) as number
    const isLarge = typeof value === 'string' ? value.length > 100 : value !== null && typeof value === 'object'
    const item = isLarge ? {} : value
    if (chance.chance(0.5))
      return put(
        holder,
        key,
        Array.from({ length }, () => item),
      )
    put(holder, key, Object.fromEntries(Array.from({ length }, (_, i) => [`k${i}`, i])))
  },
]

/** Every place of a tree, outer ones first; of a very large tree the first ones. */
function slotsOf(root: Json[]): Slot[] {
  const slots: Slot[] = [{ holder: root, key: 0 }]
  for (let i = 0; i < slots.length && slots.length < 2_000; i++) {
    const { holder, key } = slots[i] as Slot
    const value = at(holder, key)
    if (value === null || typeof value !== 'object') continue
    const keys: Key[] = Array.isArray(value) ? [...value.keys()] : Object.keys(value)
    for (const inner of keys) slots.push({ holder: value, key: inner })
  }
  return slots
}

function at(holder: Json[] | JsonObject, key: Key): Json {
  return (holder as JsonObject)[key] ?? null
}

/** Also when the key is `__proto__`, which an assignment would take for the prototype. */
function put(holder: Json[] | JsonObject, key: Key, value: Json): void {
  Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true })
}

const nameOf = (chance: Prng): string => chance.pick(NAMES) as string

function edgeOf(chance: Prng, value: Json): Json {
  if (typeof value === 'number') return chance.pick([...NUMBERS, value + 1, value - 1, -value, String(value)]) as Json
  if (typeof value === 'boolean') return !value
  return typeof value === 'string' ? textLike(chance, value) : null
}

function textLike(chance: Prng, text: string): string {
  const place = chance.int(0, text.length)
  const ways = [
    () => '',
    () => text.toUpperCase(),
    () => text.slice(0, place),
    () => text + text,
    () => ` ${text}`,
    () => flipped(chance, text),
    () => text.slice(0, place) + (chance.pick(TEXTS) as string) + text.slice(place),
    () => text.replace(/\d/, (digit) => String((Number(digit) + 1) % 10)),
    () => 'a'.repeat(chance.pick([33, 129, 1_025, limits.rootBytes + 1]) as number),
  ]
  return (chance.pick(ways) as () => string)()
}

/** One character is another one of hex. */
function flipped(chance: Prng, text: string): string {
  const place = chance.int(0, Math.max(0, text.length - 1))
  return text.slice(0, place) + '0123456789abcdef'.charAt(chance.int(0, 15)) + text.slice(place + 1)
}

/** The bytes of a document: mostly in canonical form, now and then in another one, or when it has none. */
export function bytesOf(chance: Prng, json: Json): Uint8Array {
  const style = chance.real()
  if (style < 0.06) return Buffer.from(JSON.stringify(json))
  if (style < 0.08) return Buffer.from(JSON.stringify(json, null, 1))
  return Buffer.from(canonicalText(json))
}

/** Canonical form without any of the checks that the product makes. */
function canonicalText(json: Json): string {
  try {
    return canonicalize(json)
  } catch {
    return JSON.stringify(json)
  }
}

/** The bytes with a few changes that know nothing of what they mean. @param other what may be spliced in. */
export function changeBytes(chance: Prng, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  let changed = bytes
  for (let times = chance.int(1, 3); times > 0; times--) changed = changeOnce(chance, changed, other)
  return changed
}

function changeOnce(chance: Prng, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const [from, to] = [chance.int(0, bytes.length), chance.int(0, bytes.length)].sort((a, b) => a - b) as [
    number,
    number,
  ]
  const some = bytes.subarray(from, Math.min(to, from + 64))
  const ways: (() => Uint8Array)[] = [
    () => flip(chance, bytes),
    () => flip(chance, bytes),
    () => flip(chance, bytes),
    () => bytes.subarray(0, from),
    () => bytes.subarray(from),
    () => joined(bytes.subarray(0, from), bytes.subarray(Math.min(to, from + 8))),
    () => joined(bytes.subarray(0, to), some, bytes.subarray(to)),
    () => joined(bytes.subarray(0, from), chance.bytes(chance.int(1, 8)), bytes.subarray(from)),
    () => joined(bytes.subarray(0, from), other.subarray(Math.min(from, other.length))),
    () => joined(Uint8Array.of(0xef, 0xbb, 0xbf), bytes),
    () => joined(bytes, bytes),
  ]
  return (chance.pick(ways) as () => Uint8Array)()
}

/** One bit is another one. */
export function flip(chance: Prng, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return chance.bytes(1)
  const place = chance.int(0, bytes.length - 1)
  return bytes.with(place, (bytes[place] as number) ^ (1 << chance.int(0, 7)))
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Buffer.concat(parts)
}

/** What a peer sends who wants to hurt: very deep, very wide, or as long as may be. @param cap bytes that are read at most. */
export function hugeBytes(chance: Prng, cap: number): Uint8Array {
  const length = chance.pick([cap - 64, cap, cap + 1, 4 * cap, 100_000]) as number
  const frame = chance.chance(0.3) ? '{"signatures":[],"signed":' : ''
  const end = frame === '' ? '' : '}'
  if (chance.chance(0.4)) return Buffer.from(`${frame}${nested(chance, length - 32)}${end}`)
  if (chance.chance(0.3)) return Buffer.from(`${frame}${wide(chance, length - 32)}${end}`)
  const pattern = chance.pick(['[', '{"a":', '[],', '{}', '"', '9', '[0,', '{"a":[', '\\', '\u0000']) as string
  return Buffer.alloc(length, frame + pattern)
}

/** A list of as many values as so many bytes allow. */
export function wide(chance: Prng, length: number): string {
  const value = chance.pick(['[]', '{}', '0', '""']) as string
  return `[${`${value},`.repeat(Math.max(1, Math.floor(length / (value.length + 1))))}${value}]`
}

/** JSON that is as deep as so many bytes allow. */
function nested(chance: Prng, length: number): string {
  const [open, close] = chance.pick([
    ['[', ']'],
    ['{"a":', '}'],
    ['[{"a":', '}]'],
  ] as const) as readonly [string, string]
  const depth = Math.max(1, Math.floor(length / (open.length + close.length)))
  return `${open.repeat(depth)}0${close.repeat(depth)}`
}
