// T41 grinding: somebody enrols with the ids of very many that come first in the order of a zone's reporters, or nearest to a node whose
// witnesses they want to be. They have the places for the day that they were ground for: the day is in the hash (clauses REPORTER 2,
// WITNESS 1), and no member can say what day it is.
import { describe, expect, it } from 'vitest'
import { Day } from '../../src/core/fleet/day.ts'
import { Places } from '../../src/core/fleet/reporters.ts'
import { View } from '../../src/core/fleet/view.ts'
import { Witnesses } from '../../src/core/fleet/witnesses.ts'
import { limits } from '../../src/core/limits.ts'
import { Outbox } from '../../src/core/outbox.ts'
import { envelope, record } from '../core/fleet/helpers.ts'
import { D, DAY_0, digest, figuresOf, named, reporter, sha256, signed } from '../core/fleet/reporter-world.ts'

const ZONE = '/uk/a'
const MATES = named(24, 'mate')
const GROUND = named(5_000, 'ground')
const LATER = Array.from({ length: 200 }, (_, day) => DAY_0 + 1 + day)

describe('T41 an id that was ground to report', () => {
  const places = new Places({ sha256 })
  /** The best of five thousand ids for one day: before all mates. */
  const ground = places.order(ZONE, DAY_0, GROUND)[0] as string
  const placeOn = (day: number, zone = ZONE) => places.order(zone, day, [...MATES, ground]).indexOf(ground)

  it('has the place on the day that it was ground for', () => {
    expect(placeOn(DAY_0)).toBe(0)
  })

  it('does not hold it: on other days it is one of twenty-five', () => {
    const active = LATER.filter((day) => placeOn(day) === 0).length
    expect(active / LATER.length).toBeLessThan(0.12)
    const mean = LATER.reduce((sum, day) => sum + placeOn(day), 0) / LATER.length
    expect(mean).toBeGreaterThan(9)
    expect(mean).toBeLessThan(15)
  })

  it('has no better place above its zone, which has its own order', () => {
    const elsewhere = Array.from({ length: 200 }, (_, at) => `/uk/z${at}`)
    expect(elsewhere.filter((zone) => placeOn(DAY_0, zone) === 0).length / elsewhere.length).toBeLessThan(0.12)
  })

  it('every member has its turn', () => {
    const turns = new Set(LATER.map((day) => places.order(ZONE, day, MATES)[0]))
    expect(turns.size).toBe(MATES.length)
  })
})

describe('T41 ids that were ground to witness a node', () => {
  const node = 'mate0'

  /** The witnesses of the node in a zone that these have joined, on any day. */
  function witnessesOf(joined: readonly string[]) {
    const view = new View('mate1', new Outbox())
    for (const member of [...MATES, ...joined])
      view.accept(member, record(1, limits.witnessSettled), envelope(member), 0)
    const clock = { day: DAY_0 }
    const [self, isFlapping] = [{ node: 'mate1' }, () => false]
    const witnesses = new Witnesses({
      ...{ env: { sha256 }, self, view, day: { at: () => clock.day } },
      isFlapping,
      changes: () => 0,
    })
    return (day: number) => {
      clock.day = day
      return witnesses.of(node, 0)
    }
  }

  /** All three, of five thousand: nobody else is asked whether the node is gone. */
  const ground = witnessesOf(GROUND.slice(0, 450))(DAY_0).filter((one) => one.startsWith('ground'))
  const on = witnessesOf(ground)

  it('have all of its places on the day that they were ground for', () => {
    expect(on(DAY_0)).toEqual(ground)
    expect(ground).toHaveLength(limits.witnesses)
  })

  it('do not hold them: on other days each is one of twenty-six, and they are never all of them', () => {
    const held = LATER.map((day) => on(day).filter((one) => ground.includes(one)).length)
    expect(Math.max(...held)).toBeLessThan(limits.witnesses)
    expect(held.reduce((sum, count) => sum + count, 0) / LATER.length).toBeLessThan(0.7)
  })
})

describe('T41 the day', () => {
  it('is not for a reporter to choose that names the one it was ground for: a zone hears others, and each has one voice', () => {
    const self = { synchronised: false, wallAt: () => undefined, time: { bound: 0, wall: 0, synchronised: false } }
    const day = new Day(self)
    for (const by of MATES.slice(0, 3)) day.named(DAY_0 + 5, by, 0)
    for (let i = 0; i < 1_000; i++) day.named(DAY_0, 'ground', i)
    expect(day.at(1_000)).toBe(DAY_0 + 5)
  })

  it('is not that of the summary for whoever hands it down', () => {
    const world = reporter({ node: 'self' })
    world.record('self', 3, 0)
    world.reporting.check(0)
    world.knows('top', '/uk/b')
    const heard = { from: 'top', topic: 'dig/uk', envelope: signed('top') }
    world.gossip.handle({ type: 'digestHeard', ticket: 1, ...heard, digest: digest('/uk/b', 9) }, 0)
    const summary = { day: DAY_0 + 7, made: 0, age: 0, figures: figuresOf(9) }
    const told = { ...heard, envelope: signed('top', 'sum') }
    world.gossip.handle({ type: 'summaryHeard', ticket: 2, ...told, summary }, 1)
    expect(world.effects('verdict').map(({ verdict }) => verdict)).toEqual(['accept', 'accept'])
    world.reporting.check(D)
    const passed = world.effects('publishSummary')
    expect(passed.length).toBeGreaterThan(0)
    for (const { summary: one } of passed) expect(one.day).toBe(DAY_0)
  })
})
