// A simulated world: builds the mesh of a scenario, runs it in virtual time from one seed, and says what happened.
import type { Millis, NodeId } from '../../src/core/env.ts'
import type { AnyResponse } from '../../src/core/events.ts'
import { MINUTE, SECOND } from '../../src/core/limits.ts'
import type { ProtocolName } from '../../src/core/protocols.ts'
import { type Credential, parseCredential } from '../../src/wire/credential.ts'
import { decodeResponse } from '../../src/wire/messages.ts'
import { Recent } from '../../src/wire/recent.ts'
import { Campaign } from './campaign.ts'
import { KeyRing } from './crypto.ts'
import { SimDirectories } from './directory.ts'
import { scheduleFaults } from './faults.ts'
import { Flows } from './flows.ts'
import { Gate } from './gate.ts'
import { GossipModel } from './gossip.ts'
import type { Identity } from './identity.ts'
import type { ConvergenceStats } from './invariants/convergence.ts'
import type { DeliveryStats } from './invariants/delivery.ts'
import type { DetectionStats } from './invariants/detection.ts'
import type { RevocationStats } from './invariants/revocation.ts'
import { SimMesh } from './mesh.ts'
import { Network } from './network.ts'
import { Prng } from './prng.ts'
import { Publisher } from './publisher.ts'
import { EventQueue } from './queue.ts'
import type { Scenario } from './scenario.ts'
import { SimNode } from './sim-node.ts'
import type { HeadMessage, SimMessage, Surroundings } from './surroundings.ts'
import { Trace } from './trace.ts'
import { type PerKind, Traffic } from './traffic.ts'
import { type Violation, Watchman } from './watch.ts'
import { Ways } from './ways.ts'

/** How often mDNS tells a LAN's machines of each other. */
const MDNS_PERIOD = 20 * SECOND
const QUERY_PERIOD = 60 * SECOND
const QUERY_TIMEOUT = 5 * SECOND
/** Parsed credentials that are remembered: one for each machine, and some that were countersigned anew. */
const CREDENTIALS = 4_096
/** Parsed answers of sync that are remembered. */
const DOCUMENTS = 512
/** A run that ends with the last delivery goes on for so long after the last fault at least. */
const CALM = MINUTE

/** What machines are; one says nothing of itself. */
const MODELS: readonly (readonly [string | null, number | null])[] = [
  ['Raspberry Pi 4 Model B Rev 1.4', 4],
  ['Raspberry Pi Zero 2 W Rev 1.0', 4],
  ['Raspberry Pi 5 Model B Rev 1.0', 4],
  [null, null],
]

/** The result of a run; docs/simulation.md documents every key. */
export interface Report {
  seed: number
  scenario: Scenario
  virtualMs: number
  wallMs: number
  steps: number
  messages: PerKind
  bytesInPerNodeSecond: PerKind
  bytesOutPerNodeSecond: PerKind
  lost: number
  delivered: number
  signatureChecks: number
  checks: number
  restarts: number
  diskBytes: number
  queries: { asked: number; ended: number; zonesAnswered: number; zonesAsked: number }
  detection: DetectionStats
  convergence: ConvergenceStats
  delivery: DeliveryStats & { pieces: number }
  revocation: RevocationStats
  /** Events of nodes, by type, and by code or state where there is one. */
  events: Readonly<Record<string, number>>
  slowestNotice: Millis
  /** The longest that zones were apart after a fault; 0 in scenarios without NATs. */
  slowestApart: Millis
  violations: readonly Violation[]
  traceLines: number
  traceHash: string
}

export interface RunOptions {
  /** Called once a virtual minute. */
  progress?: (virtual: Millis, steps: number) => void
  /** Ends the run at the first violation. Default true. */
  stopAtViolation?: boolean
  /** Keeps the trace: `traceHash`, and the last lines of a node that broke an invariant. Default true. */
  trace?: boolean
}

/** Runs a scenario with a seed. The same arguments give the same report but for `wallMs`. */
export async function simulate(scenario: Scenario, seed: number, options: RunOptions = {}): Promise<Report> {
  const began = performance.now()
  const world = new World(scenario, seed, options)
  await world.run(options)
  return world.report(Math.round(performance.now() - began))
}

/** As `simulate`, without a trace while all invariants hold: a seed that breaks one is run again, and breaks it with its last lines. */
export async function simulateUntraced(scenario: Scenario, seed: number, options: RunOptions = {}): Promise<Report> {
  const report = await simulate(scenario, seed, { ...options, trace: false })
  return report.violations.length === 0 ? report : simulate(scenario, seed, options)
}

class World implements Surroundings {
  readonly scenario: Scenario
  readonly queue = new EventQueue()
  readonly trace: Trace
  readonly keys = new KeyRing()
  readonly traffic = new Traffic()
  readonly mesh: SimMesh
  readonly network: Network
  readonly gossip: GossipModel<SimMessage>
  readonly heads = new Map<string, HeadMessage>()
  readonly gate: Gate
  readonly flows: Flows
  readonly ways: Ways
  readonly directories = new SimDirectories()
  readonly publisher: Publisher
  readonly watch: Watchman
  readonly #seed: number
  readonly #prng: Prng
  readonly #nodes: SimNode[]
  readonly #indexes: Map<NodeId, number>
  readonly #addresses: Map<string, number>
  readonly #credentials = new Recent<string, Credential>(CREDENTIALS)
  /** Answers that carry documents: hundreds of machines get the same, and nobody changes what it got. */
  readonly #documents = new Recent<string, AnyResponse>(DOCUMENTS)
  readonly #queries = { asked: 0, ended: 0, zonesAnswered: 0, zonesAsked: 0 }

  constructor(scenario: Scenario, seed: number, { stopAtViolation = true, trace = true }: RunOptions) {
    const prng = new Prng(seed)
    this.scenario = scenario
    this.#seed = seed
    this.#prng = prng
    this.trace = new Trace(trace)
    this.mesh = new SimMesh(this.keys, prng.fork('mesh'), scenario.beacons)
    this.network = new Network(this.queue, prng.fork('network'), scenario, this.traffic)
    this.gossip = new GossipModel(this.queue, this.network, prng.fork('gossip'), scenario.duplicate)
    this.gate = new Gate(this.queue, this.network, prng.fork('gate'), scenario.loss)
    this.flows = new Flows(this.queue, this.network, prng.fork('flows'), scenario)
    this.publisher = new Publisher(this.mesh, this.keys, prng.fork('publisher'), scenario)
    this.ways = new Ways({
      ...{ scenario, queue: this.queue, network: this.network, prng: prng.fork('ways') },
      machine: (index) => this.machine(index),
      indexOf: (node) => this.indexOf(node),
      at: (address) => this.at(address),
    })
    this.watch = new Watchman(this, scenario, this.publisher, stopAtViolation)
    const identities = this.#enrol(prng.fork('enrol'))
    this.#indexes = new Map(identities.map((id) => [id.membership.claims.node, id.index]))
    this.#addresses = new Map(identities.map((id) => [id.address, id.index]))
    this.#nodes = identities.map((id) => new SimNode(this, id, prng.fork(id.name)))
    for (const node of this.#nodes) {
      this.network.add(node)
      this.gate.add(node)
      this.flows.add(node)
    }
    this.watch.watch(this.#nodes)
  }

  credentialOf(bytes: Uint8Array): Credential {
    return this.#credentials.get(Buffer.from(bytes).toString('latin1'), () => parseCredential(bytes))
  }

  responseOf(protocol: ProtocolName, bytes: Uint8Array): AnyResponse {
    if (protocol !== 'sync') return decodeResponse(protocol, bytes)
    return this.#documents.get(Buffer.from(bytes).toString('latin1'), () => decodeResponse(protocol, bytes))
  }

  nodeOf(index: number): NodeId {
    return this.machine(index).node
  }

  indexOf(node: NodeId): number {
    return this.#indexes.get(node) ?? -1
  }

  at(address: string): number | undefined {
    return this.#addresses.get(address)
  }

  machine(index: number): SimNode {
    const node = this.#nodes[index]
    if (node === undefined) throw new Error(`there is no machine ${index}`)
    return node
  }

  async run(options: RunOptions): Promise<void> {
    this.#scheduleStarts()
    this.#scheduleMdns()
    for (const node of this.#nodes) if (!node.isNode) this.#scheduleQueries(node)
    const { scenario, queue, network, watch } = this
    scheduleFaults({
      scenario,
      queue,
      network,
      watch,
      ways: this.ways,
      nodes: this.#nodes,
      prng: this.#prng.fork('faults'),
    })
    const campaign = this.#campaign()
    campaign.schedule()
    const end = scenario.minutes * MINUTE
    const over = () => scenario.endsDelivered && campaign.done && this.#isCalm()
    for (let second = 1; second * SECOND <= end && !queue.halted && !over(); second++) {
      await queue.run(second * SECOND)
      watch.tick()
      if (second % 60 === 0) options.progress?.(queue.now, watch.steps)
    }
    watch.finish()
  }

  #campaign(): Campaign {
    const { scenario, queue, network, mesh, publisher, watch } = this
    const refused = watch.releases.refused.bind(watch.releases)
    const revokes = watch.revokes.bind(watch)
    const prng = this.#prng.fork('campaign')
    return new Campaign({ scenario, queue, network, mesh, publisher, nodes: this.#nodes, prng, refused, revokes })
  }

  /** Nothing broke for a while, and everything is as it should be. */
  #isCalm(): boolean {
    const { scenario, queue, watch } = this
    const quiet = scenario.minutes * MINUTE - scenario.quietSeconds * SECOND
    const settled = watch.convergence.open === 0 && watch.releases.delivery.complete && watch.revocation.complete
    return settled && queue.now > quiet + CALM && this.#nodes.every((node) => node.alive() || node.away)
  }

  report(wallMs: number): Report {
    const { traffic, watch, queue } = this
    const [count, seconds] = [this.#nodes.length, Math.max(1, queue.now / SECOND)]
    return {
      seed: this.#seed,
      scenario: this.scenario,
      virtualMs: queue.now,
      wallMs,
      steps: watch.steps,
      messages: traffic.messages,
      bytesInPerNodeSecond: Traffic.rate(traffic.bytesIn, count, seconds),
      bytesOutPerNodeSecond: Traffic.rate(traffic.bytesOut, count, seconds),
      lost: traffic.lost,
      delivered: this.gossip.delivered,
      signatureChecks: this.keys.checks,
      checks: watch.checks + watch.releases.checks,
      restarts: watch.restarts,
      diskBytes: this.#nodes.reduce((sum, node) => sum + node.disk.bytesWritten, 0),
      queries: this.#queries,
      detection: watch.detection.stats,
      convergence: watch.convergence.stats,
      delivery: { ...watch.releases.delivery.stats, pieces: watch.releases.pieces.asked },
      revocation: watch.revocation.stats,
      events: Object.fromEntries(Object.entries(watch.told).sort()),
      slowestNotice: this.network.slowestNotice(),
      slowestApart: watch.reaching?.slowest ?? 0,
      violations: watch.violations,
      traceLines: this.trace.lines,
      traceHash: this.trace.digest(),
    }
  }

  /** One founder; everybody else by the invite of its zone, which names a few members to start from. */
  #enrol(prng: Prng): Identity[] {
    const { nodes, zones, operators, hidden } = this.scenario
    const names = Array.from({ length: zones }, (_, zone) => `/sim/zone-${String(zone).padStart(3, '0')}`)
    const invites = names.map((zone) => this.mesh.invite(zone, Math.ceil(nodes / zones) + 1, 'node'))
    const founding = this.mesh.invite(names[0] as string, 1, 'node', true)
    const ids: Identity[] = []
    for (let index = 0; index < nodes; index++) {
      const zone = index % zones
      const invite = index === 0 ? founding : invites[zone]
      const seat = index === 0 ? 0 : Math.floor(index / zones)
      const bootstrap = [ids[0], ids[zone], prng.pick(ids)].filter((id) => id !== undefined)
      ids.push(
        this.#identity(
          prng,
          index,
          invite as never,
          seat,
          this.ways.on ? !this.ways.isPublic(index) : index >= zones && prng.chance(hidden) && !this.#publishes(index),
          bootstrap,
        ),
      )
    }
    const operator = this.mesh.invite('/', Math.max(1, operators), 'operator')
    for (let seat = 0; seat < operators; seat++) {
      const bootstrap = prng.shuffled(ids).slice(0, 3)
      // An invite that names only machines behind NATs would be of no use to anybody.
      if (bootstrap.every((id) => id.hidden)) bootstrap.push(ids[0] as Identity)
      ids.push(this.#identity(prng, nodes + seat, operator, seat, true, bootstrap))
    }
    return ids
  }

  #identity(
    prng: Prng,
    index: number,
    invite: ReturnType<SimMesh['invite']>,
    seat: number,
    hidden: boolean,
    bootstrap: readonly Identity[],
  ): Identity {
    const key = this.keys.make(prng)
    const operator = invite.document.signed.capabilities.includes('operator')
    const name = `${operator ? 'op' : 'n'}${String(index).padStart(3, '0')}`
    const membership = this.mesh.membership(key, invite, seat, name)
    const address = `/ip4/10.${index >> 16}.${(index >> 8) & 255}.${index & 255}/tcp/31415`
    const own = this.#kind(index, operator)
    return { index, name, key, membership, address, hidden, bootstrap: [...new Set(bootstrap)], ...own }
  }

  /** What a machine is, and how it behaves; a draw of its own, so that nothing else depends on it. */
  #kind(index: number, operator: boolean): Pick<Identity, 'facts' | 'mirror' | 'hostile' | 'mute'> {
    const { junk, liars, mutes, mirrors } = this.scenario
    const draws = this.#prng.fork(`kind ${index}`)
    const [model, cpus] = MODELS[index % MODELS.length] as (typeof MODELS)[number]
    const facts = { model, os: 'Debian GNU/Linux 12', kernel: '6.12.34', arch: 'aarch64', cpus }
    const draw = draws.real()
    const hostile = draw < junk ? 'junk' : draw < junk + liars ? 'liar' : undefined
    const honest = operator || this.#publishes(index)
    const mirror = !operator && draws.chance(mirrors)
    return { facts, mirror, hostile: honest ? undefined : hostile, mute: draws.chance(mutes) }
  }

  /** Machines at which releases are published are honest, and can be dialled: else nobody outside might ever get what they alone have. */
  #publishes(index: number): boolean {
    return this.scenario.releases.some(({ by }) => by === index)
  }

  #scheduleStarts(): void {
    const draws = this.#prng.fork('starts')
    for (const node of this.#nodes) {
      const at = node.id.index === 0 ? 0 : draws.int(0, this.scenario.startSeconds * SECOND)
      this.queue.at(at, () => node.start())
    }
  }

  #scheduleMdns(): void {
    const lans = [...this.watch.zones().values()].slice(0, Math.round(this.scenario.mdns * this.scenario.zones))
    const round = () => {
      for (const lan of lans) {
        for (const a of lan) {
          for (const b of lan) {
            const seen = a !== b && this.machine(b).alive() && !this.network.severed(a, b)
            if (seen) this.machine(a).sees(this.machine(b).id)
          }
        }
      }
      this.queue.after(MDNS_PERIOD, round)
    }
    this.queue.after(MDNS_PERIOD, round)
  }

  #scheduleQueries(operator: SimNode): void {
    const ask = () => {
      const run = operator.run()
      let ended = !operator.alive()
      if (!ended) this.#queries.asked++
      operator.query(QUERY_TIMEOUT, ({ result }) => {
        ended = true
        this.#queries.ended++
        this.#queries.zonesAsked += result.zones.length
        this.#queries.zonesAnswered += result.zones.filter((zone) => zone.state === 'answered').length
      })
      this.queue.after(QUERY_TIMEOUT + SECOND, () => {
        if (!ended && operator.alive() && operator.run() === run) this.watch.silent(operator, 'a query')
      })
      this.queue.after(QUERY_PERIOD, ask)
    }
    this.queue.after(QUERY_PERIOD, ask)
  }
}
