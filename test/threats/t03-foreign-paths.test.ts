// T03: foreign paths. A publisher whose key is genuine announces releases outside the paths that were delegated to it, near misses
// included; together with one inside them. All of it is refused, the reason is counted, audited and told with the node that gave it,
// nothing of it is installed, and a member that goes on like that is dropped.
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { delegationOf } from '../fixtures/documents.ts'
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

const [GOOD, EVIL] = [artifactOf('good'), artifactOf('evil')]
const roles = [delegationOf(), delegationOf({ name: 'open', by: ['open'], paths: ['open/*/v?'] })]
let version = 1

let fleet: Fleet
let member: Member
let other: Member
let hostile: Hostile

beforeAll(async () => {
  fleet = await Fleet.create()
  other = await fleet.found('other')
  member = await fleet.add('member', other)
  await fleet.join('hostile', fleet.token({ through: [member] }))
  hostile = await Hostile.start(fleet.data('hostile'))
  await hostile.dial(member)
  const targets = targetsFor(fleet, { roles, keys: ['publisher', 'open'] })
  await publish(member, announce(fleet, { releases: { [PATH]: releaseFor(GOOD) } }), { targets, artifacts: [GOOD] })
  for (const each of [member, other]) await reaches(each, 'committed', 1)
})
afterAll(closeFleets)

test.each([
  ['of nobody', 'evil/agent'],
  ["below another's", 'open/tool/v1'],
  ['deeper than its pattern', 'acme/agent/evil'],
  ['shorter than its pattern', 'acme'],
  ['that only begins like one of its own', 'acme2/agent'],
  ['that only ends like one of its own', 'evil-acme/agent'],
  ['in other letters', 'ACME/agent'],
])('T03 a release under a path %s is refused with all that comes with it', async (_, path) => {
  version += 1
  const [before, counted] = [await holdings(member), await member.refused('outsidePaths')]
  const releases = { [PATH]: releaseFor(GOOD, { counter: version }), [path]: releaseFor(EVIL) }
  const document = announce(fleet, { version, releases })
  hostile.tricks.bodies = new Map([[document.hash, document.raw]])
  await hostile.agree(member)
  await hostile.sayHead(member, head(document))
  await until('a refusal', async () => (await member.refused('outsidePaths')) === counted + 1)
  await expect(publish(member, document)).rejects.toMatchObject({
    code: 'E_ANNOUNCEMENT',
    message: expect.stringContaining('names a path that its role may not announce (outsidePaths)'),
  })
  for (const each of [member, other]) {
    expect(await holdings(each)).toEqual(before)
    expect(await installed(each)).toBe(GOOD.hash)
    await expect(access(join(each.data, 'installed', path, 'current'))).rejects.toMatchObject({ code: 'ENOENT' })
  }
})

test('T03 who gave it and why is in the audit log, in one entry, and its sum in the record of the node', async () => {
  const { entries } = await member.api.audit()
  const refused = entries.filter(({ outcome }) => outcome === 'outsidePaths')
  expect(refused).toMatchObject([
    { what: 'announcement', role: 'acme', epoch: 1, version, count: 7, peer: hostile.id, name: 'hostile' },
    { what: 'announcement', role: 'acme', epoch: 1, version, count: 7, peer: null },
  ])
  const row = await other.sees(member.id, 'refusals', ({ refused }) => refused?.total === 14)
  expect(row.refused).toEqual({ total: 14, most: 'outsidePaths' })
})

test('T03 the log is there after a restart, with what was accepted before', async () => {
  const before = (await member.api.audit()).entries
  await member.stop()
  await member.start()
  const { entries } = await member.api.audit()
  const known = ({ seq, outcome, peer, hash, count }: (typeof entries)[number]) => ({ seq, outcome, peer, hash, count })
  expect(entries.slice(0, before.length).map(known)).toEqual(before.map(known))
  expect(entries.filter(({ outcome }) => outcome === 'accepted').map(({ what }) => what)).toEqual([
    'targets',
    'announcement',
  ])
  for (const { ageMs } of entries) expect(ageMs).toBeGreaterThanOrEqual(0)
})

test('T03 a release that requires one of another role, inside its own paths or not, is held and not installed', async () => {
  const tools = artifactOf('tools')
  const opens = { role: 'open', by: ['open'], releases: { 'open/tool/v1': releaseFor(tools) } }
  const foreign = announce(fleet, opens)
  await publish(member, foreign, { artifacts: [tools] })
  for (const each of [member, other]) await reaches(each, 'committed', 1, 'open/tool/v1')
  version += 1
  const requires = foreign.signed.releases.map(({ hash }) => hash)
  const document = announce(fleet, { version, releases: { [PATH]: releaseFor(EVIL, { counter: version, requires }) } })
  await publish(member, document, { artifacts: [EVIL] })
  for (const each of [member, other]) {
    await holds(each, document)
    await until('its reason', async () => (await releaseAt(each))?.here?.reason === 'requires')
    expect(await releaseAt(each)).toMatchObject({ here: { state: 'announced' } })
    expect(await installed(each)).toBe(GOOD.hash)
  }
})

test('T03 a member that goes on like that is dropped, and the publisher is heard', async () => {
  await hostile.dial(member)
  await hostile.agree(member)
  const before = await member.refused('outsidePaths')
  for (let i = 0; hostile.isLinked(member) && i < limits.headsPerMinute; i++) {
    const document = announce(fleet, { version: 1_000 + i, releases: { 'evil/agent': releaseFor(EVIL) } })
    hostile.tricks.bodies = new Map([[document.hash, document.raw]])
    await hostile.agree(member).catch(() => undefined)
    await hostile.sayHead(member, head(document)).catch(() => undefined)
    await until('a refusal', async () => (await member.refused('outsidePaths')) > before + i)
    await until('the end, or not', async () => (await member.refused('misbehaved')) > 0 === !hostile.isLinked(member))
  }
  expect((await member.refused('outsidePaths')) - before).toBe(limits.refusedPoints / limits.refusedAtFault)
  expect(member.logged('peerDropped')).toHaveLength(1)
  expect((await member.status()).links.map(({ node }) => node)).not.toContain(hostile.id)
  await expect(hostile.dial(member)).rejects.toThrow()
  version += 1
  const better = artifactOf('better')
  const document = announce(fleet, { version, releases: { [PATH]: releaseFor(better, { counter: version }) } })
  await publish(member, document, { artifacts: [better] })
  for (const each of [member, other]) await reaches(each, 'committed', version)
})
