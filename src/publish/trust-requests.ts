// The documents of a change of trust, one after the other: the root first, then the targets under it. Each becomes a signing request,
// whether the keys are here or elsewhere, so that what is shown, judged and signed is the same.
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { DAY, limits } from '../core/limits.ts'
import type { RootDocument, TargetsDocument } from '../core/trust/documents.ts'
import { epochOf } from '../core/trust/roots.ts'
import type { KeyFile } from '../keys/key-file.ts'
import { isTargets } from './delegations.ts'
import type { Mesh } from './mesh.ts'
import { nextTargets } from './next-targets.ts'
import { draftRoot } from './rotate.ts'
import { makeRequest, nextText, type SigningRequest } from './signing-request.ts'
import type { TrustBase, TrustChange } from './trust-change.ts'

/**
 * The next document that has to be signed for the change; undefined when there is none.
 * @param mesh with the root that was signed before, if any.
 * @param now wall time in ms.
 * @throws Failure E_REQUEST (it would not hold, or the root has expired), E_DOCUMENT (too large)
 */
export function nextRequest(
  base: TrustBase,
  change: TrustChange,
  { mesh, now }: { mesh: Mesh; now: Millis },
): SigningRequest | undefined {
  if (change.root !== undefined && mesh.root === base.mesh.root)
    return makeRequest(mesh, { kind: 'root', signed: draftRoot(mesh, now, change.root) }, now)
  const previous = change.follows ?? base.targets
  if (previous === undefined || !needsTargets(previous, change, mesh)) return undefined
  const lifetime = change.targetsDays === undefined ? limits.rootLifetime : change.targetsDays * DAY
  const { targetsEpoch } = mesh.root.signed
  requireNothingNewer(base, previous, targetsEpoch)
  const next = { ...(change.targets ?? previous.signed), ...(targetsEpoch && { epoch: targetsEpoch }) }
  const signed = nextTargets(previous, next, now + lifetime)
  return makeRequest(mesh, { kind: 'targets', signed, previous }, now)
}

/** With other targets keys their document changes as well, where they do not cover it. That it waited for its keys before delays no other change. */
function needsTargets(held: TargetsDocument, { targets, root }: TrustChange, mesh: Mesh): boolean {
  return targets !== undefined || (root?.roles?.targets !== undefined && !isTargets(held, mesh))
}

/**
 * What follows an older document than the mesh has, such as that of a folder from before a revocation, would undo what it does not know.
 * In a new epoch nothing of before counts.
 * @throws Failure E_TARGETS
 */
function requireNothingNewer(
  { mesh, targetsFloor: floor }: TrustBase,
  { signed }: TargetsDocument,
  targetsEpoch = 1,
): void {
  if (floor === undefined || floor.epoch < targetsEpoch) return
  const epoch = epochOf(signed)
  if (epoch > floor.epoch || (epoch === floor.epoch && signed.version >= floor.version)) return
  throw new Failure(
    'E_TARGETS',
    `the mesh has had version ${floor.version} of the targets document, and neither ${mesh.dir} (version ${signed.version}) nor the peer has it: let the peer link to a member that has it, or get it from where it was signed; if nobody has it, "pimesh trust rotate targets --raise-epoch" goes on from the folder`,
  )
}

/** The mesh as it is once this root is in force; the folder has it later. */
export function withRoot(mesh: Mesh, root: RootDocument): Mesh {
  return { ...mesh, root, roots: [...mesh.roots, root] }
}

/**
 * The keys that sign a request, no more than it needs: those that count twice first, then plain ones.
 * @throws Failure E_SIGNATURES: how many are missing, and whose.
 */
export function signersFor(request: SigningRequest, keys: Iterable<KeyFile>): KeyFile[] {
  const counts = ({ keyId }: KeyFile) => request.quorums.filter(({ keyIds }) => keyIds.includes(keyId)).length
  const order = [...keys].sort((a, b) => counts(b) - counts(a) || Number(a.encrypted) - Number(b.encrypted))
  const chosen = new Map<string, KeyFile>()
  for (const { keyIds, threshold } of request.quorums)
    for (const key of order) {
      const has = keyIds.filter((keyId) => chosen.has(keyId)).length
      if (has < threshold && keyIds.includes(key.keyId)) chosen.set(key.keyId, key)
    }
  const quorums = request.quorums.map((quorum) => ({
    ...quorum,
    signed: quorum.keyIds.filter((keyId) => chosen.has(keyId)),
  }))
  if (quorums.every(({ signed, threshold }) => signed.length >= threshold)) return [...chosen.values()]
  const advice = 'name their files with --key FILE, or prepare it for their holders with --prepare OUT'
  throw new Failure(
    'E_SIGNATURES',
    `the keys that are here are too few: ${nextText({ ...request, quorums })}; ${advice}`,
  )
}
