// Rivals: a member shows up in the gate although there is a link with it. Either its end of that link is gone, or a second
// machine has its key. Who holds the other end of the link is asked, and an answer proves that both live: the newcomer is turned
// away, so that two machines with one key do not push each other off. Silence proves nothing: then the newcomer is judged. Nor is
// anybody asked when both ends of the link agreed to replace it: then the one that answers there is the newcomer.
import type { Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Greetings } from '../links/greetings.ts'
import type { Links } from '../links/links.ts'
import type { Watchdog } from '../links/watchdog.ts'
import type { Gatekeeper, Shown } from './gatekeeper.ts'

type Watched = Pick<Watchdog, 'patience' | 'doubts'>

interface Rival {
  /** Of the gate that waits. */
  gate: Ticket
  remote: NodeId
  shown: Shown
  until: Millis
}

export class Rivals {
  readonly #links: Links
  readonly #greetings: Greetings
  readonly #gatekeeper: Gatekeeper
  readonly #watchdog: Watched | undefined
  /** By the ticket of the question to the other end. */
  readonly #waiting = new Map<Ticket, Rival>()

  /** @param watchdog what is known of the path of a link */
  constructor(links: Links, greetings: Greetings, gatekeeper: Gatekeeper, watchdog?: Watched) {
    this.#watchdog = watchdog
    this.#links = links
    this.#greetings = greetings
    this.#gatekeeper = gatekeeper
  }

  /** Gates that wait. */
  get size(): number {
    return this.#waiting.size
  }

  /** Judges what `remote` showed in the gate, at once or when the other end of its link answered or did not. */
  judge(gate: Ticket, remote: NodeId, shown: Shown, now: Millis, replaces = false): void {
    const link = this.#links.get(remote)
    // A younger link may come of two dials that crossed: of one machine, both within the time of one handshake.
    const young = link === undefined || now - link.since < limits.addressDialTimeout
    // One that is in doubt already is asked no more: whoever shows up is its other end.
    if (replaces || young || this.#watchdog?.doubts(remote) === true) {
      return this.#gatekeeper.judge(gate, remote, shown, now)
    }
    const patience = Math.min(limits.rivalTimeout, this.#watchdog?.patience(remote) ?? limits.rivalTimeout)
    this.#waiting.set(this.#greetings.ask(remote, now), { gate, remote, shown, until: now + patience })
  }

  /** An answer came over a link. */
  answered(question: Ticket, now: Millis): void {
    const rival = this.#waiting.get(question)
    if (!this.#waiting.delete(question) || rival === undefined) return
    this.#gatekeeper.turnAway(rival.gate, rival.remote, now)
  }

  failed(question: Ticket, now: Millis): void {
    const rival = this.#waiting.get(question)
    if (!this.#waiting.delete(question) || rival === undefined) return
    this.#gatekeeper.judge(rival.gate, rival.remote, rival.shown, now)
  }

  unlinked(peer: NodeId, now: Millis): void {
    for (const [question, { remote }] of this.#waiting) if (remote === peer) this.failed(question, now)
  }

  deadline(): Millis | undefined {
    const times = [...this.#waiting.values()].map(({ until }) => until)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  check(now: Millis): void {
    for (const [question, { until }] of this.#waiting) if (now >= until) this.failed(question, now)
  }
}
