// A signed document: {signed, signatures}, and the keys that sign it. What is signed is the canonical form of `signed`.
import { hash } from 'node:crypto'
import { concat, toHex, utf8 } from '../core/bytes.ts'
import { limits } from '../core/limits.ts'
import type { RoleKeys, Signature, Signed } from '../core/trust/documents.ts'
import { canonicalBytes, documentFailure, type Json, type JsonObject } from './canonical.ts'
import { Fields } from './fields.ts'

const KEY_ID_BYTES = 32
const KEY_BYTES = 32
const SIGNATURE_BYTES = 64

/** The version of the TUF specification that our root and targets follow. */
export const SPEC_VERSION = '1.0.31'
const SPEC_MAJOR = /^1\.\d{1,4}\.\d{1,4}$/

const [SIGNATURES, SIGNED, END] = [utf8('{"signatures":'), utf8(',"signed":'), utf8('}')]

/** A key that signs documents: its keyid, and Ed25519 over bytes. */
export interface Signatory {
  keyId: string
  sign(bytes: Uint8Array): Uint8Array
}

/** SHA-256 in hex. */
export function sha256Hex(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex')
}

/** The TUF key object of a 32-byte Ed25519 public key. */
export function keyJson(publicKey: Uint8Array): JsonObject {
  return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: toHex(publicKey) } }
}

/** The keyid of a 32-byte Ed25519 public key: hex SHA-256 of its canonical key object (clause KEY). */
export function keyIdOf(publicKey: Uint8Array): string {
  return sha256Hex(canonicalBytes(keyJson(publicKey)))
}

/** Canonical bytes of a whole document, signed by each signatory; signatures in order of keyid. */
export function encodeSigned(signed: JsonObject, signatories: readonly Signatory[]): Uint8Array {
  const bytes = canonicalBytes(signed)
  const signatures = signatories
    .map(({ keyId, sign }) => ({ keyid: keyId, sig: toHex(sign(bytes)) }))
    .sort((a, b) => (a.keyid < b.keyid ? -1 : 1))
  return canonicalBytes({ signed, signatures })
}

/**
 * Reads the frame {signed, signatures} of a document and, with `read`, its content.
 * @throws Failure E_DOCUMENT: unknown fields, too many signatures, two by one keyid, or what `read` refuses.
 */
export function parseSigned<T>(json: Json, what: string, read: (signed: Json) => T): Signed<T> {
  const frame = new Fields(json, what, { required: ['signed', 'signatures'] })
  const signatures = frame.list('signatures', limits.documentSignatures).map((item) => parseSignature(item, what))
  if (new Set(signatures.map(({ keyId }) => keyId)).size !== signatures.length)
    throw documentFailure(what, 'it has two signatures by the same key')
  const signedBytes = canonicalBytes(frame.json('signed'))
  // The canonical form of the whole is that of its two fields, put together: what is signed is not gone through twice.
  const raw = concat([SIGNATURES, canonicalBytes(frame.json('signatures')), SIGNED, signedBytes, END])
  return { signed: read(frame.json('signed')), signedBytes, hash: sha256Hex(signedBytes), signatures, raw }
}

function parseSignature(json: Json, what: string): Signature {
  const fields = new Fields(json, `${what} (signature)`, { required: ['keyid', 'sig'] })
  return { keyId: fields.hex('keyid', KEY_ID_BYTES), signature: fields.bytes('sig', SIGNATURE_BYTES) }
}

/** The `keys` of a root or targets document: keyid -> 32-byte public key. A keyid that is not its key's hash is refused. */
export function parseKeys(fields: Fields): Map<string, Uint8Array> {
  const keys = new Map<string, Uint8Array>()
  for (const [keyId, json] of fields.entries('keys', limits.documentKeys)) {
    const key = new Fields(json, `${fields.what} (key)`, { required: ['keytype', 'scheme', 'keyval'] })
    key.literal('keytype', 'ed25519')
    key.literal('scheme', 'ed25519')
    const value = new Fields(key.json('keyval'), `${fields.what} (key)`, { required: ['public'] })
    const publicKey = value.bytes('public', KEY_BYTES)
    if (keyIdOf(publicKey) !== keyId) throw documentFailure(fields.what, 'a keyid is not the hash of its key')
    keys.set(keyId, publicKey)
  }
  return keys
}

/** The keyids and threshold of a role. The threshold can be met: it counts different public keys that the document lists. */
export function parseRole(fields: Fields, keys: ReadonlyMap<string, Uint8Array>): RoleKeys {
  const keyIds = parseKeyIds(fields, 'keyids', keys)
  const different = new Set(keyIds.map((keyId) => toHex(keys.get(keyId) as Uint8Array)))
  return { keyIds, threshold: fields.integer('threshold', 1, different.size) }
}

/** A list of different keyids that the document lists. */
export function parseKeyIds(fields: Fields, key: string, keys: ReadonlyMap<string, Uint8Array>): string[] {
  return fields.texts(key, limits.documentKeys, (keyId) => keys.has(keyId), 'keyids listed in "keys"')
}

export function keysJson(keys: ReadonlyMap<string, Uint8Array>): JsonObject {
  return Object.fromEntries([...keys].map(([keyId, key]) => [keyId, keyJson(key)]))
}

export function roleJson(role: RoleKeys): JsonObject {
  return { keyids: [...role.keyIds], threshold: role.threshold }
}

/** TUF's rule: any version of the specification with our major number. */
export function requireSpecVersion(fields: Fields): void {
  if (!SPEC_MAJOR.test(fields.text('spec_version', 16))) fields.fail('spec_version', `like "${SPEC_VERSION}"`)
}
