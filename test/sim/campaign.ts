// What publishers do in a run: at their times releases are signed and handed in at a machine, until it says that they are in force;
// roles get other keys, machines are away, members lie. All of it is the scenario's.
import type { Millis } from '../../src/core/env.ts'
import type { RefusalCode } from '../../src/core/events.ts'
import { MINUTE, SECOND } from '../../src/core/limits.ts'
import { announcementTopic } from '../../src/core/topics.ts'
import type { AnnouncementDocument } from '../../src/core/trust/announcement.ts'
import type { Content } from './content.ts'
import type { SimMesh } from './mesh.ts'
import type { Network } from './network.ts'
import type { Prng } from './prng.ts'
import type { Publisher } from './publisher.ts'
import type { EventQueue } from './queue.ts'
import type { ReleasePlan, RevocationPlan, Rotation, Scenario } from './scenario.ts'
import type { SimNode } from './sim-node.ts'

/** A person who was not answered tries again. */
const AGAIN = 5 * SECOND
/** How often it is looked whether somebody holds a release, so that its publisher may go. */
const LOOK = 1 * SECOND
/** How often a liar gossips a lie. */
const LIE = 15 * SECOND

/** Codes that say that it was no good moment. */
const LATER: readonly RefusalCode[] = ['diskFailed', 'tooOften']

interface ToHandIn {
  newest: () => AnnouncementDocument
  imported: readonly Content[]
}

interface Parts {
  scenario: Scenario
  queue: EventQueue
  network: Network
  mesh: SimMesh
  publisher: Publisher
  nodes: readonly SimNode[]
  prng: Prng
  /** A machine refused what a publisher signed. */
  refused: (node: number, code: RefusalCode) => void
  /** A statement of this version revokes a node from now on. */
  revokes: (node: number, version: number) => void
}

export class Campaign {
  readonly #p: Parts
  /** Signed and not yet in force, and not yet signed. */
  #open: number

  constructor(parts: Parts) {
    this.#p = parts
    const { releases, rotations, revocations } = parts.scenario
    const twins = releases.filter(({ twice }) => twice)
    this.#open = releases.length + twins.length + rotations.length + revocations.length
  }

  /** True when all that the scenario wants published is in force somewhere. */
  get done(): boolean {
    return this.#open === 0
  }

  /** Puts everything into the queue. */
  schedule(): void {
    const { scenario, queue, nodes } = this.#p
    for (const plan of scenario.releases) queue.at(plan.at * SECOND, () => this.#release(plan))
    for (const rotation of scenario.rotations) queue.at(rotation.at * SECOND, () => this.#rotate(rotation))
    for (const plan of scenario.revocations) queue.at(plan.at * SECOND, () => this.#revoke(plan))
    for (const { node, at, until } of scenario.absences) {
      queue.at(at * SECOND, () => this.#away(nodes[node] as SimNode))
      queue.at(until * SECOND, () => back(nodes[node] as SimNode))
    }
    for (const node of nodes) if (node.id.hostile === 'liar') this.#lies(node)
  }

  #release(plan: ReleasePlan): void {
    const { nodes, publisher, scenario } = this.#p
    const operator = nodes.find((node) => !node.isNode)
    const first = plan.by === -1 ? operator : nodes[plan.by]
    const second = this.#honest()[(plan.by + 1 + Math.floor(scenario.nodes / 2)) % this.#honest().length]
    for (const [side, { announcement, content }] of publisher.release(plan, origin(first)).entries()) {
      const machine = (side === 0 ? first : second) as SimNode
      const newest = () => (plan.twice ? announcement : (publisher.newest(announcement.signed.role) ?? announcement))
      const then = () => {
        if (plan.leaves) this.#leaveSoon(machine, content.encoding.hash)
      }
      this.#handIn(machine, { newest, imported: [content] }, then)
    }
  }

  #rotate({ role }: Rotation): void {
    const { publisher, prng } = this.#p
    const announcement = publisher.rotate(role)
    const newest = () => publisher.newest(role) ?? announcement
    this.#handIn(prng.pick(this.#honest()) as SimNode, { newest, imported: [] }, () => undefined)
  }

  /** Hands the statement in until it is in force there. */
  #revoke({ node, by }: RevocationPlan): void {
    const { nodes, mesh, queue, revokes, refused } = this.#p
    const [revoked, machine] = [nodes[node] as SimNode, nodes[by] as SimNode]
    const statement = mesh.revoke(revoked.node)
    let ended = false
    revokes(node, statement.signed.version)
    const attempt = () => {
      if (ended) return
      queue.after(AGAIN, attempt)
      machine.state(statement, (code) => {
        if (ended || (code !== undefined && LATER.includes(code))) return
        ended = true
        this.#open--
        if (code !== undefined) refused(by, code)
      })
    }
    attempt()
  }

  /** Machines where a publisher may hand in something: a liar that alone has it could keep it from everybody. */
  #honest(): SimNode[] {
    return this.#p.nodes.filter(({ isNode, id, away }) => isNode && id.hostile === undefined && !away)
  }

  /** Hands in until it is in force; what was signed anew meanwhile instead of what it was. */
  #handIn(machine: SimNode, { newest, imported }: ToHandIn, then: () => void): void {
    const { queue, network, publisher } = this.#p
    let ended = false
    const end = () => {
      ended = true
      this.#open--
    }
    const attempt = () => {
      if (ended) return
      queue.after(AGAIN, attempt)
      const linked = network.peers(machine.id.index).next().done !== true
      if (!machine.alive() || !linked) return
      const announcement = newest()
      machine.handIn({ targets: publisher.targets, announcement, imported }, (refused) => {
        if (ended || (refused !== undefined && LATER.includes(refused))) return
        // A machine that heard of its twin first does not split the role; of what was signed anew meanwhile it hears soon.
        if (refused === 'oldVersion' && publisher.isTwin(announcement)) return end()
        if (refused === 'oldVersion' && announcement !== newest()) return
        end()
        if (refused !== undefined) return this.#p.refused(machine.id.index, refused)
        then()
      })
    }
    attempt()
  }

  /** The machine goes for good as soon as another one holds the encoding so that no power cut can take it. */
  #leaveSoon(machine: SimNode, encoding: string): void {
    const { queue, nodes } = this.#p
    const look = () => {
      const held = nodes.some((node) => node !== machine && node.transfers.artifacts.whole(encoding, { durable: true }))
      if (!held) return queue.after(LOOK, look)
      machine.away = true
      machine.leave()
    }
    look()
  }

  #away(node: SimNode): void {
    node.away = true
    node.crash('powerCut')
  }

  #lies(node: SimNode): void {
    const { queue, mesh, prng } = this.#p
    const topic = announcementTopic(mesh.id.slice(0, 16))
    const draws = prng.fork(node.id.name)
    const again = (): Millis => LIE / 2 + draws.int(0, LIE)
    const lie = () => {
      node.lie(topic)
      queue.after(again(), lie)
    }
    queue.after(MINUTE + again(), lie)
  }
}

function back(node: SimNode): Promise<void> {
  node.away = false
  return node.start()
}

/** Where a publisher says that its release is first: a machine that others can dial. */
function origin(node: SimNode | undefined): string[] {
  return node === undefined || node.hidden ? [] : [`${node.id.address}/p2p/${node.node}`]
}
