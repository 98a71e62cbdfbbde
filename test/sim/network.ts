// The faulty network: links between machines, and transmissions over them that are delayed, lost, reordered or cut off.
// Each link has two ends that learn of its death separately: at once when the other process ends; when a machine loses power or a
// partition lies between, nobody tells them for many minutes, unless they send to a machine that knows of no such link (a reset). Machines are numbers here; what they say is not this file's business.
import type { Millis } from '../../src/core/env.ts'
import { MINUTE } from '../../src/core/limits.ts'
import type { Route } from '../../src/core/links/paths.ts'
import type { Prng } from './prng.ts'
import type { EventQueue } from './queue.ts'
import type { Kind, Traffic } from './traffic.ts'

export interface NetworkFaults {
  loss: number
  delay: { min: Millis; mean: Millis; max: Millis }
}

/**
 * How long TCP takes to give up on a path that takes what is sent and answers nothing: tcp_retries2 of Linux, as tcp(7) has it.
 * Nothing else tells: the product has no keep-alive but hello, so core must close such a link long before.
 */
export const SILENCE = { min: 13 * MINUTE, max: 30 * MINUTE } as const

/** A pulse: 8 random bytes, and the frames of muxer and noise. */
const PULSE_BYTES = 30
/** Until TCP sends again what was not acknowledged; doubled. */
const RETRANSMISSION: Millis = 200
/** Nobody waits for a pulse that was sent again after this. */
const PATIENCE: Millis = 2_000

/** What the network tells a machine. */
export interface Machine {
  /** Its process runs. */
  alive(): boolean
  linked(peer: number, address: string, direction: 'inbound' | 'outbound', way: Way): void
  /** The link goes on over another path, since the one it had is dead or worse. */
  moved(peer: number, address: string, direction: 'inbound' | 'outbound', way: Way): void
  unlinked(peer: number): void
}

/** How a link gets to its other end: undefined where a machine knows by itself. */
export interface Way {
  route: Route | undefined
  /** The machine that forwards it. */
  via: number | undefined
}

const STRAIGHT: Way = { route: undefined, via: undefined }

interface Cut {
  far: ReadonlySet<number>
  oneWay: boolean
}

export interface Link {
  readonly ends: readonly [number, number]
  /** Ends that still believe in it. */
  readonly open: Set<number>
  /** Since when nothing gets through, though nobody was told; undefined while it works. */
  dead: Millis | undefined
  readonly way: Way
  /** Nothing will ever get through again: an address that it went by is another one's now. */
  broken: boolean
}

export class Network {
  readonly traffic: Traffic
  readonly #queue: EventQueue
  readonly #prng: Prng
  readonly #faults: NetworkFaults
  readonly #machines: Machine[] = []
  readonly #links: Map<number, Link>[] = []
  readonly #cuts = new Set<Cut>()
  /** Counts the changes of each machine's links. */
  readonly #versions: number[] = []
  /** The longest that an end believed in a dead link before it closed it. */
  #slowestNotice: Millis = 0

  constructor(queue: EventQueue, prng: Prng, faults: NetworkFaults, traffic: Traffic) {
    this.#queue = queue
    this.#prng = prng
    this.#faults = faults
    this.traffic = traffic
  }

  /** Adds a machine and returns its number. */
  add(machine: Machine): number {
    this.#links.push(new Map())
    this.#versions.push(0)
    return this.#machines.push(machine) - 1
  }

  peers(node: number): IterableIterator<number> {
    return this.#linksOf(node).keys()
  }

  /** Another number whenever the links of `node` changed. */
  version(node: number): number {
    return this.#versions[node] as number
  }

  linked(node: number, peer: number): boolean {
    return this.#linksOf(node).has(peer)
  }

  /** The link that `node` believes it has with `peer`: the same object at both ends while both mean the same link. */
  link(node: number, peer: number): Link | undefined {
    return this.#linksOf(node).get(peer)
  }

  /** True when what `from` sends now does not reach `to`. */
  cut(from: number, to: number): boolean {
    for (const { far, oneWay } of this.#cuts) {
      if (far.has(from) !== far.has(to) && (!oneWay || far.has(from))) return true
    }
    return false
  }

  /** No handshake is possible: one of both directions is cut, so no acknowledgement comes back. */
  severed(a: number, b: number): boolean {
    return this.cut(a, b) || this.cut(b, a)
  }

  /** Both ends believe in their link, and what one sends reaches the other. */
  works(node: number, peer: number): boolean {
    const link = this.link(node, peer)
    return link !== undefined && this.link(peer, node) === link && !this.#dead(link)
  }

  /** A handshake between these is possible now, by this relay where one is named. */
  passes(a: number, b: number, via: number | undefined): boolean {
    if (via === undefined) return !this.severed(a, b)
    return this.#machine(via).alive() && !this.severed(a, via) && !this.severed(via, b)
  }

  /** One transmission's time. */
  delay(): Millis {
    const { min, mean, max } = this.#faults.delay
    return Math.min(max, Math.ceil(min + this.#prng.exponential(mean - min)))
  }

  /**
   * A link is up at both ends, unless both had one: then the second connection changes nothing for them. An end that still
   * believes in an earlier link, of which the other knows nothing any more, sees that one close first.
   */
  open(dialler: number, listener: number, address: string, way: Way = STRAIGHT): void {
    for (const [end, peer] of [
      [dialler, listener],
      [listener, dialler],
    ] as const) {
      this.#changed(end)
      const stale = this.#linksOf(end).get(peer)
      if (stale !== undefined && !stale.open.has(peer)) this.#drop(end, stale)
    }
    const link: Link = {
      ends: [dialler, listener],
      open: new Set([dialler, listener]),
      dead: undefined,
      way,
      broken: false,
    }
    for (const [end, peer] of [
      [dialler, listener],
      [listener, dialler],
    ] as const) {
      const known = this.#linksOf(end).has(peer)
      this.#linksOf(end).set(peer, link)
      if (!known) this.#machine(end).linked(peer, address, end === dialler ? 'outbound' : 'inbound', way)
    }
  }

  /** A link that works goes on over a better path. */
  move(dialler: number, listener: number, address: string, way: Way): void {
    const before = this.#linksOf(dialler).get(listener)
    if (before === undefined || this.#linksOf(listener).get(dialler) !== before || before.broken) return
    const link: Link = { ...before, open: new Set(before.open), way }
    for (const [end, peer] of [
      [dialler, listener],
      [listener, dialler],
    ] as const) {
      this.#linksOf(end).set(peer, link)
      this.#machine(end).moved(peer, address, end === dialler ? 'outbound' : 'inbound', way)
    }
  }

  /** Nothing will get through any more over the links between these machines and the others, and nobody says so: their address changed. */
  estrange(inside: ReadonlySet<number>): void {
    for (const node of inside) {
      for (const [peer, link] of this.#linksOf(node)) {
        if (inside.has(peer)) continue
        link.broken = true
        this.#noticeSilence(node, link)
        this.#noticeSilence(peer, link)
      }
    }
  }

  /** True when what `from` sends over this link now does not arrive. */
  #lost(link: Link, from: number): boolean {
    const { via } = link.way
    const to = otherEnd(link, from)
    if (via === undefined) return link.broken || this.cut(from, to)
    return link.broken || !this.#machine(via).alive() || this.cut(from, via) || this.cut(via, to)
  }

  #dead(link: Link): boolean {
    return this.#lost(link, link.ends[0]) || this.#lost(link, link.ends[1])
  }

  /**
   * Sends over the link that `from` believes it has with `to`; `arrive` runs on arrival. Lost without a word by chance, by a
   * cut, or because the other end is gone; the latter comes back as a reset.
   */
  send(from: number, to: number, kind: Kind, bytes: number, arrive: () => void): void {
    const link = this.#linksOf(from).get(to)
    if (link === undefined) return
    this.traffic.sent(kind, bytes)
    if (this.#lost(link, from) || this.#prng.chance(this.#faults.loss)) {
      this.traffic.lost++
      return
    }
    this.#queue.after(this.delay(), () => {
      if (this.#linksOf(to).get(from) === link) {
        this.traffic.arrived(kind, bytes)
        arrive()
      } else this.reset(from, link)
    })
  }

  /** The smallest question over a link, which TCP sends again when it is lost; `done` gets the round trip, or undefined when time is up. */
  pulse(from: number, to: number, timeout: Millis, done: (roundTrip: Millis | undefined) => void): void {
    const link = this.#linksOf(from).get(to)
    const asked = this.#queue.now
    let over = link === undefined
    const end = (roundTrip: Millis | undefined) => {
      if (!over) done(roundTrip)
      over = true
    }
    if (link === undefined) return this.#queue.after(0, () => done(undefined))
    this.#queue.after(timeout, () => end(undefined))
    const arrived = () => end(this.#queue.now - asked)
    this.#insist(from, to, link, RETRANSMISSION, () => this.#insist(to, from, link, RETRANSMISSION, arrived))
  }

  /** Sends a pulse over a link until it arrives, or nobody would wait for it any more. */
  #insist(from: number, to: number, link: Link, pause: Millis, arrive: () => void): void {
    if (this.#linksOf(from).get(to) !== link || pause > PATIENCE) return
    this.traffic.sent('pulse', PULSE_BYTES)
    if (this.#lost(link, from) || this.#prng.chance(this.#faults.loss)) {
      this.traffic.lost++
      return this.#queue.after(pause, () => this.#insist(from, to, link, 2 * pause, arrive))
    }
    this.#queue.after(this.delay(), () => {
      if (this.#linksOf(to).get(from) !== link) return this.reset(from, link)
      this.traffic.arrived('pulse', PULSE_BYTES)
      arrive()
    })
  }

  /** `from` sent something over `link` to a machine that runs and knows of no such link any more: a reset comes back. */
  reset(from: number, link: Link): void {
    const to = otherEnd(link, from)
    if (this.#machine(to).alive() && !this.#lost(link, to)) this.#drop(from, link)
  }

  /** `node` closes its link with `peer`: it knows at once, the other side hears of it. */
  close(node: number, peer: number): void {
    const link = this.#linksOf(node).get(peer)
    if (link === undefined) return
    this.#drop(node, link)
    this.#tellOther(node, peer, link)
  }

  /** The process at `node` ends properly; what it sent before still arrives. */
  leave(node: number): void {
    const links = [...this.#linksOf(node)]
    this.#queue.after(this.#faults.delay.max, () => {
      for (const [peer, link] of links) if (this.#linksOf(node).get(peer) === link) this.close(node, peer)
    })
  }

  /** The process at `node` ended, or its machine lost power: then nobody says so. */
  crash(node: number, silent: boolean): void {
    this.#changed(node)
    for (const [peer, link] of [...this.#linksOf(node)]) {
      link.open.delete(node)
      this.#linksOf(node).delete(peer)
      if (silent) this.#noticeSilence(peer, link)
      else this.#tellOther(node, peer, link)
    }
    this.#circuits((link) => link.way.via === node, silent)
  }

  /** What these links are forwarded by is gone: their ends notice, or do not. */
  #circuits(gone: (link: Link) => boolean, silent: boolean): void {
    for (const [end, links] of this.#links.entries()) {
      for (const link of links.values()) {
        if (!gone(link)) continue
        link.broken = true
        if (silent) this.#noticeSilence(end, link)
        else this.#queue.after(this.delay(), () => this.#drop(end, link))
      }
    }
  }

  /** One link of a node breaks by itself: both ends notice soon. */
  breakOne(node: number): void {
    const peer = this.#prng.pick([...this.#linksOf(node).keys()])
    if (peer !== undefined) this.close(node, peer)
  }

  /** Begins a partition; call the result to heal it. */
  part(far: ReadonlySet<number>, oneWay: boolean): () => void {
    const cut: Cut = { far, oneWay }
    this.#cuts.add(cut)
    for (const [node, links] of this.#links.entries()) {
      for (const link of links.values()) if (this.#dead(link)) this.#noticeSilence(node, link)
    }
    return () => {
      this.#cuts.delete(cut)
      this.#revive()
    }
  }

  /** The longest that any end believed in a dead link so far; ms. */
  slowestNotice(): Millis {
    const believed = this.#links.flatMap((links) => [...links.values()].map((link) => this.#believed(link)))
    return Math.max(this.#slowestNotice, ...believed)
  }

  #believed({ dead }: Link): Millis {
    return dead === undefined ? 0 : this.#queue.now - dead
  }

  /** After a while an end finds its link dead, unless it works again by then. */
  #noticeSilence(node: number, link: Link): void {
    const peer = otherEnd(link, node)
    link.dead ??= this.#queue.now
    this.#queue.after(this.#prng.int(SILENCE.min, SILENCE.max), () => {
      if (this.#dead(link) || !link.open.has(peer)) this.#drop(node, link)
    })
  }

  /** What both ends still believe in, and no other cut goes through, works again. */
  #revive(): void {
    for (const links of this.#links) {
      for (const link of links.values()) if (link.open.size === 2 && !this.#dead(link)) link.dead = undefined
    }
  }

  #tellOther(node: number, peer: number, link: Link): void {
    if (this.#lost(link, node)) this.#noticeSilence(peer, link)
    else this.#queue.after(this.delay(), () => this.#drop(peer, link))
  }

  #drop(node: number, link: Link): void {
    const peer = otherEnd(link, node)
    link.open.delete(node)
    if (this.#linksOf(node).get(peer) !== link) return
    this.#changed(node)
    this.#slowestNotice = Math.max(this.#slowestNotice, this.#believed(link))
    this.#linksOf(node).delete(peer)
    this.#machine(node).unlinked(peer)
    this.#carried(node, peer)
  }

  /** With the link between a machine and its relay end those that were forwarded over it. */
  #carried(node: number, peer: number): void {
    for (const [far, link] of [...this.#linksOf(node)]) if (link.way.via === peer) this.close(node, far)
    this.#circuits(({ way, ends }) => way.via === node && ends.includes(peer), false)
  }

  #changed(node: number): void {
    this.#versions[node] = this.version(node) + 1
  }

  #linksOf(node: number): Map<number, Link> {
    return this.#links[node] as Map<number, Link>
  }

  #machine(node: number): Machine {
    return this.#machines[node] as Machine
  }
}

function otherEnd(link: Link, node: number): number {
  return link.ends[0] === node ? link.ends[1] : link.ends[0]
}
