// What nodes say that are not honest, in the world in memory.
import { limits } from '../../../src/core/limits.ts'
import { emptyBits, fullBits } from '../../../src/core/swarm/bitfield.ts'
import type { PieceArrival, PieceMessage } from '../../../src/core/swarm/messages.ts'
import type { Prng } from '../../sim/prng.ts'
import { JUNK, type TestEncoding } from './encodings.ts'
import type { Manners } from './test-node.ts'

export type Data = Extract<PieceArrival, { type: 'data' }>
/** What travels: core hears of data with the ticket of its arrival. */
export type Said = PieceMessage | Omit<Data, 'arrival'>

/** What a liar says of an encoding when its stream opens: that it holds everything, or is fetching it. */
export function boasts(manners: Manners, { encoding: { hash: encoding }, hashes }: TestEncoding): PieceMessage[] {
  const pieces = hashes.length
  if (manners !== 'claims') return [{ type: 'bitfield', encoding, bits: fullBits(pieces), wants: false }]
  const claims = hashes.map<PieceMessage>((_, index) =>
    index % 2 === 0 ? { type: 'passed', encoding, index } : { type: 'claim', encoding, index, passOn: true },
  )
  return [{ type: 'bitfield', encoding, bits: emptyBits(pieces), wants: true }, ...claims]
}

/** What it answers when it is asked for a piece, and after how many milliseconds; undefined: nothing. */
export function answers(
  manners: Manners,
  { encoding: { hash: encoding }, hashes }: TestEncoding,
  { index, length }: { index: number; length: number },
  random: Prng,
): { said: Said; delay: number } | undefined {
  const data = { type: 'data', encoding, index, length, hash: hashes[index] as string } as const
  if (manners === 'poisons') return { said: { ...data, hash: JUNK }, delay: 10 }
  if (manners === 'drips') return { said: data, delay: length * 1000 }
  if (manners === 'refuses') return { said: { type: 'refuse', encoding, index }, delay: 0 }
  return manners === 'junk' ? { said: random.pick(junk(encoding, index, length)) as Said, delay: 10 } : undefined
}

/** What it gives when it is asked for a piece list. */
export function listOf(manners: Manners, encoding: TestEncoding | undefined): Uint8Array | undefined {
  return manners === 'junk' ? Uint8Array.of(1) : encoding?.list
}

function junk(encoding: string, index: number, length: number): Said[] {
  return [
    { type: 'have', encoding, index: limits.pieces - 1 },
    { type: 'have', encoding: JUNK, index: 7 },
    { type: 'bitfield', encoding, bits: new Uint8Array([255]), wants: true },
    { type: 'bitfield', encoding, bits: new Uint8Array(limits.pieces / 8).fill(255), wants: true },
    { type: 'request', encoding, index: limits.pieces - 1 },
    { type: 'request', encoding: JUNK, index: 0 },
    { type: 'refuse', encoding, index: index ^ 1 },
    { type: 'cancel', encoding: JUNK, index: 3 },
    { type: 'data', encoding, index: index ^ 1, length, hash: JUNK },
    { type: 'data', encoding: JUNK, index, length: 1, hash: JUNK },
    { type: 'data', encoding, index, length: 1, hash: JUNK },
  ]
}
