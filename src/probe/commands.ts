// Sources that need another program: run beside the samples, seldom, and believed only for a while.
import type { Millis } from '../core/env.ts'
import { limits } from '../core/limits.ts'
import { parsed } from './numbers.ts'
import type { Platform } from './platform.ts'
import type { Reader } from './reader.ts'

/** Where Raspberry Pi OS, and others, have the tool of the firmware. */
export const vcgencmd = ['/usr/bin/vcgencmd', '/opt/vc/bin/vcgencmd']

export interface Command<T = number> {
  /** The program, first that exists; none: never run. */
  programs: readonly string[]
  args: readonly string[]
  /** What must exist as well for the answer to make sense. */
  requires?: string
  period: Millis
  parse(output: string): T | null
}

/** Under-voltage, capped and throttled clock, as the firmware remembers them: `throttled=0x50005`. */
export const throttledBits: Command = {
  programs: vcgencmd,
  args: ['get_throttled'],
  period: limits.throttledPeriod,
  parse: (output) => {
    const bits = /^throttled=0x([0-9a-f]{1,8})\s*$/i.exec(output)?.[1]
    return bits === undefined ? null : Number.parseInt(bits, 16)
  },
}

/**
 * The service manager's own count, the length of `list-units --failed`, as one number instead of a table for people. systemd keeps it in
 * no file, only on D-Bus.
 */
export const failedUnits: Command = {
  programs: ['/usr/bin/systemctl', '/bin/systemctl'],
  args: ['show', '--property=NFailedUnits', '--value'],
  requires: '/run/systemd/system',
  period: limits.failedUnitsPeriod,
  parse: (output) => parsed(output.trim()),
}

/** Runs one command now and in its period, never twice at once; keeps the last answer. */
export class BackgroundCommand<T = number> {
  readonly #command: Command<T>
  readonly #reader: Reader
  readonly #platform: Platform
  readonly #closing = new AbortController()
  readonly #stop: () => void
  #running = false
  #answer: { value: T; at: Millis } | undefined

  constructor(command: Command<T>, reader: Reader, platform: Platform) {
    this.#command = command
    this.#reader = reader
    this.#platform = platform
    this.#stop = platform.every(command.period, () => void this.#run())
    void this.#run()
  }

  /** The last answer while it is not older than a few periods, else null. */
  value(): T | null {
    const { period } = this.#command
    const fresh = this.#answer && this.#platform.now() - this.#answer.at <= period * limits.commandBelievedPeriods
    return fresh ? this.#answer!.value : null
  }

  close(): void {
    this.#stop()
    this.#closing.abort()
  }

  async #run(): Promise<void> {
    const { programs, requires, args, parse } = this.#command
    const program = programs.find((path) => this.#reader.exists(path))
    if (this.#running || program === undefined || (requires && !this.#reader.exists(requires))) return
    this.#running = true
    try {
      const output = await this.#platform.run(this.#reader.locate(program), args, this.#closing.signal)
      const value = parse(output)
      if (value !== null) this.#answer = { value, at: this.#platform.now() }
    } catch {
      // The last answer ages; that is all there is to say about a program that fails.
    } finally {
      this.#running = false
    }
  }
}
