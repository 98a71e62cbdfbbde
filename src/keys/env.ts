// What core asks of the world, answered by this machine's crypto, and by the one reader of selectors.
import type { Env } from '../core/env.ts'
import { nodeKey } from '../wire/node-id.ts'
import { matchesSelector } from '../wire/selector.ts'
import { sha256, verify, verifyStrict } from './ed25519.ts'

/** @param random a uniformly random number in [0, 1), such as Math.random. */
export function cryptoEnv(random: () => number): Env {
  return { sha256, verify, verifyStrict, nodeKey, matches: matchesSelector, random }
}
