// A column of measured values: as integers of a step where all of them are such (sensors and counters are), else as doubles of which
// each is told by what changed since the last one.
import { BitReader, BitWriter } from './bits.ts'
import { INTEGER_BOUND, packIntegers, unpackIntegers } from './integers.ts'

/** Forms on the wire: 0 is integers of the step that the series has; 1 to 10 are integers of 10^-(form - 1); the last is doubles. */
export const STEPS = 0
const DECIMALS_MAX = 9
export const DOUBLES = 15

export interface PackedValues {
  form: number
  bytes: Uint8Array
}

/** Packs values of a series with a fixed step: they are rounded to it. One that cannot be is no value. */
export function packSteps(values: readonly (number | null)[], step: number): PackedValues {
  const steps = values.map((value) => {
    const count = value === null ? null : toSteps(value, step)
    return count !== null && Math.abs(count) <= INTEGER_BOUND ? count : null
  })
  return { form: STEPS, bytes: packIntegers(steps) }
}

/** Packs any finite values exactly; one that is not finite is no value. */
export function packValues(values: readonly (number | null)[]): PackedValues {
  const finite = values.map((value) => (value !== null && Number.isFinite(value) ? value : null))
  const decimals = decimalsOf(finite)
  if (decimals === undefined) return { form: DOUBLES, bytes: packDoubles(finite) }
  const scale = 10 ** decimals
  // `+ 0`: minus zero is zero.
  return { form: decimals + 1, bytes: packIntegers(finite.map((v) => (v === null ? null : Math.round(v * scale) + 0))) }
}

/** `count` values, or undefined when these bytes are not such a column. `step` is for the form STEPS. */
export function unpackValues(packed: PackedValues, count: number, step: number): (number | null)[] | undefined {
  const { form, bytes } = packed
  if (form === DOUBLES) return unpackDoubles(bytes, count)
  if (form > DECIMALS_MAX + 1) return undefined
  const integers = unpackIntegers(bytes, count)
  if (form === STEPS) return integers?.map((steps) => (steps === null ? null : fromSteps(steps, step)))
  return integers?.map((value) => (value === null ? null : value / 10 ** (form - 1)))
}

/** Steps below 1 are powers of ten without an exact double; their inverses are integers, so 25.3 comes back as 25.3. */
function toSteps(value: number, step: number): number {
  return Math.round(step < 1 ? value * Math.round(1 / step) : value / step) + 0
}

function fromSteps(steps: number, step: number): number {
  return step < 1 ? steps / Math.round(1 / step) : steps * step
}

/** Fewest decimals with which all values are exact; undefined when there is no such number. */
function decimalsOf(values: readonly (number | null)[]): number | undefined {
  let decimals = 0
  for (const value of values) {
    if (value === null || Object.is(value, 0)) continue
    while (!isExact(value, decimals)) if (++decimals > DECIMALS_MAX) return undefined
  }
  return decimals
}

function isExact(value: number, decimals: number): boolean {
  const integer = Math.round(value * 10 ** decimals)
  return Math.abs(integer) <= INTEGER_BOUND && Object.is(integer / 10 ** decimals, value)
}

function packDoubles(values: readonly (number | null)[]): Uint8Array {
  const out = new BitWriter()
  let before = words(0)
  for (const value of values) {
    out.write(value === null ? 0 : 1, 1)
    if (value === null) continue
    const now = words(value)
    writeChange(out, [xor(now[0], before[0]), xor(now[1], before[1])])
    before = now
  }
  return out.finish()
}

function unpackDoubles(bytes: Uint8Array, count: number): (number | null)[] | undefined {
  const input = new BitReader(bytes)
  const values: (number | null)[] = []
  let before = words(0)
  while (values.length < count && !input.spent) {
    if (input.read(1) === 0) {
      values.push(null)
      continue
    }
    const [high, low] = readChange(input)
    before = [xor(before[0], high), xor(before[1], low)]
    const value = double(before)
    if (!Number.isFinite(value)) return undefined
    values.push(value)
  }
  return input.spent || values.length < count ? undefined : values
}

type Words = [high: number, low: number]

/** The bytes that changed: how many in front did not, and how many there are. */
function writeChange(out: BitWriter, [high, low]: Words): void {
  const bytes = bytesOf([high, low])
  const first = bytes.findIndex((byte) => byte !== 0)
  if (first === -1) return out.write(0, 1)
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1
  out.write(1, 1)
  out.write(first, 3)
  out.write(end - first - 1, 3)
  for (const byte of bytes.slice(first, end)) out.write(byte, 8)
}

function readChange(input: BitReader): Words {
  if (input.read(1) === 0) return [0, 0]
  const first = input.read(3)
  const end = Math.min(8, first + input.read(3) + 1)
  const bytes = [0, 0, 0, 0, 0, 0, 0, 0]
  for (let at = first; at < end; at++) bytes[at] = input.read(8)
  return wordsOf(bytes)
}

const view = new DataView(new ArrayBuffer(8))

function words(value: number): Words {
  view.setFloat64(0, value)
  return [view.getUint32(0), view.getUint32(4)]
}

function double([high, low]: Words): number {
  view.setUint32(0, high)
  view.setUint32(4, low)
  return view.getFloat64(0)
}

function bytesOf([high, low]: Words): number[] {
  view.setUint32(0, high)
  view.setUint32(4, low)
  return Array.from({ length: 8 }, (_, at) => view.getUint8(at))
}

function wordsOf(bytes: readonly number[]): Words {
  for (const [at, byte] of bytes.entries()) view.setUint8(at, byte)
  return [view.getUint32(0), view.getUint32(4)]
}

const xor = (a: number, b: number): number => (a ^ b) >>> 0
