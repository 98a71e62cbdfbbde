// Matching: from which places of a range of the base the bytes of a segment are copied. The way of bsdiff (Colin Percival, "Naive
// differences of executable code", 2003): an alignment goes on over bytes that differ as long as most of them agree, since code that
// was compiled anew differs in addresses; another one takes its place when it explains more. Where bsdiff sorts all suffixes of the
// base, this looks at some places with the same eight bytes: a segment is small, and a publisher waits for the answer.
import { limits } from '../../core/limits.ts'
import type { Step } from '../../wire/instructions.ts'

/** Bytes that two places must have in common to be looked at. */
const SEED = 8
const TABLE_BITS = 20
/** Every so manieth place of the range is in the table: a match that is long enough has one of them soon after its first byte. */
const STRIDE = 2
/** A match that is shorter is chance. */
const SHORTEST = 16
/** Places with the same seed that are looked at, the last ones first. */
const TRIES = 16
/** A match of so many bytes is good enough: no better one is looked for. */
const GOOD = 1_024
/**
 * So many more bytes must another alignment explain to take the place of the one that holds. In code what differs are addresses, and
 * little is enough; in text words come anywhere, and a step for each of them says more than the words themselves.
 */
export const BETTER = { code: 8, text: 32 }

interface Match {
  /** In the range. */
  at: number
  length: number
}

/** A place of the segment and the one of the range that it is aligned with. */
interface Alignment {
  next: number
  base: number
}

/** Finds matches, one segment after the other, with the same tables. */
export class Matcher {
  /** By hash of a seed: the last place of the range that has it, counted from 1 in strides; by place: the one before it. */
  readonly #last = new Int32Array(1 << TABLE_BITS)
  readonly #before = new Int32Array(limits.patchRangeBytes / STRIDE)

  /** The steps that make `segment` of `range`, but for differences; at least one. */
  match(segment: Uint8Array, range: Uint8Array, better = BETTER.code): Step[] {
    this.#index(range)
    const steps: Step[] = []
    let held: Alignment = { next: 0, base: 0 }
    for (let at = 0; held.next < segment.length; ) {
      const found = this.#nextAlignment(segment, range, { from: at, shift: held.base - held.next, better })
      at = found.next + found.length
      if (found.isHeld) continue
      const { forward, backward } = borders(segment, range, held, found)
      steps.push({ from: held.base, copied: forward, fresh: found.next - backward - held.next - forward })
      held = { next: found.next - backward, base: found.base - backward }
    }
    return steps
  }

  #index(range: Uint8Array): void {
    this.#last.fill(0)
    for (let place = 0, at = 0; at + SEED <= range.length; at += STRIDE) {
      const slot = slotOf(range, at)
      this.#before[place++] = this.#last[slot] as number
      this.#last[slot] = place
    }
  }

  /**
   * The next place where another alignment explains more than the one that holds, or where that one matches exactly (`isHeld`); the
   * end of the segment when there is none.
   */
  #nextAlignment(
    segment: Uint8Array,
    range: Uint8Array,
    { from, shift, better }: { from: number; shift: number; better: number },
  ): Alignment & { length: number; isHeld: boolean } {
    const agrees = (at: number) => at + shift >= 0 && at + shift < range.length && range[at + shift] === segment[at]
    let [explained, counted] = [0, from]
    for (let at = from; at < segment.length; at++) {
      const { at: base, length } = this.#longest(segment, range, { at, aligned: at + shift })
      for (; counted < at + length; counted++) if (agrees(counted)) explained += 1
      const isHeld = length === explained
      if (length > 0 && (isHeld || length > explained + better)) return { next: at, base, length, isHeld }
      if (agrees(at)) explained -= 1
    }
    return { next: segment.length, base: 0, length: 0, isHeld: false }
  }

  /** The longest match of what is at `at` among those that are looked at; the aligned one may be shorter than others. */
  #longest(segment: Uint8Array, range: Uint8Array, { at, aligned }: { at: number; aligned: number }): Match {
    let best = { at: aligned, length: aligned < 0 ? 0 : common(segment, at, range, aligned) }
    if (best.length >= GOOD || at + SEED > segment.length) return best
    let place = this.#last[slotOf(segment, at)] as number
    for (let tries = TRIES; place > 0 && tries > 0 && best.length < GOOD; tries--) {
      const from = (place - 1) * STRIDE
      const mayBeLonger = segment[at + best.length] === range[from + best.length]
      const length = mayBeLonger ? common(segment, at, range, from) : 0
      if (length > best.length && length >= SHORTEST) best = { at: from, length }
      place = this.#before[place - 1] as number
    }
    return best
  }
}

/** How far the alignment that holds reaches forward, and the found one backward, when each takes what agrees more often than not. */
function borders(
  segment: Uint8Array,
  range: Uint8Array,
  held: Alignment,
  found: Alignment,
): { forward: number; backward: number } {
  const room = Math.min(found.next - held.next, range.length - held.base)
  const forward = reach(room, (index) => segment[held.next + index] === range[held.base + index])
  const back = found.next === segment.length ? 0 : Math.min(found.next - held.next, found.base)
  const backward = reach(back, (index) => segment[found.next - 1 - index] === range[found.base - 1 - index])
  const overlap = forward + backward - (found.next - held.next)
  if (overlap <= 0) return { forward, backward }
  const first = found.next - backward
  let [score, best, cut] = [0, 0, 0]
  for (let index = 0; index < overlap; index++) {
    const byte = segment[first + index]
    if (byte === range[held.base + first - held.next + index]) score += 1
    if (byte === range[found.base - backward + index]) score -= 1
    if (score > best) [best, cut] = [score, index + 1]
  }
  return { forward: forward - overlap + cut, backward: backward - cut }
}

/** The length with the best balance of what agrees and what does not. */
function reach(room: number, agrees: (index: number) => boolean): number {
  let [score, best, length] = [0, 0, 0]
  for (let index = 0; index < room; index++) {
    score += agrees(index) ? 1 : -1
    if (score > best) [best, length] = [score, index + 1]
  }
  return length
}

/** How many bytes the two have in common from these places on. */
function common(a: Uint8Array, fromA: number, b: Uint8Array, fromB: number): number {
  const most = Math.min(a.length - fromA, b.length - fromB)
  let length = 0
  while (length < most && a[fromA + length] === b[fromB + length]) length += 1
  return length
}

function slotOf(bytes: Uint8Array, at: number): number {
  return (Math.imul(word(bytes, at), 0x9e3779b1) ^ Math.imul(word(bytes, at + 4), 0x85ebca77)) >>> (32 - TABLE_BITS)
}

function word(bytes: Uint8Array, at: number): number {
  const [a, b, c, d] = [bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number, bytes[at + 3] as number]
  return a | (b << 8) | (c << 16) | (d << 24)
}
