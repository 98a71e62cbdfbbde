// Enrolment statements in core: which count, what they reach, and that every order of arrival ends in one state (clause STATEMENT).
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Effect } from '../../../src/core/events.ts'
import { DAY, limits } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { Self } from '../../../src/core/self.ts'
import type { RootDocument } from '../../../src/core/trust/documents.ts'
import { Refusals } from '../../../src/core/trust/refusals.ts'
import { extendedTo, revokes, type StatementDocument } from '../../../src/core/trust/statement.ts'
import { StatementKeeper } from '../../../src/core/trust/statement-keeper.ts'
import {
  env,
  inviteOf,
  keyOf,
  MESH,
  membershipOf,
  NOW,
  nodeOf,
  ROOT,
  rootOf,
  signRoot,
  statementOf,
} from '../../fixtures/documents.ts'

const SITE = '/uk/glasgow/lab3'
const LATER = NOW + 700 * DAY
const host = membershipOf({ node: 'host', invite: inviteOf({ seats: 1, founding: true }) })
const revoking = (...nodes: string[]) => new Map(nodes.map((node) => [nodeOf(node), LATER]))

/** Root version 2, with a second enrol key that is confined to a site. */
const sites = { zones: new Map([[keyOf('site').keyId, SITE]]) }
const TWO_KEYS = signRoot(rootOf({ version: 2, enrol: ['enrol', 'site'], enrolment: sites }), ['root'])

/** A keeper with nothing but a root and what an earlier run saved. */
function keeperUnder(root: RootDocument, saved: readonly StatementDocument[] = []) {
  const out = new Outbox()
  const self = new Self(MESH, host, root, NOW, 0)
  const refusals = new Refusals(out)
  const keeper = new StatementKeeper(env, out, self, refusals, saved)
  let now = 0
  /** Performs what was asked for, every write at once; the rest is returned. */
  const settle = (effects: Effect[]): Effect[] =>
    effects.flatMap((effect) => {
      if (effect.type !== 'persist') return [effect]
      keeper.persisted(effect.ticket)
      return settle(out.drain())
    })
  /** `documents` as the answer of a peer that says hello; returns what came of it. */
  const arrive = (documents: readonly StatementDocument[], peer = 'peer') => {
    now += 2 * limits.statementRetry
    keeper.offered(peer, 'ff'.repeat(32), now)
    const ask = out.drain().find((effect) => effect.type === 'ask')
    if (ask === undefined) throw new Error('nothing was asked for')
    keeper.arrived(ask.ticket, peer, documents, now)
    return settle(out.drain())
  }
  const moveTo = (next: RootDocument) => {
    self.root = next
    keeper.rootChanged()
    return settle(out.drain())
  }
  const held = () =>
    keeper
      .all()
      .map(({ hash }) => hash)
      .sort()
  return { keeper, out, self, refusals, arrive, moveTo, held, settle }
}

/** What the first statement that arrives at a fresh keeper is refused with. */
function refusalOf(document: StatementDocument, root: RootDocument = ROOT): string | undefined {
  const { arrive, refusals } = keeperUnder(root)
  arrive([document])
  return Object.keys(refusals.all())[0]
}

describe('which statements count (clause STATEMENT 2)', () => {
  it('those of an active enrol key, of this mesh and of the epoch of the root', () => {
    expect(refusalOf(statementOf())).toBeUndefined()
    expect(refusalOf(statementOf({ mesh: 'ff'.repeat(32) }))).toBe('foreignMesh')
    expect(refusalOf(statementOf({}, 'stranger'))).toBe('unknownEnroller')
    expect(refusalOf(statementOf({}, 'targets'))).toBe('unknownEnroller')
    expect(refusalOf(statementOf({ epoch: 2 }))).toBe('wrongEpoch')
    const raised = signRoot(rootOf({ version: 2, enrolment: { epoch: 2 } }), ['root'])
    expect(keeperUnder(raised).arrive([statementOf()])).toEqual([])
  })

  it('those that the named key signed', () => {
    const [mine, foreign] = [statementOf({ version: 3 }), statementOf({ version: 3 }, 'site')]
    const swapped = {
      ...mine,
      signatures: [{ keyId: keyOf('enrol').keyId, signature: foreign.signatures[0]?.signature as Uint8Array }],
    }
    expect(refusalOf(swapped)).toBe('badSignature')
    expect(refusalOf({ ...mine, signatures: foreign.signatures })).toBe('badSignature')
  })

  it('a wrong signature ends the answer that it came in: a liar costs one check', () => {
    const { arrive, held } = keeperUnder(TWO_KEYS)
    const wrong = { ...statementOf({ version: 3 }), signatures: statementOf({}, 'site').signatures }
    arrive([wrong, statementOf({}, 'site')])
    expect(held()).toEqual([])
  })

  it('newer ones; an older one is not taken, nor looked at', () => {
    const { arrive, held } = keeperUnder(ROOT)
    const [first, second] = [statementOf({ nodes: revoking('a') }), statementOf({ version: 2 })]
    arrive([second])
    arrive([first])
    expect(held()).toEqual([second.hash])
  })

  it('tells of two of one version, and both nodes keep the lower hash', () => {
    const twins = [statementOf({ nodes: revoking('a') }), statementOf({ nodes: revoking('b') })].sort((a, b) =>
      a.hash < b.hash ? -1 : 1,
    )
    const [low, high] = twins as [StatementDocument, StatementDocument]
    const one = keeperUnder(ROOT)
    one.arrive([high])
    const effects = one.arrive([low])
    expect(effects).toContainEqual({
      type: 'event',
      event: { type: 'statementTwins', enroller: keyOf('enrol').keyId, version: 1 },
    })
    const other = keeperUnder(ROOT)
    other.arrive([low])
    other.arrive([high])
    expect([one.held(), other.held()]).toEqual([[low.hash], [low.hash]])
  })
})

describe('a retired enrol key (clause STATEMENT 3)', () => {
  const last = statementOf({ version: 2, nodes: revoking('a', 'b') })
  const early = statementOf({ version: 1, nodes: revoking('a') })
  const retiring = (sealed?: string) => ({
    ...(sealed === undefined ? {} : { sealed: new Map([[keyOf('enrol').keyId, sealed]]) }),
  })
  const rotated = (sealed?: string) =>
    signRoot(rootOf({ version: 2, enrol: ['fresh'], retired: ['enrol'], enrolment: retiring(sealed) }), ['root'])

  it('goes on revoking what its last statement, which the root seals, revoked', () => {
    const { arrive, moveTo, held } = keeperUnder(ROOT)
    arrive([last])
    moveTo(rotated(last.hash))
    expect(held()).toEqual([last.hash])
    const newcomer = keeperUnder(rotated(last.hash))
    newcomer.arrive([last])
    expect(newcomer.held()).toEqual([last.hash])
  })

  it('keeps an earlier one in force until the sealed one is here', () => {
    const { arrive, moveTo, held } = keeperUnder(ROOT)
    arrive([early])
    moveTo(rotated(last.hash))
    expect(held()).toEqual([early.hash])
    arrive([last])
    expect(held()).toEqual([last.hash])
    expect(keeperUnder(rotated(last.hash), [early]).held()).toEqual([early.hash])
  })

  it('says nothing more: its thief revokes nobody, whatever the version', () => {
    const { arrive, moveTo, held, refusals } = keeperUnder(ROOT)
    arrive([last])
    moveTo(rotated(last.hash))
    arrive([statementOf({ version: 2 ** 31 - 1, nodes: revoking('host') })])
    expect(held()).toEqual([last.hash])
    const newcomer = keeperUnder(rotated(last.hash))
    newcomer.arrive([statementOf({ version: 2 ** 31 - 1, nodes: revoking('host') })])
    expect([newcomer.held(), Object.keys(newcomer.refusals.all())]).toEqual([[], ['unknownEnroller']])
    expect(refusals.all()).toEqual({})
  })

  it('without a seal, removed, or of an older epoch counts for nothing', () => {
    const removed = signRoot(rootOf({ version: 2, enrol: ['fresh'] }), ['root'])
    const raised = signRoot(rootOf({ version: 2, enrolment: { epoch: 2 } }), ['root'])
    for (const next of [rotated(), removed, raised]) {
      const { arrive, moveTo, held } = keeperUnder(ROOT)
      arrive([last])
      moveTo(next)
      expect(held()).toEqual([])
    }
  })
})

describe('what a statement reaches (clauses STATEMENT 5 and 6)', () => {
  const inside = membershipOf({ node: 'a', invite: inviteOf({ zone: SITE }) })
  const outside = membershipOf({ node: 'a', invite: inviteOf({ zone: '/uk/glasgow/lab4' }) })
  const root = TWO_KEYS.signed

  it('nodes and invites, within the zone of its key and not beyond', () => {
    const byNode = { nodes: revoking('a') }
    const byInvite = (of: typeof inside) => ({ invites: new Map([[of.invite.hash, LATER]]) })
    expect(revokes(statementOf(byNode), outside, root)).toBe(true)
    expect(revokes(statementOf(byNode, 'site'), inside, root)).toBe(true)
    expect(revokes(statementOf(byNode, 'site'), outside, root)).toBe(false)
    expect(revokes(statementOf(byInvite(outside)), outside, root)).toBe(true)
    expect(revokes(statementOf(byInvite(outside), 'site'), outside, root)).toBe(false)
    expect(revokes(statementOf(byInvite(inside)), outside, root)).toBe(false)
  })

  it('prolongs the memberships of a zone or an invite, within the zone of its key', () => {
    const until = NOW + 300 * DAY
    const zone = (name: string) => ({ extensions: [{ zone: name, invite: undefined, until }] })
    expect(extendedTo(statementOf(zone('/uk')), inside, root)).toBe(until)
    expect(extendedTo(statementOf(zone('/uk'), 'site'), inside, root)).toBe(until)
    expect(extendedTo(statementOf(zone('/uk'), 'site'), outside, root)).toBeUndefined()
    expect(extendedTo(statementOf(zone('/us')), inside, root)).toBeUndefined()
    const invite = { extensions: [{ zone: undefined, invite: inside.invite.hash, until }] }
    expect(extendedTo(statementOf(invite), inside, root)).toBe(until)
    expect(extendedTo(statementOf(invite), outside, root)).toBeUndefined()
  })

  it('names nodes by their zone, so that nobody is told where to dial them', () => {
    const { keeper, arrive } = keeperUnder(TWO_KEYS)
    arrive([statementOf({ nodes: revoking('a') }, 'site')])
    expect(keeper.names(nodeOf('a'), SITE)).toBe(true)
    expect(keeper.names(nodeOf('a'), '/uk/glasgow/lab4')).toBe(false)
    expect(keeper.names(nodeOf('a'), undefined)).toBe(false)
    arrive([statementOf({ nodes: revoking('a') })])
    expect(keeper.names(nodeOf('a'), undefined)).toBe(true)
  })
})

describe('the statement keeper', () => {
  it('acts on nothing that is not on disk', () => {
    const { keeper, out } = keeperUnder(ROOT)
    keeper.stated(7, statementOf({ nodes: revoking('a') }))
    const [write] = out.drain()
    expect([write?.type, keeper.all()]).toEqual(['persist', []])
    if (write?.type !== 'persist') throw new Error('nothing is written')
    keeper.persistFailed(write.ticket)
    expect(out.drain()).toEqual([{ type: 'submission', ticket: 7, refused: 'diskFailed' }])
    expect(keeper.all()).toEqual([])
  })

  it('answers what was handed in once it is in force, the same again too', () => {
    const { keeper, out, settle } = keeperUnder(ROOT)
    const answers = (ticket: number, document: StatementDocument) => {
      keeper.stated(ticket, document)
      return settle(out.drain()).filter(({ type }) => type === 'submission')
    }
    expect(answers(1, statementOf({ version: 2 }))).toEqual([{ type: 'submission', ticket: 1, refused: undefined }])
    expect(answers(2, statementOf({ version: 2 }))).toEqual([{ type: 'submission', ticket: 2, refused: undefined }])
    expect(answers(3, statementOf({ version: 1 }))).toEqual([{ type: 'submission', ticket: 3, refused: 'oldVersion' }])
  })

  it('asks whoever holds something else, and rarely whoever gives nothing (clause STATEMENT 8)', () => {
    const { keeper, out, arrive } = keeperUnder(ROOT)
    const asks = (digest: string | undefined, now: number) => {
      keeper.offered('liar', digest, now)
      return out.drain().filter(({ type }) => type === 'ask')
    }
    arrive([statementOf()])
    expect(asks(undefined, 0)).toEqual([])
    expect(asks(keeper.digest, 0)).toEqual([])
    const [ask] = asks('ab'.repeat(32), 0)
    expect(ask).toMatchObject({ body: { type: 'statements', held: [statementOf().hash.slice(0, 16)] } })
    if (ask?.type !== 'ask') throw new Error('nobody is asked')
    expect(asks('ab'.repeat(32), 1)).toEqual([])
    keeper.arrived(ask.ticket, 'liar', [], 2)
    expect(asks('ab'.repeat(32), 3)).toEqual([])
    expect(asks('ab'.repeat(32), 3 + limits.statementRetry)).toHaveLength(1)
  })

  it('says who told that this node is revoked, until that member admits it (clause STATEMENT 9)', () => {
    const { keeper, arrive } = keeperUnder(ROOT)
    keeper.turnedAway('a', 'expired')
    expect(keeper.standing()).toBeUndefined()
    keeper.turnedAway('a', 'revoked')
    expect(keeper.standing()).toEqual({ proven: false, tellers: ['a'] })
    keeper.linked('a')
    expect(keeper.standing()).toBeUndefined()
    const effects = arrive([statementOf({ nodes: revoking('host') })])
    expect(effects).toContainEqual({ type: 'event', event: { type: 'revoked', by: undefined } })
    expect(keeper.standing()).toEqual({ proven: true, tellers: [] })
  })
})

describe('any order, repetition and loss ends in one state (clause STATEMENT 4)', () => {
  const sealed = statementOf({ version: 2, nodes: revoking('b') })
  const rotated = signRoot(
    rootOf({
      version: 3,
      enrol: ['fresh', 'site'],
      retired: ['enrol'],
      enrolment: { ...sites, sealed: new Map([[keyOf('enrol').keyId, sealed.hash]]) },
    }),
    ['root'],
  )
  const documents = [
    ...[1, 2, 3].map((version) => statementOf({ version, nodes: revoking('a') })),
    ...[1, 2, 2].map((version, at) => statementOf({ version, nodes: revoking(`c${at}`) }, 'site')),
    statementOf({ version: 9, epoch: 2 }),
    statementOf({ version: 1 }, 'fresh'),
    statementOf({ version: 9 }, 'stranger'),
    sealed,
  ]
  type Step = { type: 'answer'; documents: StatementDocument[] } | { type: 'root' } | { type: 'restart' }
  const anyStep: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .subarray(documents)
        .chain((some) => fc.shuffledSubarray(some))
        .map((some) => ({ type: 'answer' as const, documents: some })),
    },
    { weight: 1, arbitrary: fc.constant({ type: 'root' as const }) },
    { weight: 1, arbitrary: fc.constant({ type: 'restart' as const }) },
  )

  /** Does all steps, and then what a mesh does in the end: the newest root, and everything that anybody holds. */
  function endOf(steps: readonly Step[]): string[] {
    let node = keeperUnder(TWO_KEYS)
    let root = TWO_KEYS
    for (const step of steps) {
      if (step.type === 'answer') node.arrive(step.documents)
      else if (step.type === 'restart') node = keeperUnder(root, node.keeper.all())
      else {
        root = rotated
        node.moveTo(root)
      }
    }
    node.moveTo(rotated)
    node.arrive(documents)
    return node.held()
  }

  it('whatever came before', () => {
    const wanted = endOf([])
    expect(wanted).toContain(sealed.hash)
    expect(wanted).toHaveLength(3)
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 12 }), (steps) => {
        expect(endOf(steps)).toEqual(wanted)
      }),
      { numRuns: 150 },
    )
  })
})
