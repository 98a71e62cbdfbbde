// Temperature and clock rate of the processor, and where the sensors are.
import { parsed, parsedSigned, per, times } from './numbers.ts'
import type { Reader } from './reader.ts'

/** Thermal zones that are the processor's, best first: Raspberry Pi (today, and the 4.x kernels), other boards, Intel. */
const processorZones = ['cpu-thermal', 'cpu_thermal', 'bcm2835_thermal', 'soc-thermal', 'soc_thermal', 'x86_pkg_temp']
/** hwmon chips that measure the processor where no such zone exists; temp1 is the package. */
const processorChips = ['cpu_thermal', 'coretemp', 'k10temp', 'zenpower']
/** The firmware's under-voltage detector (raspberrypi-hwmon.c). */
const undervoltageChip = 'rpi_volt'

/** Outside these degrees it is a broken sensor, not a processor (disconnected ones read -274 or 255 and above). */
const coldest = -60
const hottest = 200

/** Paths of the sensors this machine has. */
export interface SensorPaths {
  temperature: string | undefined
  undervoltage: string | undefined
}

/** Looks through /sys/class/thermal and /sys/class/hwmon. */
export function findSensors(reader: Reader): SensorPaths {
  const zones = named(reader, '/sys/class/thermal', /^thermal_zone\d+$/, 'type')
  const chips = named(reader, '/sys/class/hwmon', /^hwmon\d+$/, 'name')
  const zone = first(processorZones, zones)
  const chip = first(processorChips, chips)
  const detector = first([undervoltageChip], chips)
  const alarm = detector && `${detector}/in0_lcrit_alarm`
  return {
    temperature: zone ? `${zone}/temp` : chip && `${chip}/temp1_input`,
    undervoltage: alarm && reader.exists(alarm) ? alarm : undefined,
  }
}

/** What a device calls itself -> its folder; of two with one name the first counts. */
function named(reader: Reader, folder: string, pattern: RegExp, file: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const entry of reader.names(folder, pattern)) {
    const name = reader.word(`${folder}/${entry}/${file}`)
    if (name !== undefined && !found.has(name)) found.set(name, `${folder}/${entry}`)
  }
  return found
}

function first(wanted: string[], found: Map<string, string>): string | undefined {
  const name = wanted.find((candidate) => found.has(candidate))
  return name === undefined ? undefined : found.get(name)
}

export function readTemperature(reader: Reader, path: string | undefined) {
  const degrees = path === undefined ? null : per(parsedSigned(reader.word(path)), 1000)
  const plausible = degrees !== null && degrees >= coldest && degrees <= hottest
  return { node_thermal_zone_temp: plausible ? degrees : null }
}

export function readClockRate(reader: Reader) {
  const hertz = (file: string) => {
    const kilohertz = parsed(reader.word(`/sys/devices/system/cpu/cpu0/cpufreq/${file}`))
    return kilohertz === 0 ? null : times(kilohertz, 1000)
  }
  return {
    node_cpu_scaling_frequency_hertz: hertz('scaling_cur_freq'),
    node_cpu_scaling_frequency_max_hertz: hertz('cpuinfo_max_freq'),
  }
}
