// The watchdog: notices that a path is dead although nobody says so. Links to the outside are pulsed in turn, so that the cost does
// not grow with their number, and whatever else is heard over a link counts as well. One pulse that is missed is suspicion: all
// others that were silent since are pulsed at once. Who misses twice is dead; and once one is, while nothing at all comes from
// outside, so is everybody who missed once: then it is our own way out that is gone. Each link is also pulsed once in
// `measurePeriod`, whatever else comes over it: its round trip is shown to people. On the LAN such a pulse blames nobody.
import type { Env, Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import { type Path, type Route, relayOf } from './paths.ts'

interface Watched {
  route: Route
  /** The member that forwards what comes over this link. */
  carrier: NodeId | undefined
  /** When anything last came from it. */
  heard: Millis
  /** When the pulse that is under way was sent, and how long it may take. */
  asked: Millis | undefined
  patience: Millis
  /** Pulses in a row that were missed while nothing else came. */
  misses: number
  /** The pulse under way only measures: that it is missed says nothing. */
  measures: boolean
  /** When it was last pulsed. */
  pulsed: Millis
  /** Of the last pulse that was answered; and the slowest lately, which sets the patience. */
  roundTrip: RoundTrip | undefined
  slowest: Millis | undefined
}

/** Until a pulse was answered, and when that was. */
export interface RoundTrip {
  time: Millis
  measured: Millis
}

interface Parts {
  env: Pick<Env, 'random'>
  out: Outbox
  /** True for a peer with whom pieces are exchanged: a pulse waits behind them. */
  inUse: (peer: NodeId) => boolean
  /** It is about to be closed because nothing comes over it. */
  died: (peer: NodeId) => void
}

export class Watchdog {
  readonly #p: Parts
  readonly #watched = new Map<NodeId, Watched>()
  /** When the next link has its turn. */
  #turn: Millis | undefined
  /** When the pulse was sent by whose silence others came under suspicion. */
  #suspicion: Millis | undefined
  /** A link was found dead since. */
  #found = false
  /** When others were last pulsed because a link had ended. */
  #alarmed: Millis | undefined

  constructor(parts: Parts) {
    this.#p = parts
  }

  get size(): number {
    return this.#watched.size
  }

  /** A link opened, or goes on over another path: its first pulse says how long one takes. */
  opened(peer: NodeId, { address, route }: Path, now: Millis): void {
    const fresh = { asked: undefined, patience: 0, misses: 0, roundTrip: undefined, slowest: undefined }
    const watched = { route, carrier: relayOf(address), heard: now, measures: false, pulsed: now, ...fresh }
    this.#watched.set(peer, watched)
    this.#pulse(peer, watched, now)
    this.#turn = Math.min(this.#turn ?? Number.POSITIVE_INFINITY, this.#nextTurn(now))
  }

  closed(peer: NodeId, now: Millis): void {
    const watched = this.#watched.get(peer)
    this.#watched.delete(peer)
    if (this.#watched.size === 0) this.#turn = undefined
    if (watched !== undefined && this.#outside(watched)) this.#alarm(now)
  }

  /** What ended one link may have ended others: a NAT that forgot us says so on those only that are spoken over. */
  #alarm(now: Millis): void {
    if (this.#alarmed !== undefined && now - this.#alarmed < limits.alarmPause) return
    this.#alarmed = now
    const silent = [...this.#watched].filter(([, watched]) => this.#outside(watched) && watched.asked === undefined)
    silent.sort(([, a], [, b]) => a.heard - b.heard)
    for (const [peer, watched] of silent.slice(0, limits.alarmPulses)) this.#pulse(peer, watched, now)
  }

  /** Something came over the link; so it did over the one that carries it. */
  heard(peer: NodeId, now: Millis): void {
    const watched = this.#watched.get(peer)
    if (watched === undefined) return
    watched.heard = now
    watched.misses = 0
    const carrier = watched.carrier === undefined ? undefined : this.#watched.get(watched.carrier)
    if (carrier === undefined) return
    carrier.heard = now
    carrier.misses = 0
  }

  /** @param roundTrip until the other end answered */
  pulsed(peer: NodeId, roundTrip: Millis, now: Millis): void {
    const watched = this.#watched.get(peer)
    if (watched === undefined) return
    watched.asked = undefined
    watched.roundTrip = { time: roundTrip, measured: now }
    watched.slowest = Math.max(roundTrip, 0.75 * (watched.slowest ?? 0) + 0.25 * roundTrip)
    this.heard(peer, now)
  }

  missed(peer: NodeId, now: Millis): void {
    const watched = this.#watched.get(peer)
    if (watched?.asked === undefined) return
    const { asked, patience } = watched
    // One of the path that the link had before; or an old pimesh, which knows no pulse and says so at once.
    if (now - asked < patience * 0.9) return
    watched.asked = undefined
    if (watched.heard > asked || watched.measures) return
    // We were late to look: what came meanwhile may wait to be read.
    if (now - asked > patience + limits.pulseLate) return this.#pulse(peer, watched, now)
    watched.misses += 1
    if (this.#isDead(peer, watched, now)) this.#close(peer, watched)
    else {
      this.#suspect(asked, now)
      if (watched.asked === undefined) this.#pulse(peer, watched, now)
    }
  }

  /** Addresses of this machine came or went: all links are in doubt, also those on the LAN. */
  networkChanged(now: Millis): void {
    for (const [peer, watched] of this.#watched) {
      if (watched.asked === undefined || watched.measures) this.#pulse(peer, watched, now)
    }
  }

  /** True for a link over which a pulse was missed and nothing came since. */
  doubts(peer: NodeId): boolean {
    return (this.#watched.get(peer)?.misses ?? 0) > 0
  }

  /** How long an answer of this peer may take. */
  patience(peer: NodeId): Millis {
    const slowest = this.#watched.get(peer)?.slowest
    if (slowest === undefined) return limits.pulseTimeout
    return Math.min(limits.pulseTimeout, limits.pulseSlack + limits.pulseRoundTrips * slowest)
  }

  /** Undefined before the first answer. */
  roundTrip(peer: NodeId): RoundTrip | undefined {
    return this.#watched.get(peer)?.roundTrip
  }

  /**
   * This process stood still for so long: nobody is to blame for the silence. Whether anything still gets through is asked anew,
   * as routers forget connections over which nothing goes.
   */
  forgive(gap: Millis, now: Millis): void {
    for (const [peer, watched] of this.#watched) {
      watched.heard = Math.min(now, watched.heard + gap)
      if (this.#outside(watched) || watched.asked !== undefined)
        this.#pulse(peer, watched, now, !this.#outside(watched))
    }
  }

  deadline(): Millis | undefined {
    return this.#turn
  }

  check(now: Millis): void {
    if (this.#turn === undefined || now < this.#turn) return
    this.#turn = this.#nextTurn(now)
    let next: [NodeId, Watched] | undefined
    for (const [peer, watched] of this.#watched) {
      // A pulse whose outcome did not count is as good as not sent.
      if (watched.asked !== undefined && now - watched.asked > limits.requestTimeout) watched.asked = undefined
      if (!this.#outside(watched) || watched.asked !== undefined) continue
      if (next === undefined || watched.heard < next[1].heard) next = [peer, watched]
    }
    if (next !== undefined && now - next[1].heard >= limits.pulsePeriod / 2) this.#pulse(...next, now)
    this.#measure(now)
  }

  /** Links that were not pulsed for half a period, as they are on the LAN or something else came over them. */
  #measure(now: Millis): void {
    for (const [peer, watched] of this.#watched) {
      const due = watched.asked === undefined && now - watched.pulsed >= limits.measurePeriod / 2
      if (due) this.#pulse(peer, watched, now, !this.#outside(watched))
    }
  }

  /** All links to the outside that were silent since then. */
  #suspect(since: Millis, now: Millis): void {
    if (this.#suspicion === undefined || this.#heardOutside(this.#suspicion)) {
      this.#suspicion = since
      this.#found = false
    }
    for (const [peer, watched] of this.#watched) {
      const silent = this.#outside(watched) && watched.heard <= since && watched.asked === undefined
      if (silent) this.#pulse(peer, watched, now)
    }
  }

  #isDead(peer: NodeId, watched: Watched, now: Millis): boolean {
    const busy = this.#p.inUse(peer) || this.#carries(peer)
    if (busy && now - watched.heard < limits.busySilence) return false
    return watched.misses >= limits.pulsesMissed || (this.#found && !this.#heardOutside(this.#suspicion ?? now))
  }

  /** True when pieces travel over a link that this peer carries. */
  #carries(peer: NodeId): boolean {
    for (const [other, { carrier }] of this.#watched) if (carrier === peer && this.#p.inUse(other)) return true
    return false
  }

  /** Should the link survive that, its turn comes again. */
  #close(peer: NodeId, watched: Watched): void {
    this.#found = true
    watched.misses = 0
    this.#p.died(peer)
    this.#p.out.emit({ type: 'close', peer, reason: 'silent' })
  }

  #pulse(peer: NodeId, watched: Watched, now: Millis, measures = false): void {
    Object.assign(watched, { asked: now, pulsed: now, measures })
    watched.patience = this.patience(peer)
    this.#p.out.emit({ type: 'pulse', peer, timeout: watched.patience })
  }

  #heardOutside(since: Millis): boolean {
    for (const watched of this.#watched.values()) if (this.#outside(watched) && watched.heard > since) return true
    return false
  }

  #outside({ route }: Watched): boolean {
    return route !== 'lan'
  }

  #hasOutside(): boolean {
    for (const watched of this.#watched.values()) if (this.#outside(watched)) return true
    return false
  }

  /** Jittered, so that a site's nodes don't pulse in chorus. */
  #nextTurn(now: Millis): Millis {
    const period = this.#hasOutside() ? limits.pulsePeriod : limits.measurePeriod / 2
    return now + period * (0.9 + 0.1 * this.#p.env.random())
  }
}
