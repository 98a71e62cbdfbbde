// Cheap checks first (clause CHECKS): what was refused for its signatures costs no second check, and who goes on giving such things is dropped.
import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { KnownBad } from '../../../src/core/trust/known-bad.ts'
import { parseAnnouncement } from '../../../src/wire/announcement.ts'
import { type JsonObject, jsonOf } from '../../../src/wire/canonical.ts'
import { encodeSigned } from '../../../src/wire/signed.ts'
import { announcementOf, delegationOf, env, keyOf, targetsOf } from '../../fixtures/documents.ts'
import { delegated, TARGETS, World } from './announcing-world.ts'

/** Version `version`, with a signature under the publisher's key id that a stranger made. */
function forged(version: number) {
  const { raw } = announcementOf({ version })
  const { signed } = jsonOf(raw) as { signed: JsonObject }
  return parseAnnouncement(encodeSigned(signed, [{ ...keyOf('publisher'), sign: keyOf('stranger').sign }]))
}

/** A peer that goes by our targets gives so many forgeries, each another. */
function giveForgeries(world: World, count: number, from = 'thief', first = 100): void {
  world.hello(from, [], TARGETS)
  for (let i = 0; i < count; i++) {
    world.at(world.now + 10_000)
    world.receive(forged(first + i), from)
  }
}

describe('documents that are known to be bad (T21)', () => {
  it('are not checked again, whoever brings them', () => {
    const world = delegated()
    const bad = forged(2)
    for (const peer of ['one', 'two', 'three']) world.receive(bad, peer)
    expect([world.checks, world.held()]).toEqual([1, ''])
    expect(world.refusals.all()).toMatchObject({ badSignature: 3 })
  })

  it('do not stand for the same text with the right signature', () => {
    const world = delegated()
    world.receive(forged(2), 'thief')
    world.receive(announcementOf({ version: 2 }), 'honest')
    expect(world.held()).toBe('acme 2')
  })

  it('are judged anew under other targets', () => {
    const world = delegated()
    const early = announcementOf({ version: 2, by: ['next'] })
    const roles = [delegationOf({ by: ['publisher', 'next'], threshold: 1 })]
    const stranger = targetsOf({ version: 5, roles, keys: ['publisher', 'next'] })
    world.receive(early, 'early')
    expect(world.held()).toBe('')
    world.delegate(stranger)
    world.at(world.now + limits.bodyRetry)
    world.receive(early, 'early')
    expect(world.held()).toBe('acme 2')
  })

  it('are remembered up to a bound', () => {
    const known = new KnownBad(env)
    const nth = (i: number) => ({ raw: Uint8Array.of(i >> 8, i & 255) })
    for (let i = 0; i <= limits.knownBad; i++) known.judge(nth(i), () => false)
    expect(known.size).toBe(limits.knownBad)
    let asked = 0
    for (const i of [0, limits.knownBad]) known.judge(nth(i), () => ++asked > 0)
    expect(asked).toBe(1)
  })
})

describe('a peer that gives what is not what it may be', () => {
  const most = limits.refusedPoints / limits.refusedAtFault

  it('is dropped when its budget is used up: its link closed, not admitted, not dialled, counted, and said', () => {
    const world = delegated()
    giveForgeries(world, most - 1)
    expect([world.take('close'), world.misconduct.isDropped('thief', world.now)]).toEqual([[], false])
    giveForgeries(world, 1, 'thief', 500)
    expect(world.take('close')).toEqual([{ type: 'close', peer: 'thief', reason: 'refused' }])
    expect([world.misconduct.isDropped('thief', world.now), world.avoided]).toEqual([true, ['thief']])
    expect(world.refusals.all()).toMatchObject({ misbehaved: 1, badSignature: most })
    expect(world.events('peerDropped')).toEqual([{ type: 'peerDropped', peer: 'thief' }])
    world.at(world.now + limits.dropTime)
    expect(world.misconduct.isDropped('thief', world.now)).toBe(false)
  })

  it('has a new budget after an hour', () => {
    const world = delegated()
    giveForgeries(world, most - 1)
    world.at(world.now + limits.refusedTime)
    giveForgeries(world, most - 1, 'thief', 500)
    expect(world.take('close')).toEqual([])
  })

  it('weighs little when it goes by other targets than ours', () => {
    const world = delegated()
    for (let i = 0; i < 2 * most; i++) {
      world.at(world.now + 10_000)
      world.receive(forged(100 + i), 'ahead')
    }
    expect([world.take('close'), world.refusals.all()]).toEqual([[], { badSignature: 2 * most }])
  })

  it('is not to blame for what somebody else gave', () => {
    const world = delegated()
    giveForgeries(world, most)
    expect(world.misconduct.isDropped('honest', world.now)).toBe(false)
    world.receive(announcementOf({ version: 1_000 }), 'honest')
    expect(world.held()).toBe('acme 1000')
  })
})

describe('a document that cannot reach its threshold', () => {
  it('is refused without a check, or with no more than it takes to know that', () => {
    const names = ['a', 'b', 'c']
    const targets = targetsOf({ roles: [delegationOf({ by: names, threshold: 3 })], keys: names })
    const checks = (by: string[], forgedBy: string[]) => {
      const world = new World().delegate(targets)
      world.checks = 0
      const { signed } = jsonOf(announcementOf({ by }).raw) as { signed: JsonObject }
      const keys = by.map((name) => (forgedBy.includes(name) ? { ...keyOf(name), sign: keyOf('x').sign } : keyOf(name)))
      world.receive(parseAnnouncement(encodeSigned(signed, keys)))
      return [world.checks, world.held()]
    }
    expect(checks(['a', 'b', 'x', 'y', 'z'], [])).toEqual([0, ''])
    expect(checks(names, ['a'])).toEqual([1, ''])
    expect(checks(names, [])).toEqual([3, 'acme 1'])
  })
})
