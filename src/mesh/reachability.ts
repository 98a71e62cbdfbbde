// Reachability: at which addresses members could dial us from outside. Linked members are asked to try (dialback.ts): soon after there is
// one, again when something changed, and every reachPeriod, as nobody tells of a router that was configured. What nobody found is looked
// for at pauses that double up to that from reachRetry: when a whole site starts, or power comes back, those who dial back have no time,
// and who relays for all must not count as closed for ten minutes.
import type { Connection } from '@libp2p/interface'
import { limits } from '../core/limits.ts'
import { agreed, disagree, type Family, familyOf, Openness, presumed } from '../core/links/openness.ts'
import { hostOf, portOf } from '../core/links/paths.ts'
import { isRelayed, isShared, parseAddress } from './addresses.ts'
import type { Dialback } from './dialback.ts'
import type { Pairing } from './pairing.ts'

const FAMILIES: readonly Family[] = ['ip4', 'ip6']

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
  readonly #openness = new Openness()
  #timer: NodeJS.Timeout | undefined
  #testing = false
  /** Something changed since the test began. */
  #again = false
  #stopped = false
  /** Tests in a row in which two disagreed. */
  #unsure = 0
  /** Families of which nothing is open, and after how many pauses in a row that was looked for. */
  readonly #closed = new Map<Family, number>()
  /** Of which two members told. */
  readonly #settled = new Set<Family>()
  #told = ''

  constructor(parts: ReachabilityParts) {
    this.#parts = parts
  }

  /** What was open in an earlier run, and may well be again: others rely on it. */
  presume(open: readonly string[]): void {
    const found = presumed(open, this.#parts.listening())
    for (const family of FAMILIES) this.#openness.heard(family, found)
    this.#tell()
  }

  /** There is one more link: who is on it may tell, if two others have not. */
  opened(connection: Connection): void {
    const family = familyOf(connection.remoteAddr.toString())
    if (!this.#settled.has(family) && this.#parts.dialback.canTell(connection)) this.#soon()
  }

  /** How we are seen changed, which may change the answer. */
  changed(): void {
    this.#closed.clear()
    this.#soon()
  }

  /** Addresses of this machine came or went: what was open may be elsewhere. */
  networkChanged(): void {
    this.#openness.renew()
    this.changed()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #soon(): void {
    this.#again = true
    this.#schedule(limits.reachDelay)
  }

  #schedule(pause: number, paused = false): void {
    clearTimeout(this.#timer)
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#test(paused), pause).unref()
  }

  /**
   * Never rejects. What nobody could tell stays as it was told.
   * @param paused whether that follows a pause, not a change
   */
  async #test(paused: boolean): Promise<void> {
    if (this.#testing) return
    this.#testing = true
    this.#again = false
    if (paused) for (const [family, pauses] of this.#closed) this.#closed.set(family, pauses + 1)
    const heard = await Promise.all(FAMILIES.map((family) => this.#testFamily(family)))
    this.#testing = false
    if (this.#stopped) return
    const nobody = heard.every((what) => what === 'nothing')
    if (!nobody) this.#openness.tested()
    this.#tell()
    this.#unsure = heard.includes('unsure') ? this.#unsure + 1 : 0
    const soon = heard.includes('missed') || (this.#unsure > 0 && this.#unsure < limits.reachMisses)
    if (this.#again) this.#schedule(limits.reachDelay)
    else if (soon) this.#schedule(limits.reachRecheck)
    else this.#schedule(nobody ? jittered(limits.reachRetry) : this.#pause(), !nobody)
  }

  #pause(): number {
    const pauses = [...this.#closed.values()].map((each) => jittered(limits.reachRetry * 2 ** each))
    return Math.min(limits.reachPeriod, ...pauses)
  }

  /** `missed`: something that was open; `unsure`: of two one denies what the other says, who may have been slow to dial. */
  async #testFamily(family: Family): Promise<'nothing' | 'missed' | 'unsure' | 'told'> {
    const askable = this.#parts.pairing
      .connections()
      .filter((each) => familyOf(each.remoteAddr.toString()) === family && this.#parts.dialback.canTell(each))
    const answers = await this.#answers(oneOfEachHost(askable), this.#ports())
    if (answers.length >= 2 && !disagree(answers)) this.#settled.add(family)
    else this.#settled.delete(family)
    if (answers.length === 0) return 'nothing'
    const missed = this.#openness.heard(family, agreed(answers))
    if (this.#openness.addresses.some((address) => familyOf(address) === family)) this.#closed.delete(family)
    else if (!this.#closed.has(family)) this.#closed.set(family, 0)
    if (missed) return 'missed'
    return disagree(answers) ? 'unsure' : 'told'
  }

  /** What the first two on different hosts say; and when they disagree a third one. */
  async #answers([first, second, third]: readonly Connection[], ports: readonly number[]): Promise<string[][]> {
    if (ports.length === 0) return []
    const answers = (await Promise.all([this.#ask(first, ports), this.#ask(second, ports)])).flat()
    return disagree(answers) ? [...answers, ...(await this.#ask(third, ports))] : answers
  }

  /** One answer, or none. */
  async #ask(connection: Connection | undefined, ports: readonly number[]): Promise<string[][]> {
    if (connection === undefined) return []
    const told = await this.#parts.dialback.ask(connection, ports).catch(() => undefined)
    return told === undefined ? [] : [told.filter(isOutside).sort()]
  }

  #tell(): void {
    const found = this.#openness.addresses
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

/** Those that started together do not ask the same members at one time. */
function jittered(pause: number): number {
  return pause * (1 + 0.5 * Math.random())
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
