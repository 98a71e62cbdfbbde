// Beacons on their way to their threshold: of each key the newest one that it signed. Signatures of the same `signed` part merge by
// union. Invariant: no more candidates than the role has keys, whatever a stolen key signs, and every signature kept was checked.
import type { Env } from '../env.ts'
import { type BeaconDocument, type BeaconTerms, withSignatures } from './beacon.ts'
import type { Signature } from './documents.ts'

/** `grown`: there is a signature more than before. `known`: nothing new. `bad`: a signature by a key of the role is wrong. */
export type Growth = 'grown' | 'known' | 'bad'

export class BeaconCandidates {
  readonly #env: Pick<Env, 'verifyStrict'>
  /** By hash. */
  readonly #documents = new Map<string, BeaconDocument>()
  /** By keyid, the hash of the newest one that it signed, and its counter. */
  readonly #newest = new Map<string, { hash: string; counter: number }>()

  constructor(env: Pick<Env, 'verifyStrict'>) {
    this.#env = env
  }

  all(): BeaconDocument[] {
    return [...this.#documents.values()]
  }

  get(hash: string): BeaconDocument | undefined {
    return this.#documents.get(hash)
  }

  /** Takes the signatures of a document that are new, right, and by keys that did not sign a newer one; the first wrong one ends it. */
  merge(document: BeaconDocument, { role, keys }: BeaconTerms): Growth {
    const { hash, signed, signedBytes } = document
    const held = this.#documents.get(hash)
    const fresh: Signature[] = []
    for (const item of document.signatures) {
      const { keyId, signature } = item
      const key = role.keyIds.includes(keyId) ? keys.get(keyId) : undefined
      const newest = this.#newest.get(keyId)
      if (key === undefined || (newest !== undefined && newest.counter >= signed.counter)) continue
      if (!this.#env.verifyStrict(key, signedBytes, signature)) return 'bad'
      fresh.push(item)
    }
    if (fresh.length === 0) return 'known'
    this.#documents.set(hash, withSignatures(document, [...(held?.signatures ?? []), ...fresh]))
    for (const { keyId } of fresh) this.#newest.set(keyId, { hash, counter: signed.counter })
    this.#sweep()
    return 'grown'
  }

  /** What is not newer than this counts no more. */
  drop(counter: number): void {
    for (const [keyId, newest] of this.#newest) if (newest.counter <= counter) this.#newest.delete(keyId)
    this.#sweep()
  }

  clear(): void {
    this.#newest.clear()
    this.#documents.clear()
  }

  #sweep(): void {
    const used = new Set([...this.#newest.values()].map(({ hash }) => hash))
    for (const hash of this.#documents.keys()) if (!used.has(hash)) this.#documents.delete(hash)
  }
}
