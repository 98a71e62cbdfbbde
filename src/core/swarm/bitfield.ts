// Bitfields: which pieces of an encoding somebody holds. Bit i of byte i >> 3, least significant first, is piece i.
// Invariant of a valid one: exactly as many bytes as the pieces need, and the spare bits of the last byte are zero.

/** Bytes of the bitfield of so many pieces. */
export function bitfieldBytes(pieces: number): number {
  return (pieces + 7) >> 3
}

/** Of somebody who holds nothing. */
export function emptyBits(pieces: number): Uint8Array {
  return new Uint8Array(bitfieldBytes(pieces))
}

/** Of somebody who holds everything. */
export function fullBits(pieces: number): Uint8Array {
  const bits = emptyBits(pieces).fill(255)
  const spare = bits.length * 8 - pieces
  if (bits.length > 0) bits[bits.length - 1] = 255 >> spare
  return bits
}

export function hasBit(bits: Uint8Array, index: number): boolean {
  return ((bits[index >> 3] as number) & (1 << (index & 7))) !== 0
}

export function setBit(bits: Uint8Array, index: number): void {
  bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7))
}

/** How many bits are set. */
export function countBits(bits: Uint8Array): number {
  let count = 0
  for (const byte of bits) for (let rest = byte; rest !== 0; rest &= rest - 1) count += 1
  return count
}

/** True when the bytes can be the bitfield of so many pieces. */
export function isBitfield(bits: Uint8Array, pieces: number): boolean {
  if (bits.length !== bitfieldBytes(pieces)) return false
  const spare = bits.length * 8 - pieces
  return spare === 0 || ((bits[bits.length - 1] as number) & ~(255 >> spare)) === 0
}

/** Calls `changed` for each piece by which `after` differs from `before`, which has the same length. */
export function eachChange(
  before: Uint8Array,
  after: Uint8Array,
  changed: (index: number, held: boolean) => void,
): void {
  for (let i = 0; i < after.length; i++) {
    const byte = after[i] as number
    for (let rest = byte ^ (before[i] as number); rest !== 0; rest &= rest - 1) {
      const bit = 31 - Math.clz32(rest & -rest)
      changed(i * 8 + bit, (byte & (1 << bit)) !== 0)
    }
  }
}
