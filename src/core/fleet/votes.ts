// Votes on who is gone: counted for each node, and its view is told once all of its witnesses that could vote have done so.
// Invariants: a signature is checked only of who may be a witness of that node, for a record that is not outdated; no vote counts
// once the node was heard again; one voter decides alone only where there is no other member that could.
import type { Env, Millis, NodeId } from '../env.ts'
import type { RefusalCode, Ticket, Verdict } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import type { Membership } from '../trust/documents.ts'
import type { Refusals } from '../trust/refusals.ts'
import type { Roster } from '../trust/roster.ts'
import type { StatementKeeper } from '../trust/statement-keeper.ts'
import { compareRecords, type RecordOrder } from './record.ts'
import type { Envelope } from './rows.ts'
import type { View } from './view.ts'
import type { Vote } from './vote.ts'
import type { Witnesses } from './witnesses.ts'

interface Parts {
  env: Pick<Env, 'verify' | 'nodeKey'>
  out: Outbox
  self: Self
  roster: Pick<Roster, 'byId'>
  statements: Pick<StatementKeeper, 'isFound' | 'endOf'>
  refusals: Refusals
  view: View
  witnesses: Pick<Witnesses, 'of' | 'mayBeOf'>
  topic: string
  /** The order of our newest record. */
  own: () => { incarnation: number; counter: number }
  /** A witness misses a node: others look for themselves. */
  raised: (node: NodeId, now: Millis) => void
  /** Somebody misses us, although we are here; `byMost`: so do most of our witnesses by now. */
  accused: (byMost: boolean, now: Millis) => void
}

interface Ballot {
  /** The witnesses when the first vote came; who comes later had no link yet. */
  witnesses: readonly NodeId[]
  votes: Map<NodeId, Vote>
  /** Of the last vote. */
  at: Millis
}

/** Counted, known already, or refused. `notWitness`: by our view; other views may differ, so it is no offence. */
type Outcome = 'taken' | 'old' | 'notWitness' | RefusalCode

export class Votes {
  readonly #p: Parts
  readonly #ballots = new Map<NodeId, Ballot>()
  /** The last vote of each voter on each node, and when it came: settled ones too, so that nobody has many of them checked. */
  readonly #seen = new Map<string, { vote: Vote; at: Millis }>()

  constructor(parts: Parts) {
    this.#p = parts
  }

  get size(): number {
    return Math.max(this.#ballots.size, this.#seen.size / limits.witnessPlaces)
  }

  /** Judges a vote on our zone's topic and tells gossip whether to forward it. */
  heard(ticket: Ticket, from: NodeId, topic: string, envelope: Envelope, vote: Vote | undefined, now: Millis): void {
    const outcome = this.#judge(topic, envelope, vote, now)
    this.#p.out.emit({ type: 'verdict', ticket, verdict: verdictOn(outcome) })
    if (outcome !== 'taken' && outcome !== 'old' && outcome !== 'notWitness')
      this.#p.refusals.count(outcome, from, 'vote', now)
  }

  /** Says that a node is gone. `met`: see Vote. */
  cast(node: NodeId, met: boolean, now: Millis): void {
    const record = this.#p.view.record(node)
    if (record === undefined) return
    const { incarnation, counter } = record
    const vote: Vote = { node, incarnation, counter, voter: this.#p.own().incarnation, met }
    this.#p.out.emit({ type: 'vote', topic: this.#p.topic, vote })
    this.#count(this.#p.self.node, vote, now)
  }

  /** Forgets what is settled, and adopts what is complete now that a witness may have gone silent itself. */
  check(now: Millis): void {
    for (const [node, ballot] of this.#ballots) {
      const status = this.#p.view.status(node)
      const isOver = now - ballot.at > limits.ballotTime || (status !== 'up' && status !== 'late')
      if (isOver) this.#ballots.delete(node)
      else this.#decide(node, ballot, now)
    }
  }

  /** When a ballot that nothing else settles is over. */
  deadline(): Millis | undefined {
    let first: Millis | undefined
    for (const { at } of this.#ballots.values()) first = Math.min(first ?? at, at)
    return first === undefined ? undefined : first + limits.ballotTime + 1
  }

  /** What has no other member of our zone as author, or is about nobody we know, costs no more than these comparisons. */
  #judge(topic: string, envelope: Envelope, vote: Vote | undefined, now: Millis): Outcome {
    const { self, roster, statements } = this.#p
    if (topic !== this.#p.topic) return 'wrongTopic'
    if (envelope.mesh8 !== self.mesh8) return 'foreignMesh'
    if (vote === undefined) return 'malformed'
    if (statements.isFound(envelope.membership)) return 'revoked'
    const author = roster.byId(envelope.membership)
    if (author === undefined) return 'unknownMembership'
    if (author.claims.zone !== self.zone) return 'outsideGrant'
    const wall = self.wallAt(now)
    if (wall !== undefined && wall >= statements.endOf(author)) return 'expired'
    const useless = this.#useless(author.claims.node, vote, now)
    if (useless !== undefined) return useless
    return this.#isSigned(author, envelope) ? this.#take(author.claims.node, vote, now) : 'badSignature'
  }

  #useless(voter: NodeId, vote: Vote, now: Millis): Outcome | undefined {
    const { self, view, witnesses, own } = this.#p
    const isOurs = vote.node === self.node
    const held = isOurs ? own() : view.record(vote.node)
    if (held === undefined || vote.node === voter || voter === self.node) return 'old'
    // Of ourselves we know newer records than anybody else can hold.
    const isOutdated = vote.incarnation !== held.incarnation || (!isOurs && vote.counter < held.counter)
    if (isOutdated || vote.voter < (view.record(voter)?.incarnation ?? 1)) return 'old'
    if (!witnesses.mayBeOf(vote.node, voter, now)) return 'notWitness'
    const before = this.#seen.get(`${voter} ${vote.node}`)
    const isRepeated = before?.vote.incarnation === vote.incarnation && now - before.at < limits.votePause
    return isRepeated && (isOurs || !isRevised(before.vote, vote, held)) ? 'old' : undefined
  }

  #isSigned(author: Membership, envelope: Envelope): boolean {
    const key = this.#p.env.nodeKey(author.claims.node)
    return key !== undefined && this.#p.env.verify(key, envelope.signedBytes, envelope.signature)
  }

  #take(voter: NodeId, vote: Vote, now: Millis): Outcome {
    const key = `${voter} ${vote.node}`
    this.#seen.delete(key)
    this.#seen.set(key, { vote, at: now })
    if (this.#seen.size > limits.ballots * limits.witnessPlaces)
      this.#seen.delete(this.#seen.keys().next().value as string)
    if (vote.node === this.#p.self.node) this.#p.accused(this.#isMissedByMost(vote, now), now)
    else {
      this.#count(voter, vote, now)
      this.#p.raised(vote.node, now)
    }
    return 'taken'
  }

  /** Whether we have to doubt ourselves: a few that lie could else have a whole zone of honest nodes do so, and be its only witnesses. */
  #isMissedByMost({ node, incarnation }: Vote, now: Millis): boolean {
    const witnesses = this.#p.witnesses.of(node, now)
    const accusers = witnesses.filter((witness) => {
      const seen = this.#seen.get(`${witness} ${node}`)
      return seen?.vote.incarnation === incarnation && now - seen.at <= limits.votePause
    })
    return 2 * accusers.length > witnesses.length
  }

  #count(voter: NodeId, vote: Vote, now: Millis): void {
    const { node } = vote
    const status = this.#p.view.status(node)
    // Passed on, but settled here.
    if (status !== 'up' && status !== 'late') return
    const ballot = this.#ballots.get(node) ?? this.#open(node, now)
    ballot.at = now
    ballot.votes.set(voter, vote)
    this.#decide(node, ballot, now)
  }

  #open(node: NodeId, now: Millis): Ballot {
    if (this.#ballots.size >= limits.ballots) this.#ballots.delete(this.#ballots.keys().next().value as NodeId)
    const ballot: Ballot = { witnesses: this.#p.witnesses.of(node, now), votes: new Map(), at: now }
    this.#ballots.set(node, ballot)
    return ballot
  }

  /**
   * A witness whose own promise is missed cannot be waited for; then two others are enough, and one only where there is but one. With what
   * is decided our own vote is brought up to what the others heard.
   */
  #decide(node: NodeId, ballot: Ballot, now: Millis): void {
    const { view } = this.#p
    const held = view.record(node)
    if (held === undefined) return
    for (const [voter, vote] of ballot.votes) if (compareRecords(vote, held) < 0) ballot.votes.delete(voter)
    const { witnesses, votes } = ballot
    const awaited = witnesses.filter((member) => !view.isMissed(member, now))
    const isComplete = awaited.length > 0 && awaited.every((member) => votes.has(member))
    if (!isComplete || votes.size < Math.min(2, witnesses.length)) return
    if (![...votes.values()].some(({ met }) => met)) return
    this.#ballots.delete(node)
    this.#catchUp(ballot)
    const last = namedByTwo(witnesses, votes)
    view.votedDown(node, [...votes.keys()], last !== undefined && isLead(held, last) ? last : held, now)
  }

  /** Who missed the last record of a node voted on the one before, which is void for all who have the last: says it again of that. */
  #catchUp({ witnesses, votes }: Ballot): void {
    const { out, self, topic } = this.#p
    const own = votes.get(self.node)
    const others = witnesses.filter((member) => member !== self.node)
    // Of two witnesses the other has nobody to mislead by us but itself.
    const last = others.length === 1 ? votes.get(others[0] as NodeId) : namedByTwo(others, votes)
    if (own === undefined || last === undefined || !isLead(own, last)) return
    out.emit({ type: 'vote', topic, vote: { ...own, counter: last.counter } })
  }
}

/** The newest record that two of these have heard, by their votes: one that lies cannot make it newer than it is. Undefined when fewer voted. */
function namedByTwo(witnesses: readonly NodeId[], votes: ReadonlyMap<NodeId, Vote>): RecordOrder | undefined {
  const named = witnesses.flatMap((member) => votes.get(member) ?? [])
  return named.sort((a, b) => compareRecords(b, a))[1]
}

/** A voter that missed a record says it again of the next one; beyond what is on its way it has nothing to say. */
function isRevised(before: RecordOrder, vote: RecordOrder, held: RecordOrder): boolean {
  return (
    vote.counter > before.counter && before.counter <= held.counter && vote.counter <= held.counter + limits.voteLead
  )
}

/** Whether `last` is so little newer that it may just have been missed. */
function isLead(held: RecordOrder, last: RecordOrder): boolean {
  const lead = last.counter - held.counter
  return last.incarnation === held.incarnation && lead > 0 && lead <= limits.voteLead
}

function verdictOn(outcome: Outcome): Verdict {
  if (outcome === 'taken') return 'accept'
  const harmless: readonly Outcome[] = ['old', 'notWitness', 'unknownMembership', 'expired', 'revoked']
  return harmless.includes(outcome) ? 'ignore' : 'reject'
}
