// Handing in what several have signed: it may have travelled for days, so that the mesh has moved on. An announcement takes the place
// of the one it was compared with and of no other, or somebody's release in between would be undone without a word.
import { Failure } from '../core/failure.ts'
import { compareVersions } from '../core/trust/announcement.ts'
import type { Targets, TargetsDocument } from '../core/trust/documents.ts'
import { epochOf } from '../core/trust/roots.ts'
import { parseAnnouncement } from '../wire/announcement.ts'
import { parseTargets } from '../wire/targets.ts'
import { isSignedUnder } from './delegations.ts'
import type { PeerHolds } from './release.ts'
import { newReleases } from './request-folder.ts'
import { requireComplete, type SigningRequest } from './signing-request.ts'

type AnnouncementRequest = Extract<SigningRequest, { kind: 'announcement' }>

/** The request as one for an announcement. @throws Failure E_REQUEST, E_SIGNATURES */
export function requireAnnouncement(request: SigningRequest, name: string): AnnouncementRequest {
  if (request.kind !== 'announcement') {
    const advice = 'hand it in with "pimesh trust submit"'
    throw new Failure('E_REQUEST', `${name} is for a ${request.kind} document, not for a release: ${advice}`)
  }
  requireComplete(request, name)
  return request
}

/**
 * Compares a complete request with what a peer holds.
 * @returns the targets document to hand in with it, when the peer does not hold it.
 * @throws Failure E_REQUEST: it was overtaken; the sentence says by what.
 */
export function checkSubmission(request: AnnouncementRequest, held: PeerHolds): TargetsDocument | undefined {
  const { document, previous } = request
  const { role, version, epoch } = document.signed
  const newTargets = compareTargets(request, held.targets)
  const sides = held.roles.filter((one) => one.role === role).map((one) => parse(one.announcement, parseAnnouncement))
  if (sides.some((side) => side?.hash === document.hash)) return newTargets
  for (const side of sides) {
    if (side === undefined || side.signed.epoch !== epoch) continue
    const order = compareVersions(side.signed, previous?.signed ?? { epoch, version: 0 })
    if (order > 0 || (order === 0 && sides.length === 1 && side.hash !== previous?.hash))
      throw overtaken(
        `version ${side.signed.version} of the role "${role}" was announced since, and this is ${version}`,
      )
  }
  for (const { path, counter } of newReleases(request)) {
    const last = Object.hasOwn(held.counters, path) ? (held.counters[path] as number) : 0
    if (counter <= last) throw overtaken(`the counter ${last} of ${path} was announced since, and this is ${counter}`)
  }
  return newTargets
}

function compareTargets(
  { targets, document }: AnnouncementRequest,
  offered: string | null,
): TargetsDocument | undefined {
  const held = offered === null ? undefined : parse(offered, parseTargets)
  if (held === undefined || targets === undefined || isOlder(held.signed, targets.signed)) return targets
  if (isSignedUnder(document, held.signed)) return undefined
  throw overtaken(
    `version ${held.signed.version} of the targets document is in force, under which its signatures do not count`,
  )
}

function isOlder(a: Targets, b: Targets): boolean {
  return epochOf(a) < epochOf(b) || (epochOf(a) === epochOf(b) && a.version < b.version)
}

/** What a peer says that does not parse says nothing: the peer itself judges what is handed in. */
function parse<T>(text: string, read: (bytes: Uint8Array) => T): T | undefined {
  try {
    return read(Buffer.from(text))
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

const overtaken = (what: string) =>
  new Failure('E_REQUEST', `the request was overtaken: ${what}; prepare it again, and let it be signed again`)
