// What this peer tells of the publishers over the local API: the newest targets that it holds, also where the root does not cover them any
// more, since whoever signs the next ones must not undo what they say.
import { expect, it } from 'vitest'
import type { NodeCore } from '../../src/core/node.ts'
import type { Driver } from '../../src/daemon/driver.ts'
import { publishing } from '../../src/daemon/published.ts'
import type { Submissions } from '../../src/daemon/submissions.ts'
import { nodeOf, targetsOf } from '../fixtures/documents.ts'

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
