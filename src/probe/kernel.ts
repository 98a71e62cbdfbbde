// What the kernel counts about processor, memory and pressure: /proc/stat, loadavg, meminfo, pressure, vmstat, uptime, boot_id.
import { limits, SECOND } from '../core/limits.ts'
import { lineAfter, parsed, per, times, tokens } from './numbers.ts'
import type { Reader } from './reader.ts'

/** Ticks per second of the times in /proc/stat (USER_HZ): 100 on every architecture that Node runs on. */
const ticksPerSecond = 100

/**
 * CPU time by mode since boot, all CPUs together. Idle and iowait may step back a little (proc_stat(5)), which a reader of
 * counters takes for a reboot: a small step back is answered with the value before it, as node_exporter does.
 */
export class CpuTimes {
  readonly #last: (number | null)[] = []

  read(reader: Reader) {
    const text = reader.text('/proc/stat') ?? ''
    const line = lineAfter(text, 'cpu ')
    const cpus = text.match(/^cpu\d+ /gm)?.length ?? null
    return {
      'node_cpu_seconds_total{mode="user"}': this.#seconds(line, 0),
      'node_cpu_seconds_total{mode="nice"}': this.#seconds(line, 1),
      'node_cpu_seconds_total{mode="system"}': this.#seconds(line, 2),
      'node_cpu_seconds_total{mode="idle"}': this.#seconds(line, 3),
      'node_cpu_seconds_total{mode="iowait"}': this.#seconds(line, 4),
      'node_cpu_seconds_total{mode="irq"}': this.#seconds(line, 5),
      'node_cpu_seconds_total{mode="softirq"}': this.#seconds(line, 6),
      'node_cpu_seconds_total{mode="steal"}': this.#seconds(line, 7),
      node_cpu_count: cpus,
    }
  }

  #seconds(line: string[], column: number): number | null {
    const value = per(parsed(line[column]), ticksPerSecond)
    const last = this.#last[column] ?? null
    const steppedBack =
      value !== null && last !== null && value < last && last - value < limits.cpuTimeStepBack / SECOND
    if (steppedBack) return last
    this.#last[column] = value
    return value
  }
}

export function readLoad(reader: Reader) {
  const line = tokens(reader.text('/proc/loadavg') ?? '')
  return { node_load1: parsed(line[0]), node_load5: parsed(line[1]), node_load15: parsed(line[2]) }
}

export function readMemory(reader: Reader) {
  const text = reader.text('/proc/meminfo') ?? ''
  const bytes = (key: string) => {
    const [value, unit] = lineAfter(text, `${key}:`)
    return unit === 'kB' ? times(parsed(value), 1024) : null
  }
  return {
    node_memory_MemTotal_bytes: bytes('MemTotal'),
    node_memory_MemAvailable_bytes: bytes('MemAvailable'),
    node_memory_SwapTotal_bytes: bytes('SwapTotal'),
    node_memory_SwapFree_bytes: bytes('SwapFree'),
  }
}

/** Pressure stall information. Missing unless the kernel was started with psi=1 where that is not the default (Raspberry Pi OS). */
export function readPressure(reader: Reader) {
  return {
    node_pressure_cpu_waiting_seconds_total: stalled(reader, 'cpu'),
    node_pressure_memory_waiting_seconds_total: stalled(reader, 'memory'),
    node_pressure_io_waiting_seconds_total: stalled(reader, 'io'),
  }
}

function stalled(reader: Reader, resource: string): number | null {
  const line = lineAfter(reader.text(`/proc/pressure/${resource}`) ?? '', 'some ')
  const total = line.find((word) => word.startsWith('total='))
  return per(parsed(total?.slice('total='.length)), 1e6)
}

export function readKernel(reader: Reader) {
  const bootId = /^([0-9a-f]{8})-/.exec(reader.text('/proc/sys/kernel/random/boot_id') ?? '')?.[1]
  return {
    node_uptime_seconds: parsed(tokens(reader.text('/proc/uptime') ?? '')[0]),
    node_boot_id: bootId === undefined ? null : Number.parseInt(bootId, 16),
    node_vmstat_oom_kill: parsed(lineAfter(reader.text('/proc/vmstat') ?? '', 'oom_kill ')[0]),
  }
}
