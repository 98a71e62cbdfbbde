import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { emptyBits, fullBits, hasBit, setBit } from '../../../src/core/swarm/bitfield.ts'
import { Picker } from '../../../src/core/swarm/picker.ts'
import { Prng } from '../../sim/prng.ts'

const bitsOf = (size: number, ...held: number[]) => {
  const bits = emptyBits(size)
  for (const index of held) setBit(bits, index)
  return bits
}

describe('the picker', () => {
  it('picks what a plain search for the rarest open piece would, whatever happened before', () => {
    const size = 20
    const index = fc.integer({ min: 0, max: size - 1 })
    const act = fc.oneof(
      fc.record({ type: fc.constantFrom('gain', 'lose', 'take', 'release'), index }),
      fc.record({ type: fc.constant('pick'), holds: fc.uniqueArray(index), avoid: fc.uniqueArray(index) }),
    )
    fc.assert(
      fc.property(fc.integer(), fc.array(act, { maxLength: 300 }), (seed, acts) => {
        const random = new Prng(seed)
        const picker = new Picker(size, () => random.real())
        const copies = new Array<number>(size).fill(0)
        const taken = new Set<number>()
        for (const each of acts) {
          if (each.type === 'pick' && 'holds' in each) {
            const open = each.holds.filter((i) => !taken.has(i) && !each.avoid.includes(i) && (copies[i] as number) > 0)
            const rarest = Math.min(...open.map((i) => copies[i] as number))
            const picked = picker.pick(bitsOf(size, ...each.holds), bitsOf(size, ...each.avoid))
            if (open.length === 0) expect(picked).toBeUndefined()
            else {
              expect(open).toContain(picked)
              expect(copies[picked as number]).toBe(rarest)
            }
          } else if ('index' in each) {
            const held = copies[each.index] as number
            if (each.type === 'gain' && held < limits.pieceStreams) {
              picker.gained(each.index)
              copies[each.index] = held + 1
            } else if (each.type === 'lose' && held > 0) {
              picker.gained(each.index, -1)
              copies[each.index] = held - 1
            } else if (each.type === 'take') {
              picker.take(each.index)
              taken.add(each.index)
            } else if (each.type === 'release') {
              picker.release(each.index)
              taken.delete(each.index)
            }
          }
          const left = copies.some((held, i) => held > 0 && !taken.has(i))
          expect(picker.exhausted).toBe(!left)
        }
        expect(copies.map((_, i) => picker.copies(i))).toEqual(copies)
      }),
    )
  })

  it('begins with another piece on another node', () => {
    const firsts = new Set<number | undefined>()
    for (let seed = 0; seed < 20; seed++) {
      const random = new Prng(seed)
      const picker = new Picker(100, () => random.real())
      picker.changed(emptyBits(100), fullBits(100))
      firsts.add(picker.pick(fullBits(100), undefined))
    }
    expect(firsts.size).toBeGreaterThan(10)
  })

  it('counts as many peers as may have a stream', () => {
    const picker = new Picker(8, () => 0)
    for (let i = 0; i < limits.pieceStreams; i++) picker.changed(emptyBits(8), fullBits(8))
    expect(picker.copies(3)).toBe(limits.pieceStreams)
    expect(hasBit(fullBits(8), picker.pick(fullBits(8), undefined) as number)).toBe(true)
    for (let i = 0; i < limits.pieceStreams; i++) picker.changed(fullBits(8), emptyBits(8))
    expect(picker.pick(fullBits(8), undefined)).toBeUndefined()
  })
})
