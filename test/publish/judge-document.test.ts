// Verdicts on documents: what stands in them for a person, and that they are what a node says of the same document.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DAY } from '../../src/core/limits.ts'
import type { LoneDocument } from '../../src/publish/document-file.ts'
import type { Ground } from '../../src/publish/ground.ts'
import { judgeContent } from '../../src/publish/judge-document.ts'
import { shortKey } from '../../src/publish/signing-request.ts'
import { World } from '../core/trust/announcing-world.ts'
import {
  announcementOf,
  delegationOf,
  keyOf,
  MESH,
  NOW,
  nodeOf,
  ROOT,
  releaseOf,
  rootOf,
  signRoot,
  statementOf,
  targetsOf,
} from '../fixtures/documents.ts'

const roles = [
  delegationOf({ by: ['ada', 'bob', 'cyd'], threshold: 2, epoch: 2 }),
  delegationOf({ name: 'lab', by: ['ada'], paths: ['lab/*'] }),
]
const targets = targetsOf({ version: 3, roles, keys: ['ada', 'bob', 'cyd'] })
const acme = (terms: Parameters<typeof announcementOf>[0] = {}) =>
  announcementOf({ epoch: 2, version: 5, by: ['ada', 'bob'], ...terms })
const held = acme({ version: 4 })
const stated = statementOf({ version: 2 })
const ground: Ground = {
  ...{ name: 'the test', mesh: MESH, roots: [ROOT], root: ROOT, targets },
  ...{ announcements: [held], statements: [stated] },
}
const judge = (subject: LoneDocument, under = ground, now = NOW) => judgeContent(subject, under, now).verdict
const short = (name: string) => shortKey(keyOf(name).keyId)
const root = (version: number, terms: Parameters<typeof rootOf>[0] = {}, by = ['root']) =>
  ({ kind: 'root', document: signRoot(rootOf({ version, ...terms }), by) }) as const
const announced = (terms: Parameters<typeof announcementOf>[0]) =>
  ({ kind: 'announcement', document: acme(terms) }) as const
const delegated = (terms: Parameters<typeof targetsOf>[0]) => ({ kind: 'targets', document: targetsOf(terms) }) as const
const said = (terms: Parameters<typeof statementOf>[0], by?: string) =>
  ({ kind: 'statement', document: statementOf(terms, by) }) as const

describe('accepted', () => {
  it.each<[string, LoneDocument, string]>([
    ['the newest root', { kind: 'root', document: ROOT }, 'it is the newest root of the test'],
    ['the next root', root(2), 'it follows version 1 of the test'],
    ['the newest targets', { kind: 'targets', document: targets }, 'it is the newest targets document of the test'],
    ['newer targets', delegated({ version: 4 }), 'it comes after version 3'],
    ['the newest announcement', { kind: 'announcement', document: held }, 'it is the newest one of the test'],
    ['a newer announcement', announced({}), 'it comes after version 4'],
    [
      'the first of a role',
      announced({ role: 'lab', epoch: 1, by: ['ada'], releases: {} }),
      'it is the first one here',
    ],
    ['the newest statement', { kind: 'statement', document: stated }, 'it is the newest one of the test'],
    ['a newer statement', said({ version: 3 }), 'it comes after version 2'],
  ])('%s', (_, subject, reason) => {
    expect(judge(subject)).toMatchObject({ verdict: 'accepted', code: undefined, reason })
  })
})

it('of two documents of one version, the one that takes the place of the other does not come after it', () => {
  const all = Array.from({ length: 16 }, (_, number) => number)
  const changed = (number: number) => [...roles, delegationOf({ name: 'new', by: ['ada'], paths: [`new${number}/*`] })]
  const lower = all
    .map((number) => targetsOf({ version: 3, roles: changed(number), keys: ['ada', 'bob', 'cyd'] }))
    .find(({ hash }) => hash < targets.hash)
  const reason = (version: number) =>
    `it is another document of version ${version}, and of two the one with the lower hash counts`
  expect(judge({ kind: 'targets', document: lower as typeof targets })).toMatchObject({
    ...{ verdict: 'accepted', reason: reason(3) },
  })
  const nodes = all.map((day) => statementOf({ version: 2, nodes: new Map([[nodeOf('pi'), NOW + day * DAY]]) }))
  const other = nodes.find(({ hash }) => hash < stated.hash)
  expect(judge({ kind: 'statement', document: other as typeof stated })).toMatchObject({
    ...{ verdict: 'accepted', reason: reason(2) },
  })
})

describe('refused', () => {
  const others = { mesh: 'ab'.repeat(32) }
  const elsewhere = `it is for the mesh abababababababab, and that of the test is ${shortKey(MESH)}`
  it.each<[string, LoneDocument, string, string]>([
    [
      'a root that skips a version',
      root(3),
      'bodyMissing',
      'root version 2 is missing, and no version may be skipped: check that one first',
    ],
    ['the first root of another mesh', root(1, { enrol: ['eve'] }), 'foreignMesh', 'it is for the mesh '],
    [
      'a later root of another mesh',
      root(2, { root: ['eve'] }, ['eve']),
      'badSignature',
      `1 more of the root keys of version 1 is needed, by the key ${short('root')}; it may be of another mesh`,
    ],
    [
      'a root that its own keys did not sign',
      root(2, { root: ['new', 'newer'], threshold: 2 }, ['root', 'new']),
      'badSignature',
      `1 more of the root keys of version 2 is needed, by the key ${short('newer')}`,
    ],
    [
      'targets of a later epoch',
      delegated({ epoch: 2 }),
      'wrongEpoch',
      'it is of epoch 2 of targets, and the root is in epoch 1: a newer root has to come first',
    ],
    ['older targets', delegated({ version: 2 }), 'oldVersion', 'version 3 is held, and nothing older is taken again'],
    [
      'targets of strangers',
      delegated({ version: 4, by: ['eve'] }),
      'badSignature',
      `1 more of the role "targets" is needed, by the key ${short('targets')}; it may be of another mesh`,
    ],
    ['an announcement of another mesh', announced(others), 'foreignMesh', elsewhere],
    [
      'of a role that nobody knows',
      announced({ role: 'labs' }),
      'unknownRole',
      'version 3 of the targets document knows no role "labs", only "acme", "lab"',
    ],
    [
      'of an older epoch',
      announced({ epoch: 1 }),
      'oldVersion',
      'it is of epoch 1, and the role "acme" is in epoch 2: nothing of an older one counts any more',
    ],
    [
      'of a newer epoch',
      announced({ epoch: 3 }),
      'wrongEpoch',
      'it is of epoch 3, and the role "acme" is in epoch 2: newer targets have to come first',
    ],
    [
      'an older announcement',
      announced({ version: 3 }),
      'oldVersion',
      'version 4 was accepted before, and nothing older is taken again',
    ],
    [
      'another one of that version',
      announced({ version: 4, releases: {} }),
      'oldVersion',
      'another announcement of version 4 is in the test: two of one version freeze the role',
    ],
    [
      'foreign paths',
      announced({ releases: { 'lab/map': releaseOf() } }),
      'outsidePaths',
      'the role "acme" may announce acme/* only, and it names lab/map',
    ],
    [
      'too few signatures',
      announced({ by: ['bob', 'eve'] }),
      'badSignature',
      `1 more of the role "acme" is needed, by one of the keys ${[short('ada'), short('cyd')].join(', ')}`,
    ],
    ['no signature', announced({ by: [] }), 'badSignature', '2 more of the role "acme" are needed, by 2 of the keys '],
    ['a statement for another mesh', said({ ...others, version: 3 }), 'foreignMesh', elsewhere],
    ['of no enrol key', said({}, 'eve'), 'unknownEnroller', `root version 1 knows no enrol key ${short('eve')}`],
    [
      'of a newer enrolment epoch',
      said({ epoch: 2 }),
      'wrongEpoch',
      'it is of epoch 2, and the enrolment is in epoch 1: a newer root has to come first',
    ],
    ['an older statement', said({ version: 1 }), 'oldVersion', 'version 2 of this key is held, and comes before it'],
  ])('%s', (_, subject, code, reason) => {
    const verdict = judge(subject)
    expect(verdict).toMatchObject({ verdict: 'refused', code })
    expect(verdict.reason.slice(0, reason.length)).toBe(reason)
    if (!reason.endsWith(' ')) expect(verdict.reason).toBe(reason)
  })

  it('a copy of what is known, when its own signatures do not hold', () => {
    const bare = <T extends object>(document: T) => ({ ...document, signatures: [] })
    for (const subject of [
      { kind: 'root', document: bare(ROOT) },
      { kind: 'targets', document: bare(targets) },
      { kind: 'announcement', document: bare(held) },
      { kind: 'statement', document: bare(stated) },
    ] as const)
      expect(judge(subject)).toMatchObject({ verdict: 'refused', code: 'badSignature' })
  })

  it('an unsigned copy of a root in the middle, and takes a signed one', () => {
    const [second, third] = [root(2), root(3)].map(({ document }) => document) as [typeof ROOT, typeof ROOT]
    const under = { ...ground, roots: [ROOT, second, third], root: third }
    const accepted = { verdict: 'accepted', reason: 'version 3 took its place' }
    expect(judge({ kind: 'root', document: second }, under)).toMatchObject(accepted)
    const bare = { kind: 'root', document: { ...second, signatures: [] } } as const
    expect(judge(bare, under)).toMatchObject({ verdict: 'refused', code: 'badSignature' })
    const other = {
      kind: 'root',
      document: signRoot({ ...rootOf({ version: 2 }), issued: NOW + DAY }, ['root']),
    } as const
    const held = 'the offered roots are older than version 3, which is held'
    expect(judge(other, under)).toMatchObject({ code: 'oldVersion', reason: held })
  })

  it('a statement of a retired key, but for the sealed one', () => {
    const enrolment = { sealed: new Map([[keyOf('enrol').keyId, stated.hash]]) }
    const next = signRoot(rootOf({ version: 2, enrol: ['new'], retired: ['enrol'], enrolment }), ['root'])
    const under = { ...ground, roots: [ROOT, next], root: next, statements: [] }
    expect(judge({ kind: 'statement', document: stated }, under).verdict).toBe('accepted')
    expect(judge(said({ version: 3 }), under)).toMatchObject({
      code: 'unknownEnroller',
      reason: expect.stringContaining('retired'),
    })
  })
})

describe('signatures', () => {
  it('say which of them count, and which were made for something else', () => {
    const document = acme({ by: ['ada', 'bob', 'eve'] })
    const altered = document.signatures.map((one) =>
      one.keyId === keyOf('bob').keyId ? { ...one, signature: one.signature.toReversed() } : one,
    )
    const verdict = judge({ kind: 'announcement', document: { ...document, signatures: altered } })
    expect(verdict.reason).toMatch(new RegExp(`^1 more .*; what ${short('bob')} signed was altered since$`))
    expect(new Map(verdict.signatures.map(({ keyId, worth }) => [keyId, worth]))).toEqual(
      new Map([
        [keyOf('ada').keyId, 'counts'],
        [keyOf('bob').keyId, 'wrong'],
        [keyOf('eve').keyId, 'stranger'],
      ]),
    )
    expect(verdict.quorums).toMatchObject([{ threshold: 2, signed: [keyOf('ada').keyId] }])
  })

  it('of a root count for both thresholds', () => {
    const { quorums } = judge(root(2, { root: ['root', 'new'], threshold: 2 }, ['root', 'new']))
    expect(quorums.map(({ threshold, signed }) => [threshold, signed.length])).toEqual([
      [1, 1],
      [2, 2],
    ])
  })
})

describe('expired', () => {
  const late = NOW + 400 * DAY
  it.each<[string, LoneDocument, RegExp]>([
    [
      'a root',
      { kind: 'root', document: ROOT },
      /^it expired on 2027-07-01: nodes take it, and warn of it until a newer one comes$/,
    ],
    [
      'targets',
      delegated({ version: 4 }),
      /^it expired on 2027-07-01: nodes take it, and begin to install nothing of it$/,
    ],
    ['an announcement', announced({}), /^it expired on 2026-09-29: nodes take it/],
    [
      'one whose targets ended',
      announced({ expires: NOW + 500 * DAY }),
      /^the targets document that delegates its role expired on 2027-07-01/,
    ],
  ])('%s', (_, subject, reason) => {
    expect(judge(subject).verdict).toBe('accepted')
    expect(judge(subject, ground, late)).toMatchObject({
      verdict: 'expired',
      code: 'expired',
      reason: expect.stringMatching(reason),
    })
  })

  it('is also what was proven to be over, whatever the clock of this machine shows', () => {
    const next = signRoot({ ...rootOf({ version: 2 }), issued: late, expires: late + DAY }, ['root'])
    const under = { ...ground, roots: [ROOT, next], root: next }
    expect(judge(announced({}), under, 0).verdict).toBe('expired')
    expect(judge({ kind: 'root', document: ROOT }, under, late)).toMatchObject({
      verdict: 'accepted',
      reason: 'version 2 took its place',
    })
  })
})

// Of a copy of what it has a node does not look at the signatures; a person wants to know whether the copy is good.
describe('a node says the same', () => {
  const SIGNERS = ['ada', 'bob', 'cyd', 'eve']
  it('of announcements', () => {
    const document = fc.record({
      mesh: fc.constantFrom(MESH, MESH, MESH, 'ab'.repeat(32)),
      role: fc.constantFrom('acme', 'acme', 'lab', 'nobody'),
      epoch: fc.constantFrom(1, 2, 2, 3),
      version: fc.integer({ min: 3, max: 5 }),
      by: fc.uniqueArray(fc.constantFrom(...SIGNERS), { maxLength: 4 }),
      path: fc.constantFrom('acme/agent', 'acme/agent', 'lab/map', 'x/y'),
    })
    fc.assert(
      fc.property(document, ({ path, ...terms }) => {
        const announcement = announcementOf({ ...terms, releases: { [path]: releaseOf() } })
        fc.pre(announcement.hash !== held.hash)
        const node = new World().delegate(targets)
        node.receive(held)
        const ticket = node.submit(announcement)
        node.write()
        expect(judge({ kind: 'announcement', document: announcement }).code).toBe(node.submissions().get(ticket))
      }),
      { numRuns: 100 },
    )
  })

  it('of targets', () => {
    const document = fc.record({
      version: fc.integer({ min: 2, max: 4 }),
      by: fc.uniqueArray(fc.constantFrom('targets', 'eve'), { maxLength: 2 }),
      roles: fc.constantFrom(roles, roles.slice(0, 1), []),
    })
    fc.assert(
      fc.property(document, (terms) => {
        const other = targetsOf({ ...terms, keys: ['ada', 'bob', 'cyd'] })
        fc.pre(other.hash !== targets.hash)
        const outcome = new World().delegate(targets).consider(other)
        expect(judge({ kind: 'targets', document: other }).code).toBe(outcome === 'accepted' ? undefined : outcome)
      }),
      { numRuns: 60 },
    )
  })
})
