// Bits in a row: written, and read back without trust. Reading past the end gives zeros and says so once, so that a reader of garbage
// ends where its own bounds say, not where the garbage does.

/** Most bits of one number: what a double holds exactly. */
const NUMBER_BITS = 53

export class BitWriter {
  readonly #bytes: number[] = []
  #byte = 0
  #free = 8

  /** The lowest `count` bits (at most 53) of a non-negative integer, highest first. */
  write(value: number, count: number): void {
    for (let left = count; left > 0; ) {
      const take = Math.min(left, this.#free)
      left -= take
      this.#byte = this.#byte * 2 ** take + (Math.floor(value / 2 ** left) % 2 ** take)
      this.#free -= take
      if (this.#free === 0) this.#next()
    }
  }

  /** So many ones, and a zero. */
  unary(ones: number): void {
    for (let left = ones; left > 0; left--) this.write(1, 1)
    this.write(0, 1)
  }

  /** An integer from 0 to 2^53-1 in about twice the bits it has. */
  gamma(value: number): void {
    const bits = bitsOf(value)
    this.write(bits, 6)
    this.write(value, bits)
  }

  /** The bytes so far, the last one filled up with zeros. */
  finish(): Uint8Array {
    if (this.#free < 8) {
      this.#byte *= 2 ** this.#free
      this.#next()
    }
    return Uint8Array.from(this.#bytes)
  }

  #next(): void {
    this.#bytes.push(this.#byte)
    this.#byte = 0
    this.#free = 8
  }
}

export class BitReader {
  readonly #bytes: Uint8Array
  #at = 0
  #left = 8
  #spent = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** More was read than there is. */
  get spent(): boolean {
    return this.#spent
  }

  read(count: number): number {
    let value = 0
    for (let left = count; left > 0; ) {
      const take = Math.min(left, this.#left)
      const byte = this.#bytes[this.#at]
      if (byte === undefined) this.#spent = true
      this.#left -= take
      value = value * 2 ** take + (((byte ?? 0) >> this.#left) & (2 ** take - 1))
      left -= take
      if (this.#left === 0) this.#next()
    }
    return value
  }

  /** Ones up to the next zero, at most `max`: then there is no zero. */
  unary(max: number): number {
    let ones = 0
    while (ones < max && this.read(1) === 1) ones++
    return ones
  }

  gamma(): number {
    const bits = this.read(6)
    if (bits <= NUMBER_BITS) return this.read(bits)
    this.#spent = true
    return 0
  }

  #next(): void {
    this.#at++
    this.#left = 8
  }
}

/** How many bits an integer from 0 to 2^53-1 has; 0 has none. */
export function bitsOf(value: number): number {
  const bits = value === 0 ? 0 : Math.floor(Math.log2(value)) + 1
  // The logarithm of a large number may be rounded up to the next power.
  return value > 0 && 2 ** (bits - 1) > value ? bits - 1 : bits
}
