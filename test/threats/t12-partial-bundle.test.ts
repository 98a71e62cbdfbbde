// T12: a partial bundle. A release and what it requires are announced, and one component is withheld: no node puts any of them in use,
// also not after a restart; each says what it waits for. When the component comes, all of it is put in use.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import { announce, artifactOf, installed, publish, reaches, releaseAt, releaseFor, targetsFor } from './publishing.ts'

const [AGENT, LIB, MODEL] = ['acme/agent', 'acme/lib', 'acme/model']
const PATHS = [AGENT, LIB, MODEL]
const [agent, lib, model] = [artifactOf('agent'), artifactOf('lib'), artifactOf('model')]

let fleet: Fleet
let members: Member[]

beforeAll(async () => {
  fleet = await Fleet.create()
  const first = await fleet.found('first')
  members = [first, await fleet.add('second', first)]
})
afterAll(closeFleets)

/** The bundle: what the agent requires is named by the hashes that the role's own announcement gives them. */
function bundle() {
  const parts = { [LIB]: releaseFor(lib), [MODEL]: releaseFor(model) }
  const alone = announce(fleet, { releases: parts })
  const requires = alone.signed.releases.map(({ hash }) => hash)
  return announce(fleet, { releases: { ...parts, [AGENT]: releaseFor(agent, { requires }) } })
}

/** Everybody has what can be had of it, and waits for the model. */
async function expectWaiting(): Promise<void> {
  for (const member of members)
    for (const path of [AGENT, LIB]) {
      const detail = 'waiting for acme/model@1.0.0, with which it comes into use together'
      const here = async () => (await releaseAt(member, path))?.here
      await until(`${path} waits at ${member.name}`, async () => (await here())?.detail === detail, here)
      expect(await here()).toMatchObject({ state: 'verified', reason: 'requires', detail })
    }
}

async function expectNothing(): Promise<void> {
  for (const member of members) for (const path of PATHS) expect(await installed(member, path)).toBeUndefined()
}

test('T12 nothing of a bundle is in use while one component is withheld, and each node says what it waits for', async () => {
  const [first] = members as [Member, Member]
  await publish(first, bundle(), { targets: targetsFor(fleet), artifacts: [agent, lib] })
  await expectWaiting()
  await expectNothing()
  for (const member of members)
    expect(member.logged('install').some((text) => text.includes('waiting for acme/model@1.0.0'))).toBe(true)
})

test('T12 nor after everybody was restarted', async () => {
  for (const member of members) await member.stop()
  for (const member of members) await member.start()
  await expectWaiting()
  await expectNothing()
})

test('T12 all of it is, when the component comes', async () => {
  const [first] = members as [Member, Member]
  await publish(first, bundle(), { artifacts: [model] })
  for (const member of members) {
    for (const path of PATHS) await reaches(member, 'committed', 1, path)
    expect(await Promise.all(PATHS.map((path) => installed(member, path)))).toEqual([agent.hash, lib.hash, model.hash])
  }
})
