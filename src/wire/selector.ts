// Selectors (clause CEL): which nodes a release is for, as a CEL expression over the facts of a node.
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { Subject } from '../core/rollout/subject.ts'
import { type CelProblem, type Condition, celProblemText, Language } from './cel.ts'
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

const language = new Language({
  names: FACTS,
  unknown: (name, near) => {
    const label = near === undefined ? `; a label is written labels.${name}` : ''
    return `is not a fact of a node (${Object.keys(FACTS).join(', ')})${label}`
  },
})

const compiled = new Recent<string, Condition | undefined>(limits.selectorCache)

/** Why `text` cannot select nodes, or undefined when it can. Never throws. */
export function checkSelector(text: string): CelProblem | undefined {
  const result = language.compile(text)
  return 'holds' in result ? undefined : result
}

/** @throws Failure E_SELECTOR: one sentence with the place, and the fact or function that was probably meant. */
export function requireSelector(text: string): void {
  const found = checkSelector(text)
  if (found !== undefined) throw new Failure('E_SELECTOR', `The selector is not valid${celProblemText(found)}`)
}

/**
 * True when the selector holds for the subject. False, never an exception, when it is no selector of this version, is no
 * truth value, or needs a fact or a label that the node does not have.
 */
export function matchesSelector(text: string, subject: Subject): boolean {
  if (text.length > limits.selectorLength) return false
  const selector = compiled.get(text, (fresh) => {
    const result = language.compile(fresh)
    return 'holds' in result ? result : undefined
  })
  return selector?.holds(contextOf(subject)) ?? false
}

/** A fact that the machine does not say is absent, so that an expression that needs it fails. */
function contextOf(subject: Subject): Record<string, unknown> {
  const { cpus, labels, ...texts } = subject
  const facts = Object.entries(texts).filter(([, value]) => value !== null)
  const count = Number.isSafeInteger(cpus) ? { cpus: BigInt(cpus as number) } : {}
  return { ...Object.fromEntries(facts), ...count, labels: new Map(Object.entries(labels)) }
}
