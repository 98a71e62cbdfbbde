// Fingerprints of a base: where in it the bytes of a segment are, however far they have moved. A rolling hash picks places by the
// bytes before them, the same ones in base and artifact; each segment's places vote for where their like is in the base.
import { limits } from '../../core/limits.ts'

/** Bytes that a fingerprint is made of: as many as the rolling hash remembers. */
const WINDOW = 32
/** Places are known, and votes counted, by so many bytes. */
const BUCKET = 65_536
const RANGE_BUCKETS = limits.patchRangeBytes / BUCKET
const AMBIGUOUS = 0xffff_ffff

/** 256 numbers that look random; the same ones for base and artifact are all that matters. */
const GEAR = Int32Array.from({ length: 256 }, (_, byte) => {
  let mixed = Math.imul(byte + 1, 0x9e3779b1)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca77)
  return Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae3d)
})

export class Fingerprints {
  /** A place is picked when so many leading bits of the hash are 0. */
  readonly #rare: number
  /** Fingerprint and bucket in turn, by fingerprint; those of several buckets tell nothing. */
  readonly #table = new Uint32Array(4 * limits.patchFingerprints)
  readonly #length: number
  #count = 0
  #window: Window

  /** @param length bytes of the base. */
  constructor(length: number) {
    this.#length = length
    this.#rare = Math.max(4, Math.ceil(Math.log2(length / limits.patchFingerprints)) + 1)
    this.#window = new Window(this.#rare)
  }

  /** The next bytes of the base. */
  add(bytes: Uint8Array): void {
    this.#window.pass(bytes, (fingerprint, end) => this.#put(fingerprint, Math.floor(end / BUCKET)))
  }

  /**
   * Where the range begins that a segment is best made from.
   * @param guess where it begins when nothing is known
   */
  rangeFor(segment: Uint8Array, guess: number): number {
    const votes = new Map<number, number>()
    const window = new Window(this.#rare)
    window.pass(segment, (fingerprint) => {
      const bucket = this.#bucketOf(fingerprint)
      if (bucket !== undefined) votes.set(bucket, (votes.get(bucket) ?? 0) + 1)
    })
    const start = bestRange(votes)
    const wished = start === undefined ? guess : start * BUCKET
    return Math.max(0, Math.min(wished, this.#length - limits.patchRangeBytes))
  }

  #put(fingerprint: number, bucket: number): void {
    if (this.#count >= limits.patchFingerprints) return
    const slot = this.#slot(fingerprint)
    if (this.#table[slot] === 0) {
      this.#count += 1
      this.#table[slot] = fingerprint
      this.#table[slot + 1] = bucket
    } else if (this.#table[slot + 1] !== bucket) this.#table[slot + 1] = AMBIGUOUS
  }

  #bucketOf(fingerprint: number): number | undefined {
    const slot = this.#slot(fingerprint)
    const bucket = this.#table[slot + 1] as number
    return this.#table[slot] === 0 || bucket === AMBIGUOUS ? undefined : bucket
  }

  /** Where the fingerprint is, or would be. */
  #slot(fingerprint: number): number {
    const slots = this.#table.length / 2
    let slot = fingerprint % slots
    while (this.#table[2 * slot] !== 0 && this.#table[2 * slot] !== fingerprint) slot = (slot + 1) % slots
    return 2 * slot
  }
}

/** The first bucket of the range with the most votes, these in its middle; undefined without any. */
function bestRange(votes: ReadonlyMap<number, number>): number | undefined {
  const buckets = [...votes.keys()].sort((a, b) => a - b)
  let [first, sum, best, range]: [number, number, number, [number, number] | undefined] = [0, 0, 0, undefined]
  for (const last of buckets) {
    sum += votes.get(last) ?? 0
    while (last - (buckets[first] as number) >= RANGE_BUCKETS) sum -= votes.get(buckets[first++] as number) ?? 0
    if (sum > best) [best, range] = [sum, [buckets[first] as number, last]]
  }
  return range && Math.floor((range[0] + range[1] + 1 - RANGE_BUCKETS) / 2)
}

/** The rolling hash over bytes that come in blocks. */
class Window {
  readonly #shift: number
  readonly #recent = new Uint8Array(WINDOW)
  #hash = 0
  #end = 0

  constructor(rare: number) {
    this.#shift = 32 - rare
  }

  /** @param picked told of each place that is picked: the fingerprint of the bytes before it, never 0, and where they end */
  pass(bytes: Uint8Array, picked: (fingerprint: number, end: number) => void): void {
    let hash = this.#hash
    const [before, shift] = [this.#end, this.#shift]
    for (let at = 0; at < bytes.length; at++) {
      hash = ((hash << 1) + (GEAR[bytes[at] as number] as number)) | 0
      if (hash >>> shift === 0 && before + at + 1 >= WINDOW)
        picked(fingerprintOf(bytes, at + 1, this.#recent), before + at + 1)
    }
    const keep = bytes.subarray(-WINDOW)
    this.#recent.copyWithin(0, keep.length)
    this.#recent.set(keep, WINDOW - keep.length)
    this.#hash = hash
    this.#end = before + bytes.length
  }
}

/** Of the WINDOW bytes that end at `end`, some of which may be those before the block. */
function fingerprintOf(bytes: Uint8Array, end: number, recent: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let at = end - WINDOW; at < end; at++) {
    const byte = (at < 0 ? recent[WINDOW + at] : bytes[at]) as number
    hash = Math.imul(hash ^ byte, 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77)
  return (hash ^ (hash >>> 13)) >>> 0 || 1
}
