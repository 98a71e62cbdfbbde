// The gate between two machines: each shows its credential, judges the other's, and answers. The link opens when both admit.
// The same bytes travel as in the product (wire/credential); only the secured stream below them is left out.
import type { Millis } from '../../src/core/env.ts'
import { limits } from '../../src/core/limits.ts'
import type { Network, Way } from './network.ts'
import type { Prng } from './prng.ts'
import type { EventQueue } from './queue.ts'

/** One side of the gate, as ports/links GateKeeper has it but with judgement given back by a call. */
export interface Doorkeeper {
  alive(): boolean
  /** Number of the process: a handshake does not outlive it. */
  run(): number
  /** Machines of other zones cannot dial it. */
  hidden: boolean
  zone: string
  credential(): Uint8Array
  judge(remote: number, credential: Uint8Array, answer: (admitted: boolean, reply: Uint8Array) => void): void
  /** Takes the other side's reply; true when it admitted us. */
  answered(remote: number, reply: Uint8Array): boolean
}

export class Gate {
  readonly #queue: EventQueue
  readonly #network: Network
  readonly #prng: Prng
  readonly #loss: number
  readonly #doors: Doorkeeper[] = []

  constructor(queue: EventQueue, network: Network, prng: Prng, loss: number) {
    this.#queue = queue
    this.#network = network
    this.#prng = prng
    this.#loss = loss
  }

  /** Doorkeepers are added in the order of their machines. */
  add(door: Doorkeeper): void {
    this.#doors.push(door)
  }

  /** `dialler` tries to reach the machine `listener` (undefined: nobody has these addresses). */
  dial(
    dialler: number,
    listener: number | undefined,
    address: string,
    failed: (reason: string) => void,
    way: Way = { route: undefined, via: undefined },
  ): void {
    const run = this.#door(dialler).run()
    const fail = (after: Millis, reason: string) =>
      this.#queue.after(after, () => {
        if (this.#door(dialler).alive() && this.#door(dialler).run() === run) failed(reason)
      })
    const other = listener === undefined ? undefined : this.#door(listener)
    if (listener === undefined || other === undefined) return fail(limits.dialTimeout, 'nobody answers there')
    const { via } = way
    const hidden = via === undefined && other.hidden && other.zone !== this.#door(dialler).zone
    if (hidden || !this.#network.passes(dialler, listener, via) || this.#prng.chance(this.#loss))
      return fail(limits.dialTimeout, 'the dial timed out')
    if (!other.alive()) return fail(2 * this.#network.delay(), 'the connection was refused')
    this.#shake(dialler, listener, address, fail, way)
  }

  #shake(
    dialler: number,
    listener: number,
    address: string,
    fail: (after: Millis, reason: string) => void,
    way: Way,
  ): void {
    const runs = [this.#door(dialler).run(), this.#door(listener).run()]
    const intact = () =>
      this.#door(dialler).alive() &&
      this.#door(listener).alive() &&
      this.#door(dialler).run() === runs[0] &&
      this.#door(listener).run() === runs[1] &&
      this.#network.passes(dialler, listener, way.via)
    let verdicts = 0
    let admissions = 0
    const side = (from: number, to: number) => {
      const shown = this.#door(from).credential()
      this.#carry(shown, 2 * this.#network.delay(), intact, () => {
        this.#door(to).judge(from, shown, (admitted, reply) => {
          this.#carry(reply, this.#network.delay(), intact, () => {
            const welcome = this.#door(from).answered(to, reply)
            if (admitted && welcome) admissions++
            if (++verdicts < 2) return
            if (admissions === 2) this.#network.open(dialler, listener, address, way)
            else fail(0, 'the gate refused')
          })
        })
      })
    }
    this.#queue.after(limits.gateTimeout, () => {
      if (verdicts < 2) fail(0, 'the gate timed out')
    })
    side(dialler, listener)
    side(listener, dialler)
  }

  #carry(bytes: Uint8Array, delay: Millis, intact: () => boolean, arrive: () => void): void {
    this.#network.traffic.sent('gate', bytes.length)
    this.#queue.after(delay, () => {
      if (!intact()) return
      this.#network.traffic.arrived('gate', bytes.length)
      arrive()
    })
  }

  #door(machine: number): Doorkeeper {
    return this.#doors[machine] as Doorkeeper
  }
}
