import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Env } from '../../../src/core/env.ts'
import type { Change } from '../../../src/core/events.ts'
import { limits } from '../../../src/core/limits.ts'
import { type AnnouncementDocument, compareVersions, type RoleFloor } from '../../../src/core/trust/announcement.ts'
import type { TargetsDocument } from '../../../src/core/trust/documents.ts'
import { PathFloors } from '../../../src/core/trust/path-floors.ts'
import { headOf, isNews, Registers, type Terms } from '../../../src/core/trust/registers.ts'
import { parseAnnouncement } from '../../../src/wire/announcement.ts'
import { announcementOf, delegationOf, env, flips, MESH, NOW, releaseOf, targetsOf } from '../../fixtures/documents.ts'

const KEYS = ['publisher', 'second', 'thief']
const T1 = targetsOf({ keys: KEYS })
const T2 = targetsOf({ keys: KEYS, version: 2, roles: [delegationOf({ epoch: 2 })] })
const GONE = targetsOf({ keys: KEYS, version: 3, roles: [] })

const checked = new Map<Uint8Array, boolean>()
/** The real check, made once for each signature. */
const cached: Pick<Env, 'verifyStrict'> = {
  verifyStrict(key, message, signature) {
    const answer = checked.get(signature) ?? env.verifyStrict(key, message, signature)
    checked.set(signature, answer)
    return answer
  },
}

/** Counts what it is asked for. */
function counting() {
  const counts = { checks: 0 }
  const verifyStrict: Env['verifyStrict'] = (...args) => {
    counts.checks += 1
    return env.verifyStrict(...args)
  }
  return { counts, env: { verifyStrict } }
}

function termsOf(targets: TargetsDocument, role = 'acme', by: Pick<Env, 'verifyStrict'> = cached): Terms {
  const delegation = targets.signed.roles.find(({ name }) => name === role)
  return { mesh: MESH, delegation, keys: targets.signed.keys, env: by }
}

/** What a node does with a document; true when it was taken. */
function offer(registers: Registers, document: AnnouncementDocument, terms = termsOf(T1)): boolean {
  if (!isNews(registers.judge(document, terms))) return false
  registers.take(document)
  return true
}

function filled(...documents: AnnouncementDocument[]): Registers {
  const registers = new Registers([])
  for (const document of documents) offer(registers, document)
  return registers
}

/** Different announcements of one version, the lowest hash first. */
function variants(version: number, count: number, epoch = 1): AnnouncementDocument[] {
  const all = Array.from({ length: count }, (_, i) =>
    announcementOf({ epoch, version, expires: NOW + (i + 1) * 1_000 }),
  )
  return all.sort((a, b) => (a.hash < b.hash ? -1 : 1))
}

const [A1, B1, C1] = variants(1, 3) as [AnnouncementDocument, AnnouncementDocument, AnnouncementDocument]
const V2 = announcementOf({ version: 2 })
const V3 = announcementOf({ version: 3 })
const FOURTH = variants(4, 4)
const SECOND_EPOCH = variants(2, 3, 2)
const FORGED = announcementOf({ version: 9, by: ['thief'] })

describe('judging', () => {
  const foreign = announcementOf({ mesh: 'ab'.repeat(32), version: 5 })
  const outside = announcementOf({ version: 5, releases: { 'acme/agent': releaseOf(), 'other/agent': releaseOf() } })
  const deep = announcementOf({ version: 5, releases: { 'acme/tools/agent': releaseOf() } })

  it.each([
    ['T23 of another mesh', foreign, 'foreignMesh', 0],
    [
      'T23 of another mesh, with a held version',
      announcementOf({ mesh: 'ab'.repeat(32), version: 2 }),
      'foreignMesh',
      0,
    ],
    [
      'of another mesh, before all else that is wrong (clause ANN 11)',
      announcementOf({ mesh: 'ab'.repeat(32), role: 'unknown', version: 1 }),
      'foreignMesh',
      0,
    ],
    ['of a role nobody delegated', announcementOf({ role: 'unknown', version: 5 }), 'unknownRole', 0],
    ['of a later epoch', announcementOf({ epoch: 2 }), 'wrongEpoch', 0],
    ['T08 of an older version', A1, 'oldVersion', 0],
    ['that is held', V2, 'same', 0],
    ['T03 of a path outside the role', outside, 'outsidePaths', 0],
    ['T03 of a path below the patterns', deep, 'outsidePaths', 0],
    ['T22 by an unknown key', announcementOf({ version: 5, by: ['nobody'] }), 'badSignature', 0],
    ['T01 by a key of another role', announcementOf({ version: 5, by: ['second'] }), 'badSignature', 0],
    ['T01 that nobody signed', { ...announcementOf({ version: 5 }), signatures: [] }, 'badSignature', 0],
    ['T01 with a signature of something else', { ...V3, signatures: V2.signatures }, 'badSignature', 1],
    ['that is newer', V3, 'newer', 1],
    ['that is the other side of an equivocation', announcementOf({ version: 2, expires: NOW }), 'rival', 1],
  ] as const)('%s', (_, document, outcome, checks) => {
    const { counts, env: by } = counting()
    const registers = filled(A1, V2)
    const { role } = document.signed
    expect(registers.judge(document, termsOf(T1, role, by))).toBe(outcome)
    expect(counts.checks).toBe(checks)
    expect(registers.sides('acme')).toEqual([V2])
  })

  it('T23 of another role with the same key: it counts for the role that is signed, and no other', () => {
    const targets = targetsOf({ roles: [delegationOf(), delegationOf({ name: 'tools', paths: ['acme/*'] })] })
    const registers = filled(V2)
    expect(offer(registers, announcementOf({ role: 'tools', version: 3 }), termsOf(targets, 'tools'))).toBe(true)
    expect(registers.sides('acme')).toEqual([V2])
    // The register is chosen by the signed name: bytes with another name in them are another document.
    const renamed = Buffer.from(Buffer.from(V3.raw).toString('latin1').replace('"acme"', '"tool"'), 'latin1')
    const tool = targetsOf({ roles: [delegationOf({ name: 'tool' })] })
    expect(registers.judge(parseAnnouncement(renamed), termsOf(tool, 'tool'))).toBe('badSignature')
  })

  it('T01 wants the whole threshold of different keys', () => {
    const targets = targetsOf({ keys: KEYS, roles: [delegationOf({ by: ['publisher', 'second'], threshold: 2 })] })
    const judged = (by: string[]) => new Registers([]).judge(announcementOf({ by }), termsOf(targets))
    expect(judged(['publisher'])).toBe('badSignature')
    expect(judged(['publisher', 'thief'])).toBe('badSignature')
    expect(judged(['publisher', 'second'])).toBe('newer')
  })

  it('T01 a flip of any byte is never accepted', () => {
    const terms = termsOf(T1)
    for (const bytes of flips(V2.raw)) {
      const parsed = parsedOrNothing(bytes)
      if (parsed === undefined) continue
      expect(isNews(new Registers([]).judge(parsed, terms)), Buffer.from(bytes).toString('latin1')).toBe(false)
    }
    expect(new Registers([]).judge(V2, terms)).toBe('newer')
  })

  it('of a head whose hash is held under another version', () => {
    const head = { ...headOf(V2), version: 7 }
    expect(filled(V2).standing(head, delegationOf())).toBe('malformed')
  })
})

describe('T24 equivocation', () => {
  it.each([[[A1, B1]], [[B1, A1]], [[A1, B1, C1]], [[C1, B1, A1]], [[B1, C1, A1]], [[C1, A1, B1]]])(
    'keeps the two lowest hashes in any order (%#)',
    (order) => {
      const registers = filled(...order)
      expect(registers.sides('acme')).toEqual([A1, B1])
      expect(registers.frozen('acme')).toBe(true)
    },
  )

  it('refuses a third variant that changes nothing without a signature check', () => {
    const { counts, env: by } = counting()
    const registers = filled(A1, B1)
    expect(registers.judge(C1, termsOf(T1, 'acme', by))).toBe('oldVersion')
    expect(counts.checks).toBe(0)
  })

  it('ends with a higher version, which takes both sides from the disk', () => {
    const registers = filled(A1, B1)
    expect(registers.changes(V2)).toEqual([
      { type: 'announcement', side: 'held', announcement: V2 },
      { type: 'forgetAnnouncement', side: 'rival', role: 'acme' },
      { type: 'roleFloor', floor: { role: 'acme', epoch: 1, version: 2 } },
    ])
    registers.take(V2)
    expect([registers.sides('acme'), registers.frozen('acme')]).toEqual([[V2], false])
  })

  it('is not another set of valid signatures under the same content', () => {
    const both = targetsOf({ keys: KEYS, roles: [delegationOf({ by: ['publisher', 'second'] })] })
    const twice = announcementOf({ version: 2, by: ['publisher', 'second'] })
    for (const by of [['publisher'], ['second']]) {
      const registers = new Registers([])
      offer(registers, twice, termsOf(both))
      expect(registers.judge(announcementOf({ version: 2, by }), termsOf(both))).toBe('same')
    }
  })

  it('is on disk as it is held', () => {
    const registers = filled(B1)
    expect(registers.changes(A1)).toEqual([
      { type: 'announcement', side: 'held', announcement: A1 },
      { type: 'announcement', side: 'rival', announcement: B1 },
    ])
    registers.take(A1)
    expect(registers.changes(C1)).toEqual([])
    expect(registers.onDisk('acme')).toEqual([
      { type: 'announcement', side: 'held', announcement: A1 },
      { type: 'announcement', side: 'rival', announcement: B1 },
    ])
  })
})

describe('terms that change', () => {
  const rejudge = (registers: Registers, targets: TargetsDocument | undefined) =>
    registers.rejudge((role) => (targets === undefined ? undefined : termsOf(targets, role)))
  const forgotten: Change[] = [{ type: 'forgetAnnouncement', side: 'held', role: 'acme' }]

  it('drop a document for good when its role vanished; the floor stays', () => {
    const registers = filled(V3)
    expect(rejudge(registers, GONE)).toEqual(forgotten)
    expect([registers.sides('acme'), registers.all(), registers.size]).toEqual([[], [], 0])
    expect(registers.floor('acme')).toEqual({ role: 'acme', epoch: 1, version: 3 })
    rejudge(registers, T1)
    expect(registers.judge(V2, termsOf(T1))).toBe('oldVersion')
    expect(registers.judge(V3, termsOf(T1))).toBe('newer')
  })

  it('hold a document of a past epoch out of force, until the role signs in its new one', () => {
    const registers = filled(A1, B1)
    expect(rejudge(registers, T2)).toEqual([])
    const inForce = [registers.sides('acme'), registers.byHash(A1.hash), registers.frozen('acme')]
    expect([inForce, registers.all()]).toEqual([
      [[], undefined, false],
      [A1, B1],
    ])
    expect(registers.judge(A1, termsOf(T2))).toBe('oldVersion')
    const fresh = announcementOf({ epoch: 2 })
    expect(registers.changes(fresh)).toEqual([
      { type: 'announcement', side: 'held', announcement: fresh },
      { type: 'forgetAnnouncement', side: 'rival', role: 'acme' },
      { type: 'roleFloor', floor: { role: 'acme', epoch: 2, version: 1 } },
    ])
    registers.take(fresh)
    expect(registers.all()).toEqual([fresh])
  })

  it('keep a document out of force while there are no targets, or its keys do not count', () => {
    const registers = filled(A1, B1)
    for (const targets of [undefined, targetsOf({ keys: KEYS, roles: [delegationOf({ by: ['second'] })] })]) {
      expect(rejudge(registers, targets)).toEqual([])
      expect([registers.sides('acme'), registers.byHash(A1.hash), registers.frozen('acme')]).toEqual([
        [],
        undefined,
        false,
      ])
      expect(rejudge(registers, T1)).toEqual([])
      expect(registers.sides('acme')).toEqual([A1, B1])
    }
  })

  it('let the same content back in when it is signed anew', () => {
    const rotated = targetsOf({ keys: KEYS, version: 2, roles: [delegationOf({ by: ['second'] })] })
    const registers = filled(V2)
    rejudge(registers, rotated)
    expect(registers.judge(V2, termsOf(rotated))).toBe('badSignature')
    const anew = announcementOf({ version: 2, by: ['second'] })
    expect([anew.hash, registers.judge(anew, termsOf(rotated))]).toEqual([V2.hash, 'newer'])
    expect(registers.changes(anew)).toEqual([{ type: 'announcement', side: 'held', announcement: anew }])
    registers.take(anew)
    expect(registers.sides('acme')).toEqual([anew])
  })

  it('T04 a new epoch starts over below the highest version of a stolen key', () => {
    const last = announcementOf({ version: 2 ** 31 - 1 })
    const registers = filled(last)
    const fresh = announcementOf({ epoch: 2 })
    expect(registers.judge(fresh, termsOf(T1))).toBe('wrongEpoch')
    rejudge(registers, T2)
    expect(offer(registers, fresh, termsOf(T2))).toBe(true)
    expect(registers.judge(last, termsOf(T2))).toBe('oldVersion')
  })
})

describe('restoring', () => {
  const saved = (held: AnnouncementDocument, rival?: AnnouncementDocument) => [
    { side: 'held' as const, announcement: held },
    ...(rival === undefined ? [] : [{ side: 'rival' as const, announcement: rival }]),
  ]

  it('fills both sides', () => {
    const registers = new Registers([])
    expect(registers.restore(saved(A1, B1))).toEqual([])
    expect(registers.sides('acme')).toEqual([A1, B1])
  })

  it('T08 drops what lies below the saved floor, and corrects the disk', () => {
    const registers = new Registers([{ role: 'acme', epoch: 1, version: 2 }])
    expect(registers.restore(saved(A1, B1))).toEqual([
      { type: 'forgetAnnouncement', side: 'held', role: 'acme' },
      { type: 'forgetAnnouncement', side: 'rival', role: 'acme' },
    ])
    expect(registers.sides('acme')).toEqual([])
    expect(registers.restore(saved(A1, V2))).toEqual([
      { type: 'announcement', side: 'held', announcement: V2 },
      { type: 'forgetAnnouncement', side: 'rival', role: 'acme' },
    ])
  })
})

describe('convergence', () => {
  const pool = [A1, B1, C1, V2, ...FOURTH, FORGED, announcementOf({ epoch: 2 }), ...SECOND_EPOCH]
  const stateOf = (registers: Registers) => registers.sides('acme').map(({ hash }) => hash)
  const resend = (registers: Registers, terms: Terms) => {
    for (let changed = true; changed; )
      changed = pool.filter((document) => offer(registers, document, terms)).length > 0
  }

  it('any order, duplication, and loss with a later resend end in one state; the floor never falls', () => {
    const documents = fc.array(fc.constantFrom(...pool), { maxLength: 30 })
    fc.assert(
      fc.property(documents, (received) => {
        const registers = new Registers([])
        let floor: RoleFloor | undefined
        for (const document of received) {
          offer(registers, document)
          const now = registers.floor('acme')
          if (floor !== undefined && now !== undefined) expect(compareVersions(now, floor)).toBeGreaterThanOrEqual(0)
          floor = now ?? floor
        }
        resend(registers, termsOf(T1))
        expect(stateOf(registers)).toEqual(FOURTH.slice(0, 2).map(({ hash }) => hash))
        expect(floor === undefined || compareVersions(floor, { epoch: 1, version: 4 }) <= 0).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('joins are the same in any order even without judging', () => {
    const valid = pool.filter((document) => document !== FORGED && document.signed.epoch === 1)
    fc.assert(
      fc.property(fc.shuffledSubarray([...valid, ...valid], { minLength: 2 * valid.length }), (order) => {
        const registers = new Registers([])
        for (const document of order) registers.take(document)
        expect(stateOf(registers)).toEqual(FOURTH.slice(0, 2).map(({ hash }) => hash))
      }),
      { numRuns: 200 },
    )
  })

  it('targets that arrive before, between or after end in the same state', () => {
    type Step = AnnouncementDocument | TargetsDocument
    const steps = fc.array(fc.constantFrom<Step>(...pool, T1, T2), { maxLength: 30 })
    fc.assert(
      fc.property(steps, (received) => {
        const registers = new Registers([])
        let targets = T1
        for (const step of received) {
          if ('releases' in step.signed) offer(registers, step as AnnouncementDocument, termsOf(targets))
          else if (step.signed.version > targets.signed.version) {
            targets = step as TargetsDocument
            registers.rejudge((role) => termsOf(targets, role))
          }
        }
        registers.rejudge((role) => termsOf(T2, role))
        resend(registers, termsOf(T2))
        expect(stateOf(registers)).toEqual(SECOND_EPOCH.slice(0, 2).map(({ hash }) => hash))
      }),
      { numRuns: 60 },
    )
  })
})

describe('path floors', () => {
  const at = (counters: Record<string, number>, terms: { role?: string; epoch?: number } = {}) =>
    announcementOf({
      ...terms,
      releases: Object.fromEntries(Object.entries(counters).map(([path, counter]) => [path, releaseOf({ counter })])),
    })
  const artifact = (counter: number) => releaseOf({ counter }).artifact.hash
  const floor = (counter: number, path = 'acme/agent', epoch = 1) => {
    return { role: 'acme', epoch, path, counter, artifact: artifact(counter) }
  }
  const role = (epoch = 1, name = 'acme') => ({ name, epoch })

  it('rise with the highest counter, and never fall', () => {
    const floors = new PathFloors([floor(3)])
    expect(floors.changes(at({ 'acme/agent': 2, 'acme/tool': 1 }))).toEqual([
      { type: 'pathFloor', floor: floor(1, 'acme/tool') },
    ])
    for (const counter of [5, 4]) floors.take(at({ 'acme/agent': counter }))
    expect(floors.get(role(), 'acme/agent')).toEqual(floor(5))
    expect(floors.get(role(), 'acme/other')).toBeUndefined()
  })

  it('keep the first artifact of a counter', () => {
    const floors = new PathFloors([{ ...floor(3), artifact: 'ff'.repeat(32) }])
    expect(floors.changes(at({ 'acme/agent': 3 }))).toEqual([])
  })

  it('T04 of an epoch are void in the next one, and removed with its first announcement', () => {
    const floors = new PathFloors([floor(2 ** 31 - 1), floor(9, 'acme/tool')])
    expect([floors.get(role(2), 'acme/agent'), floors.of(role(2))]).toEqual([undefined, []])
    const fresh = at({ 'acme/agent': 1 }, { epoch: 2 })
    expect(floors.changes(fresh)).toEqual([
      { type: 'forgetPathFloor', role: 'acme', path: 'acme/tool' },
      { type: 'pathFloor', floor: floor(1, 'acme/agent', 2) },
    ])
    floors.take(fresh)
    expect(floors.of(role(2))).toEqual([floor(1, 'acme/agent', 2)])
    const late = at({ 'acme/agent': 7 })
    expect(floors.changes(late)).toEqual([])
    floors.take(late)
    expect([floors.of(role(1)), floors.of(role(2))]).toEqual([[], [floor(1, 'acme/agent', 2)]])
  })

  it('T03 of one role say nothing about another', () => {
    const floors = new PathFloors([floor(9)])
    expect(floors.get(role(1, 'other'), 'acme/agent')).toBeUndefined()
    floors.take(at({ 'acme/agent': 1 }, { role: 'other' }))
    expect([floors.get(role(1, 'other'), 'acme/agent')?.counter, floors.get(role(), 'acme/agent')?.counter]).toEqual([
      1, 9,
    ])
  })

  it('let nothing through for paths of a role that has no room; others have theirs', () => {
    const floors = new PathFloors(Array.from({ length: limits.pathFloors }, (_, i) => floor(1, `acme/${i}`)))
    const more = at({ 'acme/agent': 2, 'acme/7': 2 })
    expect(floors.changes(more)).toEqual([{ type: 'pathFloor', floor: floor(2, 'acme/7') }])
    floors.take(more)
    expect(floors.get(role(), 'acme/agent')?.counter).toBeGreaterThan(2 ** 31)
    expect(floors.of(role())).toHaveLength(limits.pathFloors)
    floors.take(at({ 'acme/agent': 2 }, { role: 'other' }))
    expect(floors.get(role(1, 'other'), 'acme/agent')?.counter).toBe(2)
  })
})

function parsedOrNothing(bytes: Uint8Array): AnnouncementDocument | undefined {
  try {
    return parseAnnouncement(bytes)
  } catch {
    return undefined
  }
}
