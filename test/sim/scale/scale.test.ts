// The simulator at scale as a regression: what a plain node pays in a fleet of 100, what its summary says when sites are dark, and that a node
// that is gone is noticed; besides its scenarios and its words.
import { describe, expect, it } from 'vitest'
import { Prng } from '../prng.ts'
import { detect, parseDetectOptions } from './detect.ts'
import { missed, ratioOf, rowOf, type ScaleRow } from './figures.ts'
import { ScaleFleet } from './fleet.ts'
import { parseScaleOptions } from './options.ts'
import { namedScaleScenario, nodesOf, parseScaleScenario, scaleScenarios } from './scenario.ts'
import { Troubles } from './troubles.ts'

/** Ms of a machine that has other things to do. */
const PATIENCE = 600_000

async function run(name: string, minutes: number, seed = 1): Promise<ScaleRow> {
  const fleet = new ScaleFleet({ ...namedScaleScenario(name), warmMinutes: 3 }, seed)
  await fleet.settle()
  new Troubles(fleet, new Prng(1).fork('troubles')).schedule()
  await fleet.run(minutes * 60_000)
  return rowOf(fleet, 0, 0)
}

describe('a fleet at scale', () => {
  it(
    'costs a plain node what its zone costs, and its reporters a little more',
    async () => {
      // Long enough that who was looked at by two reporters in a row does not pay that for a large part of it.
      const row = await run('scale-100', 5)
      expect(missed(row)).toEqual([])
      expect([row.zones, row.view.held, row.view.zones, row.view.nodes]).toEqual([4, 1, 4, 100])
      expect(row.plain?.lanIn.median).toBeLessThan(2_600)
      expect(row.plain?.wanIn.median).toBeLessThan(100)
      expect(row.plain?.kinds.digest?.lanIn).toBe(0)
      expect(row.reporters?.kinds.digest?.wanIn).toBeGreaterThan(0)
      // One check for each record of its 24 mates in 11 s, and few besides.
      expect(row.plain?.checksPerSecond.max).toBeLessThan(3)
      // Each record comes by two or three neighbours of the mesh.
      expect(row.copies / row.delivered).toBeGreaterThan(1.5)
      expect(row.copies / row.delivered).toBeLessThan(3.2)
    },
    PATIENCE,
  )

  it(
    'becomes one fleet, however its members met first: whoever summarises a part of it finds the rest',
    async () => {
      const scenario = parseScaleScenario({ name: 'x', regions: 2, sites: 2, nodesPerSite: 15, warmMinutes: 6 }, 'x')
      for (const seed of [1, 2, 3]) {
        const fleet = new ScaleFleet(scenario, seed)
        await fleet.settle()
        const counted = fleet.machines.map(({ core }) => core?.fleet(fleet.queue.now).summary?.figures.counts.up)
        expect([seed, new Set(counted)]).toEqual([seed, new Set([60])])
      }
    },
    PATIENCE,
  )

  it(
    'says which of its zones are dark, and counts their nodes nowhere (D4)',
    async () => {
      const { view } = await run('dark-10-percent', 4)
      expect([view.held, view.zones, view.dark, view.nodes]).toEqual([1, 36, 4, 360])
      expect(view.darkNames).toHaveLength(4)
    },
    PATIENCE,
  )

  it(
    'opens next to no connections once it stands, also where all of it is one LAN in cells',
    async () => {
      const site = parseScaleScenario({ name: 'x', regions: 1, sites: 1, nodesPerSite: 96, cells: 8 }, 'x')
      const fleet = new ScaleFleet({ ...site, warmMinutes: 4 }, 1)
      await fleet.settle()
      await fleet.run(2 * 60_000)
      const { plain, links } = rowOf(fleet, 0, 0)
      expect(links).toBeGreaterThan(6)
      expect(plain?.kinds.gate?.lanIn).toBeLessThan(20)
    },
    PATIENCE,
  )

  it(
    'notices who is gone within the bars, and accuses nobody else (D2)',
    async () => {
      const plan = { loss: 0.05, starved: 0, localHealth: true }
      const row = await detect(namedScaleScenario('detection'), plan, { nodeDays: 0.4, seed: 1 })
      expect([row.kill.missed, row.powerCut.missed, row.falseOfWell]).toEqual([0, 0, 0])
      expect(row.kill.ended).toBeGreaterThan(2)
      expect(row.kill.zone?.p99).toBeLessThan(8)
      expect(row.powerCut.zone?.p99).toBeLessThan(2 * 12.5 + 8)
    },
    PATIENCE,
  )
})

describe('scenarios of the scale', () => {
  it('are files that parse', () => {
    const nodes = Object.fromEntries(scaleScenarios().map((name) => [name, nodesOf(namedScaleScenario(name))]))
    expect(nodes).toMatchObject({ 'scale-10000': 10_000, 'site-2500-in-cells': 2_500, 'uncut-500': 500 })
  })

  it('refuse in one sentence what they do not know', () => {
    const refused: [unknown, RegExp][] = [
      [[], /is not a JSON object$/],
      [{ zones: 4 }, /has an unknown key "zones"$/],
      [{ regions: '2' }, /"regions" must be a number$/],
      [{ nodesPerSite: 600 }, /a zone of 600 nodes does not fit a view of 512/],
      [{ regions: 0 }, /the fleet has 0 nodes/],
      [{ loss: 1 }, /"loss" must be/],
      [{ troubles: [{ what: 'flood' }] }, /"what" is one of kill, powerCut, cut, off, not "flood"$/],
      [{ starving: { pause: { min: 0 } } }, /"pause" needs 0 < min <= max$/],
    ]
    for (const [json, sentence] of refused) expect(() => parseScaleScenario(json, 'x')).toThrow(sentence)
    expect(() => namedScaleScenario('none')).toThrow(/^there is no scenario "none" of the scale; there are both-/)
  })
})

describe('the words', () => {
  it('of scale and detect take what they know', () => {
    expect(parseScaleOptions(['--scenario=scale-100,uncut-500', '--minutes', '2']).scenarios).toMatchObject([
      { name: 'scale-100', minutes: 2 },
      { name: 'uncut-500', minutes: 2 },
    ])
    expect(parseDetectOptions(['--loss=0.1', '--starved', '', '--node-days=1'])).toMatchObject({
      losses: [0.1],
      starved: [],
      nodeDays: 1,
    })
    for (const args of [['--scenario', 'none'], ['--minutes', '0'], ['--nodes=3'], ['x']])
      expect(() => parseScaleOptions(args)).toThrow()
    for (const args of [['--starved=101'], ['--loss', '2'], ['--seeds=3']])
      expect(() => parseDetectOptions(args)).toThrow(/^--/)
  })

  it('say which bars a run misses', () => {
    const spread = (median: number) => ({ median, p99: median, max: median })
    const row = (nodes: number, lan: number) =>
      ({
        ...{ scenario: 'x', nodes, zones: nodes / 25, speed: 0.5, memory: 2 ** 30 },
        plain: { lanIn: spread(lan), wanIn: spread(100), in: spread(lan + 100) },
      }) as ScaleRow
    expect(missed(row(100, 1_000))).toEqual([])
    expect(missed(row(10_000, 4_100))).toEqual([
      'x: what a plain node takes in on the LAN (p99) is 4100 B/s, above 4000',
      'x: it is 0.5 times as fast as real time, not faster',
    ])
    expect(ratioOf([row(100, 900), row(10_000, 1_100)])).toBe(1.2)
  })
})
