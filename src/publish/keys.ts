// Key files by themselves: new ones, what the keys of a mesh's folder are for, and a passphrase put on or taken off.
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { toHex } from '../core/bytes.ts'
import { Failure } from '../core/failure.ts'
import { newSecret } from '../keys/ed25519.ts'
import { type KeyFile, writeKeyFile } from '../keys/key-file.ts'
import { publisherRoles } from './delegations.ts'
import { keyFiles, type Mesh, readKey, writing } from './mesh.ts'

export type { KeyFile } from '../keys/key-file.ts'
export { readKey } from './mesh.ts'

/** Names of files that no shell, and no other system, takes for anything else. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** A public key as people hand it over (clause KEYFILE 5). */
export function publicText({ publicKey }: Pick<KeyFile, 'publicKey'>): string {
  return `ed25519:${toHex(publicKey)}`
}

/** The file in a mesh's folder that holds the key of this name; undefined for what cannot be one. */
export function keyPath(dir: string, name: string): string | undefined {
  return NAME.test(name) ? join(resolve(dir), 'keys', `${name.replace(/\.key$/, '')}.key`) : undefined
}

/** Where a new key goes: into the mesh's folder under its name, or to `out`, which is a file or a folder. @throws Failure E_USAGE, E_DATA_WRITE */
export function newKeyPath(place: { mesh: Mesh } | { out: string }, name: string | undefined): string {
  const out = 'out' in place ? resolve(place.out) : place.mesh.dir
  if ('out' in place && !isFolder(out)) {
    if (isFolder(dirname(out))) return out
    throw new Failure('E_DATA_WRITE', `there is no folder ${dirname(out)}: make it, or give another place`)
  }
  if (name === undefined) throw new Failure('E_USAGE', 'name the key, as in "pimesh keys new alice"')
  const path = keyPath(out, name)
  if (path !== undefined) return 'out' in place ? join(out, basename(path)) : path
  throw new Failure('E_USAGE', `"${name}" cannot name a key: use letters, digits, ".", "_" and "-", at most 64 of them`)
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/** Refuses what `newKey` would refuse, before a passphrase is asked for. @throws Failure E_KEY */
export function requireNoKey(path: string): void {
  if (existsSync(path)) throw exists(path)
}

/** Makes a key in a new file. @throws Failure E_KEY (there is such a file), E_DATA_WRITE */
export function newKey(path: string, passphrase: string | undefined): KeyFile {
  requireNoKey(path)
  try {
    writing(dirname(path), () => {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      writeKeyFile(path, newSecret(), { passphrase, fresh: true })
    })
  } catch (error) {
    const cause = error instanceof Failure ? (error.cause as NodeJS.ErrnoException | undefined) : undefined
    throw cause?.code === 'EEXIST' ? exists(path) : error
  }
  return readKey(path)
}

function exists(path: string): Failure {
  return new Failure('E_KEY', `${path} exists already, and no key is written over another: choose another name`)
}

/** Writes an unlocked key again, under a passphrase or plain. @throws Failure E_DATA_WRITE, E_PASSPHRASE (it is locked) */
export function rewriteKey(key: KeyFile, passphrase: string | undefined): void {
  const { secret, path } = key
  writing(dirname(path), () => writeKeyFile(path, secret, { passphrase }))
}

/** What a key is for in a mesh: `root`, `targets`, `enrol`, `enrol (retired)`, `publisher acme`; nothing for a stranger. */
function rolesOf({ keyId }: Pick<KeyFile, 'keyId'>, mesh: Mesh): string[] {
  const { roles, enrolment } = mesh.root.signed
  const own = (['root', 'targets', 'enrol', 'beacon'] as const).filter((role) => roles[role]?.keyIds.includes(keyId))
  const retired = enrolment.retired.includes(keyId) ? ['enrol (retired)'] : []
  const publishes = publisherRoles(mesh).filter(({ keyIds }) => keyIds.includes(keyId))
  return [...own, ...retired, ...publishes.map(({ name }) => `publisher ${name}`)]
}

/** The key files of a mesh's folder with what they are for, in order of their files. @throws Failure E_KEY, E_STATE */
export function listKeys(mesh: Mesh): { key: KeyFile; roles: string[] }[] {
  return keyFiles(mesh).map((key) => ({ key, roles: rolesOf(key, mesh) }))
}
