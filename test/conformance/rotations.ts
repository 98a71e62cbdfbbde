// Key rotation of the root, and changes of the keys of other roles: who must have signed before a change is believed.
// A letter is a key: `abc 2 ab` has the keys a, b and c, the threshold 2, and is signed by a and b.
import { expect } from 'vitest'
import { announcementOf, delegationOf, targetsOf } from '../fixtures/documents.ts'
import { type Cases, Client, type Holders, rootBytes } from './client.ts'

interface Step extends Holders {
  by: readonly string[]
}

function step(text: string): Step {
  const [keys = '', threshold, by = ''] = text.split(' ')
  return { keys: [...keys], threshold: Number(threshold), by: [...by] }
}

/** Every step is accepted, except the last when `refused`. All are offered one by one, and to another client at once. */
function walk(texts: readonly string[], refused: boolean): () => void {
  return () => {
    const steps = texts.map(step)
    const documents = steps.map(({ by, ...root }, i) => rootBytes({ version: i + 1, root }, by))
    const [first, ...later] = documents as [Uint8Array, ...Uint8Array[]]
    const [patient, late] = [new Client(first), new Client(first)]
    const problems = later.map((bytes) => patient.offerRoots(bytes))
    expect(problems.map((problem) => problem !== undefined)).toEqual(
      later.map((_, i) => refused && i === later.length - 1),
    )
    late.offerRoots(...later.reverse())
    const reached = refused ? documents.length - 1 : documents.length
    expect([patient.root, late.root]).toEqual([reached, reached])
  }
}

const roots: Record<string, { steps: readonly string[]; refused?: true }> = {
  '1-of-1-key-rotation': { steps: ['a 1 a', 'b 1 ba', 'b 1 b'] },
  '1-of-1-key-rotation-unused-signatures': { steps: ['a 1 xay', 'b 1 xbay', 'b 1 xby'] },
  '3-of-5-sign-with-different-keycombos': { steps: ['abcde 3 ace', 'abcde 3 aeb', 'abcde 3 abd', 'abcde 3 abd'] },
  '3-of-5-one-key-rotated': { steps: ['abcde 3 ace', 'abdef 3 aeb'] },
  '3-of-5-one-key-rotated-with-intermediate-step': { steps: ['abcde 3 ace', 'abdef 3 acef', 'abdef 3 aef'] },
  '3-of-5-all-keys-rotated-with-intermediate-step': { steps: ['abcde 3 ace', 'fghij 3 acefgh', 'fghij 3 fgh'] },
  '1-of-3-threshold-increase-to-2-of-3': { steps: ['abc 1 a', 'abc 2 ab'] },
  '2-of-3-threshold-decrease-to-1-of-3': { steps: ['abc 2 ab', 'abc 1 ab', 'abc 1 a'] },
  '1-of-2-threshold-increase-to-2-of-2': { steps: ['a 1 a', 'ab 2 ab'] },
  '1-of-1-key-rotation-fail-not-signed-with-old-key': { steps: ['a 1 a', 'b 1 bxy'], refused: true },
  '1-of-1-key-rotation-fail-not-signed-with-new-key': { steps: ['a 1 a', 'b 1 axy'], refused: true },
  '3-of-5-one-key-rotate-fails-not-signed-with-3-new-keys': { steps: ['abcde 3 ace', 'abdef 3 ace'], refused: true },
  '3-of-5-one-key-rotate-fails-not-signed-with-3-old-keys': { steps: ['abcde 3 ace', 'abdef 3 aef'], refused: true },
  '1-of-3-threshold-bump-to-2-of-3-fails-new-threshold-not-reached': { steps: ['abc 1 a', 'abc 2 b'], refused: true },
  '2-of-3-threshold-decr-to-1-of-3-fails-old-threshold-not-eached': { steps: ['abc 2 ab', 'abc 1 a'], refused: true },
}

/** The targets role of a root, and a publisher's role, come to these keys: what they sign is taken, or not. */
function sign(text: string, accepted: boolean): () => void {
  return () => {
    const { by, ...holders } = step(text)
    const wanted = accepted ? 'accepted' : 'badSignature'

    const owner = new Client(rootBytes({ root: { keys: ['root'], threshold: 1 } }))
    owner.offerTargets(targetsOf().raw)
    owner.offerRoots(rootBytes({ version: 2, targets: holders }))
    expect([owner.root, owner.targets]).toEqual([2, 0])
    expect(owner.offerTargets(targetsOf({ version: 2, by: [...by] }).raw)).toBe(wanted)
    expect(owner.targets).toBe(accepted ? 2 : 0)

    const client = new Client(rootBytes({}))
    const { threshold } = holders
    const roles = [delegationOf({ by: [...holders.keys], threshold })]
    client.offerTargets(targetsOf({ version: 2, roles, keys: [...holders.keys] }).raw)
    expect(client.offer(announcementOf({ by: [...by] }))).toBe(wanted)
    expect(client.version()).toBe(accepted ? 1 : 0)
  }
}

const others: Record<string, { text: string; refused?: true }> = {
  '1-of-1-key-rotation': { text: 'b 1 b' },
  '1-of-1-key-rotation-unused-signatures': { text: 'a 1 xay' },
  '1-of-1-key-rotation-fail-not-signed-with-new-key': { text: 'b 1 axy', refused: true },
  '3-of-5-one-key-signature-wrong-not-signed-with-3-expected-keys': { text: 'abdef 3 ace', refused: true },
  '2-of-5-one-key-signature-mising-threshold-not-reached': { text: 'abdef 3 ae', refused: true },
  '3-of-5-sign-first-combo': { text: 'abcde 3 ace' },
  '3-of-5-sign-second-combo': { text: 'abcde 3 aeb' },
  '3-of-5-sign-third-combo': { text: 'abcde 3 abd' },
  '3-of-5-sign-fourth-combo': { text: 'abcde 3 bcd' },
  '3-of-5-sign-fifth-combo': { text: 'abcde 3 cde' },
}

export const rotations: Cases = Object.fromEntries([
  ...Object.entries(roots).map(([name, { steps, refused }]) => [
    `test_root_rotation[${name}]`,
    walk(steps, refused === true),
  ]),
  ...Object.entries(others).map(([name, { text, refused }]) => [
    `test_non_root_rotations[${name}]`,
    sign(text, refused !== true),
  ]),
])
