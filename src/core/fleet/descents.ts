// Descents: a person wants to see the zones below inner zones, of which a node hears no more than what they are together. Reporters of an
// inner zone tell its children (clause QUERY 5); those that are inner zones themselves and may hold what was asked for are visited next.
// Invariant: what is found is proven by signatures, what is not found is said: silent zones, and children that the counts say there are.
import { earliest } from '../earliest.ts'
import type { Env, Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import { Approach, linkedFirst } from '../links/approach.ts'
import type { Book } from '../links/book.ts'
import type { Entry } from '../links/book-entry.ts'
import type { Links } from '../links/links.ts'
import { OpenQuestions } from '../open-questions.ts'
import type { Outbox } from '../outbox.ts'
import type { QueryResponse, SyncResponse } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { StatementKeeper } from '../trust/statement-keeper.ts'
import { depthOf, mayMatchBelow, within } from '../zone.ts'
import type { Authors } from './authors.ts'
import { type ChildJudge, ChildRows, type FoundChild } from './child-rows.ts'
import type { Day } from './day.ts'
import { Visit } from './descent-visit.ts'
import { childKey, type ReporterContact } from './digest.ts'
import type { Figures } from './figures.ts'
import type { Reporting } from './reporting.ts'
import type { FleetChild } from './summary.ts'

/** An inner zone whose children were asked for. */
export interface VisitedZone {
  zone: string
  state: Visit['state']
  /** Leaf zones that its digest counts and nobody told of. */
  missing: number
  /** The nodes that its children count are not those that its digest counts. */
  disagrees: boolean
  /** Something that was told did not hold, or not all came in time. */
  partial: boolean
}

export interface DescentAnswer {
  /** Leaf zones, and inner ones of which the children are not told, in order of childKey. */
  zones: readonly FleetChild[]
  visited: readonly VisitedZone[]
  /** There are more inner zones than are visited for one question. */
  full: boolean
}

interface Parts {
  env: Env
  out: Outbox
  self: Self
  authors: Authors
  statements: Pick<StatementKeeper, 'isFound' | 'endOf'>
  day: Day
  book: Pick<Book, 'get' | 'inZone' | 'outside'>
  links: Pick<Links, 'get' | 'wantFor'>
  reporting: Pick<Reporting, 'levels' | 'summary' | 'pair'>
}

interface Descent {
  ticket: Ticket
  deadline: Millis
  hedge: Millis
  /** Names or patterns of what is looked for; undefined: everything. */
  zones: readonly string[] | undefined
  visits: Map<string, Visit>
  /** The ends of the ways. */
  found: Map<string, FoundChild>
  /** There are more inner zones than are visited. */
  full: boolean
  /** To reporters, also those whom only the digests of their zones name. */
  approach: Approach
}

const NOBODY = { active: undefined, standby: undefined }

export class Descents {
  readonly #p: Parts
  readonly #judge: ChildJudge
  readonly #open = new OpenQuestions<Descent>({
    most: limits.descents,
    due: ({ visits }) => earliest(...[...visits.values()].map((visit) => visit.deadline())),
    goOn: (descent, now) => this.#goOn(descent, now),
    answer: (descent, now) => this.#answer(descent, now),
  })

  constructor(parts: Parts) {
    this.#p = parts
    this.#judge = parts
  }

  get underway(): number {
    return this.#open.size
  }

  /** Answered with `descentDone` within the time-out, at once when all that is looked for is heard here. */
  start(ticket: Ticket, zones: readonly string[] | undefined, timeout: Millis, now: Millis): void {
    const hedge = timeout / (limits.descentContacts + 1)
    const shared = { visits: new Map(), found: new Map(), full: false, approach: new Approach(this.#p) }
    const descent: Descent = { ticket, deadline: now + timeout, hedge, zones, ...shared }
    this.#open.add(descent, now)
    this.#enter(descent, '/', undefined, now)
    this.check(now)
  }

  deadline(): Millis | undefined {
    return this.#open.deadline()
  }

  check(now: Millis): void {
    this.#open.check(now)
  }

  /** A link opened: whoever waited for it is asked. */
  linked(peer: NodeId): void {
    for (const { visits } of this.#open)
      for (const visit of visits.values()) {
        const talk = visit.talks.get(peer)
        if (talk !== undefined && talk.ticket === undefined) this.#ask(visit, peer, undefined)
      }
  }

  /** A dial or a link failed. */
  lost(peer: NodeId, now: Millis): void {
    for (const { visits } of this.#open) for (const visit of visits.values()) visit.failed(peer)
    this.check(now)
  }

  /** A question failed; false when the ticket is none of ours. */
  failed(ticket: Ticket, peer: NodeId, now: Millis): boolean {
    const talk = this.#of(ticket, peer)
    if (talk === undefined) return false
    talk.visit.failed(peer)
    this.check(now)
    return true
  }

  /** Takes an answer; false when the ticket is none of ours. */
  answered(ticket: Ticket, peer: NodeId, response: QueryResponse, now: Millis): boolean {
    const talk = this.#of(ticket, peer)
    if (talk === undefined) return false
    const { descent, visit, rows } = talk
    if (response.refused === 'forbidden' && !this.#mayHear(visit.zone)) visit.forbidden()
    else if (response.refused !== undefined) visit.failed(peer)
    else {
      const after = rows.take(response, now)
      if (after !== undefined) this.#ask(visit, peer, after)
      else this.#askWho(descent, visit, peer, now)
    }
    this.check(now)
    return true
  }

  /** Whom every honest reporter tells the children of a zone: one that refuses us is as good as silent (QUERY 5). */
  #mayHear(zone: string): boolean {
    const { self } = this.#p
    return self.isOperator || within(self.zone, zone)
  }

  /** Takes memberships that were asked for because of a child; false when the ticket is none of ours. */
  introduced(ticket: Ticket, { memberships }: SyncResponse, now: Millis): boolean {
    for (const descent of this.#open)
      for (const visit of descent.visits.values())
        for (const [peer, talk] of visit.talks) {
          if (talk.ticket !== ticket) continue
          talk.rows.introduce(memberships, now)
          this.#askWho(descent, visit, peer, now)
          this.check(now)
          return true
        }
    return false
  }

  #of(ticket: Ticket, peer: NodeId): { descent: Descent; visit: Visit; rows: ChildRows } | undefined {
    for (const descent of this.#open)
      for (const visit of descent.visits.values()) {
        const talk = visit.talks.get(peer)
        if (talk?.ticket === ticket) return { descent, visit, rows: talk.rows }
      }
    return undefined
  }

  /** The children of an inner zone: those that are heard here, else as its reporters tell them. */
  #enter(descent: Descent, zone: string, child: FoundChild | undefined, now: Millis): void {
    const level = this.#p.reporting.levels.find((one) => one.zone === zone)
    if (level !== undefined) return this.#spread(descent, level.children(this.#p.day.at(now), now), now)
    const { visits, hedge } = descent
    if (visits.has(zone)) return
    const said = zone === '/' ? this.#p.reporting.summary(now)?.figures : child?.last?.digest.figures
    const named = child?.last?.digest.contacts ?? []
    descent.approach.hear(named, undefined, now)
    const contacts = this.#contactsOf(zone, named)
    visits.set(zone, new Visit(zone, said as Figures | undefined, contacts, hedge))
  }

  /** Leaves are found; inner zones that may hold what is looked for are entered. */
  #spread(descent: Descent, children: Iterable<FoundChild>, now: Millis): void {
    for (const child of children) {
      const enters = !child.leaf && !child.dark && this.#mayHold(descent, child.zone)
      const hasRoom = descent.visits.size < limits.descentZones
      if (enters && hasRoom) this.#enter(descent, child.zone, child, now)
      if (enters && !hasRoom) descent.full = true
      // Of one that is visited the whole is shown when its children are not told.
      const isHeard = enters && hasRoom && !descent.visits.has(child.zone)
      if (!isHeard) descent.found.set(childKey(child), child)
    }
  }

  #mayHold({ zones }: Descent, zone: string): boolean {
    return zones === undefined || zones.some((pattern) => mayMatchBelow(pattern, zone))
  }

  /** Who may tell the children of a zone: those whom its digest names, then members that hear most topics, then our own reporters; linked ones first. */
  #contactsOf(zone: string, named: readonly ReporterContact[]): NodeId[] {
    const { book, links, self } = this.#p
    const { active, standby } = self.isNode && within(self.zone, zone) ? this.#p.reporting.pair : NOBODY
    const others = [...book.inZone(self.zone), ...book.outside()]
      .filter(({ zone: leaf, reports = 0 }) => leaf !== undefined && reports > 0 && within(leaf, zone))
      .sort((a, b) => lacking(a) - lacking(b))
    const likely = [...named.map(({ node }) => node), ...others.map(({ node }) => node), active, standby]
    const all = [...new Set(likely)].filter((node) => node !== undefined && node !== self.node) as NodeId[]
    return linkedFirst(all, links)
  }

  /** So many zones at once; of each one reporter, and the next after a hedge. True when all are done. */
  #goOn(descent: Descent, now: Millis): boolean {
    const { visits } = descent
    let busy = [...visits.values()].filter(({ talks }) => talks.size > 0).length
    for (const visit of visits.values()) {
      for (let node = visit.next(now); node !== undefined; node = visit.next(now)) {
        const begins = visit.talks.size === 0
        if (begins && busy >= limits.descentZonesAtOnce) break
        if (this.#try(descent, visit, node, now) && begins) busy += 1
      }
    }
    return [...visits.values()].every((visit) => visit.done)
  }

  /** Asks over the link, or dials; false when neither can be done. */
  #try({ approach }: Descent, visit: Visit, node: NodeId, now: Millis): boolean {
    const reached = approach.reach(node, now)
    if (reached === undefined) {
      visit.skipped(node)
      return false
    }
    visit.tried(node, { rows: new ChildRows(this.#judge, visit.zone), ticket: undefined }, now)
    if (reached === 'linked') this.#ask(visit, node, undefined)
    return true
  }

  #ask(visit: Visit, peer: NodeId, afterChild: string | undefined): void {
    const talk = visit.talks.get(peer)
    if (talk === undefined) return
    talk.ticket = this.#p.out.ticket()
    const body = { zone: visit.zone, want: 'children' as const, after: undefined, ...(afterChild && { afterChild }) }
    this.#p.out.emit({ type: 'ask', ticket: talk.ticket, peer, protocol: 'query', body })
  }

  /** Asks for the next memberships that children wait for; without any, this reporter has told all. */
  #askWho(descent: Descent, visit: Visit, peer: NodeId, now: Millis): void {
    const talk = visit.talks.get(peer)
    if (talk === undefined) return
    const ids = talk.rows.unknown()
    if (ids.length > 0) {
      talk.ticket = this.#p.out.ticket()
      const body = { type: 'memberships' as const, ids }
      return this.#p.out.emit({ type: 'ask', ticket: talk.ticket, peer, protocol: 'sync', body })
    }
    visit.told(peer)
    this.#spread(descent, visit.children.values(), now)
  }

  #answer(descent: Descent, now: Millis): void {
    for (const { zone, state } of descent.visits.values())
      if (state === 'answered') descent.found.delete(childKey({ zone, leaf: false }))
    const found = [...descent.found].sort(([a], [b]) => (a < b ? -1 : 1))
    const visited = [...descent.visits.values()].map(visitedZone)
    const answer = { zones: found.map(([, child]) => asChild(child, now)), visited, full: descent.full }
    this.#p.out.emit({ type: 'descentDone', ticket: descent.ticket, answer })
  }
}

/** Topics between `/` and its own leaf that a reporter does not hear. */
function lacking({ zone = '/', reports = 0 }: Entry): number {
  return depthOf(zone) - reports
}

function visitedZone({ zone, state, missing, disagrees, partial }: Visit): VisitedZone {
  return { zone, state, missing: state === 'answered' ? missing : 0, disagrees, partial }
}

function asChild({ zone, leaf, dark, last }: FoundChild, now: Millis): FleetChild {
  const age = last && last.digest.age + (now - last.at)
  return { zone, leaf, dark, digest: last?.digest, by: last?.by, age }
}
