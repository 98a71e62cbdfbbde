// What a Pi with a card has been measuring for days: every metric of a record but those of a data disk, with figures of the length that
// they have after ten days. How long a record is, and a digest, follows from it: a real record of an x86 machine without a Pi's sensors has
// 235 bytes, one of these 242.
import type { Millis } from '../../../src/core/env.ts'
import { type MetricValues, metricValues } from '../../../src/core/fleet/metrics.ts'
import type { Prng } from '../prng.ts'

const MIB = 1024 ** 2
const DAY = 86_400

/** A sample of a machine without a Pi's sensors, the same for all: what daemons measure that share one. */
export function sharedSample(now: Millis, run: Millis): MetricValues {
  const uptime = DAY + Math.floor(now / 1000)
  return metricValues({
    ...{ 'node_cpu_seconds_total{mode="user"}': uptime * 1.1, 'node_cpu_seconds_total{mode="nice"}': uptime * 0.4 },
    ...{ 'node_cpu_seconds_total{mode="system"}': uptime * 0.2, 'node_cpu_seconds_total{mode="idle"}': uptime * 0.3 },
    ...{ 'node_cpu_seconds_total{mode="iowait"}': uptime * 0.002, 'node_cpu_seconds_total{mode="irq"}': 0 },
    ...{
      'node_cpu_seconds_total{mode="softirq"}': uptime * 0.02,
      'node_cpu_seconds_total{mode="steal"}': uptime * 0.01,
    },
    ...{ node_cpu_count: 2, node_load1: 21.35, node_load5: 35.06, node_load15: 36.16 },
    ...{ node_memory_MemTotal_bytes: 24_105 * MIB, node_memory_MemAvailable_bytes: 21_975 * MIB },
    ...{ node_memory_SwapTotal_bytes: 0, node_memory_SwapFree_bytes: 0 },
    'node_filesystem_size_bytes{mountpoint="/"}': 258_019 * MIB,
    'node_filesystem_avail_bytes{mountpoint="/"}': 71_930 * MIB,
    'node_filesystem_files_free{mountpoint="/"}': 15_964_430,
    'node_filesystem_readonly{mountpoint="/"}': 0,
    ...{ node_uptime_seconds: uptime, node_boot_id: 1_994_629_563 },
    node_disk_written_bytes_total: uptime * 5_000_000,
    node_disk_writes_completed_total: uptime * 50,
    ...{ node_disk_io_time_seconds_total: uptime * 0.03, node_disk_write_time_seconds_total: uptime * 0.1 },
    node_pressure_cpu_waiting_seconds_total: uptime * 0.6,
    node_pressure_memory_waiting_seconds_total: 0,
    node_pressure_io_waiting_seconds_total: uptime * 0.02,
    ...{ node_network_receive_bytes_total: run * 2, node_network_transmit_bytes_total: run * 2 },
    ...{ node_network_errs_total: 0, node_network_drop_total: 0, node_vmstat_oom_kill: 0 },
    ...{ process_resident_memory_bytes: 141 * MIB, process_cpu_seconds_total: run / 100_000 },
  })
}

/** A sample of a board `run` milliseconds after its daemon's start. */
export function piSample(prng: Prng, run: Millis): MetricValues {
  const uptime = 10 * DAY + run / 1000
  const busy = prng.real()
  const load = 4 * busy
  return metricValues({
    'node_cpu_seconds_total{mode="user"}': uptime * 0.1 * busy,
    'node_cpu_seconds_total{mode="nice"}': 12,
    'node_cpu_seconds_total{mode="system"}': uptime * 0.05,
    'node_cpu_seconds_total{mode="idle"}': uptime * (4 - busy),
    'node_cpu_seconds_total{mode="iowait"}': uptime * 0.001,
    'node_cpu_seconds_total{mode="irq"}': 0,
    'node_cpu_seconds_total{mode="softirq"}': uptime * 0.002,
    'node_cpu_seconds_total{mode="steal"}': 0,
    ...{ node_cpu_count: 4, node_load1: load, node_load5: 0.9 * load, node_load15: 0.8 * load },
    ...{ node_memory_MemTotal_bytes: 1024 * MIB, node_memory_MemAvailable_bytes: prng.int(100, 900) * MIB },
    ...{ node_memory_SwapTotal_bytes: 200 * MIB, node_memory_SwapFree_bytes: 190 * MIB },
    'node_filesystem_size_bytes{mountpoint="/"}': 30_000 * MIB,
    'node_filesystem_avail_bytes{mountpoint="/"}': prng.int(1_000, 29_000) * MIB,
    'node_filesystem_files_free{mountpoint="/"}': 1_800_000,
    'node_filesystem_readonly{mountpoint="/"}': 0,
    node_thermal_zone_temp: prng.int(-50, 850) / 10,
    ...{ node_hwmon_in_lcrit_alarm_volts: 0, rpi_undervoltage_total: 0, rpi_throttled: 0 },
    ...{ node_cpu_scaling_frequency_hertz: 6e8, node_cpu_scaling_frequency_max_hertz: 15e8 },
    ...{ node_uptime_seconds: Math.floor(uptime), node_boot_id: prng.bits() & 0x7fffffff },
    ...{ node_timex_sync_status: 1, node_timex_offset_seconds: 0.001, node_timex_maxerror_seconds: 0.2 },
    node_disk_written_bytes_total: Math.floor(uptime * 200) * 512,
    node_disk_writes_completed_total: Math.floor(uptime),
    ...{ node_disk_io_time_seconds_total: uptime * 0.005, node_disk_write_time_seconds_total: uptime * 0.02 },
    node_pressure_cpu_waiting_seconds_total: uptime * 0.01 * busy,
    node_pressure_memory_waiting_seconds_total: 0,
    node_pressure_io_waiting_seconds_total: uptime * 0.002,
    ...{ node_network_receive_bytes_total: uptime * 5_000, node_network_transmit_bytes_total: uptime * 5_000 },
    ...{ node_network_errs_total: 0, node_network_drop_total: 120, node_vmstat_oom_kill: 0 },
    ...{ node_systemd_units_failed: 0, process_resident_memory_bytes: 110 * MIB },
    process_cpu_seconds_total: run / 100_000,
  })
}
