// A key file: one Ed25519 secret as JSON, readable by its owner only, plain or under a passphrase. Its public half stands there in
// clear, so that a key can be found and named while it is locked (clause KEYFILE).
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { keyIdOf, type Signatory } from '../wire/signed.ts'
import { writeAtomic, writeNew } from './atomic-file.ts'
import { makeSigner, publicKeyOf, type Signer } from './ed25519.ts'
import { parseSealed, type ScryptCost, type SealedSecret, seal, unseal } from './sealed-secret.ts'

const PLAIN = 'pimesh-ed25519'
const ENCRYPTED = 'pimesh-ed25519-encrypted'
const KEY_BYTES = 32
const MODE = 0o600

export interface WriteOptions {
  /** Encrypts it. */
  passphrase?: string | undefined
  /** Writes no file over another one: EEXIST. */
  fresh?: boolean
  /** What unlocking it takes; default 64 MiB and a second on a Pi. */
  cost?: ScryptCost
}

/** Writes a 32-byte seed to `path`, whole or not at all, with mode 0600. @throws the system's error */
export function writeKeyFile(path: string, seed: Uint8Array, options: WriteOptions = {}): void {
  const { passphrase, cost, fresh = false } = options
  const shown = hex(publicKeyOf(seed))
  const beside = { type: ENCRYPTED, public: shown }
  const json =
    passphrase === undefined
      ? { type: PLAIN, public: shown, secret: hex(seed) }
      : { ...beside, ...seal(seed, passphrase, beside, cost) }
  const write = fresh ? writeNew : writeAtomic
  write(path, Buffer.from(`${JSON.stringify(json, null, 2)}\n`), MODE)
}

/** A key file that was read. It signs once it is unlocked; a plain one is from the start. */
export class KeyFile implements Signatory {
  readonly path: string
  readonly keyId: string
  readonly publicKey: Uint8Array
  readonly encrypted: boolean
  /** Others than its owner may read the file. */
  readonly exposed: boolean
  readonly #sealed: SealedSecret | undefined
  #open: { secret: Uint8Array; signer: Signer } | undefined

  constructor(path: string, content: Content, exposed: boolean) {
    this.path = path
    this.exposed = exposed
    this.publicKey = content.publicKey
    this.keyId = keyIdOf(content.publicKey)
    this.encrypted = 'sealed' in content
    if ('sealed' in content) this.#sealed = content.sealed
    else this.#open = { secret: content.secret, signer: makeSigner(content.secret) }
  }

  get locked(): boolean {
    return this.#open === undefined
  }

  /** Takes about 0.2 s on a laptop and 1 s on a Pi. @throws Failure E_PASSPHRASE */
  unlock(passphrase: string): void {
    if (this.#sealed === undefined) return
    const beside = { type: ENCRYPTED, public: hex(this.publicKey) }
    const secret = unseal(this.#sealed, passphrase, beside)
    const signer = secret === undefined ? undefined : makeSigner(secret)
    if (secret === undefined || signer === undefined || hex(signer.publicKey) !== beside.public)
      throw new Failure('E_PASSPHRASE', `this is not the passphrase of ${this.path}, or the file is damaged`)
    this.#open = { secret, signer }
  }

  /** The 32-byte seed. @throws Failure E_PASSPHRASE while it is locked */
  get secret(): Uint8Array {
    return this.#opened().secret
  }

  /** @throws Failure E_PASSPHRASE while it is locked */
  readonly sign = (bytes: Uint8Array): Uint8Array => this.#opened().signer.sign(bytes)

  #opened(): { secret: Uint8Array; signer: Signer } {
    if (this.#open !== undefined) return this.#open
    throw new Failure('E_PASSPHRASE', `${this.path} is encrypted, and signs only with its passphrase`)
  }
}

type Content = { publicKey: Uint8Array; secret: Uint8Array } | { publicKey: Uint8Array; sealed: SealedSecret }

/**
 * Reads a key file; one that is encrypted stays locked.
 * @throws Failure E_KEY when it is no key file, E_STATE when it is damaged, or would take too much to unlock; the system's error when
 *   it cannot be read.
 */
export function readKeyFile(path: string): KeyFile {
  const file = readSmallFile(path)
  if (file === undefined || !file.text.includes(PLAIN)) {
    const advice = 'give one that "pimesh init" or "pimesh keys new" made, or restore it from your backup'
    throw new Failure('E_KEY', `${path} is no key file: ${advice}`)
  }
  const content = parseKeyFile(file.text)
  if (content === 'tooCostly')
    throw new Failure(
      'E_STATE',
      `The key file ${path} asks for more memory or time than pimesh spends on unlocking one; restore it from your backup, or update pimesh.`,
    )
  if (content !== undefined) return new KeyFile(path, content, file.exposed)
  throw new Failure('E_STATE', `The key file ${path} is damaged; restore it from your backup.`)
}

/** Undefined for what is no regular file, or too long: a pipe may never have anything to read, a device never an end. */
function readSmallFile(path: string): { text: string; exposed: boolean } | undefined {
  // Without O_NONBLOCK, opening a named pipe waits for somebody to write to it.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(file)
    if (!stats.isFile() || stats.size > limits.keyFileBytes) return undefined
    return { text: readFileSync(file, 'utf8'), exposed: (stats.mode & 0o077) !== 0 }
  } finally {
    closeSync(file)
  }
}

function parseKeyFile(text: string): Content | 'tooCostly' | undefined {
  try {
    const json: unknown = JSON.parse(text)
    if (typeof json !== 'object' || json === null) return undefined
    const fields = json as Record<string, unknown>
    const publicKey = keyBytes(fields.public)
    if (publicKey === undefined) return undefined
    if (fields.type === ENCRYPTED) {
      const sealed = parseSealed(fields, KEY_BYTES)
      return typeof sealed === 'object' ? { publicKey, sealed } : sealed
    }
    const secret = keyBytes(fields.secret)
    if (fields.type !== PLAIN || secret === undefined) return undefined
    return hex(publicKeyOf(secret)) === fields.public ? { publicKey, secret } : undefined
  } catch {
    return undefined
  }
}

function keyBytes(value: unknown): Uint8Array | undefined {
  const isKey = typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
  return isKey ? new Uint8Array(Buffer.from(value, 'hex')) : undefined
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
