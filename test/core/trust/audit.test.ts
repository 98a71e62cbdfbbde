import { describe, expect, it } from 'vitest'
import type { Change, Effect } from '../../../src/core/events.ts'
import { HOUR, limits, SECOND } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { AUDIT_REASONS, Audit, type AuditEntry, type AuditSubject } from '../../../src/core/trust/audit.ts'
import { NOW } from '../../fixtures/documents.ts'

const subject = (version: number): AuditSubject => ({
  ...{ kind: 'announcement', role: 'acme', epoch: 1, version, hash: 'ab'.repeat(32) },
})

function setUp(saved: readonly AuditEntry[] = [], incarnation = 4) {
  const out = new Outbox()
  const audit = new Audit({ out, self: { wallLabel: (now) => NOW + now }, incarnation: () => incarnation }, saved)
  /** The batches since the last call. */
  const batches = () =>
    out.drain().filter((effect): effect is Extract<Effect, { type: 'persist' }> => effect.type === 'persist')
  const disk = new Map<string, AuditEntry>()
  const write = (changes: readonly Change[]) => {
    for (const change of changes)
      if (change.type === 'audit') disk.set(`${change.entry.outcome === 'accepted'} ${change.entry.slot}`, change.entry)
  }
  const run = (now: number) => {
    audit.check(now)
    const written = batches()
    for (const { ticket, changes } of written) {
      write(changes)
      audit.persisted(ticket)
    }
    return written.flatMap(({ changes }) => changes).length
  }
  const lines = (now: number) =>
    audit.entries(now).map(({ entry, age }) => `${entry.outcome} ${entry.version} x${entry.count} ${age}`)
  return { audit, batches, run, lines, disk }
}

describe('the audit (clause AUDIT)', () => {
  it('writes an acceptance at once, and a first refusal soon', () => {
    const { audit, run, lines } = setUp()
    audit.accepted(subject(1), 'peer', 1_000)
    expect(run(1_000)).toBe(1)
    audit.refused(subject(2), 'peer', 'badSignature', 2_000)
    expect([run(2_000), audit.deadline()]).toEqual([0, 2_000 + limits.auditFreshDelay])
    expect(run(2_000 + limits.auditFreshDelay)).toBe(1)
    expect(lines(60_000)).toEqual(['accepted 1 x1 59000', 'badSignature 2 x1 58000'])
    expect(audit.deadline()).toBeUndefined()
  })

  it('makes one entry of a flood, which is written a few times whatever its length', () => {
    const { audit, run, lines } = setUp()
    let written = 0
    for (let now = 0; now < HOUR; now += 100) {
      audit.refused(subject(1 + (now % 7)), 'peer', 'oldVersion', now)
      written += run(now)
    }
    expect(lines(HOUR)).toEqual([`oldVersion ${1 + ((HOUR - 100) % 7)} x36000 100`])
    expect(written).toBeLessThanOrEqual(1 + HOUR / limits.auditGrownDelay)
    audit.refused(subject(9), 'peer', 'oldVersion', HOUR)
    expect(audit.entries(HOUR)).toHaveLength(2)
  })

  it('keeps peers, reasons and kinds apart', () => {
    const { audit } = setUp()
    audit.refused(subject(1), 'peer', 'oldVersion', 0)
    audit.refused(subject(1), 'other', 'oldVersion', 0)
    audit.refused(subject(1), 'peer', 'badSignature', 0)
    audit.refused({ ...subject(1), kind: 'targets' }, 'peer', 'oldVersion', 0)
    expect(audit.entries(0)).toHaveLength(4)
  })

  it('is bounded, and refusals never push an acceptance out', () => {
    const { audit, lines } = setUp()
    audit.accepted(subject(1), undefined, 0)
    for (let i = 0; i < 3 * limits.auditRefused; i++) audit.refused(subject(2), `peer ${i}`, 'oldVersion', i)
    expect(lines(1_000)).toHaveLength(1 + limits.auditRefused)
    expect(lines(1_000)[0]).toBe('accepted 1 x1 1000')
    expect(audit.size).toBeLessThanOrEqual(limits.auditRefused + limits.auditAccepted)
    for (let i = 0; i < 2 * limits.auditAccepted; i++) audit.accepted(subject(i + 2), undefined, i)
    expect(audit.entries(1_000).filter(({ entry }) => entry.outcome === 'accepted')).toHaveLength(limits.auditAccepted)
  })

  it('goes on after a restart where it was, and cannot say how old an entry is from the future', () => {
    const first = setUp()
    for (let i = 0; i < limits.auditAccepted + 3; i++) first.audit.accepted(subject(i + 1), 'peer', i)
    first.audit.refused(subject(7), 'peer', 'oldVersion', 5_000)
    first.audit.flush()
    for (const { changes } of first.batches())
      for (const change of changes)
        if (change.type === 'audit')
          first.disk.set(`${change.entry.outcome === 'accepted'} ${change.entry.slot}`, change.entry)
    const saved = [...first.disk.values()]
    const second = setUp(saved, 5)
    expect(second.audit.entries(9_000).map(({ entry }) => entry)).toEqual(
      first.audit.entries(9_000).map(({ entry }) => entry),
    )
    expect(second.audit.entries(9_000).at(-1)?.age).toBe(4_000)
    expect(second.audit.entries(1_000).at(-1)?.age).toBeUndefined()
    second.audit.accepted(subject(500), 'peer', 9_000)
    second.audit.refused(subject(8), 'peer', 'oldVersion', 9_000)
    const entries = second.audit.entries(9_000).map(({ entry }) => entry)
    expect(entries.slice(-3).map(({ version, incarnation, count }) => [version, incarnation, count])).toEqual([
      [7, 4, 1],
      [500, 5, 1],
      [8, 5, 1],
    ])
    expect(entries.filter(({ outcome }) => outcome === 'accepted')[0]?.version).toBe(5)
    expect(second.audit.summary()).toEqual({ total: 1, most: 'oldVersion' })
  })

  it('writes again what could not be written', () => {
    const { audit, batches, run } = setUp()
    audit.accepted(subject(1), 'peer', 0)
    audit.check(0)
    for (const { ticket } of batches()) audit.persistFailed(ticket, 0)
    expect(run(limits.diskRetry - 1)).toBe(0)
    expect(run(limits.diskRetry)).toBe(1)
    expect(run(limits.diskRetry + HOUR)).toBe(0)
  })

  it('says in sum what was refused, and mostly why (clause REC 7)', () => {
    const { audit } = setUp()
    expect(audit.summary()).toBeUndefined()
    audit.accepted(subject(1), 'peer', 0)
    expect(audit.summary()).toBeUndefined()
    for (const code of ['oldVersion', 'badSignature', 'badSignature'] as const)
      audit.refused(subject(1), 'peer', code, SECOND)
    expect(audit.summary()).toEqual({ total: 3, most: 'badSignature' })
    expect(AUDIT_REASONS.join(' ')).toBe(
      'malformed badSignature outsidePaths foreignMesh unknownRole wrongEpoch oldVersion bodyMissing tooOften diskFailed wrongTopic keysRotated roleEnded',
    )
  })
})
