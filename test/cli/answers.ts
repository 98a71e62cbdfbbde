// Answers of a daemon, as tests want them.
import type { NodeJson, NodesJson, StatusJson } from '../../src/daemon/api-types.ts'

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
    seenBy: '12D3KooWpi-1',
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
    process: { pid: 42, residentBytes: 96.8e6, cpuMs: 600, cpuToFirstHeartbeatMs: 300 },
    facts: { model: 'Raspberry Pi 4 Model B', os: 'Debian 13', kernel: null },
    data: '/var/lib/pimesh',
    ...some,
  }
}
