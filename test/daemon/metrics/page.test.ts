// What is served at /metrics, from the files of real boards, and what Prometheus' own tool says of it.
import { describe, expect, it } from 'vitest'
import { NO_FIGURES } from '../../../src/core/fleet/figures.ts'
import { metricValues } from '../../../src/core/fleet/metrics.ts'
import type { NamedValue } from '../../../src/core/fleet/named-values.ts'
import { addValue, SKETCHED } from '../../../src/core/fleet/sketch.ts'
import type { FleetView } from '../../../src/core/fleet/summary.ts'
import { expose } from '../../../src/daemon/metrics/exposition.ts'
import { metricsPage } from '../../../src/daemon/metrics/page.ts'
import { parseText } from '../../../src/probe/collectors/text-format.ts'
import { openProbe } from '../../../src/probe/probe.ts'
import { releaseJson, releasesJson, statusJson } from '../../cli/answers.ts'
import { type Board, boardFolder, boards, FakePlatform } from '../../probe/fake-platform.ts'
import { checkMetrics, hasPromtool } from './promtool.ts'

const figures = {
  ...NO_FIGURES,
  zones: 2,
  dark: 1,
  counts: { up: 40, late: 1, down: 2, left: 0 },
  versions: [{ version: '0.1.0', count: 43 }],
  releases: [{ release8: '0011223344556677', states: { committed: 40, failed: 3 } }],
  alerts: { cloned: 1 },
  sketches: SKETCHED.map(({ name }) => addValue([], name, 50)),
}
const child = { by: 'x', leaf: true, age: 12_000, dark: false }
const digest = { leaf: true, incarnation: 1, counter: 1, day: 1, age: 0, promise: 30_000, commitment: '', contacts: [] }
const FLEET: FleetView = {
  summary: { day: 1, made: 0, age: 42_000, figures, by: 'x' },
  own: { ...figures, zones: 1, dark: 0 },
  reporters: { active: undefined, standby: undefined },
  part: 'active',
  levels: [
    {
      zone: '/uk',
      part: 'active',
      period: 30_000,
      children: [
        { ...child, zone: '/uk/b', digest: { ...digest, zone: '/uk/b', figures } },
        { ...child, zone: '/uk/c', leaf: false, digest: { ...digest, zone: '/uk/c', figures } },
        { ...child, zone: '/uk/d', digest: undefined, dark: true },
      ],
    },
  ],
}

async function pageOf(board: Board, custom: readonly NamedValue[] = []): Promise<string> {
  const platform = new FakePlatform()
  platform.sizes = { '/': { bsize: 4096, blocks: 7_500_000, bavail: 5_000_000, files: 1_900_000, ffree: 1_700_000 } }
  platform.outputs = { vcgencmd: 'throttled=0x50005\n', systemctl: '2\n' }
  const probe = await openProbe({ root: boardFolder(board), dataFolder: '/data', platform })
  await platform.settled()
  const { metrics, clockTrusted, more } = await probe.sample({ signal: new AbortController().signal })
  const sample = { metrics: metricValues(metrics), clockTrusted, more: [...more, ...custom] }
  const page = await metricsPage({
    core: { fleet: () => FLEET },
    probe,
    sample: () => sample,
    now: () => 0,
    status: () => statusJson(),
    local: async () => releasesJson([releaseJson()]),
  })
  probe.close()
  return page
}

const CUSTOM = parseText(
  '# TYPE room_celsius gauge\nroom_celsius{wall="a\\"b\\\\c\\n"} 21.5\nold_total 3\nlatency_bucket{le="+Inf"} 3\n',
)

describe('/metrics', () => {
  it("has node_exporter's names, units and labels (clause API 7)", async () => {
    const page = await pageOf('pi5')
    const lines = page.split('\n')
    for (const line of [
      '# TYPE node_cpu_seconds_total counter',
      'node_filesystem_avail_bytes{mountpoint="/"} 20480000000',
      'node_hwmon_in_lcrit_alarm_volts 0.001',
      '# TYPE node_vmstat_oom_kill untyped',
      'rpi_throttled{reason="under_voltage",when="now"} 1',
      'rpi_throttled{reason="throttled",when="since_boot"} 1',
      'rpi_throttled{reason="soft_temperature_limit",when="now"} 0',
      'pimesh_fleet_nodes{status="up",zone="/"} 40',
      'pimesh_fleet_zones_dark{zone="/"} 1',
      'pimesh_fleet_age_seconds{zone="/"} 42',
      'pimesh_fleet_nodes{status="down",zone="/uk/b"} 2',
      'pimesh_fleet_nodes{status="down",zone="/uk/c/*"} 2',
      'pimesh_fleet_zone_dark{zone="/uk/d"} 1',
      'pimesh_fleet_nodes_by_release{release="0011223344556677",state="failed",zone="/"} 3',
    ])
      expect(lines).toContain(line)
    expect(page).toMatch(/^node_cpu_seconds_total\{cpu="0",mode="idle"\} \d/m)
    expect(page).not.toMatch(/^node_cpu_seconds_total\{mode/m)
    expect(page).toMatch(/^node_thermal_zone_temp\{type="[\w-]+",zone="0"\} 61\.75$/m)
    expect(page).toMatch(/^node_uname_info\{.*release="[^"]+"/m)
    expect(page).toMatch(/^pimesh_fleet_quantile\{metric="cpu_temp",p="0.95",unit="degC",zone="\/"\} \d/m)
  })

  it.each(boards)('of a %s can be read as what it is, each series once', async (board) => {
    const page = await pageOf(board, CUSTOM)
    const names = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    const series = names.map((line) => line.slice(0, line.lastIndexOf(' ')))
    expect(new Set(series).size).toBe(series.length)
    expect(page.match(/^# TYPE (\S+)/gm)).toHaveLength(new Set(page.match(/^# TYPE (\S+)/gm)).size)
  })

  it('keeps what a custom collector gave', () => {
    expect(expose(CUSTOM)).toBe(
      [
        '# HELP latency_bucket Of a custom collector, which says no more.',
        '# TYPE latency_bucket untyped',
        'latency_bucket{le="+Inf"} 3',
        '# HELP old_total Of a custom collector, which says no more.',
        '# TYPE old_total untyped',
        'old_total 3',
        '# HELP room_celsius Of a custom collector, which says no more.',
        '# TYPE room_celsius gauge',
        'room_celsius{wall="a\\"b\\\\c\\n"} 21.5',
        '',
      ].join('\n'),
    )
    expect(parseText(expose(CUSTOM)).map(({ name, value, labels }) => [name, value, labels])).toEqual(
      [...CUSTOM].sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ name, value, labels }) => [name, value, labels]),
    )
  })

  it.skipIf(!hasPromtool).each(boards)('of a %s is accepted by promtool', async (board) => {
    expect(checkMetrics(await pageOf(board, CUSTOM))).toEqual({ readable: true, faults: [] })
  })

  it.skipIf(!hasPromtool)('would not be accepted that is no page', () => {
    expect(checkMetrics('# HELP a b\n# TYPE a gauge\na{ 1\n').readable).toBe(false)
    expect(checkMetrics('# HELP a b\n# TYPE a counter\na 1\n').faults).not.toEqual([])
  })
})
