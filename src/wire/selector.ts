// Selectors (clause CEL): which nodes a release is for, as a CEL expression over the facts of a node. A small part of the language:
// no regular expressions and no loops, so that what one publisher wrote costs every node the same few steps.
import { type ASTNode, Environment, type ParseResult } from '@marcbachmann/cel-js'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { nearest } from '../core/nearest.ts'
import type { Subject } from '../core/rollout/subject.ts'
import { Recent } from './recent.ts'

/** What a selector may name, with its CEL type. */
export const FACTS: Readonly<Record<keyof Subject, string>> = {
  node: 'string',
  name: 'string',
  zone: 'string',
  labels: 'map<string, string>',
  model: 'string',
  os: 'string',
  kernel: 'string',
  arch: 'string',
  cpus: 'int',
}
const FUNCTIONS = ['has', 'size', 'int', 'string', 'double']
const METHODS = ['startsWith', 'endsWith', 'contains', 'size']
const CALLS = [...new Set([...METHODS, ...FUNCTIONS])]
const OPERATORS = '!_ -_ == != < <= > >= in + - * / % && || ?: . [] list'.split(' ')

export interface SelectorProblem {
  /** Continues a sentence about the selector: "it ends too early". */
  problem: string
  /** Where, counted in characters from 1. */
  position?: number
  /** The fact or function that was probably meant. */
  near?: string
}

type Selector = (subject: Subject) => boolean

const environment = new Environment({
  limits: {
    maxAstNodes: limits.selectorNodes,
    maxDepth: limits.selectorDepth,
    maxListElements: limits.selectorNodes,
  },
})
for (const [name, type] of Object.entries(FACTS)) environment.registerVariable(name, type)

const compiled = new Recent<string, Selector | undefined>(limits.selectorCache)

/** Why `text` cannot select nodes, or undefined when it can. Never throws. */
export function checkSelector(text: string): SelectorProblem | undefined {
  const result = compile(text)
  return typeof result === 'function' ? undefined : result
}

/** @throws Failure E_SELECTOR: one sentence with the place, and the fact or function that was probably meant. */
export function requireSelector(text: string): void {
  const found = checkSelector(text)
  if (found === undefined) return
  const { problem, position, near } = found
  const where = position === undefined ? '' : ` at character ${position}`
  const meant = near === undefined ? '' : `; did you mean "${near}"?`
  throw new Failure('E_SELECTOR', `The selector is not valid${where}: ${problem}${meant || '.'}`)
}

/**
 * True when the selector holds for the subject. False, never an exception, when it is no selector of this version, is no
 * truth value, or needs a fact or a label that the node does not have.
 */
export function matchesSelector(text: string, subject: Subject): boolean {
  if (text.length > limits.selectorLength) return false
  const selector = compiled.get(text, (fresh) => {
    const result = compile(fresh)
    return typeof result === 'function' ? result : undefined
  })
  return selector?.(subject) ?? false
}

function compile(text: string): Selector | SelectorProblem {
  if (text.length > limits.selectorLength)
    return { problem: `it has ${text.length} characters, more than ${limits.selectorLength}` }
  const parsed = parse(text)
  if (!('ast' in parsed)) return parsed
  return treeProblem(parsed.ast) ?? typeProblem(parsed, text) ?? ((subject) => evaluate(parsed, subject))
}

function parse(text: string): ParseResult | SelectorProblem {
  try {
    return environment.parse(text)
  } catch (error) {
    return parseProblem(error, text)
  }
}

function evaluate(parsed: ParseResult, subject: Subject): boolean {
  try {
    return parsed(contextOf(subject)) === true
  } catch {
    return false
  }
}

/** A fact that the machine does not say is absent, so that an expression that needs it fails. */
function contextOf(subject: Subject): Record<string, unknown> {
  const { cpus, labels, ...texts } = subject
  const facts = Object.entries(texts).filter(([, value]) => value !== null)
  const count = Number.isSafeInteger(cpus) ? { cpus: BigInt(cpus as number) } : {}
  return { ...Object.fromEntries(facts), ...count, labels: new Map(Object.entries(labels)) }
}

/** The first thing in the tree, in order of the text, that is not part of our language. */
function treeProblem(root: ASTNode): SelectorProblem | undefined {
  const waiting = [{ node: root, depth: 1 }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, depth } = next
    const problem = depth > limits.selectorDepth ? tooLarge(node) : nodeProblem(node)
    if (problem !== undefined) return problem
    for (const child of childrenOf(node).reverse()) waiting.push({ node: child, depth: depth + 1 })
  }
  return undefined
}

function nodeProblem(node: ASTNode): SelectorProblem | undefined {
  const position = node.start + 1
  if (node.op === 'id') return Object.hasOwn(FACTS, node.args) ? undefined : unknownFact(node.args, position)
  if (node.op === 'call')
    return FUNCTIONS.includes(node.args[0]) ? undefined : unknownCall(node.args[0], position, FUNCTIONS)
  if (node.op === 'rcall')
    return METHODS.includes(node.args[0]) ? undefined : unknownCall(node.args[0], methodPosition(node), METHODS)
  if (node.op === 'value') return typeof node.args === 'object' && node.args !== null ? foreign(node) : undefined
  return OPERATORS.includes(node.op) ? undefined : foreign(node)
}

function unknownFact(name: string, position: number): SelectorProblem {
  const near = nearest(name, Object.keys(FACTS))
  const label = near === undefined ? `; a label is written labels.${name.slice(0, 64)}` : ''
  const problem = `"${name.slice(0, 64)}" is not a fact of a node (${Object.keys(FACTS).join(', ')})${label}`
  return near === undefined ? { problem, position } : { problem, position, near }
}

function unknownCall(name: string, position: number, callable: readonly string[]): SelectorProblem {
  const near = nearest(name, callable)
  const problem = `"${name.slice(0, 64)}" cannot be called, only ${CALLS.join(', ')}`
  return near === undefined ? { problem, position } : { problem, position, near }
}

/** The name of a method comes after all that it is called on. */
function methodPosition({ args: [name, receiver], input }: ASTNode & { op: 'rcall' }): number {
  return input.indexOf(name, receiver.end) + 1
}

function foreign(node: ASTNode): SelectorProblem {
  return { problem: 'maps, bytes and unsigned numbers have no use in it', position: node.start + 1 }
}

function tooLarge({ start }: { start: number }): SelectorProblem {
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

function typeProblem(parsed: ParseResult, text: string): SelectorProblem | undefined {
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

function parseProblem(error: unknown, text: string): SelectorProblem {
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
