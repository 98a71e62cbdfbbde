// Seeking: a node without any link to the outside dials somebody each period, whatever the pauses of the single contacts: when the
// cable is back, or a relay, it is found within seconds. Two at a time: in turn those that relay or answered outside before,
// and in a round over everybody who is not on our own LAN those whose contact, host and zone were tried least, the freshest first. Who answered and turned
// us away is left alone as long as its pause says: it is not our network that is to blame.
import type { Env, Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import { Beside } from './beside.ts'
import type { Book } from './book.ts'
import type { Entry } from './book-entry.ts'
import type { Links } from './links.ts'
import { hostOf, type Path, relayOf } from './paths.ts'

interface Parts {
  env: Pick<Env, 'random'>
  out: Outbox
  self: Pick<Self, 'zone'>
  book: Pick<Book, 'all' | 'get'>
  links: Pick<Links, 'get' | 'size' | 'hasOutside' | 'dialing' | 'maySeek' | 'want' | 'lift' | 'mates'>
}

export class Seeking {
  readonly #p: Parts
  /** Since when there is no link to the outside. */
  #since: Millis | undefined
  /** Since when somebody is not there who would be a way out: on a LAN with several zones all are, most of the time. */
  #missing: Millis | undefined
  /** That was said to people. */
  #told = false
  #next: Millis = Number.NEGATIVE_INFINITY
  /** How often each contact, host and zone was tried since, and each friend the last time. */
  readonly #tries = new Map<string, number>()
  readonly #friends = new Map<NodeId, Millis>()
  readonly #beside = new Beside()

  constructor(parts: Parts) {
    this.#p = parts
  }

  /**
   * Since when this node is looking for a way out; undefined while it has one, or when nobody is there to look for: a mesh on one LAN
   * lacks nothing. @param failed who could not be dialled lately
   */
  since(failed: readonly NodeId[]): Millis | undefined {
    const missed = (node: NodeId) => {
      const entry = this.#p.book.get(node)
      return entry === undefined ? this.#p.links.size === 0 : this.#leadsOut(entry)
    }
    const alone = this.#p.links.size === 0 ? this.#since : undefined
    return failed.some(missed) ? (this.#missing ?? alone) : undefined
  }

  /** No member outside could be dialled for a while, though not for want of trying. */
  get isCutOff(): boolean {
    return this.#told
  }

  get size(): number {
    return Math.max(this.#tries.size, this.#beside.size)
  }

  listening(addresses: readonly string[]): void {
    this.#beside.listening(addresses)
  }

  /** A link opened, or goes on over another path. */
  linked(peer: NodeId, path: Path): void {
    this.#beside.linked(peer, path)
  }

  /** What failed so far says nothing of the network that this machine is in now. */
  networkChanged(now: Millis): void {
    this.#next = now
    this.#tries.clear()
    this.#beside.clear()
  }

  deadline(): Millis | undefined {
    return this.#since === undefined ? undefined : this.#next
  }

  check(now: Millis): void {
    if (this.#p.links.hasOutside) return this.#found(now)
    this.#since ??= now
    if (now < this.#next) return
    const candidates = [...this.#p.book.all()].filter((entry) => this.#isCandidate(entry, now))
    this.#missing = this.#misses() ? (this.#missing ?? now) : undefined
    if (candidates.length > 0 && this.#missing !== undefined && now - this.#missing >= limits.cutOffTold)
      this.#tell(this.#missing)
    const friend = this.#friend(candidates, now)
    if (friend !== undefined) this.#try(friend, now)
    const other = this.#inTurn(candidates.filter((entry) => entry !== friend))
    if (other !== undefined && this.#p.links.dialing < limits.seekDialsAtOnce) this.#try(other, now)
    this.#next = now + this.#period(candidates.length) * (0.75 + 0.5 * this.#p.env.random())
  }

  /** Whose dials failed while there was no way out is dialled again soon. */
  #found(now: Millis): void {
    if (this.#since === undefined) return
    this.#p.links.lift(this.#since, now)
    if (this.#told) this.#p.out.event({ type: 'wayOut', after: now - (this.#missing ?? this.#since) })
    this.#told = false
    this.#since = undefined
    this.#missing = undefined
    this.#tries.clear()
    this.#friends.clear()
  }

  /** Once, however long it lasts. */
  #tell(since: Millis): void {
    if (!this.#told) this.#p.out.event({ type: 'cutOff', since })
    this.#told = true
  }

  /** Zone-mates that are linked seek as well: a site of any size makes about one try a period. */
  #period(candidates: number): Millis {
    if (candidates === 0 && this.#p.links.dialing === 0) return limits.linkCheckPeriod
    return limits.seekPeriod * Math.min(limits.seekShare, 1 + this.#p.links.mates().length)
  }

  /** Whatever the pauses say. */
  #misses(): boolean {
    for (const entry of this.#p.book.all()) {
      if (this.#p.links.get(entry.node) === undefined && entry.addresses.length > 0 && this.#leadsOut(entry))
        return true
    }
    return false
  }

  #isCandidate(entry: Entry, now: Millis): boolean {
    return entry.addresses.length > 0 && this.#p.links.maySeek(entry.node, now) && this.#leadsOut(entry)
  }

  /** While there are links on the LAN, nobody beside us is a way out who does not relay, and a zone-mate only if somebody relays for it as well. */
  #leadsOut(entry: Entry): boolean {
    if (this.#p.links.size === 0 || entry.zone === undefined) return true
    if (!entry.relays && this.#beside.has(entry)) return false
    if (entry.zone !== this.#p.self.zone) return entry.serves || entry.relays
    return entry.relays || entry.addresses.some((address) => relayOf(address) !== undefined)
  }

  /** Members that are likely to be dialled with success, in turn. */
  #friend(candidates: readonly Entry[], now: Millis): Entry | undefined {
    const likely = candidates.filter(({ relays, worked }) => relays || (worked !== undefined && !relayOf(worked)))
    const own = ({ zone }: Entry) => (zone === this.#p.self.zone ? 1 : 0)
    // Whoever talks most must not choose all of them.
    const told = ({ source }: Entry) => (source === 'others' ? 1 : 0)
    const friends = likely
      .sort((a, b) => told(a) - told(b) || Number(b.relays) - Number(a.relays) || own(a) - own(b) || b.seen - a.seen)
      .slice(0, limits.seekFriends)
    const tried = ({ node }: Entry) => this.#friends.get(node) ?? Number.NEGATIVE_INFINITY
    const [friend] = friends.sort((a, b) => tried(a) - tried(b))
    if (friend === undefined) return undefined
    this.#friends.delete(friend.node)
    this.#friends.set(friend.node, now)
    for (const oldest of this.#friends.keys()) if (this.#friends.size > limits.seekFriends) this.#friends.delete(oldest)
    return friend
  }

  #inTurn(candidates: readonly Entry[]): Entry | undefined {
    let best: { entry: Entry; rank: readonly number[] } | undefined
    for (const entry of candidates) {
      const rank = [...placesOf(entry).map((place) => this.#tries.get(place) ?? 0), -entry.seen]
      if (best === undefined || before(rank, best.rank)) best = { entry, rank }
    }
    return best?.entry
  }

  #try(entry: Entry, now: Millis): void {
    if (this.#tries.size > limits.dialPauses) this.#tries.clear()
    for (const place of placesOf(entry)) this.#tries.set(place, (this.#tries.get(place) ?? 0) + 1)
    this.#p.links.want(entry, now)
  }
}

/** What a try is counted by: the contact, the host that is dialled first, and the zone. */
function placesOf({ node, addresses, zone = '' }: Entry): string[] {
  return [node, `host ${hostOf(addresses[0] ?? '')}`, `zone ${zone}`]
}

function before(a: readonly number[], b: readonly number[]): boolean {
  const place = a.findIndex((value, index) => value !== b[index])
  return place >= 0 && (a[place] as number) < (b[place] as number)
}
