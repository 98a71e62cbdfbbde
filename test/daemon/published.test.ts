// What this peer tells of the publishers over the local API: the newest targets that it holds, also where the root does not cover them any
// more, since whoever signs the next ones must not undo what they say. And what its releases have come to here.
import { expect, it } from 'vitest'
import type { NodeCore } from '../../src/core/node.ts'
import type { FetchProblem } from '../../src/core/swarm/progress.ts'
import type { Driver } from '../../src/daemon/driver.ts'
import { publishing } from '../../src/daemon/published.ts'
import type { Submissions } from '../../src/daemon/submissions.ts'
import { announcementOf, nodeOf, targetsOf } from '../fixtures/documents.ts'

it('the newest targets are told whether they are in force or not, and so is their floor', () => {
  const newest = targetsOf({ version: 7, roles: [] })
  const publishers = {
    ...{ targets: undefined, newestTargets: newest, targetsFloor: { epoch: 1, version: 8 } },
    ...{ current: [], pathFloors: [] },
  }
  const snapshot = { membership: { claims: { node: nodeOf('pi') } }, listening: [], links: [] }
  const core = { snapshot: () => snapshot, releases: { publishers: () => publishers } } as unknown as NodeCore
  const api = publishing({
    ...{ core, driver: {} as Driver, submissions: {} as Submissions },
    ...{ mesh: 'ab'.repeat(32), installRoot: '/srv', now: () => 0 },
  })
  expect(api.publishers()).toMatchObject({
    targets: Buffer.from(newest.raw).toString(),
    targetsFloor: { epoch: 1, version: 8 },
  })
})

const document = announcementOf()
const whole = { bytes: 5, totalBytes: 5, pieces: 1, have: 1, most: 0 }
const none: Here = { ...whole, bytes: 0, have: 0 }

type Here = typeof whole & { problem?: FetchProblem }

/** What it says of the release of `document`, of which so much is here. */
async function hereWith({ progress = whole, paused }: { progress?: Here; paused?: object | undefined }) {
  const here = { selected: undefined, state: undefined, progress, came: { site: 3, members: 2, publisher: 0 } }
  const releases = {
    ...{ publishers: () => ({ current: [{ document, frozen: false, expired: false }] }), release: () => here },
    ...{ freshness: () => 'unproven', budgets: () => ({ paused }) },
  }
  const snapshot = { membership: { claims: { node: nodeOf('pi') } } }
  const api = publishing({
    core: { snapshot: () => snapshot, releases } as unknown as NodeCore,
    driver: {} as Driver,
    ...{ submissions: {} as Submissions, mesh: 'ab'.repeat(32), installRoot: '/srv', now: () => 0 },
  })
  return (await api.releases({ zones: undefined, timeoutMs: 1, local: true })).releases[0]?.here
}

it('says nothing of a release that it neither wants nor has any of', async () => {
  expect(await hereWith({ progress: none })).toBeNull()
})

it.each<[FetchProblem, string]>([
  [{ code: 'diskFull', missing: 7 }, 'the disk is full: 7 bytes more are needed'],
  ['noProvider', 'nobody who is reachable has the pieces that are missing'],
])('says what keeps a member that fetches for others from beginning: %j', async (problem, detail) => {
  expect(await hereWith({ progress: { ...none, problem } })).toMatchObject({ state: 'fetching', percent: 0, detail })
})

it.each([
  [
    'says why nothing of a release goes to other sites',
    { why: 'throttled', lan: true, since: 0 },
    { paused: { detail: expect.stringMatching(/^the firmware/), lan: true } },
  ],
  ['says nothing of it while nothing is paused', undefined, {}],
])('%s', async (_, paused, said) => {
  const here = await hereWith({ paused })
  const sources = { site: 3, members: 2, publisher: 0 }
  expect(here).toEqual(expect.objectContaining({ state: 'verified', percent: 100, sources, ...said }))
  expect(Object.keys(here ?? {}).includes('paused')).toBe('paused' in said)
})
