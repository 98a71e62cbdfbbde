// Rotations: a publisher's role names its own next keys, and can end itself (clause ROTATION). The chain of them is part of every
// announcement, so that each one proves by itself, from the delegation on, that its signers may sign. Nothing is remembered of a chain.
import type { Env } from '../env.ts'
import type { AnnouncementDocument } from './announcement.ts'
import type { RoleKeys, Signed } from './documents.ts'
import { signedBy } from './roots.ts'

/** Keys of which so many sign. */
export interface Signers extends RoleKeys {
  /** keyId -> 32-byte Ed25519 public key. */
  keys: ReadonlyMap<string, Uint8Array>
}

/** One step: who signs for the role after it. With threshold 0 and no key it is a tombstone: nobody does. */
export interface Rotation extends Signers {
  /** Hex mesh id, role and epoch: its bytes mean nothing elsewhere. */
  mesh: string
  role: string
  epoch: number
  /** 1 for the one that the delegated keys sign. */
  number: number
}
export type RotationDocument = Signed<Rotation>

/** What stands for the number of a tombstone, in the order of announcements: above every number that a rotation has. */
export const TOMBSTONE = 255

export function isTombstone({ threshold }: RoleKeys): boolean {
  return threshold === 0
}

/** What orders announcements between epoch and version: how many rotations lie behind it, or TOMBSTONE. */
export function rotationNumber(rotations: readonly RotationDocument[]): number {
  const last = rotations.at(-1)
  return last !== undefined && isTombstone(last.signed) ? TOMBSTONE : rotations.length
}

/** Who signs an announcement with these rotations: whom the last of them names, and before a tombstone the one before it. */
export function signersAfter(delegated: Signers, rotations: readonly RotationDocument[]): Signers {
  return rotations.findLast(({ signed }) => !isTombstone(signed))?.signed ?? delegated
}

/**
 * True when the threshold that its last rotation names signed the announcement, and each rotation that of the one before it, the
 * first that of the delegation. The announcement comes first: a chain that was made up for nobody's keys costs one check.
 */
export function announcementHolds(
  document: Pick<AnnouncementDocument, 'signed' | 'signedBytes' | 'signatures'>,
  delegated: Signers,
  env: Pick<Env, 'verifyStrict'>,
): boolean {
  const { rotations = [] } = document.signed
  const signers = signersAfter(delegated, rotations)
  return signedBy(document, signers.keys, signers, env) && chainHolds(rotations, delegated, env)
}

/** True when each rotation is signed by those that the one before it names. A tombstone has no signatures but the announcement's. */
export function chainHolds(
  rotations: readonly RotationDocument[],
  delegated: Signers,
  env: Pick<Env, 'verifyStrict'>,
): boolean {
  let signers = delegated
  for (const rotation of rotations) {
    if (isTombstone(rotation.signed)) return true
    if (!signedBy(rotation, signers.keys, signers, env)) return false
    signers = rotation.signed
  }
  return true
}
