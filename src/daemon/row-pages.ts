// Questions for rows: what is wanted is checked before anybody is asked, and what comes is given a page at a time.
import type { Millis, NodeId } from '../core/env.ts'
import type { QueryResult } from '../core/events.ts'
import type { NodesQuery } from './api-queries.ts'
import type { PathJson } from './api-reach-types.ts'
import type { NodesJson } from './api-types.ts'
import { rowsWanted } from './found-rows.ts'
import { type KeptAnswer, KeptAnswers } from './kept-answers.ts'
import { nodesJson } from './rows-json.ts'

export class RowPages {
  readonly #ask: (zones: readonly string[] | undefined, timeout: Millis) => Promise<QueryResult>
  readonly #paths: () => ReadonlyMap<NodeId, PathJson>
  readonly #inFleet: () => number | undefined
  readonly #kept = new KeptAnswers()

  constructor(
    ask: (zones: readonly string[] | undefined, timeout: Millis) => Promise<QueryResult>,
    paths: () => ReadonlyMap<NodeId, PathJson>,
    inFleet: () => number | undefined = () => undefined,
  ) {
    this.#ask = ask
    this.#paths = paths
    this.#inFleet = inFleet
  }

  /** @throws Failure E_SELECTOR, E_METRIC before anybody is asked; E_USAGE: the answer is not kept any more */
  async answer(query: NodesQuery): Promise<NodesJson> {
    const { id, result, rows, inFleet } =
      query.answer === undefined ? await this.#found(query) : this.#kept.get(query.answer)
    const at = Math.min(query.at ?? 0, rows.length)
    const end = Math.min(at + (query.limit ?? rows.length), rows.length)
    if (end === rows.length) this.#kept.drop(id)
    const page = { answer: id, at, of: rows.length, next: end < rows.length ? end : null }
    return nodesJson(result, { rows, page, inFleet }, this.#paths())
  }

  /** All matching rows of an answer that nobody pages through. @throws as `answer` */
  async all(query: NodesQuery): Promise<Pick<KeptAnswer, 'result' | 'rows' | 'inFleet'>> {
    const find = rowsWanted(query)
    const result = await this.#ask(query.zones, query.timeoutMs)
    const inFleet = query.zones === undefined ? this.#inFleet() : undefined
    return { result, rows: await find(result), inFleet }
  }

  async #found(query: NodesQuery): Promise<KeptAnswer> {
    const { result, rows, inFleet } = await this.all(query)
    return this.#kept.keep(result, rows, inFleet)
  }
}
