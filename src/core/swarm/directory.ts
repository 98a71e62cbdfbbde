// The directory, as core uses it: members outside the zone that others say have an encoding, and what we let be said of us. It is
// asked when zone, records, contacts and origin have brought nobody for a while, and less and less often: a hint beside these, never
// the only path, as it can be poisoned (T16). Of a site some tell, as each of them has it for the others. What it costs is bounded for
// every node (limits.directory...), and nothing is done in the background but to tell anew, twice a day.
import { earliest } from '../earliest.ts'
import type { Env, Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import { H } from '../hash.ts'
import { limits } from '../limits.ts'
import type { Book } from '../links/book.ts'
import type { Entry } from '../links/book-entry.ts'
import type { Links } from '../links/links.ts'
import { toldAddresses } from '../links/told-addresses.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'

/** A member, and where it can be dialled as far as somebody says: multiaddrs without /p2p/ID. */
export interface Told {
  node: NodeId
  addresses: readonly string[]
}

export interface DirectoryParts {
  env: Pick<Env, 'random' | 'sha256'>
  out: Outbox
  self: Pick<Self, 'node' | 'addresses'>
  links: Pick<Links, 'get'>
  book: Pick<Book, 'all'>
  /** Members of our zone that are up, with this node. */
  members: () => number
  /** Whether members can dial us from outside: who can be asked, answers. */
  isOpen: () => boolean
}

/** A search for providers of one encoding, between two questions. */
interface Search {
  times: number
  /** No question before. */
  until: Millis
  /** The question that is out. */
  ticket: Ticket | undefined
  named: readonly Told[]
}

/** One in 2^64 of what H can be. */
const WHOLE = 2 ** 64

export class Directory {
  readonly #parts: DirectoryParts
  readonly #isOn: boolean
  readonly #searches = new Map<string, Search>()
  /** Encodings that are here and told of, or about to be: when next. */
  readonly #held = new Map<string, { tellAt: Millis; failures: number }>()
  /** What is being told now. */
  #telling: { ticket: Ticket; encoding: string } | undefined
  #serves = false
  #known = ''
  #lookAt: Millis = 0
  /** The earliest of what is held. */
  #tellAt: Millis | undefined

  /** @param isOn false where the configuration has it switched off: nothing is asked, told or answered */
  constructor(parts: DirectoryParts, isOn: boolean) {
    this.#parts = parts
    this.#isOn = isOn
  }

  get size(): number {
    return Math.max(this.#searches.size, this.#held.size)
  }

  /**
   * A download has found nobody by `searches` rounds of other ways, and there was nobody else to dial when `alone`. Asks, unless
   * that is for later.
   */
  search(encoding: string, searches: number, alone: boolean, now: Millis): void {
    const before = this.#searches.get(encoding)
    if (!this.#isOn || (searches < limits.directoryAfter && !alone)) return
    if (before !== undefined && (now < before.until || before.ticket !== undefined)) return
    if (!this.#tellServers()) return
    const ticket = this.#parts.out.ticket()
    const times = (before?.times ?? 0) + 1
    const pause = Math.min(limits.directoryPauseMax, limits.directoryPauseMin * 2 ** Math.min(times - 1, 16))
    const until = now + pause * (0.5 + this.#parts.env.random())
    this.#searches.set(encoding, { times, until, ticket, named: before?.named ?? [] })
    this.#parts.out.emit({ type: 'directoryFind', ticket, encoding })
  }

  /** Whom it named for an encoding. */
  named(encoding: string): readonly Told[] {
    return this.#searches.get(encoding)?.named ?? []
  }

  /** An answer came. Returns the encoding for which there is somebody to dial now. */
  found(ticket: Ticket, providers: readonly Told[]): string | undefined {
    for (const [encoding, search] of this.#searches) {
      if (search.ticket !== ticket) continue
      search.ticket = undefined
      search.named = providers.slice(0, limits.directoryProviders)
      return search.named.length > 0 ? encoding : undefined
    }
    return undefined
  }

  /** It is fetched no longer. */
  over(encoding: string): void {
    this.#searches.delete(encoding)
  }

  /** All of it is here. `brought`: by this machine, so that perhaps nobody else has it. May be called more than once. */
  has(encoding: string, brought: boolean, now: Millis): void {
    this.over(encoding)
    if (!this.#isOn || this.#held.has(encoding) || this.#held.size >= limits.encodingsKept) return
    if (!brought && !this.#isChosen(encoding)) return
    const spread = brought ? limits.directoryTellSoon : limits.directoryTellSpread
    this.#held.set(encoding, { tellAt: now + spread * this.#parts.env.random(), failures: 0 })
    this.#plan()
  }

  /** It is not here any more, or damaged. */
  lost(encoding: string): void {
    this.over(encoding)
    if (!this.#held.delete(encoding)) return
    this.#parts.out.emit({ type: 'directoryWithdraw', encoding })
    this.#plan()
  }

  /** So many servers were told; after none it is tried again, less and less often. */
  told(ticket: Ticket, servers: number, now: Millis): void {
    if (this.#telling?.ticket !== ticket) return
    const { encoding } = this.#telling
    this.#telling = undefined
    this.#tellAgain(encoding, servers > 0, now)
  }

  deadline(): Millis | undefined {
    if (!this.#isOn) return undefined
    return earliest(this.#serves ? this.#lookAt : undefined, this.#telling === undefined ? this.#tellAt : undefined)
  }

  check(now: Millis): void {
    if (!this.#isOn) return
    this.#serve(now)
    if (this.#telling !== undefined || this.#tellAt === undefined || now < this.#tellAt) return
    for (const [encoding, { tellAt }] of this.#held) if (tellAt <= now && this.#tell(encoding, now)) return
  }

  /** False when nobody can be told. */
  #tell(encoding: string, now: Millis): boolean {
    const { out, self } = this.#parts
    if (!this.#tellServers()) {
      this.#tellAgain(encoding, false, now)
      return false
    }
    const ticket = out.ticket()
    this.#telling = { ticket, encoding }
    out.emit({ type: 'directoryProvide', ticket, encoding, addresses: toldAddresses(self.addresses) })
    return true
  }

  #tellAgain(encoding: string, wasTold: boolean, now: Millis): void {
    const held = this.#held.get(encoding)
    if (held === undefined) return
    const retry = Math.min(limits.directoryPauseMax, limits.directoryPauseMin * 2 ** Math.min(held.failures, 16))
    held.failures = wasTold ? 0 : held.failures + 1
    held.tellAt = now + (wasTold ? limits.directoryRetell : retry) * (0.75 + 0.25 * this.#parts.env.random())
    this.#plan()
  }

  #plan(): void {
    this.#tellAt = earliest(...[...this.#held.values()].map(({ tellAt }) => tellAt))
  }

  /** Who serves tells those that ask of other servers, and so has to know them at any time. */
  #serve(now: Millis): void {
    const on = this.#parts.isOpen()
    if (on !== this.#serves) this.#parts.out.emit({ type: 'directoryServe', on })
    else if (!on || now < this.#lookAt) return
    this.#serves = on
    this.#lookAt = now + limits.directoryLookPeriod
    if (on) this.#tellServers()
  }

  /**
   * Who relays can be dialled from outside, and so it serves; those that are linked first, and of the others the freshest. False when
   * nobody is known to serve, this node included.
   */
  #tellServers(): boolean {
    const { book, links, out } = this.#parts
    const relays = [...book.all()].filter((entry) => entry.relays && entry.addresses.length > 0)
    const linked = (entry: Entry) => (links.get(entry.node) === undefined ? 1 : 0)
    relays.sort((a, b) => linked(a) - linked(b) || b.seen - a.seen)
    const known = relays.slice(0, limits.directoryServers).map(({ node, addresses }): Told => ({ node, addresses }))
    const text = JSON.stringify(known)
    if (text !== this.#known) out.emit({ type: 'directoryServers', known })
    this.#known = text
    return known.length > 0 || this.#serves
  }

  /** Of a site a few tell; who can be dialled from outside always does. All know this of themselves, without a word. */
  #isChosen(encoding: string): boolean {
    const { env, self, members, isOpen } = this.#parts
    const share = limits.directoryTellers / Math.max(1, members())
    return isOpen() || Number(H(env, 'directory', encoding, self.node)) / WHOLE < share
  }
}
