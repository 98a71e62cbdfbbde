// Directing: performs what core asks of the directory, and feeds the outcome back.
import type { Input } from '../core/events.ts'
import type { DirectoryEffect } from '../core/swarm/directory-effects.ts'
import type { Directory } from '../ports/directory.ts'

export interface DirectingOptions {
  feed: (input: Input) => void
  /** Aborts what is under way when the daemon ends. */
  signal: AbortSignal
}

export class Directing {
  readonly #directory: Directory
  readonly #o: DirectingOptions

  constructor(directory: Directory, options: DirectingOptions) {
    this.#directory = directory
    this.#o = options
  }

  perform(effect: DirectoryEffect): void {
    const { signal, feed } = this.#o
    switch (effect.type) {
      case 'directoryServe':
        return this.#directory.serve(effect.on)
      case 'directoryServers':
        return this.#directory.servers(effect.known)
      case 'directoryWithdraw':
        return this.#directory.withdraw(effect.encoding)
      case 'directoryFind': {
        const { ticket, encoding } = effect
        const found = this.#directory.find(encoding, { signal })
        return void found.then((providers) => feed({ type: 'directoryFound', ticket, providers }))
      }
      case 'directoryProvide': {
        const { ticket, encoding, addresses } = effect
        const provided = this.#directory.provide(encoding, addresses, { signal })
        return void provided.then((servers) => feed({ type: 'directoryProvided', ticket, servers }))
      }
    }
  }
}
