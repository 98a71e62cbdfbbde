// H(...), the one hash that places nodes: cells, waves and rendezvous hashing all use it (protocol clause H).
import { concat, utf8 } from './bytes.ts'
import type { Env } from './env.ts'

/**
 * The first 8 bytes, big-endian, of SHA-256 over a domain tag and fields, each prefixed with its u16 length.
 * The prefixes make the fields unambiguous; the tag keeps one use of H from steering another.
 */
export function H(env: Pick<Env, 'sha256'>, tag: string, ...fields: (string | Uint8Array)[]): bigint {
  const parts: Uint8Array[] = []
  for (const field of [tag, ...fields]) {
    const bytes = typeof field === 'string' ? utf8(field) : field
    parts.push(Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes)
  }
  const digest = env.sha256(concat(parts))
  return digest.subarray(0, 8).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}
