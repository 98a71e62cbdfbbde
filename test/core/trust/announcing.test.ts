import { beforeEach, describe, expect, it } from 'vitest'
import { limits, MINUTE } from '../../../src/core/limits.ts'
import type { AnnouncementDocument } from '../../../src/core/trust/announcement.ts'
import { headOf } from '../../../src/core/trust/registers.ts'
import { announcementOf, delegationOf, NOW, releaseOf, rootOf, signRoot, targetsOf } from '../../fixtures/documents.ts'
import { EMPTY, TOPIC, World } from './announcing-world.ts'

const TARGETS = targetsOf()
const [V1, V2, V3] = [1, 2, 3].map((version) => announcementOf({ version })) as [
  AnnouncementDocument,
  AnnouncementDocument,
  AnnouncementDocument,
]
/** Three announcements of version 4, the lowest hash first. */
const [A, B, C] = [1, 2, 3]
  .map((days) => announcementOf({ version: 4, expires: NOW + days * 86_400_000 }))
  .sort((a, b) => (a.hash < b.hash ? -1 : 1)) as [AnnouncementDocument, AnnouncementDocument, AnnouncementDocument]
const fake = (version: number, hash = version.toString(16).padStart(64, '0')) => ({ ...headOf(V1), version, hash })

let world: World
beforeEach(() => {
  world = new World().delegate(TARGETS)
  for (const type of ['event', 'ask'] as const) world.take(type)
  world.changes = 0
  world.checks = 0
})

describe('an announcement', () => {
  it('is fetched by its head, written with its floors, and only then in force, passed on and announced', () => {
    const head = world.hear('peer', V1)
    world.answer({ peer: [V1] })
    const batches = world.take('persist')
    const artifact = V1.signed.releases[0]?.artifact.hash
    expect(batches).toEqual([
      {
        type: 'persist',
        ticket: batches[0]?.ticket,
        sync: true,
        changes: [
          { type: 'announcement', side: 'held', announcement: V1 },
          { type: 'roleFloor', floor: { role: 'acme', epoch: 1, version: 1 } },
          { type: 'pathFloor', floor: { path: 'acme/agent', counter: 1, artifact } },
        ],
      },
    ])
    const before = [world.announcing.current(), world.announcing.vector().heads, world.announcing.pathFloors()]
    expect(before).toEqual([[], [], []])
    expect([world.announcing.body(V1.hash), world.verdicts().size, world.take('publishHead')]).toEqual([
      undefined,
      0,
      [],
    ])
    world.announcing.persisted(batches[0]?.ticket as number, world.now)
    world.settle()
    expect(world.verdicts()).toEqual(new Map([[head, 'accept']]))
    expect(world.announcing.body(V1.hash)).toBe(V1)
    expect(world.announcing.vector()).toEqual({
      targetsVersion: 1,
      targetsHash: TARGETS.hash,
      heads: [{ ...headOf(V1), rival: undefined }],
    })
    const role = TARGETS.signed.roles[0]
    expect(world.announcing.current()).toEqual([
      { role, document: V1, rival: undefined, frozen: false, expired: false },
    ])
    expect(world.announcing.pathFloor('acme/agent')).toEqual({ path: 'acme/agent', counter: 1, artifact })
    expect(world.take('publishHead')).toEqual([{ type: 'publishHead', topic: TOPIC, head: headOf(V1) }])
    expect(world.events('announced')).toEqual([{ type: 'announced', role: 'acme', epoch: 1, version: 1, from: 'peer' }])
  })

  it('is asked of one peer only, however many tell of it', () => {
    world.hear('peer', V1)
    expect(world.asked()).toEqual([`peer ${V1.hash}`])
    world.hear('other', V1)
    world.hello('peer', [V1])
    expect([world.asked(), world.verdicts().size]).toEqual([[], 0])
  })

  it('that was not asked for is ignored, also beside one that was', () => {
    expect(world.announcing.arrived(77, 'peer', [V1], world.now)).toBe(false)
    world.hear('peer', V1)
    world.answer({ peer: [V2, V1, V3] })
    world.write()
    expect(world.held()).toBe('acme 1')
    expect(world.take('ask')).toEqual([])
  })

  it('is not in force when it cannot be written, and is tried again after a while', () => {
    const ticket = world.hear('peer', V1)
    world.answer({ peer: [V1] })
    world.failToWrite()
    expect(world.verdicts().get(ticket)).toBe('ignore')
    expect([world.held(), world.announcing.pathFloors(), world.asked()]).toEqual(['', [], []])
    const meanwhile = world.hear('peer', V2)
    expect(world.verdicts().get(meanwhile)).toBe('ignore')
    expect(world.announcing.deadline()).toBe(world.now + limits.diskRetry)
    world.at(world.now + limits.diskRetry)
    world.answer({ peer: [V1, V2] })
    world.write()
    expect(world.held()).toBe('acme 2')
  })

  it('waits while another of its role is being written, and is judged then', () => {
    world.hear('a', V1)
    world.hear('b', V3)
    const late = world.hear('c', V2)
    world.answer({ a: [V1], b: [V3], c: [V2] })
    world.write()
    expect(world.held()).toBe('acme 3')
    expect(world.verdicts().get(late)).toBe('ignore')
    expect(world.events('refused')).toEqual([])
  })

  it('of many roles is written in few batches', () => {
    const names = ['one', 'two', 'three']
    world.delegate(targetsOf({ version: 2, roles: names.map((name) => delegationOf({ name })) }))
    for (const role of names) world.hear(role, announcementOf({ role, version: 2 }))
    world.answer(Object.fromEntries(names.map((role) => [role, [announcementOf({ role, version: 2 })]])))
    const first = world.take('persist')
    expect(first).toHaveLength(1)
    world.announcing.persisted(first[0]?.ticket as number, world.now)
    world.settle()
    expect(world.take('persist')).toHaveLength(1)
  })

  it('is told to be expired only when the newest root was issued after its end', () => {
    const early = announcementOf({ version: 5, expires: NOW - 1_000 })
    world.receive(early)
    expect(world.announcing.current()[0]?.expired).toBe(true)
    world.receive(announcementOf({ version: 6, expires: NOW }))
    expect(world.announcing.current()[0]?.expired).toBe(false)
    world.self.root = signRoot({ ...rootOf({ version: 2 }), issued: NOW + 1_000 }, ['root'])
    expect(world.announcing.current()[0]?.expired).toBe(true)
  })

  it('with a lower counter is held, and the floor of its path stays', () => {
    const of = (version: number, counter: number) =>
      announcementOf({ version, releases: { 'acme/agent': releaseOf({ counter }) } })
    world.receive(of(1, 5))
    world.receive(of(2, 3))
    expect(world.held()).toBe('acme 2')
    expect(world.announcing.pathFloor('acme/agent')?.counter).toBe(5)
  })
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

describe('T24 equivocation', () => {
  it('freezes the role, keeps both sides on disk and tells of both', () => {
    world.receive(B)
    expect(world.take('publishHead').map(({ head }) => head)).toEqual([headOf(B)])
    world.take('event')
    world.receive(A)
    expect(world.held()).toBe('acme 4 frozen')
    expect(world.announcing.current()[0]).toMatchObject({ document: A, rival: B })
    expect(world.take('publishHead').map(({ head }) => head)).toEqual([headOf(A), headOf(B)])
    expect(world.take('event').map(({ event }) => event)).toEqual([
      { type: 'equivocation', role: 'acme', epoch: 1, version: 4 },
    ])
    expect(world.announcing.vector().heads).toEqual([{ ...headOf(A), rival: B.hash }])
    expect([world.announcing.body(A.hash), world.announcing.body(B.hash)]).toEqual([A, B])
    expect(world.saved().announcements).toEqual([
      { side: 'held', announcement: A },
      { side: 'rival', announcement: B },
    ])
  })

  it.each([[[A, B, C]], [[C, B, A]], [[B, C, A]], [[C, A, B]]])(
    'with a third variant ends in one state, on disk too (%#)',
    (order) => {
      for (const document of order) world.receive(document)
      expect(world.announcing.current()[0]).toMatchObject({ document: A, rival: B, frozen: true })
      expect(world.events('equivocation')).toHaveLength(1)
      const restarted = new World({ saved: world.saved() })
      expect(restarted.announcing.current()[0]).toMatchObject({ document: A, rival: B, frozen: true })
      expect(restarted.take('persist')).toEqual([])
    },
  )

  it('ends with a higher version; the disk forgets the rival', () => {
    for (const document of [A, B, announcementOf({ version: 5 })]) world.receive(document)
    expect(world.held()).toBe('acme 5')
    expect(world.saved().announcements.map(({ side }) => side)).toEqual(['held'])
  })

  it('spreads by vectors alone', () => {
    world.receive(B)
    const other = new World().delegate(TARGETS)
    other.receive(A)
    other.receive(C)
    world.announcing.offered('other', other.announcing.vector(), world.now)
    world.settle()
    for (let asks = world.take('ask'); asks.length > 0; asks = world.take('ask')) {
      for (const ask of asks) world.reply(ask, [A, C])
      world.write()
    }
    expect(world.announcing.current()[0]).toMatchObject({ document: A, rival: B })
    other.announcing.offered('world', world.announcing.vector(), other.now)
    other.settle()
    other.answer({ world: [A, B] })
    other.write()
    expect(other.announcing.vector()).toEqual(world.announcing.vector())
  })

  it('raises the floors of paths by both sides', () => {
    const of = (counter: number) => announcementOf({ version: 4, releases: { 'acme/agent': releaseOf({ counter }) } })
    for (const order of [
      [of(3), of(7)],
      [of(7), of(3)],
    ]) {
      const fresh = new World().delegate(TARGETS)
      for (const document of order) fresh.receive(document)
      expect(fresh.announcing.pathFloor('acme/agent')?.counter).toBe(7)
    }
  })
})

describe('T08 rollback', () => {
  it('is refused after a restart', () => {
    for (const document of [V1, V2]) world.receive(document)
    const restarted = new World({ saved: world.saved() })
    expect(restarted.held()).toBe('acme 2')
    const heard = restarted.hear('peer', V1)
    expect(restarted.verdicts().get(heard)).toBe('ignore')
    restarted.hello('peer', [V1])
    expect([restarted.asked(), restarted.refusals.all()]).toEqual([[], { oldVersion: 1 }])
    const ticket = restarted.submit(V1)
    expect(restarted.submissions().get(ticket)).toBe('oldVersion')
  })

  it('is refused when the cache was wiped and the floors stayed, and what was held comes back', () => {
    for (const document of [V1, V2]) world.receive(document)
    const saved = { ...world.saved(), announcements: [] }
    const wiped = new World({ saved })
    wiped.hello('peer', [V1])
    expect([wiped.held(), wiped.asked()]).toEqual(['', []])
    const ticket = wiped.submit(V1)
    expect(wiped.submissions().get(ticket)).toBe('oldVersion')
    wiped.hello('other', [V2])
    wiped.answer({ other: [V2] })
    wiped.write()
    expect([wiped.held(), wiped.announcing.pathFloor('acme/agent')?.counter]).toEqual(['acme 2', 1])
  })

  it('by older documents on the disk is dropped, and the disk corrected', () => {
    world.receive(V2)
    const { roleFloors, pathFloors } = world.saved()
    const saved = {
      targets: TARGETS,
      announcements: [{ side: 'held' as const, announcement: V1 }],
      roleFloors,
      pathFloors,
    }
    const restarted = new World({ saved })
    expect(restarted.held()).toBe('')
    restarted.write()
    expect(restarted.saved().announcements).toEqual([])
  })

  it('by an altered document on the disk does not count', () => {
    const forged = announcementOf({ version: 9, by: ['thief'] })
    const saved = { ...EMPTY, targets: TARGETS, announcements: [{ side: 'held' as const, announcement: forged }] }
    expect(new World({ saved }).held()).toBe('')
  })

  it('T30 a crash between writing and its outcome leaves the old or the new state', () => {
    world.receive(V1)
    world.hear('peer', V2)
    world.answer({ peer: [V2] })
    const before = new World({ saved: world.saved() })
    expect([before.held(), world.held()]).toEqual(['acme 1', 'acme 1'])
    world.write()
    expect(new World({ saved: world.saved() }).held()).toBe('acme 2')
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

describe('targets', () => {
  const fresh = targetsOf({ version: 2, roles: [delegationOf(), delegationOf({ name: 'tools', paths: ['tools/*'] })] })
  const tool = announcementOf({ role: 'tools', releases: { 'tools/probe': releaseOf() } })

  it('that arrive after announcements let them in, without another hello', () => {
    world = new World()
    world.hello('peer', [V1], TARGETS)
    expect(world.asked()).toEqual(['peer targets'])
    world.delegate(TARGETS)
    expect(world.asked()).toEqual([`peer ${V1.hash}`])
  })

  it('are asked of who tells of an unknown role, and gossip waits', () => {
    const head = world.hear('peer', tool)
    world.hear('other', tool)
    expect(world.verdicts().size).toBe(0)
    world.answer({ peer: [fresh] })
    world.write()
    world.answer({ peer: [tool] })
    world.write()
    expect([world.held(), world.verdicts().get(head)]).toEqual(['tools 1', 'accept'])
  })

  it.each([
    ['has none', []],
    ['has the same', [TARGETS]],
    ['is silent', undefined],
  ])('that nobody has end the wait at once: who told of the role %s', (_, held) => {
    const tickets = [world.hear('peer', tool), world.hear('peer', { ...headOf(V1), epoch: 2 })]
    world.answer({ peer: held })
    expect([...world.verdicts()]).toEqual(tickets.map((ticket) => [ticket, 'ignore']))
    expect(world.refusals.all()).toEqual({ unknownRole: 1, wrongEpoch: 1 })
  })

  it('that drop a role drop its announcement, not its floor', () => {
    world.receive(V2)
    const before = world.changes
    world.delegate(targetsOf({ version: 2, roles: [] }))
    expect([world.held(), world.announcing.vector().heads, world.announcing.body(V2.hash)]).toEqual(['', [], undefined])
    expect(world.changes).toBe(before + 1)
    expect(world.saved()).toMatchObject({ announcements: [], roleFloors: [{ role: 'acme', epoch: 1, version: 2 }] })
    world.delegate(targetsOf({ version: 3 }))
    expect(world.asked()).toEqual([`peer ${V2.hash}`])
    world.hello('peer', [V1])
    expect(world.asked()).toEqual([])
  })

  it('that come in force while an announcement is being written decide about it', () => {
    world.hear('peer', V2)
    world.answer({ peer: [V2] })
    const [batch] = world.take('persist')
    world.delegate(targetsOf({ version: 2, roles: [delegationOf({ by: ['second'] })], keys: ['second'] }))
    world.announcing.persisted(batch?.ticket as number, world.now)
    world.settle()
    expect([world.held(), world.take('publishHead'), world.events('announced')]).toEqual(['', [], []])
    expect([...world.verdicts().values()]).toEqual(['reject'])
  })

  it('that drop a role while its rival is being written leave nothing on the disk', () => {
    world.receive(A)
    world.hear('peer', C)
    world.answer({ peer: [C] })
    world.offerTargets(targetsOf({ version: 2, roles: [] }))
    world.write()
    expect([world.held(), world.saved().announcements]).toEqual(['', []])
  })

  it('a root that does not cover them puts nothing in force, and loses nothing', () => {
    world.receive(V1)
    const { root } = world.self
    world.self.root = signRoot(rootOf({ version: 2, root: ['root'], enrol: ['other'] }), ['root'])
    Object.assign(world.self.root.signed.roles.targets, { keyIds: [] })
    world.targets.rootChanged()
    world.announcing.targetsChanged(world.now)
    world.settle()
    expect([world.held(), world.announcing.vector()]).toEqual([
      '',
      { targetsVersion: 0, targetsHash: undefined, heads: [] },
    ])
    world.self.root = root
    world.targets.rootChanged()
    world.announcing.targetsChanged(world.now)
    expect(world.held()).toBe('acme 1')
  })

  it('T04 a new epoch lets version 1 in below a stolen 2147483647', () => {
    world.receive(announcementOf({ version: 2 ** 31 - 1 }))
    world.delegate(targetsOf({ version: 2, roles: [delegationOf({ epoch: 2 })] }))
    world.receive(announcementOf({ epoch: 2, version: 1 }))
    expect(world.held()).toBe('acme 1')
  })
})

describe('a submission', () => {
  it('is answered once it is in force, with what came with it', () => {
    const ticket = world.submit(V1)
    expect([world.submissions().size, world.imported]).toEqual([0, []])
    world.write()
    expect(world.submissions()).toEqual(new Map([[ticket, undefined]]))
    expect(world.imported).toEqual([V1.signed.releases[0]?.encodings[0]?.hash])
    expect(world.events('announced')).toMatchObject([{ from: undefined }])
    expect(world.take('publishHead')).toHaveLength(1)
    const again = world.submit(V1)
    expect(world.submissions()).toEqual(new Map([[again, undefined]]))
  })

  it('brings its targets first', () => {
    world = new World()
    const ticket = world.submit(V1, TARGETS)
    expect(world.disk.size + world.submissions().size).toBe(0)
    world.write()
    expect([...world.disk.keys()][0]).toBe('targets')
    expect([world.submissions(), world.held()]).toEqual([new Map([[ticket, undefined]]), 'acme 1'])
  })

  it('with older targets is judged under ours', () => {
    world.delegate(targetsOf({ version: 2 }))
    const ticket = world.submit(V1, TARGETS)
    world.write()
    expect(world.submissions()).toEqual(new Map([[ticket, undefined]]))
  })

  it.each([
    ['an older version', announcementOf({ version: 1 }), undefined, 'oldVersion'],
    [
      'another announcement of a version that is taken',
      announcementOf({ version: 2, expires: NOW }),
      undefined,
      'oldVersion',
    ],
    ['a key that is not in the role', announcementOf({ version: 5, by: ['thief'] }), undefined, 'badSignature'],
    [
      'a path outside the role',
      announcementOf({ version: 5, releases: { 'x/y': releaseOf() } }),
      undefined,
      'outsidePaths',
    ],
    ['an unknown role', announcementOf({ role: 'unknown' }), undefined, 'unknownRole'],
    ['another mesh', announcementOf({ version: 5, mesh: 'ab'.repeat(32) }), undefined, 'foreignMesh'],
    ['targets that the root did not sign', V3, targetsOf({ version: 5, by: ['thief'] }), 'badSignature'],
  ])('with %s is refused and changes nothing', (_, document, targets, code) => {
    world.receive(V2)
    const before = world.saved()
    const ticket = world.submit(document, targets)
    expect(world.submissions()).toEqual(new Map([[ticket, code]]))
    world.write()
    expect([world.saved(), world.held(), world.imported]).toEqual([before, 'acme 2', []])
  })

  it('that cannot be written is refused, with its targets or without', () => {
    const ticket = world.submit(V1)
    world.failToWrite()
    expect(world.submissions()).toEqual(new Map([[ticket, 'diskFailed']]))
    const other = world.submit(V1, targetsOf({ version: 2 }))
    world.failToWrite()
    expect(world.submissions()).toEqual(new Map([[other, 'diskFailed']]))
    expect([world.held(), world.imported]).toEqual(['', []])
  })

  it('is one of few that wait', () => {
    for (let i = 0; i < 2 * limits.bodiesQueued; i++) world.submit(announcementOf({ version: 10 + i }))
    expect([...world.submissions().values()].every((code) => code === 'tooOften')).toBe(true)
    world.write()
    expect(world.announcing.size).toBeLessThanOrEqual(limits.bodiesQueued)
  })
})
