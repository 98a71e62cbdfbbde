import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import type { RootDocument } from '../../../src/core/trust/documents.ts'
import { signedBy, walkRoots } from '../../../src/core/trust/roots.ts'
import { parseRoot } from '../../../src/wire/root.ts'
import { env, flips, keyOf, MESH, ROOT, rootOf, signRoot } from '../../fixtures/documents.ts'

/** Versions 1 to 4: keys change from root to a, then to two of a, b and c. */
const V2 = signRoot(rootOf({ version: 2, root: ['a'] }), ['root', 'a'])
const V3 = signRoot(rootOf({ version: 3, root: ['a', 'b', 'c'], threshold: 2 }), ['a', 'b'])
const V4 = signRoot(rootOf({ version: 4, root: ['a', 'b', 'c'], threshold: 2 }), ['c', 'b'])
const ALL = [ROOT, V2, V3, V4]
const TERMS = { mesh: MESH }
const versions = (documents: readonly RootDocument[]) => documents.map(({ signed }) => signed.version)
const walk = (held: RootDocument | undefined, offered: RootDocument[], floor?: { version: number; hash?: string }) =>
  walkRoots(held, offered, { ...TERMS, floor }, env)

describe('a walk from root to root', () => {
  it('starts at the mesh id and goes one version at a time', () => {
    expect(walk(undefined, ALL)).toEqual({ root: V4, accepted: ALL, problem: undefined })
    expect(walk(V2, ALL)).toEqual({ root: V4, accepted: [V3, V4], problem: undefined })
    expect(walk(V4, ALL)).toEqual({ root: V4, accepted: [], problem: undefined })
    expect(walk(V2, [])).toEqual({ root: V2, accepted: [], problem: undefined })
  })

  it('ends the same in whatever order and however often roots arrive, also beside forged ones', () => {
    const forged = [2, 3, 4].map((version) => signRoot(rootOf({ version, root: ['thief'] }), ['thief']))
    const offers = fc.shuffledSubarray([...ALL, ...ALL, ...forged], { minLength: 11 })
    fc.assert(
      fc.property(offers, (offered) => {
        const { root, accepted, problem } = walk(undefined, offered)
        expect([root?.hash, versions(accepted), problem]).toEqual([V4.hash, [1, 2, 3, 4], undefined])
      }),
      { numRuns: 30 },
    )
  })

  it('stops before a gap and keeps what came before it', () => {
    expect(walk(undefined, [ROOT, V3, V4])).toMatchObject({ root: ROOT, problem: 'root version 2 is missing' })
    expect(walk(undefined, [V2])).toMatchObject({ root: undefined, problem: 'root version 1 is missing' })
  })

  it('wants the thresholds of both the old and the new keys', () => {
    const next = rootOf({ version: 2, root: ['a'] })
    expect(walk(ROOT, [signRoot(next, ['a'])]).problem).toContain('not signed by the root before it')
    expect(walk(ROOT, [signRoot(next, ['root'])]).problem).toContain('not signed by its own root keys')
    expect(walk(ROOT, [signRoot(next, ['root', 'a'])]).root?.signed.version).toBe(2)
    const last = rootOf({ version: 4, root: ['a', 'b', 'c'], threshold: 2 })
    expect(walk(V3, [signRoot(last, ['a'])]).problem).toContain('not signed')
    expect(walk(V3, [signRoot(last, ['root', 'a', 'targets'])]).problem).toContain('not signed')
  })

  it('begins with no other mesh, and with nothing that does not sign itself', () => {
    const foreign = signRoot(rootOf({ root: ['thief'] }), ['thief'])
    expect(walk(undefined, [foreign])).toMatchObject({ root: undefined, problem: 'root version 1 is not of this mesh' })
    const unsigned = signRoot(rootOf({}), ['thief'])
    expect(unsigned.hash).toBe(MESH)
    expect(walk(undefined, [unsigned])).toMatchObject({ root: undefined })
  })

  it('does not judge expiry', () => {
    const old = signRoot({ ...rootOf({ version: 2 }), issued: 0, expires: 1_000 }, ['root'])
    expect(walk(ROOT, [old]).root).toBe(old)
  })

  it('takes the lower hash of two valid roots of one version, and says so when one is held', () => {
    const other = signRoot(rootOf({ version: 2, root: ['b'] }), ['root', 'b'])
    const lower = [V2, other].sort((a, b) => (a.hash < b.hash ? -1 : 1))[0]
    expect(walk(ROOT, [V2, other]).root).toBe(lower)
    expect(walk(ROOT, [other, V2]).root).toBe(lower)
    expect(walk(V2, [other])).toMatchObject({ root: V2, problem: expect.stringContaining('another root of version 2') })
  })

  it('T42 refuses older roots: below the floor nothing is accepted, and what is held never falls', () => {
    const floor = { version: 3, hash: V3.hash }
    const short = walk(undefined, [ROOT, V2], floor)
    expect(short).toMatchObject({ root: undefined, accepted: [] })
    expect(short.problem).toContain('older than 3')
    expect(walk(undefined, ALL, floor).root).toBe(V4)
    expect(walk(undefined, [ROOT, V2, V3], floor).root).toBe(V3)
    expect(walk(V4, [ROOT, V2])).toMatchObject({ root: V4, accepted: [], problem: expect.stringContaining('older') })
  })

  it('T42 refuses another root of the version that the invite names', () => {
    const other = signRoot(rootOf({ version: 2, root: ['b'] }), ['root', 'b'])
    expect(walk(undefined, [ROOT, other], { version: 2, hash: V2.hash })).toMatchObject({ root: undefined })
    expect(walk(undefined, [ROOT, other, V2], { version: 2, hash: V2.hash }).root).toBe(V2)
    expect(walk(other, [], { version: 2, hash: V2.hash }).problem).toContain('not the one that the invite names')
  })

  it('T22 checks only a few candidates of one version', () => {
    let checks = 0
    const world = { verifyStrict: (..._: Parameters<typeof env.verifyStrict>) => checks++ < 0 }
    const junk = Array.from({ length: 50 }, (_, i) =>
      signRoot({ ...rootOf({ version: 2 }), issued: i * 1_000 }, ['root']),
    )
    walkRoots(ROOT, junk, TERMS, world)
    expect(checks).toBe(limits.rootCandidates)
  })
})

it('T09 a key counts once, whatever ids it is listed under', () => {
  const { publicKey, sign } = keyOf('a')
  const signedBytes = Buffer.from('anything')
  const signatures = ['x', 'y'].map((keyId) => ({ keyId, signature: sign(signedBytes) }))
  const keys = new Map([
    ['x', publicKey],
    ['y', publicKey],
    ['z', keyOf('b').publicKey],
  ])
  const role = (threshold: number) => ({ keyIds: ['x', 'y', 'z'], threshold })
  expect(signedBy({ signedBytes, signatures }, keys, role(2), env)).toBe(false)
  expect(signedBy({ signedBytes, signatures }, keys, role(1), env)).toBe(true)
  const second = { keyId: 'z', signature: keyOf('b').sign(signedBytes) }
  expect(signedBy({ signedBytes, signatures: [...signatures, second] }, keys, role(2), env)).toBe(true)
})

it('T01 a flip of any byte of a root is never accepted', () => {
  for (const bytes of flips(V2.raw)) {
    const parsed = parsedOrNothing(bytes)
    if (parsed !== undefined && walk(ROOT, [parsed]).accepted.length > 0)
      throw new Error(`accepted: ${Buffer.from(bytes).toString('latin1')}`)
  }
  expect(walk(ROOT, [parseRoot(V2.raw)]).accepted).toHaveLength(1)
})

function parsedOrNothing(bytes: Uint8Array): RootDocument | undefined {
  try {
    return parseRoot(bytes)
  } catch (error) {
    expect(error).toMatchObject({ code: 'E_DOCUMENT' })
    return undefined
  }
}
