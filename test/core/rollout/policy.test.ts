// What the owner of a zone lets into it (clause STATEMENT 10).
import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE } from '../../../src/core/limits.ts'
import { LocalPolicy } from '../../../src/core/rollout/policy.ts'
import { type Policy, policiesFor } from '../../../src/core/trust/statement.ts'
import { keyOf, NOW, rootOf, statementOf } from '../../fixtures/documents.ts'

const open: Policy = { zone: '/uk', publishers: undefined, vetoes: [], hours: undefined }
const night = { from: 22 * 60, to: 6 * 60 }
const release = { path: 'acme/agent', counter: 7 }

/** A policy under these, on a node whose clock shows `local`. */
function under(policies: readonly Partial<Policy>[], local = NOW) {
  const node: { local: number | undefined } = { local }
  const statements = { policies: () => policies.map((policy) => ({ ...open, ...policy })) }
  const policy = new LocalPolicy({ self: { localAt: () => node.local }, statements })
  return { node, policy, forbids: (role = 'acme') => policy.forbids(role, release, 0) }
}

describe('a local policy', () => {
  it('lets everything pass that it does not name', () => {
    expect(under([]).forbids()).toBeUndefined()
    expect(under([{}]).forbids()).toBeUndefined()
    expect(under([{ vetoes: [{ path: 'acme/agent', counter: 6 }] }]).forbids()).toBeUndefined()
    expect(under([{ vetoes: [{ path: 'acme/other', counter: 7 }] }]).forbids()).toBeUndefined()
  })

  it('takes some publishers, and vetoes some releases; several all have to let it pass', () => {
    expect(under([{ publishers: ['acme'] }]).forbids('acme')).toBeUndefined()
    expect(under([{ publishers: ['acme'] }]).forbids('other')).toBe('notTaken')
    expect(under([{ publishers: [] }]).forbids('acme')).toBe('notTaken')
    expect(under([{ publishers: ['acme'] }, { publishers: ['other'] }]).forbids('acme')).toBe('notTaken')
    expect(under([{}, { vetoes: [release] }]).forbids()).toBe('vetoed')
  })

  it('has hours of the local day, over midnight too', () => {
    const at = (hours: Policy['hours'], local: number) => under([{ hours }], NOW + local).forbids()
    for (const hour of [22, 23.5, 0, 5.9]) expect(at(night, hour * HOUR)).toBeUndefined()
    for (const hour of [6, 12, 21.9]) expect(at(night, hour * HOUR)).toBe('outsideHours')
    const lunch = { from: 12 * 60, to: 13 * 60 }
    for (const hour of [12, 12.9]) expect(at(lunch, hour * HOUR)).toBeUndefined()
    for (const hour of [11.9, 13, 0]) expect(at(lunch, hour * HOUR)).toBe('outsideHours')
    expect(under([{ hours: night }], -DAY + 23 * HOUR).forbids()).toBeUndefined()
  })

  it('waits while nobody vouches for the clock, and says when that changes', () => {
    const { node, policy, forbids } = under([{ hours: night }])
    node.local = undefined
    expect(forbids()).toBe('outsideHours')
    expect([policy.turned(0), policy.turned(0)]).toEqual([true, false])
    node.local = NOW + 23 * HOUR
    expect([policy.turned(0), forbids(), policy.turned(0)]).toEqual([true, undefined, false])
    node.local = NOW + 30 * HOUR + MINUTE
    expect([policy.turned(0), forbids()]).toEqual([true, 'outsideHours'])
  })

  it('concerns the zone that it names, within the zone of its key', () => {
    const zones = new Map([[keyOf('site').keyId, '/uk/lab']])
    const root = rootOf({ enrol: ['enrol', 'site'], enrolment: { zones } })
    const document = (by: string) => statementOf({ policies: [open] }, by)
    expect(policiesFor(document('enrol'), '/uk/other', root)).toEqual([open])
    expect(policiesFor(document('enrol'), '/us/other', root)).toEqual([])
    expect(policiesFor(document('site'), '/uk/lab/~03', root)).toEqual([open])
    expect(policiesFor(document('site'), '/uk/other', root)).toEqual([])
  })
})
