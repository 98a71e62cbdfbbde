// A key file: one Ed25519 secret as JSON, readable by its owner only.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { writeAtomic } from './atomic-file.ts'
import { publicKeyOf } from './ed25519.ts'

const TYPE = 'pimesh-ed25519'
const MODE = 0o600

/** Writes a 32-byte seed to `path`, whole or not at all, with mode 0600. @throws the system's error */
export function writeKeyFile(path: string, seed: Uint8Array): void {
  const json = { type: TYPE, public: hex(publicKeyOf(seed)), secret: hex(seed) }
  writeAtomic(path, Buffer.from(`${JSON.stringify(json, null, 2)}\n`), MODE)
}

/**
 * The 32-byte seed in a key file.
 * @throws Failure E_KEY when it is no key file, E_STATE when it is damaged; the system's error when it cannot be read.
 */
export function readKeyFile(path: string): Uint8Array {
  const text = readSmallFile(path)
  if (text === undefined || !text.includes(TYPE)) {
    const advice = 'give one that "pimesh init" made, or restore it from your backup'
    throw new Failure('E_KEY', `${path} is no key file: ${advice}`)
  }
  const seed = parseKeyFile(text)
  if (seed !== undefined) return seed
  throw new Failure('E_STATE', `The key file ${path} is damaged; restore it from your backup.`)
}

/** Undefined for what is no regular file, or too long: a pipe may never have anything to read, a device never an end. */
function readSmallFile(path: string): string | undefined {
  // Without O_NONBLOCK, opening a named pipe waits for somebody to write to it.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(file)
    return stats.isFile() && stats.size <= limits.keyFileBytes ? readFileSync(file, 'utf8') : undefined
  } finally {
    closeSync(file)
  }
}

function parseKeyFile(text: string): Uint8Array | undefined {
  try {
    const json: unknown = JSON.parse(text)
    if (typeof json !== 'object' || json === null) return undefined
    const { type, public: shown, secret } = json as Record<string, unknown>
    if (type !== TYPE || typeof secret !== 'string' || !/^[0-9a-f]{64}$/.test(secret)) return undefined
    const seed = new Uint8Array(Buffer.from(secret, 'hex'))
    return hex(publicKeyOf(seed)) === shown ? seed : undefined
  } catch {
    return undefined
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
