// What is packed comes back, gaps included, and garbage costs neither the process nor memory by its own numbers.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { METRICS } from '../../../src/core/fleet/metrics.ts'
import { BlockReader, type Column, packBlock } from '../../../src/core/history/block.ts'
import { INTEGER_BOUND, packIntegers, unpackIntegers } from '../../../src/core/history/integers.ts'
import { packSteps, packValues, unpackValues } from '../../../src/core/history/values.ts'
import { limits } from '../../../src/core/limits.ts'

const gaps = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 6 })
const integer = fc.oneof(
  fc.integer({ min: -1_000, max: 1_000 }),
  fc.integer({ min: -INTEGER_BOUND, max: INTEGER_BOUND }),
  fc.constantFrom(0, INTEGER_BOUND, -INTEGER_BOUND),
)

test('integers come back, gaps included', () => {
  fc.assert(
    fc.property(fc.array(gaps(integer), { maxLength: limits.historyBlockRows }), (values) => {
      expect(unpackIntegers(packIntegers(values), values.length)).toEqual(values)
    }),
    { numRuns: 500 },
  )
})

test('doubles come back to the bit', () => {
  const value = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.double({ min: -50, max: 150, noNaN: true }),
    fc.integer({ min: -40_000, max: 85_000 }).map((thousandths) => thousandths / 1_000),
  )
  fc.assert(
    fc.property(fc.array(gaps(value), { maxLength: limits.historyBlockRows }), (values) => {
      const unpacked = unpackValues(packValues(values), values.length, 1)
      // Zero has no sign here.
      expect(unpacked?.map((one) => (one === null ? null : one + 0))).toEqual(
        values.map((one) => (one === null ? null : one + 0)),
      )
    }),
    { numRuns: 500 },
  )
})

test('values of METRICS come back as multiples of their step', () => {
  for (const { step } of METRICS) {
    const values = [0, 1, 2.6, null, 70_000.04, 12].map((count) => (count === null ? null : count * step))
    const unpacked = unpackValues(packSteps(values, step), values.length, step) as (number | null)[]
    for (const [at, value] of values.entries()) {
      if (value === null) expect(unpacked[at]).toBeNull()
      else expect(Math.abs((unpacked[at] as number) - value)).toBeLessThanOrEqual(step / 2 + value * 1e-12)
    }
  }
})

test('what is not a number is a gap, not a zero', () => {
  const packed = packValues([1, Number.NaN, Number.POSITIVE_INFINITY, 4])
  expect(unpackValues(packed, 4, 1)).toEqual([1, null, null, 4])
})

const name = fc.oneof(
  fc.constantFrom(...METRICS.map((metric) => metric.name)),
  fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }),
)
const rows = 20

test('a block comes back column by column, and a part of it is a block', () => {
  const column = fc.record({ name, values: fc.array(gaps(fc.nat(5_000)), { minLength: rows, maxLength: rows }) })
  const ticks = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: rows, maxLength: rows })
  const columns = fc.uniqueArray(column, { maxLength: 30, selector: (one) => one.name })
  fc.assert(
    fc.property(ticks, columns, fc.nat(2 ** 40), (steps, made, first) => {
      const times = steps.map((_, at) => first + steps.slice(0, at).reduce((sum, step) => sum + step, 0))
      const whole = BlockReader.of(packBlock(times, made.map(columnOf)))
      expect(whole?.seconds(first)).toEqual(times)
      const half = new Set(made.filter((_, at) => at % 2 === 0).map((one) => one.name))
      const part = whole && BlockReader.of(whole.only(half))
      for (const one of made.filter(({ values }) => values.some((value) => value !== null))) {
        const scaled = one.values.map((value) => (value === null ? null : value * stepOf(one.name)))
        expect(whole?.values(one.name)?.map(rounded)).toEqual(scaled.map(rounded))
        expect(part?.values(one.name) === undefined).toBe(!half.has(one.name))
      }
    }),
  )
})

test('garbage is no block, or one of bounded size', () => {
  const genuine = packBlock([1, 2, 3], [columnOf({ name: 'node_load1', values: [1, 2, 3] })])
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 2_000 }),
    fc.tuple(fc.nat(genuine.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, flip]) => {
      const bytes = genuine.slice()
      bytes[at] = (bytes[at] as number) ^ flip
      return bytes
    }),
  )
  fc.assert(
    fc.property(garbage, (bytes) => {
      const block = BlockReader.of(bytes)
      if (block === undefined) return
      expect(block.rows).toBeLessThanOrEqual(limits.historyBlockRows)
      const ticks = block.seconds(0)
      if (ticks !== undefined) expect(ticks).toHaveLength(block.rows)
      for (const { name } of block.series) {
        const values = block.values(name)
        if (values !== undefined) expect(values).toHaveLength(block.rows)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('a number of rows or a length that the bytes do not have makes no block', () => {
  expect(BlockReader.of(Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 15, 0))).toBeUndefined()
  expect(BlockReader.of(Uint8Array.of(1, 255, 255, 255, 127))).toBeUndefined()
  expect(BlockReader.of(new Uint8Array())).toBeUndefined()
  const one = packBlock([7], [])
  expect(BlockReader.of(one)?.seconds(7)).toEqual([7])
})

function columnOf({ name, values }: { name: string; values: readonly (number | null)[] }): Column {
  const scaled = values.map((value) => (value === null ? null : value * stepOf(name)))
  return { series: { name, unit: '1', kind: 'gauge' }, aggregate: 'value', values: scaled }
}

function stepOf(name: string): number {
  return METRICS.find((metric) => metric.name === name)?.step ?? 1
}

const rounded = (value: number | null): number | null => (value === null ? null : Math.round(value * 1e6) / 1e6)
