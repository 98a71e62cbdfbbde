// The watch over a run: every step goes by here. It writes the trace, keeps what the invariants need, and collects violations.
import type { Millis } from '../../src/core/env.ts'
import type { Effect, Input } from '../../src/core/events.ts'
import type { Status } from '../../src/core/fleet/rows.ts'
import { limits } from '../../src/core/limits.ts'
import type { NodeCore } from '../../src/core/node.ts'
import type { NodeEvent } from '../../src/core/node-events.ts'
import type { SavedState } from '../../src/wire/state.ts'
import { describeEffect, describeInput } from './describe.ts'
import type { Version } from './installer.ts'
import { type Bounds, boundsOf } from './invariants/bounds.ts'
import { Convergence, type Present } from './invariants/convergence.ts'
import { Detection, type End } from './invariants/detection.ts'
import { RecordOrder } from './invariants/order.ts'
import { Progress } from './invariants/progress.ts'
import { Reaching } from './invariants/reaching.ts'
import { type Member, Revocation } from './invariants/revocation.ts'
import { oversize } from './invariants/sizes.ts'
import { Steadiness } from './invariants/steadiness.ts'
import { Views } from './invariants/views.ts'
import type { Network } from './network.ts'
import type { Publisher } from './publisher.ts'
import type { EventQueue } from './queue.ts'
import { ReleaseWatch } from './release-watch.ts'
import type { Scenario } from './scenario.ts'
import type { SimNode } from './sim-node.ts'
import type { Watch } from './surroundings.ts'
import type { Trace } from './trace.ts'
import type { Ways } from './ways.ts'

export interface Violation {
  invariant: string
  /** Virtual milliseconds. */
  at: Millis
  node: string
  detail: string
  /** The node's last lines of the trace. */
  last: readonly string[]
}

/** More of them say nothing new. */
const VIOLATIONS_KEPT = 20

export class Watchman implements Watch {
  readonly bounds: Bounds
  readonly steadiness: Steadiness
  readonly views = new Views()
  readonly detection: Detection
  readonly convergence: Convergence
  readonly releases: ReleaseWatch
  readonly revocation: Revocation
  /** Undefined in scenarios without NATs. */
  readonly reaching: Reaching | undefined
  readonly violations: Violation[] = []
  /** How often nodes told of what, by type, and by code or state where there is one. */
  readonly told: Record<string, number> = {}
  steps = 0
  checks = 0
  restarts = 0
  readonly #order = new RecordOrder()
  readonly #progress = new Progress()
  readonly #queue: EventQueue
  readonly #trace: Trace
  readonly #stop: boolean
  readonly #nodes: SimNode[] = []
  readonly #byId = new Map<string, number>()
  readonly #zones = new Map<string, readonly number[]>()
  readonly #promises = new Map<number, Millis>()
  /** Who knocks at the gates, by machine and ticket. */
  readonly #knocks = new Map<string, number>()
  readonly #started = new Map<number, Millis>()
  readonly #nameOf = (node: string): string => this.#nodes[this.#byId.get(node) ?? -1]?.id.name ?? '?'

  /** @param stop ends the run at the first violation; without it, when no more are kept. */
  constructor(
    { queue, trace, network, ways }: { queue: EventQueue; trace: Trace; network: Network; ways: Ways },
    scenario: Scenario,
    publisher: Publisher,
    stop: boolean,
  ) {
    this.#queue = queue
    this.#trace = trace
    this.#stop = stop
    this.bounds = boundsOf(scenario)
    this.steadiness = new Steadiness(this.bounds)
    const parts = { queue, bounds: this.bounds, steadiness: this.steadiness, views: this.views }
    const report = (invariant: string, node: number, detail: string) => this.#report(invariant, node, detail)
    this.detection = new Detection({ ...parts, mates: (node) => this.#mates(node), report })
    this.convergence = new Convergence({ ...parts, present: (zone) => this.#present(zone), report })
    const { refuses } = scenario.beacons
    this.revocation = new Revocation({
      ...{ now: () => queue.now, round: limits.helloPeriod, allowed: this.bounds.spread, report },
      linked: (member, revoked) => network.linked(member, revoked),
      shows: (member, revoked) => this.#shownBy(this.#nodes[member] as SimNode).some(([node]) => node === revoked),
    })
    this.reaching = ways.on ? new Reaching({ now: () => queue.now, network, ways, report }) : undefined
    this.releases = new ReleaseWatch({ now: () => queue.now, publisher, bounds: this.bounds, refuses, report })
  }

  /** All machines, before the first starts. */
  watch(nodes: readonly SimNode[]): void {
    for (const node of nodes) {
      this.#nodes.push(node)
      this.#byId.set(node.node, node.id.index)
      if (node.isNode) this.#zones.set(node.zone, [...(this.#zones.get(node.zone) ?? []), node.id.index])
    }
    this.releases.watch(nodes)
    for (const node of nodes) this.reaching?.add(node)
    for (const node of nodes) this.steadiness.add(node.id.index, this.#zones.get(node.zone)?.length ?? 1)
  }

  zones(): ReadonlyMap<string, readonly number[]> {
    return this.#zones
  }

  started(node: SimNode, state: SavedState): void {
    const { index, name } = node.id
    const saved = state.incarnation
    this.#line(node, `started ${saved}`)
    if (this.steadiness.run(index) > 0) this.restarts++
    this.steadiness.started(index, this.#queue.now)
    this.#order.started(index)
    const shown = this.#shownBy(node)
    this.views.reset(index, shown)
    if (node.isNode) this.detection.started(index)
    this.releases.started(node, state)
    this.#started.set(index, this.#queue.now)
    this.reaching?.disturbed()
    this.revocation.started(index, state.statements)
    const known = saved === 0 || (node.disk.durable('incarnation')?.length ?? 0) > 0
    if (!known) this.#report('I4', index, `${name} read incarnation ${saved} that no power cut would leave`)
  }

  stopped(node: SimNode, how: End): void {
    const steady = this.steadiness.steady(node.id.index, this.#queue.now)
    this.steadiness.stopped(node.id.index)
    this.reaching?.disturbed()
    if (node.isNode) this.detection.stopped(node.id.index, { promise: this.#promiseOf(node), how, steady })
  }

  before(node: SimNode, input: Input): void {
    if (this.#trace.kept) this.#line(node, describeInput(input, this.#nameOf))
    this.releases.before(node, input)
    this.reaching?.before(node, input)
    if (input.type === 'credential')
      this.#knocks.set(`${node.id.index} ${input.ticket}`, this.#byId.get(input.remote) ?? -1)
    if (input.type === 'persistFailed') this.steadiness.diskFailed(node.id.index, this.#queue.now)
  }

  effect(node: SimNode, effect: Effect): void {
    if (this.#trace.kept) this.#line(node, `  -> ${describeEffect(effect, this.#nameOf)}`)
    this.releases.effect(node, effect)
    this.reaching?.effect(node, effect)
    if (effect.type === 'event') this.#count(effect.event)
    this.#judged(node, effect)
    if (effect.type === 'publish') this.#published(node, effect.record)
    else if (effect.type === 'event' && effect.event.type === 'status') {
      const subject = this.#byId.get(effect.event.node)
      if (subject === undefined) return this.#report('I6', node.id.index, 'shows a node that does not exist')
      this.views.set(node.id.index, subject, effect.event.to)
      this.detection.shows(node.id.index, subject, effect.event.from, effect.event.to)
    }
  }

  after(node: SimNode, core: NodeCore, input: Input): void {
    this.steps++
    this.checks += 3
    const { index } = node.id
    const sizes = core.sizes()
    const large = oversize(sizes)
    if (large !== undefined) this.#report('I3', index, large)
    const idle = this.#progress.after(index, input.type === 'woken', node.now(), core.deadline())
    if (idle !== undefined) this.#report('I5', index, idle)
    if (core.isStale) this.#report('I5', index, 'something is due before its deadline')
    if (sizes.links === 0) this.steadiness.isolated(index, this.#queue.now)
    this.steadiness.clock(index, node.clockLies(), this.#queue.now)
  }

  inUse(node: number, path: string, before: Version | undefined, after: Version | undefined): void {
    const text = `uses ${path} ${before?.counter ?? 0} -> ${after?.counter ?? 0}`
    this.#line(this.#nodes[node] as SimNode, text)
    this.releases.inUse(node, path, before, after)
  }

  threw(node: SimNode, input: Input, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#report('I6', node.id.index, `step(${input.type}) threw ${text}`)
  }

  silent(node: SimNode, what: string): void {
    this.#report('I6', node.id.index, `left ${what} without an answer`)
  }

  /** The checks that time alone makes due; call once a virtual second. */
  tick(): void {
    this.checks++
    this.detection.check()
    this.releases.tick()
    this.reaching?.tick()
    this.revocation.look(this.#running())
  }

  /** A partition begins or ends between these nodes and the rest. Returns the zones that it cuts. */
  torn(far: ReadonlySet<number>): string[] {
    const cut = this.#cutBy(far)
    for (const zone of cut) {
      this.convergence.cancel(zone)
      for (const node of this.#zones.get(zone) ?? []) this.steadiness.cut(node, this.#queue.now)
    }
    return cut
  }

  healed(zones: readonly string[], since: Millis): void {
    for (const zone of zones) {
      const members = this.#zones.get(zone) ?? []
      for (const node of members) this.steadiness.healed(node, this.#queue.now)
      const whole = members.every((node) => this.steadiness.since(node) !== undefined || !this.steadiness.alive(node))
      if (whole) this.convergence.expect(zone, members.length, this.#queue.now - since)
    }
  }

  /** The faults are over: every zone must agree from now on. */
  quiet(): void {
    this.releases.quiet()
    this.revocation.quiet()
    for (const [zone, members] of this.#zones) this.convergence.expect(zone, members.length, 0)
  }

  /** A node is revoked: from now on nobody has to hear of it, nor it of anybody. */
  revokes(node: number, version: number): void {
    this.revocation.revokes(node, version)
    this.detection.forget(node)
    const zone = this.#nodes[node]?.zone ?? ''
    this.#zones.set(zone, this.#mates(node))
  }

  /** At the end: false alarms were as rare as they should be, and the events told the same as the rows show. */
  finish(): void {
    this.detection.finish()
    for (const node of this.#nodes) {
      for (const [subject, status] of this.#shownBy(node)) {
        this.checks++
        const told = this.views.get(node.id.index, subject)
        if (told !== status)
          this.#report('I8', node.id.index, `its rows show #${subject} as ${status}, its events said ${told}`)
      }
    }
  }

  #running(): Member[] {
    return this.#nodes.flatMap((node) => {
      const started = this.#started.get(node.id.index)
      return node.alive() && started !== undefined ? [{ index: node.id.index, started }] : []
    })
  }

  #judged({ id }: SimNode, effect: Effect): void {
    if (effect.type === 'event' && effect.event.type === 'statementAccepted')
      this.revocation.accepted(id.index, effect.event.version)
    if (effect.type !== 'admit') return
    this.checks++
    const key = `${id.index} ${effect.ticket}`
    const remote = this.#knocks.get(key) ?? -1
    this.#knocks.delete(key)
    this.revocation.judged(id.index, remote, effect.admission.admitted)
  }

  #count(event: NodeEvent): void {
    const key = `${event.type}${detailOf(event)}`
    this.told[key] = (this.told[key] ?? 0) + 1
  }

  #published(node: SimNode, record: { incarnation: number; counter: number; promise: Millis }): void {
    this.checks++
    this.#promises.set(node.id.index, record.promise)
    this.detection.published(this.#mates(node.id.index).length)
    const problem = this.#order.published(node.id.index, record, node.durableIncarnation())
    if (problem !== undefined) this.#report('I4', node.id.index, problem)
  }

  #shownBy(node: SimNode): [number, Status][] {
    const rows = node.core?.rows(node.now()) ?? []
    return rows
      .filter((row) => row.node !== node.node)
      .map((row) => [this.#byId.get(row.node) as number, row.status] as [number, Status])
  }

  #promiseOf(node: SimNode): Millis {
    return this.#promises.get(node.id.index) ?? this.bounds.promise(this.#mates(node.id.index).length + 1)
  }

  #mates(index: number): readonly number[] {
    const zone = this.#nodes[index]?.zone ?? ''
    return (this.#zones.get(zone) ?? []).filter((other) => other !== index)
  }

  #present(zone: string): Present {
    const all = (this.#zones.get(zone) ?? []).filter((node) => this.steadiness.since(node) !== undefined)
    return { all, settled: all.filter((node) => this.steadiness.settled(node, this.#queue.now)) }
  }

  #cutBy(far: ReadonlySet<number>): string[] {
    const cut: string[] = []
    for (const [zone, members] of this.#zones) {
      const there = members.filter((node) => far.has(node)).length
      if (there > 0 && there < members.length) cut.push(zone)
    }
    return cut
  }

  #line(node: SimNode, text: string): void {
    this.#trace.add(this.#queue.now, node.id.name, text)
  }

  #report(invariant: string, index: number, detail: string): void {
    const node = this.#nodes[index]?.id.name ?? '?'
    if (this.#queue.halted) return
    const named = detail.replace(/#(\d+)/g, (_, other) => this.#nodes[Number(other)]?.id.name ?? '?')
    this.violations.push({ invariant, at: this.#queue.now, node, detail: named, last: this.#trace.last(node) })
    if (this.#stop || this.violations.length >= VIOLATIONS_KEPT) this.#queue.halt()
  }
}

/** What tells events of one type apart in the report. */
function detailOf(event: NodeEvent): string {
  if ('code' in event) return ` ${event.code}`
  if (event.type === 'install') return ` ${event.state}`
  return event.type === 'freshness' ? ` ${event.freshness}` : ''
}
