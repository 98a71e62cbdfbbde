// Beacons (clause BEACON): the register of the newest one, ordered by counter, and what is on its way to its threshold. Invariants: what
// counts has the signatures of the threshold of the root in force, is newer than any that counted before under the same keys, also
// across restarts, and was on disk, with its counter and its time, before anything followed from it.
import type { Env, Millis, NodeId } from '../env.ts'
import type { RefusalCode, Ticket } from '../events.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import type { Head } from './announcement.ts'
import {
  type BeaconDocument,
  type BeaconFloor,
  type BeaconTerms,
  type BeaconVector,
  beaconHead,
  beaconTerms,
  covers,
} from './beacon.ts'
import { BeaconAsks } from './beacon-asks.ts'
import { BeaconCandidates } from './beacon-candidates.ts'
import { BeaconSigning } from './beacon-signing.ts'
import { type Freshness, Silence } from './freshness.ts'
import type { Refusals } from './refusals.ts'
import { signedBy } from './roots.ts'

interface Parts {
  env: Env
  out: Outbox
  self: Self
  refusals: Pick<Refusals, 'count'>
  /** Of heads. */
  topic: string
  /** What is held of the publishers. */
  vector: () => BeaconVector
}

/** What earlier runs accepted, and the keyid of the beacon key on this machine. */
interface Saved {
  beacon?: BeaconDocument | undefined
  floor?: BeaconFloor | undefined
  keyId?: string | undefined
}

export class Beacons {
  readonly #p: Parts
  readonly #candidates: BeaconCandidates
  readonly #asks: BeaconAsks
  readonly #signing: BeaconSigning
  readonly #silence: Silence
  #terms: BeaconTerms | undefined
  #floor: BeaconFloor | undefined
  #held: BeaconDocument | undefined
  /** Accepted, being written. */
  #pending: { ticket: Ticket; beacon: BeaconDocument; terms: BeaconTerms } | undefined
  /** Accepted in this run at that time, while something that it names is not here. */
  #unmet: { beacon: BeaconDocument; at: Millis } | undefined
  #told: Freshness = 'unproven'
  #due: Millis | undefined

  constructor(parts: Parts, { beacon, floor, keyId }: Saved, now: Millis) {
    const { env, out, self } = parts
    this.#p = parts
    this.#terms = beaconTerms(self.root.signed, env)
    this.#floor = floor
    this.#candidates = new BeaconCandidates(env)
    this.#asks = new BeaconAsks(out, (head) => this.#isWanted(head))
    this.#signing = new BeaconSigning(self, keyId, now)
    this.#silence = new Silence(this.#terms?.period, now)
    if (beacon !== undefined && this.#terms !== undefined && this.#counts(beacon, this.#terms)) this.#held = beacon
  }

  get size(): number {
    return this.#asks.size
  }

  /** The newest that counts, for who asks at this machine. */
  get newest(): BeaconDocument | undefined {
    return this.#held
  }

  /** How often beacons come; undefined when the root has no beacon role. */
  get period(): Millis | undefined {
    return this.#terms?.period
  }

  /** This node signs beacons, and the root counts that. */
  get isHolder(): boolean {
    return this.#signing.isHolder(this.#terms)
  }

  /** As of the last step. */
  get isStale(): boolean {
    return this.#told === 'stale'
  }

  freshness(now: Millis): Freshness {
    return this.#silence.at(now)
  }

  /** All that is held, whole or not, to be served. */
  documents(): BeaconDocument[] {
    return [...(this.#held === undefined ? [] : [this.#held]), ...this.#candidates.all()]
  }

  /** For a hello. */
  heads(): Head[] {
    const { role } = this.#terms ?? {}
    return role === undefined ? [] : this.documents().map((document) => beaconHead(document, role))
  }

  /** A hello of a peer says what it holds. */
  offered(peer: NodeId, heads: readonly Head[], now: Millis): void {
    this.#asks.told(peer, heads, now)
  }

  /** A head came over gossip. It goes on as our own, once what it names is here. */
  heard(ticket: Ticket, from: NodeId, topic: string, head: Head, now: Millis): void {
    const isMisplaced = topic !== this.#p.topic
    if (isMisplaced) this.#p.refusals.count('wrongTopic', from, 'head', now)
    this.#p.out.emit({ type: 'verdict', ticket, verdict: isMisplaced ? 'reject' : 'ignore' })
    if (!isMisplaced) this.#asks.told(from, [head], now)
  }

  /** An answer of sync; false when the ticket is none of ours. */
  arrived(ticket: Ticket, documents: readonly BeaconDocument[], now: Millis): boolean {
    const peer = this.#asks.ended(ticket)
    if (peer === undefined) return false
    for (const document of documents) {
      const code = this.#take(document)
      if (code === undefined || code === 'oldVersion') continue
      this.#p.refusals.count(code, peer, 'beacon', now)
      break // an honest member passes on nothing that is wrong: the rest costs no signature check
    }
    this.#accept()
    this.#asks.look(now)
    return true
  }

  failed(ticket: Ticket, now: Millis): boolean {
    if (this.#asks.ended(ticket) === undefined) return false
    this.#asks.look(now)
    return true
  }

  /** The driver signed what was asked for. */
  signed(document: BeaconDocument): void {
    this.#take(document)
    this.#accept()
  }

  unlinked(peer: NodeId): void {
    this.#asks.unlinked(peer)
  }

  persisted(ticket: Ticket, now: Millis): void {
    const pending = this.#pending
    if (pending?.ticket !== ticket) return
    this.#pending = undefined
    const { beacon, terms } = pending
    const { counter, time } = beacon.signed
    this.#p.self.raiseBound(time)
    // The root changed meanwhile: the old keys proved the time, and nothing else any more.
    if (terms.id !== this.#terms?.id) return
    this.#held = beacon
    this.#floor = { counter, role: terms.id }
    this.#candidates.drop(counter)
    this.#unmet = { beacon, at: now }
    this.#p.out.event({ type: 'beaconAccepted', counter, time })
    this.#p.out.emit({ type: 'publishHead', topic: this.#p.topic, head: beaconHead(beacon, terms.role) })
    this.#accept()
  }

  /** Not on disk, so it does not count; the next one may. */
  persistFailed(ticket: Ticket): void {
    if (this.#pending?.ticket === ticket) this.#pending = undefined
  }

  /** Another root is in force: its keys sign from now on. */
  rootChanged(now: Millis): void {
    const before = this.#terms
    this.#terms = beaconTerms(this.#p.self.root.signed, this.#p.env)
    if (before?.id === this.#terms?.id) return
    this.#candidates.clear()
    this.#held = undefined
    this.#unmet = undefined
    this.#silence.restart(this.#terms?.period, now)
  }

  /** This process stood still. */
  forgive(gap: Millis): void {
    this.#silence.forgive(gap)
  }

  /** To be called at the end of every step. True when the freshness is another one than before. */
  check(now: Millis): boolean {
    if (this.#terms !== undefined) {
      this.#asks.check(now)
      this.#meet()
      this.#sign(this.#terms, now)
    }
    this.#due = this.#nextDue(now)
    const freshness = this.freshness(now)
    if (freshness === this.#told) return false
    this.#p.out.event({ type: 'freshness', freshness })
    this.#told = freshness
    return true
  }

  deadline(): Millis | undefined {
    return this.#due
  }

  #nextDue(now: Millis): Millis | undefined {
    if (this.#terms === undefined) return undefined
    const counter = this.#counter(this.#terms)
    const times = [
      this.#asks.deadline(),
      this.#silence.deadline(now),
      this.#signing.deadline(this.#terms, counter, now),
    ]
    return times.reduce((min, at) => (at === undefined || (min !== undefined && min <= at) ? min : at), undefined)
  }

  /** The highest counter that was accepted of these keys. */
  #counter(terms: BeaconTerms): number {
    return this.#floor?.role === terms.id ? this.#floor.counter : 0
  }

  #isWanted({ epoch: mask, version: counter, hash }: Head): boolean {
    if (this.#terms === undefined || counter <= this.#counter(this.#terms) || this.#pending?.beacon.hash === hash)
      return false
    const held = this.#candidates.get(hash)
    return held === undefined || (mask & ~beaconHead(held, this.#terms.role).epoch) !== 0
  }

  /** Judges a document, cheapest check first, and keeps the signatures that are right. */
  #take(document: BeaconDocument): RefusalCode | undefined {
    const terms = this.#terms
    if (terms === undefined) return 'unknownRole'
    const { mesh, counter, time } = document.signed
    if (mesh !== this.#p.self.mesh) return 'foreignMesh'
    if (time !== counter * terms.period) return 'malformed'
    if (counter <= this.#counter(terms) || time + terms.period < terms.issued) return 'oldVersion'
    if (time > terms.expires) return 'expired'
    const growth = this.#candidates.merge(document, terms)
    if (growth === 'bad') return 'badSignature'
    const merged = this.#candidates.get(document.hash)
    if (growth === 'grown' && merged !== undefined)
      this.#p.out.emit({ type: 'publishHead', topic: this.#p.topic, head: beaconHead(merged, terms.role) })
    return undefined
  }

  /** Writes the newest candidate that reached the threshold. */
  #accept(): void {
    const terms = this.#terms
    if (terms === undefined || this.#pending !== undefined) return
    const whole = this.#candidates.all().filter(({ signatures }) => signatures.length >= terms.role.threshold)
    const [beacon] = whole.sort((a, b) => b.signed.counter - a.signed.counter || (a.hash < b.hash ? -1 : 1))
    if (beacon === undefined) return
    const { counter, time: at } = beacon.signed
    const time = Math.max(this.#p.self.time.bound, at)
    const floor = { counter, role: terms.id }
    const ticket = this.#p.out.persist(
      [
        { type: 'beacon', beacon },
        { type: 'beaconFloor', floor },
        { type: 'timeBound', time },
      ],
      true,
    )
    this.#pending = { ticket, beacon, terms }
  }

  /** A beacon proves something once all that it names is here. */
  #meet(): void {
    if (this.#unmet === undefined || !covers(this.#state(), this.#unmet.beacon.signed)) return
    this.#silence.proven(this.#unmet.at)
    this.#unmet = undefined
  }

  #sign(terms: BeaconTerms, now: Millis): void {
    if (!this.isHolder) return
    const state = this.#state()
    this.#signing.look(state, now)
    const proposed = this.#candidates.all().map(({ signed }) => signed)
    const beacon = this.#signing.due(terms, { state, counter: this.#counter(terms), proposed }, now)
    if (beacon !== undefined) this.#p.out.emit({ type: 'signBeacon', beacon })
  }

  #state() {
    const { signed, hash } = this.#p.self.root
    return { rootVersion: signed.version, rootHash: hash, vector: this.#p.vector() }
  }

  /** What an earlier run accepted still has the threshold of this root. */
  #counts(beacon: BeaconDocument, terms: BeaconTerms): boolean {
    return this.#floor?.role === terms.id && signedBy(beacon, terms.keys, terms.role, this.#p.env)
  }
}
