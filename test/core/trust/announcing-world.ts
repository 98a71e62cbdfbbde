// A node's announcing with its targets keeper, a disk that obeys, and a record of what it asks of the world.
import type { Env, Millis, NodeId } from '../../../src/core/env.ts'
import type { Change, Effect, RefusalCode, Ticket, Verdict } from '../../../src/core/events.ts'
import { DAY } from '../../../src/core/limits.ts'
import type { SavedPublishers } from '../../../src/core/machines.ts'
import type { NodeEvent } from '../../../src/core/node-events.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { Self } from '../../../src/core/self.ts'
import { type AnnouncementDocument, EMPTY_VECTOR, type Head } from '../../../src/core/trust/announcement.ts'
import { Announcing } from '../../../src/core/trust/announcing.ts'
import type { Audit } from '../../../src/core/trust/audit.ts'
import type { RootDocument, TargetsDocument } from '../../../src/core/trust/documents.ts'
import type { Misconduct } from '../../../src/core/trust/misconduct.ts'
import type { Refusals } from '../../../src/core/trust/refusals.ts'
import { headOf } from '../../../src/core/trust/registers.ts'
import { TargetsKeeper } from '../../../src/core/trust/targets-keeper.ts'
import {
  announcementOf,
  env,
  MESH,
  membershipOf,
  NO_PUBLISHERS,
  NOW,
  ROOT,
  targetsOf,
} from '../../fixtures/documents.ts'
import { watchOf } from '../../fixtures/watch.ts'

export const TOPIC = `/pimesh/1/${MESH.slice(0, 16)}/ann`
export const EMPTY = NO_PUBLISHERS.publishers satisfies SavedPublishers

export const TARGETS = targetsOf()
type Three = [AnnouncementDocument, AnnouncementDocument, AnnouncementDocument]
export const [V1, V2, V3] = [1, 2, 3].map((version) => announcementOf({ version })) as Three
/** Three announcements of version 4, the lowest hash first. */
export const [A, B, C] = [1, 2, 3]
  .map((days) => announcementOf({ version: 4, expires: NOW + days * DAY }))
  .sort((a, b) => (a.hash < b.hash ? -1 : 1)) as Three

/** A node with targets in force, and nothing of how it came by them. */
export function delegated(): World {
  const world = new World().delegate(TARGETS)
  for (const type of ['event', 'ask'] as const) world.take(type)
  world.changes = 0
  world.checks = 0
  return world
}

type Of<T extends Effect['type']> = Extract<Effect, { type: T }>

const known = new Map<string, boolean>()
const membership = membershipOf({})

/** The real check, made once for each signature: what a test counts is how often it is asked for. */
function verify(...[key, message, signature]: Parameters<Env['verifyStrict']>): boolean {
  const id = [key, message, signature].map((bytes) => Buffer.from(bytes).toString('base64')).join()
  const answer = known.get(id) ?? env.verifyStrict(key, message, signature)
  known.set(id, answer)
  return answer
}

export class World {
  readonly self: Self
  readonly targets: TargetsKeeper
  readonly announcing: Announcing
  readonly refusals: Refusals
  readonly audit: Audit
  readonly misconduct: Misconduct
  /** Whom not to dial for a while. */
  readonly avoided: NodeId[] = []
  /** What would be read from the disk after a crash now. */
  readonly disk = new Map<string, Change>()
  /** Signature checks so far. */
  checks = 0
  /** Calls of the hooks. */
  changes = 0
  readonly imported: string[] = []
  now: Millis = 1_000
  readonly #out = new Outbox()
  #effects: Effect[] = []
  #ticket = 10_000

  constructor(options: { saved?: SavedPublishers; root?: RootDocument; floor?: number } = {}) {
    const { root = ROOT, floor = 0 } = options
    const saved: SavedPublishers = options.saved ?? EMPTY
    const counting: Env = { ...env, verifyStrict: (...args) => ++this.checks > 0 && verify(...args) }
    const out = this.#out
    this.self = new Self(MESH, membership, root, NOW, 0)
    const { self } = this
    const { refusals, audit, misconduct, watch } = watchOf(out, self, (peer) => this.avoided.push(peer))
    this.refusals = refusals
    this.audit = audit
    this.misconduct = misconduct
    const shared = { env: counting, out, self, watch }
    this.targets = new TargetsKeeper(shared, saved.targets, [
      { version: floor },
      { version: saved.targetsFloor, epoch: saved.targetsFloorEpoch },
    ])
    const parts = { ...shared, targets: this.targets, refusals, topic: TOPIC }
    this.announcing = new Announcing(parts, saved, {
      accepted: () => this.changes++,
      imported: ({ hash }) => this.imported.push(hash),
    })
    for (const change of changesOf(saved)) this.#write(change)
    this.settle()
  }

  /** Ends a step, as a node does. */
  settle(): void {
    this.announcing.check(this.now)
    this.#effects.push(...this.#out.drain())
  }

  /** Effects of a type since they were last taken. */
  take<T extends Effect['type']>(type: T): Of<T>[] {
    const taken = this.#effects.filter((effect): effect is Of<T> => effect.type === type)
    this.#effects = this.#effects.filter((effect) => effect.type !== type)
    return taken
  }

  events(type: NodeEvent['type']): NodeEvent[] {
    return this.take('event').flatMap(({ event }) => (event.type === type ? [event] : []))
  }

  /** Writes what waits, and what follows from that. */
  write(): void {
    for (let batches = this.take('persist'); batches.length > 0; batches = this.take('persist')) {
      for (const { ticket, changes } of batches) {
        for (const change of changes) this.#write(change)
        if (this.targets.persisted(ticket, this.now)) this.announcing.targetsChanged(this.now)
        this.announcing.persisted(ticket, this.now)
        this.settle()
      }
    }
  }

  /** What waits cannot be written. */
  failToWrite(): void {
    for (const { ticket } of this.take('persist')) {
      this.targets.persistFailed(ticket)
      this.announcing.persistFailed(ticket, this.now)
      this.settle()
    }
  }

  /** Another root is in force. */
  rooted(root: RootDocument): this {
    this.self.root = root
    this.targets.rootChanged()
    this.announcing.targetsChanged(this.now)
    this.settle()
    this.write()
    return this
  }

  offerTargets(targets: TargetsDocument): void {
    this.targets.arrived('somebody', targets, this.now)
    this.settle()
  }

  /** Judges targets that were handed in here. */
  consider(targets: TargetsDocument): ReturnType<TargetsKeeper['consider']> {
    return this.targets.consider(targets, undefined, this.now)
  }

  /** Puts targets in force. */
  delegate(targets: TargetsDocument): this {
    this.offerTargets(targets)
    this.write()
    return this
  }

  /** A head is heard; returns its ticket. */
  hear(from: NodeId, head: Head | AnnouncementDocument, topic = TOPIC): Ticket {
    const ticket = ++this.#ticket
    this.announcing.heard(ticket, from, topic, 'signed' in head ? headOf(head) : head, this.now)
    this.settle()
    return ticket
  }

  /** The verdicts since they were last taken, by ticket. */
  verdicts(): Map<Ticket, Verdict> {
    return new Map(this.take('verdict').map(({ ticket, verdict }) => [ticket, verdict]))
  }

  /** A peer's hello: it holds these. */
  hello(peer: NodeId, documents: readonly AnnouncementDocument[], targets?: TargetsDocument): void {
    const heads = documents.map((document) => ({ ...headOf(document), rival: undefined }))
    const { version: targetsVersion, hash: targetsHash } = {
      version: targets?.signed.version ?? 0,
      hash: targets?.hash,
    }
    this.targets.offered(peer, { targetsVersion, targetsHash }, this.now)
    this.announcing.offered(peer, { ...EMPTY_VECTOR, targetsVersion, targetsHash, heads }, this.now)
    this.settle()
  }

  /** The questions since they were last taken: `peer hash`, or `peer targets`. */
  asked(): string[] {
    return this.take('ask').map(({ peer, ...ask }) => {
      if (ask.protocol !== 'sync') throw new Error(ask.protocol)
      return `${peer} ${ask.body.type === 'announcements' ? ask.body.hashes.join() : ask.body.type}`
    })
  }

  /** Answers all questions from what their peers hold; undefined: the question fails. Of the silent ones nothing is ever heard. */
  answer(
    holdings: Record<NodeId, readonly (AnnouncementDocument | TargetsDocument)[] | undefined>,
    silent: readonly NodeId[] = [],
  ): void {
    for (const ask of this.take('ask')) if (!silent.includes(ask.peer)) this.reply(ask, holdings[ask.peer])
  }

  reply(ask: Of<'ask'>, held: readonly (AnnouncementDocument | TargetsDocument)[] | undefined): void {
    const { ticket, peer } = ask
    if (held === undefined) this.announcing.failed(ticket, {}, this.now)
    else {
      const announcements = held.filter((document): document is AnnouncementDocument => 'releases' in document.signed)
      const targets = held.find((document): document is TargetsDocument => 'roles' in document.signed)
      if (!this.announcing.arrived(ticket, peer, announcements, this.now)) this.targets.arrived(peer, targets, this.now)
    }
    this.settle()
  }

  /** A peer tells of a document, gives it when asked, and the disk does its part. */
  receive(document: AnnouncementDocument, from: NodeId = 'peer'): void {
    this.hear(from, document)
    this.answer({ [from]: [document] })
    this.write()
  }

  /** Hands in targets by themselves. */
  handInTargets(targets: TargetsDocument): Ticket {
    const ticket = ++this.#ticket
    this.announcing.delegated(ticket, targets, this.now)
    this.settle()
    return ticket
  }

  submit(announcement: AnnouncementDocument, targets?: TargetsDocument): Ticket {
    const ticket = ++this.#ticket
    const { encodings = [] } = announcement.signed.releases[0] ?? {}
    const imported = encodings.map((encoding) => ({ encoding, pieceList: new Uint8Array() }))
    this.announcing.submitted(ticket, { type: 'submitted', ticket, targets, announcement, imported }, this.now)
    this.settle()
    return ticket
  }

  submissions(): Map<Ticket, RefusalCode | undefined> {
    return new Map(this.take('submission').map(({ ticket, refused }) => [ticket, refused]))
  }

  at(now: Millis): void {
    this.now = now
    this.settle()
  }

  /** The highest counter that a role announced for the path in its epoch. */
  counter(path = 'acme/agent', role = 'acme'): number | undefined {
    return this.announcing.pathFloors().find((floor) => floor.role === role && floor.path === path)?.counter
  }

  /** `v2 v3` of what is in force. */
  held(): string {
    return this.announcing
      .current()
      .map(({ document, frozen }) => `${document.signed.role} ${document.signed.version}${frozen ? ' frozen' : ''}`)
      .join(', ')
  }

  /** What a new run would start from. */
  saved(): SavedPublishers {
    const of = <T extends Change['type']>(type: T) =>
      [...this.disk.values()].filter((change): change is Extract<Change, { type: T }> => change.type === type)
    return {
      targets: of('targets')[0]?.targets,
      targetsFloor: of('targetsFloor')[0]?.version ?? 0,
      targetsFloorEpoch: of('targetsFloor')[0]?.epoch,
      announcements: of('announcement').map(({ side, announcement }) => ({ side, announcement })),
      roleFloors: of('roleFloor').map(({ floor }) => floor),
      pathFloors: of('pathFloor').map(({ floor }) => floor),
    }
  }

  #write(change: Change): void {
    if (change.type === 'forgetAnnouncement') this.disk.delete(`${change.side} ${change.role}`)
    else if (change.type === 'announcement') this.disk.set(`${change.side} ${change.announcement.signed.role}`, change)
    else if (change.type === 'roleFloor') this.disk.set(`floor ${change.floor.role}`, change)
    else if (change.type === 'pathFloor') this.disk.set(`floor of ${change.floor.role}/${change.floor.path}`, change)
    else if (change.type === 'forgetPathFloor') this.disk.delete(`floor of ${change.role}/${change.path}`)
    else this.disk.set(change.type, change)
  }
}

function changesOf(saved: SavedPublishers): Change[] {
  const { targets, targetsFloor, targetsFloorEpoch: epoch, announcements, roleFloors, pathFloors } = saved
  return [
    ...(targets === undefined ? [] : [{ type: 'targets' as const, targets }]),
    ...(targetsFloor === 0
      ? []
      : [{ type: 'targetsFloor' as const, version: targetsFloor, ...(epoch === undefined ? {} : { epoch }) }]),
    ...announcements.map((saved) => ({ type: 'announcement' as const, ...saved })),
    ...roleFloors.map((floor) => ({ type: 'roleFloor' as const, floor })),
    ...pathFloors.map((floor) => ({ type: 'pathFloor' as const, floor })),
  ]
}
