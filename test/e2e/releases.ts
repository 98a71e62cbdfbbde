// Releases in end-to-end tests: artifacts, how they are published, and what a node says and has of them.
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeArtifact } from '../../src/artifact/encode.ts'
import { limits } from '../../src/core/limits.ts'
import type { Encoding } from '../../src/core/trust/announcement.ts'
import type { ReleaseJson } from '../../src/daemon/api-types.ts'
import { encodingBytes } from '../../src/publish/artifact.ts'
import { keepAnnouncement } from '../../src/publish/delegations.ts'
import { openMesh } from '../../src/publish/mesh.ts'
import { makePatches } from '../../src/publish/patches.ts'
import { planRelease, signRelease } from '../../src/publish/release.ts'
import type { Fleet } from './fleet.ts'

export const MIB = 1_048_576
/** The name of the publisher in these meshes, the path that is meant where none is named, and the name of the file there. */
export const PUBLISHER = 'acme'
export const PATH = `${PUBLISHER}/agent`
export const FILE = 'agent.bin'

export interface Artifact {
  bytes: Buffer
  hash: string
}

/** Bytes that cannot be compressed: they travel as they are, and the encoding is the artifact. */
export function randomArtifact(length: number): Artifact {
  const bytes = randomBytes(length)
  return { bytes, hash: sha256(bytes) }
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Makes the mesh of a fleet, in the folder `mesh`. */
export async function initMesh(fleet: Fleet): Promise<void> {
  await fleet.done('init', '--name', PUBLISHER, '--mesh', fleet.path('mesh'))
}

/** A peer that nobody hears refuses to publish, and one that was just started may not be linked yet. */
async function linked(fleet: Fleet, peer: string): Promise<void> {
  await fleet.until(`${peer} is linked`, 60_000, async () => (await fleet.client(peer).status()).links.length > 0)
}

/** Publishes by the command, through the peer of the folder `peer`; without patches, since random bytes have none that is of use. */
export async function publish(
  fleet: Fleet,
  peer: string,
  { bytes, hash }: Artifact,
  to: string,
  path = PATH,
): Promise<void> {
  const file = fleet.path(`${hash}.artifact`)
  await writeFile(file, bytes)
  const places = ['--mesh', fleet.path('mesh'), '--data', fleet.path(peer)]
  await linked(fleet, peer)
  await fleet.done('publish', file, '--name', path, '--file', FILE, '--to', to, '--no-wait', '--no-patch', ...places)
}

/**
 * What the command does, in this process and so without its start: for who publishes twenty times.
 * @param from also as a patch from this artifact
 * @returns the counter, and the encodings, the whole first
 */
export async function publishQuickly(
  fleet: Fleet,
  peer: string,
  { bytes }: Artifact,
  to: string,
  from?: Artifact,
): Promise<{ counter: number; encodings: Encoding[] }> {
  const [mesh, client] = [openMesh(fleet.path('mesh')), fleet.client(peer)]
  const installer = { type: 'file', file: FILE, executable: false } as const
  await linked(fleet, peer)
  const plan = planRelease(mesh, await client.publishers(), { path: PATH, to, installer }, Date.now())
  const into = fleet.path('encodings')
  await mkdir(into, { recursive: true })
  await writeFile(join(into, FILE), bytes)
  const { signal } = new AbortController()
  const encoded = await encodeArtifact({ file: join(into, FILE), into, signal })
  const base = join(into, 'base')
  if (from !== undefined) await writeFile(base, from.bytes)
  const bases = from === undefined ? [] : [{ name: 'the one before', file: base }]
  const { patches } = await makePatches(bases, { file: join(into, FILE), encoded, into, signal })
  for (const one of [encoded, ...patches]) await client.importEncoding(one.encoding, encodingBytes(one), signal)
  const { document } = signRelease(plan, { ...encoded, patches })
  await client.submit({
    announcement: text(document.raw),
    targets: plan.newTargets === undefined ? null : text(plan.newTargets.raw),
  })
  keepAnnouncement(mesh, document, 'accepted')
  await rm(into, { recursive: true })
  return { counter: plan.counter, encodings: [encoded, ...patches].map(({ encoding }) => encoding) }
}

const text = (raw: Uint8Array) => Buffer.from(raw).toString('utf8')

/** The current release of a path as a peer knows it, without asking any other. */
export async function releaseAt(fleet: Fleet, name: string, path = PATH): Promise<ReleaseJson | undefined> {
  const { releases } = await fleet.client(name).releases({ local: true })
  return releases.find((release) => release.path === path)
}

/** Bytes of this artifact's encoding that a node holds, when it is the current one. */
export async function heldBy(fleet: Fleet, name: string, { hash }: Artifact): Promise<number> {
  const release = await releaseAt(fleet, name)
  return release?.artifact.hash === hash ? (release.here?.bytes ?? 0) : 0
}

/** Waits until a node has this artifact in use for good, and holds the file against it. */
export async function committed(
  fleet: Fleet,
  name: string,
  { hash }: Artifact,
  bound: number,
  path = PATH,
): Promise<void> {
  const file = await fleet.until(`${name} has committed ${path}`, bound, async () => {
    // A daemon that is busy may not answer in time: the bound is what counts.
    const release = await releaseAt(fleet, name, path).catch(() => undefined)
    const isThis = release?.artifact.hash === hash && release.here?.state === 'committed'
    return isThis && (release.here?.installedAt ?? undefined)
  })
  const found = sha256(await readFile(file))
  if (found !== hash) throw new Error(`${name} has ${found} in use as ${file} instead of ${hash}`)
}

/** SHA-256 of the file under `current` on a node, running or not; undefined when there is none. */
export async function inUse(fleet: Fleet, name: string): Promise<string | undefined> {
  const bytes = await readFile(fleet.path(name, 'installed', PATH, 'current', FILE)).catch((error) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  })
  return bytes === undefined ? undefined : sha256(bytes)
}

export function hasInstalled(fleet: Fleet, name: string): boolean {
  return existsSync(fleet.path(name, 'installed'))
}

/** The pieces of an artifact that travels as it is which are right in the store of a node that does not run. */
export async function piecesOnDisk(fleet: Fleet, name: string, { bytes }: Artifact): Promise<Set<number>> {
  const file = await fileOfLength(fleet.path(name, 'artifacts'), bytes.length)
  return file === undefined ? new Set() : rightPieces(file, bytes)
}

/** The pieces of a file that are those of `bytes`, which has pieces of the least length. */
export function rightPieces(file: Buffer, bytes: Buffer): Set<number> {
  const pieces = new Set<number>()
  for (let at = 0; at < bytes.length; at += limits.pieceBytesMin) {
    const end = Math.min(at + limits.pieceBytesMin, bytes.length)
    if (file.subarray(at, end).equals(bytes.subarray(at, end))) pieces.add(at / limits.pieceBytesMin)
  }
  return pieces
}

/** A file of the store is as long as its encoding from the first moment. */
async function fileOfLength(folder: string, length: number): Promise<Buffer | undefined> {
  for (const name of existsSync(folder) ? await readdir(folder) : []) {
    const path = join(folder, name)
    if ((await stat(path)).size === length) return await readFile(path)
  }
  return undefined
}
