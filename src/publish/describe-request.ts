// What a signature would say, in plain words, for a person who holds a key: everything that is new, changed or gone against the
// document before. What this version does not understand is named, since it is signed all the same.
import { limits, SECOND } from '../core/limits.ts'
import { type Announcement, type AnnouncementDocument, NO_NODE, type Release } from '../core/trust/announcement.ts'
import { BEACON_PERIOD } from '../core/trust/beacon.ts'
import type { Delegation, RoleKeys, RootDocument, Signed, TargetsDocument } from '../core/trust/documents.ts'
import { epochOf } from '../core/trust/roots.ts'
import { signersAfter, TOMBSTONE } from '../core/trust/rotations.ts'
import { type Json, type JsonObject, jsonOf } from '../wire/canonical.ts'
import { dateText } from '../wire/fields.ts'
import { type SigningRequest, shortKey } from './judge-request.ts'
import { nameOf } from './named-release.ts'

export type Fact = readonly [name: string, value: string]

export interface Change {
  what: 'new' | 'changed' | 'removed'
  /** `acme/agent`, `role "acme"`. */
  name: string
  /** Those of what is new, and of what is changed as `before -> after` where they differ. */
  facts: readonly Fact[]
}

export interface Description {
  /** `announcement of the role "acme", version 4`. */
  title: string
  facts: readonly Fact[]
  changes: readonly Change[]
  /** Names of what stays as it is. */
  unchanged: readonly string[]
  /** What a person has to know, one sentence each. */
  notes: readonly string[]
}

const FIELDS = {
  announcement: ['_type', 'spec_version', 'mesh', 'role', 'epoch', 'version', 'expires', 'targets', 'rotations'],
  targets: ['_type', 'spec_version', 'epoch', 'version', 'expires', 'targets', 'delegations', 'formerEpoch'],
  root: [
    '_type',
    'spec_version',
    'version',
    'issued',
    'expires',
    'consistent_snapshot',
    'keys',
    'roles',
    'enrol',
    'beacon',
    'targets',
  ],
} as const

const STALE = {
  refuse: 'a node that hears no beacon installs nothing of it',
  warn: 'a node that hears no beacon says so',
} as const

/** All that a key holder should look at before signing. The text in it is as others wrote it: show it as such. */
export function describeRequest(request: SigningRequest): Description {
  const { kind, mesh, document, previous } = request
  const { version, expires } = document.signed
  const facts: Fact[] = [
    ['mesh', mesh],
    ['follows', previous === undefined ? 'nothing: it is the first one' : `version ${previous.signed.version}`],
    ...(kind === 'root' ? [['issued', dateText(document.signed.issued)] as const] : []),
    ['expires', dateText(expires)],
    ...(kind === 'targets' ? [['epoch', String(epochOf(document.signed))] as const] : []),
  ]
  const notes = [
    ...unknownFields(FIELDS[kind], document, previous),
    ...(request.kind === 'root' ? rootNotes(request.document, request.root) : []),
  ]
  const terms = { facts, notes }
  if (kind === 'announcement') return describeAnnouncement(request, terms)
  const parts = kind === 'root' ? rootParts : targetsParts
  return {
    title: `${kind === 'root' ? 'root' : 'targets'} document, version ${version}`,
    ...terms,
    ...compared(previous === undefined ? new Map() : parts(previous as never), parts(document as never)),
  }
}

/** How many versions are left when a person is told. */
const FEW_LEFT = 32

/** What cannot be taken back by the next root. */
function rootNotes({ signed: { version, issued } }: RootDocument, { signed: before }: RootDocument): string[] {
  const left = limits.rootVersions - version
  return [
    ...(issued > before.expires
      ? [
          `it was issued after the end of version ${before.version} (${dateText(before.expires)}): make sure that this date is right, since nodes will believe that it is over, and begin nothing that ended before it`,
        ]
      : []),
    ...(left <= FEW_LEFT
      ? [`${left} of ${limits.rootVersions} versions of the root are left after it: without one no key can be changed`]
      : []),
  ]
}

function describeAnnouncement(
  { document, previous, targets }: Extract<SigningRequest, { kind: 'announcement' }>,
  terms: Pick<Description, 'facts' | 'notes'>,
): Description {
  const { role, epoch, version } = document.signed
  const before: Signing = { signed: { role } }
  const rotates = document.signed.rotations !== undefined
  const isEnd = document.signed.rotation === TOMBSTONE
  const releases = (one: AnnouncementDocument | undefined) => one?.signed.releases ?? []
  const later = document.signed.releases.filter(({ unsupported }) => unsupported !== undefined)
  return {
    title: `announcement of the role "${role}", version ${version}`,
    facts: [...terms.facts, ['epoch', String(epoch)]],
    notes: [
      ...terms.notes,
      ...(isEnd ? [END_NOTE] : []),
      ...later.map((one) => `${one.path} needs a newer pimesh, which also understands ${one.unsupported}`),
      ...document.signed.releases.flatMap((one) => brokenNotes(one, document.signed.releases)),
    ],
    ...compared(
      new Map([...(rotates ? signersPart(previous ?? before, targets) : []), ...partsOf(releases(previous))]),
      new Map([...(rotates ? signersPart(document, targets) : []), ...partsOf(releases(document))]),
    ),
  }
}

const END_NOTE =
  'the role ends: nothing that it announced counts any more, nobody can announce anything for it, and there is no way back until the owner of the mesh gives it a new epoch; what is installed stays'

/** Who signs for the role, where it gives itself other keys than the targets name. */
function signersPart({ signed }: Signing, targets: TargetsDocument | undefined): Parts {
  const role = targets?.signed.roles.find(({ name }) => name === signed.role)
  if (role === undefined) return new Map()
  const now = signersAfter({ ...role, keys: targets?.signed.keys ?? new Map() }, signed.rotations ?? [])
  const ended = signed.rotation === TOMBSTONE
  const facts: Fact[] = ended ? [['keys', 'none any more']] : keysFacts(now)
  const id = ended ? 'none' : `${now.threshold} ${now.keyIds.join()}`
  return new Map([['', { label: `the keys of the role "${signed.role}"`, id, facts }]])
}

type Signing = { signed: Pick<Announcement, 'role' | 'rotation' | 'rotations'> }

interface Part {
  label: string
  /** Changes whenever anything of the part does, shown or not. */
  id: string
  facts: readonly Fact[]
}

/** What a document is made of. */
type Parts = ReadonlyMap<string, Part>

function partsOf(releases: readonly Release[]): Parts {
  return new Map(
    releases.map((one) => [
      one.path,
      { label: one.path, id: one.hash, facts: [['version', one.version], ...releaseFacts(one, releases)] },
    ]),
  )
}

function releaseFacts(release: Release, siblings: readonly Release[]): Fact[] {
  const { counter, to, artifact, installer, encodings, origin, requires, withdraws } = release
  const required = requires.map((hash) => {
    const one = siblings.find((sibling) => sibling.hash === hash)
    return one === undefined ? `a release that is not announced (${hash.slice(0, 16)})` : nameOf(one)
  })
  return [
    ['counter', String(counter)],
    ['for', withdraws !== undefined && to === NO_NODE ? 'no node: it is withdrawn' : to],
    ['installs as', installer === undefined ? 'a newer pimesh knows' : fileText(installer)],
    ['size', `${artifact.length} bytes`],
    ['SHA-256', artifact.hash],
    [
      'travels as',
      encodings.map(({ type, length }) => `${type}, ${length} bytes`).join('; ') || 'a newer pimesh knows',
    ],
    ['first from', origin.join(', ') || 'whoever hands it in'],
    ...(required.length === 0 ? [] : [['together with', required.join(', ')] as const]),
  ]
}

/** What will not be installed since what it requires is not there; a node that has it in use keeps both as they are. */
function brokenNotes({ path, version, requires }: Release, siblings: readonly Release[]): string[] {
  const isThere = (hash: string) => siblings.some((sibling) => sibling.hash === hash)
  if (requires.every(isThere)) return []
  return [`${nameOf({ path, version })} requires a release that is not announced: no further node will begin it`]
}

const fileText = ({ file, executable }: NonNullable<Release['installer']>): string =>
  executable ? `${file}, which may be run` : file

/** Roles and their keys, and how many of them are needed. */
function keysFacts({ keyIds, threshold }: RoleKeys): Fact[] {
  return [
    ['keys', keyIds.map(shortKey).join(', ')],
    ['needs', `${threshold} of ${keyIds.length} keys`],
  ]
}

function targetsParts({ signed }: TargetsDocument): Parts {
  return new Map(
    signed.roles.map((role, at) => {
      const facts = [...delegationFacts(role), ['place', String(at + 1)] as const]
      return [role.name, { label: `role "${role.name}"`, id: JSON.stringify(facts) + role.keyIds.join(), facts }]
    }),
  )
}

function delegationFacts(role: Delegation): Fact[] {
  return [
    ...keysFacts(role),
    ['announces', role.paths.join(', ')],
    ['epoch', String(role.epoch)],
    ...(role.whenStale === undefined ? [] : [['when stale', STALE[role.whenStale]] as const]),
    ['roles behind it', role.terminating ? 'have no say about these paths' : 'may announce these paths, too'],
  ]
}

/** Roles as they stand in the document, so that those of a newer pimesh are seen, too. */
function rootParts(document: RootDocument): Parts {
  const { enrolment } = document.signed
  const json = jsonOf(document.signedBytes)
  const roles = Object.entries(json.roles as Record<string, { keyids: string[]; threshold: number }>)
  const { epoch, retired, zones, ...other } = json.enrol as JsonObject & { epoch: number; retired: string[] }
  const facts: Fact[] = [
    ['epoch', String(epoch)],
    ['retired keys', retired.map(shortKey).join(', ') || 'none'],
    ['confined', [...enrolment.zones].map(([key, zone]) => `${shortKey(key)} to ${zone}`).join(', ') || 'no key'],
    ...Object.entries(other).map(([name, value]): Fact => [name, JSON.stringify(value)]),
  ]
  const parts = roles.map(([name, { keyids, threshold }]): [string, Part] => {
    const own: Fact[] =
      name === 'beacon'
        ? [['signs every', `${(document.signed.beaconPeriod ?? BEACON_PERIOD) / SECOND} s`]]
        : name === 'targets'
          ? [['epoch', String(document.signed.targetsEpoch ?? 1)]]
          : []
    const shown = [...keysFacts({ keyIds: keyids, threshold }), ...own]
    const id = `${threshold} ${keyids.join()} ${own.join()}`
    return [`role ${name}`, { label: `role "${name}"`, id, facts: shown }]
  })
  const id = JSON.stringify([epoch, retired, zones as Json, other])
  return new Map([...parts, ['enrolment', { label: 'enrolment', id, facts }]])
}

function compared(before: Parts, after: Parts): Pick<Description, 'changes' | 'unchanged'> {
  const changes: Change[] = []
  const unchanged: string[] = []
  for (const [name, { label, id, facts }] of after) {
    const old = before.get(name)
    if (old === undefined) changes.push({ what: 'new', name: label, facts })
    else if (old.id === id) unchanged.push(label)
    else changes.push({ what: 'changed', name: label, facts: differences(old.facts, facts) })
  }
  for (const [name, { label }] of before)
    if (!after.has(name)) changes.push({ what: 'removed', name: label, facts: [] })
  return { changes, unchanged }
}

/** All facts of what is changed: a signature covers those that stay as well. */
function differences(before: readonly Fact[], after: readonly Fact[]): Fact[] {
  const old = new Map(before)
  return after.map(([name, value]) => {
    const was = old.get(name) ?? 'nothing'
    return [name, was === value ? value : `${was} -> ${value}`]
  })
}

function unknownFields(known: readonly string[], document: Signed<unknown>, previous: Signed<unknown> | undefined) {
  const [now, before] = [jsonOf(document.signedBytes), previous === undefined ? {} : jsonOf(previous.signedBytes)]
  const names = [...new Set([...Object.keys(now), ...Object.keys(before)])].filter((name) => !known.includes(name))
  return names.map((name) => {
    const same = JSON.stringify(now[name]) === JSON.stringify((before as JsonObject)[name])
    const says = now[name] === undefined ? 'removes' : same ? 'keeps' : 'sets'
    return `it ${says} the field "${name.slice(0, 64)}", which this version of pimesh does not understand`
  })
}
