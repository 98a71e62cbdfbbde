// T24: a publisher, or who has its keys, signs two announcements as one version, and different nodes are told of different ones. All
// nodes end with both, agree which one wins, say so, and install nothing of that role until it signs a higher version. One
// announcement with other valid signatures is still the same announcement.
import { setTimeout as after } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fullBits } from '../../src/core/swarm/bitfield.ts'
import type { AnnouncementDocument } from '../../src/core/trust/announcement.ts'
import { paths } from '../../src/daemon/folder.ts'
import { openLevelStore } from '../../src/store/level.ts'
import { delegationOf } from '../fixtures/documents.ts'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import { Hostile } from './hostile.ts'
import type { Lane } from './lane.ts'
import {
  announce,
  artifactOf,
  head,
  holdings,
  holds,
  installed,
  PATH,
  publish,
  reaches,
  releaseAt,
  releaseFor,
  targetsFor,
  textOf,
} from './publishing.ts'

const old = artifactOf('old')
const next = artifactOf('next')
/** Any one of two keys signs for `acme`; `calm` is another role. */
const roles = [
  delegationOf({ by: ['publisher', 'second'] }),
  delegationOf({ name: 'calm', by: ['calm'], paths: ['calm/*'] }),
]
const keys = ['publisher', 'second', 'calm']
/** After so many ms gossip offers a message to nobody any more: what is told then, hellos tell. */
const FORGOTTEN = 5_000

let fleet: Fleet
let members: Member[]
let hostile: Hostile
/** Of one version; the winner first. */
let twins: AnnouncementDocument[]
let saidAt: number

beforeAll(async () => {
  fleet = await Fleet.create()
  const a = await fleet.found('a')
  const b = await fleet.add('b', a)
  const c = await fleet.add('c', b)
  members = [a, b, c]
  await fleet.join('hostile', fleet.token({ through: [a] }))
  hostile = await Hostile.start(fleet.data('hostile'))
  for (const member of members) await hostile.dial(member)
  hostile.tricks.pieceLists = new Map([[next.encoding.pieceList, next.list]])
  const document = announce(fleet, { releases: { [PATH]: releaseFor(old) } })
  await publish(a, document, { targets: targetsFor(fleet, { roles, keys }), artifacts: [old] })
  for (const member of members) await reaches(member, 'committed', 1)
})
afterAll(closeFleets)

function tell(document: AnnouncementDocument, ...to: Member[]): Promise<unknown> {
  hostile.tricks.bodies = new Map(hostile.tricks.bodies).set(document.hash, document.raw)
  return Promise.all(to.map((member) => hostile.sayHead(member, head(document))))
}

async function roleAt(member: Member, role = 'acme') {
  return (await member.api.publishers()).roles.find((one) => one.role === role)
}

/** Both documents are served, in whatever order they came. */
async function servesBoth(member: Member, both: readonly AnnouncementDocument[]): Promise<boolean> {
  const body = { type: 'announcements' as const, hashes: both.map(({ hash }) => hash) }
  const answer = await hostile.ask(member, { protocol: 'sync', body })
  return answer.protocol === 'sync' && answer.body.announcements.length === both.length
}

/** Resolves when the release of the winner is not gone on with, however far it had come before the other was heard of. */
async function waits(member: Member): Promise<void> {
  const here = async () => (await releaseAt(member))?.here
  await until('a frozen release', async () => (await here())?.reason === 'frozen', here)
  expect(await here()).toMatchObject({ state: expect.stringMatching(/^(announced|fetching)$/), bytes: 0 })
}

/** The stream of pieces with a member, whoever opened it. */
async function laneWith(member: Member): Promise<Lane | undefined> {
  const open = hostile.lanes.find(({ peer, isOpen }) => peer === member.id && isOpen)
  return open ?? hostile.lane(member).catch(() => undefined)
}

test('T24 other valid signatures of one announcement are no equivocation', async () => {
  const [one, other, both] = [['publisher'], ['second'], ['publisher', 'second']].map((by) =>
    announce(fleet, { version: 2, by, releases: { [PATH]: releaseFor(old) } }),
  ) as [AnnouncementDocument, AnnouncementDocument, AnnouncementDocument]
  expect(new Set([one, other, both].map(({ hash }) => hash)).size).toBe(1)
  await publish(members[0]!, one)
  await publish(members[1]!, both)
  await publish(members[2]!, other)
  for (const member of members) {
    await until('version 2', async () => (await roleAt(member))?.version === 2)
    for (const document of [one, other, both]) await publish(member, document)
    expect(await roleAt(member)).toMatchObject({ version: 2, frozen: false })
    expect(member.logged('equivocation')).toEqual([])
    expect((await member.status()).refusals).not.toMatchObject({ oldVersion: expect.anything() })
  }
})

test('T24 a machine of the publisher does not let it split its own role', async () => {
  const [a] = members as [Member]
  const before = await holdings(a)
  const twin = announce(fleet, { version: 2, releases: { [PATH]: releaseFor(old, { version: '1.0.1' }) } })
  await expect(publish(a, twin)).rejects.toMatchObject({
    code: 'E_ANNOUNCEMENT',
    message: expect.stringContaining('oldVersion'),
  })
  expect(await holdings(a)).toEqual(before)
  expect(await roleAt(a)).toMatchObject({ version: 2, frozen: false })
})

test('T24 two announcements of one version: one winner everywhere, both kept, and said', async () => {
  const [a, b, c] = members as [Member, Member, Member]
  twins = ['3.0.0', '3.0.1', '3.0.2'].map((version) =>
    announce(fleet, { version: 3, releases: { [PATH]: releaseFor(next, { counter: 2, version }) } }),
  )
  twins.sort((one, other) => (one.hash < other.hash ? -1 : 1))
  const [winner, rival, third] = twins as [AnnouncementDocument, AnnouncementDocument, AnnouncementDocument]
  // One has begun with what wins when it hears of the others.
  await tell(winner, c)
  await until('a release that is begun', async () => (await releaseAt(c))?.here?.state === 'fetching')
  await Promise.all([tell(third, a), tell(rival, b)])
  for (const member of members) {
    await until(
      'both',
      () => servesBoth(member, [winner, rival]),
      () => roleAt(member),
    )
    await until('the winner', async () => (await roleAt(member))?.announcement === textOf(winner))
    expect(await roleAt(member)).toMatchObject({ version: 3, frozen: true })
    expect(await releaseAt(member)).toMatchObject({ version: winner.signed.releases[0]?.version, frozen: true })
    await until('an event', () => member.logged('equivocation').length > 0)
    expect(member.logged('equivocation')).toEqual([
      expect.stringMatching(
        /^two different announcements are signed as version 3 of acme \(epoch 1\): nothing of this/,
      ),
    ])
    const { events } = await member.api.events()
    expect(events.filter(({ type }) => type === 'equivocation')).toHaveLength(1)
    await expect(publish(member, third)).rejects.toMatchObject({ code: 'E_ANNOUNCEMENT' })
  }
  saidAt = performance.now()
})

test('T24 nothing of that role is installed, also after a restart, and the other roles go on', async () => {
  for (const member of members) await waits(member)
  const [a] = members as [Member]
  const tool = artifactOf('tool')
  const other = announce(fleet, { role: 'calm', by: ['calm'], releases: { 'calm/tool': releaseFor(tool) } })
  await publish(a, other, { artifacts: [tool] })
  for (const member of members) await reaches(member, 'committed', 1, 'calm/tool')

  await a.stop()
  const store = await openLevelStore(paths(a.data).db)
  const kept = (await store.entries('announcement/')).map(({ key }) => key)
  await store.close()
  expect(kept).toEqual(['announcement/held/acme', 'announcement/held/calm', 'announcement/rival/acme'])
  await a.start()
  await hostile.dial(a)
  expect(await roleAt(a)).toMatchObject({ version: 3, frozen: true })

  // The bytes are to be had, and nobody wants them.
  for (const member of members) {
    const lane = await until('a stream of pieces', () => laneWith(member))
    lane.say({ type: 'bitfield', encoding: next.encoding.hash, bits: fullBits(1), wants: true })
    await hostile.settle(member)
    await waits(member)
    expect(await installed(member)).toBe(old.hash)
    const ofNext = lane.heard.filter((said) => 'encoding' in said && said.encoding === next.encoding.hash)
    expect(ofNext.filter(({ type }) => type === 'request')).toEqual([])
    const told = ofNext.findLast((said) => said.type === 'bitfield')
    expect(told?.wants ?? false, 'what it said last of what it wants').toBe(false)
    lane.close()
  }
})

test('T24 who comes later holds both as well, and installs neither', async () => {
  await after(Math.max(0, saidAt + FORGOTTEN - performance.now()))
  const d = await fleet.add('d', members[0]!)
  await hostile.dial(d)
  await until(
    'both',
    () => servesBoth(d, twins.slice(0, 2)),
    () => roleAt(d),
  )
  expect(await roleAt(d)).toMatchObject({ version: 3, frozen: true, announcement: textOf(twins[0]!) })
  await waits(d)
  expect(await installed(d)).toBeUndefined()
  await d.stop()
})

test('T24 a higher version ends it', async () => {
  const [a] = members as [Member]
  const document = announce(fleet, { version: 4, releases: { [PATH]: releaseFor(next, { counter: 3 }) } })
  await publish(a, document, { artifacts: [next] })
  for (const member of members) {
    await holds(member, document)
    await reaches(member, 'committed', 3)
    expect(await installed(member)).toBe(next.hash)
    expect(await roleAt(member)).toMatchObject({ version: 4, frozen: false })
  }
  const [first, ...others] = await Promise.all(members.map(holdings))
  for (const other of others) expect(other).toEqual(first)
})
