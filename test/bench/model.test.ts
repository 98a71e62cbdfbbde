// The reality check of the simulator's model, small: that what comes in is told apart by kind, whole and without a rest that nobody
// can explain. Whether the model is right takes the sixty nodes and five minutes of `npm run bench -- model`.
import { afterAll, describe, expect, it } from 'vitest'
import { laboratories, ownerOf } from '../lab/owner.ts'
import { whyNot } from '../lab/shell.ts'
import type { FrameCounts } from './frame-counts.ts'
import { benchModel, type ModelRow, rowsOf } from './model.ts'
import { ratesOf, wholeOf } from './model-rates.ts'
import type { NodeReading } from './model-real.ts'

const control = { ihave: 0, ihaveIds: 0, iwant: 0, iwantIds: 0, idontwantIds: 0, graft: 0, prune: 0, subscriptions: 0 }
const nothing: FrameCounts = {
  ...{ noise: 0, connections: 0, streams: {} },
  gossip: { messages: {}, rpcs: 0, carrying: 0, control },
}
const reading = (at: number, bytesIn: number, counts: FrameCounts): NodeReading => ({
  ...{ at, zone: '/a', cpuMs: 0, bytesIn, links: 1, mateRecords: 0, counts },
})

describe('bytes by kind', () => {
  it('are a stream with the frames around it, gossip by what it carried, and the rest as connections', () => {
    const counts: FrameCounts = {
      ...nothing,
      noise: 10,
      streams: {
        '/pimesh/hello/1': { streams: 1, frames: 4, bytes: 200 },
        '/pimesh/relay/1': { streams: 1, frames: 1, bytes: 5 },
        '/meshsub/1.2.0': { streams: 1, frames: 3, bytes: 700 },
        pings: { streams: 0, frames: 2, bytes: 0 },
      },
      gossip: { ...nothing.gossip, messages: { rec: { messages: 2, bytes: 500 } }, rpcs: 3, carrying: 2 },
    }
    const { kinds, reports } = ratesOf(reading(0, 0, nothing), reading(2_000, 2_205, counts))
    expect(reports).toBe(false)
    expect(kinds).toEqual({ hello: 160, other: 17.5, record: 290, mention: 105, pulse: 30, gate: 500 })
    expect(wholeOf({ kinds, reports })).toBe(1_102.5)
  })

  it('are judged by how far the mean of a prediction is off, where there is enough to be judged', () => {
    const nodes = (record: number, hello: number) => [{ reports: false, kinds: { record, hello } }]
    const verdict = (kind: ModelRow['kind'], rows: ModelRow[]) => rows.find((row) => row.kind === kind)?.met
    expect(verdict('record', rowsOf(nodes(100, 0), nodes(125, 0)))).toBe(true)
    expect(verdict('record', rowsOf(nodes(100, 0), nodes(126, 0)))).toBe(false)
    expect(verdict('record', rowsOf(nodes(0, 0), nodes(126, 0)))).toBe(false)
    expect(verdict('hello', rowsOf(nodes(100, 10), nodes(100, 15)))).toBeNull()
    expect(verdict('all', rowsOf(nodes(100, 10), nodes(100, 50)))).toBe(false)
  })
})

describe.skipIf(whyNot() !== undefined)('the benchmark of the model', () => {
  afterAll(() => expect(laboratories().filter((prefix) => ownerOf(prefix) === process.pid)).toEqual([]))

  it('has four daemons in two zones counted by kind, with no bar for so few', { timeout: 240_000 }, async () => {
    const { json, ok } = await benchModel(() => {}, { seconds: 12, small: true })
    expect(ok).toBeUndefined()
    const { all } = json.rows as { all: ModelRow[] }
    const real = (kind: ModelRow['kind']) => all.find((row) => row.kind === kind)?.real.mean ?? 0
    for (const kind of ['record', 'hello', 'pulse'] as const) expect([kind, real(kind)]).not.toEqual([kind, 0])
    // What is not told apart counts as new connections, of which there are few. Counts are up to a second older than the sockets' own: in a
    // window of twelve seconds the rest may be below nothing.
    expect(Math.abs(real('gate'))).toBeLessThan(real('all') / 2)
    // One of two in a zone hears the other's record once; in so short a window one may be sent that is counted after it.
    expect((json.copies as { real: number }).real).toBeGreaterThan(0)
  })
})
