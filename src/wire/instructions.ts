// The instructions of one segment of a patch as bytes (clause PATCH 4): take these bytes of the base, then these fresh ones, and so on;
// then add these differences. Code that was compiled anew is the old one with other addresses in it: nearly all of a copy is right.
// Invariant: whoever wrote them, they touch nothing outside of the range and of the segment, and make exactly the segment or fail.
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'

/** Take `copied` bytes of the range, from `from`, and then `fresh` new ones. */
export interface Step {
  from: number
  copied: number
  fresh: number
}

/** Bytes of four groups of seven bits: more than any number here needs. */
const VARINT_BYTES = 4

export function badPatch(found: string, cause?: unknown): Failure {
  return new Failure('E_DOCUMENT', `the patch to this artifact holds ${found}`, { cause })
}

/**
 * Fills `made` by the instructions.
 * @param range the bytes of the base that the segment names.
 * @throws Failure E_DOCUMENT: they are no instructions for this many bytes of such a range.
 */
export function follow(instructions: Uint8Array, range: Uint8Array, made: Uint8Array): void {
  const lengths = new Varints(instructions)
  const [stepBytes, gapBytes, differenceBytes] = [lengths.next(), lengths.next(), lengths.next()]
  const gapsAt = lengths.at + stepBytes
  const differencesAt = gapsAt + gapBytes
  const freshAt = differencesAt + differenceBytes
  if (freshAt > instructions.length) throw badPatch('instructions that end early')
  const steps = new Varints(instructions.subarray(lengths.at, gapsAt))
  copy(steps, range, { made, fresh: instructions.subarray(freshAt) })
  const gaps = new Varints(instructions.subarray(gapsAt, differencesAt))
  add(gaps, instructions.subarray(differencesAt, freshAt), made)
}

function copy(steps: Varints, range: Uint8Array, { made, fresh }: { made: Uint8Array; fresh: Uint8Array }): void {
  let [at, from, used] = [0, 0, 0]
  while (!steps.done) {
    const [copied, more] = [steps.next(), steps.next()]
    from += signed(steps.next())
    if (from < 0 || from + copied > range.length) throw badPatch('a step outside of its base')
    if (at + copied + more > made.length || used + more > fresh.length) throw badPatch('a step that is too long')
    made.set(range.subarray(from, from + copied), at)
    made.set(fresh.subarray(used, used + more), at + copied)
    at += copied + more
    from += copied
    used += more
  }
  if (at !== made.length || used !== fresh.length) throw badPatch('steps for another number of bytes')
}

function add(gaps: Varints, differences: Uint8Array, made: Uint8Array): void {
  let [at, used] = [0, 0]
  while (!gaps.done) {
    at += gaps.next()
    const count = gaps.next()
    if (at + count > made.length || used + count > differences.length) throw badPatch('a difference that is too long')
    for (const end = at + count; at < end; at++) made[at] = (made[at] as number) + (differences[used++] as number)
  }
  if (used !== differences.length) throw badPatch('differences of nothing')
}

/** Writes instructions, one segment after the other, into the same buffers. */
export class InstructionWriter {
  readonly #most: number
  readonly #parts: Uint8Array[]

  /** @param bytes the most that a segment has: no part of its instructions has four times as many. */
  constructor(bytes: number) {
    this.#most = Math.min(4 * bytes + 64, limits.patchPlainBytes)
    this.#parts = [0, 1, 2, 3].map(() => new Uint8Array(this.#most))
  }

  /** @returns a view that is valid until the next call; steps that come to more than a segment may say are left for fresh bytes alone. */
  write(steps: readonly Step[], range: Uint8Array, segment: Uint8Array): Uint8Array {
    const [out, first, gaps, differences] = this.#parts as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    const stepBytes = writeSteps(steps, first)
    const { gapBytes, differenceBytes } = writeDifferences(steps, { range, segment, gaps, differences })
    const freshBytes = steps.reduce((sum, { fresh }) => sum + fresh, 0)
    // What is written behind the end of a part is lost, and counted.
    if (3 * VARINT_BYTES + stepBytes + gapBytes + differenceBytes + freshBytes > this.#most)
      return this.write([{ from: 0, copied: 0, fresh: segment.length }], range, segment)
    let at = 0
    for (const length of [stepBytes, gapBytes, differenceBytes]) at = putVarint(out, at, length)
    for (const [part, length] of [
      [first, stepBytes],
      [gaps, gapBytes],
      [differences, differenceBytes],
    ] as const) {
      out.set(part.subarray(0, length), at)
      at += length
    }
    let done = 0
    for (const { copied, fresh } of steps) {
      out.set(segment.subarray(done + copied, done + copied + fresh), at)
      at += fresh
      done += copied + fresh
    }
    return out.subarray(0, at)
  }
}

function writeSteps(steps: readonly Step[], out: Uint8Array): number {
  let [at, before] = [0, 0]
  for (const { from, copied, fresh } of steps) {
    at = putVarint(out, at, copied)
    at = putVarint(out, at, fresh)
    at = putVarint(out, at, unsigned(from - before))
    before = from + copied
  }
  return at
}

function writeDifferences(
  steps: readonly Step[],
  { range, segment, gaps, differences }: Record<'range' | 'segment' | 'gaps' | 'differences', Uint8Array>,
): { gapBytes: number; differenceBytes: number } {
  let [start, told, gapBytes, differenceBytes] = [0, 0, 0, 0]
  for (const { from, copied, fresh } of steps) {
    const [end, shift] = [start + copied, from - start]
    for (let at = start; at < end; ) {
      if (segment[at] === range[at + shift]) {
        at += 1
        continue
      }
      const begun = at
      for (; at < end && segment[at] !== range[at + shift]; at++)
        differences[differenceBytes++] = (segment[at] as number) - (range[at + shift] as number)
      gapBytes = putVarint(gaps, putVarint(gaps, gapBytes, begun - told), at - begun)
      told = at
    }
    start = end + fresh
  }
  return { gapBytes, differenceBytes }
}

/** @returns the place behind it. */
function putVarint(out: Uint8Array, at: number, value: number): number {
  let [place, left] = [at, value]
  for (; left > 127; left >>>= 7) out[place++] = (left & 127) | 128
  out[place++] = left
  return place
}

/** Small numbers of either sign become small ones. */
const unsigned = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value)
const signed = (value: number): number => (value % 2 === 1 ? -(value + 1) / 2 : value / 2)

class Varints {
  readonly #bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.at >= this.#bytes.length
  }

  next(): number {
    let value = 0
    for (let shift = 0; shift < 7 * VARINT_BYTES; shift += 7) {
      const byte = this.#bytes[this.at++]
      if (byte === undefined) break
      value |= (byte & 127) << shift
      if (byte < 128) return value
    }
    throw badPatch('a number without an end')
  }
}
