// What is measured beside the record (tier B) out of files: swap, processes, radio, sensors, wear, the watchdog. Each source costs only itself.
import { LOCAL_METRICS, type LocalMetric, type LocalMetricName } from '../core/fleet/local-metrics.ts'
import type { Labels, NamedValue } from '../core/fleet/named-values.ts'
import { lineAfter, parsed, parsedSigned, per, tokens } from './numbers.ts'
import type { Reader } from './reader.ts'

const table = new Map<string, LocalMetric>(LOCAL_METRICS.map((metric) => [metric.name, metric]))

/** A value of the table with its labels, in the table's order; none when the machine does not have it. */
export function local(name: LocalMetricName, value: number | null, ...labels: readonly string[]): NamedValue[] {
  const metric = table.get(name)
  if (metric === undefined || value === null) return []
  const { unit, kind, help } = metric
  const pairs: Labels = metric.labels.map((label, index) => [label, labels[index] ?? ''])
  return [{ name, labels: pairs, unit, kind, value, help }]
}

export function readLocal(reader: Reader): NamedValue[] {
  return [
    ...virtualMemory(reader),
    ...processes(reader),
    ...radio(reader),
    ...carriers(reader),
    ...hardwareMonitors(reader),
    ...coolingDevices(reader),
    ...watchdogs(reader),
    ...wear(reader),
    ...ownProcess(reader),
  ]
}

function virtualMemory(reader: Reader): NamedValue[] {
  const text = reader.text('/proc/vmstat') ?? ''
  const names = ['pswpin', 'pswpout', 'pgmajfault', 'pgfault'] as const
  return names.flatMap((name) => local(`node_vmstat_${name}`, parsed(lineAfter(text, `${name} `)[0])))
}

function processes(reader: Reader): NamedValue[] {
  const stat = reader.text('/proc/stat') ?? ''
  const counted = (key: string) => parsed(lineAfter(stat, `${key} `)[0])
  const files = tokens(reader.text('/proc/sys/fs/file-nr') ?? '')
  return [
    ...local('node_procs_running', counted('procs_running')),
    ...local('node_procs_blocked', counted('procs_blocked')),
    ...local('node_forks_total', counted('processes')),
    ...local('node_boot_time_seconds', counted('btime')),
    ...local('node_filefd_allocated', parsed(files[0])),
    // Where nothing bounds it the kernel shows 2^63 - 1.
    ...local('node_filefd_maximum', parsed(files[2])),
  ]
}

/** /proc/net/wireless: `wlan0: 0000   62.  -48.  -256 ...`; the third number is the level, in dBm where it is below zero. */
function radio(reader: Reader): NamedValue[] {
  return (reader.text('/proc/net/wireless') ?? '').split('\n').flatMap((line) => {
    const [, device = '', numbers = ''] = /^\s*([^\s:]+):(.*)$/.exec(line) ?? []
    const level = parsedSigned(tokens(numbers)[2]?.replace(/\.$/, ''))
    return level === null || level >= 0 ? [] : local('node_wifi_station_signal_dbm', level, device)
  })
}

function carriers(reader: Reader): NamedValue[] {
  const folder = '/sys/class/net'
  // A host of containers invents interfaces for ever: only those with a device are followed.
  const devices = reader.names(folder, /^[^.]/).filter((name) => reader.exists(`${folder}/${name}/device`))
  return devices.flatMap((name) =>
    local('node_network_carrier_changes_total', parsed(reader.word(`${folder}/${name}/carrier_changes`)), name),
  )
}

function hardwareMonitors(reader: Reader): NamedValue[] {
  const folder = '/sys/class/hwmon'
  return reader.names(folder, /^hwmon\d+$/).flatMap((entry) => {
    const path = `${folder}/${entry}`
    const chip = reader.word(`${path}/name`) ?? entry
    return reader.names(path, /^(temp|fan)\d+_input$/).flatMap((file) => {
      const value = parsedSigned(reader.word(`${path}/${file}`))
      const sensor = file.replace('_input', '')
      if (sensor.startsWith('fan')) return local('node_hwmon_fan_rpm', value, chip, sensor)
      return local('node_hwmon_temp_celsius', per(value, 1000), chip, sensor)
    })
  })
}

function coolingDevices(reader: Reader): NamedValue[] {
  const folder = '/sys/class/thermal'
  return reader.names(folder, /^cooling_device\d+$/).flatMap((entry) => {
    const [name, type] = [entry.slice('cooling_device'.length), reader.word(`${folder}/${entry}/type`) ?? '']
    const state = (file: string) => parsed(reader.word(`${folder}/${entry}/${file}`))
    return [
      ...local('node_cooling_device_cur_state', state('cur_state'), name, type),
      ...local('node_cooling_device_max_state', state('max_state'), name, type),
    ]
  })
}

function watchdogs(reader: Reader): NamedValue[] {
  const folder = '/sys/class/watchdog'
  return reader
    .names(folder, /^watchdog\d+$/)
    .flatMap((name) => local('node_watchdog_bootstatus', parsed(reader.word(`${folder}/${name}/bootstatus`)), name))
}

/** JEDEC 84-B51: life_time is `0x01 0x02` for the two areas, in tenths used, 0x0b beyond it, 0 not said; pre_eol_info 1 to 3, 0 not said. */
function wear(reader: Reader): NamedValue[] {
  const folder = '/sys/block'
  return reader.names(folder, /^mmcblk\d+$/).flatMap((device) => {
    const words = (file: string) => tokens(reader.text(`${folder}/${device}/device/${file}`) ?? '').map(hexByte)
    const [slc = null, mlc = null] = words('life_time')
    const [spare = null] = words('pre_eol_info')
    const used = (tenths: number | null) => (tenths !== null && tenths >= 1 && tenths <= 11 ? tenths / 10 : null)
    return [
      ...local('mmc_life_used_ratio', used(slc), 'a', device),
      ...local('mmc_life_used_ratio', used(mlc), 'b', device),
      ...local('mmc_pre_eol_level', spare !== null && spare >= 1 && spare <= 3 ? spare : null, device),
    ]
  })
}

function hexByte(word: string): number | null {
  return /^0x[0-9a-f]{1,2}$/i.test(word) ? Number(word) : null
}

function ownProcess(reader: Reader): NamedValue[] {
  const threads = parsed(lineAfter(reader.text('/proc/self/status') ?? '', 'Threads:')[0])
  return [...local('process_open_fds', reader.count('/proc/self/fd')), ...local('process_threads', threads)]
}
