// T10: software that is genuine, and not for this node: a release for another board, for another path's role, or under a path that
// another role decides about. Each is announced together with one that is for this node: when that one is in use, whatever would have
// been installed by mistake would be too.
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AnnouncementDocument } from '../../src/core/trust/announcement.ts'
import { delegationOf } from '../fixtures/documents.ts'
import { closeFleets, Fleet, type Member, NORTH, until } from './fleet.ts'
import { Hostile } from './hostile.ts'
import {
  announce,
  artifactOf,
  head,
  holdings,
  holds,
  installed,
  publish,
  reaches,
  releaseAt,
  releaseFor,
  targetsFor,
} from './publishing.ts'

const [forPi4, forPi5, forAll, foreign] = [
  artifactOf('pi4'),
  artifactOf('pi5'),
  artifactOf('all'),
  artifactOf('foreign'),
]

/** In this order: `acme` has the last word about its paths, `second` about what `open` does not announce. */
const roles = [
  delegationOf({ name: 'acme', by: ['publisher'], paths: ['acme/*'], terminating: true }),
  delegationOf({ name: 'open', by: ['open'], paths: ['open/*'] }),
  delegationOf({ name: 'second', by: ['second'], paths: ['open/*', 'acme/*'] }),
]
const keys = ['publisher', 'open', 'second']

let fleet: Fleet
let pi4: Member
let pi5: Member
let hostile: Hostile

beforeAll(async () => {
  fleet = await Fleet.create()
  await fleet.join('pi4', fleet.token({ founding: true, labels: { board: 'pi4' } }))
  pi4 = await fleet.start('pi4')
  await fleet.join('pi5', fleet.token({ through: [pi4], labels: { board: 'pi5', spare: 'yes' } }))
  pi5 = await fleet.start('pi5')
  await fleet.join('hostile', fleet.token({ through: [pi4], zone: NORTH }))
  hostile = await Hostile.start(fleet.data('hostile'))
  await hostile.dial(pi4)
})
afterAll(closeFleets)

/** Nothing is there under a path, and nothing ever was. */
async function expectNothing(member: Member, path: string): Promise<void> {
  await expect(access(join(member.data, 'installed', path))).rejects.toMatchObject({ code: 'ENOENT' })
  expect(member.logged('install').filter((text) => text.startsWith(`${path}@`) && !/ is announced/.test(text))).toEqual(
    [],
  )
}

test('T10 a release for another board is never installed, also where all of it is', async () => {
  const everybodys = { 'acme/all': releaseFor(forAll) }
  await publish(pi4, announce(fleet, { releases: everybodys }), {
    targets: targetsFor(fleet, { roles, keys }),
    artifacts: [forAll],
  })
  for (const member of [pi4, pi5]) await reaches(member, 'committed', 1, 'acme/all')
  const document = announce(fleet, {
    version: 2,
    releases: {
      ...everybodys,
      'acme/four': releaseFor(forPi4, { to: 'labels.board == "pi4"' }),
      'acme/five': releaseFor(forPi5, { to: 'labels.board == "pi5" && labels.spare == "yes"' }),
      'acme/model': releaseFor(forPi5, { to: 'model.startsWith("Raspberry Pi 99")' }),
    },
  })
  await publish(pi4, document, { artifacts: [forPi4, forPi5] })
  for (const [member, own, others, artifact] of [
    [pi4, 'acme/four', ['acme/five', 'acme/model'], forPi4],
    [pi5, 'acme/five', ['acme/four', 'acme/model'], forPi5],
  ] as const) {
    await reaches(member, 'committed', 1, own)
    expect(await installed(member, own)).toBe(artifact.hash)
    expect(await releaseAt(member, own)).toMatchObject({ selected: true })
    for (const path of others) {
      expect(await releaseAt(member, path)).toMatchObject({ selected: false })
      await expectNothing(member, path)
    }
  }
})

test('T10 a release under a path of another role is refused with all that comes with it', async () => {
  const document = announce(fleet, {
    ...{ role: 'open', by: ['open'] },
    releases: { 'open/tool': releaseFor(forAll), 'acme/tool': releaseFor(foreign) },
  })
  const before = await holdings(pi4)
  hostile.tricks.bodies = new Map([[document.hash, document.raw]])
  await hostile.agree(pi4)
  await hostile.sayHead(pi4, head(document))
  await until('a refusal', async () => (await pi4.refused('outsidePaths')) === 1)
  await expect(publish(pi4, document)).rejects.toMatchObject({
    code: 'E_ANNOUNCEMENT',
    message: expect.stringContaining('names a path that its role may not announce (outsidePaths)'),
  })
  for (const member of [pi4, pi5]) {
    expect(await holdings(member)).toEqual(before)
    for (const path of ['open/tool', 'acme/tool']) await expectNothing(member, path)
  }
})

test('T10 a role has no say about the paths of a role before it', async () => {
  const opens = announce(fleet, { role: 'open', by: ['open'], releases: { 'open/tool': releaseFor(forAll) } })
  const seconds = announce(fleet, {
    ...{ role: 'second', by: ['second'] },
    releases: {
      'acme/four': releaseFor(foreign, { counter: 9 }), // which acme announces
      'acme/extra': releaseFor(foreign), // which acme does not, and it is terminating
      'open/tool': releaseFor(foreign), // which open announces
      'open/extra': releaseFor(forPi5), // which open does not
    },
  })
  await publish(pi4, opens)
  for (const member of [pi4, pi5]) await reaches(member, 'committed', 1, 'open/tool')
  await publish(pi4, seconds, { artifacts: [foreign] })
  for (const member of [pi4, pi5]) {
    await inForce(member, seconds)
    expect(await installed(member, 'open/extra')).toBe(forPi5.hash)
    expect(await installed(member, 'open/tool')).toBe(forAll.hash)
    await expectNothing(member, 'acme/extra')
  }
  expect(await installed(pi4, 'acme/four')).toBe(forPi4.hash)
  await expectNothing(pi5, 'acme/four')

  for (const [member, other] of [
    [pi4, pi5.id],
    [pi5, pi4.id],
  ] as const) {
    await member.stop()
    await member.start()
    await until('a link', async () => (await member.status()).links.some(({ node }) => node === other))
  }
  for (const member of [pi4, pi5]) {
    await inForce(member, seconds)
    expect(await installed(member, 'open/tool')).toBe(forAll.hash)
    await expectNothing(member, 'acme/extra')
  }
})

test('T10 nor can it keep that role from going on', async () => {
  const better = artifactOf('better')
  const releases = { 'acme/four': releaseFor(better, { counter: 2, to: 'labels.board == "pi4"' }) }
  await publish(pi4, announce(fleet, { version: 3, releases }), { artifacts: [better] })
  const here = async () => (await releaseAt(pi4, 'acme/four'))?.here
  await until(
    'an outcome',
    async () => (await here())?.state === 'committed' || (await here())?.reason === 'oldCounter',
  )
  expect(await here()).toMatchObject({ state: 'committed' })
})

/** And the one release of it that may be installed is. */
async function inForce(member: Member, document: AnnouncementDocument): Promise<void> {
  await holds(member, document)
  await reaches(member, 'committed', 1, 'open/extra')
}
