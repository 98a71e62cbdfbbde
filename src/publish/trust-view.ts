// Who may do what in a mesh, and until when, as its documents say: those that a peer holds, or those of a mesh folder. Every date
// comes with the days that are left, and what ends soon is found as nodes find it (clause CLOCK 5). Judges nothing: a peer and a
// folder have checked what they hold.
import type { Millis } from '../core/env.ts'
import { DAY, limits } from '../core/limits.ts'
import type { AnnouncementDocument } from '../core/trust/announcement.ts'
import { BEACON_PERIOD } from '../core/trust/beacon.ts'
import type { Delegation, RoleKeys, RootDocument, TargetsDocument } from '../core/trust/documents.ts'
import { endingSoon } from '../core/trust/expiry.ts'
import { isTombstone } from '../core/trust/rotations.ts'
import type { Policy, StatementDocument } from '../core/trust/statement.ts'
import { dateText } from '../wire/fields.ts'
import { hoursText } from '../wire/statement.ts'

/** What there is to look at. */
export interface TrustDocuments {
  /** Hex mesh id. */
  mesh: string
  root: RootDocument
  targets: TargetsDocument | undefined
  /** In force, or kept; one of a role, the other side of an equivocation left out. */
  announcements: readonly { document: AnnouncementDocument; frozen: boolean }[]
  statements: readonly StatementDocument[]
  /** Nothing is earlier than this, wall time in ms. */
  bound: Millis
}

/** Of a document: when it ends. Days are whole ones, below 0 once it is over; `endsSoon`: less than a quarter of its lifetime is left. */
export interface TermJson {
  expires: string
  daysLeft: number
  endsSoon: boolean
  expired: boolean
}

/** So many of these keyids have to sign. */
export interface KeysJson {
  threshold: number
  keys: string[]
}

export interface AnnouncedJson extends TermJson {
  epoch: number
  version: number
  hash: string
  releases: number
  /** Two of one version were signed: nothing of it is installed. */
  frozen: boolean
}

export interface PublisherJson extends KeysJson {
  role: string
  paths: string[]
  /** Roles behind it have no say about its paths. */
  terminating: boolean
  epoch: number
  /** The keys that the role gave itself, which sign in the place of `keys`; null: none are known. `ended`: nobody signs any more. */
  rotated: (KeysJson & { number: number; ended: boolean }) | null
  whenStale: 'refuse' | 'warn'
  announcement: AnnouncedJson | null
}

export interface StatementJson {
  version: number
  issued: string
  revokedNodes: UntilJson[]
  /** By the hash of the invite. */
  revokedInvites: UntilJson[]
  extended: { zone: string | null; invite: string | null; until: string; daysLeft: number }[]
  policies: {
    zone: string
    publishers: string[] | null
    vetoes: { path: string; counter: number }[]
    hours: string | null
  }[]
}

/** `until`: when the last membership that it concerns ends, and it may be left out. */
export interface UntilJson {
  id: string
  until: string
}

export interface EnrolKeyJson {
  key: string
  /** `/`: the whole mesh. */
  zone: string
  state: 'active' | 'retired'
  /** Hash of the last statement of a retired key, which alone counts. */
  sealed: string | null
  statement: StatementJson | null
}

/** What documents alone say; the commands add where they are from. */
export interface TrustJson {
  mesh: string
  root: KeysJson & TermJson & { version: number; hash: string; issued: string }
  targets: KeysJson & { document: (TermJson & { version: number; hash: string }) | null }
  publishers: PublisherJson[]
  enrolment: { epoch: number; keys: EnrolKeyJson[] }
  /** `staleAfterMs`: a node that hears of no newer one for so long is stale. */
  beacon: (KeysJson & { periodMs: number; staleAfterMs: number }) | null
  /** In the order in which it ends. `name`: of a publisher. */
  endingSoon: { what: 'root' | 'targets' | 'publisher'; name: string | null; expires: string; daysLeft: number }[]
  /** False: the clock shows a time that is provably over, so days are wrong. */
  clockPlausible: boolean
}

/** @param wall wall time in ms. */
export function trustJson(documents: TrustDocuments, wall: Millis): TrustJson {
  const { root, targets, mesh, bound } = documents
  const time = { wall, bound }
  const { roles } = root.signed
  const publishers = (targets?.signed.roles ?? []).map((role) => publisherJson(role, documents, time))
  const shown = {
    root: {
      ...keysJson(roles.root),
      ...termOf(root.signed.expires, { root }, time),
      ...{ version: root.signed.version, hash: root.hash, issued: dateText(root.signed.issued) },
    },
    targets: { ...keysJson(roles.targets), document: targets === undefined ? null : targetsJson(targets, time) },
  }
  return {
    ...{ mesh, ...shown, publishers },
    enrolment: { epoch: root.signed.enrolment.epoch, keys: enrolKeys(documents, wall) },
    beacon: beaconJson(root),
    endingSoon: endings(shown, publishers),
    clockPlausible: wall >= bound,
  }
}

type Time = { wall: Millis; bound: Millis }

function keysJson({ threshold, keyIds }: RoleKeys): KeysJson {
  return { threshold, keys: [...keyIds] }
}

/** `about`: the document alone, since a publisher may be called as the root is. */
function termOf(expires: Millis, about: Parameters<typeof endingSoon>[0], { wall, bound }: Time): TermJson {
  return {
    expires: dateText(expires),
    daysLeft: daysLeft(expires, wall),
    endsSoon: endingSoon(about, wall).length > 0,
    expired: expires < Math.max(wall, bound),
  }
}

function beaconJson({ signed }: RootDocument): TrustJson['beacon'] {
  const { roles, beaconPeriod: periodMs = BEACON_PERIOD } = signed
  if (roles.beacon === undefined) return null
  return { ...keysJson(roles.beacon), periodMs, staleAfterMs: limits.beaconSilence * periodMs }
}

function daysLeft(expires: Millis, wall: Millis): number {
  return Math.floor((expires - wall) / DAY)
}

function targetsJson(targets: TargetsDocument, time: Time) {
  const { version, expires } = targets.signed
  return { ...termOf(expires, { targets }, time), version, hash: targets.hash }
}

function publisherJson(role: Delegation, documents: TrustDocuments, time: Time): PublisherJson {
  const held = documents.announcements.find(({ document }) => document.signed.role === role.name)
  return {
    role: role.name,
    ...keysJson(role),
    paths: [...role.paths],
    terminating: role.terminating,
    epoch: role.epoch,
    rotated: rotatedJson(held?.document),
    whenStale: role.whenStale ?? 'warn',
    announcement: held === undefined ? null : announcedJson(held, time),
  }
}

function rotatedJson(document: AnnouncementDocument | undefined): PublisherJson['rotated'] {
  const last = document?.signed.rotations?.at(-1)?.signed
  return last === undefined ? null : { ...keysJson(last), number: last.number, ended: isTombstone(last) }
}

function announcedJson({ document, frozen }: TrustDocuments['announcements'][number], time: Time): AnnouncedJson {
  const { role, epoch, version, expires, releases } = document.signed
  const term = termOf(expires, { announcements: [{ role, expires }] }, time)
  return { ...term, epoch, version, hash: document.hash, releases: releases.length, frozen }
}

/** Active keys, then retired ones. */
function enrolKeys({ root, statements }: TrustDocuments, wall: Millis): EnrolKeyJson[] {
  const { roles, enrolment } = root.signed
  const one = (key: string, state: EnrolKeyJson['state']): EnrolKeyJson => {
    const statement = statements.find(({ signed }) => signed.enroller === key)
    return {
      ...{ key, state },
      zone: enrolment.zones.get(key) ?? '/',
      sealed: enrolment.sealed?.get(key) ?? null,
      statement: statement === undefined ? null : statementJson(statement, wall),
    }
  }
  return [
    ...roles.enrol.keyIds.map((key) => one(key, 'active')),
    ...enrolment.retired.map((key) => one(key, 'retired')),
  ]
}

function statementJson({ signed }: StatementDocument, wall: Millis): StatementJson {
  const until = (entries: ReadonlyMap<string, Millis>) =>
    [...entries].map(([id, date]): UntilJson => ({ id, until: dateText(date) }))
  return {
    version: signed.version,
    issued: dateText(signed.issued),
    revokedNodes: until(signed.nodes),
    revokedInvites: until(signed.invites),
    extended: signed.extensions.map(({ zone = null, invite = null, until }) => ({
      ...{ zone, invite, until: dateText(until) },
      daysLeft: daysLeft(until, wall),
    })),
    policies: signed.policies.map(policyJson),
  }
}

function policyJson({ zone, publishers, vetoes, hours }: Policy): StatementJson['policies'][number] {
  return {
    zone,
    publishers: publishers === undefined ? null : [...publishers],
    vetoes: vetoes.map((veto) => ({ ...veto })),
    hours: hours === undefined ? null : hoursText(hours),
  }
}

function endings(
  { root, targets }: Pick<TrustJson, 'root' | 'targets'>,
  publishers: readonly PublisherJson[],
): TrustJson['endingSoon'] {
  const named = publishers.map(({ role, announcement }) => ({
    what: 'publisher' as const,
    name: role,
    term: announcement,
  }))
  const all = [
    { what: 'root' as const, name: null, term: root },
    { what: 'targets' as const, name: null, term: targets.document },
    ...named,
  ]
  return all
    .flatMap(({ what, name, term }) =>
      term?.endsSoon ? [{ what, name, expires: term.expires, daysLeft: term.daysLeft }] : [],
    )
    .sort((a, b) => (a.expires < b.expires ? -1 : a.expires > b.expires ? 1 : 0))
}
