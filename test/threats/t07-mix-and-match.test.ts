// T07: mix and match. A bundle and a component of another version than it names, both validly signed and in force: no node ever has the
// two in use together. Who has the bundle keeps it whole, who does not have it does not begin it, until the versions fit again.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AnnouncementDocument } from '../../src/core/trust/announcement.ts'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import {
  announce,
  artifactOf,
  holds,
  installed,
  publish,
  reaches,
  releaseAt,
  releaseFor,
  targetsFor,
} from './publishing.ts'

const [AGENT, LIB] = ['acme/agent', 'acme/lib']
const [agents, libs] = [[1, 2].map((n) => artifactOf(`agent ${n}`)), [1, 2].map((n) => artifactOf(`lib ${n}`))]
const [agent1, agent2, lib1, lib2] = [...agents, ...libs] as [Artifact, Artifact, Artifact, Artifact]
type Artifact = ReturnType<typeof artifactOf>

let fleet: Fleet
let first: Member
let second: Member

beforeAll(async () => {
  fleet = await Fleet.create()
  first = await fleet.found('first')
  second = await fleet.add('second', first)
  const whole = bundleOf({ version: 1, agent: 1, requires: 1, lib: 1 })
  await publish(first, whole, { targets: targetsFor(fleet), artifacts: [agent1, lib1] })
  for (const member of [first, second]) await expectInUse(member, 1, 1)
})
afterAll(closeFleets)

const libOf = (counter: number) => releaseFor(libs[counter - 1] as Artifact, { counter })

/** An agent that requires the lib with that counter, beside the lib that is announced. */
function bundleOf(terms: { version: number; agent: number; requires: number; lib: number }): AnnouncementDocument {
  const [required] = announce(fleet, { releases: { [LIB]: libOf(terms.requires) } }).signed.releases
  const requires = [required?.hash as string]
  const agent = releaseFor(agents[terms.agent - 1] as Artifact, { counter: terms.agent, requires })
  return announce(fleet, { version: terms.version, releases: { [AGENT]: agent, [LIB]: libOf(terms.lib) } })
}

async function expectInUse(member: Member, agent: number, lib: number): Promise<void> {
  await reaches(member, 'committed', agent, AGENT)
  await reaches(member, 'committed', lib, LIB)
  expect(await installed(member, AGENT)).toBe(agents[agent - 1]?.hash)
  expect(await installed(member, LIB)).toBe(libs[lib - 1]?.hash)
}

/** The release of a path waits for its bundle, for this reason. */
async function waits(member: Member, path: string, why: string): Promise<void> {
  const here = async () => (await releaseAt(member, path))?.here
  await until(`${path} waits at ${member.name}`, async () => (await here())?.reason === 'requires', here)
  expect((await here())?.detail).toContain(why)
}

test('T07 a component of another version does not replace the one that a bundle in use requires', async () => {
  const mixed = bundleOf({ version: 2, agent: 1, requires: 1, lib: 2 })
  await publish(first, mixed, { artifacts: [lib2] })
  for (const member of [first, second]) {
    await holds(member, mixed)
    await waits(member, LIB, 'acme/agent@1.0.0 is in use and requires acme/lib@1.0.0')
    expect(await installed(member, AGENT)).toBe(agent1.hash)
    expect(await installed(member, LIB)).toBe(lib1.hash)
  }
  await second.stop()
  await second.start()
  await holds(second, mixed)
  await waits(second, LIB, 'acme/agent@1.0.0 is in use and requires acme/lib@1.0.0')
  expect(await installed(second, LIB)).toBe(lib1.hash)
})

test('T07 a node that has none of it does not begin the bundle with a component of another version', async () => {
  const third = await fleet.add('third', first)
  await reaches(third, 'committed', 2, LIB)
  await waits(third, AGENT, 'which its role does not announce')
  expect([await installed(third, AGENT), await installed(third, LIB)]).toEqual([undefined, lib2.hash])
  await third.stop()
})

test('T07 a bundle that names a component of another version than the one announced is not begun', async () => {
  const mixed = bundleOf({ version: 3, agent: 2, requires: 1, lib: 2 })
  await publish(first, mixed, { artifacts: [agent2] })
  for (const member of [first, second]) {
    await holds(member, mixed)
    await waits(member, AGENT, 'which its role does not announce')
    expect(await installed(member, AGENT)).toBe(agent1.hash)
  }
})

test('T07 when the versions fit, both come into use', async () => {
  await publish(first, bundleOf({ version: 4, agent: 2, requires: 2, lib: 2 }))
  for (const member of [first, second]) await expectInUse(member, 2, 2)
})
