import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as noble from '@noble/ed25519'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeAtomic, writeNew } from '../../src/keys/atomic-file.ts'
import {
  isPlain,
  makeSigner,
  newSecret,
  publicKeyOf,
  sha256,
  sign,
  verify,
  verifyStrict,
} from '../../src/keys/ed25519.ts'
import { cryptoEnv } from '../../src/keys/env.ts'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
/** The points of order 1, 2, 4 and 8. */
const TORSION = [...Array(8).keys()].map((times) => {
  const eighth = noble.Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')
  return Array(times)
    .fill(eighth)
    .reduce((sum, point) => sum.add(point), noble.Point.ZERO)
})
const fromLittle = (little: Uint8Array) => BigInt(`0x${Buffer.from(little).reverse().toString('hex')}`)
const littleOf = (scalar: bigint) => Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse()
const scalarOf = (name: string) => fromLittle(createHash('sha512').update(name).digest()) % ORDER

describe('Ed25519', () => {
  // RFC 8032, section 7.1, test 2.
  const SEED = bytes('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb')
  const PUBLIC = bytes('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c')
  const SIGNATURE = bytes(
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  )

  it('is that of RFC 8032', () => {
    expect(publicKeyOf(SEED)).toEqual(PUBLIC)
    expect(sign(SEED, Uint8Array.of(0x72))).toEqual(SIGNATURE)
    expect(verify(PUBLIC, Uint8Array.of(0x72), SIGNATURE)).toBe(true)
    expect(verifyStrict(PUBLIC, Uint8Array.of(0x72), SIGNATURE)).toBe(true)
  })

  it('both verifiers accept what was signed and nothing else', () => {
    const input = fc.record({
      message: fc.uint8Array(),
      seed: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      at: fc.nat(63),
    })
    fc.assert(
      fc.property(input, ({ message, seed, at }) => {
        const signer = makeSigner(seed)
        const signature = signer.sign(message)
        const flipped = signature.map((byte, i) => (i === at ? byte ^ 4 : byte))
        for (const check of [verify, verifyStrict]) {
          expect(check(signer.publicKey, message, signature)).toBe(true)
          expect(check(signer.publicKey, message, flipped)).toBe(false)
          expect(check(signer.publicKey, Buffer.concat([message, Uint8Array.of(0)]), signature)).toBe(false)
        }
      }),
      { numRuns: 20 },
    )
  })

  it('malformed keys and signatures are false, never an error', () => {
    const junk = [
      new Uint8Array(0),
      new Uint8Array(31),
      new Uint8Array(32),
      new Uint8Array(64),
      new Uint8Array(64).fill(255),
    ]
    for (const check of [verify, verifyStrict])
      for (const key of [PUBLIC, new Uint8Array(32).fill(255), ...junk])
        for (const signature of junk) expect(check(key, Uint8Array.of(1), signature)).toBe(false)
  })

  it('the strict verifier refuses a key of small order, with which anything would be signed', () => {
    const small = new Uint8Array(32)
    small[0] = 1
    const anything = new Uint8Array(64)
    anything[0] = 1
    expect(verifyStrict(small, Buffer.from('any message'), anything)).toBe(false)
  })

  // Where libraries differ, noble is the judge: keys and nonces with a part of small order (Chalkias, Garillot, Nikolaenko 2020, Taming the many EdDSAs).
  it.each(['nothing', 'the key', 'the nonce', 'both'])(
    'the strict verifier judges as noble does when %s is of small order alone',
    (alone) => {
      const message = Buffer.from('judged by all alike')
      const key = scalarOf('key')
      const nonce = scalarOf('nonce')
      const answers: boolean[] = []
      for (const a of TORSION)
        for (const r of TORSION) {
          const isKey = alone === 'the key' || alone === 'both'
          const isNonce = alone === 'the nonce' || alone === 'both'
          const A = (isKey ? a : noble.Point.BASE.multiply(key).add(a)).toBytes()
          const R = (isNonce ? r : noble.Point.BASE.multiply(nonce).add(r)).toBytes()
          const h = fromLittle(createHash('sha512').update(R).update(A).update(message).digest()) % ORDER
          const s = ((isNonce ? 0n : nonce) + h * (isKey ? 0n : key)) % ORDER
          const signature = Buffer.concat([R, littleOf(s)])
          const judged = noble.verify(signature, message, A, { zip215: false })
          expect(verifyStrict(A, message, signature)).toBe(judged)
          answers.push(judged)
        }
      expect(new Set(answers).has(alone !== 'the key' && alone !== 'both')).toBe(true)
    },
  )

  it('only keys that are plain are shown to OpenSSL, whatever that one accepts', () => {
    expect([PUBLIC, makeSigner(new Uint8Array(32)).publicKey].map(isPlain)).toEqual([true, true])
    expect(TORSION.map((point) => isPlain(point.toBytes()))).toEqual(Array(8).fill(false))
    const unreduced = [`ed${'ff'.repeat(30)}7f`, `ee${'ff'.repeat(30)}ff`, 'ff'.repeat(32)].map(bytes)
    expect(unreduced.map(isPlain)).toEqual([false, false, false])
  })

  it('what is not written as it should be is refused: y not reduced, a sign without an x, s not reduced', () => {
    const { publicKey, sign: signs } = makeSigner(SEED)
    const message = Uint8Array.of(1)
    const signature = signs(message)
    const late = Buffer.concat([signature.subarray(0, 32), littleOf(fromLittle(signature.subarray(32)) + ORDER)])
    const keys = [`ee${'ff'.repeat(30)}7f`, `01${'00'.repeat(30)}80`, `ec${'ff'.repeat(31)}`].map(bytes)
    expect(verifyStrict(publicKey, message, late)).toBe(false)
    for (const key of keys) expect(verifyStrict(key, message, signature)).toBe(false)
  })

  it('secrets come from the randomness that is given', () => {
    expect(newSecret((length) => new Uint8Array(length).fill(7))).toEqual(new Uint8Array(32).fill(7))
    expect(newSecret()).not.toEqual(newSecret())
  })

  it('core gets all it needs', () => {
    const env = cryptoEnv(() => 0.25)
    expect(env.random()).toBe(0.25)
    expect(Buffer.from(env.sha256(Buffer.from('abc'))).toString('hex')).toMatch(/^ba7816bf.*15ad$/)
    expect(env.nodeKey('nobody')).toBeUndefined()
    expect(sha256(new Uint8Array(0))).toHaveLength(32)
  })
})

describe('files', () => {
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'pimesh-keys-'))
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  it('replaces a file whole, and leaves nothing behind when it cannot', () => {
    const path = join(dir, 'file')
    writeAtomic(path, Buffer.from('one'), 0o600)
    writeAtomic(path, Buffer.from('two'), 0o600)
    expect(readFileSync(path, 'utf8')).toBe('two')
    expect(() => writeAtomic(dir, Buffer.from('x'), 0o600)).toThrow()
    expect(() => writeAtomic(join(dir, 'none', 'file'), Buffer.from('x'), 0o600)).toThrow()
    expect(readdirSync(dir)).toEqual(['file'])
  })

  it('writes no file over another when it is to be new', () => {
    const path = join(dir, 'file')
    writeNew(path, Buffer.from('one'), 0o600)
    expect(statSync(path)).toMatchObject({ nlink: 1 })
    expect(() => writeNew(path, Buffer.from('two'), 0o600)).toThrow(expect.objectContaining({ code: 'EEXIST' }))
    expect(readFileSync(path, 'utf8')).toBe('one')
    expect(readdirSync(dir)).toEqual(['file'])
  })
})
