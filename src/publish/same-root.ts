// One root of each version: what is signed on top of another one than the peer holds would undo what that one says, such as a key that it
// revoked, and every node would take it, since the same keys signed both.
import { Failure } from '../core/failure.ts'
import type { RootDocument } from '../core/trust/documents.ts'
import { parseRoot } from '../wire/root.ts'
import type { SigningRequest } from './signing-request.ts'

/**
 * Compares roots with the one that a peer holds.
 * @param roots of a folder or a request, called `name`; `advice`: what to do, in the middle of a sentence.
 * @param held canonical JSON; undefined: an older daemon does not tell it, and nothing is compared.
 * @throws Failure E_ROOT_OLD
 */
export function requireSameRoot(
  { roots, name, advice }: { roots: readonly RootDocument[]; name: string; advice: string },
  held: string | undefined,
): void {
  if (held === undefined) return
  const { signed, hash } = parseRoot(Buffer.from(held))
  const own = roots.find((root) => root.signed.version === signed.version)
  if (own === undefined || own.hash === hash) return
  throw new Failure(
    'E_ROOT_OLD',
    `another version ${signed.version} of the root is in force than that of ${name}: ${advice}`,
  )
}

/** All roots of a request: what a peer needs to walk to the newest one. */
export function requestRoots({ kind, document, roots }: SigningRequest): RootDocument[] {
  return kind === 'root' ? [...roots, document] : [...roots]
}

/** Those that a peer lacks, from the one on that it should hold: where that is another one, it refuses them. None when it lacks none. */
export function rootsLacking(roots: readonly RootDocument[], held: number): RootDocument[] {
  if (roots.every(({ signed }) => signed.version <= held)) return []
  return roots.filter(({ signed }) => signed.version >= held)
}
