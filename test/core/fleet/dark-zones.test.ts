// Dark zones as news: each once, whatever the summary has room for, and back only who was dark.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DarkZones } from '../../../src/core/fleet/dark-zones.ts'
import { limits } from '../../../src/core/limits.ts'
import type { NodeEvent } from '../../../src/core/node-events.ts'
import { D, digest, figuresOf, reporter, spoken } from './reporter-world.ts'

function setUp(zone = '/', isNode = false) {
  const events: NodeEvent[] = []
  const news = new DarkZones({ out: { event: (event) => void events.push(event) }, self: { zone, isNode } }, D)
  let now = 0
  /** A look at a summary that names these zones. */
  const look = (darkZones: readonly string[], dark = darkZones.length) => {
    news.check(() => figuresOf(9, { dark, darkZones }), now)
    now += D
    return events.splice(0)
  }
  return { look, news, events }
}

describe('a zone that goes dark', () => {
  it('is told once, when it was named twice in a row, and again when it is back', () => {
    const { look } = setUp()
    expect([look([]), look(['/uk/a'])]).toEqual([[], []])
    expect(look(['/uk/a'])).toEqual([{ type: 'zoneDark', zones: ['/uk/a'], dark: 1 }])
    expect(look(['/uk/a'])).toEqual([])
    expect(look([])).toEqual([{ type: 'zoneBack', zones: ['/uk/a'], after: 3 * D, dark: 0 }])
    expect([look(['/uk/a']), look(['/uk/a'])]).toEqual([[], [{ type: 'zoneDark', zones: ['/uk/a'], dark: 1 }]])
  })

  it('with others is one event', () => {
    const { look } = setUp()
    look(['/uk/a', '/uk/b', '/us'], 12)
    expect(look(['/uk/a', '/uk/b', '/us'], 12)).toEqual([
      { type: 'zoneDark', zones: ['/uk/a', '/uk/b', '/us'], dark: 12 },
    ])
    expect(look(['/us'], 10)).toEqual([{ type: 'zoneBack', zones: ['/uk/a', '/uk/b'], after: 2 * D, dark: 10 }])
  })

  it('is not told of who has just begun to listen, and hears of it a moment later', () => {
    const { look } = setUp()
    expect([look(['/uk/a', '/uk/b']), look([])]).toEqual([[], []])
  })

  it('is not our own', () => {
    const { look } = setUp('/uk/a', true)
    look(['/uk/a', '/uk/b', '/uk'])
    expect(look(['/uk/a', '/uk/b', '/uk'])).toEqual([{ type: 'zoneDark', zones: ['/uk/b'], dark: 3 }])
  })

  it('is not back because its name was cut off', () => {
    const { look } = setUp()
    const many = Array.from({ length: limits.darkNames }, (_, at) => `/z${String(at + 10)}`)
    look(many)
    expect(look(many)).toHaveLength(1)
    const shifted = ['/a', ...many.slice(0, -1)]
    expect(look(shifted, 17)).toEqual([])
    expect(look(shifted, 17)).toEqual([{ type: 'zoneDark', zones: ['/a'], dark: 17 }])
    // A digest had no room for more than three, and then for none.
    expect([look(many.slice(0, 3), 17), look([], 17)]).toEqual([[], []])
    expect(look([])).toMatchObject([{ type: 'zoneBack', dark: 0 }])
  })

  it('is not back because one of the levels that its name came by had no room for it: any number may be left', () => {
    const { look } = setUp()
    const named = ['/nl/a', '/nl/b', '/uk/a', '/uk/b', '/uk/c', '/uk/d', '/uk/e']
    look(named)
    expect(look(named)).toHaveLength(1)
    // The digest of /uk names three of five, and a summary the first four of all.
    expect([look(named.slice(0, 5), 7), look(named.slice(0, 4), 7)]).toEqual([[], []])
    expect(look(named.slice(1, 5), 6)).toMatchObject([{ type: 'zoneBack' }])
  })

  it('is looked at once per D, and costs a bounded number of names', () => {
    const { look, news, events } = setUp()
    look(['/uk/a'])
    for (let now = 1; now < D; now += 1_000) news.check(() => figuresOf(1, { dark: 1, darkZones: ['/uk/a'] }), now)
    expect(events).toEqual([])
    let told = 0
    for (let at = 0; at < 3 * limits.darkTold; at += limits.darkNames) {
      const names = Array.from({ length: limits.darkNames }, (_, k) => `/z${at + k}`).sort()
      for (const event of [...look(names, 1_000), ...look(names, 1_000)])
        if (event.type === 'zoneDark') told += event.zones.length
    }
    expect(told).toSatisfy((names: number) => names > limits.darkNames && names <= limits.darkTold)
    expect(look([])).toMatchObject([{ type: 'zoneBack', zones: { length: told } }])
  })

  it('and comes back, whatever comes: the two alternate for each zone', () => {
    const zones = fc.subarray(['/a', '/b', '/c', '/d'])
    fc.assert(
      fc.property(fc.array(zones, { maxLength: 40 }), (looks) => {
        const { look } = setUp()
        const dark = new Set<string>()
        for (const named of [...looks, [], []]) {
          for (const event of look(named)) {
            if (event.type === 'zoneDark') for (const zone of event.zones) expect(dark.has(zone)).toBe(false)
            if (event.type === 'zoneDark') for (const zone of event.zones) dark.add(zone)
            if (event.type === 'zoneBack') for (const zone of event.zones) expect(dark.delete(zone)).toBe(true)
          }
        }
        expect(dark.size).toBe(0)
      }),
    )
  })
})

it('an operator’s peer tells of a site that fell silent, and of its return, from the digests that it hears', () => {
  const one = reporter({ operator: true, zone: '/' })
  one.reporting.check(0)
  const level = one.reporting.levelOf('dig/') as never
  const events = () => one.effects('event').map(({ event }) => event)
  for (const zone of ['/a', '/b']) one.reporting.took(level, spoken(`r${zone}`, digest(zone, 25), 0), 0)
  for (let now = 1_000; now <= 12 * D; now += 1_000) {
    if (now % D === 0) one.reporting.took(level, spoken('r/a', digest('/a', 25, { counter: 1 + now / D }), now), now)
    if (now === 10 * D) one.reporting.took(level, spoken('r/b', digest('/b', 25, { counter: 2 }), now), now)
    one.reporting.check(now)
  }
  expect(events().filter(({ type }) => type.startsWith('zone'))).toEqual([
    { type: 'zoneDark', zones: ['/b'], dark: 1 },
    { type: 'zoneBack', zones: ['/b'], after: expect.any(Number), dark: 0 },
  ])
})
