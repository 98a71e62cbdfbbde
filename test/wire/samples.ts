// Values that are valid on the wire, for the tests of this folder, of the store and for fuzzing. Signatures are not real: nothing here checks them.
import fc from 'fast-check'
import type { Digest } from '../../src/core/fleet/digest.ts'
import type { Figures } from '../../src/core/fleet/figures.ts'
import { METRICS, type MetricValues, metricValues } from '../../src/core/fleet/metrics.ts'
import type { HealthRecord } from '../../src/core/fleet/record.ts'
import { ALERT_KINDS, type Envelope, type Row, STATUSES } from '../../src/core/fleet/rows.ts'
import type { Summary } from '../../src/core/fleet/summary.ts'
import { limits } from '../../src/core/limits.ts'
import { NAT_KINDS } from '../../src/core/links/paths.ts'
import type { Contact, Hello, QueryRequest, QueryResponse } from '../../src/core/protocols.ts'
import { INSTALL_REASONS, INSTALL_STATES, type InstallReport } from '../../src/core/rollout/states.ts'
import type { Head, VectorEntry, VersionVector } from '../../src/core/trust/announcement.ts'
import { AUDIT_REASONS } from '../../src/core/trust/audit.ts'
import type { Membership, RootDocument } from '../../src/core/trust/documents.ts'
import { canonicalBytes, type Json, jsonOf } from '../../src/wire/canonical.ts'
import { decodeEnvelope, sealEnvelope } from '../../src/wire/envelope.ts'
import { inviteJson } from '../../src/wire/invite.ts'
import { claimsJson, parseMembership } from '../../src/wire/membership.ts'
import { nodeIdOf } from '../../src/wire/node-id.ts'
import { decodeRecord, encodeRecord } from '../../src/wire/record.ts'
import { parseRoot, rootJson } from '../../src/wire/root.ts'
import { encodeSigned, keyIdOf, sha256Hex } from '../../src/wire/signed.ts'

/** Of two zones that answer and one that does not. */
export const sampleFigures: Figures = {
  ...{ zones: 2, dark: 1, darkZones: ['/uk/b'], counts: { up: 7, late: 1, down: 2, left: 1 } },
  ...{ releases: [{ release8: 'ab'.repeat(8), states: { committed: 5, failed: 1 } }], otherReleases: 2 },
  ...{ versions: [{ version: '0.2.0', count: 6 }], otherVersions: 2, alerts: { cloned: 1 } },
  sketches: [[0, 0, 3, 5], [8], [], [0, 1, 0, 7], [4, 0, 4], [], [0, 0, 0, 0, 8], [7, 1]],
  worst: [{ node: nodeIdOf(new Uint8Array(32).fill(3)), zone: '/uk/a', why: 'down', value: 300 }],
}

export const sampleDigest: Digest = {
  ...{ zone: '/uk', leaf: false, incarnation: 3, counter: 400, day: 20_500, promise: 32_000, age: 12_000 },
  ...{ figures: sampleFigures, commitment: '0f'.repeat(16) },
  contacts: [
    { node: nodeIdOf(new Uint8Array(32).fill(1)), addresses: ['/ip4/10.0.0.1/tcp/31415'] },
    { node: nodeIdOf(new Uint8Array(32).fill(2)), addresses: [] },
  ],
}

export const sampleSummary: Summary = { day: 20_500, made: 5_000, age: 44_000, figures: sampleFigures }

const YEAR = 365 * 86_400
const GIB = 2 ** 30
const key = (seed: number): Uint8Array => new Uint8Array(32).fill(seed)
const sign = (): Uint8Array => new Uint8Array(64).fill(7)

export function sampleNode(seed: number): string {
  return nodeIdOf(key(seed))
}

/** Every metric, as a busy Pi 5 with four CPUs and a 1 TB disk has them after a year. */
export const fullMetrics: MetricValues = metricValues({
  'node_cpu_seconds_total{mode="user"}': YEAR * 1.1,
  'node_cpu_seconds_total{mode="nice"}': YEAR * 0.01,
  'node_cpu_seconds_total{mode="system"}': YEAR * 0.4,
  'node_cpu_seconds_total{mode="idle"}': YEAR * 2.3,
  'node_cpu_seconds_total{mode="iowait"}': YEAR * 0.1,
  'node_cpu_seconds_total{mode="irq"}': YEAR * 0.01,
  'node_cpu_seconds_total{mode="softirq"}': YEAR * 0.02,
  'node_cpu_seconds_total{mode="steal"}': 0,
  node_cpu_count: 4,
  node_load1: 7.2,
  node_load5: 6.1,
  node_load15: 5.9,
  node_memory_MemTotal_bytes: 8 * GIB,
  node_memory_MemAvailable_bytes: 6 * GIB,
  node_memory_SwapTotal_bytes: 2 * GIB,
  node_memory_SwapFree_bytes: 2 * GIB - 2 ** 20,
  'node_filesystem_size_bytes{mountpoint="/"}': 1e12,
  'node_filesystem_avail_bytes{mountpoint="/"}': 9e11,
  'node_filesystem_files_free{mountpoint="/"}': 6e7,
  'node_filesystem_readonly{mountpoint="/"}': 0,
  'node_filesystem_size_bytes{mountpoint="data"}': 1e12,
  'node_filesystem_avail_bytes{mountpoint="data"}': 9e11,
  'node_filesystem_files_free{mountpoint="data"}': 6e7,
  'node_filesystem_readonly{mountpoint="data"}': 0,
  node_thermal_zone_temp: 84.9,
  node_hwmon_in_lcrit_alarm_volts: 0.001,
  rpi_undervoltage_total: 3_000,
  rpi_throttled: 0xf000f,
  node_cpu_scaling_frequency_hertz: 2.4e9,
  node_cpu_scaling_frequency_max_hertz: 2.4e9,
  node_uptime_seconds: YEAR,
  node_boot_id: Number.MAX_SAFE_INTEGER,
  node_timex_sync_status: 1,
  node_timex_offset_seconds: -0.512,
  node_timex_maxerror_seconds: 16,
  node_disk_written_bytes_total: 1e12,
  node_disk_writes_completed_total: 5e8,
  node_disk_io_time_seconds_total: YEAR * 0.2,
  node_disk_write_time_seconds_total: YEAR * 0.3,
  node_pressure_cpu_waiting_seconds_total: YEAR * 0.3,
  node_pressure_memory_waiting_seconds_total: YEAR * 0.05,
  node_pressure_io_waiting_seconds_total: YEAR * 0.2,
  node_network_receive_bytes_total: 5e12,
  node_network_transmit_bytes_total: 5e12,
  node_network_errs_total: 1e5,
  node_network_drop_total: 3e6,
  node_vmstat_oom_kill: 200,
  node_systemd_units_failed: 5,
  process_resident_memory_bytes: 110 * 2 ** 20,
  process_cpu_seconds_total: YEAR * 0.005,
})

export const fullRecord: HealthRecord = {
  incarnation: 100_000,
  counter: 3_500_000,
  promise: 16_000,
  flags: 127,
  metrics: fullMetrics,
  installs: [
    { release8: '00'.repeat(8), state: 'committed', reason: undefined, percent: 100, peers: 100, encoding2: 'e0e1' },
    { release8: 'ab'.repeat(8), state: 'fetching', reason: 'diskFull', percent: 42, peers: 0, encoding2: '00ff' },
    { release8: 'cd'.repeat(8), state: 'failed', reason: 'oldCounter', percent: 0, peers: 7, encoding2: 'ffff' },
    { release8: 'ff'.repeat(8), state: 'announced', reason: undefined, percent: 7, peers: 50, encoding2: '0100' },
  ],
  refused: { total: 2 ** 31 - 1, most: 'wrongTopic' },
}

export function sampleEnvelope(record: HealthRecord = fullRecord): Envelope {
  const fields = { kind: 'rec', mesh8: '0123456789abcdef', membership: '5a'.repeat(16) }
  return decodeEnvelope(sealEnvelope({ ...fields, body: encodeRecord(record) }, sign))
}

export function sampleRow(seed = 1): Row {
  const envelope = sampleEnvelope()
  return { node: sampleNode(seed), envelope, record: fullRecord, status: 'late', age: 42_000, alerts: ['cloned'] }
}

export function sampleRoot(version: number): RootDocument {
  const keyIds = [keyIdOf(key(1))]
  const role = { keyIds, threshold: 1 }
  const signed = rootJson({
    version,
    issued: 1_700_000_000_000,
    expires: 1_900_000_000_000,
    keys: new Map([[keyIds[0] as string, key(1)]]),
    roles: { root: role, targets: role, enrol: role },
    enrolment: { epoch: 1, retired: [], zones: new Map() },
  })
  return parseRoot(encodeSigned(signed, [{ keyId: keyIds[0] as string, sign }]))
}

export function sampleMembership(seed: number): Membership {
  const mesh = sha256Hex(sampleRoot(1).signedBytes)
  const invite = encodeSigned(
    inviteJson({
      mesh,
      key: key(2),
      zone: '/uk/glasgow/lab3',
      cells: 1,
      labels: { rack: '7' },
      capabilities: ['node'],
      seats: 4,
      expires: 1_800_000_000_000,
      membershipExpires: 1_850_000_000_000,
      epoch: 1,
      founding: false,
    }),
    [{ keyId: keyIdOf(key(1)), sign }],
  )
  const claims = { mesh, node: sampleNode(seed), zone: '/uk/glasgow/lab3', seat: 0, name: `pi-${seed}` }
  const signedInvite = canonicalBytes(jsonOf(invite).signed as Json)
  const membership = encodeSigned(
    claimsJson({ ...claims, invite: sha256Hex(signedInvite), expires: 1_850_000_000_000 }),
    [{ keyId: keyIdOf(key(2)), sign }],
  )
  return parseMembership(canonicalBytes({ membership: jsonOf(membership), invite: jsonOf(invite) }))
}

// Arbitrary values ----------------------------------------------------------------------------------------------------

export const anyNode: fc.Arbitrary<string> = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(nodeIdOf)
const segment = fc.stringMatching(/^[a-z0-9-]{1,32}$/)
export const anyZone = fc
  .tuple(fc.array(segment, { minLength: 1, maxLength: limits.zoneSegments }), fc.constantFrom('', '/~07'))
  .map(([segments, cell]) => `/${segments.join('/')}${cell}`)
export const anyAddress = fc.tuple(fc.ipV4(), fc.nat(65_535)).map(([ip, port]) => `/ip4/${ip}/tcp/${port}`)
const anyAddresses = fc.array(anyAddress, { maxLength: limits.addressesPerContact })
const anyCount = fc.nat(2 ** 31 - 1)

export const anyContact: fc.Arbitrary<Contact> = fc.record(
  {
    node: anyNode,
    zone: fc.option(anyZone, { nil: undefined }),
    addresses: anyAddresses,
    age: fc.maxSafeNat(),
    serves: fc.boolean(),
    relays: fc.constant(true),
  },
  { requiredKeys: ['node', 'zone', 'addresses', 'age', 'serves'] },
)
const anyReach = fc.record({ relays: fc.boolean(), nat: fc.constantFrom(...NAT_KINDS) })

export const anyHash: fc.Arbitrary<string> = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'))
const anyPositive = fc.integer({ min: 1, max: 2 ** 31 - 1 })
export const anyHead: fc.Arbitrary<Head> = fc.record({
  role: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/),
  epoch: anyPositive,
  version: anyPositive,
  hash: anyHash,
})
const anyVectorEntry: fc.Arbitrary<VectorEntry> = fc
  .tuple(anyHead, fc.option(anyHash, { nil: undefined }))
  .map(([head, rival]) => ({ ...head, rival: rival === head.hash ? undefined : rival }))
const heads = fc.uniqueArray(anyVectorEntry, { maxLength: 8, selector: ({ role }) => role })
export const anyVector: fc.Arbitrary<VersionVector> = fc.oneof(
  fc.record({ targetsVersion: anyPositive, targetsHash: anyHash, heads }),
  fc.record({ targetsVersion: fc.constant(0), targetsHash: fc.constant(undefined), heads }),
)

export const anyInstall: fc.Arbitrary<InstallReport> = fc.record({
  release8: anyHash.map((hash) => hash.slice(0, 16)),
  state: fc.constantFrom(...INSTALL_STATES),
  reason: fc.constantFrom(undefined, ...INSTALL_REASONS),
  percent: fc.integer({ min: 0, max: 100 }),
  peers: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
  // Both digits 0 stand for one that is not known.
  encoding2: fc.option(
    anyHash.map((hash) => hash.slice(0, 4)).filter((digits) => digits !== '0000'),
    { nil: undefined },
  ),
})

export const anyHello: fc.Arbitrary<Hello> = fc.record(
  {
    rootVersion: anyCount,
    rootHash: anyHash,
    zone: fc.oneof(anyZone, fc.constant('/')),
    serves: fc.boolean(),
    addresses: anyAddresses,
    contacts: fc.array(anyContact, { maxLength: 8 }),
    yours: fc.option(fc.record({ incarnation: anyCount, counter: fc.maxSafeNat() }), { nil: undefined }),
    vector: anyVector,
    reach: anyReach,
  },
  { requiredKeys: ['rootVersion', 'rootHash', 'zone', 'serves', 'addresses', 'contacts', 'yours', 'vector'] },
)

export const anyQueryRequest: fc.Arbitrary<QueryRequest> = fc.record({
  zone: anyZone,
  want: fc.constantFrom('rows', 'counts'),
  after: fc.option(anyNode, { nil: undefined }),
})

/** Every metric absent or within what a machine could show. */
export const anyMetrics: fc.Arbitrary<MetricValues> = fc.tuple(
  ...METRICS.map((metric) => {
    const most = Math.min(metric.step * 2 ** 40, 1e15)
    const low = 'signed' in metric ? -most : 0
    const value =
      metric.name === 'node_cpu_count'
        ? fc.integer({ min: 1, max: 512 })
        : fc.double({ min: low, max: most, noNaN: true })
    return fc.option(value, { nil: null })
  }),
)

export const anyRecord: fc.Arbitrary<HealthRecord> = fc.record({
  incarnation: fc.integer({ min: 1, max: limits.incarnationMax }),
  counter: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  promise: fc.integer({ min: 1, max: limits.recordPeriodMax }),
  flags: anyCount,
  metrics: anyMetrics,
  installs: fc.array(anyInstall, { maxLength: limits.recordInstalls }),
  refused: fc.option(
    fc.record({ total: fc.integer({ min: 1, max: 2 ** 31 - 1 }), most: fc.constantFrom(undefined, ...AUDIT_REASONS) }),
    { nil: undefined },
  ),
})

export const anyRow: fc.Arbitrary<Row> = fc.record({
  node: anyNode,
  envelope: fc.constant(sampleEnvelope()),
  record: fc.constant(decodeRecord(sampleEnvelope().body)),
  status: fc.constantFrom(...STATUSES),
  age: fc.option(fc.nat(), { nil: null }),
  alerts: fc.subarray([...ALERT_KINDS]),
})

export const anyQueryResponse: fc.Arbitrary<QueryResponse> = fc.record({
  refused: fc.constantFrom(undefined, 'forbidden', 'otherZone'),
  counts: fc.record({ up: anyCount, late: anyCount, down: anyCount, left: anyCount }),
  rows: fc.array(anyRow, { maxLength: 4 }),
  more: fc.boolean(),
})
