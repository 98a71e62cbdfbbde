// Changes of trust: who may sign for which role from now on. Root and targets are two documents, and a change may need both; here it is
// decided what each of them will say. Invariant: whatever would leave a role without enough keys is refused before anything is signed.
import { Failure } from '../core/failure.ts'
import type { AnnouncementDocument } from '../core/trust/announcement.ts'
import type { RoleKeys, Root, Targets, TargetsDocument } from '../core/trust/documents.ts'
import { INTEGER_MAX } from '../wire/fields.ts'
import { newestKnown } from './delegations.ts'
import { shortKey } from './judge-request.ts'
import type { Mesh } from './mesh.ts'
import { type PublisherChange, publisherNamed, withChanged, withoutPublisher } from './next-targets.ts'
import { changedKeys, couldSign, type KeysChange, type PublicKey } from './role-keys.ts'
import type { RootChanges } from './rotate.ts'
import { newestStatement } from './statement.ts'

/** What is known when a change is decided. */
export interface TrustBase {
  mesh: Mesh
  /** The newest; undefined for who may only enrol. */
  targets: TargetsDocument | undefined
  /** What no targets go below in the mesh, as far as a peer knows. */
  targetsFloor?: { epoch: number; version: number } | undefined
  /** Announcements that are in force, as far as they are known. */
  announced: readonly AnnouncementDocument[]
  /** Statements that a peer holds, canonical JSON; undefined when no peer was asked. */
  statements: readonly string[] | undefined
}

export interface TrustChange {
  root?: RootChanges
  targets?: Targets
  /** What the next targets follow, when that is not the newest that is known: in a new epoch, what the folder has. */
  follows?: TargetsDocument | undefined
  /** Days until the targets end; default a year. */
  targetsDays?: number | undefined
  /** What a person should know before signing that the documents do not say, one sentence each. */
  notes: readonly string[]
}

const EPOCH_NOTE =
  'every membership and invite that was ever granted is void, and so is what was stated: everybody has to join anew, the first node with "pimesh invite --first"'

export const ROOT_ROLES = ['root', 'targets', 'enrol', 'beacon'] as const
export type RootRole = (typeof ROOT_ROLES)[number]

export function isRootRole(name: string): name is RootRole {
  return ROOT_ROLES.some((role) => role === name)
}

/** Keys and threshold of any role, and how it is called in a sentence. @throws Failure E_ROLE */
export function roleNamed({ mesh, targets }: Pick<TrustBase, 'mesh' | 'targets'>, name: string): RoleKeys {
  if (!isRootRole(name)) return publisherNamed(knownTargets(targets), name)
  const role = mesh.root.signed.roles[name]
  if (role !== undefined) return role
  throw new Failure('E_ROLE', 'this mesh has no beacons: "pimesh trust beacon" gives it some')
}

/** @throws Failure E_STATE */
export function knownTargets(targets: TargetsDocument | undefined): Targets {
  if (targets !== undefined) return targets.signed
  throw new Failure('E_STATE', 'this folder has no targets document: publishers are changed where the mesh was made')
}

/** Other keys, threshold or behaviour of a role. @throws Failure E_ROLE, E_KEY, E_USAGE, E_NO_DAEMON */
export function rotated(base: TrustBase, name: string, change: PublisherChange): TrustChange {
  const role = roleNamed(base, name)
  if (name === 'targets') return targetsRotation(base, role, change)
  if (isRootRole(name)) {
    const notes = name === 'enrol' ? rotationNotes(change) : []
    return { root: rootRotation(base, name, { role, change }), notes }
  }
  const before = knownTargets(base.targets)
  requireOwnTask(base, name, change.in)
  const targets = withChanged(before, name, change, base.announced)
  return { targets, notes: voided(before, targets, base.announced) }
}

/**
 * Keys of root, targets and publishers are kept away from networks, and one holder may have several of these tasks. One that enrols is used
 * every day, and one that signs beacons lies plain on a node: neither has another task, nor takes one over from another role.
 * @throws Failure E_KEY
 */
export function requireOwnTask(
  base: Pick<TrustBase, 'mesh' | 'targets'>,
  name: string,
  keys: readonly PublicKey[],
): void {
  const isOnline = (role: string) => ['enrol', 'enrol (retired)', 'beacon'].includes(role)
  for (const { keyId } of keys) {
    const other = placesOf(base, keyId).find((role) => role !== name && (isOnline(role) || isOnline(name)))
    if (other !== undefined)
      throw new Failure(
        'E_KEY',
        `the key ${shortKey(keyId)} has another task in this mesh already, that of "${other}": a key of "enrol" or "beacon" has no other, so name a new one`,
      )
  }
}

function targetsRotation(base: TrustBase, role: RoleKeys, change: PublisherChange): TrustChange {
  const root = rootRotation(base, 'targets', { role, change })
  const { follows, notes } = newEpoch(base, root.roles?.targets ?? role, change.raiseEpoch)
  return { root: { ...root, raiseTargetsEpoch: follows !== undefined }, follows, notes }
}

/**
 * Whether the targets begin a new epoch, and with what: when the keys that go could have signed alone, since a thief may have used up versions
 * and epochs where nobody here has heard of it, and when they are used up. It begins with what the folder has, since what a peer holds may be
 * the thief's. What the folder does not know is undone only when somebody says so, or nobody else can have signed it.
 * @throws Failure E_TARGETS: it is not clear which of the two counts.
 */
function newEpoch(base: TrustBase, next: RoleKeys, asked = false): { follows?: TargetsDocument; notes: string[] } {
  const [own, known] = [newestKnown(base.mesh, null), base.targets]
  const isUsedUp = known !== undefined && known.signed.version >= INTEGER_MAX
  if (own === undefined || !(asked || isUsedUp || couldSign(base.mesh.root.signed.roles.targets, next)))
    return { notes: [] }
  const isOther = known !== undefined && known.hash !== own.hash
  const other = `version ${known?.signed.version} of the targets document, which the peer holds`
  if (isOther && !(asked || isUsedUp))
    throw new Failure(
      'E_TARGETS',
      `${other}, is not in ${base.mesh.dir}: if it is yours, "pimesh trust renew targets" takes it in; if not, "pimesh trust rotate targets --raise-epoch" with these keys undoes it`,
    )
  const names = own.signed.roles.map(({ name }) => name).join(', ') || 'none'
  const why = asked
    ? ''
    : isUsedUp
      ? ', since its versions are used up'
      : ', since the keys that go could have signed alone'
  return {
    follows: own,
    notes: [
      `the targets document begins a new epoch${why}, and with it every publisher: each has to publish again, and what is installed stays`,
      ...(isOther
        ? [
            `${other}, is undone: what counts is version ${own.signed.version} of the folder, with the publishers ${names}`,
          ]
        : []),
    ],
  }
}

function rootRotation(
  base: TrustBase,
  name: RootRole,
  { role, change }: { role: RoleKeys; change: PublisherChange },
): RootChanges {
  if (change.whenStale !== undefined)
    throw new Failure('E_USAGE', `--when-stale is for publishers, and "${name}" is none`)
  if (change.raiseEpoch && name !== 'enrol' && name !== 'targets')
    throw new Failure('E_USAGE', `--raise-epoch is for publishers, targets and enrol, and "${name}" has no epoch`)
  if (name === 'enrol') return enrolRotation(base, role, change)
  requireOwnTask(base, name, change.in)
  const next = changedKeys(name, role, change)
  if (name === 'beacon')
    return { beacon: { keys: publicKeys(base.mesh.root.signed, next, change.in), threshold: next.threshold } }
  return { roles: { [name]: next }, keys: change.in }
}

/** Rotation is not revocation, though it looks like it: whoever stole the key goes on with it. */
function rotationNotes({ raiseEpoch, out }: PublisherChange): string[] {
  const retired = out.map((keyId) => {
    const revocation = `"pimesh trust revoke ${shortKey(keyId)}"`
    return `the key ${shortKey(keyId)} is retired: who has it can still let machines in, until ${revocation} voids it, and all that it granted`
  })
  return [...(raiseEpoch ? [EPOCH_NOTE] : []), ...retired]
}

/** Old keys are retired; a new one that takes the place of one that is confined to a zone is confined to it, too. */
function enrolRotation(base: TrustBase, role: RoleKeys, change: PublisherChange): RootChanges {
  if ((change.threshold ?? 1) !== 1)
    throw new Failure('E_ROLE', 'the role "enrol" needs one signature always: an invite has one')
  const { enrolment } = base.mesh.root.signed
  const again = change.in.find(({ keyId }) => enrolment.retired.includes(keyId))
  if (again !== undefined)
    throw new Failure('E_KEY', `the key ${shortKey(again.keyId)} was retired, and does not enrol again: name a new one`)
  requireOwnTask(base, 'enrol', change.in)
  changedKeys('enrol', role, change)
  const [gone, ...more] = change.out
  const zone = gone === undefined || more.length > 0 ? undefined : enrolment.zones.get(gone)
  const add = change.in.map(({ keyId }) => ({ keyId, zone }))
  const enrol = { add, retire: change.out }
  return { enrol, keys: change.in, statements: requireStatements(base), raiseEpoch: change.raiseEpoch }
}

/** What an enrol key stated last is sealed when it retires: an older statement would let in again whom it revoked. */
function requireStatements({ statements }: TrustBase): readonly string[] {
  if (statements !== undefined) return statements
  const advice = 'start it ("pimesh up" or "pimesh attach"), or name its folder with --data'
  throw new Failure('E_NO_DAEMON', `a peer has to say what this enrol key revoked, and none runs here: ${advice}`)
}

function publicKeys({ keys }: Root, { keyIds }: RoleKeys, coming: readonly PublicKey[]): PublicKey[] {
  const all = new Map([...keys, ...coming.map(({ keyId, publicKey }) => [keyId, publicKey] as const)])
  return keyIds.map((keyId) => ({ keyId, publicKey: all.get(keyId) as Uint8Array }))
}

/** The role ends. @throws Failure E_ROLE */
export function roleRevoked(base: TrustBase, name: string): TrustChange {
  if (name === 'beacon') {
    roleNamed(base, name)
    return { root: { beacon: 'none' }, notes: ['no node proves any more that nothing newer is withheld'] }
  }
  if (isRootRole(name))
    throw new Failure(
      'E_ROLE',
      `no mesh can be without the role "${name}": change its keys with "pimesh trust rotate ${name}"`,
    )
  const before = knownTargets(base.targets)
  const targets = withoutPublisher(before, name)
  return { targets, notes: voided(before, targets, base.announced) }
}

/** Where a key stands: `root`, `enrol`, `enrol (retired)`, `acme`. */
export function placesOf({ mesh, targets }: Pick<TrustBase, 'mesh' | 'targets'>, keyId: string): string[] {
  const { roles, enrolment } = mesh.root.signed
  const own = ROOT_ROLES.filter((name) => roles[name]?.keyIds.includes(keyId))
  const publishers = (targets?.signed.roles ?? []).filter(({ keyIds }) => keyIds.includes(keyId))
  const retired = enrolment.retired.includes(keyId) ? ['enrol (retired)'] : []
  return [...own, ...retired, ...publishers.map(({ name }) => name)]
}

/** All keys that stand anywhere. */
export function allKeys({ mesh, targets }: Pick<TrustBase, 'mesh' | 'targets'>): Set<string> {
  const { roles, enrolment } = mesh.root.signed
  const own = ROOT_ROLES.flatMap((name) => roles[name]?.keyIds ?? [])
  return new Set([...own, ...enrolment.retired, ...(targets?.signed.roles ?? []).flatMap(({ keyIds }) => keyIds)])
}

/** The key counts nowhere any more. @throws Failure E_ROLE (too few keys would be left), E_NO_DAEMON */
export function keyRevoked(base: TrustBase, keyId: string): TrustChange {
  const change: KeysChange = { out: [keyId], in: [] }
  const { root } = keyOutOfRoot(base, keyId, change)
  const before = (root.follows ?? base.targets)?.signed
  const publishers = before?.roles.filter(({ keyIds }) => keyIds.includes(keyId)) ?? []
  if (before === undefined || publishers.length === 0) return { ...root, notes: root.notes }
  const targets = publishers.reduce((next, { name }) => withChanged(next, name, change, base.announced), before)
  return { ...root, targets, notes: [...root.notes, ...voided(before, targets, base.announced)] }
}

function keyOutOfRoot(base: TrustBase, keyId: string, change: KeysChange): { root: TrustChange } {
  const { roles, enrolment, keys } = base.mesh.root.signed
  const has = (name: RootRole) => roles[name]?.keyIds.includes(keyId) === true
  const changes: RootChanges = {}
  for (const name of ['root', 'targets'] as const)
    if (has(name)) changes.roles = { ...changes.roles, [name]: changedKeys(name, roles[name], change) }
  if (has('beacon') && roles.beacon !== undefined) {
    const next = changedKeys('beacon', roles.beacon, change)
    changes.beacon = { keys: publicKeys({ keys } as Root, next, []), threshold: next.threshold }
  }
  if (has('enrol')) changedKeys('enrol', roles.enrol, change)
  const enrols = has('enrol') || enrolment.retired.includes(keyId)
  if (enrols) changes.enrol = { void: [keyId] }
  const notes = enrols ? enrolNotes(base, keyId) : []
  if (changes.roles?.targets !== undefined) {
    const begun = newEpoch(base, changes.roles.targets)
    const root = { ...changes, raiseTargetsEpoch: begun.follows !== undefined }
    return { root: { root, follows: begun.follows, notes: [...notes, ...begun.notes] } }
  }
  return { root: Object.keys(changes).length === 0 ? { notes } : { root: changes, notes } }
}

/** Voiding an enrol key throws out who is honest, too, and lets in again whom it had revoked of another key. */
function enrolNotes(base: TrustBase, keyId: string): string[] {
  const statement = newestStatement(base.mesh, keyId, requireStatements(base))
  const { nodes, invites } = statement?.signed ?? { nodes: new Map(), invites: new Map() }
  const named = [...nodes.keys(), ...invites.keys()].join(', ')
  return [
    'every membership and invite that this enrol key granted is void: whom it let in has to join anew ("pimesh trust rotate enrol" voids none)',
    ...(named === ''
      ? []
      : [`what it revoked of other enrol keys comes back: revoke again what is not yours of ${named}`]),
  ]
}

/** A new epoch begins with the keys that the targets name: what the role had changed by itself is undone. */
function selfGiven(name: string, had: readonly string[], has: readonly string[]): string[] {
  const [gone, back] = [had.filter((id) => !has.includes(id)), has.filter((id) => !had.includes(id))]
  if (back.length === 0) return []
  const ids = (keyIds: readonly string[]) => (keyIds.length === 0 ? 'none' : keyIds.map(shortKey).join(', '))
  return [
    `"${name}" had changed its keys by itself: ${ids(back)}, which it had taken out, signs again, and ${ids(gone)} does not; name the right ones with --out-key and --pub`,
  ]
}

/** Roles whose announcements do not count under the next targets; which those are is known as far as a peer or the folder knows. */
function voided(before: Targets, next: Targets, announced: readonly AnnouncementDocument[]): string[] {
  return before.roles.flatMap(({ name, epoch }) => {
    const role = next.roles.find((one) => one.name === name)
    if (role?.epoch === epoch) return []
    const paths = announced
      .filter(({ signed }) => signed.role === name && signed.epoch === epoch)
      .flatMap(({ signed }) => signed.releases.map(({ path }) => path))
    const chain = announced.filter(({ signed }) => signed.role === name && signed.epoch === epoch)
    const own = chain.flatMap(({ signed }) => signed.rotations ?? []).at(-1)
    const what = `nothing that "${name}" announced${paths.length === 0 ? '' : ` (${[...new Set(paths)].join(', ')})`} counts any more`
    const lost = own === undefined || role === undefined ? [] : selfGiven(name, own.signed.keyIds, role.keyIds)
    return [`${what}${role === undefined ? '' : ' until it publishes it again'}; what is installed stays`, ...lost]
  })
}
