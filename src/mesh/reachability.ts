// Reachability: at which addresses members could dial us from outside. Linked members are asked to try (dialback.ts): soon after there is
// one, again when something changed, and every reachPeriod, as nobody tells of a router that was configured.
import type { Connection } from '@libp2p/interface'
import { limits } from '../core/limits.ts'
import { hostOf, portOf } from '../core/links/paths.ts'
import { isRelayed, isShared, parseAddress } from './addresses.ts'
import type { Dialback } from './dialback.ts'
import type { Pairing } from './pairing.ts'

export interface ReachabilityParts {
  pairing: Pairing
  dialback: Dialback
  /** Where this node listens. */
  listening: () => readonly string[]
  /** What its owner says that others can dial. */
  announce: readonly string[]
  reachable: (addresses: readonly string[]) => void
}

export class Reachability {
  readonly #parts: ReachabilityParts
  #timer: NodeJS.Timeout | undefined
  #testing = false
  #stopped = false
  /** Two members told. */
  #settled = false
  #told = ''

  constructor(parts: ReachabilityParts) {
    this.#parts = parts
  }

  /** There is one more link: who is on it may tell, if two others have not. */
  opened(connection: Connection): void {
    if (!this.#settled && this.#parts.dialback.canTell(connection)) this.changed()
  }

  /** Something changed that may change the answer: our addresses, or how we are seen. */
  changed(): void {
    this.#schedule(limits.reachDelay)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #schedule(pause: number): void {
    clearTimeout(this.#timer)
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#test(), pause).unref()
  }

  /** Never rejects. What nobody could tell stays as it was told. */
  async #test(): Promise<void> {
    if (this.#testing) return this.#schedule(limits.reachDelay)
    const ports = this.#ports()
    const askable = this.#parts.pairing.connections().filter((each) => this.#parts.dialback.canTell(each))
    this.#testing = true
    const found = ports.length === 0 ? [] : await this.#agreed(oneOfEachHost(askable), ports)
    this.#testing = false
    if (found !== undefined && !this.#stopped) this.#tell(found)
    this.#schedule(found === undefined ? limits.reachRetry : limits.reachPeriod)
  }

  /** What the first two on different hosts agree on; a third one decides. Of one alone, its word; undefined when nobody told. */
  async #agreed(askable: readonly Connection[], ports: readonly number[]): Promise<string[] | undefined> {
    const [first, second, ...others] = askable
    const answers = (await Promise.all([this.#ask(first, ports), this.#ask(second, ports)])).flat()
    const disagree = answers.length === 2 && answers[0]?.join() !== answers[1]?.join()
    if (disagree) answers.push(...(await this.#ask(others[0], ports)))
    this.#settled = answers.length >= 2
    if (answers.length === 0) return undefined
    const needed = answers.length === 3 ? 2 : 1
    const all = [...new Set(answers.flat())]
    return all.filter((address) => answers.filter((answer) => answer.includes(address)).length >= needed)
  }

  /** One answer, or none. */
  async #ask(connection: Connection | undefined, ports: readonly number[]): Promise<string[][]> {
    if (connection === undefined) return []
    const told = await this.#parts.dialback.ask(connection, ports).catch(() => undefined)
    return told === undefined ? [] : [told.filter(isOutside).sort()]
  }

  #tell(found: readonly string[]): void {
    const ports = new Set(found.map(portOf))
    const announced = this.#parts.announce.filter((address) => ports.has(portOf(address)))
    const addresses = [...new Set([...announced, ...found])].sort()
    if (addresses.join() === this.#told) return
    this.#told = addresses.join()
    this.#parts.reachable(addresses)
  }

  #ports(): number[] {
    const ports = [...this.#parts.announce, ...this.#parts.listening()].map((address) => Number(portOf(address)))
    return [...new Set(ports)].slice(0, limits.dialbackPorts)
  }
}

/** The other end may say anything. */
function isOutside(text: string): boolean {
  const address = parseAddress(text)
  return address !== undefined && !isRelayed(address) && !isShared(address)
}

/** One connection to each host, in any order: two behind one router see the same, and a router may let its own back in. */
function oneOfEachHost(connections: readonly Connection[]): Connection[] {
  const hosts = new Map<string, Connection>()
  for (const each of connections) hosts.set(hostOf(each.remoteAddr.toString()), each)
  return [...hosts.values()].sort(() => Math.random() - 0.5)
}
