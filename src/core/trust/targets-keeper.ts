// The targets keeper: holds the newest targets document, fetches a newer one from whoever has it, and puts it in force only
// when it is on disk. Invariants: the version in force never falls; what is in force verifies under the root in force; of two
// documents of one version every node takes the one with the lower hash.
import type { Env, Millis, NodeId } from '../env.ts'
import type { RefusalCode, Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import type { VersionVector } from './announcement.ts'
import type { Delegation, RootDocument, TargetsDocument } from './documents.ts'
import { epochOf, targetsHold } from './roots.ts'
import { TargetsPace } from './targets-pace.ts'
import { documentSubject, type Watch } from './watch.ts'

/** No older document is ever in force; `epoch` undefined: the first. */
export interface TargetsFloor {
  epoch?: number | undefined
  version: number
}

type Offer = Pick<VersionVector, 'targetsVersion' | 'targetsHash'>

interface Parts {
  env: Pick<Env, 'verifyStrict'>
  out: Outbox
  self: Pick<Self, 'root'>
  watch: Pick<Watch, 'knownBad' | 'accepted' | 'refused' | 'blamed'>
}

export class TargetsKeeper {
  readonly #env: Parts['env']
  readonly #out: Outbox
  readonly #self: Parts['self']
  readonly #watch: Parts['watch']
  /** The newest that was accepted; after a change of the root it may not be in force any more. */
  #held: TargetsDocument | undefined
  #inForce = false
  #byName: ReadonlyMap<string, Delegation> = new Map()
  /** No older one is ever in force. */
  #floor: TargetsFloor
  /** Accepted, being written: each newer than the one before it. */
  readonly #pending = new Map<Ticket, { targets: TargetsDocument; under: RootDocument; from: NodeId | undefined }>()
  /** One at a time; it is given up at `until`, though the driver should have told before. */
  #question: { ticket: Ticket; peer: NodeId; until: Millis } | undefined
  readonly #pace = new TargetsPace()
  /** There is something newer, which has to wait until then. */
  #waits: Millis | undefined
  /** Who was asked last for which document, the last one at the end; `again`: it said hello since. Outlives the link. */
  readonly #asked = new Map<NodeId, { hash: string; again: boolean }>()

  /**
   * @param saved what an earlier run accepted: its version stays the floor even when the root does not cover it any more.
   * @param floors the highest versions that an invite and earlier runs vouch for.
   */
  constructor({ env, out, self, watch }: Parts, saved: TargetsDocument | undefined, floors: readonly TargetsFloor[]) {
    this.#env = env
    this.#out = out
    this.#self = self
    this.#watch = watch
    this.#floor = floors.reduce((a, b) => (compare(a, b) < 0 ? b : a), { version: 0 })
    if (saved !== undefined && compare(saved.signed, this.#floor) >= 0) this.#hold(saved, this.#verifies(saved))
  }

  /** The document in force. */
  get current(): TargetsDocument | undefined {
    return this.#inForce ? this.#held : undefined
  }

  /** The newest that was ever accepted, in force or not: whoever signs the next one builds on it. */
  get newest(): TargetsDocument | undefined {
    return this.#held
  }

  /** Nothing older is ever in force. */
  get floor(): TargetsFloor {
    return { epoch: epochOf(this.#floor), version: this.#floor.version }
  }

  /** The delegations in force, in their order. */
  get roles(): readonly Delegation[] {
    return this.current?.signed.roles ?? []
  }

  role(name: string): Delegation | undefined {
    return this.#byName.get(name)
  }

  /** Nothing is being written. */
  get settled(): boolean {
    return this.#pending.size === 0
  }

  /** A question is under way. */
  get asking(): boolean {
    return this.#question !== undefined
  }

  /** A peer told in a hello what it holds: something newer is asked for, unless another peer is being asked. */
  offered(peer: NodeId, offer: Offer, now: Millis): void {
    this.#askAgain(peer)
    this.remind([{ peer, offer }], now)
  }

  /**
   * The same for what peers told earlier. Who was never asked comes first, then who was asked longest ago: whoever gives nothing
   * goes to the end, however often it says hello, and is not asked again for what it did not give until it does.
   */
  remind(offers: Iterable<{ peer: NodeId; offer: Offer }>, now: Millis): void {
    if (this.#question !== undefined) return
    const order = [...this.#asked.keys()]
    let first: { peer: NodeId; hash: string; place: number } | undefined
    for (const { peer, offer } of offers) {
      const { targetsVersion: version, targetsHash: hash } = offer
      const asked = this.#asked.get(peer)
      if (hash === undefined || !this.#wants(version, hash) || (asked?.hash === hash && !asked.again)) continue
      const place = order.indexOf(peer)
      if (first === undefined || place < first.place) first = { peer, hash, place }
    }
    if (first === undefined) return
    if (this.#mayTake(now)) this.#ask(first.peer, first.hash, now)
  }

  /** A peer speaks of a role or an epoch that is not known here: it may hold a newer document. */
  hinted(peer: NodeId, now: Millis): void {
    if (this.#question === undefined && this.#mayTake(now)) this.#ask(peer, '', now)
  }

  /** When the question is given up, or what waits may be asked for. */
  deadline(): Millis | undefined {
    return this.#question?.until ?? this.#waits
  }

  /** True when the question was given up, since nobody answered it in time, or the time of what waits has come. */
  lapsed(now: Millis): boolean {
    const due = this.deadline()
    if (due === undefined || now < due) return false
    this.#question = undefined
    this.#waits = undefined
    return true
  }

  /** A question was answered or failed; false when the ticket is none of ours. What was answered comes to `arrived`. */
  ended(ticket: Ticket): boolean {
    if (this.#question?.ticket !== ticket) return false
    this.#question = undefined
    return true
  }

  unlinked(peer: NodeId): void {
    if (this.#question?.peer === peer) this.#question = undefined
  }

  arrived(peer: NodeId, targets: TargetsDocument | undefined, now: Millis): void {
    if (targets === undefined) return
    if (!this.#mayTake(now)) return this.#askAgain(peer)
    const outcome = this.consider(targets, peer, now)
    if (outcome === 'accepted' || outcome === 'same') return
    this.#out.event({ type: 'refused', code: outcome, peer, detail: 'targets' })
    // It may know a newer root than we do.
    if (outcome === 'badSignature') this.#watch.blamed(peer, 'doubt', now)
  }

  /**
   * Judges a document, however it came; `from` undefined: handed in on this machine. `accepted`: it is being written, and in force
   * once that is done.
   */
  consider(targets: TargetsDocument, from: NodeId | undefined, now: Millis): 'accepted' | 'same' | RefusalCode {
    if (targets.hash === this.current?.hash) return 'same'
    if ([...this.#pending.values()].some((pending) => pending.targets.hash === targets.hash)) return 'accepted'
    const code = this.problem(targets)
    if (code !== undefined) {
      this.#watch.refused(documentSubject('targets', targets), from, code, now)
      return code
    }
    const { epoch, version } = targets.signed
    const floor = { type: 'targetsFloor' as const, version, ...(epoch === undefined ? {} : { epoch }) }
    const ticket = this.#out.persist([{ type: 'targets', targets }, floor], true)
    this.#pending.set(ticket, { targets, under: this.#self.root, from })
    if (from !== undefined) this.#pace.took(now)
    return 'accepted'
  }

  /** Why a document is not accepted, or undefined when it is. Older ones cost no signature check. */
  problem(document: TargetsDocument): RefusalCode | undefined {
    const newest = this.#newest()
    const isOld = compare(document.signed, this.#floor) < 0 || (newest !== undefined && isNewer(newest, document))
    const epoch = epochOf(document.signed)
    if (isOld || epoch < this.#epoch) return 'oldVersion'
    if (epoch > this.#epoch) return 'wrongEpoch'
    const isCovered = this.#watch.knownBad.judge(document, () => this.#verifies(document))
    return isCovered ? undefined : 'badSignature'
  }

  /** True when this changed what is in force: a new document, or none if the root changed meanwhile and does not cover it. */
  persisted(ticket: Ticket, now: Millis): boolean {
    const pending = this.#pending.get(ticket)
    if (pending === undefined) return false
    this.#pending.delete(ticket)
    const { targets, under, from } = pending
    this.#hold(targets, under === this.#self.root || this.#verifies(targets))
    if (!this.#inForce) return true
    this.#watch.accepted(documentSubject('targets', targets), from, now)
    this.#out.event({ type: 'targetsAccepted', version: targets.signed.version })
    return true
  }

  /** Not on disk, so not in force: the next hello asks again. */
  persistFailed(ticket: Ticket): void {
    this.#pending.delete(ticket)
  }

  /** The root changed: its targets role may have other keys. */
  rootChanged(): void {
    this.#watch.knownBad.clear()
    this.#asked.clear()
    this.#pace.reset()
    this.#waits = undefined
    if (this.#held !== undefined) this.#hold(this.#held, this.#verifies(this.#held))
  }

  #hold(document: TargetsDocument, isCovered: boolean): void {
    this.#held = document
    if (compare(document.signed, this.#floor) > 0) this.#floor = document.signed
    this.#inForce = isCovered
    this.#byName = new Map(this.roles.map((role) => [role.name, role]))
  }

  #verifies(document: TargetsDocument): boolean {
    return targetsHold(document, this.#self.root.signed, this.#env)
  }

  /** The one whose documents count. */
  get #epoch(): number {
    return this.#self.root.signed.targetsEpoch ?? 1
  }

  /** In force, or being written. */
  #newest(): TargetsDocument | undefined {
    return [...this.#pending.values()].at(-1)?.targets ?? this.current
  }

  #wants(version: number, hash: string): boolean {
    const newest = this.#newest()
    const signed = { epoch: this.#epoch, version }
    // Which epoch a peer speaks of is not said: that of the root, as soon as it knows that one, too.
    return compare(signed, this.#floor) >= 0 && (newest === undefined || isNewer({ signed, hash }, newest))
  }

  /** Notes when it will be, when it may not be now. */
  #mayTake(now: Millis): boolean {
    const next = this.#pace.next(now)
    if (next > now) this.#waits = next
    return next <= now
  }

  #askAgain(peer: NodeId): void {
    const asked = this.#asked.get(peer)
    if (asked !== undefined) asked.again = true
  }

  #ask(peer: NodeId, hash: string, now: Millis): void {
    const ticket = this.#out.ticket()
    this.#question = { ticket, peer, until: now + 2 * limits.requestTimeout }
    this.#asked.delete(peer)
    this.#asked.set(peer, { hash, again: false })
    if (this.#asked.size > limits.connections) this.#asked.delete(this.#asked.keys().next().value as NodeId)
    this.#out.emit({ type: 'ask', ticket, peer, protocol: 'sync', body: { type: 'targets' } })
  }
}

interface Ordered {
  signed: TargetsFloor
  hash: string
}

/** Negative, zero or positive as `a` is older than, as new as or newer than `b`. */
function compare(a: TargetsFloor, b: TargetsFloor): number {
  return epochOf(a) - epochOf(b) || a.version - b.version
}

function isNewer(a: Ordered, b: Ordered): boolean {
  const order = compare(a.signed, b.signed)
  return order > 0 || (order === 0 && a.hash < b.hash)
}
