// Silent ports: a host that refused a connection at one port a moment ago is up, so what it does not answer at another is swallowed by a
// firewall. A dial need not wait for that as long as for a host that may be far away: the member behind it is tried again the sooner.
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'

export class SilentPorts {
  readonly #now: () => Millis
  /** When each host refused last; the latest last. */
  readonly #refused = new Map<string, Millis>()
  /** Connections under way, by host. */
  readonly #waiting = new Map<string, Set<() => void>>()

  constructor(now: () => Millis = () => performance.now()) {
    this.#now = now
  }

  /** A connection to this host was refused. */
  refused(host: string): void {
    const now = this.#now()
    this.#refused.delete(host)
    this.#refused.set(host, now)
    for (const oldest of this.#refused.keys()) if (this.#refused.size > limits.silentHosts) this.#refused.delete(oldest)
    for (const hurry of this.#waiting.get(host) ?? []) hurry()
  }

  /**
   * A connection to this host begins. `signal` is aborted when it was given up; `answered` is called when it stands, or failed.
   */
  wait(host: string): { signal: AbortSignal; answered: () => void } {
    const controller = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const hurry = () => {
      const giveUp = () =>
        controller.abort(new Failure('E_NO_MEMBER', 'no answer at this port of a host that refuses others'))
      timer ??= setTimeout(giveUp, limits.silentPatience).unref()
    }
    const waiting = this.#waiting.get(host) ?? new Set()
    this.#waiting.set(host, waiting.add(hurry))
    const last = this.#refused.get(host)
    if (last !== undefined && this.#now() - last <= limits.addressDialTimeout) hurry()
    const answered = () => {
      clearTimeout(timer)
      waiting.delete(hurry)
      if (waiting.size === 0) this.#waiting.delete(host)
    }
    return { signal: controller.signal, answered }
  }
}
