// Each checker fed with a trace that breaks its invariant, and with the nearest one that does not: a checker that cannot fail
// would let everything pass.
import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { EventQueue } from '../queue.ts'
import { namedScenario } from '../scenario.ts'
import { boundsOf, redial } from './bounds.ts'
import { Convergence } from './convergence.ts'
import { Detection } from './detection.ts'
import { RecordOrder } from './order.ts'
import { Progress, WAKES_PER_SECOND } from './progress.ts'
import { oversize, type Sizes } from './sizes.ts'
import { Steadiness } from './steadiness.ts'
import { Views } from './views.ts'

const T = 10_000
const bounds = boundsOf({ ...namedScenario('small'), loss: 0.05 })
const MEMBERS = 3

/** Three nodes of one zone, watched; `reports` collects what does not hold. */
function zone() {
  const queue = new EventQueue()
  const views = new Views()
  const steadiness = new Steadiness(bounds)
  const reports: string[] = []
  const report = (invariant: string, node: number, detail: string) => reports.push(`${invariant} ${node} ${detail}`)
  const mates = (node: number) => [0, 1, 2].filter((other) => other !== node)
  for (const node of [0, 1, 2]) steadiness.add(node, MEMBERS)
  const parts = { queue, bounds, steadiness, views, report }
  const detection = new Detection({ ...parts, mates })
  const present = () => ({ all: [0, 1, 2], settled: [0, 1, 2].filter((node) => steadiness.settled(node, queue.now)) })
  const convergence = new Convergence({ ...parts, present })
  const start = (node: number) => {
    steadiness.started(node, queue.now)
    detection.started(node)
  }
  const stop = (node: number) => {
    steadiness.stopped(node)
    detection.stopped(node, { promise: T, how: 'killed', steady: true })
  }
  const shows = (observer: number, subject: number, status: 'up' | 'late' | 'down' | 'left') => {
    const from = views.get(observer, subject)
    views.set(observer, subject, status)
    detection.shows(observer, subject, from, status)
  }
  const until = async (time: number) => {
    for (let now = queue.now; now < time; now += 1_000) {
      await queue.run(Math.min(time, now + 1_000))
      detection.check()
    }
  }
  for (const node of [0, 1, 2]) start(node)
  for (const a of [0, 1, 2]) for (const b of mates(a)) shows(a, b, 'up')
  return { queue, steadiness, detection, convergence, reports, start, stop, shows, until }
}

const STEADY = bounds.start(MEMBERS)

describe('I1: a living node is not shown as gone for longer than the bound', () => {
  it('reports a rumour that outlasts it', async () => {
    const { shows, until, reports } = zone()
    await until(STEADY)
    shows(0, 1, 'down')
    await until(STEADY + bounds.rumour(MEMBERS))
    expect(reports).toEqual([])
    await until(STEADY + bounds.rumour(MEMBERS) + 2_000)
    expect(reports).toEqual([expect.stringMatching(/^I1 0 shows #1 as down for \d+ ms although it lives/)])
  })

  it('reports a `left` of a node that came back', async () => {
    const { shows, stop, start, until, reports } = zone()
    stop(1)
    shows(0, 1, 'left')
    shows(2, 1, 'left')
    start(1)
    shows(2, 1, 'up')
    await until(2 * STEADY + bounds.rumour(MEMBERS))
    expect(reports).toHaveLength(1)
  })

  it('forgives one that ends in time, and counts it', async () => {
    const { shows, until, reports, detection } = zone()
    await until(STEADY)
    shows(0, 1, 'down')
    await until(STEADY + 5_000)
    shows(0, 1, 'up')
    await until(10 * STEADY)
    expect([reports, detection.stats]).toEqual([[], { ...detection.stats, falseDowns: 1, longestFalseDown: 5_000 }])
  })

  it('holds nobody to it during a partition, or while a clock lies', async () => {
    const { shows, until, reports, steadiness, queue } = zone()
    await until(STEADY)
    steadiness.cut(0, queue.now)
    steadiness.clock(2, true, queue.now)
    shows(0, 1, 'down')
    shows(2, 1, 'down')
    await until(10 * STEADY)
    expect(reports).toEqual([])
    steadiness.healed(0, queue.now)
    steadiness.clock(2, false, queue.now)
    await until(10 * STEADY + bounds.heal(9 * STEADY, MEMBERS) + bounds.rumour(MEMBERS) + 2_000)
    expect(reports).toHaveLength(2)
  })
})

describe('I7: a dead node is shown as gone in time and stays so', () => {
  const BOUND = Math.ceil(bounds.detection(T, 1))

  it('reports whoever still shows it as up or late', async () => {
    const { stop, shows, until, reports } = zone()
    stop(2)
    shows(1, 2, 'down')
    shows(0, 2, 'late')
    await until(BOUND - 1)
    expect(reports).toEqual([])
    await until(BOUND)
    expect(reports).toEqual([`I7 0 shows #2 as late ${BOUND} ms after it ended`])
  })

  it('gives a node without links twice the time, and no more', async () => {
    const { stop, shows, until, reports, steadiness } = zone()
    stop(2)
    shows(1, 2, 'down')
    steadiness.isolated(0, 5)
    await until(BOUND + 1_000)
    expect(reports).toEqual([])
    await until(bounds.detection(T, limits.isolatedPatience) + 1_000)
    expect(reports).toHaveLength(1)
  })

  it('expects it of a node that started after the death, but not of one that ended too', async () => {
    const { stop, start, shows, until, reports } = zone()
    stop(2)
    stop(0)
    shows(1, 2, 'down')
    shows(1, 0, 'down')
    await until(BOUND + 10_000)
    expect(reports).toEqual([])
    start(0)
    shows(1, 0, 'up')
    await until(2 * BOUND + 12_000)
    expect(reports).toEqual([expect.stringMatching(/^I7 0 shows #2 as up/)])
  })

  it('reports a resurrection by nobody but an old record', async () => {
    const { stop, start, shows, until, reports } = zone()
    await until(STEADY)
    stop(2)
    await until(STEADY + BOUND - 1_000)
    for (const observer of [0, 1]) shows(observer, 2, 'down')
    shows(0, 2, 'up')
    expect(reports).toEqual([expect.stringMatching(/^I7 0 shows #2 as up again/)])
    start(2)
    shows(1, 2, 'up')
    expect(reports).toHaveLength(1)
  })
})

describe('I9: false alarms are as rare as loss makes them', () => {
  it('reports more of them than are explained', async () => {
    for (const [count, verdicts] of [
      [bounds.falseDowns(100), 0],
      [bounds.falseDowns(100) + 1, 1],
    ] as const) {
      const { shows, until, reports, detection } = zone()
      await until(STEADY)
      detection.published(100)
      for (let i = 0; i < count; i++) {
        shows(0, 1, 'down')
        await until(STEADY + (i + 1) * 1_000)
        shows(0, 1, 'up')
      }
      detection.finish()
      expect(reports).toHaveLength(verdicts)
    }
  })
})

describe('I2: views agree in time', () => {
  it('counts the rounds until they do', async () => {
    const { shows, until, reports, convergence, queue } = zone()
    await until(STEADY)
    shows(0, 1, 'down')
    convergence.expect('/z', MEMBERS, 0)
    await until(queue.now + 2.5 * T)
    shows(0, 1, 'up')
    await until(queue.now + 20 * T)
    expect([reports, convergence.stats.slowestRounds, convergence.open]).toEqual([[], 3, 0])
  })

  it('reports two that do not, by name', async () => {
    const { shows, until, reports, convergence } = zone()
    await until(STEADY)
    shows(0, 1, 'late')
    convergence.expect('/z', MEMBERS, 30_000)
    await until(STEADY + bounds.convergence(30_000, MEMBERS) + T)
    expect(reports).toEqual([expect.stringMatching(/^I2 0 shows #1 as late \d+ rounds after zone \/z/)])
  })

  it('expects nothing while the zone is torn again', async () => {
    const { shows, until, reports, convergence } = zone()
    shows(0, 1, 'down')
    convergence.expect('/z', MEMBERS, 0)
    convergence.cancel('/z')
    await until(bounds.convergence(0, MEMBERS) + T)
    expect([convergence.open, reports]).toEqual([0, []])
  })
})

describe('I3: tables stay within their limits', () => {
  const within: Sizes = {
    view: 512,
    ballots: 64,
    suspects: 64,
    parked: 64,
    memberships: 1_024,
    contacts: 100,
    links: 44,
    reach: 44,
    queries: 1,
    inquiries: 1,
    sightings: 1,
    descents: 1,
    history: 300_000,
    greetings: 44,
    rivals: 1,
    dialPauses: 9,
    alerts: 64,
    statements: 2,
    audit: 9,
    children: 9,
    digests: 9,
    misconduct: 2,
    releases: {
      heads: 3,
      installs: 1,
      holdings: 2,
      downloads: 1,
      tickets: 4,
      peers: 44,
      streams: 44,
      requestBytes: 4_194_304,
      serving: 6,
      bans: 2,
      tried: 5,
      directory: 1,
    },
  }

  it('names the one that does not', () => {
    expect(oversize(within)).toBeUndefined()
    expect(oversize({ ...within, parked: limits.parkedRecords + 1 })).toBe('parked holds 65, and its limit is 64')
    const { releases, ...own } = within
    for (const key of Object.keys(own)) expect(oversize({ ...within, [key]: 1e9 })).toContain(`${key} holds 1000000000`)
    for (const key of Object.keys(releases))
      expect(oversize({ ...within, releases: { ...releases, [key]: 1e9 } })).toContain(`${key} holds 1000000000`)
    expect(oversize({ ...within, view: Number.NaN })).toContain('view')
  })
})

describe('I4: the order of a node`s own records', () => {
  it('accepts growth, and refuses repetition, return and haste', () => {
    const order = new RecordOrder()
    order.started(1)
    expect(order.published(1, { incarnation: 1, counter: 1 }, 1)).toBeUndefined()
    expect(order.published(1, { incarnation: 1, counter: 2 }, 1)).toBeUndefined()
    expect(order.published(1, { incarnation: 1, counter: 2 }, 1)).toContain('published 1.2 after 1.2')
    expect(order.published(1, { incarnation: 2, counter: 1 }, 2)).toBeUndefined()
    expect(order.published(1, { incarnation: 1, counter: 9 }, 2)).toContain('published 1.9 after 2.1')
    expect(order.published(1, { incarnation: 3, counter: 1 }, 2)).toContain('with incarnation 2 on disk')
  })

  it('refuses the incarnation of an earlier run', () => {
    const order = new RecordOrder()
    order.started(1)
    order.published(1, { incarnation: 4, counter: 1 }, 4)
    order.started(1)
    expect(order.published(1, { incarnation: 4, counter: 2 }, 4)).toContain('used before the last start')
    expect(order.published(2, { incarnation: 1, counter: 1 }, 1)).toBeUndefined()
  })
})

describe('I5: deadlines lie ahead and waking helps', () => {
  it('refuses a deadline in the past', () => {
    const progress = new Progress()
    expect(progress.after(1, false, 500, 500)).toBeUndefined()
    expect(progress.after(1, false, 500, undefined)).toBeUndefined()
    expect(progress.after(1, false, 500, 499)).toBe('wants to be woken 1 ms ago')
    expect(progress.after(1, false, 500, Number.NaN)).toContain('wants to be woken')
  })

  it('refuses a busy loop', () => {
    const progress = new Progress()
    for (let i = 0; i < WAKES_PER_SECOND; i++) expect(progress.after(1, true, 500, 501)).toBeUndefined()
    expect(progress.after(1, false, 500, 501)).toBeUndefined()
    expect(progress.after(1, true, 500, 501)).toContain('woken 51 times')
    expect(progress.after(1, true, 1_000, 1_001)).toBeUndefined()
  })
})

describe('the bounds', () => {
  it('grow with loss, with the promise and with the separation', () => {
    const lossy = boundsOf({ ...namedScenario('small'), loss: 0.2 })
    expect(lossy.losses).toBeGreaterThan(bounds.losses)
    expect([bounds.losses, bounds.promise(8), bounds.promise(40)]).toEqual([7, 10_000, 20_000])
    expect(bounds.rumour(40)).toBeGreaterThan(bounds.rumour(8))
    expect(bounds.heal(60_000, 8)).toBeGreaterThan(bounds.heal(0, 8))
  })

  it('hold for the worst back-off that the dialler can have drawn', () => {
    for (const separation of [0, 10_000, 60_000, 3_600_000]) {
      let paused = 0
      let nominal = limits.dialBackoffMin
      while (paused + nominal / 2 <= separation) {
        paused += nominal / 2
        nominal = Math.min(limits.dialBackoffMax, 2 * nominal)
      }
      expect(1.5 * nominal).toBeLessThanOrEqual(redial(separation))
    }
  })
})
