// The dialler: all addresses of a member within one dial, the better ones first, each with a head start: a site whose firewall
// swallows what it does not let out needs no second dial. libp2p's own dial queue would try one after the other.
import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Millis, NodeId } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { relayOf } from '../core/links/paths.ts'
import { bareAddress, dialOrder, parseAddress } from './addresses.ts'
import { dialProblem } from './dial-problem.ts'
import type { Gate } from './gate.ts'
import type { Pairing } from './pairing.ts'
import { race } from './race.ts'

/** libp2p's transport manager, as its components have it. */
export interface Transports {
  dial(address: Multiaddr, options: { signal: AbortSignal }): Promise<Connection>
  /** Where this node listens, wildcards resolved. */
  getAddrs(): Multiaddr[]
}

export interface DiallerParts {
  transports: () => Transports
  gate: () => Gate
  pairing: Pairing
}

/** One way to a member: an address of its own, or a relay, at whichever of that one's addresses answers. */
interface Way {
  address: Multiaddr
  relay: { node: NodeId; addresses: string[] } | undefined
}

interface Underway {
  outcome: Promise<void>
  /** Of who began it. */
  signal: AbortSignal
}

export class Dialler {
  readonly #parts: DiallerParts
  readonly #underway = new Map<NodeId, Underway>()

  constructor(parts: DiallerParts) {
    this.#parts = parts
  }

  /** Resolves when there is a link. Rejects as the port says. Who is being dialled already is not dialled twice. */
  async dial(peer: NodeId, addresses: readonly string[], signal: AbortSignal): Promise<void> {
    if (this.#parts.pairing.linked(peer)) return
    const underway = this.#underway.get(peer)
    if (underway === undefined) return await this.#begin(peer, usableFor(peer, addresses), signal)
    try {
      await underway.outcome
    } catch (error) {
      if (!underway.signal.aborted || signal.aborted) throw error
      await this.dial(peer, addresses, signal) // who began it has no use for it any more; we have
    }
  }

  /** The link with a relay, which is dialled at its address when there is none. */
  async link(relay: NodeId, address: string, signal: AbortSignal): Promise<Connection> {
    await this.dial(relay, [address], signal)
    const connection = this.#parts.pairing.connection(relay)
    if (connection === undefined) throw new Failure('E_NO_MEMBER', `the link with ${relay} closed`)
    return connection
  }

  /** A new connection with a linked peer, in place of the one that there is; both ends have agreed to that. */
  async again(peer: NodeId, addresses: readonly string[], signal: AbortSignal, routed: boolean): Promise<void> {
    const direct = addresses.filter((text) => relayOf(text) === undefined)
    const usable = usableFor(peer, direct, routed)
    const before = this.#parts.pairing.connection(peer)
    await this.#attempt(peer, usable, signal, () => this.#parts.pairing.connection(peer) !== before)
  }

  #begin(peer: NodeId, usable: readonly Multiaddr[], signal: AbortSignal): Promise<void> {
    const dial = this.#attempt(peer, usable, signal, () => this.#parts.pairing.linked(peer))
    const outcome = dial.finally(() => this.#underway.delete(peer))
    this.#underway.set(peer, { outcome, signal })
    return outcome
  }

  /** `done`: whether what the peer did meanwhile is as good as success. */
  async #attempt(peer: NodeId, usable: readonly Multiaddr[], signal: AbortSignal, done: () => boolean): Promise<void> {
    const { pairing, transports } = this.#parts
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(limits.dialTimeout)])
    const ways = waysOf(usable)
    const candidates = ways.map((what, at) => ({ what, headStart: headStart(what, ways[at - 1]) }))
    const failures = new Map<Multiaddr, unknown>()
    const one = async ({ address, relay }: Way, until: AbortSignal) => {
      try {
        if (relay !== undefined) await this.dial(relay.node, relay.addresses, until)
        return await transports().dial(address.encapsulate(`/p2p/${peer}`), { signal: until })
      } catch (error) {
        failures.set(address, error)
        throw error
      }
    }
    try {
      await race(candidates, one, { signal: bounded, timeout: limits.addressDialTimeout })
    } catch (error) {
      const reason = this.#parts.gate().takeReason(peer) ?? error
      await pairing.settled(peer)
      if (!done()) throw reason instanceof Failure ? reason : unreachable(peer, ways, failures, error)
    } finally {
      this.#parts.gate().takeReason(peer)
    }
  }
}

/** All addresses by one relay are one way: it is linked or it is not, and two calls by it would only be in each other's way. */
function waysOf(addresses: readonly Multiaddr[]): Way[] {
  const ways: Way[] = []
  for (const address of addresses) {
    const text = bareAddress(address)
    const node = relayOf(text)
    if (node === undefined) {
      ways.push({ address, relay: undefined })
      continue
    }
    const base = text.slice(0, text.indexOf('/p2p/'))
    const known = ways.find(({ relay }) => relay?.node === node)
    if (known === undefined) ways.push({ address, relay: { node, addresses: [base] } })
    else known.relay?.addresses.push(base)
  }
  return ways
}

/** A relay is tried when every direct address has had its time: what is found over it has to be improved later. */
function headStart({ relay }: Way, before: Way | undefined): Millis {
  const changes = before !== undefined && relay !== undefined && before.relay === undefined
  return changes ? limits.relayHeadStart : limits.addressHeadStart
}

/** @throws Failure E_NO_ADDRESS */
function usableFor(peer: NodeId, addresses: readonly string[], routed = true): Multiaddr[] {
  const parsed = addresses.flatMap((text) => parseAddress(text) ?? [])
  const usable = dialOrder(parsed, routed)
  if (usable.length > 0) return usable
  throw new Failure('E_NO_ADDRESS', `${peer} has no TCP address that can be dialled: [${addresses.join(', ')}]`)
}

/** Which addresses failed of what; of those that were still under way it is why the dial ended. */
function unreachable(
  peer: NodeId,
  tried: readonly Way[],
  failures: ReadonlyMap<Multiaddr, unknown>,
  cause: unknown,
): Failure {
  const where = new Map<string, string[]>()
  for (const { address } of tried) {
    const why = dialProblem(failures.get(address) ?? cause)
    where.set(why, [...(where.get(why) ?? []), bareAddress(address)])
  }
  const parts = [...where].map(([why, addresses]) => `at ${addresses.join(', ')}: ${why}`)
  return new Failure('E_NO_MEMBER', `${peer} cannot be reached ${parts.join('; ')}`, { cause })
}
