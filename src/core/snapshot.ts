// A snapshot: what a person may ask of a node at any moment, and how large its tables are.
import type { Alert } from './fleet/alerts.ts'
import type { StatusCounts } from './fleet/rows.ts'
import type { ReachSnapshot } from './links/reach.ts'
import type { Unreached } from './links/unreachable.ts'
import type { Machines } from './machines.ts'
import type { LinkSnapshot } from './reaching.ts'
import type { Membership, RootDocument } from './trust/documents.ts'
import type { Time } from './trust/expiry.ts'

/** What a person may ask at any moment; ages are relative to the `now` it was taken at. */
export interface NodeSnapshot {
  counts: StatusCounts
  isolated: boolean
  incarnation: number
  root: RootDocument
  clockTrusted: boolean
  /** What is known of time (clause CLOCK). */
  time: Time
  membership: Membership
  links: readonly LinkSnapshot[]
  reach: ReachSnapshot
  unreachable: readonly Unreached[]
  contacts: { zones: number; nodes: number }
  alerts: readonly Alert[]
  refusals: Readonly<Record<string, number>>
  /** Who says that this node is revoked; undefined when nobody does. */
  revocation: ReturnType<Machines['statements']['standing']>
  listening: readonly string[]
}

export function snapshotOf(
  m: Machines,
  links: readonly LinkSnapshot[],
  unreachable: readonly Unreached[],
): NodeSnapshot {
  return {
    counts: m.view.counts(),
    isolated: m.links.size === 0,
    incarnation: m.heartbeat.incarnation,
    root: m.self.root,
    clockTrusted: m.self.synchronised,
    time: m.self.time,
    membership: m.self.membership,
    links,
    reach: m.reach.snapshot(unreachable.map(({ node }) => node)),
    unreachable,
    contacts: { zones: m.book.zones().length, nodes: m.book.size },
    alerts: m.alerts.all(),
    refusals: m.refusals.all() as Readonly<Record<string, number>>,
    revocation: m.statements.standing(),
    listening: m.self.addresses,
  }
}

/** Sizes of what could grow, for invariant checks and `status`. */
export function sizesOf(m: Machines) {
  return {
    view: m.view.size,
    ballots: m.votes.size,
    suspects: m.suspicion.size,
    parked: m.gossip.parked,
    memberships: m.roster.size,
    contacts: m.book.size,
    links: m.links.size,
    reach: m.reach.size,
    queries: m.queries.underway,
    greetings: m.greetings.size,
    rivals: m.rivals.size,
    dialPauses: m.links.pauses,
    alerts: m.alerts.size,
    statements: m.statements.size,
    audit: m.audit.size,
    misconduct: m.misconduct.size,
    children: m.reporting.size,
    digests: m.digests.size,
    releases: m.releases.sizes(),
    history: m.history?.bytes ?? 0,
    inquiries: m.inquiries.underway,
    sightings: m.sightings.underway,
    descents: m.descents.underway,
  }
}
