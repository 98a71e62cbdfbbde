// Missing, empty, cut and absurd files: null for what they would have said, and nothing else changes.

import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { METRICS, type MetricName } from '../../src/core/fleet/metrics.ts'
import { limits } from '../../src/core/limits.ts'
import type { NamedMetrics } from '../../src/ports/probe.ts'
import { openProbe } from '../../src/probe/probe.ts'
import { FakePlatform, Machine } from './fake-platform.ts'

let machine: Machine
let platform: FakePlatform
beforeEach(() => {
  machine = new Machine('pi4')
  platform = new FakePlatform()
  platform.sizes = { '/': { bsize: 1, blocks: 4, bavail: 3, files: 2, ffree: 1 } }
})
afterEach(() => machine.dispose())

async function metrics(dataFolder = '/data'): Promise<NamedMetrics> {
  const probe = await openProbe({ root: machine.root, dataFolder, platform })
  try {
    return (await probe.sample({ signal: new AbortController().signal })).metrics
  } finally {
    probe.close()
  }
}

const nulls = (starts: string[]) =>
  METRICS.map(({ name }) => name).filter((name) => starts.some((s) => name.startsWith(s)))

const sources: [path: string, series: string[]][] = [
  ['proc/stat', ['node_cpu_seconds_total', 'node_cpu_count']],
  ['proc/loadavg', ['node_load']],
  ['proc/meminfo', ['node_memory']],
  ['proc/uptime', ['node_uptime']],
  ['proc/vmstat', ['node_vmstat']],
  ['proc/sys/kernel/random/boot_id', ['node_boot_id']],
  ['proc/diskstats', ['node_disk']],
  ['proc/net/dev', ['node_network']],
  ['proc/self/mountinfo', ['node_disk', 'node_filesystem_readonly']],
  ['sys/class/thermal/thermal_zone0/temp', ['node_thermal']],
  ['sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq', ['node_cpu_scaling_frequency_hertz']],
  ['sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq', ['node_cpu_scaling_frequency_max']],
]

describe.each(sources)('%s', (path, series) => {
  const damages: [name: string, damage: () => void][] = [
    ['missing', () => machine.remove(path)],
    ['empty', () => machine.write(path, '')],
    ['words', () => machine.write(path, 'no such device\n')],
    ['longer than any kernel file', () => machine.write(path, '1 '.repeat(limits.sourceFileBytes))],
    ['a folder', () => machine.replaceByFolder(path)],
  ]
  test.each(damages)('%s', async (_, damage) => {
    const before = await metrics()
    damage()
    const after = await metrics()
    const lost = new Set<string>(nulls(series))
    for (const { name } of METRICS) expect(after[name], name).toBe(lost.has(name) ? null : before[name])
  })
})

test('whatever bytes are in the files, a sample has every name, finite or null, and nothing throws', async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.stringMatching(/^[a-z0-9 :.\n=-]{0,200}$/).map((text) => Buffer.from(text)),
    fc
      .constantFrom('cpu -1 1e9 0x10 99999999999999999999\n', ':::\n', '- - - -\n', 'some total=-5\n')
      .map((text) => Buffer.from(text)),
  )
  const path = fc.constantFrom(...sources.map(([source]) => source), 'etc/os-release', 'proc/device-tree/model')
  await fc.assert(
    fc.asyncProperty(path, bytes, async (source, content) => {
      machine.write(source, content)
      const sampled = await metrics()
      for (const metric of METRICS) {
        const value = sampled[metric.name]
        expect(value === null || (Number.isFinite(value) && (value >= 0 || 'signed' in metric)), metric.name).toBe(true)
      }
    }),
    { numRuns: 150 },
  )
})

const one = async (name: MetricName) => (await metrics())[name]
const zone = 'sys/class/thermal/thermal_zone0'

test.each([
  ['-274000\n', null],
  ['255000\n', null],
  ['0\n', 0],
  ['85000', 85],
])('a temperature of %j is %j', async (text, degrees) => {
  machine.write(`${zone}/temp`, text)
  expect(await one('node_thermal_zone_temp')).toBe(degrees)
})

test('without a thermal zone of the processor its hwmon chip is read', async () => {
  machine.write(`${zone}/type`, 'gpu-thermal\n')
  machine.write('sys/class/hwmon/hwmon0/temp1_input', '51000\n')
  expect(await one('node_thermal_zone_temp')).toBe(51)
  machine.write('sys/class/hwmon/hwmon0/name', 'nvme\n')
  expect(await one('node_thermal_zone_temp')).toBeNull()
})

test('in a container, whose interfaces have no device, all but the virtual names count', async () => {
  machine.remove('sys/class/net')
  expect(await one('node_network_receive_bytes_total')).toBe(803_235_567)
  machine.write('proc/net/dev', 'lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n')
  expect(await one('node_network_receive_bytes_total')).toBeNull()
})

test('a cut interface line makes the sums unknown, not smaller', async () => {
  machine.write('proc/net/dev', 'eth0: 5 5 0 0 0 0 0 0 7 7 0 0 0 0 0 0\nwlan0: 3 3 0 0 0 0 0 0\n')
  expect(await metrics()).toMatchObject({
    node_network_receive_bytes_total: 8,
    node_network_transmit_bytes_total: null,
    node_network_errs_total: null,
  })
})

test.each([
  ['/dev/mmcblk0p2', '179:2', 'mmcblk0'],
  ['/dev/nvme0n1p1', '259:1', 'nvme0n1'],
  ['/dev/sda12', '8:12', 'sda'],
  ['/dev/vda', '254:0', 'vda'],
  ['/dev/mapper/vg-root', '253:0', 'dm-0'],
  ['/dev/md127', '9:127', 'md127'],
])('%s is on the whole disk %s %s', async (source, number, disk) => {
  const partition = disk === 'dm-0' ? disk : source.slice('/dev/'.length)
  const line = (id: string, name: string, written: number) =>
    ` ${id.replace(':', ' ')} ${name} 0 0 0 0 1 0 ${written} 0 0 0 0\n`
  const whole = partition === disk ? '' : line('1:1', disk, 20)
  machine.write('proc/self/mountinfo', `1 0 ${number} / / rw - ext4 ${source} rw\n`)
  machine.write('proc/diskstats', line(number, partition, partition === disk ? 20 : 10) + whole)
  expect(await one('node_disk_written_bytes_total')).toBe(10_240)
})

test('a root on an overlay in memory: the disk of the data folder counts', async () => {
  machine.write(
    'proc/self/mountinfo',
    '1 0 0:30 / / rw - overlay overlay rw,lowerdir=/a\n2 1 179:2 / /data rw - ext4 /dev/mmcblk0p2 rw\n',
  )
  expect(await one('node_disk_written_bytes_total')).toBe(922_231_808)
  machine.write('proc/self/mountinfo', '1 0 0:30 / / rw - overlay overlay rw,lowerdir=/a\n')
  expect(await one('node_disk_written_bytes_total')).toBeNull()
})

test('a folder beside a mount point with the same beginning is not on that mount', async () => {
  machine.write(
    'proc/self/mountinfo',
    '1 0 179:2 / / rw - ext4 /dev/mmcblk0p2 rw\n2 1 8:1 / /data ro - ext4 /dev/sda1 ro\n',
  )
  expect((await metrics('/data/pimesh'))['node_filesystem_readonly{mountpoint="data"}']).toBe(1)
  expect((await metrics('/database'))['node_filesystem_readonly{mountpoint="data"}']).toBeNull()
})

test('idle time that steps back a little stays, and a real fall is shown', async () => {
  const stat = (idle: number) =>
    machine.write('proc/stat', `cpu  1 0 0 ${idle} 0 0 0 0 0 0\ncpu0 1 0 0 ${idle} 0 0 0 0 0 0\n`)
  const probe = await openProbe({ root: machine.root, dataFolder: '/data', platform })
  const idle = async (ticks: number) => {
    stat(ticks)
    const { metrics } = await probe.sample({ signal: new AbortController().signal })
    return metrics['node_cpu_seconds_total{mode="idle"}']
  }
  expect([await idle(1000), await idle(999), await idle(1001), await idle(701)]).toEqual([10, 10, 10.01, 7.01])
  probe.close()
})

test.each([
  ['its time is up', () => platform.fire(limits.freeSpaceTimeout)],
  ['the signal aborts', (patience: AbortController) => patience.abort()],
])('a file system that does not answer is null when %s, is asked once, and comes back', async (_, giveUp) => {
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<void>()
  const { statfs } = platform
  let calls = 0
  platform.statfs = async (path) => {
    calls++
    asked.resolve()
    await answer.promise
    return statfs(path)
  }
  const size = 'node_filesystem_size_bytes{mountpoint="/"}'
  const probe = await openProbe({ root: machine.root, dataFolder: '/data', platform })
  const patience = new AbortController()
  const first = probe.sample({ signal: patience.signal })
  await asked.promise
  giveUp(patience)
  expect((await first).metrics[size]).toBeNull()
  expect((await probe.sample({ signal: new AbortController().signal })).metrics[size]).toBeNull()
  expect(calls).toBe(1)
  answer.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  expect((await probe.sample({ signal: new AbortController().signal })).metrics[size]).toBe(4)
  expect(calls).toBe(2)
  expect(platform.periods).not.toContain(limits.freeSpaceTimeout)
  probe.close()
})
