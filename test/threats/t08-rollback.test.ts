// T08: every older signed announcement is said again: on gossip, in hellos, as the body of a newer head, and handed in on the spot;
// as the node runs, after a restart, and after its cache of announcements is wiped while nobody gives it the newest one. The
// floors hold, and what is installed stays, also when a newer announcement names an older release.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AnnouncementDocument } from '../../src/core/trust/announcement.ts'
import { paths } from '../../src/daemon/folder.ts'
import { openLevelStore } from '../../src/store/level.ts'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import { Hostile } from './hostile.ts'
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
} from './publishing.ts'

const COUNTERS = [1, 2, 3]
const artifacts = COUNTERS.map((counter) => artifactOf(`release ${counter}`))
const newestArtifact = artifacts.at(-1)!

let fleet: Fleet
/** The publisher's machine, and who is attacked. */
let publisher: Member
let member: Member
let hostile: Hostile
/** Signed one after the other; the last one is in force. */
let documents: AnnouncementDocument[]
let newest: AnnouncementDocument

beforeAll(async () => {
  fleet = await Fleet.create()
  publisher = await fleet.found('publisher')
  member = await fleet.add('member', publisher)
  await fleet.join('hostile', fleet.token({ through: [member] }))
  hostile = await Hostile.start(fleet.data('hostile'))
  await hostile.dial(member)
  const targets = targetsFor(fleet, { version: 5 })
  documents = artifacts.map((artifact, i) => {
    const counter = i + 1
    return announce(fleet, { version: counter, releases: { [PATH]: releaseFor(artifact, { counter }) } })
  })
  for (const [i, document] of documents.entries()) {
    await publish(publisher, document, { targets, artifacts: artifacts.slice(i, i + 1) })
    await reaches(member, 'committed', i + 1)
  }
  newest = documents.at(-1)!
  hostile.tricks.bodies = new Map(documents.map(({ hash, raw }) => [hash, raw]))
})
afterAll(closeFleets)

const older = () => documents.slice(0, -1)

/** Says each older announcement in every way there is; `held`: what the member then still holds of the role. */
async function replay(held: readonly AnnouncementDocument[]): Promise<void> {
  const before = await holdings(member)
  for (const document of older()) {
    const refusals = await member.refused('oldVersion')
    const asked = hostile.asked.length
    await hostile.sayHead(member, head(document))
    await until('a refusal', async () => (await member.refused('oldVersion')) > refusals)
    const entry = { ...head(document), rival: undefined }
    hostile.tricks.vector = { targetsVersion: 0, targetsHash: undefined, heads: [entry] }
    await hostile.greet(member)
    await hostile.barrier(member)
    delete hostile.tricks.vector
    expect(hostile.asked.slice(asked)).toEqual([])

    await expect(publish(member, document)).rejects.toMatchObject({
      code: 'E_ANNOUNCEMENT',
      message: expect.stringContaining('it is older than what was accepted before (oldVersion)'),
    })
  }
  expect(await holdings(member)).toEqual(before)
  expect(before.roles.map(({ version }) => version)).toEqual(held.map(({ signed }) => signed.version))
  expect(before.counters).toEqual({ [PATH]: 3 })
  expect(await installed(member)).toBe(newestArtifact.hash)
}

/** The body of an older announcement in answer to a head that claims more. */
async function replayUnder(version: number): Promise<void> {
  const [first] = documents as [AnnouncementDocument]
  const malformed = await member.refused('malformed')
  await hostile.sayHead(member, { ...head(first), version })
  await until('a refusal', async () => (await member.refused('malformed')) > malformed)
}

test('T08 rollback: every older version is refused', async () => {
  await replay([newest])
  await replayUnder(9)
  await replay([newest])
})

test('T08 rollback: also after a restart', async () => {
  await restart()
  await replay([newest])
})

test('T08 rollback: older targets are refused', async () => {
  const targets = targetsFor(fleet, { version: 4 })
  const before = await holdings(member)
  hostile.tricks.targets = targets.raw
  const unknown = { role: 'nobody', epoch: 1, version: 1, hash: 'f'.repeat(64) }
  await hostile.sayHead(member, unknown)
  await until('a refusal', () => member.logged('refused').some((text) => text.includes('at the targets (oldVersion)')))
  delete hostile.tricks.targets
  await publish(member, newest, { targets })
  expect(await holdings(member)).toEqual(before)
})

test('T08 rollback: also when the cache of announcements was wiped, and then the newest is welcome', async () => {
  await publisher.stop()
  await restart(async () => {
    expect(await wipe('announcement/')).toEqual(['announcement/held/acme'])
  })
  await replay([])
  await replayUnder(3)

  const entry = { ...head(newest), rival: undefined }
  hostile.tricks.vector = { targetsVersion: 0, targetsHash: undefined, heads: [entry] }
  await hostile.greet(member)
  await holds(member, newest)
  await replay([newest])
})

test('T08 rollback: also older targets when those were wiped, and then the newest are welcome', async () => {
  await restart(async () => {
    expect(await wipe('targets/')).toEqual(['targets/newest'])
  })
  const older = targetsFor(fleet, { version: 4 })
  const unknown = { role: 'nobody', epoch: 1, version: 1, hash: 'e'.repeat(64) }
  const from = member.lines.length
  hostile.tricks.targets = older.raw
  await hostile.sayHead(member, unknown)
  const refusals = () => member.logged('refused', from)
  await until('a refusal', () => refusals().some((text) => text.includes('at the targets (oldVersion)')))
  await expect(publish(member, newest, { targets: older })).rejects.toMatchObject({ code: 'E_ANNOUNCEMENT' })
  expect((await holdings(member)).targets).toBeNull()

  hostile.tricks.targets = targetsFor(fleet, { version: 5 }).raw
  await hostile.sayHead(member, unknown)
  await holds(member, newest)
  delete hostile.tricks.targets
  expect(await installed(member)).toBe(newestArtifact.hash)
})

test('T08 rollback: a newer announcement of an older release, or of another one with its counter, installs nothing', async () => {
  await publisher.start()
  const others = [releaseFor(artifacts[1]!, { counter: 2 }), releaseFor(artifacts[0]!, { counter: 3 })]
  for (const [i, release] of others.entries()) {
    const document = announce(fleet, { version: 10 + i, releases: { [PATH]: release } })
    await publish(member, document)
    await holds(member, document)
    expect(await reaches(member, 'announced', release.counter)).toMatchObject({ reason: 'oldCounter' })
    expect(await releaseAt(member)).toMatchObject({ roleVersion: 10 + i })
    expect((await member.api.publishers()).counters).toEqual({ [PATH]: 3 })
  }
  await restart()
  expect(await reaches(member, 'announced', 3)).toMatchObject({ reason: 'oldCounter' })
  expect(await installed(member)).toBe(newestArtifact.hash)
})

test('T08 rollback: nor an older release of a path of which nothing was installed yet', async () => {
  const path = 'acme/later'
  const [later, older] = [artifactOf('later'), artifacts[0]!]
  await publish(member, announce(fleet, { version: 20, releases: { [path]: releaseFor(later, { counter: 5 }) } }))
  await reaches(member, 'fetching', 5, path)
  const document = announce(fleet, { version: 21, releases: { [path]: releaseFor(older, { counter: 4 }) } })
  await publish(member, document, { artifacts: [older] })
  await holds(member, document)
  expect(await reaches(member, 'announced', 4, path)).toMatchObject({ reason: 'oldCounter' })
  expect(await installed(member, path)).toBeUndefined()
})

test('T08 rollback: what is in use is a floor too, should the others be lost', async () => {
  const document = announce(fleet, { version: 22, releases: { [PATH]: releaseFor(artifacts[1]!, { counter: 2 }) } })
  await publish(member, document)
  await holds(member, document)
  await restart(async () => {
    expect(await wipe('pathFloor/')).toEqual(['pathFloor/acme/acme/agent', 'pathFloor/acme/acme/later'])
  })
  expect(await reaches(member, 'announced', 2)).toMatchObject({ reason: 'oldCounter' })
  expect(await installed(member)).toBe(newestArtifact.hash)
})

/** Removes what is saved under this prefix; returns the keys. The member must not run. */
async function wipe(prefix: string): Promise<string[]> {
  const store = await openLevelStore(paths(member.data).db)
  const keys = (await store.entries(prefix)).map(({ key }) => key)
  await store.write(
    keys.map((key) => ({ key, value: undefined })),
    { sync: true },
  )
  await store.close()
  return keys
}

/** With a new link to the hostile member. */
async function restart(between: () => Promise<void> = async () => undefined): Promise<void> {
  await member.stop()
  await between()
  await member.start()
  await hostile.dial(member)
}
