// The publishers of a simulated mesh: their keys, the targets document that delegates to them, and what they sign. Also what
// an enemy may have of theirs: everything that was ever signed, keys that were replaced, and keys that are too few.
import type { Millis } from '../../src/core/env.ts'
import { DAY, limits } from '../../src/core/limits.ts'
import type { AnnouncementDocument, Release } from '../../src/core/trust/announcement.ts'
import type { Delegation, TargetsDocument } from '../../src/core/trust/documents.ts'
import { announcementJson, parseAnnouncement } from '../../src/wire/announcement.ts'
import type { ReleaseTerms } from '../../src/wire/release.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { parseTargets, targetsJson } from '../../src/wire/targets.ts'
import { EPOCH } from './clock.ts'
import { type Content, makeContent } from './content.ts'
import type { KeyRing, SimKey } from './crypto.ts'
import type { SimMesh } from './mesh.ts'
import type { Prng } from './prng.ts'
import { type ReleasePlan, roleOf, type Scenario } from './scenario.ts'

/** Keys of a role, and how many of them must sign. */
const KEYS = 3
const THRESHOLD = 2
const EXPIRES: Millis = EPOCH + limits.announcementLifetime + DAY

interface Role {
  delegation: Delegation
  keys: readonly SimKey[]
  version: number
  /** The releases that it announces now, by path. */
  releases: Map<string, ReleaseTerms>
}

/** A release as its publisher signed it, with the bytes that it goes with. */
export interface Signed {
  announcement: AnnouncementDocument
  release: Release
  content: Content
}

export class Publisher {
  readonly #mesh: SimMesh
  readonly #ring: KeyRing
  readonly #prng: Prng
  readonly #roles = new Map<string, Role>()
  readonly #counters = new Map<string, number>()
  readonly #stale: Pick<Delegation, 'whenStale'>
  #targetsVersion = 0
  /** In order of signing. */
  readonly announcements: AnnouncementDocument[] = []
  /** Signed by who stole the keys, as far ahead as versions go (T04): believed until the rotation is heard of, and never after it. */
  readonly stolen: AnnouncementDocument[] = []
  /** What nobody may ever accept. */
  readonly forgeries: AnnouncementDocument[] = []
  readonly contents = new Map<string, Content>()
  /** The newest, and one that nobody may accept: the targets role did not sign it. */
  targets: TargetsDocument | undefined
  forgedTargets: TargetsDocument | undefined

  constructor(mesh: SimMesh, ring: KeyRing, prng: Prng, scenario: Scenario) {
    this.#mesh = mesh
    this.#ring = ring
    this.#prng = prng
    this.#stale = scenario.beacons.refuses ? { whenStale: 'refuse' } : {}
    for (const { path } of scenario.releases) {
      const name = roleOf(path)
      if (!this.#roles.has(name)) this.#roles.set(name, this.#newRole(name, 1))
    }
    if (this.#roles.size > 0) this.#delegate()
  }

  get roles(): string[] {
    return [...this.#roles.keys()]
  }

  /** Signs the next release of the plan's path, which is at `origin` first; two announcements of one version when the plan is twofold. */
  release(plan: ReleasePlan, origin: readonly string[]): Signed[] {
    const role = this.#role(roleOf(plan.path))
    const highest = this.#counters.get(plan.path) ?? 0
    const counter = plan.counter === 0 ? highest + 1 : plan.counter
    this.#counters.set(plan.path, Math.max(highest, counter))
    role.version++
    const signed = (plan.twice ? ['one', 'other'] : ['']).map((side) => {
      const content = this.#content(`${plan.path} ${counter} ${side} ${role.version}`, plan)
      role.releases.set(plan.path, { ...termsOf(plan, counter, content), origin })
      const announcement = this.#sign(role, THRESHOLD)
      this.announcements.push(announcement)
      return { announcement, release: releaseOf(announcement, plan.path), content }
    })
    this.#forge(role, plan.path)
    return signed
  }

  /** New keys and the next epoch for a role, whose releases it signs anew. */
  rotate(name: string): AnnouncementDocument {
    const old = this.#role(name)
    const role = { ...this.#newRole(name, old.delegation.epoch + 1), releases: old.releases, version: 1 }
    this.#roles.set(name, role)
    this.#delegate()
    this.stolen.push(this.#sign({ ...old, version: 2 ** 31 - 1 }, THRESHOLD))
    const announcement = this.#sign(role, THRESHOLD)
    this.announcements.push(announcement)
    return announcement
  }

  /** True when nothing was ever signed under the path that must come after it. */
  isHighest({ path, counter }: Release): boolean {
    return counter === this.#counters.get(path)
  }

  /** The newest announcement of a role. */
  newest(role: string): AnnouncementDocument | undefined {
    return this.announcements.findLast(({ signed }) => signed.role === role)
  }

  /** One of two announcements of one version. */
  isTwin({ signed: { role, epoch, version }, hash }: AnnouncementDocument): boolean {
    const same = ({ signed }: AnnouncementDocument) =>
      signed.role === role && signed.epoch === epoch && signed.version === version
    return this.announcements.some((other) => other.hash !== hash && same(other))
  }

  /** Announcements that look newer than they may be: another mesh's, too few keys, other keys, signatures that are none, foreign paths. */
  #forge(role: Role, path: string): void {
    const counter = (this.#counters.get(path) ?? 0) + 1
    const plan = { pieces: 1, packed: false, broken: false, path, to: 'true' }
    const evil = termsOf(plan, counter, this.#content(`evil ${path} ${counter}`, plan))
    const next = { ...role, version: role.version + 1, releases: new Map([[path, evil]]) }
    const others = this.#newRole(role.delegation.name, role.delegation.epoch).keys
    this.forgeries.push(
      this.#sign(next, THRESHOLD, 'f'.repeat(64)),
      this.#sign(next, THRESHOLD - 1),
      this.#sign({ ...next, keys: others }, THRESHOLD),
      this.#sign({ ...next, keys: others.map((key, i) => ({ ...key, keyId: role.keys[i]?.keyId ?? '' })) }, THRESHOLD),
      this.#sign({ ...next, releases: new Map([['elsewhere/agent', evil]]) }, THRESHOLD),
      this.#sign({ ...next, delegation: { ...role.delegation, epoch: role.delegation.epoch + 1 } }, THRESHOLD),
    )
  }

  #sign({ delegation, keys, version, releases }: Role, signatures: number, mesh = this.#mesh.id): AnnouncementDocument {
    const { name: role, epoch } = delegation
    const json = announcementJson({ mesh, role, epoch, version, expires: EXPIRES }, Object.fromEntries(releases))
    return parseAnnouncement(encodeSigned(json, keys.slice(0, signatures)))
  }

  #newRole(name: string, epoch: number): Role {
    const keys = Array.from({ length: KEYS }, () => this.#ring.make(this.#prng))
    const keyIds = keys.map(({ keyId }) => keyId)
    const delegation = {
      name,
      keyIds,
      threshold: THRESHOLD,
      paths: [`${name}/*`],
      terminating: true,
      epoch,
      ...this.#stale,
    }
    return { delegation, keys, version: 0, releases: new Map() }
  }

  #delegate(): void {
    const roles = [...this.#roles.values()]
    const keys = new Map(roles.flatMap((role) => role.keys).map(({ keyId, publicKey }) => [keyId, publicKey]))
    const version = ++this.#targetsVersion
    const targets = { version, expires: EXPIRES, keys, roles: roles.map(({ delegation }) => delegation) }
    this.targets = parseTargets(encodeSigned(targetsJson(targets), [this.#mesh.owner]))
    const [thief] = roles.flatMap((role) => role.keys)
    const forged = { ...targets, version: version + 10 }
    this.forgedTargets = parseTargets(encodeSigned(targetsJson(forged), thief === undefined ? [] : [thief]))
  }

  #content(name: string, { pieces, packed }: Pick<ReleasePlan, 'pieces' | 'packed'>): Content {
    const content = makeContent(name, pieces, packed ? 'zstd' : 'identity')
    this.contents.set(content.encoding.hash, content)
    return content
  }

  #role(name: string): Role {
    const role = this.#roles.get(name)
    if (role === undefined) throw new Error(`there is no role "${name}"`)
    return role
  }
}

function termsOf(plan: Pick<ReleasePlan, 'to' | 'broken'>, counter: number, content: Content): ReleaseTerms {
  const { artifact, encoding } = content
  return {
    counter,
    version: `${counter}.0`,
    artifact: plan.broken ? { ...artifact, hash: 'ab'.repeat(32) } : artifact,
    to: plan.to,
    installer: { type: 'file', file: 'agent', executable: true },
    encodings: [encoding],
    origin: [],
  }
}

function releaseOf(announcement: AnnouncementDocument, path: string): Release {
  const release = announcement.signed.releases.find((candidate) => candidate.path === path)
  if (release === undefined) throw new Error(`the announcement has no "${path}"`)
  return release
}
