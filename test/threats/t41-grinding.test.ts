// T41 grinding: somebody enrols with the one id of very many that comes first in the order of a zone's reporters. It has the place for the
// day that it was ground for: the day is in the hash (clause REPORTER 2).
import { describe, expect, it } from 'vitest'
import { Places } from '../../src/core/fleet/reporters.ts'
import { DAY_0, named, sha256 } from '../core/fleet/reporter-world.ts'

const ZONE = '/uk/a'
const MATES = named(24, 'mate')
const GROUND = named(5_000, 'ground')

describe('T41 an id that was ground to report', () => {
  const places = new Places({ sha256 })
  /** The best of five thousand ids for one day: before all mates. */
  const ground = places.order(ZONE, DAY_0, GROUND)[0] as string
  const days = Array.from({ length: 200 }, (_, day) => DAY_0 + 1 + day)
  const placeOn = (day: number, zone = ZONE) => places.order(zone, day, [...MATES, ground]).indexOf(ground)

  it('has the place on the day that it was ground for', () => {
    expect(placeOn(DAY_0)).toBe(0)
  })

  it('does not hold it: on other days it is one of twenty-five', () => {
    const active = days.filter((day) => placeOn(day) === 0).length
    expect(active / days.length).toBeLessThan(0.12)
    const mean = days.reduce((sum, day) => sum + placeOn(day), 0) / days.length
    expect(mean).toBeGreaterThan(9)
    expect(mean).toBeLessThan(15)
  })

  it('has no better place above its zone, which has its own order', () => {
    const elsewhere = Array.from({ length: 200 }, (_, at) => `/uk/z${at}`)
    expect(elsewhere.filter((zone) => placeOn(DAY_0, zone) === 0).length / elsewhere.length).toBeLessThan(0.12)
  })

  it('every member has its turn', () => {
    const turns = new Set(days.map((day) => places.order(ZONE, day, MATES)[0]))
    expect(turns.size).toBe(MATES.length)
  })
})
