// What signatures are worth: told in full, and never otherwise than `signedBy` decides (T09).
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { signedBy } from '../../../src/core/trust/roots.ts'
import { signatureWorths } from '../../../src/core/trust/signers.ts'
import { announcementOf, env, keyOf } from '../../fixtures/documents.ts'

const NAMES = ['ada', 'bob', 'cyd', 'dan']
const listed = new Map(NAMES.map((name) => [keyOf(name).keyId, keyOf(name).publicKey]))
const ids = (names: readonly string[]) => names.map((name) => keyOf(name).keyId)

describe('the worth of signatures', () => {
  it('tells strangers, changed ones and one key under two ids apart', () => {
    const { signatures, signedBytes } = announcementOf({ by: ['ada', 'bob', 'eve'] })
    const by = (name: string) => signatures.find(({ keyId }) => keyId === keyOf(name).keyId)!
    const role = { keyIds: [...ids(['ada', 'bob']), 'alias'], threshold: 2 }
    const keys = new Map([...listed, ['alias', keyOf('ada').publicKey]])
    const given = [
      by('ada'),
      { ...by('ada'), keyId: 'alias' },
      { ...by('bob'), signature: by('ada').signature },
      by('eve'),
    ]
    expect(signatureWorths({ signatures: given, signedBytes }, keys, role, env).map(({ worth }) => worth)).toEqual([
      ...['counts', 'again', 'wrong', 'stranger'],
    ])
  })

  it('agrees with what decides, whoever signs and whatever is altered', () => {
    const some = fc.uniqueArray(fc.constantFrom(...NAMES, 'eve'), { minLength: 1, maxLength: 5 })
    const role = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1 })
    fc.assert(
      fc.property(some, role, fc.integer({ min: 1, max: 4 }), some, (by, of, threshold, altered) => {
        const { signatures, signedBytes } = announcementOf({ by })
        const changed = signatures.map((one) =>
          ids(altered).includes(one.keyId) ? { ...one, signature: one.signature.toReversed() } : one,
        )
        const document = { signatures: changed, signedBytes }
        const terms = { keyIds: ids(of), threshold }
        const worths = signatureWorths(document, listed, terms, env)
        const counting = worths.filter(({ worth }) => worth === 'counts').length
        expect(counting >= threshold).toBe(signedBy(document, listed, terms, env))
      }),
      { numRuns: 60 },
    )
  })
})
