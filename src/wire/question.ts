// Questions about many nodes at once (decision 0020): aggregates of metrics, by what they are grouped, and of which nodes.
//   question  = aggregate { "," aggregate } [ "by" group ] [ "where" condition ]
//   aggregate = "count" | function "(" metric ")"       function = "avg" "min" "max" "sum" "median" "p50" "p95" "p99.9" ...
//   group     = "zone" "status" "version" "release"      condition: CEL over rows (row-selector.ts), to the end of the text
import { Failure } from '../core/failure.ts'
import { measureNames, measureOf } from '../core/fleet/metric-names.ts'
import { sketchIndex } from '../core/fleet/sketch.ts'
import { limits } from '../core/limits.ts'
import { nearest } from '../core/nearest.ts'
import { rowCondition } from './row-selector.ts'

export type Group = 'zone' | 'status' | 'version' | 'release'

/** What is worked out of the values of a metric; `quantile` 0 to 1. */
export type Aggregate =
  | { text: string; of: 'count'; metric: undefined }
  | { text: string; of: 'avg' | 'min' | 'max' | 'sum'; metric: string }
  | { text: string; of: 'quantile'; quantile: number; metric: string }

export interface Question {
  aggregates: readonly Aggregate[]
  by: Group | undefined
  where: string | undefined
}

const GROUPS: readonly Group[] = ['zone', 'status', 'version', 'release']
const PLAIN = ['avg', 'min', 'max', 'sum'] as const
const FUNCTIONS = ['count', ...PLAIN, 'median', 'p50', 'p90', 'p95', 'p99']
/** A word may be the name of a series with labels in braces. */
const TOKEN = /\s*(?:([A-Za-z_][\w.:]*(?:\{[^}]*\})?)|(\S))/y

interface Token {
  text: string
  /** In characters from 1. */
  position: number
}

/** @throws Failure E_QUERY, E_METRIC or E_SELECTOR with the place, and a hint */
export function parseQuestion(text: string): Question {
  if (text.length > limits.selectorLength)
    throw new Failure('E_QUERY', `The question has ${text.length} characters, more than ${limits.selectorLength}`)
  return new Parser(text).question()
}

class Parser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  question(): Question {
    const aggregates = [this.#aggregate()]
    while (this.#takes(',')) {
      if (aggregates.length === limits.queryAggregates)
        throw this.#wrong(this.#next(), `at most ${limits.queryAggregates} figures can be asked for at once`)
      aggregates.push(this.#aggregate())
    }
    const by = this.#takes('by') ? this.#group(aggregates) : undefined
    const where = this.#takes('where') ? this.#condition() : undefined
    const rest = this.#next()
    if (rest.text === '') return { aggregates, by, where }
    const near = nearest(rest.text, ['by', 'where'])
    const expected = by === undefined ? '"by" or "where"' : '"where"'
    throw this.#wrong(rest, `"${rest.text}" was not expected here`, meant(near) ?? expected)
  }

  #aggregate(): Aggregate {
    const name = this.#take()
    if (name.text === '') throw this.#wrong(name, 'it ends too early', 'count, or p95(cpu_temp)')
    if (name.text === 'count') return this.#count()
    const share = quantileOf(name.text)
    const plain = PLAIN.find((one) => one === name.text)
    if (share === undefined && plain === undefined) {
      if (/^p\d/.test(name.text)) throw this.#wrong(name, `"${name.text}" is no quantile`, 'from p0 to p99.999')
      const problem = `"${name.text}" is no figure (count, avg, min, max, sum, median, or p and a number: p95)`
      throw this.#wrong(name, problem, meant(nearest(name.text, FUNCTIONS)))
    }
    const metric = this.#metric(name.text)
    const written = `${name.text}(${metric})`
    if (plain !== undefined) return { text: written, of: plain, metric }
    return { text: written, of: 'quantile', quantile: share as number, metric }
  }

  /** `count` and `count()`. */
  #count(): Aggregate {
    if (this.#takes('(')) this.#expect(')', 'count is of nodes')
    return { text: 'count', of: 'count', metric: undefined }
  }

  #metric(of: string): string {
    this.#expect('(', `${of} is of a metric, as in ${of}(cpu_temp)`)
    const name = this.#take()
    if (name.text === '' || name.text === ')') throw this.#wrong(name, 'a metric is missing', `${of}(cpu_temp)`)
    if (measureOf(name.text) === undefined && sketchIndex(name.text) === undefined) {
      const near = nearest(name.text, [...measureNames(), 'record_age'])
      const hint =
        near === undefined ? 'docs/metrics.md lists the short names and the series' : `did you mean "${near}"?`
      const { position } = name
      throw new Failure('E_METRIC', `There is no metric "${name.text}", at character ${position}: ${hint}`, {
        position,
      })
    }
    this.#expect(')', `the metric of ${of} ends here`)
    return name.text
  }

  #group(aggregates: readonly Aggregate[]): Group {
    const name = this.#take()
    const group = GROUPS.find((one) => one === name.text)
    if (group === undefined) {
      const problem = name.text === '' ? 'it ends too early' : `nodes are not grouped by "${name.text}"`
      throw this.#wrong(name, problem, meant(nearest(name.text, GROUPS)) ?? `only by ${GROUPS.join(', ')}`)
    }
    if (group !== 'zone' && aggregates.some(({ of }) => of !== 'count'))
      throw this.#wrong(name, `by ${group} nodes can only be counted`, `count by ${group}`)
    return group
  }

  /** The rest of the text, in the language of rows; its place counts from the beginning of the question. */
  #condition(): string {
    const start = this.#at + (this.#text.slice(this.#at).length - this.#text.slice(this.#at).trimStart().length)
    const condition = this.#text.slice(start)
    if (condition.trim() === '') throw this.#wrong(this.#next(), 'it ends too early', 'where cpu_temp > 70')
    try {
      rowCondition(condition)
    } catch (error) {
      if (!(error instanceof Failure) || error.position === undefined) throw error
      const position = start + error.position
      throw new Failure(error.code, error.message.replace(/ at character \d+/, ` at character ${position}`), {
        position,
      })
    }
    this.#at = this.#text.length
    return condition
  }

  #takes(text: string): boolean {
    if (this.#next().text !== text) return false
    this.#take()
    return true
  }

  #expect(text: string, why: string): void {
    const found = this.#take()
    if (found.text !== text) throw this.#wrong(found, `"${text}" is missing`, why)
  }

  #take(): Token {
    const token = this.#next()
    this.#at = Math.min(this.#text.length, token.position - 1 + token.text.length)
    return token
  }

  #next(): Token {
    TOKEN.lastIndex = this.#at
    const found = TOKEN.exec(this.#text)
    if (found === null) return { text: '', position: this.#text.length + 1 }
    const text = found[1] ?? (found[2] as string)
    return { text, position: TOKEN.lastIndex - text.length + 1 }
  }

  #wrong({ position }: Token, problem: string, hint?: string): Failure {
    const advice = hint === undefined ? '' : ` (${hint})`
    return new Failure('E_QUERY', `The question is not valid at character ${position}: ${problem}${advice}`, {
      position,
    })
  }
}

function meant(near: string | undefined): string | undefined {
  return near === undefined ? undefined : `did you mean "${near}"?`
}

/** `p95`, `p99.9`, `median`. */
function quantileOf(name: string): number | undefined {
  if (name === 'median') return 0.5
  const [, percent] = /^p(\d{1,2}(?:\.\d{1,3})?)$/.exec(name) ?? []
  return percent === undefined ? undefined : Number(percent) / 100
}
