// Directory: which members have an encoding, as other members keep it in mind. A hint beside zone-mates, records, contacts and
// the origin, never the only path: who is named has to pass the gate like everybody, and may have nothing.
import type { Told } from '../core/swarm/directory.ts'

export interface Directory {
  /** Whether this node keeps in mind what others provide, and answers them. */
  serve(on: boolean): void
  /** Members that may serve: questions begin with them. Replaces what was said before. */
  servers(known: readonly Told[]): void
  /**
   * Has the servers nearest to the key keep in mind that we have it, at these addresses, for limits.directoryRecordLife.
   * Resolves with how many were told: 0 when there are none. Never rejects.
   */
  provide(key: string, addresses: readonly string[], options: { signal: AbortSignal }): Promise<number>
  /** We do not have it any more. What others keep in mind ends by its age. */
  withdraw(key: string): void
  /**
   * Who provides the key (SHA-256, in hex): at most limits.directoryProviders, in turn of the servers that named them. Empty when nobody
   * was named. Never rejects; takes limits.directoryTime at most.
   */
  find(key: string, options: { signal: AbortSignal }): Promise<readonly Told[]>
}
