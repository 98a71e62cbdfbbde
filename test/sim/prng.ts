// All chance of a simulation: one seeded generator, forked by name so that one node's draws never shift another's.
// sfc32 by Chris Doty-Humphrey (PractRand 0.93, RNG/sfc32), seeded by splitmix32 (Steele, Lea and Flood, OOPSLA 2014):
// 32-bit integer arithmetic only, so that a seed means the same on every machine.

/** Mixes 32 bits into 32 bits; the finaliser of MurmurHash3 as splitmix32 uses it. */
function mix(value: number): number {
  let z = value | 0
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
  return (z ^ (z >>> 15)) | 0
}

function fold(seed: number, label: string): number {
  let hash = mix(seed ^ 0x9e3779b9)
  for (let i = 0; i < label.length; i++) hash = mix(hash ^ label.charCodeAt(i))
  return hash
}

export class Prng {
  readonly #seed: number
  #a: number
  #b: number
  #c: number
  #count = 1

  /** `seed`: any integer; its lower 32 bits count. */
  constructor(seed: number) {
    this.#seed = seed | 0
    this.#a = mix(this.#seed + 0x9e3779b9)
    this.#b = mix(this.#seed + 0x3c6ef372)
    this.#c = mix(this.#seed + 0xdaa66d2b)
    for (let i = 0; i < 12; i++) this.bits()
  }

  /** An independent generator for `label`: the same for the same seed and label, however much was drawn here. */
  fork(label: string): Prng {
    return new Prng(fold(this.#seed, label))
  }

  /** 32 random bits as an unsigned integer. */
  bits(): number {
    const t = (((this.#a + this.#b) | 0) + this.#count) | 0
    this.#count = (this.#count + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t
    this.#c |= 0
    return t >>> 0
  }

  /** Uniform in [0, 1), with 53 bits. */
  real(): number {
    return ((this.bits() >>> 5) * 67_108_864 + (this.bits() >>> 6)) / 9_007_199_254_740_992
  }

  /** A uniform integer in from..to, both included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.real() * (to - from + 1))
  }

  /** True with this probability. Draws nothing for 0, so that switching a fault off is cheap. */
  chance(probability: number): boolean {
    return probability > 0 && this.real() < probability
  }

  /** Exponentially distributed with this mean, in its unit. */
  exponential(mean: number): number {
    return -Math.log(1 - this.real()) * mean
  }

  /** One of `items`; undefined when there is none. */
  pick<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : items[this.int(0, items.length - 1)]
  }

  /** A shuffled copy (Fisher and Yates). */
  shuffled<T>(items: readonly T[]): T[] {
    const copy = [...items]
    for (let i = copy.length - 1; i > 0; i--) {
      const j = this.int(0, i)
      const held = copy[i] as T
      copy[i] = copy[j] as T
      copy[j] = held
    }
    return copy
  }

  /** `length` random bytes. */
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.bits() & 255)
  }
}
