// History (clause HISTORY): what a node keeps of itself and of others, in which order, and what it answers to whom.
import { describe, expect, it } from 'vitest'
import type { Change } from '../../../src/core/events.ts'
import { metricValues } from '../../../src/core/fleet/metrics.ts'
import { BlockReader } from '../../../src/core/history/block.ts'
import { History } from '../../../src/core/history/history.ts'
import type { SavedBlock } from '../../../src/core/history/node-history.ts'
import { DAY, HOUR, limits, MINUTE, SECOND } from '../../../src/core/limits.ts'
import type { HistoryResponse } from '../../../src/core/protocols.ts'
import { Self } from '../../../src/core/self.ts'
import { decodeResponse, encodeResponse } from '../../../src/wire/messages.ts'
import { changesToWrites, readState } from '../../../src/wire/state.ts'
import { inviteOf, MESH, membershipOf, NOW, ROOT } from '../../fixtures/documents.ts'
import { sampleNode } from '../../wire/samples.ts'

const NODE = sampleNode(1)
const OWN = membershipOf({ node: 'host', invite: inviteOf({ seats: 1, founding: true }) })
const T = 10 * SECOND
const LOAD = 'node_load1'
const hour = { node: OWN.claims.node, tier: 'samples', series: [LOAD], since: HOUR, before: undefined } as const
const day = { ...hour, tier: 'minutes', since: DAY } as const

interface Setting {
  run?: number
  saved?: readonly SavedBlock[]
  now?: number
  wall?: number
  trusted?: boolean
  keeps?: (node: string) => boolean
}

function historyOf({ run = 1, saved = [], now = 0, wall = NOW, trusted = true, keeps = () => true }: Setting = {}) {
  const self = new Self(MESH, OWN, ROOT, wall, now)
  self.synchronised = trusted
  const parts = { self, promise: () => T, isKeeperOf: keeps, keepersOf: () => ['one', 'two'], contactsOf: () => [] }
  return new History(parts, run, saved, now)
}

const sample = (load: number, others: object = {}) => ({ metrics: metricValues({ node_load1: load, ...others }) })

/** Ages in seconds and values of the rows, oldest first. */
function rowsOf(response: HistoryResponse, name = LOAD): [age: number, value: number | null][] {
  return [...response.blocks].reverse().flatMap(({ first, age, payload }) => {
    const block = BlockReader.of(payload)
    const values = block?.values(name) ?? []
    return (block?.seconds(first) ?? []).map((second, at): [number, number | null] => [
      Math.round(age / SECOND) - (second - first),
      values[at] ?? null,
    ])
  })
}

const savedOf = (changes: readonly Change[]): SavedBlock[] =>
  changes.flatMap((change) => (change.type === 'history' ? [change.saved] : []))

describe('a node’s own values', () => {
  it('come back sample by sample for an hour, a silence as a silence', () => {
    const history = historyOf()
    for (let at = 0; at < 20; at++) if (at < 5 || at > 15) history.sampled(sample(at), at * T)
    const rows = rowsOf(history.answer(hour, 'self', 20 * T))
    expect(rows.map(([, value]) => value)).toEqual([0, 1, 2, 3, 4, 16, 17, 18, 19])
    expect(rows.map(([age]) => age)).toEqual([200, 190, 180, 170, 160, 40, 30, 20, 10])
  })

  it('are the mean of a minute for a gauge, and the last value for a counter', () => {
    const history = historyOf()
    for (let at = 0; at < 12; at++) history.sampled(sample(at % 6, { node_vmstat_oom_kill: at }), at * T)
    const answer = history.answer({ ...day, series: [LOAD, 'node_vmstat_oom_kill'] }, 'self', 2 * MINUTE)
    expect(rowsOf(answer).map(([, value]) => value)).toEqual([2.5, 2.5])
    expect(rowsOf(answer, 'node_vmstat_oom_kill').map(([, value]) => value)).toEqual([5, 11])
  })

  it('keep the least and the largest beside the mean of a quarter of an hour', () => {
    const history = historyOf()
    for (let at = 0; at < 90; at++) history.sampled(sample(at === 40 ? 9 : 1), at * T)
    const [block] = history.answer({ ...day, tier: 'quarters' }, 'self', 90 * T).blocks
    const reader = BlockReader.of(block?.payload ?? new Uint8Array())
    expect([reader?.values(LOAD, 'least'), reader?.values(LOAD, 'most')]).toEqual([[1], [9]])
    expect(reader?.values(LOAD)?.[0]).toBeCloseTo(98 / 90, 3)
  })

  it('with a name of their own are kept as far as there is room, and listed with the others', () => {
    const history = historyOf()
    const more = Array.from({ length: limits.historySeries + 5 }, (_, at) => ({
      ...{ name: 'soil_moisture', labels: [['bed', String(at)]] as const, unit: 'share', kind: 'untyped' as const },
      value: 0.1 + at,
    }))
    history.sampled({ ...sample(1), more }, 0)
    const { names } = history.answer({ ...hour, series: [] }, 'self', 1)
    expect(names).toContainEqual({ name: 'soil_moisture{bed="3"}', unit: 'share', kind: 'gauge', value: 3.1, age: 1 })
    expect(names).toHaveLength(limits.historySeries + 1)
    expect(history.sizes().named).toBe(limits.historySeries)
    const one = { ...hour, series: ['soil_moisture{bed="7"}'] }
    expect(rowsOf(history.answer(one, 'self', T), one.series[0])).toEqual([[10, 7.1]])
  })
})

describe('over restarts', () => {
  const earlier = () => {
    const history = historyOf()
    for (let at = 0; at < 12; at++) history.sampled(sample(at), at * T)
    return savedOf(history.flush(2 * MINUTE, true))
  }

  it('what was written is there again, as old as a clock that is vouched for says', async () => {
    const saved = earlier()
    const history = historyOf({ run: 2, saved, now: 500, wall: NOW + 2 * HOUR })
    expect(rowsOf(history.answer(day, 'self', 500)).map(([, value]) => value)).toEqual([2.5, 8.5])
    const [block] = history.answer(day, 'self', 500).blocks
    expect(block).toMatchObject({ certain: true, run: 1 })
    expect(Math.round((block?.age ?? 0) / MINUTE)).toBe(119)
  })

  it.each([
    ['nobody vouches for the clock', { wall: NOW + 2 * HOUR, trusted: false }],
    ['the clock went back by years', { wall: NOW - 700 * DAY, trusted: true }],
  ])('%s: order stays, and the age is told as uncertain', (_, clock) => {
    const history = historyOf({ run: 2, saved: earlier(), now: 0, ...clock })
    history.sampled(sample(100), 5 * MINUTE)
    history.sampled(sample(100), 6 * MINUTE)
    const answer = history.answer(day, 'self', 6 * MINUTE)
    expect(rowsOf(answer).map(([, value]) => value)).toEqual([2.5, 8.5, 100, 100])
    expect(rowsOf(answer).map(([age]) => age)).toEqual([...rowsOf(answer).map(([age]) => age)].sort((a, b) => b - a))
    expect(answer.blocks.map(({ run, certain }) => [run, certain])).toContainEqual([1, false])
  })

  it('a damaged block on disk costs that block', async () => {
    const writes = changesToWrites(
      earlier().map((saved): Change => ({ type: 'history', saved: { ...saved, node: NODE } })),
    )
    const entries = writes.filter(({ key }) => key.startsWith('history/'))
    const damaged = entries.map(({ key, value }, at) => ({ key, value: at === 0 ? Uint8Array.of(9, 9, 9) : value! }))
    const state = await readState({
      get: async () => undefined,
      entries: async (prefix) => damaged.filter(({ key }) => key.startsWith(prefix)),
    })
    expect(state.damaged).toEqual([entries[0]?.key])
    expect(state.history).toHaveLength(entries.length - 1)
  })
})

describe('other nodes’ values', () => {
  it('are kept of whom it is a witness of, once a minute, also when that node is silent', () => {
    const history = historyOf({ keeps: (node) => node === 'mate' })
    for (let at = 0; at < 12; at++) {
      history.heard('mate', { ...sample(at), promise: T }, at * T, at * T)
      history.heard('stranger', { ...sample(at), promise: T }, at * T, at * T)
    }
    const answer = history.answer({ ...day, node: 'mate' }, 'self', HOUR)
    expect(answer).toMatchObject({ own: false, tier: 'minutes', refused: undefined, keepers: ['one', 'two'] })
    expect(rowsOf(answer).map(([, value]) => value)).toEqual([2.5, 8.5])
    expect(history.answer({ ...day, node: 'stranger' }, 'self', HOUR)).toMatchObject({ refused: 'notKept' })
  })

  it('begin with this run: what another member heard before it and told us has no second on its clock', async () => {
    const history = historyOf({ now: 2_000 })
    history.heard('mate', { ...sample(7), promise: T }, 2_000 - T, 2_000)
    for (let at = 1; at < 12; at++) history.heard('mate', { ...sample(at), promise: T }, at * T, at * T)
    const body = history.answer({ ...day, node: 'mate' }, 'self', HOUR)
    const message = { protocol: 'history', body: { ...body, keepers: [] } } as const
    expect(decodeResponse('history', encodeResponse(message))).toEqual(message)
    expect(rowsOf(body).map(([, value]) => value)).toEqual([3, 8.5])
  })

  it('go after a day, from memory and from disk', () => {
    const history = historyOf()
    for (let at = 0; at < 12; at++) history.heard('mate', { ...sample(at), promise: T }, at * T, at * T)
    history.flush(HOUR, false)
    // The growing minute is closed by the one that follows it a day later.
    const changes = [2 * DAY, 2 * DAY + HOUR].flatMap((at) => {
      history.heard('mate', { ...sample(1), promise: T }, at, at)
      return history.flush(at, false)
    })
    expect(rowsOf(history.answer({ ...day, node: 'mate', since: 30 * DAY }, 'self', 2 * DAY + HOUR)).length).toBe(2)
    expect(changes.filter(({ type }) => type === 'forgetHistory')).toHaveLength(1)
  })

  it('are bounded however many nodes there are', () => {
    const history = historyOf()
    for (let at = 0; at < 4 * limits.historyNodes; at++)
      history.heard(`mate-${at}`, { ...sample(at), promise: T }, at * T, at * T)
    expect(history.sizes().nodes).toBeLessThanOrEqual(limits.historyNodes)
  })
})

describe('answers', () => {
  const full = () => {
    const history = historyOf()
    for (let at = 0; at < 6 * 60 * 24; at++) history.sampled(sample(at % 17), at * T)
    return history
  }

  it('are for zone-mates and operators', () => {
    const history = full()
    const asked = (zone: string, capabilities: ('node' | 'operator')[]) => {
      const asker = membershipOf({ node: 'asker', invite: inviteOf({ zone, capabilities }), claims: { zone } })
      return history.answer(day, asker, DAY).refused
    }
    expect(asked(OWN.claims.zone, ['node'])).toBeUndefined()
    expect(asked('/elsewhere', ['node'])).toBe('forbidden')
    expect(asked('/elsewhere', ['operator'])).toBeUndefined()
    expect(history.answer(day, undefined, DAY).refused).toBe('forbidden')
  })

  it('come in pages, newest first, that together are a day', () => {
    const history = full()
    const rows: number[] = []
    let before: HistoryResponse['blocks'][number] | undefined
    do {
      const body = history.answer({ ...day, before }, 'self', DAY)
      const message = { protocol: 'history', body } as const
      expect(decodeResponse('history', encodeResponse(message))).toEqual(message)
      before = body.more ? body.blocks.at(-1) : undefined
      rows.unshift(...rowsOf(body).map(([age]) => age))
    } while (before !== undefined)
    expect(rows).toHaveLength(24 * 60)
    expect(rows.every((age, at) => at === 0 || age < (rows[at - 1] as number))).toBe(true)
  })
})
