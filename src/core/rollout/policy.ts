// Local policy: what the owner of this node's zone lets into it (clause STATEMENT 10). It only ever restricts: where several
// policies concern a node, all of them have to let a release pass.
import type { Millis } from '../env.ts'
import { DAY, MINUTE } from '../limits.ts'
import type { Self } from '../self.ts'
import type { Release } from '../trust/announcement.ts'
import type { Policy } from '../trust/statement.ts'
import type { InstallReason } from './states.ts'

export type PolicyHold = Extract<InstallReason, 'notTaken' | 'vetoed' | 'outsideHours'>

interface Parts {
  self: Pick<Self, 'localAt'>
  /** Those of this node's zone. */
  statements: { policies(): readonly Policy[] }
}

export class LocalPolicy {
  readonly #parts: Parts
  /** What the hours came to when it was last looked. */
  #wasClosed = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Why a release of this role may not go on here now; undefined when it may. The lasting reasons come first. */
  forbids(role: string, { path, counter }: Pick<Release, 'path' | 'counter'>, now: Millis): PolicyHold | undefined {
    const policies = this.#parts.statements.policies()
    if (policies.some(({ publishers }) => publishers !== undefined && !publishers.includes(role))) return 'notTaken'
    if (policies.some(({ vetoes }) => vetoes.some((veto) => veto.path === path && veto.counter === counter)))
      return 'vetoed'
    return this.#isClosed(now) ? 'outsideHours' : undefined
  }

  /** True when the hours opened or closed since this was last asked. */
  turned(now: Millis): boolean {
    const was = this.#wasClosed
    this.#wasClosed = this.#isClosed(now)
    return was !== this.#wasClosed
  }

  /** A clock that nobody vouches for says nothing of the hour: then it waits. */
  #isClosed(now: Millis): boolean {
    const windows = this.#parts.statements.policies().flatMap(({ hours }) => hours ?? [])
    if (windows.length === 0) return false
    const local = this.#parts.self.localAt(now)
    if (local === undefined) return true
    const minute = Math.floor((((local % DAY) + DAY) % DAY) / MINUTE)
    return windows.some(({ from, to }) => (from <= to ? minute < from || minute >= to : minute < from && minute >= to))
  }
}
