// Everything of the publishers as one semilattice: roots, targets in their epochs, announcements in theirs, with rotations and the ends of
// roles, with both sides of an equivocation. Whatever arrives in whatever order, twice, not at all at first, with restarts in between: one
// state in the end, and no floor ever falls on the way (clauses ANN 10 to 13, ROTATION 3).
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MINUTE } from '../../../src/core/limits.ts'
import type { AnnouncementDocument } from '../../../src/core/trust/announcement.ts'
import type { RootDocument, TargetsDocument } from '../../../src/core/trust/documents.ts'
import { type RotationDocument, TOMBSTONE } from '../../../src/core/trust/rotations.ts'
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
import { rotatedBy, rotationOf } from '../../fixtures/rotations.ts'
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

type At = { epoch: number; version: number; by: string; later?: number; chain?: RotationDocument[]; ends?: boolean }
const at = ({ epoch, version, by, later = 0, chain = [], ends = false }: At) => {
  const releases = ends ? {} : { 'acme/agent': releaseOf({ counter: version }) }
  const terms = { ...{ epoch, version, by: [by], releases }, expires: NOW + 1_000 * (1 + later) }
  return chain.length === 0 ? announcementOf(terms) : rotatedBy(chain, terms)
}
const byHash = (a: AnnouncementDocument, b: AnnouncementDocument) => (a.hash < b.hash ? -1 : 1)
/** In the second epoch the role changes its keys twice; the thief has the key that went first, and nothing it signs alone holds. */
const ONCE = [rotationOf({ epoch: 2, number: 1, to: ['own'], by: ['fresh'] })]
const TWICE = [...ONCE, rotationOf({ epoch: 2, number: 2, to: ['last'], by: ['own'] })]
const FORGED = [...ONCE, rotationOf({ epoch: 2, number: 2, to: [] })]
const rotated = (later: number) => at({ epoch: 2, version: 3, by: 'last', chain: TWICE, later })
const TWINS = [0, 1, 2].map(rotated).sort(byHash)
const ANNOUNCEMENTS = [
  ...[1, LAST].map((version) => at({ epoch: 1, version, by: 'publisher' })),
  ...[1, 2, LAST].map((version) => at({ epoch: 2, version, by: 'fresh' })),
  at({ epoch: 1, version: 4, by: 'publisher', chain: [rotationOf({ number: 1, to: [] })], ends: true }),
  ...[2, LAST].map((version) => at({ epoch: 2, version, by: 'own', chain: ONCE })),
  at({ epoch: 2, version: 2, by: 'last', chain: TWICE }),
  at({ epoch: 2, version: LAST, by: 'fresh', chain: FORGED, ends: true }),
  ...[at({ epoch: 2, version: LAST, by: 'publisher' }), at({ epoch: 3, version: 1, by: 'fresh' }), ...TWINS],
]
/** The role ends: whatever was signed beside it, or afterwards. */
const END = at({
  epoch: 2,
  version: 1,
  by: 'last',
  chain: [...TWICE, rotationOf({ epoch: 2, number: 3, to: [] })],
  ends: true,
})

type Step = RootDocument | TargetsDocument | AnnouncementDocument | 'crash'

/** What must never fall, as numbers to be compared one after the other. */
function floorsOf(world: World): Record<string, readonly number[]> {
  const { targetsFloor, targetsFloorEpoch = 1, roleFloors } = world.saved()
  const roles = roleFloors.map(({ role, epoch, rotation = 0, version }) => [role, [epoch, rotation, version]] as const)
  return { targets: [targetsFloorEpoch, 0, targetsFloor], ...Object.fromEntries(roles) }
}

function expectNoFall(before: Record<string, readonly number[]>, after: Record<string, readonly number[]>): void {
  for (const [name, numbers] of Object.entries(before)) {
    const differences = numbers.map((number, i) => (after[name]?.[i] ?? 0) - number)
    expect(differences.find((difference) => difference !== 0) ?? 0, `${name} never falls`).toBeGreaterThanOrEqual(0)
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

/** Honest peers, hello by hello; they hold what is in force in the fleet, the highest of which is `newest`. */
function catchUp(world: World, newest: readonly AnnouncementDocument[]): void {
  world.rooted(ROOT2)
  for (let round = 0; round < 6; round++) {
    world.at(world.now + MINUTE)
    world.hello('thief', [ANNOUNCEMENTS[1] as AnnouncementDocument], STOLEN)
    world.hello('honest', newest.slice(0, 1), NEWEST)
    world.hello('other', newest.slice(-1), NEWEST)
    for (let i = 0; i < 4; i++) {
      world.answer({
        honest: [...newest, NEWEST],
        other: [...newest, NEWEST],
        thief: [...ANNOUNCEMENTS, STOLEN],
      })
      world.write()
    }
  }
}

const FLOOR = [2, 0, 2]
const ROTATED_STATE = {
  targets: NEWEST.hash,
  held: [[TWINS[0]?.hash, TWINS[1]?.hash, true]],
  floors: { targets: FLOOR, acme: [2, 2, 3] },
}
const ENDED_STATE = {
  targets: NEWEST.hash,
  held: [[END.hash, undefined, false]],
  floors: { targets: FLOOR, acme: [2, TOMBSTONE, 1] },
}

const stateOf = (world: World) => ({
  targets: world.targets.current?.hash,
  held: world.announcing.current().map(({ document, rival, frozen }) => [document.hash, rival?.hash, frozen]),
  floors: floorsOf(world),
})

it.each([
  ['a role that changed its keys', ANNOUNCEMENTS, TWINS.slice(0, 2), ROTATED_STATE],
  ['a role that ended', [...ANNOUNCEMENTS, END], [END], ENDED_STATE],
])(
  'any order, duplication, loss and restart end in one state of %s; no floor ever falls',
  (_name, announced, newest, state) => {
    const steps = fc.array(fc.constantFrom<Step>(ROOT, ROOT2, ...TARGETS, ...announced, 'crash'), { maxLength: 24 })
    fc.assert(
      fc.property(steps, (received) => {
        let world = new World()
        for (const step of received) {
          const before = floorsOf(world)
          world = happen(world, step)
          expectNoFall(before, floorsOf(world))
        }
        catchUp(world, newest)
        expect(stateOf(world)).toEqual(state)
        const again = new World({ saved: world.saved(), root: ROOT2 })
        expect(stateOf(again)).toEqual(state)
      }),
      { numRuns: 80 },
    )
  },
)

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
