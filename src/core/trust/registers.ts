// The registers of announcements: one per role, a join-semilattice over (epoch, rotation, version, then the lower hash of `signed`).
// Of the highest version two documents at most are held: the one with the lowest hash, and its rival, the next one, when the
// role signed two (equivocation). Invariants: whatever the order, the same documents end in the same state; a floor never
// falls; what does not hold under the targets in force is not acted upon.
import type { Env } from '../env.ts'
import type { Change, RefusalCode } from '../events.ts'
import {
  type AnnouncementDocument,
  compareVersions,
  type Head,
  type Ordered,
  orderOf,
  type RoleFloor,
} from './announcement.ts'
import type { Delegation } from './documents.ts'
import type { KnownBad } from './known-bad.ts'
import { covers } from './paths.ts'
import { announcementHolds, TOMBSTONE } from './rotations.ts'

/** What an announcement is judged by. */
export interface Terms {
  /** Hex mesh id. */
  mesh: string
  /** Of the role; undefined when the targets do not name it. */
  delegation: Delegation | undefined
  /** Those of the targets document. */
  keys: ReadonlyMap<string, Uint8Array>
  env: Pick<Env, 'verifyStrict'>
  /** Documents that were checked under these terms and did not hold. */
  knownBad?: Pick<KnownBad, 'judge'>
}

/** Newer than what is held, the other side of an equivocation, held already, or refused. */
export type Standing = 'newer' | 'rival' | 'same' | RefusalCode

interface Entry {
  document: AnnouncementDocument
  /** Under the terms of the last `rejudge` or `judge`. What is not stays until something is taken: terms may come back. */
  valid: boolean
}

const SIDES = ['held', 'rival'] as const
type Saved = { side: (typeof SIDES)[number]; announcement: AnnouncementDocument }

export class Registers {
  /** One or two of one version each, the lowest hash first. */
  readonly #entries = new Map<string, readonly Entry[]>()
  readonly #floors: Map<string, RoleFloor>

  constructor(floors: readonly RoleFloor[]) {
    this.#floors = new Map(floors.map((floor) => [floor.role, floor]))
  }

  /** Fills the registers with what an earlier run held, to be judged by `rejudge`; returns what to correct on disk. */
  restore(saved: readonly Saved[]): Change[] {
    for (const { announcement } of saved) this.take(announcement)
    return [...new Set(saved.map(({ announcement }) => announcement.signed.role))].flatMap((role) => {
      const mine = saved.filter(({ announcement }) => announcement.signed.role === role)
      const before = SIDES.map((side) => mine.find((item) => item.side === side)?.announcement)
      return sideChanges(role, before, this.#documents(role))
    })
  }

  /** The role signed two announcements of one version: nothing of it is installed until a higher one. */
  frozen(role: string): boolean {
    return this.sides(role).length > 1
  }

  floor(role: string): RoleFloor | undefined {
    return this.#floors.get(role)
  }

  /** What is in force of a role: none, one, or both sides of an equivocation. */
  sides(role: string): AnnouncementDocument[] {
    return (this.#entries.get(role) ?? []).filter(({ valid }) => valid).map(({ document }) => document)
  }

  /** What is in force under this hash. */
  byHash(hash: string): AnnouncementDocument | undefined {
    for (const entries of this.#entries.values())
      for (const { document, valid } of entries) if (valid && document.hash === hash) return document
    return undefined
  }

  /** Every document that is held, in force or not. */
  all(): AnnouncementDocument[] {
    return [...this.#entries.keys()].flatMap((role) => this.#documents(role))
  }

  /** Roles with a document. */
  get size(): number {
    return this.#entries.size
  }

  /** What a head would be here, by all that needs no body. */
  standing(head: Head, delegation: Delegation | undefined): Standing {
    if (delegation === undefined) return 'unknownRole'
    if (head.epoch !== delegation.epoch) return head.epoch < delegation.epoch ? 'oldVersion' : 'wrongEpoch'
    const floor = this.#floors.get(head.role)
    if (floor !== undefined && compareVersions(head, floor) < 0) return behind(head, floor)
    const [held, rival] = this.sides(head.role)
    const twin = [held, rival].find((side) => side?.hash === head.hash)
    if (twin !== undefined) return compareVersions(head, twin.signed) === 0 ? 'same' : 'malformed'
    if (held === undefined || compareVersions(head, held.signed) > 0) return 'newer'
    return rival !== undefined && rival.hash < head.hash ? 'oldVersion' : 'rival'
  }

  /** Judges a document, signatures last: whatever is refused for another reason costs none. */
  judge(document: AnnouncementDocument, terms: Terms): Standing {
    if (document.signed.mesh !== terms.mesh) return 'foreignMesh'
    const standing = this.standing(headOf(document), terms.delegation)
    if (!isNews(standing)) return standing
    return problemOf(document, terms) ?? standing
  }

  /** What must be on disk before a judged document is taken. */
  changes(document: AnnouncementDocument): Change[] {
    const { role } = document.signed
    const sides = sideChanges(role, this.#documents(role), this.#joined(document))
    const floor = this.#floors.get(role)
    if (floor !== undefined && compareVersions(document.signed, floor) <= 0) return sides
    return [...sides, { type: 'roleFloor', floor: { role, ...orderOf(document.signed) } }]
  }

  /** Joins a judged document into its register. An older one, or one that is there already, changes nothing. */
  take(document: AnnouncementDocument): void {
    const { role } = document.signed
    const floor = this.#floors.get(role)
    if (floor !== undefined && compareVersions(document.signed, floor) < 0) return
    const entries = this.#joined(document).map((side) => ({ document: side, valid: true }))
    this.#entries.set(role, entries)
    this.#floors.set(role, { role, ...orderOf(document.signed) })
  }

  /**
   * Judges all that is held under new terms; `terms` says undefined while no targets are in force, and then nothing is.
   * What is of a role that is gone is dropped, and returned for the disk; its floor stays. What is of an older epoch stays, out of
   * force, until the role signs in its new one: it says which bytes are still in use.
   */
  rejudge(terms: (role: string) => Terms | undefined): Change[] {
    const changes: Change[] = []
    for (const [role, entries] of this.#entries) {
      const judgedBy = terms(role)
      const documents = entries.map(({ document }) => document)
      if (judgedBy !== undefined && judgedBy.delegation === undefined) {
        this.#entries.delete(role)
        changes.push(...sideChanges(role, documents, []))
      } else {
        const valid = (document: AnnouncementDocument) =>
          judgedBy !== undefined && problemOf(document, judgedBy) === undefined
        this.#entries.set(
          role,
          documents.map((document) => ({ document, valid: valid(document) })),
        )
      }
    }
    return changes
  }

  /** Both sides of a role as the disk should have them. */
  onDisk(role: string): Change[] {
    const documents = this.#documents(role)
    return SIDES.map((side, i) => sideChange(role, side, documents[i]))
  }

  #documents(role: string): AnnouncementDocument[] {
    return (this.#entries.get(role) ?? []).map(({ document }) => document)
  }

  #joined(document: AnnouncementDocument): AnnouncementDocument[] {
    const sides = this.sides(document.signed.role)
    const [held] = sides
    const order = held === undefined ? 1 : compareVersions(document.signed, held.signed)
    if (order !== 0) return order < 0 ? sides : [document]
    return [...sides.filter(({ hash }) => hash !== document.hash), document].sort(byHash).slice(0, SIDES.length)
  }
}

/** True when a document of this standing would be taken. */
export function isNews(standing: Standing): standing is 'newer' | 'rival' {
  return standing === 'newer' || standing === 'rival'
}

/** True when a document of this standing is held, or about to be. */
export function isKept(standing: Standing): standing is 'newer' | 'rival' | 'same' {
  return isNews(standing) || standing === 'same'
}

export function headOf({ signed, hash }: AnnouncementDocument): Head {
  return { role: signed.role, ...orderOf(signed), hash }
}

/** Why what comes before `than` is refused: a lower version, or the keys of before. */
function behind(one: Ordered, than: Ordered): RefusalCode {
  const { rotation = 0 } = than
  if (one.epoch < than.epoch || (one.rotation ?? 0) === rotation) return 'oldVersion'
  return rotation === TOMBSTONE ? 'roleEnded' : 'keysRotated'
}

/** What is wrong with a document whatever is held: the cheap checks first. */
function problemOf(document: AnnouncementDocument, terms: Terms): RefusalCode | undefined {
  const { mesh, delegation, keys, env, knownBad } = terms
  const { signed } = document
  if (signed.mesh !== mesh) return 'foreignMesh'
  if (delegation === undefined) return 'unknownRole'
  if (signed.epoch !== delegation.epoch) return 'wrongEpoch'
  if (!signed.releases.every(({ path }) => covers(delegation, path))) return 'outsidePaths'
  const isSigned = () => announcementHolds(document, { ...delegation, keys }, env)
  return (knownBad?.judge(document, isSigned) ?? isSigned()) ? undefined : 'badSignature'
}

function byHash(a: AnnouncementDocument, b: AnnouncementDocument): number {
  return a.hash < b.hash ? -1 : 1
}

type Sides = readonly (AnnouncementDocument | undefined)[]

/** From what the disk has to what it should have. */
function sideChanges(role: string, before: Sides, after: Sides): Change[] {
  return SIDES.flatMap((side, i) => (before[i] === after[i] ? [] : [sideChange(role, side, after[i])]))
}

function sideChange(
  role: string,
  side: (typeof SIDES)[number],
  announcement: AnnouncementDocument | undefined,
): Change {
  if (announcement === undefined) return { type: 'forgetAnnouncement', side, role }
  return { type: 'announcement', side, announcement }
}
