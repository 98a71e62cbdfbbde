// A column of integers in few bits (protocol clause HISTORY 4): what each differs from what was expected, in Rice's code.
// Source: Gorilla (Pelkonen et al. 2015) packs deltas of deltas in a fixed prefix code; here the prediction and the parameter are
// those that make this column shortest, which a block of an hour can afford to find out. A gap is no value, and stays one.
import { BitReader, BitWriter, bitsOf } from './bits.ts'

/** Larger values do not leave room for the difference of two differences. */
export const INTEGER_BOUND = 2 ** 49

/** What a value is expected to be: the first one (noise around a level), the last one, or as far from the last as that from its own last. */
const PREDICTIONS = ['level', 'last', 'slope'] as const
type Prediction = (typeof PREDICTIONS)[number]
/** Ones before a number that is written out: Rice's code is for small ones. */
const ESCAPE = 12
/** Largest parameter of the code. */
const RICE_MAX = 31

interface Plan {
  prediction: number
  rice: number
  residuals: readonly number[]
}

/** Packs integers within INTEGER_BOUND; null is "no value". */
export function packIntegers(values: readonly (number | null)[]): Uint8Array {
  const out = new BitWriter()
  writePresence(out, values)
  const present = values.filter((value) => value !== null)
  const [first] = present
  if (first === undefined) return out.finish()
  out.gamma(zigzag(first))
  if (present.every((value) => value === first)) {
    out.write(0, 1)
    return out.finish()
  }
  out.write(1, 1)
  const { prediction, rice, residuals } = bestPlan(present)
  out.write(prediction, 2)
  out.write(rice, 5)
  for (const residual of residuals) writeRice(out, residual, rice)
  return out.finish()
}

/** `count` values, or undefined when these bytes are not such a column. */
export function unpackIntegers(bytes: Uint8Array, count: number): (number | null)[] | undefined {
  const input = new BitReader(bytes)
  const presence = readPresence(input, count)
  const present = presence.reduce((sum, here) => sum + (here ? 1 : 0), 0)
  const values = present === 0 ? [] : readValues(input, present)
  if (values === undefined || input.spent) return undefined
  let at = 0
  return presence.map((here) => (here ? (values[at++] as number) : null))
}

function readValues(input: BitReader, count: number): number[] | undefined {
  const first = unzigzag(input.gamma())
  if (input.read(1) === 0) return Array.from({ length: count }, () => first)
  const prediction = PREDICTIONS[input.read(2)]
  const rice = input.read(5)
  if (prediction === undefined) return undefined
  const values = [first]
  while (values.length < count) {
    const value = expected(prediction, values) + unzigzag(readRice(input, rice))
    if (!(Math.abs(value) <= INTEGER_BOUND)) return undefined
    values.push(value)
  }
  return values
}

function bestPlan(values: readonly number[]): Plan {
  const plans = PREDICTIONS.map((prediction, index) => {
    const residuals = values.slice(1).map((value, at) => zigzag(value - expected(prediction, values, at + 1)))
    const rice = bestRice(residuals)
    return { prediction: index, rice, residuals, cost: costOf(residuals, rice) }
  })
  return plans.reduce((best, plan) => (plan.cost < best.cost ? plan : best))
}

/** What the value at `at` should be, of those before it. */
function expected(prediction: Prediction, values: readonly number[], at = values.length): number {
  const last = values[at - 1] as number
  if (prediction === 'level') return values[0] as number
  if (prediction === 'last' || at < 2) return last
  return 2 * last - (values[at - 2] as number)
}

/** The parameter follows from the mean, but for outliers: its neighbours are tried, and what the smaller half would want. */
function bestRice(residuals: readonly number[]): number {
  const mean = residuals.reduce((sum, residual) => sum + residual, 0) / residuals.length
  const median = [...residuals].sort((a, b) => a - b)[residuals.length >> 1] as number
  const guesses = [bitsOf(Math.floor(mean)), bitsOf(median)].flatMap((bits) => [bits - 1, bits])
  const bounded = [0, ...guesses].map((bits) => Math.min(RICE_MAX, Math.max(0, bits)))
  return bounded.reduce((best, rice) => (costOf(residuals, rice) < costOf(residuals, best) ? rice : best))
}

/** Bits that these take. */
function costOf(residuals: readonly number[], rice: number): number {
  let bits = 0
  for (const residual of residuals) {
    const high = Math.floor(residual / 2 ** rice)
    bits += high < ESCAPE ? high + 1 + rice : ESCAPE + 6 + bitsOf(residual)
  }
  return bits
}

function writeRice(out: BitWriter, value: number, rice: number): void {
  const high = Math.floor(value / 2 ** rice)
  if (high < ESCAPE) {
    out.unary(high)
    out.write(value, rice)
  } else {
    out.write(2 ** ESCAPE - 1, ESCAPE)
    out.gamma(value)
  }
}

function readRice(input: BitReader, rice: number): number {
  const high = input.unary(ESCAPE)
  return high < ESCAPE ? high * 2 ** rice + input.read(rice) : input.gamma()
}

/** Lengths of runs, present first; a column is nearly always one run. */
function writePresence(out: BitWriter, values: readonly (number | null)[]): void {
  const gaps = values.some((value) => value === null)
  out.write(gaps ? 1 : 0, 1)
  let here = true
  for (let at = 0; gaps && at < values.length; here = !here) {
    let end = at
    while (end < values.length && (values[end] !== null) === here) end++
    out.gamma(end - at)
    at = end
  }
}

function readPresence(input: BitReader, count: number): boolean[] {
  if (input.read(1) === 0) return Array.from({ length: count }, () => true)
  const presence: boolean[] = []
  for (let here = true; presence.length < count && !input.spent; here = !here) {
    const run = Math.min(input.gamma(), count - presence.length)
    // Only the first run may be empty: a reader must come to an end.
    if (run === 0 && presence.length > 0) break
    for (let left = run; left > 0; left--) presence.push(here)
  }
  while (presence.length < count) presence.push(false)
  return presence
}

const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value)
const unzigzag = (wire: number): number => (wire % 2 === 0 ? wire / 2 : -(wire + 1) / 2)
