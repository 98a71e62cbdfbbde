// Answers of a daemon, as tests want them.

import type { BudgetsJson } from '../../src/daemon/api-budget-types.ts'
import type { FiguresJson, FleetJson, FleetZoneJson, QuestionJson } from '../../src/daemon/api-fleet-types.ts'
import type { PathJson, ReachJson } from '../../src/daemon/api-reach-types.ts'
import type {
  InstallHereJson,
  InstallJson,
  LinkJson,
  NodeJson,
  NodesJson,
  PublishersJson,
  ReleaseJson,
  ReleasesJson,
  StatusJson,
} from '../../src/daemon/api-types.ts'

export function nodeJson(some: Partial<NodeJson> = {}): NodeJson {
  return {
    node: `12D3KooW${some.name ?? 'pi-1'}`,
    name: 'pi-1',
    zone: '/uk/glasgow',
    status: 'up',
    ageMs: 4_200,
    promiseMs: 10_000,
    incarnation: 1,
    counter: 7,
    flags: ['clockTrusted'],
    alerts: [],
    labels: {},
    capabilities: ['node'],
    toldBy: '12D3KooWpi-1',
    ...some,
    metrics: {
      node_cpu_count: 4,
      node_load1: 1,
      node_memory_MemTotal_bytes: 4e9,
      node_memory_MemAvailable_bytes: 3e9,
      'node_filesystem_size_bytes{mountpoint="/"}': 32e9,
      'node_filesystem_avail_bytes{mountpoint="/"}': 16e9,
      'node_filesystem_readonly{mountpoint="/"}': 0,
      node_thermal_zone_temp: 48.25,
      node_uptime_seconds: 273_600,
      rpi_throttled: null,
      ...some.metrics,
    },
  }
}

export function nodesJson(nodes: NodeJson[], some: Partial<NodesJson> = {}): NodesJson {
  const zones = [...new Set(nodes.map((node) => node.zone))]
  return {
    schema: 'pimesh.nodes/1',
    nodes,
    zones: zones.map((zone) => ({ zone, state: 'answered', by: null, counts: null, partial: false })),
    completeness: { zonesAnswered: zones.length, zonesKnown: zones.length, oldestMs: 4_200, complete: true },
    ...some,
  }
}

export function statusJson(some: Partial<StatusJson> = {}): StatusJson {
  return {
    schema: 'pimesh.status/1',
    version: '0.1.0',
    mesh: 'ab'.repeat(32),
    node: '12D3KooWpi-1',
    name: 'pi-1',
    zone: '/uk/glasgow',
    role: 'node',
    capabilities: ['node'],
    labels: {},
    membershipExpires: '2099-01-01T00:00:00Z',
    countersigned: true,
    incarnation: 3,
    uptimeMs: 60_000,
    rootVersion: 1,
    rootIssued: '2026-11-01T00:00:00Z',
    rootExpires: '2098-01-01T00:00:00Z',
    mdns: true,
    clockTrusted: true,
    counts: { up: 3, late: 0, down: 0, left: 0 },
    isolated: false,
    links: [
      {
        node: '12D3KooWpi-2',
        name: 'pi-2',
        zone: '/uk/glasgow',
        address: '/ip4/10.0.0.2/tcp/31415',
        direction: 'outbound',
        ageMs: 5_000,
      },
    ],
    contacts: { zones: 2, nodes: 6 },
    listening: ['/ip4/127.0.0.1/tcp/31415'],
    alerts: [],
    refusals: { foreignMesh: 2, expired: 0 },
    traffic: { bytesIn: 1_234_567, bytesOut: 999 },
    cache: {
      old: { encodings: 3, bytes: 512_000_000, limitBytes: 1_000_000_000 },
      forwarded: { encodings: 1, bytes: 90_000_000, limitBytes: 2_000_000_000 },
    },
    process: { pid: 42, residentBytes: 96.8e6, cpuMs: 600, cpuToFirstHeartbeatMs: 300 },
    facts: { model: 'Raspberry Pi 4 Model B', os: 'Debian 13', kernel: null },
    data: '/var/lib/pimesh',
    ...some,
  }
}

/** A node behind a plain NAT that two members relay for. */
export function reachJson(some: Partial<ReachJson> = {}): ReachJson {
  const relay = (name: string) => ({
    ...{ node: `12D3KooW${name}`, name, ageMs: 60_000 },
    addresses: [`/ip4/44.1.1.1/tcp/31415/p2p/12D3KooW${name}/p2p-circuit`],
  })
  return {
    nat: 'plain',
    public: [],
    observed: ['/ip4/44.7.7.7/tcp/40123'],
    relays: [relay('north-1'), relay('north-2')],
    refusals: [],
    offers: false,
    relaying: { reservations: 0, circuits: 0, bytes: 0, refused: 0 },
    searchingMs: null,
    unreachable: [],
    ...some,
  }
}

/** Of a node without bounds. */
export function budgetsJson(some: Partial<BudgetsJson> = {}): BudgetsJson {
  return {
    lan: false,
    upload: { limit: null, now: 0 },
    each: null,
    download: { limit: null, now: 1_250_000 },
    month: {
      ...{ month: '2026-11', limit: null, used: 1_200_000_000, up: 200_000_000, down: 1_000_000_000, left: null },
      remainingMs: 100_000_000,
    },
    hours: { windows: [], open: true, turns: null },
    heat: { limit: 85, celsius: 48.25, throttled: false },
    paused: null,
    relay: { offers: 'auto', rate: 2_000_000, monthly: 200_000_000_000, bytes: 0, refused: 0 },
    ...some,
  }
}

/** A link to the outside that goes like this. */
export function linkJson(path: PathJson, some: Partial<LinkJson> = {}): LinkJson {
  return {
    ...{ node: '12D3KooWfar-1', name: 'far-1', zone: '/nl/delft', address: '/ip4/44.8.8.8/tcp/40000' },
    ...{ direction: 'outbound', ageMs: 5_000, path },
    ...some,
  }
}

export function installJson(name: string, state: string, some: Partial<InstallJson> = {}): InstallJson {
  return {
    node: `12D3KooW${name}`,
    name,
    zone: '/uk/glasgow',
    state,
    reason: null,
    percent: state === 'announced' ? 0 : 100,
    ageMs: 4_200,
    status: 'up',
    ...some,
  }
}

export function hereJson(some: Partial<InstallHereJson> = {}): InstallHereJson {
  return {
    state: 'fetching',
    reason: null,
    detail: null,
    percent: 40,
    bytes: 4_000_000,
    totalBytes: 10_000_000,
    bytesPerSecond: 1_250_000,
    providers: 3,
    copies: 2,
    best: 0,
    installedAt: null,
    ...some,
  }
}

export function releaseJson(some: Partial<ReleaseJson> = {}): ReleaseJson {
  const { path = 'acme/agent', version = '2.4.0' } = some
  return {
    release: `${path}@${version}`,
    path,
    version,
    counter: 7,
    hash: 'd1f0'.repeat(16),
    role: 'acme',
    epoch: 1,
    roleVersion: 12,
    expires: '2099-01-01T00:00:00Z',
    expired: false,
    frozen: false,
    to: 'zone.startsWith("/uk")',
    installer: 'file',
    unsupported: null,
    requires: [],
    artifact: { hash: 'a7'.repeat(32), bytes: 24_000_000 },
    encoding: { type: 'zstd', hash: 'e0'.repeat(32), bytes: 10_000_000, pieces: 39 },
    selected: true,
    here: null,
    nodes: [installJson('pi-1', 'committed'), installJson('pi-2', 'fetching', { percent: 40 })],
    unsaid: 0,
    ...some,
  }
}

export function releasesJson(releases: ReleaseJson[], some: Partial<ReleasesJson['completeness']> = {}): ReleasesJson {
  const completeness = { zonesAnswered: 1, zonesKnown: 1, oldestMs: 4_200, complete: true, ...some }
  return { schema: 'pimesh.releases/1', releases, completeness }
}

export function publishersJson(some: Partial<PublishersJson> = {}): PublishersJson {
  return {
    schema: 'pimesh.publishers/1',
    mesh: 'ab'.repeat(32),
    addresses: [],
    linked: 2,
    targets: null,
    roles: [],
    counters: {},
    ...some,
  }
}

/** Of 25 nodes of one zone. */
export function figuresJson(some: Partial<FiguresJson> = {}): FiguresJson {
  return {
    ...{ zones: 1, dark: 0, darkZones: [], counts: { up: 24, late: 0, down: 1, left: 0 }, alerts: {} },
    versions: [{ version: '0.1.0', count: 24 }],
    releases: [],
    measures: {
      cpu_temp: { count: 24, p50: 48.5, p95: 61, max: 71.5, error: 1.5 },
      disk_available: { count: 24, p50: 0.61, p95: 0.8, max: 0.9, error: 0.04 },
    },
    worst: [{ node: '12D3KooWpi-7', name: 'pi-7', zone: '/uk/a', why: 'down', value: 95 }],
    ...some,
  }
}

export function fleetZone(zone: string, some: Partial<FleetZoneJson> = {}): FleetZoneJson {
  const by = { by: '12D3KooWpi-1', name: 'pi-1' }
  return { zone, leaf: true, dark: false, ageMs: 12_000, ...by, figures: figuresJson(), ...some }
}

/** What an operator's peer hears of three zones, one of which is dark. */
export function fleetJson(some: Partial<FleetJson> = {}): FleetJson {
  const dark = { dark: 1, darkZones: ['/uk/c'] }
  const counts = { up: 48, late: 0, down: 2, left: 0 }
  const children = [
    fleetZone('/uk/a'),
    fleetZone('/uk/b'),
    fleetZone('/uk/c', { dark: true, ageMs: null, by: null, name: null, figures: null }),
  ]
  return {
    schema: 'pimesh.fleet/1',
    summary: { madeMs: 9_000, ageMs: 42_000, by: '12D3KooWpi-1', figures: figuresJson({ zones: 2, ...dark, counts }) },
    own: null,
    reporters: { active: null, standby: null },
    part: 'none',
    levels: [{ zone: '/', part: 'none', periodMs: 30_000, children }],
    zones: children,
    units: { cpu_temp: 'degC', disk_available: 'share' },
    ...some,
  }
}

export function questionJson(some: Partial<QuestionJson> = {}): QuestionJson {
  const figure = (value: number) => [{ value, error: 1.5 }]
  return {
    ...{ schema: 'pimesh.query/1', way: 'digests', by: 'zone', columns: [{ text: 'p95(cpu_temp)', unit: 'degC' }] },
    groups: [
      { group: '/uk/a', nodes: 25, ageMs: 12_000, dark: false, figures: figure(61) },
      { group: '/uk/b', nodes: 25, ageMs: 9_000, dark: false, figures: figure(58) },
    ],
    completeness: {
      ...{ zonesAnswered: 2, zonesKnown: 2, nodes: 50, oldestMs: 12_000, complete: true, dark: 0, darkZones: [] },
    },
    ...some,
  }
}
