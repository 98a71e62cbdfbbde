import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { fullBits } from '../../../src/core/swarm/bitfield.ts'
import { Cache } from '../../../src/core/swarm/cache.ts'
import { Alone } from './alone.ts'
import { testEncoding } from './encodings.ts'

const MIB = 1_048_576
/** Of 1 MiB each, but for a thousand bytes. */
const [A, B, C, D] = ['a', 'b', 'c', 'd'].map((name) => testEncoding(name, 4)) as [T, T, T, T]
type T = ReturnType<typeof testEncoding>
const named = (...encodings: T[]) => new Map(encodings.map(({ encoding }) => [encoding.hash, encoding]))
const { hash: a } = A.encoding

/** A node that was given these, all complete and named, and has room for two that are not. */
function keeper(old: number, ...given: T[]): Alone {
  const alone = new Alone(undefined, { cache: { old, forwarded: 0 } })
  for (const { encoding, list } of given) alone.step((swarm) => swarm.imported(encoding, list, 0))
  alone.step((swarm) => swarm.keep(named(...given), 0))
  return alone
}

const forgotten = (alone: Alone) => alone.of('artifactForget').map(({ encoding }) => encoding)
const hashes = (...encodings: T[]) => encodings.map(({ encoding }) => encoding.hash)

describe('an encoding that no release names any more', () => {
  it('stays, is served, and is complete at once when a release names it again', () => {
    const alone = keeper(2 * MIB, A, B)
    const effects = alone.step((swarm) => swarm.keep(named(B), 1))
    expect(forgotten(alone)).toEqual([])
    expect(alone.of('persist', effects)[0]?.changes).toMatchObject([
      { type: 'cached', cached: { encoding: { hash: a }, kind: 'old' } },
    ])
    alone.meets('late')
    alone.holds('late', A, new Uint8Array(1), true)
    alone.says('late', { type: 'request', encoding: a, index: 2 })
    expect(alone.last('pieceServe')).toMatchObject({ peer: 'late', encoding: a, index: 2 })
    expect(alone.swarm.pieceList(A.encoding.pieceList)).toEqual(A.list)

    const back = alone.step((swarm) => swarm.keep(named(A, B), 2))
    expect(alone.of('persist', back)[0]?.changes).toEqual([{ type: 'forgetCached', encoding: a }])
    expect(alone.swarm.isComplete(a)).toBe(true)
    expect(alone.swarm.spare.cached('old')).toEqual({ encodings: 0, bytes: 0, budget: 2 * MIB })
  })

  it('goes when its budget has no room: first what was asked for longest ago', () => {
    const alone = keeper(2 * MIB, A, B, C)
    alone.step((swarm) => swarm.keep(named(B, C), 1))
    alone.step((swarm) => swarm.keep(named(C), 2))
    alone.meets('late')
    alone.holds('late', A, new Uint8Array(1), true)
    alone.says('late', { type: 'request', encoding: a, index: 0 })
    alone.step((swarm) => swarm.keep(named(), 3))
    expect(forgotten(alone)).toEqual(hashes(B))
    expect(alone.swarm.spare.cached('old')).toMatchObject({ encodings: 2 })
    alone.step((swarm) => swarm.keep(named(), 4))
    expect(forgotten(alone)).toEqual(hashes(B))
  })

  it('goes at once without a budget, when it is longer than that, or not whole', () => {
    for (const old of [0, MIB / 2]) {
      const alone = keeper(old, A)
      alone.step((swarm) => swarm.keep(named(), 1))
      expect(forgotten(alone)).toEqual([a])
    }
    const alone = new Alone(undefined, { cache: { old: 2 * MIB, forwarded: 0 } })
    alone.fetches(A, 'p')
    alone.step((swarm) => swarm.keep(named(), 1))
    expect(forgotten(alone)).toEqual([a])
  })

  it('goes when this machine brought it in and no release ever named it', () => {
    const alone = keeper(2 * MIB)
    alone.step((swarm) => swarm.imported(A.encoding, A.list, 0))
    alone.step((swarm) => swarm.keep(named(), limits.importNamed))
    expect(forgotten(alone)).toEqual([a])
  })

  it('is there after a restart, and goes then when the budget is smaller or its file is gone', () => {
    const { type: _, ...encoding } = A.encoding
    const saved = {
      holdings: [{ encoding: a, bits: fullBits(4) }],
      pieceLists: [{ hash: A.encoding.pieceList, list: A.list }],
      cached: [{ encoding, kind: 'old' as const, order: 9 }],
    }
    const again = new Alone(saved, { cache: { old: 2 * MIB, forwarded: 0 } })
    again.step((swarm) => swarm.keep(named(), 0))
    expect(again.of('artifactPrepare')).toMatchObject([{ encoding: { hash: a } }])
    again.prepared(fullBits(4))
    again.syncs()
    expect(again.swarm.isComplete(a)).toBe(true)

    const smaller = new Alone(saved, { cache: { old: MIB / 2, forwarded: 0 } })
    const effects = smaller.step((swarm) => swarm.keep(named(), 0))
    expect(forgotten(smaller)).toEqual([a])
    expect(smaller.of('persist', effects)[0]?.changes).toContainEqual({ type: 'forgetCached', encoding: a })
    const lost = new Alone({ ...saved, holdings: [] }, { cache: { old: 2 * MIB, forwarded: 0 } })
    lost.step((swarm) => swarm.keep(named(), 0))
    expect(lost.swarm.spare.cached('old').encodings).toBe(0)
  })

  it('makes way for a download that the disk has no room for, which is tried again at once', () => {
    const alone = keeper(4 * MIB, A, B)
    alone.step((swarm) => swarm.keep(named(), 1))
    alone.step((swarm) => swarm.keep(named(C), 2))
    alone.meets('p')
    alone.wants(C)
    alone.holds('p', C)
    alone.lists(C)
    const { ticket } = alone.last('artifactPrepare') as { ticket: number }
    const problem = { code: 'diskFull', missing: 5_000 } as const
    alone.step((swarm) => swarm.failed(ticket, problem, alone.now))
    expect(forgotten(alone)).toEqual([a])
    expect(alone.of('artifactPrepare', alone.wait(limits.cacheFreed + 1))).toHaveLength(1)
    // When nothing is left that could go, the disk is asked again as rarely as ever.
    for (const rest of [1, 0]) {
      const { ticket: next } = alone.last('artifactPrepare') as { ticket: number }
      alone.step((swarm) => swarm.failed(next, problem, alone.now))
      expect(alone.of('artifactPrepare', alone.wait(limits.cacheFreed + 1))).toHaveLength(rest)
    }
    expect(forgotten(alone)).toEqual(hashes(A, B))
  })

  it('gives its place to what releases name when all places are taken', () => {
    const alone = keeper(4 * MIB, A)
    const many = Array.from({ length: limits.encodingsKept }, (_, i) => testEncoding(`e${i}`, 1))
    alone.step((swarm) => swarm.keep(named(...many.slice(1)), 1))
    expect(forgotten(alone)).toEqual([])
    alone.step((swarm) => swarm.want({ encoding: D.encoding, release8: 'aa', origin: [], decoded: 7 }, 1))
    expect(forgotten(alone)).toEqual([a])
    const full = keeper(4 * MIB, A)
    full.step((swarm) => swarm.keep(named(...many), 1))
    expect(forgotten(full)).toEqual([a])
  })
})

describe('the cache', () => {
  it('keeps within its budgets whatever is added, asked for and dropped, and never lets go what may not', () => {
    const actions = fc.array(
      fc.record({
        do: fc.constantFrom('add' as const, 'ask' as const, 'drop' as const),
        which: fc.nat(9),
        kind: fc.constantFrom('old' as const, 'forwarded' as const),
      }),
    )
    const all = Array.from({ length: 10 }, (_, i) => testEncoding(`x${i}`, 1 + (i % 4)).encoding)
    fc.assert(
      fc.property(actions, fc.nat(9), (list, pinned) => {
        const cache = new Cache({ old: MIB, forwarded: 2 * MIB }, [])
        const mayGo = (hash: string) => hash !== all[pinned]?.hash
        for (const { do: what, which, kind } of list) {
          const encoding = all[which] as (typeof all)[0]
          if (what === 'ask') cache.asked(encoding.hash)
          else if (what === 'drop') cache.drop(encoding.hash)
          else if (cache.kindOf(encoding.hash) === undefined) {
            const going = cache.roomFor(kind, encoding.length, mayGo)
            expect(going ?? []).not.toContain(all[pinned]?.hash)
            for (const hash of going ?? []) cache.drop(hash)
            if (going !== undefined) cache.add(encoding, kind)
          }
          expect(cache.bytes('old')).toBeLessThanOrEqual(MIB)
          expect(cache.bytes('forwarded')).toBeLessThanOrEqual(2 * MIB)
        }
      }),
    )
  })
})
