// A node: one synchronous function from what happened to what should be done, composed of the machines beside it.
// It never awaits, never reads a clock, never throws on network input. Driven by daemon/driver.ts and by test/sim.
import { isQuestion } from './asking.ts'
import { Conversations } from './conversations.ts'
import { Duties, type Duty } from './duties.ts'
import type { Env, Millis, NodeId } from './env.ts'
import type { Effect, Input, Ticket } from './events.ts'
import { isFleetInput } from './fleet/fleet-inputs.ts'
import { FLAG } from './fleet/record.ts'
import type { Row } from './fleet/rows.ts'
import { rowsOf } from './fleet/serving.ts'
import { type Sight, sightOf } from './fleet/sight.ts'
import type { FleetView } from './fleet/summary.ts'
import { limits } from './limits.ts'
import type { Route } from './links/paths.ts'
import { isReachInput } from './links/reach-inputs.ts'
import { Unreachable } from './links/unreachable.ts'
import { composeMachines, type Machines, type NodeSetup } from './machines.ts'
import { Reaching } from './reaching.ts'
import type { Releases } from './releases.ts'
import { type NodeSnapshot, sizesOf, snapshotOf } from './snapshot.ts'
import type { Membership, RootDocument } from './trust/documents.ts'
import { type Ending, endingSoon } from './trust/expiry.ts'
import type { StatementDocument } from './trust/statement.ts'

export class NodeCore {
  readonly #m: Machines
  readonly #conversations: Conversations
  readonly #reaching: Reaching
  readonly #unreachable = new Unreachable()
  /** Something ended soon when the wall clock was last read. */
  #endsSoon = false
  #started = false
  #stopped = false
  readonly #duties: Duties
  /** The input of this step brought time, or nothing but newer figures: nothing is due by it that was not due before. */
  #quiet = false

  constructor(env: Env, setup: NodeSetup, now: Millis) {
    this.#m = composeMachines(env, setup, now)
    this.#conversations = new Conversations(this.#m)
    this.#reaching = new Reaching(this.#m, this.#conversations)
    const { watchdog } = this.#m.reach
    this.#duties = new Duties(this.#inOrder(watchdog), [watchdog, this.#m.greetings])
  }

  /** Takes one input and returns what is to be done about it. `now` is monotonic and never decreases. */
  step(input: Input, now: Millis): Effect[] {
    if (this.#stopped) return []
    const slept = this.#forgiveSleep(now)
    const quiet = this.#started && !slept
    if (!this.#started) this.#start(now)
    this.#quiet = input.type === 'pulsed' || input.type === 'woken'
    this.#handle(input, now)
    this.#settle(quiet && this.#quiet, now)
    return this.#m.out.drain()
  }

  /** When the node next wants { type: 'woken' }. */
  deadline(): Millis | undefined {
    return this.#stopped ? undefined : this.#duties.next
  }

  /** True when something is due before `deadline` says so: a defect, for invariant checks. */
  get isStale(): boolean {
    return !this.#stopped && this.#duties.isStale
  }

  snapshot(): NodeSnapshot {
    return snapshotOf(this.#m, this.#reaching.links(), this.#unreachable.all())
  }

  /** Rows of our own zone, all of them. */
  rows(now: Millis): Row[] {
    return rowsOf(this.#m.view, this.#m.alerts, now, undefined, limits.viewNodes)
  }

  /** The fleet as this node sees it: the summary, our own zone's figures, and what it hears as a reporter. */
  fleet(now: Millis): FleetView {
    return this.#m.reporting.fleet(now)
  }

  /** How this node sees another of its zone; undefined for one that it does not know. */
  sight(node: NodeId, now: Millis): Sight | undefined {
    return sightOf({ ...this.#m, watchdog: this.#m.reach.watchdog }, node, now)
  }

  /** How far this node trusts what it sees: 1 (all is well) to 8 (clause HEALTH 6). */
  health(now: Millis): number {
    return this.#m.health.level(now)
  }

  /** What was accepted and refused of the publishers, oldest first, with its age. */
  audit(now: Millis): ReturnType<Machines['audit']['entries']> {
    return this.#m.audit.entries(now)
  }

  /** What this node holds that ends soon; nothing while its clock says nothing. */
  ending(now: Millis): Ending[] {
    const { self, releases, statements } = this.#m
    const wall = self.wallAt(now)
    if (wall === undefined) return []
    const { targets, current } = releases.publishers()
    const announcements = current.map(({ document: { signed } }) => ({ role: signed.role, expires: signed.expires }))
    const membership = { ...self.membership, ends: statements.endOf(self.membership) }
    return endingSoon({ root: self.root, targets, membership, announcements }, wall)
  }

  /** What is held of the publishers and their releases. */
  get releases(): Pick<
    Releases,
    'publishers' | 'release' | 'has' | 'holds' | 'freshness' | 'beacons' | 'budgets' | 'spare'
  > {
    return this.#m.releases
  }

  /** Statements of enrol keys that are in force. */
  statements(): StatementDocument[] {
    return this.#m.statements.all()
  }

  /** Roots that are held from this version on, as many as fit one answer. */
  rootsFrom(version: number): RootDocument[] {
    return this.#m.roots.from(version)
  }

  /** When a membership ends, where it was prolonged. */
  endOf(membership: Membership): Millis {
    return this.#m.statements.endOf(membership)
  }

  /** The membership of who countersigned ours: shown in the gate beside it. */
  witness(): Membership | undefined {
    return this.#m.gatekeeper.witness()
  }

  membershipOf(node: NodeId): Membership | undefined {
    return this.#m.roster.byNode(node)
  }

  /** How the link with a peer goes, and whether it is of our own zone; undefined without one. */
  linkWith(peer: NodeId): { route: Route; mate: boolean } | undefined {
    const link = this.#m.links.get(peer)
    return link && { route: link.route, mate: link.zone === this.#m.self.zone }
  }

  /** Sizes of what could grow, for invariant checks and `status`. */
  sizes(): ReturnType<typeof sizesOf> {
    return sizesOf(this.#m)
  }

  /** What is looked at by the clock. */
  #inOrder(watchdog: Duty): Duty[] {
    const { view, suspicion, votes, news, heartbeat, links, reach, greetings } = this.#m
    const { rivals, asking, saving, audit, reporting } = this.#m
    const beat = { deadline: () => heartbeat.deadline(), check: (now: Millis) => this.#beat(now) }
    const releases = { deadline: () => this.#m.releases.deadline(), check: (now: Millis) => this.#checkReleases(now) }
    const fleet = [view, suspicion, votes, news, beat, releases]
    return [...fleet, links, watchdog, reach, greetings, rivals, asking, saving, audit, reporting]
  }

  #start(now: Millis): void {
    this.#started = true
    this.#m.out.emit({ type: 'credential', membership: this.#m.self.membership })
    this.#m.releases.start(now)
    if (!this.#m.self.isNode) return
    this.#m.out.emit({ type: 'subscribe', topic: this.#m.topic })
    this.#m.heartbeat.start()
  }

  #handle(input: Input, now: Millis): void {
    switch (input.type) {
      case 'woken':
        return
      case 'wall':
        this.#m.self.setWall(input.wall, input.offset ?? 0, now)
        this.#endsSoon = this.ending(now).length > 0
        return this.#m.releases.timeChanged(now)
      case 'sampled':
        return this.#sampled(input, now)
      case 'published':
        return this.#published(input, now)
      case 'persisted':
        return this.#persisted(input.ticket, now)
      case 'persistFailed':
        return this.#persistFailed(input.ticket, input.reason, now)
      case 'credential': {
        const { membership, witness, claimedMesh: mesh } = input
        return this.#m.rivals.judge(input.ticket, input.remote, { membership, witness, mesh }, now, input.replaces)
      }
      case 'countersigned':
        return this.#m.gatekeeper.countersigned(input.membership)
      case 'connected':
        this.#unreachable.reached(input.peer)
        return this.#reaching.connected(input, now)
      case 'disconnected':
        return this.#reaching.disconnected(input.peer, now)
      case 'dialFailed':
        this.#m.links.failed(input.peer, now)
        this.#m.suspicion.dialFailed(input.peer, now)
        this.#unreachable.failed(input.peer, input.reason, now)
        return this.#m.asking.lost(input.peer, now)
      case 'discovered':
        return this.#reaching.discovered(input, now)
      case 'listening':
        return this.#m.reach.listening(input.addresses, now)
      case 'gossip':
        this.#reaching.heard(input.from, now)
        return this.#gossip(input, now)
      case 'asked':
        this.#reaching.heard(input.peer, now)
        return this.#conversations.asked(input.ticket, input.peer, input, now)
      case 'answered':
        this.#reaching.heard(input.peer, now)
        return this.#conversations.answered(input.ticket, input.peer, input, now)
      case 'askFailed':
        this.#conversations.failed(input.ticket, input.peer, input, now)
        this.#m.asking.failed(input.ticket, input.peer, now)
        this.#m.rivals.failed(input.ticket, now)
        if (input.protocol === 'hello') this.#m.greetings.failed(input.peer, input.ticket, now)
        return
      case 'stated':
        return this.#m.statements.stated(input.ticket, input.statement)
      case 'rooted':
        return this.#m.roots.rooted(input.ticket, input.roots, now)
      case 'turnedAway':
        this.#m.links.turnedAway(input.peer)
        return this.#m.statements.turnedAway(input.peer, input.code)
      case 'leaving':
        return this.#leave(now)
      default:
        if (isReachInput(input)) return this.#reaching.handle(input, now)
        if (isQuestion(input)) return this.#m.asking.start(input, now)
        if ('from' in input) this.#reaching.heard(input.from, now)
        else if ('peer' in input) this.#reaching.heard(input.peer, now)
        if (isFleetInput(input)) return this.#m.digests.handle(input, now)
        return this.#m.releases.handle(input, now)
    }
  }

  #published({ record, envelope }: Extract<Input, { type: 'published' }>, now: Millis): void {
    this.#quiet = this.#m.view.accept(this.#m.self.node, record, envelope, now)
  }

  #sampled(input: Extract<Input, { type: 'sampled' }>, now: Millis): void {
    this.#m.self.synchronised = input.clockTrusted
    this.#m.releases.timeChanged(now)
    this.#m.releases.sampled(input.metrics, now)
    this.#m.collectors.sampled(input.troubles ?? [])
    this.#m.history?.sampled(input, now)
    this.#m.heartbeat.sampled(input.metrics, now, this.#flags(now), this.#members())
  }

  #gossip(input: Extract<Input, { type: 'gossip' }>, now: Millis): void {
    const { ticket, from, topic, envelope, record, vote } = input
    if (envelope.kind === 'dwn') this.#m.votes.heard(ticket, from, topic, envelope, vote, now)
    else this.#quiet = this.#m.gossip.heard(ticket, from, topic, envelope, record, now)
  }

  /** What is due by now. A Pi looks at all of its machines only when one of them is due that others depend on, or something happened. */
  #settle(quiet: boolean, now: Millis): void {
    if (this.#stopped) return
    if (quiet) {
      this.#duties.moved(this.#m.view)
      if (this.#duties.settleAlone(now)) return
    }
    const alone = this.#m.links.size === 0 ? limits.isolatedPatience : 1
    this.#m.view.setPatience(Math.max(alone, this.#m.health.patience(now)), now)
    this.#duties.settle(now)
  }

  #checkReleases(now: Millis): void {
    const changed = this.#m.releases.check(now)
    if (changed && this.#m.self.isNode) this.#m.heartbeat.hurry(now)
    if (this.#m.releases.takeUntold()) this.#m.greetings.spread(now)
  }

  /** Members are counted only when a record is due: this runs after every input. */
  #beat(now: Millis): void {
    const due = this.#m.self.isNode ? this.#m.heartbeat.deadline() : undefined
    if (due !== undefined && due <= now) this.#m.heartbeat.check(now, this.#flags(now), this.#members())
  }

  /** A process that was stopped or suspended heard nobody: the silence is its own. True when it was late enough to doubt itself. */
  #forgiveSleep(now: Millis): boolean {
    const due = this.deadline()
    if (due === undefined || !this.#started || now <= due) return false
    const gap = now - due
    this.#m.health.wokeLate(gap, now)
    if (gap <= limits.recordPeriodFloor) return gap >= limits.lateWake
    this.#m.view.forgive(gap, now)
    this.#m.suspicion.forgive(gap)
    this.#m.greetings.forgive(gap)
    this.#m.reach.watchdog.forgive(gap, now)
    this.#m.releases.forgive(gap)
    return true
  }

  #persisted(ticket: Ticket, now: Millis): void {
    this.#m.heartbeat.persisted(ticket, now)
    if (this.#m.roots.persisted(ticket, now)) {
      this.#m.statements.rootChanged()
      this.#strikeOff()
      this.#m.releases.rootChanged(now)
      this.#m.greetings.spread(now)
    }
    this.#stated(ticket, now)
    this.#m.releases.persisted(ticket, now)
    this.#m.saving.persisted(ticket)
    this.#m.audit.persisted(ticket)
  }

  /** Statements that are in force now are acted upon, and told to everybody who is linked. */
  #stated(ticket: Ticket, now: Millis): void {
    const statements = this.#m.statements.persisted(ticket)
    if (statements.length === 0) return
    const struck = this.#strikeOff()
    this.#m.releases.policyChanged(now)
    for (const { signed } of statements) {
      const { enroller, version } = signed
      this.#m.out.event({ type: 'statementAccepted', enroller, version, struck })
    }
    this.#m.greetings.spread(now)
  }

  /** Whoever does not belong any more loses its link and its row, and what it says from now on is of nobody we know. */
  #strikeOff(): NodeId[] {
    const struck = this.#m.gatekeeper.strikeOff()
    this.#reaching.struckOff(struck)
    for (const node of struck) {
      this.#m.view.expel(node)
      this.#m.book.forget(node)
      if (this.#m.links.get(node) !== undefined) this.#m.out.emit({ type: 'close', peer: node, reason: 'refused' })
    }
    return struck
  }

  #persistFailed(ticket: Ticket, reason: string, now: Millis): void {
    this.#m.out.event({ type: 'diskFailed', detail: reason })
    this.#m.heartbeat.persistFailed(ticket, now)
    this.#m.roots.persistFailed(ticket)
    this.#m.statements.persistFailed(ticket)
    this.#m.releases.persistFailed(ticket, now)
    this.#m.saving.persistFailed(ticket)
    this.#m.audit.persistFailed(ticket, now)
  }

  #leave(now: Millis): void {
    this.#m.saving.flush(now, true)
    this.#m.audit.flush()
    this.#m.releases.save(now)
    if (this.#m.self.isNode) this.#m.heartbeat.goodbye(now, this.#flags(now) | FLAG.leaving, this.#members())
    this.#m.out.emit({ type: 'left' })
    this.#stopped = true
  }

  #members(): number {
    return this.#m.view.members() + (this.#m.view.has(this.#m.self.node) ? 0 : 1)
  }

  #flags(now: Millis): number {
    const isolated = this.#m.links.size === 0 ? FLAG.isolated : 0
    const cloned = this.#m.alerts.of(this.#m.self.node).includes('cloned') ? FLAG.cloned : 0
    const slow = this.#m.health.mayAccuse(now) ? 0 : FLAG.slow
    const expiry = this.#endsSoon ? FLAG.expiry : 0
    const reach = (this.#m.reach.offers ? FLAG.relay : 0) | (this.#m.reach.isOpen ? FLAG.reachable : 0)
    const reports = this.#m.reporting.part === 'none' ? 0 : FLAG.reporting
    const cutOff = this.#m.reach.isCutOff ? FLAG.cutOff : 0
    const collectors = this.#m.collectors.troubled ? FLAG.collectors : 0
    const own = cloned | slow | reports | collectors
    return (this.#m.self.synchronised ? FLAG.clockTrusted : 0) | expiry | isolated | reach | cutOff | own
  }
}
