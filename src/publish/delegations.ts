// The publishers of a mesh as its owner's folder knows them: the newest targets document, and of each role the last
// announcement that was signed here. `pending` is one that was signed and perhaps never accepted: its version and counters
// are spent all the same, since nobody can take a signature back. `prepared` is one that others were asked to sign, and counts likewise:
// keys that sign two announcements of one version freeze their role.
import { accessSync, constants, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../core/failure.ts'
import { type AnnouncementDocument, compareVersions, orderOf } from '../core/trust/announcement.ts'
import type { Delegation, Targets, TargetsDocument } from '../core/trust/documents.ts'
import { epochOf, targetsHold } from '../core/trust/roots.ts'
import { announcementHolds } from '../core/trust/rotations.ts'
import { writeAtomic } from '../keys/atomic-file.ts'
import { verifyStrict } from '../keys/ed25519.ts'
import { parseAnnouncement } from '../wire/announcement.ts'
import { parseTargets } from '../wire/targets.ts'
import type { Token } from '../wire/token.ts'
import { type Mesh, writing, writingInto } from './mesh.ts'

type Kept = 'accepted' | 'pending' | 'prepared'

const DOCUMENT_MODE = 0o644
/** Names of roles have no dots. */
const SUFFIX: Readonly<Record<Kept, string>> = {
  accepted: '.json',
  pending: '.pending.json',
  prepared: '.prepared.json',
}

/** The newest targets document in the folder, verified. @throws Failure E_STATE: there is none, it is damaged, or has to be signed anew */
export function meshTargets(mesh: Mesh): TargetsDocument {
  const targets = newestStored(mesh)
  if (isTargets(targets, mesh)) return targets
  const advice = 'they have to sign it anew: "pimesh trust renew targets"'
  throw new Failure(
    'E_STATE',
    `The targets document in ${mesh.dir} is not signed by the targets keys of its root; ${advice}.`,
  )
}

/**
 * The same when it is signed under any root of the mesh: after a change of the targets keys it waits for theirs.
 * @throws Failure E_STATE: there is none, or it is damaged
 */
export function newestStored(mesh: Mesh): TargetsDocument {
  const path = newestPath(mesh)
  const advice = 'restore it from your backup'
  if (path === undefined)
    throw new Failure('E_STATE', `No targets document is in ${join(mesh.dir, 'targets')}; ${advice}.`)
  const targets = readDocument(path, parseTargets)
  if (mesh.roots.some((root) => isTargets(targets, { root }))) return targets
  throw new Failure('E_STATE', `${path} is not signed by the targets key of this mesh; ${advice}.`)
}

/** The publishers' roles as the folder knows them; none for who may only enrol and has no targets document. @throws Failure E_STATE */
export function publisherRoles(mesh: Mesh): readonly Delegation[] {
  return newestPath(mesh) === undefined ? [] : newestStored(mesh).signed.roles
}

/** The file of the newest targets document in the folder, if there is one. */
export function newestPath(mesh: Pick<Mesh, 'dir'>): string | undefined {
  const folder = join(mesh.dir, 'targets')
  const files = existsSync(folder) ? readdirSync(folder) : []
  const [newest] = files
    .flatMap((file) => {
      const [, epoch = '1', version] = /^(?:(\d{1,10})-)?(\d{1,10})\.json$/.exec(file) ?? []
      return version === undefined ? [] : [{ file, order: [Number(epoch), Number(version)] as const }]
    })
    .sort(({ order: a }, { order: b }) => b[0] - a[0] || b[1] - a[1])
  return newest && join(folder, newest.file)
}

/** Where a targets document is kept: versions begin anew with each epoch, and nothing of an older one is written over. */
export function targetsPath(dir: string, { signed }: TargetsDocument): string {
  const epoch = epochOf(signed)
  return join(dir, 'targets', `${epoch === 1 ? '' : `${epoch}-`}${signed.version}.json`)
}

/**
 * The newer of the folder's targets document and the one that a peer holds, and whether the peer holds it. What is not validly
 * signed does not count. @throws Failure E_STATE
 */
export function newestTargets(mesh: Mesh, offered: string | null): { targets: TargetsDocument; held: boolean } {
  const own = meshTargets(mesh)
  const other = offered === null ? undefined : tryParse(offered, parseTargets)
  if (other === undefined || other.signed.version < own.signed.version || !isTargets(other, mesh))
    return { targets: own, held: false }
  return { targets: other.signed.version > own.signed.version ? other : own, held: true }
}

/**
 * The newer of the folder's and a peer's, signed under any root of the mesh; undefined when there is none. What a peer holds of an
 * older epoch than the root's may be a thief's, and says nothing beside what the folder has. @throws Failure E_STATE: damaged
 */
export function newestKnown(mesh: Mesh, offered: string | null): TargetsDocument | undefined {
  const own = newestPath(mesh) === undefined ? undefined : newestStored(mesh)
  const other = offered === null ? undefined : tryParse(offered, parseTargets)
  const isCurrent = epochOf(other?.signed ?? {}) === epochOf({ epoch: mesh.root.signed.targetsEpoch })
  const isNewer = other !== undefined && (own === undefined || (isCurrent && isLater(other, own)))
  return isNewer && mesh.roots.some((root) => isTargets(other, { root })) ? other : own
}

/** As nodes have it (clause ANN 10). */
function isLater(a: TargetsDocument, b: TargetsDocument): boolean {
  const order = epochOf(a.signed) - epochOf(b.signed) || a.signed.version - b.signed.version
  return order > 0 || (order === 0 && a.hash < b.hash)
}

/** The newest announcement of each role that counts, of those that a peer holds and the folder keeps. @throws Failure E_STATE: damaged */
export function announcementsKnown(
  mesh: Mesh,
  targets: TargetsDocument | undefined,
  offered: readonly { role: string; announcement: string }[],
): AnnouncementDocument[] {
  if (targets === undefined) return []
  return targets.signed.roles.flatMap((role) => {
    const terms = { mesh, targets, role }
    const held = offered
      .filter((one) => one.role === role.name)
      .map((one) => validAnnouncement(one.announcement, terms))
    const all = [keptAnnouncement('accepted', terms), ...held].filter((one) => one !== undefined)
    return all.sort((a, b) => compareVersions(b.signed, a.signed)).slice(0, 1)
  })
}

/** Whether the targets keys of the mesh's newest root signed it. */
export function isTargets(targets: TargetsDocument, { root }: Pick<Mesh, 'root'>): boolean {
  return targetsHold(targets, root.signed, { verifyStrict })
}

/** The announcement of a role in `text` (canonical JSON of a peer), if it counts under these targets. */
export function validAnnouncement(text: string, terms: CountTerms): AnnouncementDocument | undefined {
  const document = tryParse(text, parseAnnouncement)
  return document !== undefined && counts(document, terms) ? document : undefined
}

/**
 * What was kept of a role and counts under these targets; what is only prepared needs no signature.
 * @throws Failure E_STATE when the file is damaged
 */
export function keptAnnouncement(kept: Kept, terms: CountTerms): AnnouncementDocument | undefined {
  const path = keptPath(terms.mesh, terms.role.name, kept)
  const document = existsSync(path) ? readDocument(path, parseAnnouncement) : undefined
  if (document === undefined) return undefined
  return (kept === 'prepared' ? belongs : counts)(document, terms) ? document : undefined
}

type CountTerms = { mesh: Mesh; targets: TargetsDocument; role: Delegation }

function counts(document: AnnouncementDocument, terms: CountTerms): boolean {
  return belongs(document, terms) && isSignedUnder(document, terms.targets.signed)
}

/** Whether an announcement is of the epoch of its role, and signed by the keys that its own rotations lead to. */
export function isSignedUnder(
  document: AnnouncementDocument,
  { roles, keys }: Pick<Targets, 'roles' | 'keys'>,
): boolean {
  const role = roles.find(({ name }) => name === document.signed.role)
  if (role === undefined || role.epoch !== document.signed.epoch) return false
  return announcementHolds(document, { ...role, keys }, { verifyStrict })
}

function belongs({ signed }: AnnouncementDocument, { mesh, role }: CountTerms): boolean {
  return signed.mesh === mesh.id && signed.role === role.name && signed.epoch === role.epoch
}

/** Whether `keepAnnouncement` will be able to, found out without leaving anything. @throws Failure E_DATA_WRITE */
export function requireKeeping(mesh: Mesh): void {
  const folder = join(mesh.dir, 'announcements')
  const found = existsSync(folder) ? folder : mesh.dir
  writing(found, () => accessSync(found, constants.W_OK | constants.X_OK))
}

/** Keeps what was signed; `accepted` takes the place of what was pending. @throws Failure E_DATA_WRITE */
export function keepAnnouncement(mesh: Mesh, document: AnnouncementDocument, kept: Kept): void {
  const { role } = document.signed
  writingInto(mesh, 'announcements', () => {
    writeAtomic(keptPath(mesh, role, kept), document.raw, DOCUMENT_MODE)
    if (kept === 'accepted') rmSync(keptPath(mesh, role, 'pending'), { force: true })
  })
}

/** What the folder knows to be in force, for an invite: a new node accepts nothing older. @throws Failure E_STATE */
export function publisherFloors(mesh: Mesh): Token['floors'] {
  // Whoever may only enrol has no targets document.
  if (newestPath(mesh) === undefined) return { targets: 0, roles: [] }
  const { epoch, version, roles } = newestStored(mesh).signed
  const kept = roles.flatMap(({ name }) => {
    const path = keptPath(mesh, name, 'accepted')
    return existsSync(path) ? [readDocument(path, parseAnnouncement).signed] : []
  })
  const own = kept.filter((signed) => signed.mesh === mesh.id)
  return {
    targets: version,
    ...(epoch === undefined ? {} : { targetsEpoch: epoch }),
    roles: own.map((signed) => ({ role: signed.role, ...orderOf(signed) })),
  }
}

function keptPath(mesh: Mesh, role: string, kept: Kept): string {
  return join(mesh.dir, 'announcements', role + SUFFIX[kept])
}

function readDocument<T>(path: string, parse: (bytes: Uint8Array) => T): T {
  try {
    return parse(readFileSync(path))
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause
    throw new Failure('E_STATE', `${path} is damaged; restore it from your backup.`, { cause })
  }
}

function tryParse<T>(text: string, parse: (bytes: Uint8Array) => T): T | undefined {
  try {
    return parse(Buffer.from(text))
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}
