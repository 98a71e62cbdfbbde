// Punching: two linked members agree, over the link that they have, on a better path to take its place (clause PUNCH). Either asks;
// when both do at once, the question of the lower node id stays. Who asks upgrades as who dials. The gate stands on the new path
// as on every other: what is agreed here only says where to knock, and when.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection, Libp2p, Stream, Upgrader } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Millis, NodeId } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { isRelayed, isShared, parseAddress } from './addresses.ts'
import type { Gate } from './gate.ts'
import { familyOf, type Mappings, type Opening } from './mappings.ts'
import type { Pairing } from './pairing.ts'
import { punch, type Target, type Upgrade } from './punch.ts'
import { PunchTalk } from './punch-talk.ts'
import { freePort, type PortTcp } from './tcp.ts'
import { Turns } from './turns.ts'

export const PUNCH_PROTOCOL = '/pimesh/punch/1'

/** No NAT gives a port from here on down to one from above, as ours is; but well-known services of third parties are there. */
const SERVICES = 1_023

export interface PunchingParts {
  nodeId: NodeId
  libp2p: Libp2p
  upgrader: Upgrader
  tcp: PortTcp
  gate: Gate
  pairing: Pairing
  mappings: Mappings
  /** Whether an address is on a network of this machine: no peer has us knock there. */
  near: (address: Multiaddr) => boolean
}

/** What is going on with one peer: at most one attempt at a time. */
interface Attempt {
  ours: boolean
  /** Ends ours in favour of theirs. */
  giveWay: AbortController
  outcome: Promise<void>
}

interface Knocking {
  peer: NodeId
  role: 'outbound' | 'inbound'
  /** Where the peer said that it can be knocked at. */
  told: readonly string[]
  /** What we told it. */
  openings: readonly Opening[]
  signal: AbortSignal
}

export class Punching {
  /** How often each member may have us knock. */
  readonly turns = new Turns({ atOnce: limits.punchesPerPeer, period: limits.punchPeriod })
  readonly #parts: PunchingParts
  readonly #attempts = new Map<NodeId, Attempt>()
  /** Addresses that are being knocked at, with /p2p/ID. */
  readonly #knocks = new Set<string>()
  /** When we last knocked at a peer; as many as can be knocked at within punchRemembered. */
  readonly #knocked = new Map<NodeId, Millis>()
  readonly #stopped = new AbortController()
  #serving = 0

  constructor(parts: PunchingParts) {
    this.#parts = parts
  }

  async serve(): Promise<void> {
    const serve = (stream: Stream, { remotePeer }: Connection) => this.#serve(stream, remotePeer.toString())
    const options = { maxInboundStreams: 2, maxOutboundStreams: 2, runOnLimitedConnection: true }
    await this.#parts.libp2p.handle(PUNCH_PROTOCOL, serve, options)
  }

  /** Ends what is under way. */
  stop(): void {
    this.#stopped.abort(new Failure('E_NO_MEMBER', 'this node stops'))
  }

  /** Whether a connection to this address, with /p2p/ID, comes of punching. */
  knocks(address: Multiaddr): boolean {
    return this.#knocks.has(address.toString())
  }

  /**
   * Resolves when a connection through the NATs of both has taken the place of the relayed link. Rejects with Failure E_REFUSED
   * when the gate refused, else E_NO_MEMBER, at once when the link goes by no relay; the link is as it was.
   */
  async punch(peer: NodeId, options: { signal: AbortSignal }): Promise<void> {
    const other = this.#attempts.get(peer)
    if (other !== undefined) return other.outcome
    if (this.#isDirect(peer))
      throw new Failure('E_NO_MEMBER', `the link with ${peer} goes by no relay: nothing to punch`)
    const giveWay = new AbortController()
    const signal = AbortSignal.any([options.signal, giveWay.signal, this.#stopped.signal])
    const outcome = this.#ask(peer, signal).catch((error: unknown) => {
      const theirs = this.#attempts.get(peer)
      if (giveWay.signal.aborted && theirs?.ours === false) return theirs.outcome
      throw error instanceof Failure ? error : noWay(peer, error)
    })
    await this.#attempt(peer, { ours: true, giveWay, outcome })
  }

  /** Has the peer agree that what `work` dials takes the place of the link. */
  async replace<T>(peer: NodeId, options: { signal: AbortSignal }, work: () => Promise<T>): Promise<T> {
    const talk = await this.#talk(peer, options.signal)
    try {
      await talk.say('dial')
      await talk.hear('ready')
      return await this.#parts.pairing.replacing(peer, work)
    } finally {
      talk.end()
    }
  }

  /** Members have us knock only to be rid of a relay. */
  #isDirect(peer: NodeId): boolean {
    const connection = this.#parts.pairing.connection(peer)
    return connection !== undefined && !isRelayed(connection.remoteAddr)
  }

  async #attempt(peer: NodeId, attempt: Attempt): Promise<void> {
    this.#attempts.set(peer, attempt)
    try {
      await attempt.outcome
    } finally {
      if (this.#attempts.get(peer) === attempt) this.#attempts.delete(peer)
    }
  }

  async #talk(peer: NodeId, signal: AbortSignal): Promise<PunchTalk> {
    const connection = this.#parts.pairing.connection(peer)
    if (connection === undefined) throw new Failure('E_NO_MEMBER', `there is no link with ${peer} to be replaced`)
    try {
      const stream = await connection.newStream([PUNCH_PROTOCOL], { signal, runOnLimitedConnection: true })
      return new PunchTalk(stream, signal)
    } catch (error) {
      throw noWay(peer, error) // a pimesh that knows nothing of this, or the link ends
    }
  }

  async #ask(peer: NodeId, signal: AbortSignal): Promise<void> {
    const openings = await this.#openings(peer)
    const talk = await this.#talk(peer, signal)
    try {
      const asked = performance.now()
      await talk.say('offer', addressesOf(openings))
      const answer = await talk.hear('answer', 'busy')
      const trip = performance.now() - asked
      if (answer.kind === 'busy') return await aborted(signal) // by the question of the peer, which is on its way
      await this.#parts.pairing.replacing(peer, async () => {
        await talk.say('go')
        await sleep(trip / 2, undefined, { signal }) // the peer begins when that arrives
        await this.#knock({ peer, role: 'outbound', told: answer.addresses, openings, signal })
      })
    } finally {
      talk.end()
    }
  }

  /** Never rejects. Who is slow to ask holds no place of those who have asked. */
  async #serve(stream: Stream, peer: NodeId): Promise<void> {
    const signal = AbortSignal.any([AbortSignal.timeout(limits.dialTimeout), this.#stopped.signal])
    const talk = new PunchTalk(stream, signal)
    try {
      const { kind, addresses } = await talk.hear('offer', 'dial')
      await this.#placed(() => (kind === 'offer' ? this.#offered(peer, addresses, talk) : this.#letDial(peer, talk)))
    } catch {
      // The peer sees that the stream ends, and that the link is as it was.
    } finally {
      talk.end()
    }
  }

  /** Nothing when all places are taken. */
  async #placed(work: () => Promise<void>): Promise<void> {
    if (this.#serving >= limits.punchesAtOnce) return
    this.#serving++
    try {
      await work()
    } finally {
      this.#serving--
    }
  }

  async #letDial(peer: NodeId, talk: PunchTalk): Promise<void> {
    await this.#parts.pairing.replacing(peer, async () => {
      await talk.say('ready')
      await talk.ended()
    })
  }

  async #offered(peer: NodeId, addresses: readonly string[], talk: PunchTalk): Promise<void> {
    const other = this.#attempts.get(peer)
    if (other?.ours === false || this.#isDirect(peer)) return
    if (other?.ours === true && this.#parts.nodeId < peer) {
      await talk.say('busy')
      return await talk.ended()
    }
    const outcome = this.#answer(peer, addresses, talk)
    other?.giveWay.abort(new Failure('E_NO_MEMBER', `${peer} asked at the same time`))
    await this.#attempt(peer, { ours: false, giveWay: new AbortController(), outcome })
  }

  async #answer(peer: NodeId, addresses: readonly string[], talk: PunchTalk): Promise<void> {
    await this.#parts.pairing.replacing(peer, async () => {
      const openings = await this.#openings(peer)
      await talk.say('answer', addressesOf(openings))
      await talk.hear('go')
      await this.#knock({ peer, role: 'inbound', told: addresses, openings, signal: talk.signal })
    })
  }

  /** A second attempt is from other ports than the first: NATs may take its SYNs for invalid ones of that. */
  async #openings(peer: NodeId): Promise<Opening[]> {
    const { mappings } = this.#parts
    const again = performance.now() - (this.#knocked.get(peer) ?? Number.NEGATIVE_INFINITY) < limits.punchRemembered
    const openings = again ? await mappings.freshOpenings(freePort) : mappings.openings()
    if (openings.length > 0) return openings
    throw new Failure('E_NO_MEMBER', 'no member has told yet how this node is seen from outside')
  }

  async #knock({ peer, role, told, openings, signal }: Knocking): Promise<void> {
    const { tcp, gate } = this.#parts
    const targets = this.#targets(peer, told, openings)
    if (targets.length === 0) throw new Failure('E_NO_MEMBER', `${peer} told of no address that can be knocked at`)
    if (!this.turns.take(peer)) throw new Failure('E_NO_MEMBER', `${peer} had this node knock too often lately`)
    let reason: unknown
    const isFinal = () => {
      reason ??= gate.takeReason(peer)
      return reason instanceof Failure
    }
    const knocks = targets.map(({ address }) => address.toString())
    for (const each of knocks) this.#knocks.add(each)
    try {
      await punch(targets, { tcp, role, upgrade: this.#upgrade(peer, role), isFinal, signal })
    } catch (error) {
      throw isFinal() ? reason : noWay(peer, error)
    } finally {
      for (const each of knocks) this.#knocks.delete(each)
      this.#remember(peer)
    }
  }

  /** In the order of time: those that are long past are the first. */
  #remember(peer: NodeId): void {
    const now = performance.now()
    this.#knocked.delete(peer)
    this.#knocked.set(peer, now)
    for (const [other, at] of this.#knocked) {
      if (now - at < limits.punchRemembered) break
      this.#knocked.delete(other)
    }
  }

  #targets(peer: NodeId, told: readonly string[], openings: readonly Opening[]): Target[] {
    const addresses = told.flatMap((text) => parseAddress(text) ?? [])
    const far = addresses.filter(
      (address) => familyOf(address) !== undefined && !this.#parts.near(address) && isOutside(address),
    )
    const targets = far.flatMap((address) => {
      const ports = openings.filter(({ family }) => family === familyOf(address)).map(({ localPort }) => localPort)
      return [...new Set(ports)].map((localPort) => ({ address: address.encapsulate(`/p2p/${peer}`), localPort }))
    })
    return targets.slice(0, limits.punchTargets)
  }

  #upgrade(peer: NodeId, role: 'outbound' | 'inbound'): Upgrade {
    const { upgrader, pairing } = this.#parts
    if (role === 'outbound') return (socket, options) => upgrader.upgradeOutbound(socket, options)
    return async (socket, options) => {
      Object.assign(socket, { direction: 'inbound' }) // yamux takes its role from that
      await upgrader.upgradeInbound(socket, options)
      const connection = pairing.connection(peer)
      if (connection === undefined) throw new Failure('E_NO_MEMBER', `${peer} was gone at once`)
      return connection
    }
  }
}

/** What a NAT could show of a port like ours: private addresses are others' here, and it is not for a peer to have us knock there. */
function isOutside(address: Multiaddr): boolean {
  return !isShared(address) && Number(address.getComponents()[1]?.value) > SERVICES
}

function addressesOf(openings: readonly Opening[]): string[] {
  return openings.map(({ seenAs }) => seenAs)
}

function noWay(peer: NodeId, error: unknown): Failure {
  const why = error instanceof Error ? error.message : String(error)
  return new Failure('E_NO_MEMBER', `no way through to ${peer} was found: ${why}`, { cause: error })
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
