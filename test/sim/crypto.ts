// Signatures of a simulation: real SHA-256, no elliptic curves. A signature is a keyed hash, and checking one looks up the
// secret of the public key and makes it again, so that a forgery fails as it would in earnest and costs microseconds.
import { hash } from 'node:crypto'
import { concat, sameBytes, utf8 } from '../../src/core/bytes.ts'
import type { Env } from '../../src/core/env.ts'
import { nodeKey } from '../../src/wire/node-id.ts'
import { matchesSelector } from '../../src/wire/selector.ts'
import { keyIdOf, type Signatory } from '../../src/wire/signed.ts'
import type { Prng } from './prng.ts'

export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', bytes, 'buffer'))
}

export interface SimKey extends Signatory {
  /** 32 bytes. */
  publicKey: Uint8Array
}

/** All keys of one simulated world, and the check of signatures by them. */
export class KeyRing {
  readonly #secrets = new Map<string, Uint8Array>()
  /** What a gossiped record, whose bytes all its receivers share, was found to be: each of them asks the same question. */
  readonly #known = new WeakMap<Uint8Array, { publicKey: Uint8Array; message: Uint8Array; right: boolean }>()
  /** Signature checks so far. */
  checks = 0

  make(prng: Prng): SimKey {
    const secret = prng.bytes(32)
    const publicKey = sha256(concat([utf8('public'), secret]))
    this.#secrets.set(text(publicKey), secret)
    return { publicKey, keyId: keyIdOf(publicKey), sign: (bytes) => seal(secret, bytes) }
  }

  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    this.checks++
    const known = this.#known.get(signature)
    if (known?.message === message && known.publicKey === publicKey) return known.right
    const secret = this.#secrets.get(text(publicKey))
    const right = secret !== undefined && sameBytes(seal(secret, message), signature)
    this.#known.set(signature, { publicKey, message, right })
    return right
  }

  /** What a simulated node's core is given. */
  env(prng: Prng): Env {
    const verify = (key: Uint8Array, message: Uint8Array, signature: Uint8Array) => this.verify(key, message, signature)
    return { sha256, verify, verifyStrict: verify, nodeKey, matches: matchesSelector, random: () => prng.real() }
  }
}

function seal(secret: Uint8Array, message: Uint8Array): Uint8Array {
  const first = sha256(concat([secret, message]))
  return concat([first, sha256(concat([secret, first]))])
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}
