// The network watch: notices that addresses of this machine came or went. Linux tells a socket of it, but Node does not; reading the
// list of interfaces, which has those with a carrier only, takes 0.1 ms.
import { networkInterfaces } from 'node:os'
import { limits } from '../core/limits.ts'

export class NetworkWatch {
  readonly #changed: () => void
  readonly #read: () => string
  #known: string
  #timer: NodeJS.Timeout | undefined

  /** `read`: what is compared; tests have but one machine. */
  constructor(changed: () => void, read = addressesHere) {
    this.#changed = changed
    this.#read = read
    this.#known = read()
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), limits.networkPeriod).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = this.#read()
    if (now === this.#known) return
    this.#known = now
    this.#changed()
  }
}

/** Addresses that only this machine or this wire knows say nothing of how we are reached. */
function addressesHere(): string {
  const interfaces = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? []).filter(({ internal, scopeid }) => !internal && !scopeid).map(({ cidr }) => `${name} ${cidr}`),
  )
  return interfaces.sort().join()
}
