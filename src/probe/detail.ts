// Parts of what a sample sums up, with the labels that node_exporter gives them, and what this machine is: read when /metrics is asked for.
import type { Labels, NamedValue } from '../core/fleet/named-values.ts'
import { lineAfter, parsed, parsedSigned, per, times, tokens } from './numbers.ts'
import type { Reader } from './reader.ts'

const MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal']
/** Ticks per second of the times in /proc/stat (USER_HZ). */
const ticksPerSecond = 100
/** Of os-release(5), as node_os_info has them. */
const OS_FIELDS = ['ID', 'ID_LIKE', 'NAME', 'PRETTY_NAME', 'VERSION', 'VERSION_CODENAME', 'VERSION_ID'] as const

/** `written`: text files of custom collectors, and when each was written. */
export function readDetail(
  reader: Reader,
  written: readonly (readonly [file: string, seconds: number])[],
): NamedValue[] {
  return [
    ...cpuTimes(reader),
    ...clockRates(reader),
    ...thermalZones(reader),
    ...machine(reader),
    ...written.flatMap(([file, seconds]) =>
      one('node_textfile_mtime_seconds', 's', seconds, 'When a text file was written, in seconds since 1970.', {
        file,
      }),
    ),
  ]
}

function one(
  name: string,
  unit: string,
  value: number | null,
  help: string,
  labels: Readonly<Record<string, string>>,
): NamedValue[] {
  if (value === null) return []
  const pairs: Labels = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))
  return [{ name, labels: pairs, unit, kind: name.endsWith('_total') ? 'counter' : 'gauge', value, help }]
}

function cpuTimes(reader: Reader): NamedValue[] {
  const help = 'Seconds the CPUs spent in each mode since boot.'
  const lines = (reader.text('/proc/stat') ?? '').split('\n').filter((line) => /^cpu\d/.test(line))
  return lines.flatMap((line) => {
    const [cpu = '', ...ticks] = tokens(line)
    return MODES.flatMap((mode, column) => {
      const value = per(parsed(ticks[column]), ticksPerSecond)
      return one('node_cpu_seconds_total', 's', value, help, { cpu: cpu.slice(3), mode })
    })
  })
}

function clockRates(reader: Reader): NamedValue[] {
  return reader.names('/sys/devices/system/cpu', /^cpu\d+$/).flatMap((name) => {
    const hertz = (file: string) => times(parsed(reader.word(`/sys/devices/system/cpu/${name}/cpufreq/${file}`)), 1000)
    const cpu = name.slice(3)
    return [
      ...one('node_cpu_scaling_frequency_hertz', 'Hz', hertz('scaling_cur_freq'), 'Clock rate of a CPU.', { cpu }),
      ...one('node_cpu_scaling_frequency_max_hertz', 'Hz', hertz('cpuinfo_max_freq'), 'Its highest clock rate.', {
        cpu,
      }),
    ]
  })
}

function thermalZones(reader: Reader): NamedValue[] {
  const folder = '/sys/class/thermal'
  return reader.names(folder, /^thermal_zone\d+$/).flatMap((name) => {
    const degrees = per(parsedSigned(reader.word(`${folder}/${name}/temp`)), 1000)
    const labels = { type: reader.word(`${folder}/${name}/type`) ?? '', zone: name.slice('thermal_zone'.length) }
    return one('node_thermal_zone_temp', 'degC', degrees, 'Temperature of a thermal zone in degrees Celsius.', labels)
  })
}

/** uname, os-release and the model, each as the labels of a 1. The serial number is left out, as everywhere. */
function machine(reader: Reader): NamedValue[] {
  const kernel = (file: string) => reader.word(`/proc/sys/kernel/${file}`) ?? ''
  const uname = {
    ...{ sysname: kernel('ostype'), release: kernel('osrelease'), version: kernel('version') },
    ...{ nodename: kernel('hostname'), domainname: kernel('domainname'), machine: kernel('arch') || process.arch },
  }
  const release = reader.text('/etc/os-release') ?? ''
  const field = (name: string) =>
    lineAfter(release, `${name}=`)
      .join(' ')
      .replace(/^(["'])(.*)\1$/, '$2')
  const os = Object.fromEntries(OS_FIELDS.map((name) => [name.toLowerCase(), field(name)]))
  const dmi = (file: string) => reader.word(`/sys/class/dmi/id/${file}`)
  const product = reader.word('/proc/device-tree/model') ?? dmi('product_name') ?? ''
  const vendor = dmi('sys_vendor') ?? (product.startsWith('Raspberry Pi') ? 'Raspberry Pi' : '')
  return [
    ...one('node_uname_info', '1', 1, 'What uname(2) says.', uname),
    ...one('node_os_info', '1', 1, 'What /etc/os-release says.', os),
    ...one('node_dmi_info', '1', 1, 'The board.', { product_name: product, system_vendor: vendor }),
  ]
}
