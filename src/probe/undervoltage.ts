// Under-voltage: the driver's alarm holds only the last 2 s, so it is looked at in the background and its rises are counted.
import { limits } from '../core/limits.ts'
import type { Platform } from './platform.ts'
import type { Reader } from './reader.ts'

/**
 * raspberrypi-hwmon.c asks the firmware every 2 s and clears its sticky bit: a dip that nobody looks at within that time is lost.
 * The first look only sets the base: a rise is a 0 followed by a 1.
 */
export class Undervoltage {
  readonly #reader: Reader
  readonly #platform: Platform
  #path: string | undefined
  #stop: (() => void) | undefined
  #alarm: 0 | 1 | undefined
  #rises = 0

  constructor(reader: Reader, platform: Platform) {
    this.#reader = reader
    this.#platform = platform
  }

  /** Watches the alarm file at `path`; undefined: this machine has none, and no timer runs. */
  watch(path: string | undefined): void {
    this.#path = path
    if (path === undefined) return this.close()
    this.#stop ??= this.#platform.every(limits.undervoltagePeriod, () => this.#look())
    this.#look()
  }

  /** The alarm as node_exporter shows it: hwmon's `in` files are millivolts there, so an alarm of 1 becomes 0.001. */
  read() {
    const alarm = this.#look()
    return {
      node_hwmon_in_lcrit_alarm_volts: alarm === undefined ? null : alarm / 1000,
      rpi_undervoltage_total: this.#path === undefined ? null : this.#rises,
    }
  }

  close(): void {
    this.#stop?.()
    this.#stop = undefined
    this.#alarm = undefined
  }

  #look(): 0 | 1 | undefined {
    const word = this.#path === undefined ? undefined : this.#reader.word(this.#path)
    if (word !== '0' && word !== '1') return undefined
    const alarm = word === '1' ? 1 : 0
    if (alarm === 1 && this.#alarm === 0) this.#rises++
    this.#alarm = alarm
    return alarm
  }
}
