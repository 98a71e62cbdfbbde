// Votes: who may say that a node is gone, what that costs, and when it is believed (clauses WITNESS, VOTE).
import { describe, expect, it } from 'vitest'
import type { Effect, Ticket } from '../../../src/core/events.ts'
import { View } from '../../../src/core/fleet/view.ts'
import type { Vote } from '../../../src/core/fleet/vote.ts'
import { Votes } from '../../../src/core/fleet/votes.ts'
import { limits } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import type { Self } from '../../../src/core/self.ts'
import type { Membership } from '../../../src/core/trust/documents.ts'
import { Refusals } from '../../../src/core/trust/refusals.ts'
import { testEnv } from '../env.ts'
import { envelope, record, T } from './helpers.ts'

const TOPIC = 'rec/z'
const MESH8 = '00'.repeat(8)

/** A zone of `self`, `gone` and six others; those named first are the witnesses of `gone`, in order. */
function setUp(order: readonly string[] = ['a', 'b', 'c', 'd', 'e', 'f'], { revoked = '', ended = '' } = {}) {
  const [out, env] = [new Outbox(), testEnv()]
  const view = new View('self', out)
  for (const node of ['self', 'gone', 'a', 'b', 'c', 'd', 'e', 'f']) view.accept(node, record(1, 5), envelope(node), 0)
  let checks = 0
  const verify = (...args: Parameters<typeof env.verify>) => {
    checks += 1
    return env.verify(...args)
  }
  const memberOf = (node: string, zone = '/z') => ({ id: `id ${node}`, claims: { node, zone } }) as Membership
  const members = new Map(['self', 'gone', 'a', 'b', 'c', 'd', 'e', 'f'].map((node) => [`id ${node}`, memberOf(node)]))
  members.set('id far', memberOf('far', '/elsewhere'))
  const accused: [at: number, byMost: boolean][] = []
  const raised: string[] = []
  const votes = new Votes({
    env: { ...env, verify },
    out,
    self: { node: 'self', zone: '/z', mesh8: MESH8, wallAt: () => 0 } as unknown as Self,
    roster: { byId: (id) => members.get(id) },
    statements: { isFound: (id) => id === revoked, endOf: ({ id }) => (id === ended ? 0 : 1) },
    refusals: new Refusals(out),
    view,
    witnesses: {
      of: () => order.slice(0, limits.witnesses),
      mayBeOf: (_, member) => order.slice(0, limits.witnessPlaces).includes(member),
    },
    topic: TOPIC,
    own: () => ({ incarnation: 1, counter: 5 }),
    raised: (node) => raised.push(node),
    accused: (byMost, now) => accused.push([now, byMost]),
  })
  let ticket = 0
  const hear = (
    by: string,
    changes: Partial<Vote> = {},
    now = 10,
    topic = TOPIC,
    look: (effect: Effect) => void = () => {},
  ) => {
    const vote = { node: 'gone', incarnation: 1, counter: 5, voter: 1, met: true, ...changes }
    const sealed = { ...envelope('vote'), kind: 'dwn', membership: `id ${by}`, signature: Uint8Array.of(1) }
    ticket += 1
    votes.heard(ticket as Ticket, 'forwarder', topic, sealed, vote, now)
    const effects = out.drain()
    effects.forEach(look)
    const verdicts = effects.flatMap((effect) => (effect.type === 'verdict' ? [effect.verdict] : []))
    return verdicts[0]
  }
  return { out, view, votes, hear, accused, raised, checks: () => checks, status: () => view.status('gone') }
}

describe('votes on a node', () => {
  it('make it down as soon as all of its witnesses have voted, and say who did', () => {
    const { view, votes, hear, status, raised } = setUp()
    expect([hear('a'), hear('b')]).toEqual(['accept', 'accept'])
    expect(status()).toBe('up')
    expect(hear('c')).toBe('accept')
    expect(status()).toBe('down')
    expect(raised).toContain('gone')
    votes.check(20)
    expect(votes.deadline()).toBeUndefined()
    view.accept('gone', record(1, 6), envelope('news'), 20)
    expect(status()).toBe('up')
  })

  it('tell in the event by whom', () => {
    const { out, view } = setUp()
    out.drain()
    view.votedDown('gone', ['a', 'b', 'c'], { incarnation: 1, counter: 5 }, 10)
    expect(out.drain()).toMatchObject([{ event: { type: 'status', node: 'gone', to: 'down', by: ['a', 'b', 'c'] } }])
  })

  it('of one witness, and of all but one, decide nothing', () => {
    const { votes, hear, status } = setUp()
    hear('a')
    hear('b')
    hear('d')
    hear('e')
    votes.check(limits.ballotTime)
    expect(status()).toBe('up')
  })

  it('do not wait for a witness that missed its own promise, but never believe a single one', () => {
    const { view, votes, hear, status } = setUp()
    for (const node of ['gone', 'a', 'b']) view.accept(node, record(1, 6), envelope(node), T)
    hear('a', { counter: 6 }, T)
    hear('b', { counter: 6 }, T)
    votes.check(1.5 * T - 1)
    expect(status()).toBe('up')
    votes.check(1.5 * T)
    expect(status()).toBe('down')
  })

  it('of the only other member are enough, and of one whose fellow witness is silent are not', () => {
    const alone = setUp(['a'])
    alone.hear('a')
    expect(alone.status()).toBe('down')
    const pair = setUp(['a', 'b'])
    pair.view.accept('gone', record(1, 6), envelope('gone'), T)
    pair.view.accept('a', record(1, 6), envelope('a'), T)
    pair.hear('a', { counter: 6 }, 1.5 * T)
    pair.votes.check(1.5 * T)
    expect(pair.status()).toBe('up')
  })

  it('are void when nobody who votes ever had a link with it', () => {
    const { hear, status } = setUp()
    for (const by of ['a', 'b', 'c']) hear(by, { met: false })
    expect(status()).toBe('up')
  })

  it('are void once a newer record of the node is here, before or after they came', () => {
    const { view, votes, hear, status } = setUp()
    hear('a')
    hear('b')
    view.accept('gone', record(1, 6), envelope('news'), 11)
    expect(hear('c', {}, 12)).toBe('ignore')
    votes.check(12)
    hear('c', { counter: 6 }, 13)
    expect(status()).toBe('up')
  })

  it('T38 replayed by anybody after the node came back do nothing', () => {
    const { view, hear, status, checks } = setUp()
    for (const by of ['a', 'b', 'c']) hear(by)
    view.accept('gone', record(2, 1), envelope('again'), 100)
    const before = checks()
    for (const by of ['a', 'b', 'c']) expect(hear(by, {}, limits.votePause + 100)).toBe('ignore')
    expect([status(), checks()]).toEqual(['up', before])
  })

  it('of an earlier run of the voter do not count', () => {
    const { view, hear } = setUp()
    view.accept('a', record(2, 1), envelope('a'), 1)
    expect(hear('a', { voter: 1 })).toBe('ignore')
    expect(hear('a', { voter: 2 })).toBe('accept')
  })

  it('T15 of strangers, of other zones, of members that are no witnesses and of the node itself cost no signature check', () => {
    const { hear, checks, status, votes } = setUp()
    for (let i = 0; i < 1_000; i++) expect(hear(`sybil ${i}`)).toBe('ignore')
    expect(hear('far')).toBe('reject')
    expect(hear('f')).toBe('ignore')
    expect(hear('gone')).toBe('ignore')
    expect(hear('a', { node: 'unknown' })).toBe('ignore')
    expect(hear('a', {}, 10, 'rec/other')).toBe('reject')
    expect([checks(), status(), votes.size]).toEqual([0, 'up', 0])
  })

  it('of one witness that floods have two signatures checked, the second as one that missed a record has, and fill no table', () => {
    const { hear, checks, votes } = setUp()
    for (let i = 0; i < 1_000; i++) hear('a', { counter: 5 + i, voter: 1 + i })
    expect(checks()).toBe(2)
    expect(votes.size).toBeLessThanOrEqual(1)
  })

  it('of who is revoked or whose membership has ended are passed over, and those of another mesh refused', () => {
    const { hear, checks, status, votes, out } = setUp(undefined, { revoked: 'id a', ended: 'id b' })
    expect([hear('a'), hear('b')]).toEqual(['ignore', 'ignore'])
    const foreign = { ...envelope('vote'), mesh8: 'ff'.repeat(8), membership: 'id c', signature: Uint8Array.of(1) }
    votes.heard(9, 'x', TOPIC, foreign, { node: 'gone', incarnation: 1, counter: 5, voter: 1, met: true }, 10)
    expect(out.drain()).toMatchObject([{ verdict: 'reject' }, { event: { code: 'foreignMesh' } }])
    expect([checks(), votes.size, status()]).toEqual([0, 0, 'up'])
  })

  it('that were not complete in time are forgotten: later ones do not add to them', () => {
    const { votes, hear, status } = setUp()
    hear('a', {}, 10)
    votes.check(10 + limits.ballotTime)
    expect(votes.deadline()).toBe(10 + limits.ballotTime + 1)
    votes.check(10 + limits.ballotTime + 1)
    expect(votes.deadline()).toBeUndefined()
    for (const by of ['b', 'c']) hear(by, {}, 20 + limits.ballotTime)
    expect(status()).toBe('up')
  })

  it('on very many nodes are kept of the last few of them', () => {
    const { view, votes, hear } = setUp()
    for (let i = 0; i < 4 * limits.ballots; i++) {
      view.accept(`n${i}`, record(1, 5), envelope(`n${i}`), 0)
      for (const by of ['a', 'b']) expect(hear(by, { node: `n${i}` })).toBe('accept')
      expect(votes.size).toBeLessThanOrEqual(limits.ballots)
    }
  })

  it('that are forged or do not parse are refused', () => {
    const { votes, out, status } = setUp()
    const sealed = { ...envelope('vote'), kind: 'dwn', membership: 'id a', signature: Uint8Array.of(0) }
    out.drain()
    votes.heard(1, 'x', TOPIC, sealed, { node: 'gone', incarnation: 1, counter: 5, voter: 1, met: true }, 1)
    votes.heard(2, 'x', TOPIC, sealed, undefined, 1)
    expect(out.drain()).toMatchObject([
      { verdict: 'reject' },
      { event: { code: 'badSignature' } },
      { verdict: 'reject' },
      { event: { code: 'malformed' } },
    ])
    expect(status()).toBe('up')
  })

  it('on ourselves are told, each voter once in a while', () => {
    const { hear, accused } = setUp()
    for (let i = 0; i < 10; i++) hear('a', { node: 'self' }, 10 + i)
    expect(accused).toEqual([[10, false]])
    hear('a', { node: 'self' }, 10 + limits.votePause)
    expect(accused).toHaveLength(2)
  })

  it('on ourselves are a reason for doubt when most of our witnesses mean it, and not when a few others do', () => {
    const { hear, accused } = setUp()
    for (const by of ['a', 'd', 'e']) hear(by, { node: 'self' }, 10)
    expect(accused.map(([, byMost]) => byMost)).toEqual([false, false, false])
    hear('b', { node: 'self' }, 10 + limits.votePause)
    expect(accused.at(-1)).toEqual([10 + limits.votePause, true])
    hear('c', { node: 'self' }, 12 + 2 * limits.votePause)
    expect(accused.at(-1)).toEqual([12 + 2 * limits.votePause, false])
    const pair = setUp(['a'])
    pair.hear('a', { node: 'self' })
    expect(pair.accused).toEqual([[10, true]])
  })

  it('of our own are not taken again when somebody says them back', () => {
    const { votes, hear, checks } = setUp(['self', 'a', 'b'])
    votes.cast('gone', true, 10)
    expect([hear('self'), checks()]).toEqual(['ignore', 0])
  })

  it('of our own count with the others, and carry what we hold', () => {
    const { out, votes, hear, status } = setUp(['self', 'a', 'b'])
    out.drain()
    votes.cast('gone', true, 10)
    const vote = { node: 'gone', incarnation: 1, counter: 5, voter: 1, met: true }
    expect(out.drain()).toEqual([{ type: 'vote', topic: TOPIC, vote }])
    hear('a')
    hear('b')
    expect(status()).toBe('down')
    expect(out.drain().filter(({ type }) => type === 'vote')).toEqual([])
  })

  /** What `self`, which holds record 5, votes on in the end when `a` and `b` name these. */
  const revised = (order: string[], ...counters: number[]) => {
    const { out, votes, hear, status } = setUp(order)
    votes.cast('gone', true, 10)
    out.drain()
    const said: unknown[] = []
    for (const [at, counter] of counters.entries()) {
      hear('ab'[at] as string, { counter }, 20, TOPIC, (effect) => effect.type === 'vote' && said.push(effect.vote))
    }
    return { said, status: status() }
  }
  it('of our own are said again of a record that we missed, as two others name it, or the only other', () => {
    const again = { node: 'gone', incarnation: 1, counter: 6, voter: 1, met: true }
    expect(revised(['self', 'a', 'b'], 6, 6)).toEqual({ said: [again], status: 'down' })
    expect(revised(['self', 'a'], 6)).toEqual({ said: [again], status: 'down' })
  })

  it('of our own follow no single liar, nobody who is no witness, and nobody who names a record far ahead', () => {
    const [three, far] = [['self', 'a', 'b'], 5 + limits.voteLead + 1]
    const silent = setUp(three)
    silent.view.accept('gone', record(1, 6), envelope('gone'), T)
    silent.view.accept('a', record(1, 6), envelope('a'), T)
    silent.votes.cast('gone', true, T)
    silent.hear('a', { counter: 7 }, T)
    silent.out.drain()
    silent.votes.check(1.5 * T)
    expect([silent.status(), silent.out.drain().filter(({ type }) => type === 'vote')]).toEqual(['down', []])
    const placed = setUp(['self', 'a', 'b', 'd', 'e'])
    placed.votes.cast('gone', true, 10)
    for (const by of ['d', 'e', 'a']) placed.hear(by, { counter: by === 'a' ? 5 : 7 })
    const said: unknown[] = []
    placed.hear('b', {}, 20, TOPIC, (effect) => effect.type === 'vote' && said.push(effect))
    expect([placed.status(), said]).toEqual(['down', []])
    expect(revised(three, 6, 5)).toEqual({ said: [], status: 'down' })
    expect(revised(three, far, 6).said).toMatchObject([{ counter: 6 }])
    expect(revised(three, far, far)).toEqual({ said: [], status: 'down' })
  })

  it('keep a node down when the record that two of them name comes late, until a newer one', () => {
    const { view, hear, status } = setUp()
    hear('a', { counter: 6 })
    hear('b', { counter: 6 })
    hear('c')
    view.accept('gone', record(1, 6), envelope('late'), 20)
    expect(status()).toBe('down')
    view.accept('gone', record(1, 7), envelope('news'), 30)
    expect(status()).toBe('up')
    // What comes after a promise was not on its way.
    const later = setUp()
    for (const by of ['a', 'b', 'c']) later.hear(by, { counter: 6 })
    later.view.accept('gone', record(1, 6), envelope('alive'), 11 + T)
    expect(later.status()).toBe('up')
    // Two that are no witnesses have no say in it.
    const placed = setUp()
    for (const by of ['d', 'e', 'a', 'b', 'c']) placed.hear(by, { counter: by < 'd' ? 5 : 7 })
    placed.view.accept('gone', record(1, 6), envelope('alive'), 20)
    expect(placed.status()).toBe('up')
  })

  it('are taken again of a voter that missed a record, where its first one counted, and not for more than is on its way', () => {
    const { view, hear, status, checks } = setUp()
    hear('a')
    // Passed on by who missed it as well.
    expect(hear('a', { counter: 6 }, 11)).toBe('accept')
    view.accept('gone', record(1, 6), envelope('late'), 12)
    for (const by of ['b', 'c']) hear(by, { counter: 6 }, 13)
    expect(status()).toBe('down')
    const late = setUp()
    late.hear('a')
    late.view.accept('gone', record(1, 6), envelope('late'), 12)
    for (const by of ['b', 'c', 'a']) late.hear(by, { counter: 6 }, 13)
    expect(late.status()).toBe('down')
    const flooded = setUp()
    for (let counter = 5; counter < 40; counter++) flooded.hear('a', { counter })
    expect(flooded.checks()).toBe(2)
    expect(checks()).toBe(4)
  })

  it('bury nobody beyond the records that may be on their way, whatever they name', () => {
    const { view, hear, status } = setUp()
    for (const by of ['a', 'b', 'c']) hear(by, { counter: 1_000_000 })
    expect(status()).toBe('down')
    view.accept('gone', record(1, 6), envelope('news'), 20)
    expect(status()).toBe('up')
  })
})
