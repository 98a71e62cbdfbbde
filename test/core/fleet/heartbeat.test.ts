import { describe, expect, it } from 'vitest'
import type { Effect, Ticket } from '../../../src/core/events.ts'
import { Heartbeat } from '../../../src/core/fleet/heartbeat.ts'
import { limits } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import type { InstallReport } from '../../../src/core/rollout/states.ts'
import { testEnv } from '../env.ts'
import { record, T } from './helpers.ts'

function setUp(incarnation = 4, installs: () => readonly InstallReport[] = () => []) {
  const out = new Outbox()
  const terms = { minimum: T, installs, refused: () => undefined }
  const heartbeat = new Heartbeat(testEnv(), out, 'topic', { incarnation }, terms)
  const drain = () => out.drain()
  const ticketOf = (effects: Effect[]): Ticket => {
    const persist = effects.find((effect) => effect.type === 'persist')
    if (persist === undefined) throw new Error('nothing was persisted')
    return persist.ticket
  }
  const published = (effects: Effect[]) =>
    effects.flatMap((effect) => (effect.type === 'publish' ? [effect.record] : []))
  /** Runs one whole heartbeat: due, sampled, sent. */
  const beat = (now: number) => {
    heartbeat.check(now, 0, 1)
    heartbeat.sampled([1], now, 0, 1)
    return published(drain())
  }
  return { heartbeat, drain, ticketOf, published, beat }
}

describe('the heartbeat', () => {
  it('sends nothing before its incarnation is on disk', () => {
    const { heartbeat, drain, ticketOf, published, beat } = setUp(4)
    heartbeat.start()
    const first = drain()
    expect(first).toContainEqual(
      expect.objectContaining({ type: 'persist', sync: true, changes: [{ type: 'incarnation', incarnation: 5 }] }),
    )
    heartbeat.check(1e6, 0, 1)
    heartbeat.sampled([1], 1e6, 0, 1)
    heartbeat.hurry(1e6)
    heartbeat.goodbye(1e6, 0, 1)
    expect(published(drain())).toEqual([])
    heartbeat.persisted(ticketOf(first), 1e6)
    expect(beat(1e6)).toMatchObject([{ incarnation: 5, counter: 1, promise: T }])
  })

  it('tries the disk again after a failure, with the same incarnation', () => {
    const { heartbeat, drain, ticketOf, beat } = setUp(0)
    heartbeat.start()
    heartbeat.persistFailed(ticketOf(drain()), 0)
    expect(beat(T - 1)).toEqual([])
    heartbeat.check(T, 0, 1)
    const again = drain()
    expect(again).toContainEqual(
      expect.objectContaining({ type: 'persist', changes: [{ type: 'incarnation', incarnation: 1 }] }),
    )
    heartbeat.persisted(ticketOf(again), T)
    expect(beat(T)).toMatchObject([{ incarnation: 1, counter: 1 }])
  })

  it('keeps its promise: the next record is due before T, and counters grow by one', () => {
    const { heartbeat, drain, ticketOf, beat } = setUp()
    heartbeat.start()
    heartbeat.persisted(ticketOf(drain()), 0)
    let last = 0
    for (let counter = 1; counter < 50; counter++) {
      const now = heartbeat.deadline() as number
      expect(now - last).toBeLessThanOrEqual(limits.recordSendShare * T)
      expect(beat(now)).toMatchObject([{ counter }])
      last = now
    }
  })

  it('says of releases what is so when the record is sent, not when its sample was asked for', () => {
    const report: InstallReport = { release8: '00'.repeat(8), state: 'fetching', reason: undefined, percent: 0 }
    let installs = [report]
    const { heartbeat, drain, ticketOf, published } = setUp(4, () => installs)
    heartbeat.start()
    heartbeat.persisted(ticketOf(drain()), 0)
    heartbeat.check(0, 0, 1)
    installs = [{ ...report, percent: 40 }]
    heartbeat.sampled([1], 5, 0, 1)
    expect(published(drain())).toMatchObject([{ installs: [{ state: 'fetching', percent: 40 }] }])
  })

  it('does not wait for a probe that hangs: the promise holds with the last values', () => {
    const { heartbeat, drain, ticketOf, published, beat } = setUp()
    heartbeat.start()
    heartbeat.persisted(ticketOf(drain()), 0)
    beat(0)
    const due = heartbeat.deadline() as number
    heartbeat.check(due, 0, 1)
    expect(published(drain())).toEqual([])
    heartbeat.check(heartbeat.deadline() as number, 0, 1)
    expect(published(drain())).toMatchObject([{ counter: 2, metrics: [1] }])
  })

  it('sends at most one extra record per promise, however many links open', () => {
    const { heartbeat, drain, ticketOf, beat } = setUp()
    heartbeat.start()
    heartbeat.persisted(ticketOf(drain()), 0)
    beat(0)
    heartbeat.hurry(100)
    const early = heartbeat.deadline() as number
    expect(early).toBeLessThan(100 + 2 * limits.extraRecordDelay + 1)
    heartbeat.hurry(200)
    expect(heartbeat.deadline()).toBe(early)
  })

  it('jumps above a higher incarnation of itself, a bounded number of times', () => {
    const { heartbeat, drain, ticketOf, beat } = setUp(0)
    heartbeat.start()
    heartbeat.persisted(ticketOf(drain()), 0)
    beat(0)
    for (let jump = 1; jump <= limits.incarnationJumps; jump++) {
      const heard = heartbeat.incarnation + 5
      expect(heartbeat.heardOwn(record(heard, 3))).toBe(false)
      heartbeat.persisted(ticketOf(drain()), 0)
      expect(beat(0)).toMatchObject([{ incarnation: heard + 1, counter: 1 }])
    }
    expect(heartbeat.heardOwn(record(heartbeat.incarnation + 5, 3))).toBe(true)
  })

  it('takes its own echo and records of earlier runs for nothing', () => {
    const { heartbeat, drain, ticketOf, beat } = setUp(4)
    heartbeat.start()
    heartbeat.persisted(ticketOf(drain()), 0)
    beat(0)
    expect(heartbeat.heardOwn(record(5, 1))).toBe(false)
    expect(heartbeat.heardOwn(record(4, 900))).toBe(false)
    expect(heartbeat.incarnation).toBe(5)
    expect(drain()).toEqual([])
  })

  it('jumps above its own incarnation when that was used before: a card restored from an old image', () => {
    const { heartbeat, drain, ticketOf, beat } = setUp(4)
    heartbeat.start()
    heartbeat.persisted(ticketOf(drain()), 0)
    beat(0)
    expect(heartbeat.heardOwn(record(5, 800))).toBe(false)
    heartbeat.persisted(ticketOf(drain()), 0)
    expect(beat(0)).toMatchObject([{ incarnation: 6, counter: 1 }])
  })

  it('never jumps beyond the last incarnation', () => {
    const { heartbeat, drain } = setUp(4)
    heartbeat.start()
    drain()
    expect(heartbeat.heardOwn(record(limits.incarnationMax, 1))).toBe(true)
    expect(heartbeat.incarnation).toBe(5)
  })
})
