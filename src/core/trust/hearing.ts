// Hearing: what peers say of announcements. Heads of gossip and the vectors of hellos tell what there is; the bodies of what is
// news are fetched and handed on to be judged. A head is passed on only when its body is in force here, and nothing that a peer
// says makes this node check a signature unless it is news by all that needs none.
import { earliest } from '../earliest.ts'
import type { Millis, NodeId } from '../env.ts'
import type { RefusalCode, Ticket, Verdict } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Acceptance, Candidate } from './acceptance.ts'
import { type AnnouncementDocument, compareVersions, type Head, type VersionVector } from './announcement.ts'
import { Bodies, type Question } from './bodies.ts'
import { Offers } from './offers.ts'
import type { Refusals } from './refusals.ts'
import { headOf, isKept, isNews, type Registers, type Standing } from './registers.ts'
import type { TargetsKeeper } from './targets-keeper.ts'
import { WaitingHeads } from './waiting-heads.ts'
import { announcementSubject, type Watch } from './watch.ts'

interface Parts {
  out: Outbox
  targets: TargetsKeeper
  refusals: Refusals
  watch: Watch
  registers: Registers
  acceptance: Pick<Acceptance, 'offer' | 'has' | 'isFull'>
  /** Of the heads. */
  topic: string
}

export class Hearing {
  readonly #p: Parts
  readonly #offers = new Offers()
  readonly #bodies: Bodies
  readonly #heads: WaitingHeads
  /** A question for targets ended, or others are in force: peers may be asked for newer ones. */
  #remind = false
  /** A head that only the targets in force explain was passed on. */
  #carried = false

  constructor(parts: Parts) {
    this.#p = parts
    this.#heads = new WaitingHeads(parts.out)
    this.#bodies = new Bodies({
      out: parts.out,
      offers: this.#offers,
      wanted: (head) => this.#isWanted(head),
      isPaid: (peer, hash) => this.#heads.has(peer, hash),
    })
  }

  get size(): number {
    return Math.max(this.#offers.size, this.#bodies.size, this.#heads.size)
  }

  offered(peer: NodeId, vector: VersionVector, now: Millis): void {
    this.#offers.told(peer, vector)
    this.#look(now)
  }

  heard(ticket: Ticket, from: NodeId, topic: string, head: Head, now: Millis): void {
    const standing = topic === this.#p.topic ? this.#standing(head) : 'wrongTopic'
    if (isNews(standing) || isAhead(standing)) return this.#expect(ticket, from, head, now)
    // One that is held was news before, and went on then: passed on again and again, it would never come to rest.
    if (standing === 'same') return this.#verdict(ticket, 'ignore')
    this.#refuseHead(head, from, standing, 'head', now)
    this.#verdict(ticket, verdictOn(standing))
  }

  arrived(ticket: Ticket, peer: NodeId, documents: readonly AnnouncementDocument[], now: Millis): boolean {
    if (this.#p.targets.ended(ticket)) {
      this.#remind = true
      return false // what it brought goes to the targets keeper
    }
    const question = this.#bodies.ended(ticket)
    if (question === undefined) return false
    const document = documents.find(({ hash }) => hash === question.head.hash)
    if (document === undefined) this.#missing(question, 'bodyMissing', now)
    else if (!isSame(headOf(document), question.head)) this.#missing(question, 'malformed', now)
    else if (this.#isWanted(question.head) && !this.#p.acceptance.isFull)
      this.#p.acceptance.offer({ document, from: peer, submission: undefined }, now)
    this.#look(now)
    return true
  }

  failed(ticket: Ticket, code: 'bodyMissing' | 'malformed', now: Millis): boolean {
    if (this.#p.targets.ended(ticket)) {
      this.#remind = true
      return true
    }
    const question = this.#bodies.ended(ticket)
    if (question !== undefined) this.#missing(question, code, now)
    return question !== undefined
  }

  /** Acceptance is done with a candidate. */
  settled({ document, from }: Candidate, standing: Standing, now: Millis): void {
    if (isKept(standing)) {
      if (from !== undefined && !this.#heads.has(from, document.hash)) this.#bodies.refund(from)
      return
    }
    if (standing === 'diskFailed') this.#bodies.pause(now + limits.diskRetry)
    const isRefused = from !== undefined && isGuilty(standing)
    if (isRefused) this.#refuse(from, document, standing, now)
    const isBlamed = isRefused && this.#isItsFault(from, standing)
    if (isRefused) this.#p.watch.blamed(from, isBlamed ? 'fault' : 'doubt', now)
    if (isBlamed) this.#blame(from, document, standing)
    this.#heads.settle(({ from: teller, head }) => {
      const isMeant = head.hash === document.hash && (teller === from || standing === 'diskFailed')
      return isMeant ? (isBlamed ? 'reject' : 'ignore') : undefined
    })
    this.#look(now)
  }

  /** What is in force, or what it is judged by, changed. */
  changed(now: Millis): void {
    this.#heads.settle(({ head, ahead }) => {
      const standing = this.#standing(head)
      if (standing === 'same') {
        this.#carried ||= ahead
        return 'accept'
      }
      return isNews(standing) || isAhead(standing) ? undefined : verdictOn(standing)
    })
    this.#look(now)
  }

  /** Other targets are in force, or none. */
  targetsChanged(): void {
    this.#remind = true
    this.#carried = false
  }

  /**
   * Whether who lacks the targets in force will ask for them by itself: `yes` when a head that only they explain was passed on,
   * `open` while such a head waits for its body.
   */
  get carriesTargets(): 'yes' | 'open' | 'no' {
    if (this.#carried) return 'yes'
    return this.#heads.some(({ head, ahead }) => ahead && isNews(this.#standing(head))) ? 'open' : 'no'
  }

  unlinked(peer: NodeId): void {
    this.#offers.unlinked(peer)
    this.#p.targets.unlinked(peer)
    this.#remind = true
  }

  deadline(): Millis | undefined {
    return earliest(this.#heads.deadline(), this.#bodies.deadline(), this.#p.targets.deadline())
  }

  check(now: Millis): void {
    for (const ticket of this.#bodies.overdue(now)) this.failed(ticket, 'bodyMissing', now)
    if (this.#bodies.isDue(now)) this.#look(now)
    if (this.#p.targets.lapsed(now)) this.#remind = true
    if (this.#remind) this.#askForTargets(now)
    this.#giveUp(now)
  }

  #standing(head: Head): Standing {
    return this.#p.registers.standing(head, this.#p.targets.role(head.role))
  }

  #isWanted(head: Head): boolean {
    return isNews(this.#standing(head)) && !this.#p.acceptance.has(head.hash)
  }

  #look(now: Millis): void {
    if (!this.#p.acceptance.isFull) this.#bodies.look(now)
  }

  #verdict(ticket: Ticket, verdict: Verdict): void {
    this.#p.out.emit({ type: 'verdict', ticket, verdict })
  }

  /** A head that is news, or of a role or an epoch that newer targets may name: its verdict waits for them and for the body. */
  #expect(ticket: Ticket, from: NodeId, head: Head, now: Millis): void {
    if (this.#heads.isFull || this.#bodies.isPaused(now)) {
      this.#offers.heard(from, head) // it is fetched later, and gossip does not wait for that
      return this.#verdict(ticket, 'ignore')
    }
    if (!this.#bodies.spend(from, now)) {
      this.#refuseHead(head, from, 'tooOften', 'head', now)
      return this.#verdict(ticket, 'ignore')
    }
    this.#offers.heard(from, head)
    const ahead = isAhead(this.#standing(head))
    this.#heads.wait(ticket, { from, head, ahead }, now)
    if (ahead) this.#p.targets.hinted(from, now)
    this.#look(now)
  }

  /** A peer's head led to no body, or to another one than it says. */
  #missing({ peer, head }: Question, code: 'bodyMissing' | 'malformed', now: Millis): void {
    this.#refuseHead(head, peer, code, 'announcement', now)
    if (isGuilty(code)) {
      this.#offers.drop(peer, head.role)
      this.#p.watch.blamed(peer, 'fault', now)
    }
    this.#bodies.missed(peer, head.hash, now)
    this.#look(now)
    this.#heads.settle((waiting) => {
      if (waiting.from !== peer || waiting.head.hash !== head.hash) return undefined
      return isGuilty(code) || !this.#bodies.isUnderway(head.hash) ? verdictOn(code) : undefined
    })
  }

  /** What was refused before it was a document; documents are audited when they were judged. */
  #refuseHead(head: Head, from: NodeId, code: RefusalCode, what: 'head' | 'announcement', now: Millis): void {
    this.#p.refusals.count(code, from, what, now)
    if (what === 'head') this.#p.watch.blamed(from, 'head', now)
    this.#p.watch.refused(announcementSubject(head), from, code, now)
  }

  /** What a peer gave is not what it may be here: that counts, whoever is to blame, and it is not asked for it for a while. */
  #refuse(from: NodeId, { hash }: AnnouncementDocument, code: RefusalCode, now: Millis): void {
    this.#p.refusals.count(code, from, 'announcement', now)
    this.#bodies.missed(from, hash, now)
  }

  /** And it is the peer's fault: it is asked for nothing of that role until it says hello again. */
  #blame(from: NodeId, { signed: { role, version } }: AnnouncementDocument, code: RefusalCode): void {
    this.#p.out.event({ type: 'announcementRefused', code, role, version, from })
    this.#offers.drop(from, role)
  }

  /** Keys and paths are the targets' word: who goes by other targets than ours may be honest about both. */
  #isItsFault(peer: NodeId, code: RefusalCode): boolean {
    if (code !== 'badSignature' && code !== 'outsidePaths') return true
    const { current } = this.#p.targets
    return current !== undefined && this.#offers.targetsOf(peer) === current.hash
  }

  #askForTargets(now: Millis): void {
    this.#remind = false
    this.#p.targets.remind(this.#offers.targets(), now)
  }

  /** Answers heads whose time is over, and those that only newer targets could help when none are on their way. */
  #giveUp(now: Millis): void {
    if (this.#heads.size === 0) return
    const { targets } = this.#p
    const mayLearn = targets.asking || !targets.settled
    this.#heads.settle(({ from, head, until }) => {
      const standing = this.#standing(head)
      if (now < until && (mayLearn || !isAhead(standing))) return undefined
      if (isAhead(standing)) this.#refuseHead(head, from, standing, 'head', now)
      return 'ignore'
    })
  }
}

/** Newer targets may know the role or the epoch. */
function isAhead(standing: Standing): standing is 'unknownRole' | 'wrongEpoch' {
  return standing === 'unknownRole' || standing === 'wrongEpoch'
}

/** No honest member passes such a thing on; who is merely behind, or late, is not punished. */
function isGuilty(code: RefusalCode): boolean {
  const guilty: readonly RefusalCode[] = ['malformed', 'badSignature', 'outsidePaths', 'foreignMesh', 'wrongTopic']
  return guilty.includes(code)
}

function verdictOn(code: RefusalCode): Verdict {
  return isGuilty(code) ? 'reject' : 'ignore'
}

function isSame(a: Head, b: Head): boolean {
  return a.role === b.role && compareVersions(a, b) === 0 && a.hash === b.hash
}
