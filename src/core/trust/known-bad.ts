// Known bad (clause CHECKS 2): documents whose signatures did not hold under the terms in force. Whoever brings one again costs this node a hash and no
// signature check. They are known by all their bytes, signatures included: by the hash of `signed` alone, somebody who strips
// the signatures from an honest announcement could have it refused everywhere.
import { toHex } from '../bytes.ts'
import type { Env } from '../env.ts'
import { limits } from '../limits.ts'
import type { Signed } from './documents.ts'

type Whole = Pick<Signed<unknown>, 'raw'>

export class KnownBad {
  readonly #env: Pick<Env, 'sha256'>
  /** Hex SHA-256 of whole documents, oldest first. */
  readonly #hashes = new Set<string>()

  constructor(env: Pick<Env, 'sha256'>) {
    this.#env = env
  }

  get size(): number {
    return this.#hashes.size
  }

  /** True when the document holds; `check` is asked only when it is not known to be bad. */
  judge(document: Whole, check: () => boolean): boolean {
    const hash = toHex(this.#env.sha256(document.raw))
    if (this.#hashes.has(hash)) return false
    if (check()) return true
    this.#hashes.add(hash)
    if (this.#hashes.size > limits.knownBad) this.#hashes.delete(this.#hashes.keys().next().value as string)
    return false
  }

  /** Other keys are in force: what did not hold may hold now. */
  clear(): void {
    this.#hashes.clear()
  }
}
