// A verdict on a document: what core decided, told in full. Beside it stands what each signature is worth, so that a person sees whose
// is missing.
import type { RefusalCode } from '../core/events.ts'
import type { RoleKeys, Signed } from '../core/trust/documents.ts'
import { type SignatureWorth, signatureWorths } from '../core/trust/signers.ts'
import { verifyStrict } from '../keys/ed25519.ts'
import type { Ground } from './ground.ts'
import { nextText, type Quorum, shortKey } from './signing-request.ts'

/** What a signature is worth for each quorum that it could count for. */
export interface SignatureVerdict {
  keyId: string
  counts: boolean
  /** Why it does not, for the quorum that comes nearest to it. */
  worth: SignatureWorth
}

/** `expired`: nodes would take it, and do nothing with it. */
export interface Verdict {
  verdict: 'accepted' | 'expired' | 'refused'
  /** Of clause REFUSALS; undefined when it is accepted. */
  code: RefusalCode | undefined
  /** Why, in the middle of a sentence. */
  reason: string
  quorums: readonly Quorum[]
  signatures: readonly SignatureVerdict[]
}

/** Whose signatures count for a document, and how many of them it needs. */
export type Allowed = { name: string; role: RoleKeys; keys: ReadonlyMap<string, Uint8Array> }

/**
 * The verdict of core with what its signatures are worth. Without a reason it is that signatures are missing; `hint` is added when none of
 * those that are there is by a key that is asked for first.
 */
export function verdictOf(
  document: Signed<unknown>,
  allowed: readonly Allowed[],
  outcome: { code?: RefusalCode | undefined; reason?: string | undefined; hint?: string },
): Verdict {
  const worths = allowed.map(({ role, keys }) => signatureWorths(document, keys, role, { verifyStrict }))
  const quorums = allowed.map(({ name, role }, at) => ({
    name,
    keyIds: role.keyIds,
    threshold: role.threshold,
    signed: role.keyIds.filter((id) => worths[at]?.some(({ keyId, worth }) => keyId === id && worth === 'counts')),
  }))
  const signatures = document.signatures.map(({ keyId }, at): SignatureVerdict => {
    const found = worths.map((list) => list[at]?.worth ?? 'stranger')
    const counts = found.includes('counts')
    return { keyId, counts, worth: counts ? 'counts' : (found.find((worth) => worth !== 'stranger') ?? 'stranger') }
  })
  const { code, reason, hint } = outcome
  const told = { quorums, signatures }
  const verdict = code === undefined ? 'accepted' : 'refused'
  return { verdict, code, reason: reason ?? missingText(told, hint), ...told }
}

/** How many are missing and whose, and which are there in vain since they cover something else. */
function missingText(
  { quorums, signatures }: Pick<Verdict, 'quorums' | 'signatures'>,
  hint: string | undefined,
): string {
  const wrong = signatures.filter(({ worth }) => worth === 'wrong').map(({ keyId }) => shortKey(keyId))
  const isStrange = signatures.length > 0 && wrong.length === 0 && quorums[0]?.signed.length === 0
  return [
    nextText({ quorums }),
    ...(wrong.length === 0 ? [] : [`what ${wrong.join(', ')} signed was altered since`]),
    ...(isStrange && hint !== undefined ? [hint] : []),
  ].join('; ')
}

export function foreignText(mesh: string, ground: Ground): string {
  return `it is for the mesh ${shortKey(mesh)}, and that of ${ground.name} is ${shortKey(ground.mesh)}`
}

/** Of a document that takes the place of another one, though it comes after none. */
export function anotherText(version: number): string {
  return `it is another document of version ${version}, and of two the one with the lower hash counts`
}
