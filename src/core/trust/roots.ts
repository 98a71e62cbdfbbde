// From the root we hold to the newest one on offer, one version at a time: each signed by the keys before it and by its own.
// This is TUF's root update (specification 5.3) with peers in place of a repository; expiry is judged elsewhere, never here.
import { toHex } from '../bytes.ts'
import type { Env } from '../env.ts'
import type { RefusalCode } from '../events.ts'
import { limits } from '../limits.ts'
import type { RoleKeys, Root, RootDocument, TargetsDocument } from './documents.ts'

/** The newest root when a node was invited: nothing older is believed at its first contact. */
export interface RootFloor {
  version: number
  /** Hex hash of that root's signed part, when it is known. */
  hash?: string | undefined
}

export interface RootWalk {
  /** The newest accepted root; undefined when there is none. */
  root: RootDocument | undefined
  /** What was accepted beyond the held root, in order of version. */
  accepted: RootDocument[]
  /** Why the walk ended before the end of what was offered, or below the floor; undefined when all is well. */
  problem: string | undefined
  /** The same for a program, and the document that it is about when there is one. */
  refused: { code: RefusalCode; document: RootDocument | undefined } | undefined
}

interface Problem {
  text: string
  code: RefusalCode
  document?: RootDocument | undefined
}

type Verify = Pick<Env, 'verifyStrict'>

/**
 * Walks from `held` (undefined: from the mesh id) through `offered`, which may come in any order, repeated and with gaps.
 * The result does not depend on that order: of two valid roots of one version the one with the lower hash is taken.
 * Below the floor nothing is accepted: a node without a root then has none.
 */
export function walkRoots(
  held: RootDocument | undefined,
  offered: readonly RootDocument[],
  terms: { mesh: string; floor?: RootFloor | undefined },
  env: Verify,
): RootWalk {
  const accepted: RootDocument[] = []
  let root = held
  let problem: Problem | undefined
  const last = Math.max(0, ...offered.map((document) => document.signed.version))
  while (problem === undefined && (root?.signed.version ?? 0) < last) {
    const next = (root?.signed.version ?? 0) + 1
    const candidates = offered.filter((document) => document.signed.version === next).sort(byHash)
    const step = takeStep(root, candidates.slice(0, limits.rootCandidates), terms, env)
    if ('text' in step) problem = step
    else {
      root = step
      accepted.push(step)
    }
  }
  problem ??= heldProblem(held, offered, terms.floor)
  if (terms.floor !== undefined && (root?.signed.version ?? 0) < terms.floor.version) {
    const text = `the newest root is version ${root?.signed.version ?? 0}, older than ${terms.floor.version}, the version at the time of the invite`
    return { root: held, accepted: [], ...told(problem ?? { text, code: 'oldVersion' }) }
  }
  return { root, accepted, ...told(problem) }
}

function told(problem: Problem | undefined): Pick<RootWalk, 'problem' | 'refused'> {
  if (problem === undefined) return { problem: undefined, refused: undefined }
  return { problem: problem.text, refused: { code: problem.code, document: problem.document } }
}

/** The next root among the candidates for one version, or why there is none. */
function takeStep(
  from: RootDocument | undefined,
  candidates: readonly RootDocument[],
  terms: { mesh: string; floor?: RootFloor | undefined },
  env: Verify,
): RootDocument | Problem {
  const text = `root version ${(from?.signed.version ?? 0) + 1} is missing`
  let problem: Problem = { text, code: 'bodyMissing' }
  for (const candidate of candidates) {
    const wrong = stepProblem(from, candidate, terms, env)
    if (wrong === undefined) return candidate
    const { text, code } = wrong
    problem = { text: `root version ${candidate.signed.version} ${text}`, code, document: candidate }
  }
  return problem
}

function stepProblem(
  from: RootDocument | undefined,
  to: RootDocument,
  terms: { mesh: string; floor?: RootFloor | undefined },
  env: Verify,
): Problem | undefined {
  const { mesh, floor } = terms
  if (from === undefined && to.hash !== mesh) return { text: 'is not of this mesh', code: 'foreignMesh' }
  if (floor?.hash !== undefined && floor.version === to.signed.version && floor.hash !== to.hash)
    return { text: 'is not the one that the invite names', code: 'oldVersion' }
  const unsigned = (by: string): Problem => ({ text: `is not signed by ${by}`, code: 'badSignature' })
  if (from !== undefined && !meetsThreshold(to, from.signed, env)) return unsigned('the root before it')
  return meetsThreshold(to, to.signed, env) ? undefined : unsigned('its own root keys')
}

function meetsThreshold(document: RootDocument, by: Root, env: Verify): boolean {
  return signedBy(document, by.keys, by.roles.root, env)
}

/**
 * True when at least `role.threshold` different public keys of the role signed the document. Keys count by their bytes:
 * one key listed under two ids counts once (T09). Checks no more signatures than it needs.
 */
export function signedBy(
  document: Pick<RootDocument, 'signedBytes' | 'signatures'>,
  keys: ReadonlyMap<string, Uint8Array>,
  role: RoleKeys,
  env: Verify,
): boolean {
  const fitting = document.signatures.flatMap(({ keyId, signature }) => {
    const key = role.keyIds.includes(keyId) ? keys.get(keyId) : undefined
    return key === undefined ? [] : [{ key, signature }]
  })
  const counted = new Set<string>()
  for (const [at, { key, signature }] of fitting.entries()) {
    // What is left cannot reach the threshold: no check is made for nothing.
    if (counted.size + fitting.length - at < role.threshold) return false
    if (counted.has(toHex(key)) || !env.verifyStrict(key, document.signedBytes, signature)) continue
    counted.add(toHex(key))
    if (counted.size >= role.threshold) return true
  }
  return false
}

/** True when the targets document is of the root's epoch, and signed by its targets role (clause ANN 10). */
export function targetsHold(targets: TargetsDocument, { keys, roles, targetsEpoch = 1 }: Root, env: Verify): boolean {
  return epochOf(targets.signed) === targetsEpoch && signedBy(targets, keys, roles.targets, env)
}

/** Of a targets document. */
export function epochOf({ epoch = 1 }: { epoch?: number | undefined }): number {
  return epoch
}

/** What is wrong with an offer that reaches no further than what is held. */
function heldProblem(
  held: RootDocument | undefined,
  offered: readonly RootDocument[],
  floor: RootFloor | undefined,
): Problem | undefined {
  if (held === undefined) return undefined
  const { version } = held.signed
  if (floor?.hash !== undefined && floor.version === version && floor.hash !== held.hash)
    return { text: `the held root of version ${version} is not the one that the invite names`, code: 'oldVersion' }
  if (offered.length === 0) return undefined
  if (offered.every((document) => document.signed.version < version))
    return {
      text: `the offered roots are older than version ${version}, which is held`,
      code: 'oldVersion',
      document: offered[0],
    }
  const other = offered.find((document) => document.signed.version === version && document.hash !== held.hash)
  if (other === undefined) return undefined
  const text = `another root of version ${version} is offered than the one that is held`
  return { text, code: 'oldVersion', document: other }
}

function byHash(a: RootDocument, b: RootDocument): number {
  const [left, right] = a.hash === b.hash ? [toHex(a.raw), toHex(b.raw)] : [a.hash, b.hash]
  return left < right ? -1 : left > right ? 1 : 0
}
