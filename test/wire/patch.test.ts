import { zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
import { follow, InstructionWriter, type Step } from '../../src/wire/instructions.ts'
import { type Base, encodeSegmentHeader, PATCH_MAGIC, patched, type SegmentHeader } from '../../src/wire/patch.ts'

const damaged = { name: 'Failure', code: 'E_DOCUMENT' }
const old = Buffer.from('the old bytes of this file, which is short')
const fresh = Buffer.from('the new bytes of this file, and it is not')
const steps: Step[] = [{ from: 0, copied: 26, fresh: fresh.length - 26 }]

function baseOf(bytes: Uint8Array): Base & { reads: number[] } {
  const reads: number[] = []
  return {
    reads,
    read: async (into, position) => {
      reads.push(position)
      const part = bytes.subarray(position, position + into.length)
      into.set(part)
      return part.length
    },
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7)
}

async function applied(patch: Uint8Array, base: Base = baseOf(old)): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const block of patched(once(patch), base)) parts.push(Uint8Array.from(block))
  return Buffer.concat(parts)
}

/** A patch of one segment, some of whose header is a lie. */
function patchOf(instructions: Uint8Array, lies: Partial<SegmentHeader> = {}, frame = zstdCompressSync(instructions)) {
  const { length } = instructions
  const header = {
    made: fresh.length,
    at: 0,
    reach: old.length,
    plain: length,
    packed: frame.length,
  }
  return Buffer.concat([PATCH_MAGIC, encodeSegmentHeader({ ...header, ...lies }), frame])
}

const right = () => Uint8Array.from(new InstructionWriter(100).write(steps, old, fresh))

describe('a patch (clause PATCH)', () => {
  it('makes one file of another', async () => {
    expect((await applied(patchOf(right()))).equals(fresh)).toBe(true)
    expect(await applied(PATCH_MAGIC)).toHaveLength(0)
  })

  it('reads from the place that its segment names, beyond 4 GiB too', async () => {
    const base = baseOf(old)
    const far = { read: (into: Uint8Array, position: number) => base.read(into, position - 2 ** 33 - 5) }
    const shifted = patchOf(right(), { at: 2 ** 33 + 5 })
    expect((await applied(shifted, far)).equals(fresh)).toBe(true)
  })

  it.each<[string, Partial<SegmentHeader>]>([
    ['a segment of nothing', { made: 0 }],
    ['a segment of more than a node holds', { made: limits.patchSegmentBytes + 1 }],
    ['a segment that is longer than its steps', { made: fresh.length + 1 }],
    ['a segment that is shorter than its steps', { made: fresh.length - 1 }],
    ['a range of more than a node holds', { reach: limits.patchRangeBytes + 1 }],
    ['a range that ends behind the base', { reach: old.length + 1 }],
    ['a range that begins behind the base', { at: 2 ** 40 }],
    ['a range that is shorter than its steps', { reach: 25 }],
    ['instructions of another length', { plain: 30 }],
    ['more instructions than a node holds', { plain: limits.patchPlainBytes + 1 }],
    ['a frame of more than a node holds', { packed: 2 ** 31 }],
    ['a frame that ends early', { packed: 500 }],
  ])('T20 refuses %s', async (_, lie) => {
    await expect(applied(patchOf(right(), lie))).rejects.toMatchObject(damaged)
  })

  it('refuses what is no patch, and one that is cut off anywhere', async () => {
    const whole = patchOf(right())
    await expect(applied(Buffer.from('no patch at all'))).rejects.toMatchObject(damaged)
    await expect(applied(Buffer.alloc(0))).rejects.toMatchObject(damaged)
    for (let length = 1; length < whole.length; length++)
      if (length !== PATCH_MAGIC.length)
        await expect(applied(whole.subarray(0, length)), `${length}`).rejects.toMatchObject(damaged)
  })

  it('T33 ends a bomb at what its segment announces', async () => {
    const bomb = zstdCompressSync(Buffer.alloc(512 * 1_048_576))
    expect(bomb.length).toBeLessThan(60_000)
    const before = process.memoryUsage().rss
    await expect(applied(patchOf(right(), {}, bomb))).rejects.toMatchObject(damaged)
    const greedy = patchOf(right(), { plain: limits.patchPlainBytes }, bomb)
    await expect(applied(greedy)).rejects.toMatchObject(damaged)
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1_048_576)
  })

  it('refuses flags that it does not know', async () => {
    const flagged = patchOf(right())
    flagged[PATCH_MAGIC.length] = 1
    await expect(applied(flagged)).rejects.toMatchObject(damaged)
  })

  it('makes the right bytes or fails, whatever is changed in it, and reads nothing outside of its base', async () => {
    const whole = patchOf(right())
    const change = fc.record({ at: fc.nat(whole.length - 1), bits: fc.integer({ min: 1, max: 255 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const changed = Buffer.from(whole)
        for (const { at, bits } of changes) changed[at] = (changed[at] as number) ^ bits
        const made = await applied(changed).catch((error: unknown) => error)
        if (!Buffer.isBuffer(made)) expect(made).toMatchObject(damaged)
        else expect(made.length).toBeLessThanOrEqual(limits.patchSegmentBytes)
      }),
      { numRuns: 300 },
    )
  })
})

describe('instructions (clause PATCH 4)', () => {
  it('make the segment that they were written for, whatever the steps', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 400 })
    const wishes = fc.array(fc.record({ from: fc.nat(400), copied: fc.nat(200), fresh: fc.nat(100) }), { maxLength: 8 })
    fc.assert(
      fc.property(bytes, bytes, wishes, (range, segment, wished) => {
        const steps: Step[] = []
        let left = segment.length
        for (const { from, copied, fresh } of wished) {
          const start = Math.min(from, range.length)
          const take = Math.min(copied, range.length - start, left)
          const more = Math.min(fresh, left - take)
          steps.push({ from: start, copied: take, fresh: more })
          left -= take + more
        }
        steps.push({ from: 0, copied: 0, fresh: left })
        const made = new Uint8Array(segment.length).fill(0xee)
        follow(new InstructionWriter(400).write(steps, range, segment), range, made)
        expect(made).toEqual(segment)
      }),
    )
  })

  it('T20 never reach outside of the range or of the segment, whatever they say', () => {
    const small = fc.array(fc.oneof(fc.nat(3), fc.nat(255)), { maxLength: 40 })
    fc.assert(
      fc.property(small, fc.nat(50), fc.integer({ min: 1, max: 50 }), (numbers, reach, length) => {
        const around = new Uint8Array(length + 20).fill(7)
        const made = around.subarray(10, 10 + length)
        try {
          follow(Uint8Array.from(numbers), new Uint8Array(reach), made)
        } catch (error) {
          expect(error).toBeInstanceOf(Failure)
        }
        expect([...around.subarray(0, 10), ...around.subarray(10 + length)].every((byte) => byte === 7)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})
