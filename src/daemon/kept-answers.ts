// Answers that were given a page at a time, kept for their further pages: nobody is asked anew, and no row is shown twice or never.
import { randomUUID } from 'node:crypto'
import type { QueryResult } from '../core/events.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { FoundRow } from '../wire/row-selector.ts'

export interface KeptAnswer {
  id: string
  result: QueryResult
  /** Those that match, in their order. */
  rows: readonly FoundRow[]
  /** Leaf zones that the fleet has by its summary, where all were asked for. */
  inFleet: number | undefined
}

export class KeptAnswers {
  readonly #kept = new Map<string, { answer: KeptAnswer; timer: NodeJS.Timeout }>()

  keep(result: QueryResult, rows: readonly FoundRow[], inFleet?: number): KeptAnswer {
    const answer = { id: randomUUID(), result, rows, inFleet }
    this.#put(answer)
    return answer
  }

  /** It is kept for as long again. @throws Failure E_USAGE: it is not kept any more */
  get(id: string): KeptAnswer {
    const answer = this.#kept.get(id)?.answer
    if (answer === undefined) throw new Failure('E_USAGE', 'this answer is not kept any more: ask again')
    this.#put(answer)
    return answer
  }

  /** Its last page was taken. */
  drop(id: string): void {
    clearTimeout(this.#kept.get(id)?.timer)
    this.#kept.delete(id)
  }

  get size(): number {
    return this.#kept.size
  }

  /** The newest is the last. */
  #put(answer: KeptAnswer): void {
    this.drop(answer.id)
    const timer = setTimeout(() => this.drop(answer.id), limits.apiAnswerKept).unref()
    this.#kept.set(answer.id, { answer, timer })
    for (const oldest of this.#kept.keys()) if (this.#kept.size > limits.apiAnswersKept) this.drop(oldest)
  }
}
