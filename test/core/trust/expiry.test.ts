import { describe, expect, it } from 'vitest'
import { flagNames } from '../../../src/core/fleet/record.ts'
import { DAY, HOUR, limits } from '../../../src/core/limits.ts'
import { endingSoon, expiryOf } from '../../../src/core/trust/expiry.ts'
import { announcementOf, membershipOf, met, NOW, ROOT, targetsOf } from '../../fixtures/documents.ts'
import { LittleMesh } from './little-mesh.ts'

const time = (changes = {}) => ({ bound: NOW, wall: NOW + HOUR, synchronised: true, ...changes })

describe('the verdict on a date (clause CLOCK 2)', () => {
  it.each([
    ['valid', NOW + DAY, {}],
    ['valid at its very end', NOW + HOUR, {}],
    ['unknown when only the wall clock is past it', NOW + 1, {}],
    ['unknown when the clock is not synchronised', NOW + DAY, { synchronised: false }],
    ['unknown when the clock is before the bound, whatever the kernel says', NOW + DAY, { wall: NOW - 1 }],
    ['unknown when it is the bound itself', NOW, {}],
    ['expired when the bound is past it', NOW - 1, {}],
    ['expired on a clock that is not synchronised', NOW - 1, { synchronised: false }],
    ['expired on a clock at 1970', NOW - 1, { wall: 0 }],
    ['unknown on a clock at 2106', NOW + DAY, { wall: Date.UTC(2106, 1, 7) }],
  ])('is %s', (verdict, expires, changes) => {
    expect(expiryOf(expires, time(changes))).toBe(verdict.split(' ')[0])
  })
})

describe('what ends soon (clause CLOCK 5)', () => {
  const membership = met(membershipOf(), 'other', NOW)
  const held = { root: ROOT, targets: targetsOf(), membership, announcements: [] }
  const names = (at: number, more = {}) => endingSoon({ ...held, ...more }, at).map(({ what }) => what)

  it('is what has less than a quarter of its lifetime left, in the order in which it ends', () => {
    expect(names(NOW)).toEqual([])
    const quarter = 365 * DAY * limits.expiresSoonShare
    expect(names(NOW + 365 * DAY - quarter)).toEqual([])
    expect(names(NOW + 365 * DAY - quarter + 1)).toEqual(['root', 'targets'])
    expect(names(NOW + 700 * DAY * 0.75 + 1)).toEqual(['root', 'targets', 'membership'])
    const announcements = [
      { role: 'acme', expires: NOW + 10 * DAY },
      { role: 'tools', expires: NOW + 90 * DAY },
    ]
    expect(names(NOW, { announcements })).toEqual(['acme'])
    expect(names(NOW + 300 * DAY, { announcements })).toEqual(['acme', 'tools', 'root', 'targets'])
  })

  it('of a membership that nobody countersigned goes by the usual lifetime', () => {
    const soon = NOW + 700 * DAY - limits.membershipLifetime * limits.expiresSoonShare
    expect(names(soon, { membership: membershipOf(), root: ROOT }).includes('membership')).toBe(false)
    expect(names(soon + 1, { membership: membershipOf() })).toContain('membership')
  })

  it('of a membership that was prolonged goes by its new end (clause STATEMENT 6)', () => {
    const prolonged = { membership: { ...membership, ends: NOW + 900 * DAY } }
    expect(names(NOW + 700 * DAY * 0.75 + 1, prolonged)).toEqual(['root', 'targets'])
    expect(names(NOW + 900 * DAY - 1, prolonged)).toContain('membership')
  })

  it('is in the record as a flag, and not while the clock says nothing', () => {
    const mesh = new LittleMesh()
    const [node, lost] = [mesh.add('node'), mesh.add('lost', { wall: 0, synchronised: false })]
    for (const member of [node, lost]) member.submit(announcementOf({ expires: NOW + 10 * DAY }), targetsOf())
    mesh.run(limits.recordPeriodMax)
    const told = node.records.map(({ flags }) => flagNames(flags).includes('expiry'))
    expect([told[0], told.at(-1)]).toEqual([false, true])
    expect(node.core.ending(mesh.now)).toEqual([{ what: 'acme', expires: NOW + 10 * DAY }])
    expect(lost.records.some(({ flags }) => flagNames(flags).includes('expiry'))).toBe(false)
    expect(lost.core.ending(mesh.now)).toEqual([])
  })
})
