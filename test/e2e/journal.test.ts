// Acceptance E3: SIGKILL at each step of the install journal, enumerated, in the whole daemon: what is in use is the old version or
// the new one, complete, never neither; and who starts again ends with the new one. The daemon is the bundle as it is, with a killer
// loaded beside it. Each life installs what the one before it could not, and dies of the next release at the next point.
import { existsSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SECOND } from '../../src/core/limits.ts'
import { Fleet } from './fleet.ts'
import type { Orders } from './journal-killer.ts'
import { type Artifact, committed, initMesh, inUse, PATH, publishQuickly, randomArtifact } from './releases.ts'

const ZONE = '/e2e/north'
const PROVIDER = 'provider'
const VICTIM = 'victim'
const KILLER = new URL('./journal-killer.ts', import.meta.url).href

/** All that an installation writes to its journal and all names that it changes, in order. */
const STEPS = [
  'fetching',
  'verified',
  'the name of the version',
  'staged',
  '.previous',
  'current',
  'switched',
  'healthy',
  'committed',
  'the name of an old version',
]
const PASSED = STEPS.flatMap((step) => [`before ${step}`, `after ${step}`])
/** Nothing happens to the disk between these edges and what stands before them. */
const POINTS = PASSED.filter((point) => !/^before (staged|switched|healthy|committed)$/.test(point))
/** From here on the new version is in use. */
const SWITCH = POINTS.indexOf('after current')

let fleet: Fleet
/** What was published last and before that. */
let newest: Artifact
let before: Artifact
beforeAll(async () => {
  fleet = await Fleet.make()
  await initMesh(fleet)
  await fleet.add(PROVIDER, await fleet.invite(ZONE, '--first'))
  await fleet.add(VICTIM, await fleet.invite(ZONE, '--via', await fleet.address(PROVIDER)))
  await fleet.until('the two are linked', 30 * SECOND, async () => {
    return (await fleet.client(PROVIDER).status()).links.length === 1
  })
  // With two versions there is one to remove when the third comes.
  for (let version = 1; version <= 2; version++) {
    await next()
    await committed(fleet, VICTIM, newest, 30 * SECOND)
  }
  await fleet.stop(VICTIM, 'SIGTERM')
})
afterAll(() => fleet?.dispose())

const trace = () => fleet.path('trace')

/** Publishes another release, of two pieces. @returns its counter */
async function next(): Promise<number> {
  before = newest
  newest = randomArtifact(300_000)
  return (await publishQuickly(fleet, PROVIDER, newest, `name == "${VICTIM}"`)).counter
}

/** A life of the victim: installs what is there, and then the next release, up to that point. */
async function live(counter: number, at: string): Promise<void> {
  await rm(trace(), { force: true })
  const orders: Orders = { counter, at, trace: trace() }
  const env = { NODE_OPTIONS: `--import ${KILLER}`, KILLER_ORDERS: JSON.stringify(orders) }
  await fleet.start(VICTIM, 'up', { env })
  await committed(fleet, VICTIM, newest, 30 * SECOND)
  await fleet.until(`${VICTIM} is linked`, 30 * SECOND, async () => {
    return (await fleet.client(PROVIDER).status()).links.length > 0
  })
  expect(await next()).toBe(counter)
}

async function passed(): Promise<string[]> {
  return (await readFile(trace(), 'utf8')).trim().split('\n')
}

describe('a daemon that is killed at each step of its install journal', () => {
  it('has the old version or the new one in use, whole, and ends with the new one', async () => {
    const first = 3
    for (const [at, point] of POINTS.entries()) {
      await live(first + at, point)
      const { signal } = await fleet.running(VICTIM).ended
      expect({ point, signal, passed: await passed() }).toEqual({
        point,
        signal: 'SIGKILL',
        passed: PASSED.slice(0, PASSED.indexOf(point) + 1),
      })
      expect(await inUse(fleet, VICTIM), point).toBe((at < SWITCH ? before : newest).hash)
    }
    await live(first + POINTS.length, 'nowhere')
    await committed(fleet, VICTIM, newest, 30 * SECOND)
    await fleet.until('all is tidy', 30 * SECOND, async () => (await passed()).length === PASSED.length)
    expect(await passed(), 'these are all there are').toEqual(PASSED)
    await fleet.stop(VICTIM, 'SIGTERM')
    await expectTidy(first + POINTS.length)
  }, 180_000)

  async function expectTidy(counter: number): Promise<void> {
    expect(existsSync(fleet.path(VICTIM, 'installed', PATH, 'current'))).toBe(true)
    const names = (await readdir(fleet.path(VICTIM, 'installed', PATH))).map((name) =>
      name.replace(/-[0-9a-f]{16}$/, ''),
    )
    expect(names.sort()).toEqual(['.previous', 'current', `${counter}`, `${counter - 1}`].sort())
  }
})
