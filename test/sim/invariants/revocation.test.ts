// I19 fed with histories that break it, and with the nearest ones that do not.
import { describe, expect, it } from 'vitest'
import { MINUTE, SECOND } from '../../../src/core/limits.ts'
import { statementOf } from '../../fixtures/documents.ts'
import { type Member, Revocation } from './revocation.ts'

const ALLOWED = 10 * MINUTE

/** Members 0 and 1, and node 9, which is being revoked. */
function watched() {
  const reports: string[] = []
  const world = { now: 0, links: new Set<number>(), rows: new Set<number>() }
  const revocation = new Revocation({
    ...{ now: () => world.now, round: MINUTE, allowed: ALLOWED },
    linked: (member) => world.links.has(member),
    shows: (member) => world.rows.has(member),
    report: (invariant, member, detail) => reports.push(`${invariant} ${member} ${detail}`),
  })
  const members: Member[] = [0, 1].map((index) => ({ index, started: 0 }))
  const look = (now: number, all = members) => {
    world.now = now
    revocation.look(all)
  }
  for (const member of [0, 1]) revocation.started(member, [])
  revocation.revokes(9, 1)
  return { revocation, world, reports, members, look }
}

describe('I19: who knows that a node is revoked shuts it out', () => {
  it('reports a row', () => {
    const { revocation, world, reports, look } = watched()
    world.rows.add(0).add(1)
    revocation.accepted(0, 1)
    look(SECOND)
    look(2 * SECOND)
    expect(reports).toEqual(['I19 0 has a row of #9, which it knows to be revoked'])
  })

  it('reports a link, once it had the time to close it', () => {
    const { revocation, world, reports, look } = watched()
    world.links.add(0).add(1)
    revocation.accepted(0, 1)
    look(SECOND)
    expect(reports).toEqual([])
    look(2 * SECOND)
    expect(reports).toEqual(['I19 0 has a link to #9, which it knows to be revoked'])
  })

  it('reports that it is let in', () => {
    const { revocation, reports } = watched()
    revocation.judged(0, 9, true)
    revocation.accepted(0, 1)
    revocation.judged(0, 1, true)
    revocation.judged(0, 9, false)
    expect([reports, revocation.stats.turnedAway]).toEqual([[], 1])
    revocation.judged(0, 9, true)
    expect(reports).toEqual(['I19 0 admits #9, which it knows to be revoked'])
  })

  it('reports who forgets it', () => {
    const { revocation, reports } = watched()
    revocation.accepted(0, 1)
    revocation.started(0, [statementOf()])
    expect(reports).toEqual([])
    revocation.started(0, [])
    expect(reports).toEqual(['I19 0 knows of 0 revocations, and knew of 1'])
  })

  it('expects nothing of those who have not heard of it, nor of a later revocation', () => {
    const { revocation, world, reports, look } = watched()
    world.rows.add(1)
    revocation.revokes(1, 2)
    revocation.accepted(0, 1)
    look(MINUTE)
    revocation.judged(0, 1, true)
    expect(reports).toEqual([])
  })
})

describe('I19: everybody hears of it', () => {
  it('reports who has not in time, from when all was whole, and it ran, and somebody could tell', () => {
    const { revocation, reports, members, look } = watched()
    look(2 * ALLOWED)
    revocation.accepted(0, 1)
    look(4 * ALLOWED)
    revocation.quiet()
    look(5 * ALLOWED)
    const late = [members[0] as Member, { index: 1, started: 5 * ALLOWED }]
    look(6 * ALLOWED, late)
    expect([reports, revocation.complete]).toEqual([[], false])
    look(6 * ALLOWED + SECOND, late)
    expect(reports).toEqual(['I19 1 has not heard that #9 is revoked 10 rounds of hello after everything was whole'])
  })

  it('is complete when all that run have heard, and says how long it took', () => {
    const { revocation, look, reports } = watched()
    revocation.quiet()
    revocation.accepted(0, 1)
    look(SECOND)
    expect(revocation.complete).toBe(false)
    look(2 * MINUTE)
    revocation.accepted(1, 1)
    look(3 * MINUTE)
    expect(revocation.complete).toBe(true)
    expect([reports, revocation.stats]).toEqual([
      [],
      { revoked: 1, turnedAway: 0, heard: 2, slowestRounds: 3, allowedRounds: 10 },
    ])
  })
})
