// T04: fast-forward. A stolen key signs the highest version there is. The owner gives the role its next epoch and another key, and
// the fleet takes version 1 of it; whatever came in whatever order, twice or not at all at first, every node ends in one state.
import { expect, test } from 'vitest'
import { MINUTE } from '../../src/core/limits.ts'
import type { AnnouncementDocument } from '../../src/core/trust/announcement.ts'
import type { TargetsDocument } from '../../src/core/trust/documents.ts'
import { World } from '../core/trust/announcing-world.ts'
import { announcementOf, delegationOf, releaseOf, targetsOf } from '../fixtures/documents.ts'

const LAST = 2 ** 31 - 1
const keys = ['publisher', 'fresh']
const BEFORE = targetsOf({ keys })
const AFTER = targetsOf({ version: 2, keys, roles: [delegationOf({ by: ['fresh'], epoch: 2 })] })
const at = (epoch: number, version: number, counter: number, by: string) =>
  announcementOf({ epoch, version, by: [by], releases: { 'acme/agent': releaseOf({ counter }) } })

/** Signed by the publisher, by the thief with its key, and by the publisher with its new one. */
const HONEST = at(1, 3, 3, 'publisher')
const STOLEN = at(1, LAST, LAST, 'publisher')
const ANEW = at(2, 1, 4, 'fresh')
/** What the thief may try with the old key in the new epoch. */
const LATE = at(2, LAST, LAST, 'publisher')

type Happening = AnnouncementDocument | TargetsDocument
const isTargets = (document: Happening): document is TargetsDocument => 'roles' in document.signed

function* orders<T>(items: readonly T[]): Generator<T[]> {
  if (items.length === 0) yield []
  for (const [i, item] of items.entries())
    for (const rest of orders([...items.slice(0, i), ...items.slice(i + 1)])) yield [item, ...rest]
}

/** One thing reaches a node, by a peer that has it. */
function happens(world: World, document: Happening, from: string): void {
  if (isTargets(document)) world.delegate(document)
  else world.receive(document, from)
}

/** Hellos of peers, one of which holds everything that is in force in the fleet; the others what they ever heard. */
function catchUp(world: World): void {
  const gives = { honest: [ANEW, AFTER], thief: [STOLEN, LATE, BEFORE] }
  for (let round = 0; round < 4; round++) {
    world.at(world.now + MINUTE)
    world.hello('thief', [STOLEN], BEFORE)
    world.hello('honest', [ANEW], AFTER)
    for (let i = 0; i < 4; i++) {
      world.answer(gives)
      world.write()
    }
  }
}

const stateOf = (world: World) => ({
  held: world.announcing.current().map(({ document, frozen }) => [document.hash, frozen]),
  targets: world.targets.current?.hash,
  floors: world.saved().roleFloors,
  counter: world.counter(),
})

const ONE_STATE = {
  held: [[ANEW.hash, false]],
  targets: AFTER.hash,
  floors: [{ role: 'acme', epoch: 2, version: 1 }],
  counter: 4,
}

test('T04 every order of a stolen key and its remedy ends in one state: version 1 of the next epoch', () => {
  let orderings = 0
  for (const order of orders<Happening>([BEFORE, HONEST, STOLEN, AFTER, ANEW, LATE])) {
    const world = new World()
    for (const [i, document] of order.entries()) {
      happens(world, document, `peer ${i}`)
      world.at(world.now + 25_000)
    }
    catchUp(world)
    expect(stateOf(world)).toEqual(ONE_STATE)
    orderings += 1
  }
  expect(orderings).toBe(720)
})

test('T04 nor does it matter what comes twice, what is lost, and when the node is restarted', () => {
  for (const order of orders<Happening>([BEFORE, STOLEN, AFTER, ANEW])) {
    for (let crash = 0; crash <= order.length; crash++) {
      let world = new World()
      for (const [i, document] of [...order, ...order].entries()) {
        if (i === crash) world = new World({ saved: world.saved() })
        if (i !== crash + 1) happens(world, document, `peer ${i}`)
        world.at(world.now + 25_000)
      }
      catchUp(world)
      expect(stateOf(world)).toEqual(ONE_STATE)
    }
  }
})

test('T04 without a new epoch the stolen version holds: nothing but the owner gets the role out of it', () => {
  const world = new World().delegate(BEFORE)
  for (const document of [HONEST, STOLEN, at(1, 4, 5, 'publisher')]) world.receive(document)
  expect(world.held()).toBe(`acme ${LAST}`)
})

test('T04 what the thief says afterwards is refused by its head: nothing is fetched, and nothing is checked', () => {
  const world = new World().delegate(AFTER)
  world.receive(ANEW)
  const [checks, asked] = [world.checks, world.asked()]
  expect(asked).toEqual([])
  for (const late of [STOLEN, HONEST]) {
    const ticket = world.hear('thief', late)
    expect([world.asked(), world.verdicts().get(ticket)]).toEqual([[], 'ignore'])
  }
  world.hello('liar', [STOLEN], AFTER)
  expect([world.asked(), world.checks]).toEqual([[], checks])
  expect(world.audit.entries(world.now).map(({ entry }) => [entry.outcome, entry.version])).toContainEqual([
    ...['oldVersion', HONEST.signed.version],
  ])
  expect(world.submit(STOLEN)).toBeGreaterThan(0)
  expect([...world.submissions().values()]).toEqual(['oldVersion'])
  expect(stateOf(world)).toEqual(ONE_STATE)
})

test('T04 a head of an epoch that is not known yet makes a node ask for targets, not for what it names', () => {
  const world = new World().delegate(BEFORE)
  world.receive(STOLEN)
  world.hear('honest', ANEW)
  expect(world.asked()).toEqual(['honest targets'])
  expect(world.held()).toBe(`acme ${LAST}`)
})
