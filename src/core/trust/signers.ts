// What each signature of a document is worth, for a person who wants to know why it holds or does not. `signedBy` decides; this says
// the same in full: so many signatures that count are exactly what it compares with the threshold.
import { toHex } from '../bytes.ts'
import type { Env } from '../env.ts'
import type { RoleKeys, Signed } from './documents.ts'

/** `stranger`: by no key of the role. `wrong`: it does not cover this document. `again`: by a key that has counted already. */
export type SignatureWorth = 'counts' | 'stranger' | 'wrong' | 'again'

/** In the order of the signatures. Checks each of them: not for what comes from the network. */
export function signatureWorths(
  { signatures, signedBytes }: Pick<Signed<unknown>, 'signatures' | 'signedBytes'>,
  keys: ReadonlyMap<string, Uint8Array>,
  { keyIds }: RoleKeys,
  env: Pick<Env, 'verifyStrict'>,
): { keyId: string; worth: SignatureWorth }[] {
  const counted = new Set<string>()
  return signatures.map(({ keyId, signature }) => {
    const key = keyIds.includes(keyId) ? keys.get(keyId) : undefined
    if (key === undefined) return { keyId, worth: 'stranger' }
    if (!env.verifyStrict(key, signedBytes, signature)) return { keyId, worth: 'wrong' }
    if (counted.has(toHex(key))) return { keyId, worth: 'again' }
    counted.add(toHex(key))
    return { keyId, worth: 'counts' }
  })
}
