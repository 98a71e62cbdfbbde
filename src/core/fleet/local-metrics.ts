// What a node measures beside its record (tier B): kept in its own history and served at /metrics, never on the wire. docs/metrics.md is
// checked against this table. The names are node_exporter's where it has one.
import { METRICS, type MetricKind } from './metrics.ts'

export interface LocalMetric {
  name: string
  /** Names of its labels, in order. */
  labels: readonly string[]
  unit: string
  kind: MetricKind
  /** One line. */
  help: string
}

type Named<Name extends string> = LocalMetric & { name: Name }
const gauge = <Name extends string>(name: Name, unit: string, help: string, ...labels: string[]): Named<Name> => {
  return { name, labels, unit, kind: 'gauge', help }
}
const counter = <Name extends string>(name: Name, unit: string, help: string, ...labels: string[]): Named<Name> => {
  return { name, labels, unit, kind: 'counter', help }
}

export const LOCAL_METRICS = [
  counter('node_vmstat_pswpin', '1', 'Pages read from swap since boot.'),
  counter('node_vmstat_pswpout', '1', 'Pages written to swap since boot.'),
  counter('node_vmstat_pgmajfault', '1', 'Page faults since boot that had to wait for a disk.'),
  counter('node_vmstat_pgfault', '1', 'Page faults since boot.'),
  gauge('node_procs_running', '1', 'Processes that run or could run.'),
  gauge('node_procs_blocked', '1', 'Processes that wait for I/O.'),
  counter('node_forks_total', '1', 'Processes and threads started since boot.'),
  gauge('node_filefd_allocated', '1', 'Files that are open on the whole machine.'),
  gauge('node_filefd_maximum', '1', 'Files that can be open on the whole machine.'),
  gauge('node_boot_time_seconds', 's', 'When the machine was booted, in seconds since 1970, as its clock tells it.'),
  gauge('node_wifi_station_signal_dbm', 'dBm', 'Strength of the Wi-Fi signal.', 'device'),
  counter('node_network_carrier_changes_total', '1', 'How often the link of the interface came or went.', 'device'),
  gauge('node_hwmon_temp_celsius', 'degC', 'Temperature of a sensor.', 'chip', 'sensor'),
  gauge('node_hwmon_fan_rpm', 'rpm', 'Speed of a fan.', 'chip', 'sensor'),
  gauge('node_cooling_device_cur_state', '1', 'How far a cooling device is up.', 'name', 'type'),
  gauge('node_cooling_device_max_state', '1', 'How far a cooling device can go up.', 'name', 'type'),
  gauge('node_watchdog_bootstatus', '1', 'What the hardware watchdog says of the last boot; 0 is nothing.', 'name'),
  gauge('rpi_rail_volts', 'V', 'Voltage of a rail of the power chip.', 'rail'),
  gauge('rpi_rail_amperes', 'A', 'Current of a rail of the power chip.', 'rail'),
  gauge('rpi_core_volts', 'V', 'Voltage of the processor.'),
  gauge('rpi_clock_hertz', 'Hz', 'Clock rate as the firmware measures it.', 'clock'),
  gauge('rpi_pmic_temp_celsius', 'degC', 'Temperature of the power chip.'),
  gauge(
    'mmc_life_used_ratio',
    'ratio',
    'Wear of the eMMC as it says itself, rounded up to tenths; 1.1 is beyond its life.',
    'area',
    'device',
  ),
  gauge(
    'mmc_pre_eol_level',
    '1',
    'Spare blocks of the eMMC: 1 normal, 2 four fifths used, 3 nearly all used.',
    'device',
  ),
  gauge('process_open_fds', '1', 'Files and sockets that the daemon has open.'),
  gauge('process_threads', '1', 'Threads of the daemon.'),
] as const satisfies readonly LocalMetric[]

export type LocalMetricName = (typeof LOCAL_METRICS)[number]['name']

/** Names that are given at /metrics beside both tables, and what begins with these. */
const OTHERS = /^(pimesh_|process_|rpi_|node_(uname|os|dmi)_info$|node_textfile_)/
const names = new Set<string>([
  ...METRICS.map(({ name }) => name.replace(/\{.*/, '')),
  ...LOCAL_METRICS.map(({ name }) => name),
])

/** True for the name of a series that pimesh gives itself: a custom collector may not give it, too. */
export function isOwnName(name: string): boolean {
  return names.has(name) || OTHERS.test(name)
}
