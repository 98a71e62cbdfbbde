// The data folder: what a node was given when it joined (mesh/), its state (db/) and the socket of the local API.
// mesh/ appears whole, by one rename, or not at all, and goes so; db/ never outlives the mesh that it is about.
import { constants } from 'node:fs'
import { access, mkdir, mkdtemp, open, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure } from '../core/failure.ts'
import type { Contact } from '../core/protocols.ts'
import type { Membership, RootDocument } from '../core/trust/documents.ts'
import { parseMembership } from '../wire/membership.ts'
import { parseRoot } from '../wire/root.ts'
import type { Token } from '../wire/token.ts'

export interface Joined {
  mesh: string
  /** 32-byte Ed25519 seed of the node's key. */
  secret: Uint8Array
  membership: Membership
  /** The membership of the member that we met first, who countersigned ours. */
  witness?: Membership | undefined
  roots: readonly RootDocument[]
  /** No older root is ever accepted. */
  rootFloor: number
  /** Nor an older targets document, nor an older announcement of these roles. */
  floors: Token['floors']
  /** Multiaddrs with /p2p/ID from the invite. */
  via: readonly string[]
  /** Members that the first one met told us about. */
  contacts: readonly Contact[]
}

interface Facts {
  format: 1
  mesh: string
  rootFloor: number
  /** Absent in folders that joined before there were announcements. */
  floors?: Joined['floors']
  via: readonly string[]
  contacts: readonly Contact[]
}

export const paths = (data: string) => ({
  mesh: join(data, 'mesh'),
  db: join(data, 'db'),
  socket: join(data, 'api.sock'),
  /** Encodings: the files that pieces are written to and served from. */
  artifacts: join(data, 'artifacts'),
  /** The key of a join that was shown to a member and did not end yet. */
  joiningKey: join(data, 'joining.key'),
})

/** What joining writes until it is renamed, and what leaving removes after it was renamed: both hold a node's key. */
const JOINING = '.joining-'
const LEAVING = '.leaving-'

export async function hasJoined(data: string): Promise<boolean> {
  return access(paths(data).mesh).then(
    () => true,
    () => false,
  )
}

/** Removes what a join or leave left behind that was interrupted. Of a folder that has not joined, only what leaving left. */
export async function sweep(data: string): Promise<void> {
  const joined = await hasJoined(data)
  await removeAll(data, joined ? [LEAVING, JOINING] : [LEAVING])
  if (joined) await rm(paths(data).joiningKey, { force: true })
}

async function removeAll(data: string, prefixes: readonly string[]): Promise<void> {
  const names = await readdir(data).catch(() => [])
  const stale = names.filter((name) => prefixes.some((prefix) => name.startsWith(prefix)))
  for (const name of stale) await rm(join(data, name), { recursive: true, force: true })
}

/** Fails with one sentence when this user cannot write into the folder, or cannot make it. Leaves everything as it was. */
export async function needWritable(data: string): Promise<void> {
  const made = await makeFolder(data)
  try {
    await access(data, constants.R_OK | constants.W_OK | constants.X_OK)
    await rm(await mkdtemp(join(data, '.write-test-')), { recursive: true })
  } catch (cause) {
    throw notWritable(data, cause)
  } finally {
    await made.undo()
  }
}

/** Makes the folder and its parents where they are missing; `undo` removes those again that are still empty. */
async function makeFolder(data: string): Promise<{ undo: () => Promise<void> }> {
  const first = await mkdir(data, { recursive: true, mode: 0o750 }).catch((cause) => {
    throw notWritable(data, cause)
  })
  const undo = async () => {
    for (let folder = data; first !== undefined && folder.length >= first.length; folder = dirname(folder)) {
      if (!(await removed(folder))) return
    }
  }
  return { undo }
}

/** True when the folder was empty, and is gone. */
async function removed(folder: string): Promise<boolean> {
  return rmdir(folder).then(
    () => true,
    () => false,
  )
}

/** One sentence for what the file system refused. */
export function notWritable(data: string, cause: unknown): Failure {
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause)
  const full = reason === 'ENOSPC' || reason === 'EDQUOT'
  const advice = full
    ? 'free some space on its disk, or choose another folder with --data'
    : 'choose another folder with --data, or give this user the right to write there'
  return new Failure('E_DATA_WRITE', `the data folder ${data} is not writable (${reason}): ${advice}`, { cause })
}

/** Writes what joining gave, atomically. Fails with E_JOINED when the folder belongs to a mesh already. */
export async function writeJoined(data: string, joined: Joined): Promise<void> {
  const made = await makeFolder(data)
  await removeAll(data, [JOINING, LEAVING])
  const temporary = await mkdtemp(join(data, JOINING)).catch((cause) => {
    throw notWritable(data, cause)
  })
  try {
    const { mesh, rootFloor, floors, via, contacts } = joined
    const facts: Facts = { format: 1, mesh, rootFloor, floors, via, contacts }
    await writeSynced(join(temporary, 'node.key'), `${Buffer.from(joined.secret).toString('hex')}\n`, 0o600)
    await writeSynced(join(temporary, 'membership.json'), joined.membership.raw, 0o640)
    await writeSynced(join(temporary, 'joined.json'), `${JSON.stringify(facts, undefined, 2)}\n`, 0o640)
    if (joined.witness !== undefined) await writeSynced(join(temporary, 'witness.json'), joined.witness.raw, 0o640)
    for (const root of joined.roots)
      await writeSynced(join(temporary, `root-${root.signed.version}.json`), root.raw, 0o640)
    await syncFolder(temporary)
    // State without a mesh is left over from an interrupted leave. It must be gone before there is a mesh again.
    if (await hasJoined(data)) throw alreadyJoined(data)
    await rm(paths(data).db, { recursive: true, force: true })
    await syncFolder(data)
    await rename(temporary, paths(data).mesh)
    await syncFolder(data)
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true })
    await made.undo()
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOTEMPTY' || code === 'EEXIST') throw alreadyJoined(data)
    throw code === undefined || cause instanceof Failure ? cause : notWritable(data, cause)
  }
}

export function alreadyJoined(data: string): Failure {
  const advice = 'use "pimesh up" to start it, or "pimesh leave" first to join another mesh'
  return new Failure('E_JOINED', `the folder ${data} has joined a mesh already: ${advice}`)
}

/** Reads what joining wrote. E_NOT_JOINED when there is nothing, E_STATE when it is damaged. */
export async function readJoined(data: string): Promise<Joined> {
  const folder = paths(data).mesh
  if (!(await hasJoined(data))) {
    throw new Failure(
      'E_NOT_JOINED',
      `the folder ${data} has not joined a mesh: run "pimesh join TOKEN" first, or name the right folder with --data`,
    )
  }
  try {
    const facts = JSON.parse(await readFile(join(folder, 'joined.json'), 'utf8')) as Facts
    const secret = Buffer.from((await readFile(join(folder, 'node.key'), 'utf8')).trim(), 'hex')
    if (facts.format !== 1 || secret.length !== 32) throw new Error('not in the format of this version')
    const membership = parseMembership(await readFile(join(folder, 'membership.json')))
    const witness = await readWitness(folder)
    const { mesh, rootFloor, floors = { targets: 0, roles: [] }, via, contacts } = facts
    return {
      mesh,
      secret: Uint8Array.from(secret),
      membership,
      witness,
      roots: await readRoots(folder),
      rootFloor,
      floors,
      via,
      contacts,
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const advice = 'restore it from a copy, or remove it and join again with a new invite'
    throw new Failure('E_STATE', `${folder} is damaged (${reason}): ${advice}`, { cause })
  }
}

/**
 * Removes everything that ties the folder to its mesh: key, membership, state and what was fetched; what is installed stays in use. The membership goes at once, by a rename:
 * killed at any point, the folder is either joined or not, and what is left is removed by the next join or start.
 */
export async function wipe(data: string): Promise<void> {
  const { mesh, db, artifacts } = paths(data)
  await rename(mesh, await mkdtemp(join(data, LEAVING)))
  await syncFolder(data)
  await removeAll(data, [LEAVING])
  await rm(db, { recursive: true, force: true })
  await rm(artifacts, { recursive: true, force: true })
  await syncFolder(data)
}

/** Absent for the first node of a mesh. */
async function readWitness(folder: string): Promise<Membership | undefined> {
  const names = await readdir(folder)
  return names.includes('witness.json') ? parseMembership(await readFile(join(folder, 'witness.json'))) : undefined
}

async function readRoots(folder: string): Promise<RootDocument[]> {
  const names = (await readdir(folder)).filter((name) => /^root-\d+\.json$/.test(name))
  const roots = await Promise.all(names.map(async (name) => parseRoot(await readFile(join(folder, name)))))
  return roots.sort((a, b) => a.signed.version - b.signed.version)
}

async function writeSynced(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
