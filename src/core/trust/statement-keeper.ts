// The statement keeper: holds the newest statement of every enrol key, fetches what others hold and this node does not, and puts it
// in force only when it is on disk. Invariant: which statements are held in the end does not depend on the order, the repetition
// or the loss of what arrived on the way (clause STATEMENT 4).
import { toHex, utf8 } from '../bytes.ts'
import type { Env, MembershipId, Millis, NodeId } from '../env.ts'
import type { RefusalCode, Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import type { Membership } from './documents.ts'
import type { Refusals } from './refusals.ts'
import {
  extendedTo,
  isSigned,
  namesNode,
  type Policy,
  policiesFor,
  revokes,
  type StatementDocument,
  standingOf,
  stillCounts,
} from './statement.ts'

/** Who told this node at the gate that it is revoked; more say nothing more. */
const TELLERS = 8

interface Writing {
  documents: readonly StatementDocument[]
  /** Of what was handed in on this machine. */
  submissions: Ticket[]
}

type Outcome = 'accepted' | 'same' | RefusalCode

export class StatementKeeper {
  readonly #env: Env
  readonly #out: Outbox
  readonly #self: Self
  readonly #refusals: Refusals
  /** In force, by key id. */
  readonly #held = new Map<string, StatementDocument>()
  readonly #writing = new Map<Ticket, Writing>()
  /** Whom was asked last, and when; `ticket`: no answer came yet. The last one is at the end. */
  readonly #asked = new Map<NodeId, { ticket: Ticket | undefined; at: Millis }>()
  /** Memberships that were found to be revoked, the last one at the end: what names one of them is refused without a look at it. */
  readonly #found = new Set<MembershipId>()
  readonly #tellers = new Set<NodeId>()
  #digest: string | undefined

  constructor(env: Env, out: Outbox, self: Self, refusals: Refusals, saved: readonly StatementDocument[]) {
    this.#env = env
    this.#out = out
    this.#self = self
    this.#refusals = refusals
    for (const document of saved) {
      const holds = stillCounts(document, self.root.signed) && isSigned(document, self.root.signed, env)
      if (holds) this.#held.set(document.signed.enroller, document)
    }
    this.#changed()
  }

  /** What hello tells of the statements held; undefined when there is none. */
  get digest(): string | undefined {
    return this.#digest
  }

  /** Those in force. */
  all(): StatementDocument[] {
    return [...this.#held.values()]
  }

  /** Tables that grow with what others do, for invariant checks. */
  get size(): number {
    return Math.max(this.#held.size, this.#asked.size, this.#found.size, this.#writing.size)
  }

  /** Whether a statement in force revokes this membership. */
  revokes(membership: Membership): boolean {
    const { signed } = this.#self.root
    if (!this.all().some((document) => revokes(document, membership, signed))) return false
    this.#found.delete(membership.id)
    this.#found.add(membership.id)
    if (this.#found.size > limits.memberships) this.#found.delete(this.#found.values().next().value as MembershipId)
    return true
  }

  /** Whether the membership with this id was found to be revoked. */
  isFound(id: MembershipId): boolean {
    return this.#found.has(id)
  }

  /** Whether a node of this zone (undefined: not known) is revoked by its id. */
  names(node: NodeId, zone: string | undefined): boolean {
    return this.#held.size > 0 && this.all().some((document) => namesNode(document, node, zone, this.#self.root.signed))
  }

  /** When a membership ends: what it says itself, or what its zone or invite was prolonged to. */
  endOf(membership: Membership): Millis {
    if (this.#held.size === 0) return membership.claims.expires
    const { signed } = this.#self.root
    const until = this.all().map((document) => extendedTo(document, membership, signed) ?? 0)
    return Math.max(membership.claims.expires, ...until)
  }

  /** What the owners of this node's zone let into it. */
  policies(): readonly Policy[] {
    const { root, zone } = this.#self
    return this.all().flatMap((document) => policiesFor(document, zone, root.signed))
  }

  /** How this node itself stands; undefined when nobody says that it is revoked. */
  standing(): { proven: boolean; tellers: readonly NodeId[] } | undefined {
    const proven = this.revokes(this.#self.membership)
    return proven || this.#tellers.size > 0 ? { proven, tellers: [...this.#tellers] } : undefined
  }

  /** A member refused us at the gate. Its word proves nothing, but who is cut off hears nothing else. */
  turnedAway(peer: NodeId, code: RefusalCode | undefined): void {
    if (code !== 'revoked' || this.#tellers.has(peer) || this.#tellers.size >= TELLERS) return
    this.#tellers.add(peer)
    this.#out.event({ type: 'revoked', by: peer })
  }

  /** A peer told in a hello what it holds: when that is not what is held here, it is asked for what is missing. */
  offered(peer: NodeId, digest: string | undefined, now: Millis): void {
    if (digest === undefined || digest === this.#digest) return
    const asked = this.#asked.get(peer)
    const patience = asked?.ticket === undefined ? limits.statementRetry : 2 * limits.requestTimeout
    if (asked !== undefined && now - asked.at < patience) return
    const ticket = this.#out.ticket()
    this.#note(peer, { ticket, at: now })
    const held = this.all().map(({ hash }) => hash.slice(0, 16))
    this.#out.emit({ type: 'ask', ticket, peer, protocol: 'sync', body: { type: 'statements', held } })
  }

  /** The answer to a question of ours; false when the ticket is of another. The first that is wrongly signed ends it. */
  arrived(ticket: Ticket, peer: NodeId, documents: readonly StatementDocument[], now: Millis): boolean {
    if (this.#asked.get(peer)?.ticket !== ticket) return false
    this.#note(peer, { ticket: undefined, at: now })
    const accepted: StatementDocument[] = []
    for (const document of documents.slice(0, limits.documentKeys)) {
      const outcome = this.#judge(document, accepted)
      if (outcome === 'accepted') accepted.push(document)
      else if (outcome !== 'same' && outcome !== 'oldVersion') this.#refusals.count(outcome, peer, 'statement', now)
      if (outcome === 'badSignature') break
    }
    if (accepted.length > 0) {
      this.#asked.delete(peer)
      this.#write(accepted, [])
    }
    return true
  }

  /** A question failed; false when the ticket is of another. */
  failed(ticket: Ticket, peer: NodeId, now: Millis): boolean {
    if (this.#asked.get(peer)?.ticket !== ticket) return false
    this.#note(peer, { ticket: undefined, at: now })
    return true
  }

  /** Handed in on this machine: answered when it is in force, or refused. */
  stated(ticket: Ticket, document: StatementDocument): void {
    const underway = [...this.#writing.values()].find(({ documents }) =>
      documents.some(({ hash }) => hash === document.hash),
    )
    if (underway !== undefined) return void underway.submissions.push(ticket)
    const outcome = this.#judge(document, [])
    if (outcome === 'accepted') this.#write([document], [ticket])
    else this.#out.emit({ type: 'submission', ticket, refused: outcome === 'same' ? undefined : outcome })
  }

  /** Those that `held` (beginnings of hashes) does not name. */
  missing(held: readonly string[]): StatementDocument[] {
    return this.all().filter(({ hash }) => !held.includes(hash.slice(0, 16)))
  }

  /** What is in force now, of what was being written; empty for a ticket of others. */
  persisted(ticket: Ticket): readonly StatementDocument[] {
    const written = this.#writing.get(ticket)
    if (written === undefined) return []
    this.#writing.delete(ticket)
    const counting = written.documents.filter((document) => stillCounts(document, this.#self.root.signed))
    for (const document of counting) this.#hold(document)
    this.#changed()
    for (const submission of written.submissions)
      this.#out.emit({ type: 'submission', ticket: submission, refused: undefined })
    return counting
  }

  /** Not on disk, so not in force: the next hello asks again. */
  persistFailed(ticket: Ticket): void {
    for (const submission of this.#writing.get(ticket)?.submissions ?? [])
      this.#out.emit({ type: 'submission', ticket: submission, refused: 'diskFailed' })
    this.#writing.delete(ticket)
  }

  /** The root changed: it may list other keys, or void what was said in an older epoch. */
  rootChanged(): void {
    this.#asked.clear()
    for (const [enroller, document] of this.#held) {
      if (stillCounts(document, this.#self.root.signed)) continue
      this.#held.delete(enroller)
      this.#out.persist([{ type: 'forgetStatement', enroller }], false)
    }
    this.#changed()
  }

  linked(peer: NodeId): void {
    this.#tellers.delete(peer)
  }

  #judge(document: StatementDocument, beside: readonly StatementDocument[]): Outcome {
    return standingOf(document, this.#newest(document.signed.enroller, beside), this.#self, this.#env)
  }

  /** The newest of a key: about to be written, being written, or in force. */
  #newest(enroller: string, beside: readonly StatementDocument[]): StatementDocument | undefined {
    const written = [...this.#writing.values()].flatMap(({ documents }) => documents)
    return [...written, ...beside].findLast(({ signed }) => signed.enroller === enroller) ?? this.#held.get(enroller)
  }

  #write(documents: readonly StatementDocument[], submissions: Ticket[]): void {
    const changes = documents.map((statement) => ({ type: 'statement' as const, statement }))
    this.#writing.set(this.#out.persist(changes, true), { documents, submissions })
  }

  #hold(document: StatementDocument): void {
    const { enroller, epoch, version } = document.signed
    const before = this.#held.get(enroller)
    if (before?.signed.version === version && before.signed.epoch === epoch && before.hash !== document.hash)
      this.#out.event({ type: 'statementTwins', enroller, version })
    const wasRevoked = this.revokes(this.#self.membership)
    this.#held.set(enroller, document)
    if (!wasRevoked && this.revokes(this.#self.membership)) this.#out.event({ type: 'revoked', by: undefined })
  }

  #changed(): void {
    this.#found.clear()
    const hashes = this.all().map(({ hash }) => hash)
    this.#digest = hashes.length === 0 ? undefined : toHex(this.#env.sha256(utf8(hashes.sort().join(''))))
  }

  #note(peer: NodeId, question: { ticket: Ticket | undefined; at: Millis }): void {
    this.#asked.delete(peer)
    this.#asked.set(peer, question)
    if (this.#asked.size > limits.connections) this.#asked.delete(this.#asked.keys().next().value as NodeId)
  }
}
