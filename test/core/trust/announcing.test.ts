import { beforeEach, describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { headOf } from '../../../src/core/trust/registers.ts'
import { announcementOf, delegationOf, NOW, releaseOf, rootOf, signRoot, targetsOf } from '../../fixtures/documents.ts'
import { A, C, delegated, TARGETS, TOPIC, V1, V2, V3, World } from './announcing-world.ts'

let world: World
beforeEach(() => {
  world = delegated()
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
          { type: 'pathFloor', floor: { role: 'acme', epoch: 1, path: 'acme/agent', counter: 1, artifact } },
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
      {
        role,
        document: V1,
        rival: undefined,
        frozen: false,
        expiry: 'unknown',
        expired: false,
        unsure: true,
        stale: false,
      },
    ])
    expect(world.announcing.pathFloors()).toEqual([
      { role: 'acme', epoch: 1, path: 'acme/agent', counter: 1, artifact },
    ])
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

  it('is told to be expired only when a root was issued after its end', () => {
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
    expect(world.counter()).toBe(5)
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
    expect([...world.verdicts().values()]).toEqual(['ignore'])
  })

  it('that drop a role while its rival is being written leave nothing on the disk', () => {
    world.receive(A)
    world.hear('peer', C)
    world.offerTargets(targetsOf({ version: 2, roles: [] }))
    world.answer({ peer: [C] })
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
    expect(world.announcing.releases()).toEqual(V1.signed.releases)
    world.self.root = root
    world.targets.rootChanged()
    world.announcing.targetsChanged(world.now)
    expect(world.held()).toBe('acme 1')
  })

  it('that give a role a new epoch keep its releases, across a restart, until it signs again; none is acted upon', () => {
    world.receive(V2)
    const [release] = V2.signed.releases
    world.delegate(targetsOf({ version: 2, roles: [delegationOf({ epoch: 2 })] }))
    for (const it of [world, new World({ saved: world.saved() })]) {
      expect(it.announcing.releases()).toEqual([release])
      expect([it.announcing.current(), it.announcing.vector().heads, it.announcing.body(V2.hash)]).toEqual([
        [],
        [],
        undefined,
      ])
      it.receive(announcementOf({ epoch: 2, releases: { 'acme/agent': releaseOf({ counter: 9 }) } }))
      expect(it.announcing.releases()).toMatchObject([{ counter: 9 }])
    }
    expect(new World({ saved: world.saved() }).announcing.releases()).toMatchObject([{ counter: 9 }])
  })

  it('T04 a new epoch forgets the counters of a stolen key, on the disk as well', () => {
    const of = (counter: number, epoch: number) =>
      announcementOf({ epoch, version: 3 - epoch, releases: { 'acme/agent': releaseOf({ counter }) } })
    world.receive(of(2 ** 31 - 1, 1))
    world.delegate(targetsOf({ version: 2, roles: [delegationOf({ epoch: 2 })] }))
    expect(world.announcing.pathFloors()).toEqual([])
    world.receive(of(5, 2))
    expect([world.counter(), new World({ saved: world.saved() }).counter()]).toEqual([5, 5])
    expect(world.saved().pathFloors).toMatchObject([{ role: 'acme', epoch: 2, counter: 5 }])
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
    const refused = [...world.submissions().values()]
    expect(refused).toEqual(Array.from({ length: limits.bodiesQueued - 1 }, () => 'tooOften'))
    world.write()
    expect(world.announcing.size).toBeLessThanOrEqual(limits.bodiesQueued)
  })
})

describe('targets that are handed in by themselves', () => {
  const next = targetsOf({ version: 2 })

  it('are answered once they are in force', () => {
    const ticket = world.handInTargets(next)
    expect([world.submissions().size, world.targets.current]).toEqual([0, TARGETS])
    world.write()
    expect(world.submissions()).toEqual(new Map([[ticket, undefined]]))
    expect(world.targets.current).toBe(next)
    const again = world.handInTargets(next)
    expect(world.submissions()).toEqual(new Map([[again, undefined]]))
  })

  it('are refused, and change nothing, when they are older or not signed by the root', () => {
    world.delegate(next)
    const before = world.saved()
    const tickets = [TARGETS, targetsOf({ version: 3, by: ['thief'] })].map((targets) => world.handInTargets(targets))
    world.write()
    const [old, stolen] = tickets as [number, number]
    expect(world.submissions()).toEqual(new Map([[old, 'oldVersion'] as const, [stolen, 'badSignature'] as const]))
    expect([world.targets.current, world.saved()]).toEqual([next, before])
  })

  it('that cannot be written are refused', () => {
    const ticket = world.handInTargets(next)
    world.failToWrite()
    expect(world.submissions()).toEqual(new Map([[ticket, 'diskFailed']]))
    expect(world.targets.current).toBe(TARGETS)
  })

  it('are some of few that wait', () => {
    for (let i = 0; i < 2 * limits.bodiesQueued; i++) world.handInTargets(targetsOf({ version: 10 + i }))
    expect(new Set(world.submissions().values())).toEqual(new Set(['tooOften']))
    expect(world.announcing.size).toBeLessThanOrEqual(limits.bodiesQueued)
  })
})
