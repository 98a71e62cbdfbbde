// Providers: whom to dial when nobody who is linked gives what is missing. Zone-mates whose record reports the release come
// first, then contacts of our zone and outside, whom the directory names, and the members that the publisher named; each search takes
// some of every kind, so that a long list of dead contacts, or of false providers, hides nobody for long. Hints, all of them: the gate proves who answers.
import type { Env, Millis, NodeId } from '../env.ts'
import type { View } from '../fleet/view.ts'
import { limits } from '../limits.ts'
import type { Book } from '../links/book.ts'
import type { Entry } from '../links/book-entry.ts'
import type { Links } from '../links/links.ts'
import type { InstallState } from '../rollout/states.ts'
import type { Self } from '../self.ts'
import type { Told } from './directory.ts'
import type { Wanted } from './download.ts'

export interface ProviderParts {
  env: Pick<Env, 'random'>
  self: Pick<Self, 'node' | 'zone'>
  links: Pick<Links, 'get' | 'wantFor'>
  book: Pick<Book, 'inZone' | 'outside' | 'get'>
  view: Pick<View, 'rows'>
}

/** States of a node that holds pieces of a release. */
const HOLDING: ReadonlySet<InstallState> = new Set([
  'fetching',
  'verified',
  'staged',
  'switched',
  'healthy',
  'committed',
  'rolledBack',
])

export class Providers {
  readonly #parts: ProviderParts
  /** Who was dialled for pieces, how often, and until when it is not dialled again for that. In order of the last dial. */
  readonly #tried = new Map<NodeId, { times: number; until: Millis }>()

  constructor(parts: ProviderParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#tried.size
  }

  /**
   * Dials up to limits.providersPerSearch members that may have what is wanted. While there are others, a first search leaves the
   * origin alone: it cannot carry all nodes that hear of a release at the same time. Returns how many are dialled.
   * @param how `named` by the directory; `near`: only over the LAN anything may come, so only zone-mates are of use
   */
  search(
    wanted: Pick<Wanted, 'release8' | 'origin'>,
    isFirst: boolean,
    now: Millis,
    { named = [], near = false }: { named?: readonly Told[]; near?: boolean } = {},
  ): number {
    const may = (entries: readonly Entry[]) => entries.filter((entry) => this.#mayTry(entry, now))
    // In turn: false providers in front would else be dialled again and again, and those behind them never.
    const times = ({ node }: Told) => this.#tried.get(node)?.times ?? 0
    const told = () => may([...named].sort((a, b) => times(a) - times(b)).map((each) => this.#known(each, now)))
    const queues = [may(this.#reporting(wanted.release8, now)), ...(near ? [] : [may(this.#contacts()), told()])]
    const others = queues.some((queue) => queue.length > 0)
    if (!near && (!isFirst || !others)) queues.push(may(this.#origins(wanted.origin, now)))
    let room: number = limits.providersPerSearch
    while (room > 0 && queues.some((queue) => queue.length > 0)) {
      for (const queue of queues) {
        const entry = queue.shift()
        if (entry === undefined || room <= 0 || !this.#mayTry(entry, now)) continue
        this.#try(entry, now)
        room -= 1
      }
    }
    return limits.providersPerSearch - room
  }

  /** Zone-mates whose record says that they have come further than to hear of it. */
  #reporting(release8: string, now: Millis): Entry[] {
    const mates: Entry[] = []
    for (const { node, record, status } of this.#parts.view.rows(now, undefined, limits.viewNodes)) {
      const reports = record.installs.some((install) => install.release8 === release8 && HOLDING.has(install.state))
      const entry = reports && (status === 'up' || status === 'late') ? this.#parts.book.get(node) : undefined
      if (entry !== undefined) mates.push(entry)
    }
    return this.#shuffled(mates)
  }

  #contacts(): Entry[] {
    const { book, self } = this.#parts
    return [...this.#shuffled(book.inZone(self.zone)), ...this.#shuffled(book.outside())]
  }

  #origins(origin: readonly string[], now: Millis): Entry[] {
    return origin.slice(0, limits.releaseOrigins).flatMap((address) => {
      const told = originOf(address)
      return told === undefined ? [] : [this.#known(told, now)]
    })
  }

  /** What the book says of it as well, where it is in there. */
  #known({ node, addresses }: Told, now: Millis): Entry {
    const known = this.#parts.book.get(node)
    if (known !== undefined) return { ...known, addresses: [...new Set([...known.addresses, ...addresses])] }
    const nothing = { relays: false, nat: undefined, worked: undefined } as const
    const word = { own: [], serves: false, ...nothing, seen: now, source: 'others', by: undefined } as const
    return { node, zone: undefined, addresses, ...word }
  }

  #mayTry({ node, addresses }: Entry, now: Millis): boolean {
    if (node === this.#parts.self.node || addresses.length === 0) return false
    return this.#parts.links.get(node) === undefined && now >= (this.#tried.get(node)?.until ?? now)
  }

  #try(entry: Entry, now: Millis): void {
    const times = (this.#tried.get(entry.node)?.times ?? 0) + 1
    const pause = limits.providerSearchPeriod * 2 ** Math.min(times, 8)
    this.#tried.delete(entry.node)
    this.#tried.set(entry.node, { times, until: now + Math.min(limits.providerSearchMax, pause) })
    for (const node of this.#tried.keys()) if (this.#tried.size > limits.providersTried) this.#tried.delete(node)
    this.#parts.links.wantFor(entry, now)
  }

  #shuffled(entries: readonly Entry[]): Entry[] {
    const shuffled = [...entries]
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = Math.floor(this.#parts.env.random() * (i + 1))
      ;[shuffled[i], shuffled[j]] = [shuffled[j] as Entry, shuffled[i] as Entry]
    }
    return shuffled
  }
}

/** A multiaddr that ends in /p2p/ID, as an address to dial; undefined when it does not. */
function originOf(address: string): Told | undefined {
  const at = address.lastIndexOf('/p2p/')
  const node = address.slice(at + 5)
  if (at <= 0 || node === '' || node.includes('/') || address.length > limits.addressLength) return undefined
  return { node, addresses: [address.slice(0, at)] }
}
