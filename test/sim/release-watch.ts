// The watch over releases: what nodes accept, keep, ask for and put to use is checked as it happens, and, once nothing new breaks,
// whether everybody came to have what it should (I10 to I17).

import { sameBytes } from '../../src/core/bytes.ts'
import type { Millis } from '../../src/core/env.ts'
import type { Effect, Input } from '../../src/core/events.ts'
import { limits, SECOND } from '../../src/core/limits.ts'
import type { Subject } from '../../src/core/rollout/subject.ts'
import type { AnnouncementDocument, Release } from '../../src/core/trust/announcement.ts'
import type { Freshness } from '../../src/core/trust/freshness.ts'
import { matchesSelector } from '../../src/wire/selector.ts'
import type { SavedState } from '../../src/wire/state.ts'
import type { Version } from './installer.ts'
import type { Bounds } from './invariants/bounds.ts'
import { Delivery, type Due } from './invariants/delivery.ts'
import type { Report } from './invariants/detection.ts'
import { Floors } from './invariants/floors.ts'
import { Installing, type Problem } from './invariants/installing.ts'
import { PieceCare } from './invariants/piece-care.ts'
import { joined, Registers } from './invariants/registers.ts'
import type { Publisher } from './publisher.ts'
import { roleOf } from './scenario.ts'
import type { SimNode } from './sim-node.ts'

/** How often it is looked whether everybody has what it should. */
const LOOK = 10 * SECOND

interface Parts {
  now: () => Millis
  publisher: Publisher
  bounds: Bounds
  /** Roles refuse to install while a node is stale. */
  refuses: boolean
  report: Report
}

export class ReleaseWatch {
  readonly delivery: Delivery
  readonly pieces: PieceCare
  checks = 0
  readonly #p: Parts
  readonly #floors = new Floors()
  readonly #registers = new Registers()
  readonly #installing: Installing
  #nodes: readonly SimNode[] = []
  /** When each node started last. */
  readonly #started = new Map<number, Millis>()
  readonly #signed = new Set<string>()
  readonly #releases = new Map<string, Release>()
  #known = 0
  /** What some node holds, and since when the newest of it; of what nobody holds nothing is expected. */
  #published: AnnouncementDocument[] = []
  #publishedAt: Millis = 0
  #quietSince: Millis | undefined
  #lookAt: Millis = 0

  constructor(parts: Parts) {
    this.#p = parts
    const { publisher, bounds, report, now } = parts
    const { spread, installation } = bounds
    this.delivery = new Delivery({
      now,
      round: limits.helloPeriod,
      allowed: { I16: installation, I17: spread },
      report,
    })
    this.#installing = new Installing({
      announcement: (hash) => this.#all().has(hash),
      release: (hash) => {
        this.#all()
        return this.#releases.get(hash)
      },
      selects: (release, node) => this.#selects(release, this.#node(node)),
    })
    this.pieces = new PieceCare({
      isPiece: (encoding, index, bytes) => {
        const piece = publisher.contents.get(encoding)?.pieces[index]
        return piece !== undefined && sameBytes(piece, bytes)
      },
      holds: (node, encoding, index) => this.#node(node).transfers.artifacts.holds(encoding, index),
    })
  }

  /** Machines that said of themselves that they are stale. */
  readonly #stale = new Set<number>()

  watch(nodes: readonly SimNode[]): void {
    this.#nodes = nodes
  }

  started({ id }: SimNode, { publishers, installs }: SavedState): void {
    this.#started.set(id.index, this.#p.now())
    this.#stale.delete(id.index)
    this.#check('I11', id.index, this.#floors.started(id.index, publishers))
    this.#registers.started(id.index, publishers)
    this.#installing.started(id.index, installs)
  }

  before({ id }: SimNode, input: Input): void {
    if (input.type === 'persisted') {
      const floors = this.#floors.persisted(id.index, input.ticket)
      for (const { path, counter } of floors) this.#installing.floor(id.index, path, counter)
      this.#installing.persisted(id.index, input.ticket)
      for (const document of this.#registers.persisted(id.index, input.ticket)) this.#holds(document)
    } else if (input.type === 'persistFailed') {
      this.#floors.failed(id.index, input.ticket)
      this.#registers.failed(id.index, input.ticket)
    }
  }

  effect({ id, transfers }: SimNode, effect: Effect): void {
    const { index } = id
    if (effect.type === 'persist') this.#writes(index, effect)
    else if (effect.type === 'event' && effect.event.type === 'freshness')
      this.#freshness(index, effect.event.freshness)
    else if (effect.type === 'install') this.#judge(index, this.#asks(index, effect))
    else if (effect.type === 'pieceKeep')
      this.#check('I13', index, this.pieces.keeps(effect.encoding, effect.index, transfers.bytesOf(effect.arrival)))
    else if (effect.type === 'pieceSay' && effect.message.type === 'request')
      this.#check('I14', index, this.pieces.asks(index, effect.message.encoding, effect.message.index))
  }

  inUse(node: number, path: string, before: Version | undefined, after: Version | undefined): void {
    this.delivery.stats.installed++
    this.#judge(node, this.#installing.inUse(node, path, before, after))
  }

  /** A publisher was told that what it signed is not. */
  refused(node: number, code: string): void {
    this.#check('I17', node, `refused what its publisher signed: ${code}`)
  }

  /** Nothing new breaks from now on. */
  quiet(): void {
    this.#quietSince = this.#p.now()
  }

  /** Call once a virtual second. */
  tick(): void {
    const now = this.#p.now()
    if (this.#quietSince === undefined || now < this.#lookAt) return
    this.#lookAt = now + LOOK
    const due = this.#nodes.filter((node) => node.alive()).flatMap((node) => this.#due(node))
    this.checks += due.length
    this.delivery.look(due)
  }

  /** What a node that runs should hold and have in use. */
  #due(node: SimNode): Due[] {
    const from = Math.max(this.#quietSince ?? 0, this.#publishedAt, this.#started.get(node.id.index) ?? 0)
    return this.#p.publisher.roles.flatMap((role) => {
      const documents = this.#published.filter(({ signed }) => signed.role === role)
      const newest = this.#newest(documents)
      const own = { node: node.id.index, from }
      const held = this.#registers.of(node.id.index, role)
      const expected = joined(documents.map(({ signed, hash }) => ({ ...signed, hash })))
      const instead = `holds "${held.slice(0, 16)}" of role ${role} instead of "${expected.slice(0, 16)}"`
      const register: Due = { ...own, invariant: 'I17', what: expected, met: held === expected, instead }
      const releases = node.isNode ? (newest?.signed.releases ?? []) : []
      return [register, ...releases.flatMap((release) => this.#dueRelease(node, release, own))]
    })
  }

  #dueRelease(node: SimNode, release: Release, own: Pick<Due, 'node' | 'from'>): Due[] {
    if (!this.#selects(release, node) || !this.#possible(release)) return []
    const current = node.transfers.installer.current(release.path)
    const instead = `has ${release.path} ${current?.counter ?? 'not'} in use instead of ${release.counter}`
    return [{ ...own, invariant: 'I16', what: release.hash, met: current?.release === release.hash, instead }]
  }

  /** The one that counts; undefined while there are two. */
  #newest(documents: readonly AnnouncementDocument[]): AnnouncementDocument | undefined {
    const last = documents.reduce<AnnouncementDocument | undefined>((best, next) => {
      const newer = next.signed.epoch - (best?.signed.epoch ?? 0) || next.signed.version - (best?.signed.version ?? 0)
      return newer > 0 ? next : best
    }, undefined)
    const twins = documents.filter(
      ({ signed }) => signed.epoch === last?.signed.epoch && signed.version === last.signed.version,
    )
    return twins.length === 1 ? last : undefined
  }

  /** False when the bytes are not those that were announced, or something newer was. */
  #possible(release: Release): boolean {
    const { artifact, encodings } = release
    if (!this.#p.publisher.isHighest(release)) return false
    return encodings.some(({ hash }) => this.#p.publisher.contents.get(hash)?.artifact.hash === artifact.hash)
  }

  /** A node holds this from now on: sooner or later all do. What thieves signed is none of what is expected. */
  #holds(document: AnnouncementDocument): void {
    const known = this.#published.some(({ hash }) => hash === document.hash)
    if (known || this.#p.publisher.stolen.some(({ hash }) => hash === document.hash)) return
    this.#published.push(document)
    this.#publishedAt = this.#p.now()
  }

  #writes(index: number, { ticket, changes }: Extract<Effect, { type: 'persist' }>): void {
    this.#check('I11', index, this.#floors.writes(index, ticket, changes))
    this.#registers.writes(index, ticket, changes)
    this.#installing.writes(index, ticket, changes)
    for (const change of changes) {
      if (change.type === 'announcement') this.#judge(index, this.#installing.accepts(change.announcement.hash))
    }
  }

  #freshness(index: number, freshness: Freshness): void {
    if (freshness === 'stale') this.#stale.add(index)
    else this.#stale.delete(index)
  }

  #asks(index: number, { step, job }: Extract<Effect, { type: 'install' }>): Problem | undefined {
    // A role that refuses to install while its node is stale is as good as frozen then.
    const refused = this.#p.refuses && this.#stale.has(index)
    const frozen = refused || this.#registers.frozen(index, roleOf(job.path))
    return this.#installing.asks(index, step, job, frozen)
  }

  #selects(release: Release, node: SimNode): boolean {
    return node.isNode && matchesSelector(release.to, subjectOf(node))
  }

  /** Everything that was signed so far. */
  #all(): ReadonlySet<string> {
    const { announcements, stolen } = this.#p.publisher
    for (const { hash } of stolen) this.#signed.add(hash)
    for (; this.#known < announcements.length; this.#known++) {
      const { hash, signed } = announcements[this.#known] as AnnouncementDocument
      this.#signed.add(hash)
      for (const release of signed.releases) this.#releases.set(release.hash, release)
    }
    return this.#signed
  }

  #check(invariant: string, node: number, problem: string | undefined): void {
    this.checks++
    if (problem !== undefined) this.#p.report(invariant, node, problem)
  }

  #judge(node: number, problem: Problem | undefined): void {
    this.#check(problem?.invariant ?? '', node, problem?.detail)
  }

  #node(index: number): SimNode {
    return this.#nodes[index] as SimNode
  }
}

function subjectOf({ id, node, zone }: SimNode): Subject {
  const { labels } = id.membership.invite.signed
  return { node, name: id.membership.claims.name, zone, labels, ...id.facts }
}
