// The keys of a role: as people name them, and as they will be after a change. Invariant: no role is left with fewer keys than the
// signatures that it needs, since nobody could ever change it again.
import { existsSync, statSync } from 'node:fs'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { RoleKeys } from '../core/trust/documents.ts'
import { keyIdOf } from '../wire/signed.ts'
import { shortKey } from './judge-request.ts'
import { keyPath } from './keys.ts'
import { readKey } from './mesh.ts'

export interface PublicKey {
  keyId: string
  /** 32 bytes. */
  publicKey: Uint8Array
}

/** What becomes of the keys of a role. */
export interface KeysChange {
  /** Keyids that go. */
  out: readonly string[]
  /** Keys that come. */
  in: readonly PublicKey[]
  /** Undefined: as it was. */
  threshold?: number | undefined
}

/** As few characters of a keyid as name a key: 32 bits are not hit by chance. */
const PREFIX = /^[0-9a-f]{8,64}$/
/** What looks like a public key, whole or not. */
const HEX = /^[0-9a-f]{48,}$/
const PREFIXED = /^ed25519:(.*)$/s

/** A public key as text. @throws Failure E_USAGE */
export function parsePublic(text: string): PublicKey {
  const [, hex = text] = PREFIXED.exec(text) ?? []
  if (!/^[0-9a-f]{64}$/.test(hex))
    throw new Failure('E_USAGE', `a public key is "ed25519:" and 64 hex digits in lower case, not "${text}"`)
  const publicKey = new Uint8Array(Buffer.from(hex, 'hex'))
  return { keyId: keyIdOf(publicKey), publicKey }
}

/**
 * A key that a person names by its text, by the name of a key in the mesh's folder, or by a key file, whose public half stands in clear.
 * @throws Failure E_USAGE (a bad text), E_KEY (no such file, or no key file), E_STATE (damaged)
 */
export function readPublic(dir: string, text: string): PublicKey {
  if (PREFIXED.test(text) || HEX.test(text)) return parsePublic(text)
  const own = keyPath(dir, text)
  const { keyId, publicKey } = readKey(own !== undefined && existsSync(own) ? own : text)
  return { keyId, publicKey }
}

/** Several keys. @throws Failure as readPublic; E_USAGE: one of them twice */
export function readPublics(dir: string, texts: readonly string[]): PublicKey[] {
  const keys = texts.map((text) => readPublic(dir, text))
  const twice = keys.find(({ keyId }, at) => keys.findIndex((other) => other.keyId === keyId) < at)
  if (twice === undefined) return keys
  throw new Failure('E_USAGE', `the key ${shortKey(twice.keyId)} is given twice: each key counts once, so name another`)
}

/**
 * The keyids among `keyIds` that a text means: a keyid or its beginning, a public key, or a key file.
 * @throws Failure as readPublic, but for a text that names no file: then there is none.
 */
export function keysNamed(dir: string, text: string, keyIds: Iterable<string>): string[] {
  const all = [...new Set(keyIds)]
  if (PREFIXED.test(text)) return all.filter((keyId) => keyId === parsePublic(text).keyId)
  if (PREFIX.test(text)) {
    const own = all.filter((keyId) => keyId.startsWith(text))
    return own.length > 0 || text.length < 64 ? own : all.filter((keyId) => keyId === parsePublic(text).keyId)
  }
  const own = keyPath(dir, text)
  const isFile = [own, text].some((path) => path !== undefined && statSync(path, { throwIfNoEntry: false })?.isFile())
  return isFile ? all.filter((keyId) => keyId === readPublic(dir, text).keyId) : []
}

/** The one key of a role that a text means. @throws Failure as keysNamed; E_KEY: none, or several */
export function keyNamed(
  dir: string,
  text: string,
  { name, keyIds }: { name: string; keyIds: readonly string[] },
): string {
  const [key, ...more] = keysNamed(dir, text, keyIds)
  const all = keyIds.map(shortKey).join(', ')
  if (key === undefined) throw new Failure('E_KEY', `"${text}" is not one of the keys of ${name}: they are ${all}`)
  if (more.length === 0) return key
  throw new Failure('E_KEY', `"${text}" fits ${more.length + 1} keys of ${name}: give more digits of ${all}`)
}

/**
 * Keys and threshold of a role after a change.
 * @param command what changes it, as in `pimesh trust rotate NAME`.
 * @throws Failure E_KEY (a key that comes is there, one that goes is not), E_ROLE (too few keys, or too many)
 */
export function changedKeys(name: string, role: RoleKeys, change: KeysChange, command = 'trust rotate'): RoleKeys {
  const stray = change.out.find((keyId) => !role.keyIds.includes(keyId))
  if (stray !== undefined) throw new Failure('E_KEY', `the key ${shortKey(stray)} is not one of the role "${name}"`)
  const kept = role.keyIds.filter((keyId) => !change.out.includes(keyId))
  const known = change.in.find(({ keyId }) => kept.includes(keyId))
  if (known !== undefined)
    throw new Failure('E_KEY', `the key ${shortKey(known.keyId)} is one of the role "${name}" already: name another`)
  const keyIds = [...kept, ...change.in.map(({ keyId }) => keyId)]
  const threshold = change.threshold ?? role.threshold
  requireEnough(name, { keyIds, threshold }, change, command)
  return { keyIds, threshold }
}

/** Whether the keys that went were enough to sign for the role by themselves: if they were stolen, anything may have been signed. */
export function couldSign(before: RoleKeys, after: Pick<RoleKeys, 'keyIds'>): boolean {
  return before.keyIds.filter((keyId) => !after.keyIds.includes(keyId)).length >= before.threshold
}

function requireEnough(
  name: string,
  { keyIds, threshold }: RoleKeys,
  { out, threshold: asked }: KeysChange,
  command: string,
): void {
  const most = name === 'root' ? limits.documentSignatures / 2 : limits.documentSignatures
  if (threshold > most)
    throw new Failure('E_ROLE', `the role "${name}" can need ${most} signatures at most, not ${threshold}`)
  if (threshold <= keyIds.length && keyIds.length > 0) return
  const left = `the role "${name}" would have ${keyIds.length === 1 ? '1 key' : `${keyIds.length} keys`} and need ${threshold} signature${threshold === 1 ? '' : 's'}`
  if (asked !== undefined) throw new Failure('E_ROLE', `${left}: name more keys with --pub, or a lower --threshold`)
  const [gone] = out
  const replace = `rotate to a new key with "pimesh ${command} ${name}${gone === undefined ? '' : ` --out-key ${shortKey(gone)}`} --pub NEW"`
  const lower =
    keyIds.length === 0 ? '' : `, or lower the threshold with "pimesh ${command} ${name} --threshold ${keyIds.length}"`
  throw new Failure('E_ROLE', `${left}: ${replace}${lower}`)
}
