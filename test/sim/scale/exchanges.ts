// What one machine does with another over a link of theirs: dial it through the gate, ask and answer, pulse, hang up. Everything that is said
// goes through the real codecs and into the ledger; what is lost on the way is noticed by who waits for it.
import type { Millis, NodeId } from '../../../src/core/env.ts'
import type { AnyRequest, AnyResponse, Effect } from '../../../src/core/events.ts'
import { limits } from '../../../src/core/limits.ts'
import type { ProtocolName } from '../../../src/core/protocols.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../../../src/wire/messages.ts'
import { Recent } from '../../../src/wire/recent.ts'
import type { Tickets } from '../tickets.ts'
import type { Kind } from './ledger.ts'
import type { Around, ScaleMachine } from './machine.ts'
import { CONNECTION, PULSE, STREAM } from './overhead.ts'
import { withSharedWords } from './shared-words.ts'

type Deed = Extract<Effect, { type: 'dial' | 'close' | 'ask' | 'pulse' }>

const KIND_OF: Record<ProtocolName, Kind> = { hello: 'hello', sync: 'question', query: 'question', history: 'question' }
/** Answers that carry documents and are remembered: a zone's memberships, as every mate gets them. */
const DOCUMENTS = 2_048
const documents = new Recent<string, AnyResponse>(DOCUMENTS)

export class Exchanges {
  readonly #a: Around
  readonly #machine: ScaleMachine
  readonly #tickets: Tickets

  constructor(around: Around, machine: ScaleMachine, tickets: Tickets) {
    this.#a = around
    this.#machine = machine
    this.#tickets = tickets
  }

  perform(effect: Deed): void {
    const peer = this.#a.enrolment.indexOf(effect.peer)
    switch (effect.type) {
      case 'dial':
        return this.#dial(peer, effect.peer)
      case 'close':
        return this.#close(peer)
      case 'ask':
        return this.#ask(peer, effect)
      case 'pulse':
        return this.#pulse(peer, effect.peer, effect.timeout)
    }
  }

  /** What it answers to a question: `done` gets the bytes when they leave here. */
  asked(peer: number, protocol: ProtocolName, bytes: Uint8Array, done: (bytes: Uint8Array) => void): void {
    const ticket = this.#tickets.expect('reply', (reply) => done(encodeResponse(reply)))
    this.#machine.feed({
      type: 'asked',
      ticket,
      peer: this.#node(peer),
      ...withSharedWords(decodeRequest(protocol, bytes)),
    })
  }

  /** It judges who dialled it, or whom it dialled. */
  judge(peer: number, done: (admitted: boolean) => void): void {
    const ticket = this.#tickets.expect('admit', ({ admission }) => done(admission.admitted))
    const { enrolment } = this.#a
    const { membership } = this.#a.machine(peer).id
    const witness = enrolment.by(membership.countersignature?.byMembership ?? '')?.membership
    const shown = { membership, witness, claimedMesh: enrolment.mesh.id }
    this.#machine.feed({ type: 'credential', ticket, remote: this.#node(peer), ...shown })
  }

  /** The link with `peer` is there. */
  opened(peer: number, direction: 'inbound' | 'outbound'): void {
    const { wires, topics } = this.#a
    const { id } = this.#machine
    wires.open(id.index, peer, direction === 'outbound')
    topics.relinked(id.index, peer)
    const { address, site } = this.#a.machine(peer).id
    const route = site === id.site ? 'lan' : 'direct'
    this.#machine.feed({ type: 'connected', peer: this.#node(peer), address, direction, route })
  }

  #dial(peer: number, node: NodeId): void {
    const { wires, prng, loss } = this.#a
    const self = this.#machine.id.index
    const fail = (after: Millis, reason: string) =>
      this.#machine.later(after, () => this.#machine.feed({ type: 'dialFailed', peer: node, reason }))
    if (peer < 0 || !wires.joined(self, peer)) return fail(limits.dialTimeout, 'the dial timed out')
    const round = wires.delay(self, peer) + wires.delay(peer, self)
    if (wires.presence(peer) !== 'running') return fail(round, 'the connection was refused')
    // A SYN that is lost is sent again after a second.
    this.#machine.later(round + (prng.chance(loss) ? 1_000 : 0), () => this.#shake(peer, 2 * round, fail))
  }

  #shake(peer: number, time: Millis, fail: (after: Millis, reason: string) => void): void {
    const { wires } = this.#a
    const [self, other] = [this.#machine, this.#a.machine(peer)]
    const { index } = self.id
    if (!wires.passes(index, peer) || other.free - this.#a.queue.now > limits.gateTimeout)
      return fail(limits.gateTimeout, 'the gate timed out')
    this.#count(peer, 'gate', CONNECTION + self.id.credential, CONNECTION + other.id.credential)
    const run = other.run
    let admissions = 0
    const admitted = (one: boolean) => {
      admissions += one ? 1 : 0
      if (admissions < 2 || other.run !== run || !wires.passes(index, peer)) return
      if (wires.linked(index, peer) && wires.linked(peer, index)) return
      other.exchanges.opened(index, 'inbound')
      this.opened(peer, 'outbound')
    }
    self.later(time, () => {
      this.judge(peer, admitted)
      other.exchanges.judge(index, admitted)
    })
    self.later(time + limits.gateTimeout, () => {
      if (admissions < 2) fail(0, 'the gate timed out or refused')
    })
  }

  #close(peer: number): void {
    const { wires, queue } = this.#a
    const { index } = this.#machine.id
    this.#machine.later(0, () => {
      if (!wires.linked(index, peer)) return
      this.#machine.lost(peer)
      const told = wires.passes(index, peer)
      if (told) queue.after(wires.delay(index, peer), () => this.#a.machine(peer).lost(index))
    })
  }

  #ask(peer: number, request: { ticket: number; peer: NodeId } & AnyRequest): void {
    const { wires } = this.#a
    const { ticket, protocol } = request
    const self = this.#machine.id.index
    const fail = (after: Millis, reason: string) =>
      this.#machine.later(after, () => {
        if (answered) return
        answered = true
        this.#machine.feed({ type: 'askFailed', ticket, peer: request.peer, protocol, reason })
      })
    let answered = false
    if (!wires.linked(self, peer)) return fail(0, 'there is no link')
    const bytes = encodeRequest(request)
    fail(limits.requestTimeout, 'nothing came back in time')
    this.#say(self, peer, KIND_OF[protocol], bytes.length + STREAM, () =>
      this.#a.machine(peer).exchanges.asked(self, protocol, bytes, (answer) =>
        this.#say(peer, self, KIND_OF[protocol], answer.length + STREAM, () => {
          if (answered) return
          answered = true
          this.#machine.feed({ type: 'answered', ticket, peer: request.peer, ...responseOf(protocol, answer) })
        }),
      ),
    )
  }

  #pulse(peer: number, node: NodeId, timeout: Millis): void {
    const { wires, queue } = this.#a
    const self = this.#machine.id.index
    const sent = queue.now
    let over = false
    const end = (missed: boolean) => {
      if (over) return
      over = true
      // Whose process stood still finds its timer first, and then what came meanwhile.
      const late = this.#machine.free >= sent + timeout
      if (missed || late) this.#machine.feed({ type: 'pulseMissed', peer: node })
      else this.#machine.feed({ type: 'pulsed', peer: node, roundTrip: queue.now - sent })
    }
    this.#machine.later(timeout, () => end(true))
    if (!wires.linked(self, peer)) return
    this.#say(self, peer, 'pulse', PULSE, () => {
      const other = this.#a.machine(peer)
      other.later(other.free - queue.now, () => this.#say(peer, self, 'pulse', PULSE, () => end(false)))
    })
  }

  /** One transmission. */
  #say(from: number, to: number, kind: Kind, bytes: number, arrive: () => void): void {
    const { wires, ledger, queue, prng, loss } = this.#a
    const wan = wires.isWan(from, to)
    ledger.out(from, kind, bytes, wan)
    if (!wires.passes(from, to) || prng.chance(loss)) return
    const { run } = this.#a.machine(to)
    queue.after(wires.delay(from, to), () => {
      if (this.#a.machine(to).run !== run) return
      ledger.in(to, kind, bytes, wan)
      arrive()
    })
  }

  /** Bytes each way with a peer. */
  #count(peer: number, kind: Kind, out: number, back: number): void {
    const { ledger, wires } = this.#a
    const { index } = this.#machine.id
    const wan = wires.isWan(index, peer)
    ledger.out(index, kind, out, wan)
    ledger.in(peer, kind, out, wan)
    ledger.out(peer, kind, back, wan)
    ledger.in(index, kind, back, wan)
  }

  #node(peer: number): NodeId {
    return this.#a.machine(peer).node
  }
}

/** The same documents are parsed once, and shared by all who got them. */
function responseOf(protocol: ProtocolName, bytes: Uint8Array): AnyResponse {
  if (protocol !== 'sync') return withSharedWords(decodeResponse(protocol, bytes))
  return documents.get(Buffer.from(bytes).toString('latin1'), () => decodeResponse(protocol, bytes))
}
