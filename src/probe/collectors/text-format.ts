// The text format of custom collectors, as node_exporter's textfile collector reads it: every line is right, or nothing of it is taken.
// https://prometheus.io/docs/instrumenting/exposition_formats/ - without time stamps, and with the UNIT line of OpenMetrics.
import type { CollectorTroubleCode, Labels, NamedValue } from '../../core/fleet/named-values.ts'
import { seriesId } from '../../core/fleet/named-values.ts'
import { limits } from '../../core/limits.ts'
import { unitOf } from './units.ts'

/** Why a text is not taken. */
export class TextProblem extends Error {
  readonly code: CollectorTroubleCode
  constructor(code: CollectorTroubleCode, message: string) {
    super(message)
    this.name = 'TextProblem'
    this.code = code
  }
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const PAIR = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\[\\"n])*)"[ \t]*/y
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
const NOT_FINITE = /^(nan|[+-]?inf(inity)?)$/i
const COMMENT = /^#[ \t]+(TYPE|HELP|UNIT)[ \t]+([^ \t]+)[ \t]*(.*)$/
const TYPES = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped', 'unknown'])

/** What is said of a metric before its samples. */
interface Family {
  type?: string
  help?: string
  unit?: string
  /** Samples came: nothing more may be said of it. */
  begun: boolean
}

/**
 * The values of a text; those that are not finite are left out: nothing is known then. Parts of histograms and summaries are series like
 * others, untyped. Throws TextProblem: malformed (with the line), tooMany.
 */
export function parseText(text: string): NamedValue[] {
  if (text !== '' && !text.endsWith('\n'))
    throw new TextProblem('malformed', 'its last line has no end, so it may be half written: end it with a line feed')
  return new TextParser().parse(text)
}

class TextParser {
  readonly #families = new Map<string, Family>()
  readonly #values = new Map<string, NamedValue>()
  #seen = new Set<string>()
  #number = 0
  #line = ''

  parse(text: string): NamedValue[] {
    let from = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      this.#number += 1
      if (end - from > limits.collectorLineLength)
        throw this.#bad(`is longer than ${limits.collectorLineLength} characters`)
      this.#line = text.slice(from, end).replace(/^[ \t]+|[ \t]+$/g, '')
      from = end + 1
      if (this.#line.startsWith('#')) this.#comment()
      else if (this.#line !== '') this.#sample()
    }
    return [...this.#values.values()]
  }

  #bad(what: string): TextProblem {
    return new TextProblem('malformed', `line ${this.#number} of what it gives ${what}`)
  }

  #comment(): void {
    const [, keyword, name, rest] = COMMENT.exec(this.#line) ?? []
    if (keyword === undefined || name === undefined || rest === undefined) return
    this.#need(fits(NAME, name), `has a ${keyword} for ${quoted(name)}, which is no name of a metric`)
    const family = this.#family(name)
    const key = keyword.toLowerCase() as 'type' | 'help' | 'unit'
    this.#need(family[key] === undefined, `is a second ${keyword} for ${quoted(name)}`)
    this.#need(keyword === 'HELP' || !family.begun, `is a ${keyword} for ${quoted(name)} after its samples`)
    if (keyword === 'TYPE') this.#need(TYPES.has(rest), `has the type ${quoted(rest)}, not counter, gauge or untyped`)
    if (keyword === 'UNIT') this.#need(/^[a-zA-Z0-9_]{1,16}$/.test(rest), `has a unit that is no word: ${quoted(rest)}`)
    family[key] = keyword === 'HELP' ? helpOf(rest) : rest
  }

  #sample(): void {
    const name = this.#match(NAME, 0)?.[0]
    if (name === undefined) throw this.#bad(`is no sample: ${quoted(this.#line)}`)
    this.#need(name.length <= limits.seriesNameLength, `has a name of more than ${limits.seriesNameLength} characters`)
    const { labels, end } = this.#labels(name.length)
    const rest = this.#line.slice(end)
    this.#need(end > name.length || /^[ \t]/.test(rest), `is no sample: ${quoted(this.#line)}`)
    const [value = '', ...more] = rest.trim().split(/[ \t]+/)
    this.#need(NUMBER.test(value) || NOT_FINITE.test(value), `has the value ${quoted(value)}, which is no number`)
    this.#need(more.length === 0, 'has a time stamp: give none, a sample is of the moment when it is read')
    this.#add(name, labels, Number(value))
  }

  #add(name: string, labels: Labels, value: number): void {
    const id = seriesId({ name, labels })
    this.#need(!this.#seen.has(id), `gives ${quoted(id)} a second time`)
    this.#seen.add(id)
    if (this.#seen.size > limits.collectorSeries)
      throw new TextProblem(
        'tooMany',
        `it gives more than ${limits.collectorSeries} series: leave out what nobody looks at`,
      )
    const family = this.#families.get(this.#familyOf(name)) ?? this.#family(name)
    family.begun = true
    if (!Number.isFinite(value)) return
    const { type, help, unit } = family
    const kind = type === 'counter' || type === 'gauge' ? type : 'untyped'
    this.#values.set(id, { name, labels, unit: unitOf(name, unit), kind, value, ...(help && { help }) })
  }

  /** The histogram or summary that a series is part of, else its own name. */
  #familyOf(name: string): string {
    const base = name.replace(/_(bucket|sum|count)$/, '')
    const type = this.#families.get(base)?.type
    return type === 'histogram' || type === 'summary' ? base : name
  }

  #family(name: string): Family {
    const known = this.#families.get(name)
    if (known !== undefined) return known
    const family: Family = { begun: false }
    this.#families.set(name, family)
    if (this.#families.size > limits.collectorSeries)
      throw new TextProblem(
        'tooMany',
        `it names more than ${limits.collectorSeries} metrics: leave out what nobody looks at`,
      )
    return family
  }

  /** Label pairs in braces, if any begin at `from`, by name. */
  #labels(from: number): { labels: Labels; end: number } {
    const open = /[ \t]*\{/y
    open.lastIndex = from
    if (!open.test(this.#line)) return { labels: [], end: from }
    const labels = new Map<string, string>()
    let at = open.lastIndex
    for (;;) {
      const [whole, label, value] = this.#match(PAIR, at) ?? []
      if (whole === undefined || label === undefined || value === undefined) break
      at += whole.length
      this.#label(labels, label, unescaped(value))
      if (this.#line[at] !== ',') break
      at += 1
    }
    const close = /[ \t]*\}/y
    close.lastIndex = at
    this.#need(close.test(this.#line), `has labels that cannot be read: ${quoted(this.#line.slice(from))}`)
    return { labels: [...labels].sort(([a], [b]) => (a < b ? -1 : 1)), end: close.lastIndex }
  }

  #label(labels: Map<string, string>, label: string, value: string): void {
    this.#need(!labels.has(label), `has the label ${quoted(label)} twice`)
    this.#need(!label.startsWith('__'), `has the label ${quoted(label)}: names with __ belong to Prometheus`)
    const fits = label.length <= limits.seriesLabelLength && value.length <= limits.seriesLabelLength
    this.#need(fits, `has a label of more than ${limits.seriesLabelLength} characters`)
    this.#need(!/\p{Cc}/u.test(value.replaceAll('\n', '')), `has a control character in the label ${quoted(label)}`)
    labels.set(label, value)
    this.#need(labels.size <= limits.seriesLabels, `has more than ${limits.seriesLabels} labels`)
  }

  #match(pattern: RegExp, at: number): RegExpExecArray | null {
    pattern.lastIndex = at
    return pattern.exec(this.#line)
  }

  #need(holds: boolean, what: string): void {
    if (!holds) throw this.#bad(what)
  }
}

function fits(pattern: RegExp, text: string): boolean {
  pattern.lastIndex = 0
  return pattern.test(text) && pattern.lastIndex === text.length && text.length <= limits.seriesNameLength
}

function unescaped(value: string): string {
  return value.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char))
}

/** One line without control characters; empty is none. */
function helpOf(text: string): string {
  const plain = text.replace(/\\([\\n])/g, (_, char: string) => (char === 'n' ? ' ' : '\\')).replace(/\p{Cc}+/gu, ' ')
  return [...plain.trim()].slice(0, limits.helpLength).join('')
}

/** A part of what was given, short and without what would disturb a terminal. */
function quoted(text: string): string {
  const plain = text.slice(0, 60).replace(/[\p{Cc}\p{Cf}]/gu, '?')
  return `"${plain}${text.length > 60 ? '...' : ''}"`
}
