// A health record as the body of an envelope (protocol clause REC): a bitset says which metrics are present, and their values
// follow as varints in the order of METRICS, each counted in its step. So a metric costs one bit when a machine lacks it.
import { concat, toHex } from '../core/bytes.ts'
import { METRICS, type Metric, type MetricValues, metricIndex } from '../core/fleet/metrics.ts'
import type { HealthRecord } from '../core/fleet/record.ts'
import { limits } from '../core/limits.ts'
import { INSTALL_REASONS, INSTALL_STATES, type InstallReport } from '../core/rollout/states.ts'
import { AUDIT_REASONS, type RefusedSummary } from '../core/trust/audit.ts'
import { hexBytes, MessageReader, MessageWriter } from './protobuf.ts'

/** Bytes of the presence bitset: metrics of five times today's number. */
const PRESENCE_BYTES = 32
/** A release's hash in short, state, reason and percent (clause REC 6, clause INSTALL 7). */
const RELEASE_BYTES = 8
const INSTALL_BYTES = RELEASE_BYTES + 3
/** How its bytes came: share of peers, and what names the encoding (clause REC 8). */
const CAME_BYTES = 3
const UINT31 = 2 ** 31 - 1
const CPUS = metricIndex('node_cpu_count') as number
const metrics: readonly Metric[] = METRICS

/**
 * The body for a record. A metric that cannot be sent (below zero without a sign, not finite, 2^53 steps or more) is sent as absent: one broken
 * sensor must not silence the node. Throws E_PROTOCOL when another field is no integer in its range.
 */
export function encodeRecord(record: HealthRecord): Uint8Array {
  const cpus = cpuCount(record.metrics)
  const steps = metrics.map((metric, index) => toSteps(metric, record.metrics[index] ?? null, cpus))
  const message = new MessageWriter()
    .uint(1, record.incarnation)
    .uint(2, record.counter)
    .uint(3, Math.round(record.promise))
    .uint(4, record.flags)
    .bytes(5, presence(steps))
    .packed(
      6,
      steps.filter((value) => value !== undefined),
    )
  const installs = record.installs.slice(0, limits.recordInstalls)
  if (installs.length > 0) message.bytes(7, concat(installs.map(encodeInstall)))
  const { refused } = record
  if (refused !== undefined) {
    message.uint(9, Math.min(refused.total, UINT31))
    message.uint(10, refused.most === undefined ? 0 : AUDIT_REASONS.indexOf(refused.most) + 1)
  }
  const came = concat(installs.map(encodeCame))
  if (came.some((byte) => byte !== 0)) message.bytes(11, came)
  return message.text(12, (record.version ?? '').slice(0, limits.pimeshVersionLength)).finish()
}

/** The record in a body. Metrics that this version does not know are skipped. Throws E_PROTOCOL. */
export function decodeRecord(body: Uint8Array): HealthRecord {
  const reader = new MessageReader(body, 'a record', limits.recordBytes)
  const incarnation = reader.uint(1, limits.incarnationMax)
  const counter = reader.uint(2)
  const promise = reader.uint(3, UINT31)
  const flags = reader.uint(4, UINT31)
  const present = setBits(reader.bytes(5, 0, PRESENCE_BYTES))
  const steps = reader.packed(6, present.length, limits.recordBytes)
  const reports = reader.optionalBytes(7, 0, limits.recordInstalls * INSTALL_BYTES) ?? new Uint8Array()
  const refused = readRefused(reader)
  const came = reader.optionalBytes(11, 0, limits.recordInstalls * CAME_BYTES) ?? new Uint8Array()
  const version = reader.text(12, limits.pimeshVersionLength)
  reader.end()
  if (version !== '' && !isVersion(version)) reader.refuse('field 12 is not a version')
  if (reports.length % INSTALL_BYTES !== 0) reader.refuse('field 7 is cut off')
  if (incarnation === 0 || counter === 0 || promise === 0) reader.refuse('its order or its promise is missing')
  const order = { incarnation, counter, promise, flags }
  return {
    ...order,
    metrics: toValues(present, steps),
    installs: decodeInstalls(reports, came),
    refused,
    ...(version !== '' && { version }),
  }
}

/** True for what may stand for a version of pimesh: visible ASCII. */
export function isVersion(text: string): boolean {
  return /^[!-~]{1,16}$/.test(text)
}

/** A reason that this version does not know is none. */
function readRefused(reader: MessageReader): RefusedSummary | undefined {
  const [total, reason] = [reader.uint(9, UINT31), reader.uint(10)]
  return total === 0 ? undefined : { total, most: AUDIT_REASONS[reason - 1] }
}

function encodeInstall({ release8, state, reason, percent }: InstallReport): Uint8Array {
  const numbers = [INSTALL_STATES.indexOf(state) + 1, reason === undefined ? 0 : INSTALL_REASONS.indexOf(reason) + 1]
  const share = Math.min(Math.max(Math.floor(percent), 0), 100)
  return concat([hexBytes(release8, RELEASE_BYTES, "release's hash"), Uint8Array.of(...numbers, share)])
}

/** Each part is 0 where it is not known. */
function encodeCame({ peers, encoding2 }: InstallReport): Uint8Array {
  const share = peers === undefined ? 0 : Math.min(Math.max(Math.floor(peers), 0), 100) + 1
  return concat([
    Uint8Array.of(share),
    encoding2 === undefined ? new Uint8Array(2) : hexBytes(encoding2, 2, 'encoding'),
  ])
}

function decodeCame(bytes: Uint8Array): Pick<InstallReport, 'peers' | 'encoding2'> {
  const [share = 0, first = 0, second = 0] = bytes
  const encoding2 = first === 0 && second === 0 ? undefined : toHex(Uint8Array.of(first, second))
  return { peers: share === 0 || share > 101 ? undefined : share - 1, encoding2 }
}

/** A state that this version does not know is left out; a reason that it does not know is none. */
function decodeInstalls(bytes: Uint8Array, came: Uint8Array): InstallReport[] {
  const installs: InstallReport[] = []
  for (let at = 0; at < bytes.length; at += INSTALL_BYTES) {
    const [stateNumber = 0, reasonNumber = 0, percent = 0] = bytes.subarray(at + RELEASE_BYTES, at + INSTALL_BYTES)
    const state = INSTALL_STATES[stateNumber - 1]
    const release8 = toHex(bytes.subarray(at, at + RELEASE_BYTES))
    const reason = INSTALL_REASONS[reasonNumber - 1]
    const place = at / INSTALL_BYTES
    const how = decodeCame(came.subarray(place * CAME_BYTES, (place + 1) * CAME_BYTES))
    if (state !== undefined) installs.push({ release8, state, reason, percent: Math.min(percent, 100), ...how })
  }
  return installs
}

function toValues(present: readonly number[], steps: readonly number[]): MetricValues {
  const values: (number | null)[] = metrics.map(() => null)
  for (const [at, index] of present.entries()) {
    const metric = metrics[index]
    if (metric !== undefined) values[index] = fromSteps(metric, steps[at] as number)
  }
  const cpus = cpuCount(values)
  return values.map((value, index) => (metrics[index]?.perCpu && value !== null ? value * cpus : value))
}

/** What a per-CPU value is multiplied with: both ends must take the same number, so it is the rounded one that was sent. */
function cpuCount(values: MetricValues): number {
  const count = Math.round(values[CPUS] ?? 1)
  return Number.isSafeInteger(count) && count >= 1 ? count : 1
}

function toSteps(metric: Metric, value: number | null, cpus: number): number | undefined {
  if (value === null || (value < 0 && !metric.signed)) return undefined
  const scaled = metric.perCpu ? value / cpus : value
  // Steps below 1 are powers of ten without an exact double; their inverses are integers, so 25.3 comes back as 25.3.
  const steps = Math.round(metric.step < 1 ? scaled * Math.round(1 / metric.step) : scaled / metric.step)
  const wire = metric.signed ? zigzag(steps) : steps + 0
  return Number.isSafeInteger(wire) ? wire : undefined
}

function fromSteps(metric: Metric, wire: number): number {
  const steps = metric.signed ? unzigzag(wire) : wire
  return metric.step < 1 ? steps / Math.round(1 / metric.step) : steps * metric.step
}

const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value)
const unzigzag = (wire: number): number => (wire % 2 === 0 ? wire / 2 : -(wire + 1) / 2)

/** Bit i of byte i >> 3 is metric i; trailing zero bytes are left out. */
function presence(steps: readonly (number | undefined)[]): Uint8Array {
  const last = steps.findLastIndex((value) => value !== undefined)
  const bits = new Uint8Array((last + 8) >> 3)
  for (const [index, value] of steps.entries()) if (value !== undefined) bits[index >> 3]! |= 1 << (index & 7)
  return bits
}

function setBits(bits: Uint8Array): number[] {
  const set: number[] = []
  for (let index = 0; index < bits.length * 8; index++) if (bits[index >> 3]! & (1 << (index & 7))) set.push(index)
  return set
}
