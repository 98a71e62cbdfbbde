// An Env for tests of core: real SHA-256, a seeded random number, and signatures that are right when they say so.
import { createHash } from 'node:crypto'
import type { Env } from '../../src/core/env.ts'

/** @param random what `random()` answers, again and again. The only selector that matches is `true`. */
export function testEnv(random = 0.5): Env {
  const verify = (_key: Uint8Array, _message: Uint8Array, signature: Uint8Array) => signature[0] === 1
  return {
    sha256: (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest()),
    verify,
    verifyStrict: verify,
    nodeKey: () => new Uint8Array(32),
    matches: (selector) => selector === 'true',
    random: () => random,
  }
}
