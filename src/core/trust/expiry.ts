// What can be said of an expiry on a machine whose clock may be wrong (clause CLOCK). Proof is only what a threshold signed: the
// lower bound on time, the latest of all `issued` of roots and times of beacons that were accepted. It never falls. A wall clock,
// however good it looks, proves nothing: it can only turn `unknown` into `valid`, never anything into `expired`.
import type { Millis } from '../env.ts'
import { limits } from '../limits.ts'
import type { Membership, RootDocument, TargetsDocument } from './documents.ts'

/** `expired`: provably. `valid`: by a clock that is believed. `unknown`: neither can be said. */
export type Expiry = 'expired' | 'valid' | 'unknown'

/** What is known of time at a moment. */
export interface Time {
  /** It is not earlier than this: signed by a threshold. */
  bound: Millis
  /** As this machine shows it. */
  wall: Millis
  /** The kernel says that the wall clock is synchronised. */
  synchronised: boolean
}

/** The verdict on something that counts until `expires`. */
export function expiryOf(expires: Millis, { bound, wall, synchronised }: Time): Expiry {
  if (bound > expires) return 'expired'
  return isBelieved({ bound, wall, synchronised }) && wall <= expires ? 'valid' : 'unknown'
}

/** A clock that shows a time before what is proven is wrong, whatever the kernel says. */
export function isBelieved({ bound, wall, synchronised }: Time): boolean {
  return synchronised && wall >= bound
}

/** Something that ends soon: a warning, never a verdict. */
export interface Ending {
  /** `root`, `targets`, `membership`, or the name of a publisher's role. */
  what: string
  expires: Millis
}

interface Lifetime extends Ending {
  lifetime: Millis
}

/** `ends`: when it ends, where it was prolonged. */
type Belonging = Pick<Membership, 'claims' | 'countersignature'> & { ends?: Millis }

/**
 * What has less than a quarter of its lifetime left (clause CLOCK 5), in the order in which it ends. Where no document says when it
 * began, its lifetime is the one that pimesh gives by default.
 */
export function endingSoon(
  held: {
    root?: RootDocument | undefined
    targets?: TargetsDocument | undefined
    /** Undefined for who looks at the documents of a mesh without being a member. */
    membership?: Belonging | undefined
    announcements?: readonly { role: string; expires: Millis }[]
  },
  wall: Millis,
): Ending[] {
  const { root, targets, membership, announcements = [] } = held
  const lifetimes: Lifetime[] = [
    ...(root === undefined ? [] : [rootLifetime(root)]),
    ...(targets === undefined
      ? []
      : [{ what: 'targets', expires: targets.signed.expires, lifetime: limits.rootLifetime }]),
    ...(membership === undefined ? [] : [membershipLifetime(membership)]),
    ...announcements.map(({ role, expires }) => ({ what: role, expires, lifetime: limits.announcementLifetime })),
  ]
  return lifetimes
    .filter(({ expires, lifetime }) => expires - wall < limits.expiresSoonShare * lifetime)
    .map(({ what, expires }) => ({ what, expires }))
    .sort((a, b) => a.expires - b.expires)
}

function rootLifetime({ signed: { issued, expires } }: RootDocument): Lifetime {
  return { what: 'root', expires, lifetime: expires - issued }
}

function membershipLifetime({ claims, countersignature, ends = claims.expires }: Belonging): Lifetime {
  const lifetime = countersignature === undefined ? limits.membershipLifetime : claims.expires - countersignature.at
  return { what: 'membership', expires: ends, lifetime }
}
