// The order in which the addresses of a contact are dialled: the one that worked last, then ports that worked with others (a
// site may let out none but 443), then the rest; and of relayed ones those whose relay we are linked to. Of another relay all ways
// to it that we know are tried: the contact may name one that our network does not let out, or does not have.
import type { NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Entry } from './book-entry.ts'
import { portOf, relayOf } from './paths.ts'

export class DialOrder {
  readonly #isLinked: (node: NodeId) => boolean
  readonly #addressesOf: (node: NodeId) => readonly string[]
  /** Ports that others answered on, the last one first. */
  #ports: readonly string[] = []

  /** @param addressesOf where a relay can be dialled itself, as far as we know, the best first */
  constructor(isLinked: (node: NodeId) => boolean, addressesOf: (node: NodeId) => readonly string[] = () => []) {
    this.#isLinked = isLinked
    this.#addressesOf = addressesOf
  }

  /** Somebody was dialled there with success. */
  worked(address: string): void {
    const port = portOf(address)
    if (relayOf(address) !== undefined || port === '') return
    this.#ports = [port, ...this.#ports.filter((other) => other !== port)].slice(0, limits.dialPorts)
  }

  /** `further`: by relays that the contact does not name. They, and other ways to its relays, take no place of what it names. */
  of({ addresses, worked }: Pick<Entry, 'addresses' | 'worked'>, further: readonly string[] = []): readonly string[] {
    const named = new Set(addresses.slice(0, limits.addressesPerContact))
    const others = new Set([...further, ...this.#otherWays([...named])])
    const beyond = [...others].filter((address) => !named.has(address)).slice(0, limits.furtherWays)
    const all = [...named, ...beyond]
    const ranks = all.map((address, place) => ({ address, rank: this.#rank(address, worked), place }))
    return ranks.sort((a, b) => a.rank - b.rank || a.place - b.place).map(({ address }) => address)
  }

  #rank(address: string, worked: string | undefined): number {
    const relay = relayOf(address)
    const last = limits.dialPorts + 1
    const port = this.#ports.indexOf(portOf(address))
    const byPort = port < 0 ? last : 1 + port
    if (relay !== undefined) return last + (this.#isLinked(relay) ? 1 : 1 + byPort)
    return address === worked ? 0 : byPort
  }

  #otherWays(addresses: readonly string[]): string[] {
    const relays = new Set(addresses.map(relayOf).filter((relay) => relay !== undefined && !this.#isLinked(relay)))
    return [...relays].flatMap((relay = '') => {
      const direct = this.#addressesOf(relay).filter((address) => relayOf(address) === undefined)
      return direct.slice(0, limits.openAddresses).map((address) => `${address}/p2p/${relay}/p2p-circuit`)
    })
  }
}
