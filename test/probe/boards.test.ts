// Exact samples of four boards, worked out by hand from the files in test/fixtures/probe.
import { expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import type { NamedMetrics } from '../../src/ports/probe.ts'
import { openProbe } from '../../src/probe/probe.ts'
import { type Board, boardFolder, FakePlatform } from './fake-platform.ts'

const card = { bsize: 4096, blocks: 7_500_000, bavail: 5_000_000, files: 1_900_000, ffree: 1_700_000 }
const other = { bsize: 1024, blocks: 1_000, bavail: 400, files: 200, ffree: 150 }
const withoutInodes = { bsize: 4096, blocks: 1_000, bavail: 250, files: 0, ffree: 0 }

async function sampled(board: Board, dataFolder: string, set: (platform: FakePlatform) => void) {
  const platform = new FakePlatform()
  set(platform)
  const probe = await openProbe({ root: boardFolder(board), dataFolder, platform })
  await platform.settled()
  const sample = await probe.sample({ signal: new AbortController().signal })
  probe.close()
  return { ...sample, facts: probe.facts(), platform }
}

const own = { process_resident_memory_bytes: 98_765_824, process_cpu_seconds_total: 12.34 }
const noDataDevice = {
  'node_filesystem_size_bytes{mountpoint="data"}': null,
  'node_filesystem_avail_bytes{mountpoint="data"}': null,
  'node_filesystem_files_free{mountpoint="data"}': null,
  'node_filesystem_readonly{mountpoint="data"}': null,
}
const noPressure = {
  node_pressure_cpu_waiting_seconds_total: null,
  node_pressure_memory_waiting_seconds_total: null,
  node_pressure_io_waiting_seconds_total: null,
}
const unreadableClock = { node_timex_offset_seconds: null, node_timex_maxerror_seconds: null }

test('Raspberry Pi 4: one SD card, docker beside it, no pressure accounting', async () => {
  const { metrics, clockTrusted, facts, platform } = await sampled('pi4', '/var/lib/pimesh', (it) => {
    it.sizes = { '/': card, '/var/lib/pimesh': card }
    it.outputs = { vcgencmd: 'throttled=0x50005\n', systemctl: '2\n' }
  })
  const expected: NamedMetrics = {
    'node_cpu_seconds_total{mode="user"}': 1523.4,
    'node_cpu_seconds_total{mode="nice"}': 12.07,
    'node_cpu_seconds_total{mode="system"}': 483.11,
    'node_cpu_seconds_total{mode="idle"}': 84129.5,
    'node_cpu_seconds_total{mode="iowait"}': 209.77,
    'node_cpu_seconds_total{mode="irq"}': 0,
    'node_cpu_seconds_total{mode="softirq"}': 31.22,
    'node_cpu_seconds_total{mode="steal"}': 0,
    node_cpu_count: 4,
    node_load1: 0.52,
    node_load5: 0.41,
    node_load15: 0.3,
    node_memory_MemTotal_bytes: 3_977_580_544,
    node_memory_MemAvailable_bytes: 3_175_649_280,
    node_memory_SwapTotal_bytes: 536_854_528,
    node_memory_SwapFree_bytes: 536_592_384,
    'node_filesystem_size_bytes{mountpoint="/"}': 30_720_000_000,
    'node_filesystem_avail_bytes{mountpoint="/"}': 20_480_000_000,
    'node_filesystem_files_free{mountpoint="/"}': 1_700_000,
    'node_filesystem_readonly{mountpoint="/"}': 0,
    ...noDataDevice,
    node_thermal_zone_temp: 48.312,
    node_hwmon_in_lcrit_alarm_volts: 0,
    rpi_undervoltage_total: 0,
    rpi_throttled: 327_685,
    node_cpu_scaling_frequency_hertz: 1_500_000_000,
    node_cpu_scaling_frequency_max_hertz: 1_800_000_000,
    node_uptime_seconds: 21598.37,
    node_boot_id: 2_712_847_316,
    node_timex_sync_status: 1,
    ...unreadableClock,
    node_disk_written_bytes_total: 922_231_808,
    node_disk_writes_completed_total: 51_233,
    node_disk_io_time_seconds_total: 402.118,
    node_disk_write_time_seconds_total: 903.411,
    ...noPressure,
    node_network_receive_bytes_total: 803_235_567,
    node_network_transmit_bytes_total: 123_757_289,
    node_network_errs_total: 3,
    node_network_drop_total: 20,
    node_vmstat_oom_kill: 0,
    node_systemd_units_failed: 2,
    ...own,
  }
  expect(metrics).toEqual(expected)
  expect(clockTrusted).toBe(true)
  expect(facts).toEqual({
    model: 'Raspberry Pi 4 Model B Rev 1.4',
    os: 'Debian GNU/Linux 12 (bookworm)',
    kernel: '6.12.47+rpt-rpi-v8',
    arch: process.arch,
    cpus: 4,
    node: process.versions.node,
  })
  expect(platform.recordRuns.map(({ file, args }) => [file.replace(boardFolder('pi4'), ''), ...args])).toEqual([
    ['/usr/bin/vcgencmd', 'get_throttled'],
    ['/usr/bin/systemctl', 'show', '--property=NFailedUnits', '--value'],
  ])
})

test('Raspberry Pi 5: root on NVMe, a USB disk that ext4 stopped writing to, under-voltage now, chrony', async () => {
  const { metrics, clockTrusted, facts } = await sampled('pi5', '/srv/usb disk/pimesh', (it) => {
    it.sizes = { '/': card, '/srv/usb disk/pimesh': other }
    it.outputs = { vcgencmd: 'throttled=0x0\n', systemctl: '0\n' }
  })
  const expected: NamedMetrics = {
    'node_cpu_seconds_total{mode="user"}': 9012.34,
    'node_cpu_seconds_total{mode="nice"}': 0,
    'node_cpu_seconds_total{mode="system"}': 3001.22,
    'node_cpu_seconds_total{mode="idle"}': 550123.45,
    'node_cpu_seconds_total{mode="iowait"}': 10.44,
    'node_cpu_seconds_total{mode="irq"}': 0.12,
    'node_cpu_seconds_total{mode="softirq"}': 98.76,
    'node_cpu_seconds_total{mode="steal"}': 0,
    node_cpu_count: 4,
    node_load1: 3.99,
    node_load5: 2.5,
    node_load15: 1.25,
    node_memory_MemTotal_bytes: 8_454_651_904,
    node_memory_MemAvailable_bytes: 7_169_249_280,
    node_memory_SwapTotal_bytes: 0,
    node_memory_SwapFree_bytes: 0,
    'node_filesystem_size_bytes{mountpoint="/"}': 30_720_000_000,
    'node_filesystem_avail_bytes{mountpoint="/"}': 20_480_000_000,
    'node_filesystem_files_free{mountpoint="/"}': 1_700_000,
    'node_filesystem_readonly{mountpoint="/"}': 0,
    'node_filesystem_size_bytes{mountpoint="data"}': 1_024_000,
    'node_filesystem_avail_bytes{mountpoint="data"}': 409_600,
    'node_filesystem_files_free{mountpoint="data"}': 150,
    'node_filesystem_readonly{mountpoint="data"}': 1,
    node_thermal_zone_temp: 61.75,
    node_hwmon_in_lcrit_alarm_volts: 0.001,
    rpi_undervoltage_total: 0,
    rpi_throttled: 0,
    node_cpu_scaling_frequency_hertz: 2_400_000_000,
    node_cpu_scaling_frequency_max_hertz: 2_400_000_000,
    node_uptime_seconds: 140532.01,
    node_boot_id: 16,
    node_timex_sync_status: null,
    ...unreadableClock,
    node_disk_written_bytes_total: 3_994_231_808,
    node_disk_writes_completed_total: 91_233,
    node_disk_io_time_seconds_total: 52.118,
    node_disk_write_time_seconds_total: 40.311,
    node_pressure_cpu_waiting_seconds_total: 91.234567,
    node_pressure_memory_waiting_seconds_total: 0.0012,
    node_pressure_io_waiting_seconds_total: 5.000001,
    node_network_receive_bytes_total: 1024,
    node_network_transmit_bytes_total: 2048,
    node_network_errs_total: 0,
    node_network_drop_total: 0,
    node_vmstat_oom_kill: 1,
    node_systemd_units_failed: 0,
    ...own,
  }
  expect(metrics).toEqual(expected)
  expect(clockTrusted).toBe(false)
  expect(facts).toMatchObject({ model: 'Raspberry Pi 5 Model B Rev 1.0', os: 'Ubuntu 24.04.3 LTS' })
})

test('Raspberry Pi Zero 2: read-only root, data on its own partition, frost, no programs to ask', async () => {
  const { metrics, clockTrusted, facts, platform } = await sampled('pi-zero-2', '/data', (it) => {
    it.sizes = { '/': card, '/data': other }
  })
  const expected: NamedMetrics = {
    'node_cpu_seconds_total{mode="user"}': 50.12,
    'node_cpu_seconds_total{mode="nice"}': 0,
    'node_cpu_seconds_total{mode="system"}': 40.33,
    'node_cpu_seconds_total{mode="idle"}': 9123.45,
    'node_cpu_seconds_total{mode="iowait"}': 3.02,
    'node_cpu_seconds_total{mode="irq"}': 0,
    'node_cpu_seconds_total{mode="softirq"}': 0.88,
    'node_cpu_seconds_total{mode="steal"}': 0,
    node_cpu_count: 4,
    node_load1: 0,
    node_load5: 0.01,
    node_load15: 0.05,
    node_memory_MemTotal_bytes: 436_158_464,
    node_memory_MemAvailable_bytes: 206_176_256,
    node_memory_SwapTotal_bytes: 104_853_504,
    node_memory_SwapFree_bytes: 52_428_800,
    'node_filesystem_size_bytes{mountpoint="/"}': 30_720_000_000,
    'node_filesystem_avail_bytes{mountpoint="/"}': 20_480_000_000,
    'node_filesystem_files_free{mountpoint="/"}': 1_700_000,
    'node_filesystem_readonly{mountpoint="/"}': 1,
    'node_filesystem_size_bytes{mountpoint="data"}': 1_024_000,
    'node_filesystem_avail_bytes{mountpoint="data"}': 409_600,
    'node_filesystem_files_free{mountpoint="data"}': 150,
    'node_filesystem_readonly{mountpoint="data"}': 0,
    node_thermal_zone_temp: -5.25,
    node_hwmon_in_lcrit_alarm_volts: null,
    rpi_undervoltage_total: null,
    rpi_throttled: null,
    node_cpu_scaling_frequency_hertz: 600_000_000,
    node_cpu_scaling_frequency_max_hertz: 1_000_000_000,
    node_uptime_seconds: 2301.1,
    node_boot_id: 4_294_967_295,
    node_timex_sync_status: 0,
    ...unreadableClock,
    node_disk_written_bytes_total: 51_831_808,
    node_disk_writes_completed_total: 1233,
    node_disk_io_time_seconds_total: 62.118,
    node_disk_write_time_seconds_total: 53.411,
    ...noPressure,
    node_network_receive_bytes_total: 2_401_000,
    node_network_transmit_bytes_total: 500_500,
    node_network_errs_total: 4,
    node_network_drop_total: 16,
    node_vmstat_oom_kill: 3,
    node_systemd_units_failed: null,
    ...own,
  }
  expect(metrics).toEqual(expected)
  expect(clockTrusted).toBe(false)
  expect(facts).toMatchObject({ model: 'Raspberry Pi Zero 2 W Rev 1.0', os: 'Alpine Linux v3.22' })
  expect(platform.runs).toEqual([])
  expect(platform.periods).not.toContain(limits.undervoltagePeriod)
})

test('a PC: btrfs, a tunnel, no clock service, no Raspberry Pi at all', async () => {
  const { metrics, facts } = await sampled('x86', '/home/me/pimesh', (it) => {
    it.sizes = { '/': withoutInodes, '/home/me/pimesh': withoutInodes }
  })
  const expected: NamedMetrics = {
    'node_cpu_seconds_total{mode="user"}': 40000.01,
    'node_cpu_seconds_total{mode="nice"}': 20.02,
    'node_cpu_seconds_total{mode="system"}': 3003.03,
    'node_cpu_seconds_total{mode="idle"}': 400040.04,
    'node_cpu_seconds_total{mode="iowait"}': 505.05,
    'node_cpu_seconds_total{mode="irq"}': 60.06,
    'node_cpu_seconds_total{mode="softirq"}': 70.07,
    'node_cpu_seconds_total{mode="steal"}': 80.08,
    node_cpu_count: 2,
    node_load1: 12,
    node_load5: 8.75,
    node_load15: 4.5,
    node_memory_MemTotal_bytes: 33_554_432_000,
    node_memory_MemAvailable_bytes: 20_480_000_000,
    node_memory_SwapTotal_bytes: 8_589_930_496,
    node_memory_SwapFree_bytes: 8_589_930_496,
    'node_filesystem_size_bytes{mountpoint="/"}': 4_096_000,
    'node_filesystem_avail_bytes{mountpoint="/"}': 1_024_000,
    'node_filesystem_files_free{mountpoint="/"}': null,
    'node_filesystem_readonly{mountpoint="/"}': 0,
    ...noDataDevice,
    node_thermal_zone_temp: 39,
    node_hwmon_in_lcrit_alarm_volts: null,
    rpi_undervoltage_total: null,
    rpi_throttled: null,
    node_cpu_scaling_frequency_hertz: null,
    node_cpu_scaling_frequency_max_hertz: null,
    node_uptime_seconds: 864_000,
    node_boot_id: 305_419_896,
    node_timex_sync_status: null,
    ...unreadableClock,
    node_disk_written_bytes_total: 1_048_576,
    node_disk_writes_completed_total: 800,
    node_disk_io_time_seconds_total: 1,
    node_disk_write_time_seconds_total: 0.9,
    node_pressure_cpu_waiting_seconds_total: 1,
    node_pressure_memory_waiting_seconds_total: 0,
    node_pressure_io_waiting_seconds_total: 0.0025,
    node_network_receive_bytes_total: 5_000_000_000,
    node_network_transmit_bytes_total: 6_000_000_000,
    node_network_errs_total: 0,
    node_network_drop_total: 0,
    node_vmstat_oom_kill: 12,
    node_systemd_units_failed: null,
    ...own,
  }
  expect(metrics).toEqual(expected)
  expect(facts).toMatchObject({ model: 'LENOVO 10MQS2WQ00', os: 'Ubuntu 24.04.3 LTS', cpus: 2 })
})
