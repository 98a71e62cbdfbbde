import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concat } from '../../src/core/bytes.ts'
import { METRICS, type Metric, metricIndex, metricValues } from '../../src/core/fleet/metrics.ts'
import { flagNames } from '../../src/core/fleet/record.ts'
import { limits } from '../../src/core/limits.ts'
import {
  INSTALL_REASONS,
  INSTALL_STATES,
  type InstallReason,
  type InstallState,
} from '../../src/core/rollout/states.ts'
import { MessageWriter } from '../../src/wire/protobuf.ts'
import { decodeRecord, encodeRecord } from '../../src/wire/record.ts'
import { anyRecord, fullMetrics, fullRecord, sampleEnvelope } from './samples.ts'

const metrics: readonly Metric[] = METRICS
const protocolFailure = expect.objectContaining({ code: 'E_PROTOCOL' })
const CPUS = metricIndex('node_cpu_count') as number
/** Alerts (field 8): four hashes of 8 bytes, and what frames them. */
const RESERVED_BYTES = 34

describe('a record (clause REC)', () => {
  it('comes back with every value within half a step', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const decoded = decodeRecord(encodeRecord(record))
        expect({ ...decoded, metrics: [] }).toEqual({ ...record, metrics: [] })
        const cpus = record.metrics[CPUS] ?? 1
        for (const [index, metric] of metrics.entries()) {
          const [sent, got] = [record.metrics[index] as number | null, decoded.metrics[index] as number | null]
          if (sent === null || got === null) expect(got).toBe(sent)
          // One part in 10^12 is what doubles lose on the way.
          else
            expect(Math.abs(got - sent)).toBeLessThanOrEqual(
              (metric.step / 2) * (metric.perCpu ? cpus : 1) + 1e-12 * Math.abs(sent),
            )
        }
      }),
    )
  })

  it('leaves room for alerts, with every metric, four install states and a year of uptime', () => {
    expect(fullRecord.installs).toHaveLength(limits.recordInstalls)
    expect(fullMetrics.filter((value) => value === null)).toEqual([])
    expect(sampleEnvelope(fullRecord).raw.length).toBeLessThanOrEqual(limits.recordBytes - RESERVED_BYTES)
  })

  it('is never sealed above its bound', () => {
    const largest = METRICS.map((metric) => metric.step * 2 ** 52)
    expect(() => sampleEnvelope({ ...fullRecord, metrics: largest })).toThrow(protocolFailure)
  })

  it('shows tenths and hundredths as they were', () => {
    const sent = metricValues({ node_thermal_zone_temp: 25.3, 'node_cpu_seconds_total{mode="user"}': 0.07 })
    expect(decodeRecord(encodeRecord({ ...fullRecord, metrics: sent })).metrics).toEqual(sent)
  })

  it('carries load per CPU', () => {
    const busy = encodeRecord({ ...fullRecord, metrics: metricValues({ node_cpu_count: 4, node_load1: 8 }) })
    const calm = encodeRecord({ ...fullRecord, metrics: metricValues({ node_cpu_count: 1, node_load1: 2 }) })
    expect(busy.slice(-2)).toEqual(calm.slice(-2))
    expect(decodeRecord(busy).metrics[metricIndex('node_load1') as number]).toBe(8)
  })

  it.each([
    ['below zero', -1],
    ['not a number', Number.NaN],
    ['infinite', Number.POSITIVE_INFINITY],
    ['2^53 steps or more', 2 ** 60],
  ])('sends a value that is %s as absent, and the rest as it is', (_name, value) => {
    const sent = metricValues({ node_uptime_seconds: value, node_load1: 1 })
    const decoded = decodeRecord(encodeRecord({ ...fullRecord, metrics: sent }))
    expect(decoded.metrics).toEqual(metricValues({ node_load1: 1 }))
  })

  it('keeps the metrics it knows when a newer peer sends more (clause METRICS)', () => {
    const newer = new MessageWriter()
      .uint(1, 1)
      .uint(2, 1)
      .uint(3, 10_000)
      .bytes(5, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0x80))
      .packed(6, [150, 999])
      .bytes(8, new Uint8Array(8))
      .finish()
    expect(decodeRecord(newer).metrics).toEqual(metricValues({ 'node_cpu_seconds_total{mode="user"}': 1.5 }))
  })

  it('has the flags of clause FLAGS 1', () => {
    const names = ['clockTrusted', 'expiry', 'relay', 'reachable', 'isolated', 'leaving', 'cloned']
    for (const [bit, name] of names.entries()) expect(flagNames(1 << bit)).toEqual([name])
  })

  it('numbers install states and reasons as clause INSTALL 7 does', () => {
    const bodyOf = (state: InstallState, reason?: InstallReason) =>
      encodeRecord({
        ...fullRecord,
        ...{ installs: [{ release8: '00'.repeat(8), state, reason, percent: 99 }], refused: undefined },
      }).slice(-3)
    const states = 'announced fetching verified staged switched healthy committed rolledBack failed'.split(' ')
    const troubles = 'diskFull notWritable noProvider unsupported badArtifact ioError'.split(' ')
    const holds = 'expired frozen oldCounter notTaken vetoed outsideHours stale clockUnknown requires'.split(' ')
    const pauses = 'pausedMonth pausedHours pausedHot'.split(' ')
    const reasons = [...troubles, ...holds, ...pauses]
    for (const [at, state] of states.entries())
      expect(bodyOf(state as InstallState)).toEqual(Uint8Array.of(at + 1, 0, 99))
    for (const [at, reason] of reasons.entries())
      expect(bodyOf('failed', reason as InstallReason)).toEqual(Uint8Array.of(9, at + 1, 99))
    expect([states, reasons]).toEqual([INSTALL_STATES, INSTALL_REASONS])
  })

  describe('with install states (clause REC 6)', () => {
    const report = (state: number, reason: number, percent = 0) => [1, 2, 3, 4, 5, 6, 7, 8, state, reason, percent]
    const carrying = (...bytes: number[]) =>
      new MessageWriter()
        .uint(1, 1)
        .uint(2, 1)
        .uint(3, 1)
        .bytes(5, new Uint8Array())
        .bytes(7, Uint8Array.from(bytes))
        .finish()
    const known = { release8: '0102030405060708', state: 'fetching', reason: 'diskFull', percent: 50 }

    it('leaves out a state and forgets a reason that only newer versions know', () => {
      const bytes = carrying(...report(200, 1), ...report(2, 200, 50), ...report(2, 1, 50))
      expect(decodeRecord(bytes).installs).toEqual([{ ...known, reason: undefined }, known])
    })

    it('takes how the bytes came from where it stands, and without it nothing (clause REC 8)', () => {
      const reports = [...report(200, 1), ...report(2, 1, 50), ...report(2, 1, 50), ...report(2, 1, 50)]
      const how = Uint8Array.of(101, 1, 1, 41, 0xe0, 0xe1, 102, 0, 7)
      const bytes = concat([carrying(...reports), new MessageWriter().bytes(11, how).finish()])
      const read = decodeRecord(bytes).installs.map(({ peers, encoding2 }) => [peers, encoding2])
      expect(read).toEqual([
        [40, 'e0e1'],
        [undefined, '0007'],
        [undefined, undefined],
      ])
      expect(decodeRecord(carrying(...reports)).installs.every(({ peers }) => peers === undefined)).toBe(true)
      const unknown = fullRecord.installs.map(({ release8, state, reason, percent }) => ({
        release8,
        state,
        reason,
        percent,
      }))
      const without = encodeRecord({ ...fullRecord, installs: unknown })
      expect(encodeRecord(fullRecord).length - without.length).toBe(14)
      expect(decodeRecord(without).installs).toEqual(unknown)
    })

    it('is refused when they are cut off or too many', () => {
      expect(() => decodeRecord(carrying(1, 2, 3))).toThrow(protocolFailure)
      const five = Array.from({ length: limits.recordInstalls + 1 }, () => report(2, 0)).flat()
      expect(() => decodeRecord(carrying(...five))).toThrow(protocolFailure)
    })

    it('sends the first ones when there are too many', () => {
      const installs = [...fullRecord.installs, ...fullRecord.installs]
      expect(decodeRecord(encodeRecord({ ...fullRecord, installs })).installs).toEqual(fullRecord.installs)
    })
  })

  it.each([
    ['without an incarnation', new MessageWriter().uint(2, 1).uint(3, 1).bytes(5, new Uint8Array())],
    ['without a counter', new MessageWriter().uint(1, 1).uint(3, 1).bytes(5, new Uint8Array())],
    ['without a promise', new MessageWriter().uint(1, 1).uint(2, 1).bytes(5, new Uint8Array())],
    [
      'with an incarnation of 2^31',
      new MessageWriter()
        .uint(1, 2 ** 31)
        .uint(2, 1)
        .uint(3, 1)
        .bytes(5, new Uint8Array()),
    ],
    [
      'with fewer values than metrics',
      new MessageWriter().uint(1, 1).uint(2, 1).uint(3, 1).bytes(5, Uint8Array.of(3)).packed(6, [1]),
    ],
    [
      'with more values than metrics',
      new MessageWriter().uint(1, 1).uint(2, 1).uint(3, 1).bytes(5, Uint8Array.of(1)).packed(6, [1, 1]),
    ],
    ['with a bitset of 33 bytes', new MessageWriter().uint(1, 1).uint(2, 1).uint(3, 1).bytes(5, new Uint8Array(33))],
  ])('is refused %s', (_name, message) => {
    expect(() => decodeRecord(message.finish())).toThrow(protocolFailure)
  })
})
