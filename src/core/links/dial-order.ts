// The order in which the addresses of a contact are dialled: the one that worked last, then ports that worked with others (a
// site may let out none but 443), then the rest; and of relayed ones those whose relay we are linked to.
import type { NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Entry } from './book.ts'
import { portOf, relayOf } from './paths.ts'

export class DialOrder {
  readonly #isLinked: (node: NodeId) => boolean
  /** Ports that others answered on, the last one first. */
  #ports: readonly string[] = []

  constructor(isLinked: (node: NodeId) => boolean) {
    this.#isLinked = isLinked
  }

  /** Somebody was dialled there with success. */
  worked(address: string): void {
    const port = portOf(address)
    if (relayOf(address) !== undefined || port === '') return
    this.#ports = [port, ...this.#ports.filter((other) => other !== port)].slice(0, limits.dialPorts)
  }

  of({ addresses, worked }: Pick<Entry, 'addresses' | 'worked'>): readonly string[] {
    const ranks = addresses.map((address, place) => ({ address, rank: this.#rank(address, worked), place }))
    return ranks.sort((a, b) => a.rank - b.rank || a.place - b.place).map(({ address }) => address)
  }

  #rank(address: string, worked: string | undefined): number {
    const relay = relayOf(address)
    const last = limits.dialPorts + 1
    if (relay !== undefined) return this.#isLinked(relay) ? last + 1 : last + 2
    if (address === worked) return 0
    const port = this.#ports.indexOf(portOf(address))
    return port < 0 ? last : 1 + port
  }
}
