// Reporting: when this node speaks for its zone and for those above it, whom it listens to for that, and the fleet summary on its way
// down (clauses REPORTER and SUMMARY). A plain node takes part by holding the newest summary only.
// Invariants: who does not report is on no topic above its leaf; what a zone's reporters say is spaced by D, however many inputs come.
import { earliest } from '../earliest.ts'
import type { Env, Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Book } from '../links/book.ts'
import type { Links } from '../links/links.ts'
import type { Outbox } from '../outbox.ts'
import type { ChildRow } from '../protocols.ts'
import type { Self } from '../self.ts'
import { parentOf } from '../zone.ts'
import type { Alerts } from './alerts.ts'
import { DarkZones } from './dark-zones.ts'
import type { Day } from './day.ts'
import { childKey, type Digest } from './digest.ts'
import type { Heartbeat } from './heartbeat.ts'
import { agedTo, type HeldSummary, madeAt, newerOf } from './held-summary.ts'
import { KnownZones } from './known-zones.ts'
import { Level, type Spoken } from './level.ts'
import { Orders } from './orders.ts'
import { innerDigest, leafDigest, leafFigures } from './own-digests.ts'
import { candidates, type Pair, type Part, Places, pairOf, partOf } from './reporters.ts'
import type { Envelope, StatusCounts } from './rows.ts'
import { type Wish, wishesFor } from './siblings.ts'
import { contradict, SpotChecks } from './spot-checks.ts'
import type { FleetView, SavedZone, Summary } from './summary.ts'
import type { View } from './view.ts'

export interface ReportingParts {
  env: Env
  out: Outbox
  self: Self
  view: View
  alerts: Alerts
  heartbeat: Pick<Heartbeat, 'incarnation' | 'started'>
  book: Pick<Book, 'get' | 'inZone' | 'outside'>
  links: Pick<Links, 'get' | 'wantFor'>
  day: Day
  /** Zones that earlier runs heard of. */
  zones: readonly SavedZone[]
  /** Shortest promise of our records: digests and summaries go by it. */
  minimum: Millis
  /** The topics of digests of the children of an inner zone, and of a leaf zone's records. */
  topics: { digests: (zone: string) => string; records: string }
}

/** What this node says, or would say, of one zone on the topic above it. */
interface Voice {
  zone: string
  leaf: boolean
  part: Part
  /** When it speaks next, as active; since when it is patient, as standby. */
  due: Millis
  since: Millis
  /** Digests of the active one in a row that contradict what we see, and the counter of the last. */
  contradicted: number
  weighed: number
}

export class Reporting {
  readonly #p: ReportingParts
  readonly #places: Places
  /** Whether reporters count what is there. */
  readonly checks: SpotChecks
  /** D where few children speak. */
  readonly #least: Millis
  /** The innermost first: each lies in the next one. */
  #levels: Level[] = []
  /** One for each level: the leaf zone's on the first, an inner zone's on the next. */
  #voices: Voice[] = []
  #pair: Pair = { active: undefined, standby: undefined }
  /** What the pair was worked out from: it holds until that changes. */
  #pairFrom = ''
  /** Of the inner zone at each level. */
  readonly #pairs: Pair[] = []
  #wishes: readonly Wish[] = []
  /** Zones that spoke in this run or an earlier one. */
  readonly #known: KnownZones
  readonly #dark: DarkZones
  /** Kept when a level is left: whoever listens to it again knows what was said. */
  readonly #orders = new Orders()
  #counter = 0
  #held: HeldSummary | undefined
  /** By topic: when a summary last went out there, from us or from another, and when we would speak next. */
  readonly #handed = new Map<string, { made: Millis; at: Millis; due: Millis }>()
  #next: Millis | undefined

  constructor(parts: ReportingParts, now: Millis) {
    this.#p = parts
    this.#places = new Places(parts.env)
    this.checks = new SpotChecks(parts)
    this.#least = limits.digestPromises * parts.minimum
    this.#next = now
    this.#known = new KnownZones(parts.out, parts.self, parts.zones, now)
    this.#dark = new DarkZones(parts, this.#least)
  }

  /** Who reports for our own zone, as this node sees it. */
  get pair(): Pair {
    return this.#pair
  }

  get part(): Part {
    return this.#voices[0]?.part ?? 'none'
  }

  /** Inner zones whose digests this node listens to, the innermost first. */
  get levels(): readonly Level[] {
    return this.#levels
  }

  get held(): HeldSummary | undefined {
    return this.#held
  }

  get size(): number {
    return this.#levels.reduce((sum, level) => sum + level.size, 0)
  }

  deadline(): Millis | undefined {
    return earliest(this.#next, this.checks.deadline())
  }

  check(now: Millis): void {
    if (this.#p.self.isNode) this.checks.check(this.#levels, this.#p.self.zone, this.#least, now)
    if (this.#next === undefined || now < this.#next) return
    if (this.#p.self.isNode) this.#takePlaces(now)
    else if (this.#levels.length === 0) this.#listen('/', now)
    for (const [at, voice] of this.#voices.entries()) this.#speak(voice, at, now)
    this.#handDown(now)
    this.#known.check(now)
    this.#dark.check(() => this.summary(now)?.figures, now)
    for (const level of this.#levels) level.forget(now)
    this.#wishes = this.#levels.flatMap((level, at) => this.#wishesFor(level, at, now))
    const dues = [...this.#voices.map(({ due }) => due), ...[...this.#handed.values()].map(({ due }) => due)]
    this.#next = earliest(now + this.#p.minimum, ...dues.filter((due) => due > now))
  }

  /** Whom this node wants links to, for what it hears and says as a reporter. */
  get wishes(): readonly Wish[] {
    return this.#wishes
  }

  /** True for who is linked for that, or could be. */
  isSibling(node: NodeId): boolean {
    return this.#wishes.some(({ entries }) => entries.some((entry) => entry.node === node))
  }

  /** On how many topics of digests a member of our zone is: of another than ourselves, on the first at least. */
  reports(node: NodeId): number {
    if (node === this.#p.self.node) return this.#p.self.isNode ? this.#levels.length : 0
    return partOf(node, this.#pair) === 'none' ? 0 : 1
  }

  /** The level whose children speak on this topic; undefined when this node does not listen to it. */
  levelOf(topic: string): Level | undefined {
    return this.#levels.find((level) => level.topic === topic)
  }

  /** Takes a digest that was judged, also our own. */
  took(level: Level, spoken: Spoken, now: Millis): void {
    this.#p.day.named(spoken.digest.day, spoken.by, now)
    level.take(spoken, this.#p.day.at(now), now)
    this.#known.heard(spoken.digest, now)
  }

  /** A digest of ours was sealed and handed to gossip. */
  published(digest: Digest, envelope: Envelope, now: Millis): void {
    const level = this.#levels.find(({ zone }) => zone === parentOf(digest.zone))
    level?.take({ by: this.#p.self.node, digest, envelope, at: now }, this.#p.day.at(now), now)
  }

  /** A summary of ours was sealed: what is served to who asks. */
  handedDown(summary: Summary, envelope: Envelope, now: Millis): void {
    this.#held = newerOf(this.#held, { summary, by: this.#p.self.node, at: now, envelope })
  }

  /** Whether a summary is news, before its signature is checked. */
  isNewer(summary: Summary, now: Millis): boolean {
    return this.#held === undefined || now - summary.made > madeAt(this.#held)
  }

  /** Takes a newer summary that was judged; `topic` undefined when a member told it on our asking. */
  heardSummary(held: HeldSummary, topic: string | undefined, now: Millis): void {
    this.#p.day.named(held.summary.day, held.by, now)
    this.#held = newerOf(this.#held, held)
    const handed = topic === undefined ? undefined : this.#handed.get(topic)
    if (handed !== undefined) Object.assign(handed, { made: madeAt(held), at: now })
  }

  /** Who may hand a summary down in our leaf zone, or in the inner zone of a level. */
  mayHandDown(node: NodeId, level: Level | undefined, now: Millis): boolean {
    if (level !== undefined) return level.mayHandDown(node, this.#p.day.at(now), now)
    const others = this.#candidates().filter((one) => one !== node)
    const order = this.#places.order(this.#p.self.zone, this.#p.day.at(now), [...others, node])
    return order.indexOf(node) < limits.summaryPlaces
  }

  /** The newest that is known of the fleet, with ages of now. */
  summary(now: Millis): (Summary & { by: NodeId }) | undefined {
    const top = this.#levels.at(-1)
    if (top?.zone === '/' && top.size > 0 && top.isSettled(this.#least, now))
      return { ...this.#made(top, now), by: this.#p.self.node }
    return this.#held && agedTo(this.#held, now)
  }

  /** What is told of a level to who asks for its children. */
  childrenOf(level: Level, now: Millis): ChildRow[] {
    return level.children(this.#p.day.at(now), now).map(({ last, ...child }) => {
      const told = last && { envelope: last.envelope, digest: last.digest, age: now - last.at }
      return { ...child, told }
    })
  }

  /** For people. */
  fleet(now: Millis): FleetView {
    const { self, day } = this.#p
    const levels = this.#levels.map((level, at) => ({
      zone: level.zone,
      part: this.#voices[at + 1]?.part ?? 'none',
      period: level.period(this.#least, now),
      children: level.children(day.at(now), now).map(({ last, ...child }) => {
        return { ...child, digest: last?.digest, by: last?.by, age: last && last.digest.age + (now - last.at) }
      }),
    }))
    const own = self.isNode ? leafFigures(this.#p, now) : undefined
    return { summary: this.summary(now), own, reporters: this.#pair, part: this.part, levels }
  }

  /** Whom this node speaks for, at each level: the leaf zone first, then as far up as it is one of the first two. */
  #takePlaces(now: Millis): void {
    const { self, day } = this.#p
    const today = day.at(now)
    this.#findPair(today)
    let child = { zone: self.zone, leaf: true }
    let part = partOf(self.node, this.#pair)
    for (let at = 0; ; at++) {
      const parent = parentOf(child.zone)
      if (part === 'none' || parent === undefined) return this.#listenTo(at)
      const level = this.#levels[at] ?? this.#listen(parent, now)
      this.#takePart(at, child, part, now)
      child = { zone: parent, leaf: false }
      const pair = this.#pairAbove(level, at, now)
      this.#pairs[at] = pair
      // Who has just begun to listen knows of nobody else yet: everybody would be first.
      const knows = now - level.since >= this.#least
      part = parent === '/' || !knows ? 'none' : partOf(self.node, pair)
    }
  }

  #findPair(today: number): void {
    const { self, view, alerts } = this.#p
    const from = `${today} ${view.shifts} ${alerts.changes}`
    if (from === this.#pairFrom) return
    this.#pairFrom = from
    this.#pair = pairOf(this.#places.order(self.zone, today, this.#candidates()))
  }

  #candidates(): NodeId[] {
    const { view, alerts } = this.#p
    return candidates(view.shown(), (node) => alerts.of(node).includes('flapping'))
  }

  /** Those who speak for the children of an inner zone are the ones who may speak for it. */
  #pairAbove(level: Level, at: number, now: Millis): Pair {
    const today = this.#p.day.at(now)
    const speakers = new Set(level.speakers(today, now).map(({ by }) => by))
    if (this.#voices[at]?.part === 'active') speakers.add(this.#p.self.node)
    return pairOf(this.#places.order(level.zone, today, speakers))
  }

  #takePart(at: number, { zone, leaf }: Pick<Voice, 'zone' | 'leaf'>, part: Part, now: Millis): void {
    const voice = this.#voices[at]
    if (voice === undefined) {
      const wait = this.#p.minimum * 0.5 * this.#p.env.random()
      this.#voices[at] = { zone, leaf, part, due: now + wait, since: now, contradicted: 0, weighed: 0 }
    } else if (voice.part !== part) {
      Object.assign(voice, { part, since: now, due: part === 'active' ? Math.min(voice.due, now) : voice.due })
    }
  }

  #wishesFor(level: Level, at: number, now: Millis): Wish[] {
    const { self, book, day } = this.#p
    const own = self.isNode ? (at === 0 ? self.zone : this.#levels[at - 1]?.zone) : undefined
    const wanted = at === 0 && self.isNode ? limits.siblingLinks : limits.upperLinks
    return wishesFor(level, at, book, { own, speakers: level.speakers(day.at(now), now), wanted, now })
  }

  #listen(zone: string, now: Millis): Level {
    const isBelieved = (node: NodeId, at: Millis) => this.checks.isBelieved(node, at)
    const hearing = { isBelieved, orders: this.#orders, least: this.#least }
    const level = new Level(zone, this.#p.topics.digests(zone), this.#places, now, hearing)
    for (const one of this.#known.all()) if (parentOf(one.zone) === zone) level.restore(one.zone, one.leaf, one.seen)
    this.#levels.push(level)
    this.#p.out.emit({ type: 'subscribe', topic: level.topic })
    return level
  }

  /** Leaves all levels but the first few. */
  #listenTo(count: number): void {
    for (const { topic } of this.#levels.slice(count)) {
      this.#handed.delete(topic)
      this.#p.out.emit({ type: 'unsubscribe', topic })
    }
    this.#levels = this.#levels.slice(0, count)
    this.#voices = this.#voices.slice(0, count)
  }

  /** Says what there is to say of a zone, when it is time: as standby only when nobody else does. */
  #speak(voice: Voice, at: number, now: Millis): void {
    const level = this.#levels[at] as Level
    if (now < voice.due || !this.#p.heartbeat.started) return
    const period = level.period(this.#least, now)
    voice.due = now + period * (0.9 - 0.05 * this.#p.env.random())
    const below = this.#levels[at - 1] as Level
    const known = { ...this.#p, pair: this.#pair }
    const digest = voice.leaf ? leafDigest(known, now) : innerDigest(known, voice.zone, below, now)
    if (digest === undefined || !this.#mustSpeak(voice, at, digest.figures.counts, now)) return
    this.#counter += 1
    const { incarnation } = this.#p.heartbeat
    const order = { incarnation, counter: this.#counter, day: this.#p.day.at(now), promise: period }
    this.#p.out.emit({ type: 'publishDigest', topic: level.topic, digest: { ...digest, ...order } })
  }

  /** As standby: when the active one is silent, or said several times now what cannot be right. */
  #mustSpeak(voice: Voice, at: number, seen: StatusCounts, now: Millis): boolean {
    if (voice.part === 'active') return true
    const disputes = this.#disputes(voice, at, seen)
    const level = this.#levels[at] as Level
    return disputes || this.#isSilent(voice, level, level.period(this.#least, now), now)
  }

  #disputes(voice: Voice, at: number, seen: StatusCounts): boolean {
    const active = voice.leaf ? this.#pair.active : this.#pairs[at - 1]?.active
    const said = active === undefined ? undefined : this.#levels[at]?.saidBy(childKey(voice), active)
    if (active === undefined || said === undefined) return false
    if (!contradict(said.figures.counts, seen)) voice.contradicted = 0
    else if (said.counter !== voice.weighed) voice.contradicted += 1
    const begins = said.counter !== voice.weighed && voice.contradicted === limits.disputesAfter
    if (begins) this.#p.out.event({ type: 'disputes', zone: voice.zone, reporter: active })
    voice.weighed = said.counter
    return voice.contradicted >= limits.disputesAfter
  }

  #isSilent(voice: Voice, level: Level, period: Millis, now: Millis): boolean {
    const heard = level.heardOf(childKey(voice), this.#p.self.node) ?? voice.since
    return now - Math.max(heard, voice.since) >= limits.standbyPatience * period
  }

  #made(top: Level, now: Millis): Summary {
    const day = this.#p.day.at(now)
    const { figures, age } = top.whole(day, now)
    return { day, made: 0, age, figures }
  }

  /** Passes the newest summary down: to the topics below where we are active, and where an active one is silent. */
  #handDown(now: Millis): void {
    for (const [at, voice] of this.#voices.entries()) {
      if (voice.leaf) this.#handTo(voice, this.#p.topics.records, this.#least, now)
      else {
        const below = this.#levels[at - 1] as Level
        this.#handTo(voice, below.topic, below.period(this.#least, now), now)
      }
    }
  }

  #handTo({ part }: Voice, topic: string, period: Millis, now: Millis): void {
    const handed = this.#handed.get(topic) ?? { made: Number.NEGATIVE_INFINITY, at: now, due: now }
    this.#handed.set(topic, handed)
    if (now < handed.due) return
    const newest = this.summary(now)
    const silent = now - handed.at >= limits.standbyPatience * period
    const isNews = newest !== undefined && now - newest.made > handed.made
    if (!isNews || (part === 'standby' && !silent)) {
      handed.due = now + this.#p.minimum
      return
    }
    const { by: _, ...told } = newest
    // Whoever hands it down says what day it is itself: one voice for each.
    const summary = { ...told, day: this.#p.day.at(now) }
    Object.assign(handed, {
      made: now - summary.made,
      at: now,
      due: now + period * (0.95 - 0.05 * this.#p.env.random()),
    })
    this.#p.out.emit({ type: 'publishSummary', topic, summary })
  }
}
