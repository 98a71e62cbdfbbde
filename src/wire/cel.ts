// The part of CEL that pimesh uses (clause CEL), for whatever names it is given: selectors of releases and conditions on rows are the same
// language. No regular expressions and no loops, so that what one person wrote costs every machine the same few steps.
import { type ASTNode, Environment, type ParseResult } from '@marcbachmann/cel-js'
import { limits } from '../core/limits.ts'
import { nearest } from '../core/nearest.ts'

const FUNCTIONS = ['has', 'size', 'int', 'string', 'double']
const METHODS = ['startsWith', 'endsWith', 'contains', 'size']
const CALLS = [...new Set([...METHODS, ...FUNCTIONS])]
const OPERATORS = '!_ -_ == != < <= > >= in + - * / % && || ?: . [] list'.split(' ')

export interface CelProblem {
  /** Continues a sentence about the expression: "it ends too early". */
  problem: string
  /** Where, counted in characters from 1. */
  position?: number
  /** The name or function that was probably meant. */
  near?: string
}

/** An expression that was checked. */
export interface Condition {
  /** The variables that it names: only these have to be given. */
  uses: ReadonlySet<string>
  /** True when it holds for these variables. False, never an exception, when it needs one, or a key of a map, that is not there. */
  holds(variables: Record<string, unknown>): boolean
}

export interface LanguageParts {
  /** What an expression may name, with its CEL type. */
  names: Readonly<Record<string, string>>
  /** What a name is that is none of these; continues `"xyz" ...`. */
  unknown: (name: string, near: string | undefined) => string
  /** Maps that have certain keys only: another one would match nothing, and nobody would know why. `unknown` as above. */
  keys?: { map: string; known: readonly string[]; unknown: (key: string) => string }
  /** Whole numbers may be written beside variables that are not whole: `cpu_temp == 70`. */
  mixed?: boolean
}

/** Reads expressions over certain names. */
export class Language {
  readonly #environment: Environment
  readonly #parts: LanguageParts

  constructor(parts: LanguageParts) {
    this.#parts = parts
    this.#environment = new Environment({
      limits: {
        maxAstNodes: limits.selectorNodes,
        maxDepth: limits.selectorDepth,
        maxListElements: limits.selectorNodes,
      },
    })
    for (const [name, type] of Object.entries(parts.names)) this.#environment.registerVariable(name, type)
    if (parts.mixed) mixNumbers(this.#environment)
  }

  /** Never throws. */
  compile(text: string): Condition | CelProblem {
    if (text.length > limits.selectorLength)
      return { problem: `it has ${text.length} characters, more than ${limits.selectorLength}` }
    const parsed = this.#parse(text)
    if (!('ast' in parsed)) return parsed
    return this.#treeProblem(parsed.ast) ?? typeProblem(parsed, text) ?? condition(parsed)
  }

  #parse(text: string): ParseResult | CelProblem {
    try {
      return this.#environment.parse(text)
    } catch (error) {
      return parseProblem(error, text)
    }
  }

  /** The first thing in the tree, in order of the text, that is not part of our language. */
  #treeProblem(root: ASTNode): CelProblem | undefined {
    for (const { node, depth } of walk(root)) {
      const problem = depth > limits.selectorDepth ? tooLarge(node) : this.#nodeProblem(node)
      if (problem !== undefined) return problem
    }
    return undefined
  }

  #nodeProblem(node: ASTNode): CelProblem | undefined {
    const position = node.start + 1
    if (node.op === 'id')
      return Object.hasOwn(this.#parts.names, node.args) ? undefined : this.#unknownName(node.args, position)
    if (node.op === 'call')
      return FUNCTIONS.includes(node.args[0]) ? undefined : unknownCall(node.args[0], position, FUNCTIONS)
    if (node.op === 'rcall')
      return METHODS.includes(node.args[0]) ? undefined : unknownCall(node.args[0], methodPosition(node), METHODS)
    if (node.op === '[]') return this.#keyProblem(...node.args)
    if (node.op === 'in') return this.#keyProblem(node.args[1], node.args[0])
    if (node.op === '.') return this.#keyProblem(node.args[0], node.args[1], node.start)
    if (node.op === 'value') return typeof node.args === 'object' && node.args !== null ? foreign(node) : undefined
    return OPERATORS.includes(node.op) ? undefined : foreign(node)
  }

  /** `metrics["cpu_tmp"]`, `"cpu_tmp" in metrics` or `metrics.cpu_tmp`. */
  #keyProblem(map: ASTNode, key: ASTNode | string, start = 0): CelProblem | undefined {
    const { keys } = this.#parts
    const name = typeof key === 'string' ? key : key.op === 'value' ? key.args : undefined
    if (map.op !== 'id' || map.args !== keys?.map || typeof name !== 'string' || keys.known.includes(name))
      return undefined
    const problem = `"${name.slice(0, 64)}" ${keys.unknown(name.slice(0, 64))}`
    const position = (typeof key === 'string' ? start : key.start) + 1
    const near = nearest(name, keys.known)
    return near === undefined ? { problem, position } : { problem, position, near }
  }

  #unknownName(name: string, position: number): CelProblem {
    const near = nearest(name, Object.keys(this.#parts.names))
    const problem = `"${name.slice(0, 64)}" ${this.#parts.unknown(name.slice(0, 64), near)}`
    return near === undefined ? { problem, position } : { problem, position, near }
  }
}

/** "at character 7: it ends too early; did you mean ..."; continues "The selector is not valid". */
export function celProblemText({ problem, position, near }: CelProblem): string {
  const where = position === undefined ? '' : ` at character ${position}`
  const meant = near === undefined ? '' : `; did you mean "${near}"?`
  return `${where}: ${problem}${meant || '.'}`
}

function condition(parsed: ParseResult): Condition {
  const uses = new Set<string>()
  for (const { node } of walk(parsed.ast)) if (node.op === 'id') uses.add(node.args)
  const holds = (variables: Record<string, unknown>) => {
    try {
      return parsed(variables) === true
    } catch {
      return false
    }
  }
  return { uses, holds }
}

/** All nodes of a tree in order of the text, from depth 1. */
function* walk(root: ASTNode): Generator<{ node: ASTNode; depth: number }> {
  const waiting = [{ node: root, depth: 1 }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    yield next
    for (const child of childrenOf(next.node).reverse()) waiting.push({ node: child, depth: next.depth + 1 })
  }
}

/** CEL compares numbers of unlike types by size, but does not add them or ask whether they are equal. */
function mixNumbers(environment: Environment): void {
  type Numeric = number | bigint
  // This brings `!=`, and both with the sides exchanged.
  environment.registerOperator('double == int: bool', (a: Numeric, b: Numeric) => Number(a) === Number(b))
  const folds: Record<string, (a: number, b: number) => number> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
  }
  for (const [operator, fold] of Object.entries(folds)) {
    const handler = (a: Numeric, b: Numeric) => fold(Number(a), Number(b))
    environment.registerOperator(`double ${operator} int: double`, handler)
    environment.registerOperator(`int ${operator} double: double`, handler)
  }
}

function unknownCall(name: string, position: number, callable: readonly string[]): CelProblem {
  const near = nearest(name, callable)
  const problem = `"${name.slice(0, 64)}" cannot be called, only ${CALLS.join(', ')}`
  return near === undefined ? { problem, position } : { problem, position, near }
}

/** The name of a method comes after all that it is called on. */
function methodPosition({ args: [name, receiver], input }: ASTNode & { op: 'rcall' }): number {
  return input.indexOf(name, receiver.end) + 1
}

function foreign(node: ASTNode): CelProblem {
  return { problem: 'maps, bytes and unsigned numbers have no use in it', position: node.start + 1 }
}

function tooLarge({ start }: { start: number }): CelProblem {
  const bounds = `${limits.selectorNodes} parts and ${limits.selectorDepth} levels`
  return { problem: `it is larger than ${bounds}`, position: start + 1 }
}

function childrenOf(node: ASTNode): ASTNode[] {
  const all: unknown[] = []
  const collect = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) collect(item)
    else if (typeof value === 'object' && value !== null && 'op' in value) all.push(value)
  }
  collect(node.args)
  return all as ASTNode[]
}

function typeProblem(parsed: ParseResult, text: string): CelProblem | undefined {
  const { valid, type, error } = parsed.check()
  if (!valid) return { problem: typeText(error), position: (error?.range?.start ?? 0) + 1 }
  return type === 'bool' ? undefined : { problem: `"${text.slice(0, 64)}" is a value (${type}), not a condition` }
}

/** `no such overload: string + int` is no sentence for a person. */
function typeText(error: { code: string; summary: string } | undefined): string {
  const subject = /overload(?:: | for ')(.+?)'?$/.exec(error?.summary ?? '')?.[1]
  if (subject !== undefined) return `"${subject.slice(0, 64)}" does not go together`
  return error?.code === 'invalid_macro_argument'
    ? 'has() asks for a label, as in has(labels.room)'
    : clause(error?.summary)
}

function parseProblem(error: unknown, text: string): CelProblem {
  const { code, summary, range } = error as { code?: string; summary?: string; range?: { start: number; end: number } }
  if (range === undefined) return { problem: clause(summary) }
  if (code === 'limit_exceeded') return tooLarge(range)
  const position = range.start + 1
  if (code !== 'unexpected_token' && code !== 'expected_token') return { problem: clause(summary), position }
  const found = text.slice(range.start, range.end)
  return { problem: found === '' ? 'it ends too early' : `"${found.slice(0, 64)}" was not expected here`, position }
}

/** The library's words, on one line. */
function clause(summary = 'it cannot be read'): string {
  return summary.replace(/\s+/g, ' ').slice(0, 200)
}
