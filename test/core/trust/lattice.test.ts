// Everything of the publishers as one semilattice: roots, targets in their epochs, announcements in theirs, with both sides of an
// equivocation. Whatever arrives in whatever order, twice, not at all at first, with restarts in between: one state in the end, and no
// floor ever falls on the way (clauses ANN 10 to 13).
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MINUTE } from '../../../src/core/limits.ts'
import type { AnnouncementDocument } from '../../../src/core/trust/announcement.ts'
import type { RootDocument, TargetsDocument } from '../../../src/core/trust/documents.ts'
import {
  announcementOf,
  delegationOf,
  NOW,
  ROOT,
  releaseOf,
  rootOf,
  signRoot,
  targetsOf,
} from '../../fixtures/documents.ts'
import { World } from './announcing-world.ts'

const LAST = 2 ** 31 - 1
const KEYS = ['publisher', 'fresh']
/** The owner raises the epoch of targets: whoever stole their key has used up all versions of the first one. */
const ROOT2 = signRoot({ ...rootOf({ version: 2 }), targetsEpoch: 2 }, ['root'])
const NEXT = [delegationOf({ by: ['fresh'], epoch: 2 })]
const FIRST = targetsOf({ keys: KEYS })
const STOLEN = targetsOf({ keys: KEYS, version: LAST, roles: [] })
const ANEW = targetsOf({ keys: KEYS, epoch: 2, version: 1, roles: NEXT })
const NEWEST = targetsOf({ keys: KEYS, epoch: 2, version: 2, roles: NEXT })
const TARGETS = [
  FIRST,
  targetsOf({ keys: KEYS, version: 2 }),
  STOLEN,
  ANEW,
  NEWEST,
  targetsOf({ epoch: 3, version: 9 }),
]

const at = (epoch: number, version: number, by: string, later = 0) =>
  announcementOf({
    ...{ epoch, version, by: [by], expires: NOW + 1_000 * (1 + later) },
    releases: { 'acme/agent': releaseOf({ counter: version }) },
  })
const TWINS = [at(2, 3, 'fresh'), at(2, 3, 'fresh', 1), at(2, 3, 'fresh', 2)].sort((a, b) => (a.hash < b.hash ? -1 : 1))
const ANNOUNCEMENTS = [
  ...[at(1, 1, 'publisher'), at(1, LAST, 'publisher'), at(2, 1, 'fresh'), at(2, 2, 'fresh')],
  ...[at(2, LAST, 'publisher'), at(3, 1, 'fresh'), ...TWINS],
]

type Step = RootDocument | TargetsDocument | AnnouncementDocument | 'crash'

/** What must never fall, as numbers to be compared one after the other. */
function floorsOf(world: World): Record<string, readonly number[]> {
  const { targetsFloor, targetsFloorEpoch = 1, roleFloors } = world.saved()
  const roles = roleFloors.map(({ role, epoch, version }) => [role, [epoch, version]] as const)
  return { targets: [targetsFloorEpoch, targetsFloor], ...Object.fromEntries(roles) }
}

function expectNoFall(before: Record<string, readonly number[]>, after: Record<string, readonly number[]>): void {
  for (const [name, [epoch = 0, version = 0]] of Object.entries(before)) {
    const [nextEpoch = 0, nextVersion = 0] = after[name] ?? []
    expect(nextEpoch > epoch || (nextEpoch === epoch && nextVersion >= version), `${name} never falls`).toBe(true)
  }
}

function happen(world: World, step: Step): World {
  if (step === 'crash') return new World({ saved: world.saved(), root: world.self.root })
  if ('enrolment' in step.signed) {
    const isNewer = step.signed.version > world.self.root.signed.version
    return isNewer ? world.rooted(step as RootDocument) : world
  }
  if ('roles' in step.signed) return world.delegate(step as TargetsDocument)
  world.receive(step as AnnouncementDocument, `peer ${step.hash}`)
  world.at(world.now + 25_000)
  return world
}

/** One honest peer, hello by hello; it holds what is in force in the fleet. */
function catchUp(world: World): void {
  world.rooted(ROOT2)
  for (let round = 0; round < 6; round++) {
    world.at(world.now + MINUTE)
    world.hello('thief', [ANNOUNCEMENTS[1] as AnnouncementDocument], STOLEN)
    world.hello('honest', TWINS.slice(0, 1), NEWEST)
    world.hello('other', TWINS.slice(1, 2), NEWEST)
    for (let i = 0; i < 4; i++) {
      world.answer({
        honest: [...TWINS.slice(0, 2), NEWEST],
        other: [...TWINS, NEWEST],
        thief: [...ANNOUNCEMENTS, STOLEN],
      })
      world.write()
    }
  }
}

const ONE_STATE = {
  targets: NEWEST.hash,
  held: [[TWINS[0]?.hash, TWINS[1]?.hash, true]],
  floors: { targets: [2, 2], acme: [2, 3] },
}

const stateOf = (world: World) => ({
  targets: world.targets.current?.hash,
  held: world.announcing.current().map(({ document, rival, frozen }) => [document.hash, rival?.hash, frozen]),
  floors: floorsOf(world),
})

it('any order, duplication, loss and restart end in one state; no floor ever falls', () => {
  const steps = fc.array(fc.constantFrom<Step>(ROOT, ROOT2, ...TARGETS, ...ANNOUNCEMENTS, 'crash'), { maxLength: 24 })
  fc.assert(
    fc.property(steps, (received) => {
      let world = new World()
      for (const step of received) {
        const before = floorsOf(world)
        world = happen(world, step)
        expectNoFall(before, floorsOf(world))
      }
      catchUp(world)
      expect(stateOf(world)).toEqual(ONE_STATE)
      const again = new World({ saved: world.saved(), root: ROOT2 })
      expect(stateOf(again)).toEqual(ONE_STATE)
    }),
    { numRuns: 80 },
  )
})

it('T04 a stolen targets key ends with the epoch that the root names, and not before', () => {
  const world = new World().delegate(FIRST).delegate(STOLEN)
  expect(world.targets.roles).toEqual([])
  expect([world.consider(ANEW), world.consider(targetsOf({ version: 3 }))]).toEqual(['wrongEpoch', 'oldVersion'])
  world.rooted(ROOT2)
  expect(world.targets.current).toBeUndefined()
  world.hello('thief', [], STOLEN)
  world.answer({ thief: [STOLEN] })
  expect(world.events('refused')).toMatchObject([{ code: 'oldVersion', peer: 'thief', detail: 'targets' }])
  expect(world.delegate(ANEW).targets.current).toBe(ANEW)
  expect(world.consider(STOLEN)).toBe('oldVersion')
  const restarted = new World({ saved: { ...world.saved(), targets: undefined }, root: ROOT2 })
  expect(restarted.consider(STOLEN)).toBe('oldVersion')
  expect(restarted.delegate(NEWEST).targets.current).toBe(NEWEST)
  expect(restarted.consider(ANEW)).toBe('oldVersion')
})
