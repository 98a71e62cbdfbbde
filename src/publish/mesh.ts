// A mesh on its owner's disk: the keys and signed documents that `init` makes and every offline command opens.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { DAY, limits } from '../core/limits.ts'
import type { Root, RootDocument, Targets } from '../core/trust/documents.ts'
import { walkRoots } from '../core/trust/roots.ts'
import { syncFolder, writeAtomic } from '../keys/atomic-file.ts'
import { makeSigner, newSecret, type RandomBytes, verifyStrict } from '../keys/ed25519.ts'
import { type KeyFile, readKeyFile, writeKeyFile } from '../keys/key-file.ts'
import { parseRoot, rootJson } from '../wire/root.ts'
import { encodeSigned, keyIdOf, type Signatory } from '../wire/signed.ts'
import { roleNameProblem, takenNameProblem, targetsJson } from '../wire/targets.ts'

const KEY_NAMES = ['root', 'targets', 'enrol', 'publisher'] as const
const DOCUMENT_MODE = 0o644

/** An opened mesh folder. */
export interface Mesh {
  dir: string
  /** Hex mesh id. */
  id: string
  /** Every root from version 1, each verified against the one before it. */
  roots: readonly RootDocument[]
  /** The newest. */
  root: RootDocument
}

export interface InitOptions {
  /** Folder to make; its parents are made too. It must not exist, or be empty. */
  dir: string
  /** Name of the first publisher's role, which may announce `NAME/...`; default `publisher`. */
  name?: string | undefined
  /** Days until the root and targets documents expire; default a year. */
  rootLifetimeDays?: number | undefined
  /** Encrypts the key files; they are plain without it. */
  passphrase?: string | undefined
}

/** A key that signs documents: a secret that is at hand, or a key file, which may have to be unlocked before. */
export interface MeshKey extends Signatory {
  publicKey: Uint8Array
}

/**
 * Makes a new mesh: keys, root version 1 and targets version 1. The folder appears complete or not at all.
 * @param now wall time in ms.
 * @throws Failure E_MESH_EXISTS, E_USAGE (name, lifetime), E_ROLE (name), E_DATA_WRITE.
 */
export function initMesh(options: InitOptions, now: Millis, random?: RandomBytes): Mesh {
  const { dir, name, lifetime } = readInit(options)
  const { passphrase } = options
  const secrets = KEY_NAMES.map((key) => [key, newSecret(random)] as const)
  writing(dir, () =>
    writeWhole(dir, (folder) => writeMesh(folder, new Map(secrets), { name, now, lifetime, passphrase })),
  )
  return openMesh(dir)
}

/** What `initMesh` will do, or why it will not. @throws Failure E_MESH_EXISTS, E_USAGE, E_ROLE */
export function readInit(options: InitOptions): { dir: string; name: string; lifetime: Millis } {
  const dir = resolve(options.dir)
  const name = options.name ?? 'publisher'
  const wrong = roleNameProblem(name)
  if (wrong !== undefined) throw new Failure('E_USAGE', `"${name}" cannot name a publisher: ${wrong}.`)
  const taken = takenNameProblem(name)
  if (taken !== undefined) throw new Failure('E_ROLE', `"${name}" cannot name a publisher: ${taken}`)
  const lifetime = (options.rootLifetimeDays ?? limits.rootLifetime / DAY) * DAY
  if (!(lifetime >= DAY && lifetime <= limits.lifetimeMax))
    throw new Failure('E_USAGE', `A root must last 1 to ${limits.lifetimeMax / DAY} days.`)
  requireFree(dir)
  return { dir, name, lifetime }
}

/** Opens a mesh folder and verifies its roots. @throws Failure E_NO_MESH, E_ROOT_INVALID */
export function openMesh(dir: string): Mesh {
  const folder = resolve(dir)
  const roots: RootDocument[] = []
  for (let version = 1; existsSync(rootPath(folder, version)); version++)
    roots.push(readRoot(rootPath(folder, version), version))
  const first = roots[0]
  if (first === undefined)
    throw new Failure('E_NO_MESH', `There is no mesh in ${folder}; make one with "pimesh init", or give its folder.`)
  const { root, problem } = walkRoots(undefined, roots, { mesh: first.hash }, { verifyStrict })
  if (root === undefined || problem !== undefined)
    throw new Failure(
      'E_ROOT_INVALID',
      `The roots in ${folder} do not hold: ${problem}. Restore them from your backup.`,
    )
  return { dir: folder, id: first.hash, roots, root }
}

/** The key files in the folder, in order of their names; encrypted ones are locked. @throws Failure E_KEY, E_STATE */
export function keyFiles(mesh: Pick<Mesh, 'dir'>): KeyFile[] {
  const folder = join(mesh.dir, 'keys')
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.key')) : []
  return files.sort().map((file) => readKey(join(folder, file)))
}

/** The keys in the folder by keyid, of two files with one key the plain one. Owners may keep some elsewhere. @throws Failure as keyFiles */
export function meshKeys(mesh: Pick<Mesh, 'dir'>): Map<string, KeyFile> {
  const files = keyFiles(mesh).sort((a, b) => Number(b.encrypted) - Number(a.encrypted))
  return new Map(files.map((key) => [key.keyId, key]))
}

/** One key file, locked when it is encrypted. @throws Failure E_KEY (it cannot be read, or is none), E_STATE (damaged) */
export function readKey(path: string): KeyFile {
  try {
    return readKeyFile(path)
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    const { code } = cause as NodeJS.ErrnoException
    throw new Failure('E_KEY', `the key file ${path} cannot be read (${code}): check its path and permissions`, {
      cause,
    })
  }
}

/** Readies a 32-byte seed for signing documents. */
export function meshKey(seed: Uint8Array): MeshKey {
  const { publicKey, sign } = makeSigner(seed)
  return { publicKey, sign, keyId: keyIdOf(publicKey) }
}

export function rootPath(dir: string, version: number): string {
  return join(dir, 'root', `${version}.json`)
}

/** Runs what writes into `dir`; the system's refusal becomes one sentence. @throws Failure E_DATA_WRITE */
export function writing<T>(dir: string, write: () => T): T {
  try {
    return write()
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause) || cause instanceof Failure) throw cause
    const hint = 'check its permissions and the space on its disk'
    throw new Failure('E_DATA_WRITE', `Cannot write to ${dir} (${cause.code}); ${hint}.`, { cause })
  }
}

/**
 * Runs what writes into one of the folders of a mesh, which is made when it is missing, and gone again when nothing could be written.
 * @throws Failure E_DATA_WRITE
 */
export function writingInto({ dir }: Pick<Mesh, 'dir'>, name: string, write: (folder: string) => void): void {
  const folder = join(dir, name)
  writing(dir, () => {
    const isNew = mkdirSync(folder, { recursive: true }) !== undefined
    try {
      write(folder)
    } catch (error) {
      if (isNew && isEmptyFolder(folder)) rmdirSync(folder)
      throw error
    }
  })
}

function readRoot(path: string, version: number): RootDocument {
  try {
    const document = parseRoot(readFileSync(path))
    if (document.signed.version === version) return document
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause
  }
  throw new Failure('E_ROOT_INVALID', `${path} is damaged; restore it from your backup.`)
}

function requireFree(dir: string): void {
  if (dir === process.cwd())
    throw new Failure('E_USAGE', 'A mesh needs a folder of its own; give the name of a new one.')
  if (existsSync(dir) && !isEmptyFolder(dir))
    throw new Failure('E_MESH_EXISTS', `${dir} exists already; give another folder, or remove it first.`)
}

function isEmptyFolder(path: string): boolean {
  try {
    return readdirSync(path).length === 0
  } catch {
    return false
  }
}

/** Fills a folder beside `dir` and renames it, so that an interrupted start leaves nothing half-made under the name. */
function writeWhole(dir: string, fill: (folder: string) => void): void {
  const parent = dirname(dir)
  mkdirSync(parent, { recursive: true })
  const temporary = mkdtempSync(join(parent, '.pimesh-init-'))
  try {
    fill(temporary)
    renameSync(temporary, dir)
    syncFolder(parent)
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

function writeMesh(
  folder: string,
  secrets: ReadonlyMap<(typeof KEY_NAMES)[number], Uint8Array>,
  terms: { name: string; now: Millis; lifetime: Millis; passphrase: string | undefined },
): void {
  const [root, targets, enrol, publisher] = KEY_NAMES.map((name) => meshKey(secrets.get(name) as Uint8Array))
  if (!root || !targets || !enrol || !publisher) throw new Error('a key of the mesh is missing')
  const expires = terms.now + terms.lifetime
  mkdirSync(join(folder, 'keys'), { mode: 0o700 })
  const { passphrase } = terms
  for (const [name, secret] of secrets) writeKeyFile(join(folder, 'keys', `${name}.key`), secret, { passphrase })
  const signedRoot = encodeSigned(rootJson(firstRoot({ root, targets, enrol }, terms.now, expires)), [root])
  const signedTargets = encodeSigned(targetsJson(firstTargets(publisher, terms.name, expires)), [targets])
  for (const [kind, bytes] of [['root', signedRoot] as const, ['targets', signedTargets] as const]) {
    mkdirSync(join(folder, kind))
    writeAtomic(join(folder, kind, '1.json'), bytes, DOCUMENT_MODE)
  }
}

function firstRoot(keys: Record<'root' | 'targets' | 'enrol', MeshKey>, issued: Millis, expires: Millis): Root {
  const role = (key: MeshKey) => ({ keyIds: [key.keyId], threshold: 1 })
  return {
    version: 1,
    issued,
    expires,
    keys: new Map(Object.values(keys).map((key) => [key.keyId, key.publicKey])),
    roles: { root: role(keys.root), targets: role(keys.targets), enrol: role(keys.enrol) },
    enrolment: { epoch: 1, retired: [], zones: new Map() },
  }
}

function firstTargets(publisher: MeshKey, name: string, expires: Millis): Targets {
  const { keyId, publicKey } = publisher
  const role = { name, keyIds: [keyId], threshold: 1, paths: [`${name}/*`], terminating: true, epoch: 1 }
  return { version: 1, expires, keys: new Map([[keyId, publicKey]]), roles: [role] }
}
