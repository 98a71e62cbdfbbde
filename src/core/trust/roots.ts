// From the root we hold to the newest one on offer, one version at a time: each signed by the keys before it and by its own.
// This is TUF's root update (specification 5.3) with peers in place of a repository; expiry is judged elsewhere, never here.
import { toHex } from '../bytes.ts'
import type { Env } from '../env.ts'
import { limits } from '../limits.ts'
import type { RoleKeys, Root, RootDocument } from './documents.ts'

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
  let problem: string | undefined
  const last = Math.max(0, ...offered.map((document) => document.signed.version))
  while (problem === undefined && (root?.signed.version ?? 0) < last) {
    const next = (root?.signed.version ?? 0) + 1
    const candidates = offered.filter((document) => document.signed.version === next).sort(byHash)
    const step = takeStep(root, candidates.slice(0, limits.rootCandidates), terms, env)
    if (typeof step === 'string') problem = step
    else {
      root = step
      accepted.push(step)
    }
  }
  problem ??= heldProblem(held, offered, terms.floor)
  if (terms.floor !== undefined && (root?.signed.version ?? 0) < terms.floor.version) {
    const short = `the newest root is version ${root?.signed.version ?? 0}, older than ${terms.floor.version}, the version at the time of the invite`
    return { root: held, accepted: [], problem: problem ?? short }
  }
  return { root, accepted, problem }
}

/** The next root among the candidates for one version, or why there is none. */
function takeStep(
  from: RootDocument | undefined,
  candidates: readonly RootDocument[],
  terms: { mesh: string; floor?: RootFloor | undefined },
  env: Verify,
): RootDocument | string {
  let problem = `root version ${(from?.signed.version ?? 0) + 1} is missing`
  for (const candidate of candidates) {
    const wrong = stepProblem(from, candidate, terms, env)
    if (wrong === undefined) return candidate
    problem = `root version ${candidate.signed.version} ${wrong}`
  }
  return problem
}

function stepProblem(
  from: RootDocument | undefined,
  to: RootDocument,
  terms: { mesh: string; floor?: RootFloor | undefined },
  env: Verify,
): string | undefined {
  const { mesh, floor } = terms
  if (from === undefined && to.hash !== mesh) return 'is not of this mesh'
  if (floor?.hash !== undefined && floor.version === to.signed.version && floor.hash !== to.hash)
    return 'is not the one that the invite names'
  if (from !== undefined && !meetsThreshold(to, from.signed, env)) return 'is not signed by the root before it'
  return meetsThreshold(to, to.signed, env) ? undefined : 'is not signed by its own root keys'
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
  const counted = new Set<string>()
  for (const { keyId, signature } of document.signatures) {
    const key = role.keyIds.includes(keyId) ? keys.get(keyId) : undefined
    if (key === undefined || counted.has(toHex(key))) continue
    if (env.verifyStrict(key, document.signedBytes, signature)) counted.add(toHex(key))
    if (counted.size >= role.threshold) return true
  }
  return false
}

/** What is wrong with an offer that reaches no further than what is held. */
function heldProblem(
  held: RootDocument | undefined,
  offered: readonly RootDocument[],
  floor: RootFloor | undefined,
): string | undefined {
  if (held === undefined) return undefined
  const { version } = held.signed
  if (floor?.hash !== undefined && floor.version === version && floor.hash !== held.hash)
    return `the held root of version ${version} is not the one that the invite names`
  if (offered.length === 0) return undefined
  if (offered.every((document) => document.signed.version < version))
    return `the offered roots are older than version ${version}, which is held`
  const other = offered.some((document) => document.signed.version === version && document.hash !== held.hash)
  return other ? `another root of version ${version} is offered than the one that is held` : undefined
}

function byHash(a: RootDocument, b: RootDocument): number {
  const [left, right] = a.hash === b.hash ? [toHex(a.raw), toHex(b.raw)] : [a.hash, b.hash]
  return left < right ? -1 : left > right ? 1 : 0
}
