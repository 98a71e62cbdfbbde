// Whether the wall clock is synchronised, as far as files tell: Node cannot call adjtimex(2).
import { limits } from '../core/limits.ts'
import type { Platform } from './platform.ts'
import type { Reader } from './reader.ts'

const timesync = '/run/systemd/timesync'
/** chrony and ntpd write their drift file about every hour while they follow a time source (chrony once more when it ends). */
const driftFiles = [
  '/var/lib/chrony/chrony.drift',
  '/var/lib/chrony/drift',
  '/var/lib/ntpsec/ntp.drift',
  '/var/lib/ntp/ntp.drift',
]

/**
 * systemd-timesyncd touches `synchronized` at every successful synchronisation, and its folder exists while it runs. For the others
 * the evidence is a drift file that changed while we watched. Its date is never compared with the wall clock: that clock is what is in doubt,
 * and after a power cut it may resume before the file's date.
 */
export class ClockSync {
  readonly #reader: Reader
  readonly #platform: Platform
  readonly #written = new Map<string, number>()
  #changedAt: number | undefined

  constructor(reader: Reader, platform: Platform) {
    this.#reader = reader
    this.#platform = platform
    this.#watchDrift()
  }

  /** 1 synchronised, 0 a time service runs and has not synchronised, null nobody says. Offset and error need adjtimex: null. */
  read() {
    return {
      node_timex_sync_status: this.#status(),
      node_timex_offset_seconds: null,
      node_timex_maxerror_seconds: null,
    }
  }

  #status(): 0 | 1 | null {
    if (this.#reader.exists(`${timesync}/synchronized`)) return 1
    if (this.#reader.exists(timesync)) return 0
    this.#watchDrift()
    const age = this.#changedAt === undefined ? Number.POSITIVE_INFINITY : this.#platform.now() - this.#changedAt
    return age <= limits.driftFileBelief ? 1 : null
  }

  #watchDrift(): void {
    for (const path of driftFiles) {
      const written = this.#reader.writtenAt(path)
      if (written === undefined) continue
      const before = this.#written.get(path)
      if (before !== undefined && before !== written) this.#changedAt = this.#platform.now()
      this.#written.set(path, written)
    }
  }
}
