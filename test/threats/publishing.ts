// What the owner and the publishers of a fleet sign, by hand where the commands would refuse to: every key of a publisher follows
// from its name, and artifacts follow from theirs.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DAY } from '../../src/core/limits.ts'
import type { AnnouncementDocument, Encoding, Head } from '../../src/core/trust/announcement.ts'
import type { Delegation, TargetsDocument } from '../../src/core/trust/documents.ts'
import { headOf } from '../../src/core/trust/registers.ts'
import type { InstallHereJson, ReleaseJson, SubmittedJson } from '../../src/daemon/api-types.ts'
import { sha256 } from '../../src/keys/ed25519.ts'
import { type MeshKey, meshKeys } from '../../src/publish/mesh.ts'
import type { ReleaseTerms } from '../../src/wire/release.ts'
import { encodeSigned, sha256Hex } from '../../src/wire/signed.ts'
import { parseTargets, targetsJson } from '../../src/wire/targets.ts'
import { announcementOf, delegationOf, identityOf, keyOf, releaseOf } from '../fixtures/documents.ts'
import { type Fleet, type Member, until } from './fleet.ts'

/** The path that tests publish under, and the file that is installed there. */
export const PATH = 'acme/agent'
const FILE = 'agent'
const EXPIRES = Date.now() + 90 * DAY

export interface Artifact {
  bytes: Uint8Array
  /** Hex SHA-256 of the bytes. */
  hash: string
  encoding: Encoding
  /** Its piece list. */
  list: Uint8Array
}

/** Bytes that follow from a name: no two pieces of them are alike. */
export function artifactOf(name: string, length = 1_000): Artifact {
  const bytes = new Uint8Array(length)
  const blocks = new DataView(bytes.buffer)
  let state = new DataView(sha256(Buffer.from(name)).buffer).getUint32(0)
  for (let at = 0; at + 4 <= length; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    blocks.setUint32(at, state)
  }
  return { bytes, hash: sha256Hex(bytes), ...identityOf(bytes) }
}

/** A release of that artifact for every node. */
export function releaseFor({ hash, bytes, encoding }: Artifact, changes: Partial<ReleaseTerms> = {}): ReleaseTerms {
  return releaseOf({ artifact: { hash, length: bytes.length }, encodings: [encoding], ...changes })
}

/** The targets key of the fleet's owner. */
export function ownerKey({ mesh }: Fleet): MeshKey {
  const [keyId] = mesh.root.signed.roles.targets.keyIds
  return meshKeys(mesh).get(keyId as string) as MeshKey
}

/** The owner's targets document with these roles, whose keys are those of `keys`. */
export function targetsFor(
  fleet: Fleet,
  terms: { version?: number; roles?: Delegation[]; keys?: string[]; by?: MeshKey } = {},
): TargetsDocument {
  const { version = 2, roles = [delegationOf()], keys = ['publisher'], by = ownerKey(fleet) } = terms
  const listed = new Map(keys.map((name) => [keyOf(name).keyId, keyOf(name).publicKey]))
  return parseTargets(encodeSigned(targetsJson({ version, expires: EXPIRES, keys: listed, roles }), [by]))
}

/** An announcement of this mesh; by default of the role acme, signed by `publisher`. */
export function announce(fleet: Fleet, terms: Parameters<typeof announcementOf>[0]): AnnouncementDocument {
  return announcementOf({ mesh: fleet.mesh.id, expires: EXPIRES, ...terms })
}

export function textOf({ raw }: { raw: Uint8Array }): string {
  return Buffer.from(raw).toString('utf8')
}

/** Hands in an announcement, with the bytes of its artifacts, as a publisher on the member's machine. */
export async function publish(
  member: Member,
  document: AnnouncementDocument,
  with_: { targets?: TargetsDocument; artifacts?: readonly Artifact[] } = {},
): Promise<SubmittedJson> {
  const { targets, artifacts = [] } = with_
  await until('a link', async () => (await member.status()).links.length > 0)
  for (const { encoding, bytes } of artifacts)
    await member.api.importEncoding(encoding, chunks(bytes), AbortSignal.timeout(30_000))
  return member.api.submit({ announcement: textOf(document), targets: targets === undefined ? null : textOf(targets) })
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

/** What the member holds of the publishers: which documents of which roles are in force, and the highest counters. */
export async function holdings(member: Member) {
  const { targets, roles, counters } = await member.api.publishers()
  return { targets, roles, counters }
}

/** Resolves when this document, and no other of its role, is in force. */
export async function holds(member: Member, document: AnnouncementDocument): Promise<void> {
  const { role } = document.signed
  const mine = async () => (await member.api.publishers()).roles.filter((one) => one.role === role)
  await until(
    `${member.name} holds version ${document.signed.version} of ${role}`,
    async () => (await mine()).some(({ announcement }) => announcement === textOf(document)),
    mine,
  )
}

/** The current release of a path, without asking others. */
export async function releaseAt(member: Member, path = PATH): Promise<ReleaseJson | undefined> {
  const { releases } = await member.api.releases({ local: true })
  return releases.find((release) => release.path === path)
}

/** Resolves when the current release of a path has come to this state here. */
export async function reaches(member: Member, state: string, counter: number, path = PATH): Promise<InstallHereJson> {
  return until(
    `${path} number ${counter} is ${state} at ${member.name}`,
    async () => {
      const release = await releaseAt(member, path)
      return release?.counter === counter && release.here?.state === state ? release.here : undefined
    },
    () => releaseAt(member, path),
  )
}

/** Hex SHA-256 of the file that is installed under a path; undefined when none is. */
export async function installed(member: Member, path = PATH): Promise<string | undefined> {
  const file = join(member.data, 'installed', path, 'current', FILE)
  return readFile(file).then(sha256Hex, () => undefined)
}

export const head = (document: AnnouncementDocument): Head => headOf(document)
