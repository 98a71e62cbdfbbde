// Withdrawing a release: the next announcement of its role says the same of its path, but that it is for no node (clause ANN 18). The
// counter goes on being announced, so no node and no publisher ever goes back behind it.
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import type { AnnouncementDocument, Release } from '../core/trust/announcement.ts'
import type { Delegation } from '../core/trust/documents.ts'
import type { KeyFile } from '../keys/key-file.ts'
import { parseAnnouncement, withoutRelease } from '../wire/announcement.ts'
import type { JsonObject } from '../wire/canonical.ts'
import { encodeSigned } from '../wire/signed.ts'
import { isSignedUnder } from './delegations.ts'
import type { Mesh } from './mesh.ts'
import { namedRelease, nameOf, requiredNotes } from './named-release.ts'
import { announcedReleases, type Frame, nextFrame, type PeerHolds, requireFitting } from './next-announcement.ts'
import { chooseRole, publisherKeys } from './publisher.ts'

export interface WithdrawalRequest {
  /** The release, by path, path@version or the beginning of its hash. */
  name: string
  /** A key file; the keys in the mesh folder when undefined. */
  keyFile?: string | undefined
  /** Milliseconds until the announcement expires. */
  lifetime?: Millis | undefined
}

export interface WithdrawalDraft extends Frame {
  previous: AnnouncementDocument
  /** What is withdrawn, as it is announced now. */
  release: Release
}

/** A draft that is signed on this machine. */
export interface WithdrawalPlan extends WithdrawalDraft {
  /** Signs it; to be unlocked before. */
  key: KeyFile
}

/**
 * Decides all of an announcement that withdraws a release.
 * @param now wall time in ms.
 * @throws Failure E_PATH (nothing of that name, or withdrawn already), E_KEY, E_STATE, E_ANNOUNCEMENT
 */
export function planWithdrawal(mesh: Mesh, held: PeerHolds, request: WithdrawalRequest, now: Millis): WithdrawalPlan {
  return plan(mesh, held, request, now, (role, { targets }, path) => {
    const roles = targets.signed.roles.filter(({ name }) => name === role.name)
    return chooseRole({ ...targets.signed, roles }, path, publisherKeys(mesh, request.keyFile), [])
  })
}

/** The same for an announcement that others sign. @throws Failure as planWithdrawal, but E_KEY */
export function draftWithdrawal(mesh: Mesh, held: PeerHolds, request: WithdrawalRequest, now: Millis): WithdrawalDraft {
  return plan(mesh, held, request, now, ({ name }, { targets }) => ({
    role: targets.signed.roles.find((role) => role.name === name) as Delegation,
  }))
}

function plan<T extends { role: Delegation }>(
  mesh: Mesh,
  held: PeerHolds,
  { name, lifetime }: WithdrawalRequest,
  now: Millis,
  signer: (role: Delegation, frame: Pick<Frame, 'targets'>, path: string) => T,
): WithdrawalDraft & T {
  const announced = announcedReleases(mesh, held)
  const releases = announced.map(({ release }) => release)
  const release = namedRelease(name, releases, 'this mesh')
  const role = announced.find((one) => one.release === release)?.role as Delegation
  const { path } = release
  if (release.withdraws !== undefined)
    throw new Failure('E_PATH', `${nameOf(release)} is withdrawn already: nothing has changed`)
  const { frame, chosen } = nextFrame(mesh, held, { path, lifetime, now }, (targets) => signer(role, { targets }, path))
  const { previous } = frame
  if (previous === undefined) throw new Error('what is announced is in no announcement')
  const notes = [...frame.notes, ...requiredNotes(path, previous, 'withdrawn')]
  const draft = { ...frame, ...chosen, previous, release, notes }
  requireFitting(withdrawalJson(draft), draft, path)
  return draft
}

/** The `signed` part of the announcement. */
export function withdrawalJson({ previous, terms, release }: WithdrawalDraft): JsonObject {
  return withoutRelease(previous, terms, release)
}

/** Signs the announcement and judges it as a node will. @throws Failure E_PASSPHRASE: the key is locked */
export function signWithdrawal(plan: WithdrawalPlan): { document: AnnouncementDocument; release: Release } {
  const { targets, key, release: before } = plan
  const document = parseAnnouncement(encodeSigned(withdrawalJson(plan), [key]))
  const release = document.signed.releases.find(({ path }) => path === before.path)
  if (release === undefined || !isSignedUnder(document, targets.signed))
    throw new Error('the announcement that was signed does not hold')
  return { document, release }
}
