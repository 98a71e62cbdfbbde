import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import {
  bitfieldBytes,
  countBits,
  eachChange,
  emptyBits,
  fullBits,
  hasBit,
  isBitfield,
  setBit,
} from '../../../src/core/swarm/bitfield.ts'

const pieces = fc.integer({ min: 1, max: limits.pieces })

describe('a bitfield', () => {
  it('has the pieces that were set, and counts them', () => {
    const scene = fc
      .integer({ min: 1, max: 200 })
      .chain((size) => fc.tuple(fc.constant(size), fc.uniqueArray(fc.integer({ min: 0, max: size - 1 }))))
    fc.assert(
      fc.property(scene, ([size, held]) => {
        const bits = emptyBits(size)
        for (const index of held) setBit(bits, index)
        expect(countBits(bits)).toBe(held.length)
        expect(isBitfield(bits, size)).toBe(true)
        for (let index = 0; index < size; index++) expect(hasBit(bits, index)).toBe(held.includes(index))
      }),
    )
  })

  it('is refused with another length or with a spare bit (T20)', () => {
    fc.assert(
      fc.property(pieces, (size) => {
        const bits = fullBits(size)
        expect(countBits(bits)).toBe(size)
        expect(isBitfield(bits, size)).toBe(true)
        expect(isBitfield(new Uint8Array(bits.length + 1), size)).toBe(false)
        expect(isBitfield(new Uint8Array(bits.length - 1), size)).toBe(false)
        if (size % 8 === 0) return
        setBit(bits, size)
        expect(isBitfield(bits, size)).toBe(false)
      }),
    )
  })

  it('tells each difference once', () => {
    const pair = fc.integer({ min: 1, max: 20 }).chain((length) => {
      const bytes = fc.uint8Array({ minLength: length, maxLength: length })
      return fc.tuple(bytes, bytes)
    })
    fc.assert(
      fc.property(pair, ([before, after]) => {
        const patched = before.slice()
        eachChange(before, after, (index, held) => {
          expect(hasBit(patched, index)).toBe(!held)
          patched[index >> 3] = (patched[index >> 3] as number) ^ (1 << (index & 7))
        })
        expect(patched).toEqual(after)
      }),
    )
  })

  it('has a byte for each eight pieces', () => {
    expect([1, 8, 9, limits.pieces].map(bitfieldBytes)).toEqual([1, 1, 2, 512])
  })
})
