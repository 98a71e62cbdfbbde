// A fleet at scale: thousands of real cores in one process and one thread, in virtual time. It starts as after a restart of everything (all
// enrolled, zones known, nobody linked), settles, and then counts.
import type { Millis, NodeId } from '../../../src/core/env.ts'
import { MINUTE, SECOND } from '../../../src/core/limits.ts'
import type { NodeEvent } from '../../../src/core/node-events.ts'
import { nodeKey } from '../../../src/wire/node-id.ts'
import { matchesSelector } from '../../../src/wire/selector.ts'
import { sha256 } from '../crypto.ts'
import { Prng } from '../prng.ts'
import { EventQueue } from '../queue.ts'
import { Enrolment } from './identity.ts'
import { Ledger } from './ledger.ts'
import { type Around, ScaleMachine } from './machine.ts'
import type { ScaleScenario } from './scenario.ts'
import { Topics } from './topics.ts'
import { Wires } from './wires.ts'

/** Machines start within this, as they would send their records: a fleet does not beat in step. */
const START = 10 * SECOND
/** The same of boards that join one after the other. */
const JOINED = MINUTE
const TICK = SECOND

export interface Hooks {
  /** Called once a virtual second. */
  tick?: (fleet: ScaleFleet) => void
  /** What nodes tell. */
  told?: (machine: ScaleMachine, event: NodeEvent) => void
}

export class ScaleFleet {
  readonly scenario: ScaleScenario
  readonly queue = new EventQueue()
  readonly enrolment: Enrolment
  readonly ledger: Ledger
  readonly wires: Wires
  readonly topics: Topics
  readonly machines: readonly ScaleMachine[]
  /** Of how long the counts are: virtual ms, real ones, and ms of CPU. */
  counted: Millis = 0
  countedWall: Millis = 0
  countedCpu: Millis = 0
  /** Who was on a topic above its leaf while it counted. */
  readonly reporters = new Set<number>()
  readonly #prng: Prng
  readonly #hooks: Hooks

  constructor(scenario: ScaleScenario, seed: number, hooks: Hooks = {}) {
    this.scenario = scenario
    this.#hooks = hooks
    this.#prng = new Prng(seed)
    this.enrolment = new Enrolment(scenario, this.#prng.fork('enrolment'))
    const { all } = this.enrolment
    this.ledger = new Ledger(all.length)
    const { queue, ledger, enrolment } = this
    const sites = all.map(({ site }) => site)
    this.wires = new Wires(sites, scenario, this.#prng.fork('wires'))
    const { loss } = scenario
    const machines: ScaleMachine[] = []
    const { wires } = this
    this.topics = new Topics({
      ...{ queue, wires, ledger, loss, prng: this.#prng.fork('gossip') },
      receive: (to, ...message) => (machines[to] as ScaleMachine).hear(...message),
    })
    const keys = new Map<NodeId, Uint8Array | undefined>()
    const env = {
      ...{ sha256, verify: () => true, verifyStrict: () => true, matches: matchesSelector, random: () => 0 },
      nodeKey: (node: NodeId) => {
        if (!keys.has(node)) keys.set(node, nodeKey(node))
        return keys.get(node)
      },
    }
    const around: Around = {
      ...{
        queue,
        wires,
        topics: this.topics,
        ledger,
        enrolment,
        env,
        loss,
        localHealth: scenario.localHealth,
        oneMachine: scenario.oneMachine,
        joining: scenario.joining,
        prng: this.#prng.fork('loss'),
      },
      machine: (index) => machines[index] as ScaleMachine,
      told: (machine, event) => this.#hooks.told?.(machine, event),
    }
    for (const id of all) machines.push(new ScaleMachine(around, id, this.#prng.fork(`n${id.index}`)))
    this.machines = machines
  }

  /** Starts everybody and lets them settle; then counts from nothing. */
  async settle(progress: (text: string) => void = () => {}): Promise<void> {
    const starts = this.#prng.fork('starts')
    const within = this.scenario.joining ? JOINED : START
    for (const [at, machine] of this.machines.entries())
      this.queue.at(at === 0 && this.scenario.joining ? 0 : starts.real() * within, () => machine.start())
    await this.run(this.scenario.warmMinutes * MINUTE, progress)
    this.ledger.clear()
    for (const machine of this.machines) {
      machine.steps = 0
      machine.checks = 0
    }
    this.reporters.clear()
    this.counted = 0
    this.countedWall = 0
    this.countedCpu = 0
  }

  /** Goes on for so long. */
  async run(time: Millis, progress: (text: string) => void = () => {}): Promise<void> {
    const [from, end] = [this.queue.now, this.queue.now + time]
    const [began, cpu] = [performance.now(), process.cpuUsage()]
    while (this.queue.now < end) {
      await this.queue.run(Math.min(end, this.queue.now + TICK))
      for (const node of this.topics.above()) this.reporters.add(node)
      this.#hooks.tick?.(this)
      const virtual = this.queue.now - from
      if (Math.round(virtual / TICK) % 30 === 0) progress(this.#line(performance.now() - began, virtual))
    }
    this.counted += time
    this.countedWall += performance.now() - began
    const { user, system } = process.cpuUsage(cpu)
    this.countedCpu += (user + system) / 1000
  }

  #line(wall: Millis, virtual: Millis): string {
    const steps = this.machines.reduce((sum, machine) => sum + machine.steps, 0)
    const memory = Math.round(process.memoryUsage().rss / 2 ** 20)
    const rate = (virtual / wall).toFixed(2)
    return `${Math.round(this.queue.now / SECOND)} s of virtual time, ${rate} times as fast as real time; ${steps} steps, ${memory} MB`
  }
}
