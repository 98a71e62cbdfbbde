// Heads and version vectors are signed by nobody: what they say may make a node ask, and never makes it hold anything.
import { limits } from '../../../src/core/limits.ts'
import type { Head, VectorEntry } from '../../../src/core/trust/announcement.ts'
import { headOf, isKept, Registers } from '../../../src/core/trust/registers.ts'
import { decodeHead, decodeVectorEntry, encodeHead, encodeVectorEntry } from '../../../src/wire/head.ts'
import { decodeHello, encodeHello } from '../../../src/wire/hello.ts'
import { nodeOf } from '../../fixtures/documents.ts'
import type { Prng } from '../../sim/prng.ts'
import { type Target, Violation } from '../fuzzer.ts'
import { changeBytes } from '../mutate.ts'
import { ANNOUNCEMENTS, IN_FORCE, parsed, ROOT, termsOf } from './genuine.ts'

const HELD = ANNOUNCEMENTS[1]
const entries: VectorEntry[] = [ANNOUNCEMENTS[3], ANNOUNCEMENTS[5]].map((document, i) => ({
  ...headOf(document),
  rival: i === 0 ? 'cd'.repeat(32) : undefined,
}))
const contact = { node: nodeOf('n1'), zone: '/uk/a', addresses: ['/ip4/10.0.0.1/tcp/31415'], age: 7, serves: true }
const hello = {
  rootVersion: 1,
  rootHash: ROOT.hash,
  zone: '/uk/glasgow',
  serves: true,
  addresses: contact.addresses,
  contacts: [contact],
  yours: { incarnation: 2, counter: 3 },
  vector: { targetsVersion: 2, targetsHash: IN_FORCE.hash, heads: entries },
}
const HEADS = ANNOUNCEMENTS.map((document) => encodeHead(headOf(document)))
const HELLOS = [
  encodeHello(hello),
  encodeHello({ ...hello, contacts: [], vector: { ...hello.vector, heads: entries.slice(1) } }),
]

/** What a head makes of a node that holds version 2. Throws when it is taken for what is held and is not. */
function standingOf(head: Head): string {
  const registers = new Registers([])
  registers.take(HELD)
  const standing = registers.standing(head, termsOf(head.role).delegation)
  const { role, epoch, version, hash } = headOf(HELD)
  const isHeld = head.role === role && head.epoch === epoch && head.version === version && head.hash === hash
  if ((standing === 'same') !== isHeld) throw new Violation('a head is taken for one that is held')
  if (registers.byHash(head.hash) !== undefined && head.hash !== hash)
    throw new Violation('a head was taken into a register')
  return isKept(standing) ? standing : 'refused'
}

/** Changes of bytes keep few messages readable: half of them change single bits. */
function changed(chance: Prng, samples: readonly Uint8Array[]): Uint8Array {
  const [one, other] = [chance.pick(samples) as Uint8Array, chance.pick(samples) as Uint8Array]
  if (chance.chance(0.01))
    return Buffer.alloc(chance.pick([limits.headBytes + 1, limits.helloBytes, 100_000]) as number, one)
  return changeBytes(chance, one, other)
}

export const headTarget: Target = {
  name: 'head',
  generate: (chance) => changed(chance, HEADS),
  run(input) {
    const entry = parsed(() => decodeVectorEntry(input))
    if (
      'value' in entry &&
      String(Object.values(decodeVectorEntry(encodeVectorEntry(entry.value)))) !== String(Object.values(entry.value))
    )
      throw new Violation('an entry of a vector is not what it was when it is read again')
    const outcome = parsed(() => decodeHead(input))
    if ('code' in outcome) return outcome.code
    if (JSON.stringify(decodeHead(encodeHead(outcome.value))) !== JSON.stringify(outcome.value))
      throw new Violation('a head is not what it was when it is read again')
    return standingOf(outcome.value)
  },
}

export const helloTarget: Target = {
  name: 'hello',
  generate: (chance) => changed(chance, HELLOS),
  run(input) {
    const outcome = parsed(() => decodeHello(input))
    if ('code' in outcome) return outcome.code
    const { vector } = outcome.value
    if (JSON.stringify(decodeHello(encodeHello(outcome.value)).vector) !== JSON.stringify(vector))
      throw new Violation('a vector is not what it was when it is read again')
    return vector.heads.map(standingOf)[0] ?? 'none'
  },
}
