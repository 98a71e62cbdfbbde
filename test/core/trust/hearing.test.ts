import { beforeEach, describe, expect, it } from 'vitest'
import { limits, MINUTE } from '../../../src/core/limits.ts'
import { headOf } from '../../../src/core/trust/registers.ts'
import { announcementOf, delegationOf, releaseOf, targetsOf } from '../../fixtures/documents.ts'
import { delegated, TARGETS, TOPIC, V1, V2, V3, type World } from './announcing-world.ts'

/** A head without a body. */
const fake = (version: number) => ({ ...headOf(V1), version, hash: version.toString(16).padStart(64, '0') })

let world: World
beforeEach(() => {
  world = delegated()
})

describe('a head is answered at once', () => {
  it.each([
    ['T23 on a foreign topic', headOf(V3), '/pimesh/1/0000000000000000/ann', 'reject', 'wrongTopic'],
    ['T08 that is older', headOf(V1), TOPIC, 'ignore', 'oldVersion'],
    ['that lies about a hash that is held', { ...headOf(V2), version: 9 }, TOPIC, 'reject', 'malformed'],
    ['that is held', headOf(V2), TOPIC, 'ignore', undefined],
  ] as const)('%s', (_, head, topic, verdict, code) => {
    world.receive(V2)
    world.checks = 0
    world.verdicts()
    const ticket = world.hear('liar', head, topic)
    expect(world.verdicts()).toEqual(new Map([[ticket, verdict]]))
    expect(world.refusals.all()).toEqual(code === undefined ? {} : { [code]: 1 })
    expect([world.checks, world.asked(), world.held()]).toEqual([0, [], 'acme 2'])
  })
})

describe('a body', () => {
  it.each([
    ['T01 with a wrong signature', announcementOf({ version: 5, by: ['thief'] }), 'badSignature', 0],
    ['T03 with a path outside', announcementOf({ version: 5, releases: { 'x/y': releaseOf() } }), 'outsidePaths', 0],
    ['T23 of another mesh', announcementOf({ version: 5, mesh: 'ab'.repeat(32) }), 'foreignMesh', 0],
    ['T01 with a signature of other bytes', { ...V3, signatures: V2.signatures }, 'badSignature', 1],
  ] as const)('%s is refused, counted and told', (_, document, code, checks) => {
    world.receive(V1)
    world.take('event')
    world.checks = 0
    world.hello('liar', [], TARGETS)
    const ticket = world.hear('liar', document)
    world.answer({ liar: [document] })
    expect(world.verdicts().get(ticket)).toBe('reject')
    expect([world.checks, world.refusals.all()]).toEqual([checks, { [code]: 1 }])
    const { version } = document.signed
    expect(world.events('announcementRefused')).toEqual([
      { type: 'announcementRefused', code, role: 'acme', version, from: 'liar' },
    ])
    world.write()
    expect([world.held(), world.asked()]).toEqual(['acme 1', []])
  })

  it.each([
    ['a signature that other targets may want', announcementOf({ version: 5, by: ['second'] }), 'badSignature'],
    [
      'paths that other targets may allow',
      announcementOf({ version: 5, releases: { 'x/y': releaseOf() } }),
      'outsidePaths',
    ],
  ])('with %s is not taken, which counts, and no fault of who goes by others', (_, document, code) => {
    const others = targetsOf({
      version: 2,
      keys: ['second', 'publisher'],
      roles: [delegationOf({ by: ['second', 'publisher'], paths: ['acme/*', 'x/*'] })],
    })
    for (const told of [undefined, others]) {
      world = delegated()
      world.hello('honest', [], told)
      world.take('ask')
      const ticket = world.hear('honest', document)
      world.answer({ honest: [document] })
      expect([world.verdicts().get(ticket), world.refusals.all(), world.held()]).toEqual(['ignore', { [code]: 1 }, ''])
      expect(world.events('announcementRefused')).toEqual([])
    }
    world.delegate(others)
    world.at(world.now + limits.bodyRetry)
    world.answer({ honest: [document] })
    world.write()
    expect(world.held()).toBe('acme 5')
  })

  it('that is not what its head says costs no check', () => {
    const ticket = world.hear('liar', { ...headOf(V1), version: 8 })
    world.answer({ liar: [V1] })
    expect([world.verdicts().get(ticket), world.checks]).toEqual(['reject', 0])
    expect(world.refusals.all()).toEqual({ malformed: 1 })
    expect(world.take('persist')).toEqual([])
  })

  it('that a peer has not is asked of the next who told of it, and gossip waits for that', () => {
    const tickets = ['a', 'b', 'c'].map((peer) => world.hear(peer, V1))
    const asked: string[] = []
    for (const held of [[], undefined, [V1]]) {
      for (const ask of world.take('ask')) {
        asked.push(ask.peer)
        world.reply(ask, held)
      }
    }
    expect(asked).toEqual(['a', 'b', 'c'])
    world.write()
    expect([...world.verdicts()]).toEqual(tickets.map((ticket) => [ticket, 'accept']))
    expect(world.refusals.all()).toEqual({ bodyMissing: 2 })
  })

  it('that a peer did not give is not asked of it again for a while', () => {
    const ticket = world.hear('peer', V1)
    world.answer({ peer: [] })
    expect(world.verdicts().get(ticket)).toBe('ignore')
    world.hello('peer', [V1])
    world.hear('peer', V1)
    expect(world.asked()).toEqual([])
    expect(world.announcing.deadline()).toBe(world.now + 2 * limits.requestTimeout)
    world.at(world.now + 2 * limits.requestTimeout)
    expect(world.announcing.deadline()).toBe(1_000 + limits.bodyRetry)
    world.at(1_000 + limits.bodyRetry)
    expect(world.asked()).toEqual([`peer ${V1.hash}`])
  })

  it('that never comes ends the wait of gossip in time, whatever the driver says', () => {
    const first = world.hear('silent', V1)
    world.now += 100
    const second = world.hear('second', V1)
    world.at(1_000 + 2 * limits.requestTimeout - 1)
    expect(world.verdicts().size).toBe(0)
    world.at(1_000 + 2 * limits.requestTimeout)
    expect(world.verdicts()).toEqual(new Map([[first, 'ignore']]))
    expect(world.asked()).toEqual([`silent ${V1.hash}`, `second ${V1.hash}`])
    world.at(1_100 + 2 * limits.requestTimeout)
    expect(world.verdicts()).toEqual(new Map([[second, 'ignore']]))
  })

  it('is asked of those first that never failed with it, so that many liars do not hide the one who has it', () => {
    const liars = Array.from({ length: 8 }, (_, i) => `liar ${i}`)
    for (const peer of [...liars, 'honest']) world.hello(peer, [V1])
    const asked: string[] = []
    for (let ask = world.take('ask')[0]; ask !== undefined && ask.peer !== 'honest'; ask = world.take('ask')[0]) {
      asked.push(ask.peer)
      world.at(world.now + limits.requestTimeout) // the eight take twice as long as bodyRetry
      world.reply(ask, undefined)
    }
    expect(asked).toEqual(liars)
  })
})

describe('what a peer may cost', () => {
  it('is so many fetches a minute by heads that lead to nothing (T21)', () => {
    const flood = (from: number) => {
      for (let i = 0; i < 2 * limits.headsPerMinute; i++) {
        world.hear('flooder', fake(from + i))
        world.answer({ flooder: [] })
      }
    }
    flood(10)
    const { bodyMissing, tooOften } = world.refusals.all()
    expect([bodyMissing, tooOften]).toEqual([limits.headsPerMinute, limits.headsPerMinute])
    expect([...world.verdicts().values()].every((verdict) => verdict === 'ignore')).toBe(true)
    world.receive(V1, 'honest')
    expect(world.held()).toBe('acme 1')
    world.now += MINUTE
    flood(1_000)
    expect(world.refusals.all().bodyMissing).toBe(2 * limits.headsPerMinute)
  })

  it('also by vectors; one that tells the truth is not held back', () => {
    const names = Array.from({ length: limits.delegatedRoles }, (_, i) => `role-${i}`)
    world.delegate(targetsOf({ version: 2, roles: names.map((name) => delegationOf({ name })) }))
    const documents = names.map((role) => announcementOf({ role }))
    world.hello('liar', documents)
    let asked = 0
    for (let asks = world.take('ask'); asks.length > 0; asks = world.take('ask')) {
      expect(asks.length).toBeLessThanOrEqual(limits.bodiesPerPeer)
      asked += asks.length
      for (const ask of asks) world.reply(ask, [])
    }
    expect(asked).toBe(limits.headsPerMinute)
    world.hello('honest', documents)
    for (let asks = world.take('ask'); asks.length > 0; asks = world.take('ask')) {
      for (const ask of asks) world.reply(ask, documents)
      world.write()
    }
    expect(world.announcing.current()).toHaveLength(limits.delegatedRoles)
  })

  it('is bounded in every table', () => {
    for (let i = 0; i < 3_000; i++) {
      world.hear(`peer ${i}`, fake(10 + i))
      world.hello(`peer ${i}`, [V1, V2, V3])
    }
    expect(world.take('ask').length).toBeLessThanOrEqual(limits.bodiesAtOnce)
    expect(world.announcing.size).toBeLessThanOrEqual(limits.bodiesMissed)
    expect(world.checks).toBe(0)
  })

  it('is one question at a time for a role', () => {
    world.hear('peer', V1)
    world.hear('peer', V2)
    world.hear('peer', V3)
    expect(world.asked()).toEqual([`peer ${V1.hash}`])
  })
})

describe('T13 without gossip', () => {
  it('a hello delivers, and what was told earlier is fetched without another one', () => {
    world.hello('peer', [V1])
    expect(world.asked()).toEqual([`peer ${V1.hash}`])
    world.hello('other', [V2])
    world.answer({ other: [V2] })
    world.write()
    expect(world.held()).toBe('acme 2')
  })

  it('a role that is busy with a peer is looked at again when that ends', () => {
    world.hear('peer', V1)
    world.hello('peer', [V3])
    world.answer({ peer: [V1] })
    expect(world.asked()).toEqual([`peer ${V3.hash}`])
  })

  it('a peer that left is not asked', () => {
    world.hello('a', [V1])
    world.hello('b', [V1])
    world.announcing.unlinked('b')
    world.answer({ a: undefined })
    expect(world.asked()).toEqual([])
  })
})
