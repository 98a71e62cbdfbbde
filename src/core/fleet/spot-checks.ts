// Spot checks: whether a reporter counts what is there. In each D a suspect leaf zone, in every fourth any, is asked at two of its
// members; who is contradicted by most of those who know is not believed for a while, and the other reporter is (clause REPORTER 5).
// Nobody is found to lie for one digest alone: a site that loses its power between a count and the question, or is just being set up, looks
// just like a lie. Its next digest lies between what its members said before and say now; that of a liar does not.
import { earliest } from '../earliest.ts'
import type { Env, Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Book } from '../links/book.ts'
import type { Links } from '../links/links.ts'
import type { Outbox } from '../outbox.ts'
import type { QueryResponse } from '../protocols.ts'
import type { Alerts } from './alerts.ts'
import { membersOf } from './figures.ts'
import type { Level, Spoken } from './level.ts'
import type { StatusCounts } from './rows.ts'

export interface SpotCheckParts {
  env: Env
  out: Outbox
  book: Pick<Book, 'inZone'>
  links: Pick<Links, 'get' | 'wantFor'>
  alerts: Alerts
}

/** One leaf zone that is being asked. */
interface Check {
  level: Level
  zone: string
  until: Millis
  /** Members that were dialled for it. */
  dialled: Set<NodeId>
  asked: Map<Ticket, NodeId>
  answers: StatusCounts[]
  /** Answers that are still wanted. */
  wanted: number
}

/** A digest that was contradicted, by its counter, and what others said then. */
interface Doubt {
  counter: number
  against: readonly StatusCounts[]
}

/** True when two counts of one zone, of about the same time, cannot both be right. */
export function contradict(a: StatusCounts, b: StatusCounts): boolean {
  return sideOf(a, b) !== 0
}

/** 1: `a` counts too many for `b`; -1: too few; 0: both may be right. */
function sideOf(a: StatusCounts, b: StatusCounts): number {
  const [members, present] = [membersOf(a) - membersOf(b), a.up + a.late - b.up - b.late]
  if (isFar(membersOf(a), membersOf(b))) return Math.sign(members)
  return isFar(a.up + a.late, b.up + b.late) ? Math.sign(present) : 0
}

export class SpotChecks {
  readonly #p: SpotCheckParts
  /** Who is not believed, and until when. */
  readonly #liars = new Map<NodeId, Millis>()
  /** Who was contradicted once. */
  readonly #doubted = new Map<NodeId, Doubt>()
  #check: Check | undefined
  #next: Millis | undefined
  /** When a zone may be looked at with which nothing is wrong. */
  #nextRandom: Millis = Number.NEGATIVE_INFINITY

  constructor(parts: SpotCheckParts) {
    this.#p = parts
  }

  get size(): number {
    return Math.max(this.#liars.size, this.#doubted.size)
  }

  isBelieved(node: NodeId, now: Millis): boolean {
    const until = this.#liars.get(node)
    return until === undefined || now >= until
  }

  deadline(): Millis | undefined {
    return earliest(this.#check?.until, this.#next)
  }

  /** @param own our leaf zone, which we know ourselves */
  check(levels: readonly Level[], own: string, period: Millis, now: Millis): void {
    for (const [node, until] of this.#liars) if (now >= until) this.#liars.delete(node)
    if (this.#check !== undefined && now >= this.#check.until) this.#finish(now)
    if (levels.length === 0) {
      this.#next = undefined
      return
    }
    this.#next ??= now + period
    if (this.#check !== undefined || now < this.#next) return
    this.#next = now + period * (0.75 + 0.5 * this.#p.env.random())
    const target = this.#target(levels, own, period, now)
    if (target !== undefined) this.#begin(target.level, target.zone, now)
  }

  /** A link opened: whoever was dialled for a check is asked. */
  linked(peer: NodeId): void {
    if (this.#check?.dialled.delete(peer)) this.#ask(this.#check, peer)
  }

  /** False when the ticket is none of ours. */
  answered(ticket: Ticket, peer: NodeId, { refused, counts }: QueryResponse, now: Millis): boolean {
    const check = this.#check
    if (check === undefined || !check.asked.delete(ticket)) return false
    const speaksFor = this.#p.links.get(peer)?.zone === check.zone
    if (refused === undefined && speaksFor) check.answers.push(counts)
    if (check.answers.length >= check.wanted) this.#finish(now)
    return true
  }

  /** False when the ticket is none of ours. */
  failed(ticket: Ticket): boolean {
    return this.#check?.asked.delete(ticket) === true
  }

  /** A leaf zone first of whose reporters one may lie, else now and then one at random: all siblings look as well. */
  #target(
    levels: readonly Level[],
    own: string,
    period: Millis,
    now: Millis,
  ): { level: Level; zone: string } | undefined {
    const all = levels.flatMap((level) => level.leaves(now).map((zone) => ({ level, zone })))
    const others = all.filter(({ zone }) => zone !== own)
    const suspect = others.filter(({ level, zone }) => this.#isSuspect(level.voices(zone, now)))
    // A zone where nobody answers stays suspect, and must not keep others from being looked at.
    const isUrgent = suspect.length > 0 && this.#p.env.random() < limits.suspectChecks
    if (!isUrgent && now < this.#nextRandom) return undefined
    if (!isUrgent) this.#nextRandom = now + (limits.randomChecksEvery - 0.5) * period
    const from = isUrgent ? suspect : others
    return from[Math.floor(this.#p.env.random() * from.length)]
  }

  #isSuspect(voices: readonly Spoken[]): boolean {
    return isDisputed(voices) || voices.some(({ by }) => this.#doubted.has(by))
  }

  /** Who is linked costs no dial; but nobody is found to lie by those who chose to be linked to us. */
  #begin(level: Level, zone: string, now: Millis): void {
    const { book, links, env } = this.#p
    const voices = level.voices(zone, now)
    const reporters = new Set(voices.map(({ by }) => by))
    const members = book.inZone(zone).filter(({ node, serves }) => serves && !reporters.has(node))
    const isOpen = this.#isSuspect(voices)
    const isAtHand = ({ node }: { node: NodeId }) => !isOpen && links.get(node) !== undefined
    const lots = members.map((entry) => ({ entry, lot: isAtHand(entry) ? -1 : env.random() }))
    const chosen = lots.sort((a, b) => a.lot - b.lot).slice(0, limits.spotCheckMembers)
    if (chosen.length === 0) return
    const terms = { level, zone, until: now + limits.spotCheckTime, wanted: chosen.length }
    const check: Check = { ...terms, dialled: new Set(), asked: new Map(), answers: [] }
    this.#check = check
    for (const { entry } of chosen) {
      if (links.get(entry.node) !== undefined) this.#ask(check, entry.node)
      else {
        check.dialled.add(entry.node)
        links.wantFor(entry, now)
      }
    }
  }

  #ask(check: Check, peer: NodeId): void {
    const ticket = this.#p.out.ticket()
    check.asked.set(ticket, peer)
    const body = { zone: check.zone, want: 'counts' as const, after: undefined }
    this.#p.out.emit({ type: 'ask', ticket, peer, protocol: 'query', body })
  }

  /** Weighs each reporter's count against what its members, and the other reporters, say. */
  #finish(now: Millis): void {
    const check = this.#check
    this.#check = undefined
    if (check === undefined) return
    const voices = check.level.voices(check.zone, now)
    for (const voice of voices) {
      const others = voices.filter(({ by }) => by !== voice.by).map(countsOf)
      const known = [...check.answers, ...others]
      const against = known.filter((counts) => contradict(counts, countsOf(voice)))
      if (against.length >= limits.spotCheckMembers && 2 * against.length > known.length)
        this.#contradicted(voice, against, now)
      else this.#doubted.delete(voice.by)
    }
  }

  /** The next check has to find the same of another digest, which does not even say what was said against the one before. */
  #contradicted({ by, digest }: Spoken, against: readonly StatusCounts[], now: Millis): void {
    const before = this.#doubted.get(by)
    if (before?.counter === digest.counter) return
    const counts = countsOf({ digest })
    if (before === undefined || !isBeyond(counts, before.against, against)) {
      this.#doubted.delete(by)
      this.#doubted.set(by, { counter: digest.counter, against })
      if (this.#doubted.size > limits.liarsKept) this.#doubted.delete(this.#doubted.keys().next().value as NodeId)
      return
    }
    this.#doubted.delete(by)
    this.#liars.set(by, now + limits.liarPause)
    if (this.#liars.size > limits.liarsKept) this.#liars.delete(this.#liars.keys().next().value as NodeId)
    const { up, late, down, left } = counts
    const detail = `it says that ${digest.zone} has ${up + late + down + left} nodes, ${up + late} of them there; its members say otherwise`
    this.#p.alerts.raise('lyingReporter', by, detail, now)
  }
}

/** A count that is beyond what most said before and most say now, on one side of both: of a zone that grows or shrinks it lies between. */
function isBeyond(counts: StatusCounts, before: readonly StatusCounts[], now: readonly StatusCounts[]): boolean {
  const isMostly = (said: readonly StatusCounts[], side: number) =>
    2 * said.filter((one) => sideOf(counts, one) === side).length > said.length
  return [-1, 1].some((side) => isMostly(before, side) && isMostly(now, side))
}

/** Two reporters of one zone contradict each other. */
function isDisputed(voices: readonly Spoken[]): boolean {
  const [first, ...others] = voices
  return first !== undefined && others.some((other) => contradict(countsOf(first), countsOf(other)))
}

function countsOf({ digest }: Pick<Spoken, 'digest'>): StatusCounts {
  return digest.figures.counts
}

/** A few nodes come and go within a D; a share of a large zone as well. */
function isFar(a: number, b: number): boolean {
  return Math.abs(a - b) > Math.max(limits.digestToleranceNodes, limits.digestTolerance * Math.max(a, b))
}
