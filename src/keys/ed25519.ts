// Ed25519 keys: Node's native signatures for the hot path, and a strict verifier where all nodes must agree.

import type { KeyObject } from 'node:crypto'
import {
  createPrivateKey,
  createPublicKey,
  hash,
  randomBytes,
  sign as signNative,
  verify as verifyNative,
} from 'node:crypto'
import * as noble from '@noble/ed25519'
import { limits } from '../core/limits.ts'
import { Recent } from '../wire/recent.ts'

const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
/** DER of RFC 8410 up to the key itself. */
const PRIVATE_DER = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC_DER = Buffer.from('302a300506032b6570032100', 'hex')

noble.hashes.sha512 = (bytes) => new Uint8Array(hash('sha512', bytes, 'buffer'))

/** Fills so many bytes with randomness. */
export type RandomBytes = (length: number) => Uint8Array

/** A secret key that signs; the public key is 32 bytes. */
export interface Signer {
  publicKey: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

/** A new secret: a 32-byte seed (RFC 8032). */
export function newSecret(random: RandomBytes = randomBytes): Uint8Array {
  return new Uint8Array(random(KEY_BYTES))
}

/** A signer for a 32-byte seed; the key is prepared once. */
export function makeSigner(seed: Uint8Array): Signer {
  if (seed.length !== KEY_BYTES) throw new Error(`an Ed25519 seed has 32 bytes, not ${seed.length}`)
  const key = createPrivateKey({ key: Buffer.concat([PRIVATE_DER, seed]), format: 'der', type: 'pkcs8' })
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return {
    publicKey: new Uint8Array(der.subarray(PUBLIC_DER.length)),
    sign: (bytes) => new Uint8Array(signNative(null, bytes, key)),
  }
}

/** The 32-byte public key of a 32-byte seed. */
export function publicKeyOf(seed: Uint8Array): Uint8Array {
  return makeSigner(seed).publicKey
}

/** One signature (64 bytes); whoever signs often keeps a signer. */
export function sign(seed: Uint8Array, bytes: Uint8Array): Uint8Array {
  return makeSigner(seed).sign(bytes)
}

const prepared = new Recent<string, KeyObject>(limits.keyCache)

/** Native verification (about 0.1 ms with a prepared key). False, never an error, for malformed keys and signatures. */
export function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false
  try {
    const key = prepared.get(Buffer.from(publicKey).toString('latin1'), preparePublicKey)
    return verifyNative(null, message, key, signature)
  } catch {
    return false
  }
}

function preparePublicKey(latin1: string): KeyObject {
  const key = Buffer.concat([PUBLIC_DER, Buffer.from(latin1, 'latin1')])
  return createPublicKey({ key, format: 'der', type: 'spki' })
}

/**
 * Verification by RFC 8032 without its options: small-order keys and non-canonical points are refused on every platform, so that all
 * nodes accept the same documents. False, never an error, for malformed input. @noble/ed25519 decides; but it takes 60 ms of CPU the
 * first time and 2 to 4 ms after that, so what it is known to accept is not shown to it: a signature that OpenSSL accepts under a key
 * that is written as it should be and has no small order. OpenSSL compares R byte by byte with the point that it must be, which is
 * narrower than noble's equation times the cofactor.
 */
export function verifyStrict(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false
  if (isPlain(publicKey) && verify(publicKey, message, signature)) return true
  try {
    return noble.verify(signature, message, publicKey, { zip215: false })
  } catch {
    return false
  }
}

/** The y of the points of order 1, 2, 4 and 8, little-endian hex without the sign of x. */
const SMALL_ORDER = new Set([
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
])

/**
 * Whether y of a 32-byte public key is below 2^255 - 19, as it must be written, and that of no point of small order. OpenSSL 3.5 refuses both
 * by itself; the one that comes with another Node may not.
 */
export function isPlain(publicKey: Uint8Array): boolean {
  const y = Buffer.from(publicKey)
  y[KEY_BYTES - 1] = (y[KEY_BYTES - 1] as number) & 0x7f
  const isReduced =
    (y[0] as number) < 0xed || y[KEY_BYTES - 1] !== 0x7f || y.subarray(1, -1).some((byte) => byte !== 0xff)
  return isReduced && !SMALL_ORDER.has(y.toString('hex'))
}

/** SHA-256, 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', bytes, 'buffer'))
}
