// The probe of a Linux machine: one sample is some 25 reads of /proc and /sys, put together under the names of the metrics table.
import { realpath } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { NamedValue } from '../core/fleet/named-values.ts'
import { limits } from '../core/limits.ts'
import type { CollectorReport, Facts, NamedMetrics, Probe, Sample } from '../ports/probe.ts'
import { ClockSync } from './clock-sync.ts'
import { type CollectorsConfig, CustomCollectors } from './collectors/collectors.ts'
import { BackgroundCommand, failedUnits, throttledBits } from './commands.ts'
import { readDetail } from './detail.ts'
import { readDisk } from './disk.ts'
import { readFacts } from './facts.ts'
import { firmwareQuestions } from './firmware.ts'
import { FreeSpace, spaceOf } from './free-space.ts'
import { CpuTimes, readKernel, readLoad, readMemory, readPressure } from './kernel.ts'
import { readLocal } from './local.ts'
import { hasOwnDevice, MountTable } from './mounts.ts'
import { Network } from './network.ts'
import { type Platform, realPlatform } from './platform.ts'
import { Reader } from './reader.ts'
import { findSensors, readClockRate, readTemperature, type SensorPaths } from './sensors.ts'
import { Undervoltage } from './undervoltage.ts'

export interface ProbeOptions {
  /** The daemon's data folder, whose file system is watched beside `/`. */
  dataFolder: string
  /** Where /proc, /sys, /run, /etc and /usr are looked for: '/' unless a test has its own. */
  root?: string
  /** Custom collectors; undefined: none. */
  collectors?: CollectorsConfig | undefined
  /** What tests replace: time, timers, statfs, programs, the process's own cost. */
  platform?: Partial<Platform>
}

/** Opens the probe and starts what it samples in the background. A machine without any of its files gives nulls, no error. */
export async function openProbe(options: ProbeOptions): Promise<Probe> {
  const dataFolder = await realpath(options.dataFolder).catch(() => resolve(options.dataFolder))
  const platform = { ...realPlatform, ...options.platform }
  return new MachineProbe(new Reader(options.root ?? '/'), platform, dataFolder, options.collectors)
}

class MachineProbe implements Probe {
  readonly #reader: Reader
  readonly #platform: Platform
  readonly #facts: Facts
  readonly #cpu = new CpuTimes()
  readonly #network = new Network()
  readonly #mounts: MountTable
  readonly #rootSpace: FreeSpace
  readonly #dataSpace: FreeSpace
  readonly #clock: ClockSync
  readonly #undervoltage: Undervoltage
  readonly #throttled: BackgroundCommand
  readonly #failedUnits: BackgroundCommand
  readonly #firmware: readonly BackgroundCommand<readonly NamedValue[]>[]
  readonly #custom: CustomCollectors | undefined
  readonly #stopSearch: () => void
  #sensors: SensorPaths

  constructor(reader: Reader, platform: Platform, dataFolder: string, collectors?: CollectorsConfig) {
    this.#reader = reader
    this.#platform = platform
    this.#mounts = new MountTable(dataFolder)
    this.#facts = readFacts(reader)
    this.#rootSpace = new FreeSpace(platform, '/')
    this.#dataSpace = new FreeSpace(platform, dataFolder)
    this.#clock = new ClockSync(reader, platform)
    this.#undervoltage = new Undervoltage(reader, platform)
    this.#throttled = new BackgroundCommand(throttledBits, reader, platform)
    this.#failedUnits = new BackgroundCommand(failedUnits, reader, platform)
    const questions = firmwareQuestions(String(this.#facts.model))
    this.#firmware = questions.map((question) => new BackgroundCommand(question, reader, platform))
    this.#custom = collectors && new CustomCollectors(collectors, platform)
    this.#sensors = this.#search()
    // A driver may be loaded, and a sensor renumbered, after the daemon has started.
    this.#stopSearch = platform.every(limits.sensorSearchPeriod, () => {
      this.#sensors = this.#search()
    })
  }

  async sample({ signal }: { signal: AbortSignal }): Promise<Sample> {
    const reader = this.#reader
    const mounts = this.#mounts.read(reader)
    const ownDevice = hasOwnDevice(mounts)
    const sizes = Promise.all([this.#rootSpace.read(signal), ownDevice ? this.#dataSpace.read(signal) : undefined])
    const own = this.#platform.ownCost()
    const read = {
      ...this.#cpu.read(reader),
      ...readLoad(reader),
      ...readMemory(reader),
      ...readTemperature(reader, this.#sensors.temperature),
      ...this.#undervoltage.read(),
      rpi_throttled: this.#throttled.value(),
      ...readClockRate(reader),
      ...readKernel(reader),
      ...this.#clock.read(),
      ...readDisk(reader, mounts),
      ...readPressure(reader),
      ...this.#network.read(reader),
      node_systemd_units_failed: this.#failedUnits.value(),
      process_resident_memory_bytes: own.residentBytes,
      process_cpu_seconds_total: own.cpuSeconds,
    }
    const [rootSize, dataSize] = await sizes
    const root = spaceOf(rootSize, mounts.root)
    const data = spaceOf(dataSize, ownDevice ? mounts.data : undefined)
    const metrics: NamedMetrics = {
      ...read,
      'node_filesystem_size_bytes{mountpoint="/"}': root.size,
      'node_filesystem_avail_bytes{mountpoint="/"}': root.avail,
      'node_filesystem_files_free{mountpoint="/"}': root.filesFree,
      'node_filesystem_readonly{mountpoint="/"}': root.readOnly,
      'node_filesystem_size_bytes{mountpoint="data"}': data.size,
      'node_filesystem_avail_bytes{mountpoint="data"}': data.avail,
      'node_filesystem_files_free{mountpoint="data"}': data.filesFree,
      'node_filesystem_readonly{mountpoint="data"}': data.readOnly,
    }
    const clockTrusted = read.node_timex_sync_status === 1
    const { values = [], troubles = [] } = this.#custom?.sample(clockTrusted) ?? {}
    const more = [...readLocal(reader), ...this.#firmware.flatMap((question) => question.value() ?? []), ...values]
    return { metrics, clockTrusted, more, troubles }
  }

  facts(): Facts {
    return { ...this.#facts }
  }

  detail(): readonly NamedValue[] {
    return readDetail(this.#reader, this.#custom?.written() ?? [])
  }

  collectors(): readonly CollectorReport[] {
    return this.#custom?.reports() ?? []
  }

  close(): void {
    this.#custom?.close()
    this.#stopSearch()
    this.#undervoltage.close()
    this.#throttled.close()
    this.#failedUnits.close()
    for (const question of this.#firmware) question.close()
  }

  #search(): SensorPaths {
    this.#reader.forgetAbsent()
    const sensors = findSensors(this.#reader)
    this.#undervoltage.watch(sensors.undervoltage)
    return sensors
  }
}
