// A secret under a passphrase (clause KEYFILE 3 and 4): scrypt makes a key of the passphrase, slowly and with much memory, so that
// guessing is dear; ChaCha20-Poly1305 encrypts the secret with it, and binds all that stands beside it in clear.
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto'
import { limits } from '../core/limits.ts'
import { canonicalBytes, type JsonObject } from '../wire/canonical.ts'

const CIPHER = 'chacha20-poly1305'
const KEY_BYTES = 32
const SALT_BYTES = 16
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** What scrypt takes: 128 * n * r bytes of memory, and time in proportion to n * r * p. */
export type ScryptCost = {
  n: number
  r: number
  p: number
}
/** 64 MiB, which a board with 512 MB has; about 0.2 s on a laptop and 1 s on a Pi. */
const COST: ScryptCost = { n: 65_536, r: 8, p: 1 }

/** A sealed secret as it stands in a file; bytes are hex. */
export type SealedSecret = {
  kdf: { name: 'scrypt'; salt: string } & ScryptCost
  cipher: { name: typeof CIPHER; nonce: string }
  /** The encrypted secret and its tag. */
  secret: string
}

/** Seals `secret`; it opens only beside the same `beside`. */
export function seal(
  secret: Uint8Array,
  passphrase: string,
  beside: JsonObject,
  cost: ScryptCost = COST,
): SealedSecret {
  const kdf = { name: 'scrypt', salt: randomBytes(SALT_BYTES).toString('hex'), ...cost } as const
  const cipher = { name: CIPHER, nonce: randomBytes(NONCE_BYTES).toString('hex') } as const
  const key = keyOf(passphrase, kdf)
  const encrypt = createCipheriv(CIPHER, key, Buffer.from(cipher.nonce, 'hex'), { authTagLength: TAG_BYTES })
  encrypt.setAAD(boundBytes({ kdf, cipher }, beside), { plaintextLength: secret.length })
  const sealed = Buffer.concat([encrypt.update(secret), encrypt.final(), encrypt.getAuthTag()])
  return { kdf, cipher, secret: sealed.toString('hex') }
}

/** The secret; undefined when the passphrase is wrong or a bit was changed: nobody can tell one from the other. */
export function unseal(sealed: SealedSecret, passphrase: string, beside: JsonObject): Uint8Array | undefined {
  const bytes = Buffer.from(sealed.secret, 'hex')
  const [secret, tag] = [bytes.subarray(0, -TAG_BYTES), bytes.subarray(-TAG_BYTES)]
  const nonce = Buffer.from(sealed.cipher.nonce, 'hex')
  const decrypt = createDecipheriv(CIPHER, keyOf(passphrase, sealed.kdf), nonce, { authTagLength: TAG_BYTES })
  decrypt.setAAD(boundBytes(sealed, beside), { plaintextLength: secret.length }).setAuthTag(tag)
  const opened = decrypt.update(secret)
  try {
    return new Uint8Array(Buffer.concat([opened, decrypt.final()]))
  } catch {
    return undefined
  }
}

/**
 * Reads the sealed parts of a file for a secret of `length` bytes, before any passphrase is asked for.
 * @returns `tooCostly` when opening it would take more memory or time than the limits allow; undefined when it has another form.
 */
export function parseSealed(json: Record<string, unknown>, length: number): SealedSecret | 'tooCostly' | undefined {
  const [kdf, cipher] = [recordOf(json.kdf), recordOf(json.cipher)]
  const { n, r, p } = kdf
  if (kdf.name !== 'scrypt' || cipher.name !== CIPHER || !isCount(n) || !isCount(r) || !isCount(p)) return undefined
  // RFC 7914: a power of two, less than 2^(16 r).
  if (n < 2 || 2 ** Math.round(Math.log2(n)) !== n || n >= 2 ** (16 * r)) return undefined
  if (128 * n * r > limits.keyFileMemory || p > limits.keyFilePasses) return 'tooCostly'
  const [salt, nonce] = [hexOf(kdf.salt, SALT_BYTES), hexOf(cipher.nonce, NONCE_BYTES)]
  const secret = hexOf(json.secret, length + TAG_BYTES)
  if (salt === undefined || nonce === undefined || secret === undefined) return undefined
  return { kdf: { name: 'scrypt', salt, n, r, p }, cipher: { name: CIPHER, nonce }, secret }
}

function keyOf(passphrase: string, { salt, n, r, p }: SealedSecret['kdf']): Uint8Array {
  const text = Buffer.from(passphrase.normalize('NFC'), 'utf8')
  const maxmem = 128 * (n * r + r * p) + 65_536
  return scryptSync(text, Buffer.from(salt, 'hex'), KEY_BYTES, { N: n, r, p, maxmem })
}

function boundBytes({ kdf, cipher }: Pick<SealedSecret, 'kdf' | 'cipher'>, beside: JsonObject): Uint8Array {
  return canonicalBytes({ ...beside, kdf, cipher })
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}

function hexOf(value: unknown, bytes: number): string | undefined {
  return typeof value === 'string' && value.length === 2 * bytes && /^[0-9a-f]*$/.test(value) ? value : undefined
}
