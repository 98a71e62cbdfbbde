// Requests and responses of one simulated machine: over a link, through the real codecs, each of them late, lost or too late.
import type { NodeId } from '../../src/core/env.ts'
import type { AnyResponse, Effect, Input, Ticket } from '../../src/core/events.ts'
import { Failure } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
import type { ProtocolName } from '../../src/core/protocols.ts'
import { decodeRequest, encodeRequest, encodeResponse } from '../../src/wire/messages.ts'
import type { Liar } from './liar.ts'
import type { Surroundings } from './surroundings.ts'
import type { Tickets } from './tickets.ts'

type Ask = Extract<Effect, { type: 'ask' }>
type Asked = Map<Ticket, { peer: number; node: NodeId; protocol: ProtocolName }>

export class SimStreams {
  readonly #world: Surroundings
  readonly #index: number
  readonly #tickets: Tickets
  readonly #feed: (input: Input) => void
  readonly #liar: Liar | undefined
  /** Requests under way and whom they went to; replaced as a whole when the process ends. */
  #asked: Asked = new Map()

  /** @param liar spoils what is sent. */
  constructor(
    world: Surroundings,
    index: number,
    tickets: Tickets,
    feed: (input: Input) => void,
    liar: Liar | undefined,
  ) {
    this.#world = world
    this.#index = index
    this.#tickets = tickets
    this.#feed = feed
    this.#liar = liar
  }

  ask(ask: Ask): void {
    const { network, queue } = this.#world
    const { ticket, protocol } = ask
    const peer = this.#world.indexOf(ask.peer)
    const request = encodeRequest(this.#liar?.request(ask) ?? ask)
    const asked = this.#asked
    asked.set(ticket, { peer, node: ask.peer, protocol })
    const linked = network.linked(this.#index, peer)
    const [patience, reason] = linked ? [limits.requestTimeout, 'no answer in time'] : [0, 'there is no link']
    queue.after(patience, () => this.#fail(asked, ticket, reason))
    network.send(this.#index, peer, protocol, request.length, () =>
      this.#world.machine(peer).streams.serve(this.#index, protocol, request, (response) => {
        if (asked.has(ticket)) this.#answered(asked, ask, response)
      }),
    )
  }

  /** A request of `asker` arrived; the answer goes back over the same link and is then handed to `arrive`. */
  serve(asker: number, protocol: ProtocolName, request: Uint8Array, arrive: (response: Uint8Array) => void): void {
    const asked = decodeRequest(protocol, request)
    const ticket = this.#tickets.expect('reply', (reply) => {
      const response = encodeResponse(this.#liar?.response(asked, reply) ?? reply)
      this.#world.network.send(this.#index, asker, protocol, response.length, () => arrive(response))
    })
    this.#feed({ type: 'asked', ticket, peer: this.#world.nodeOf(asker), ...asked })
  }

  /** The link with a peer closed: its streams end with it. */
  unlinked(peer: number): void {
    for (const [ticket, asked] of [...this.#asked])
      if (asked.peer === peer) this.#fail(this.#asked, ticket, 'the link closed')
  }

  /** The process ended. */
  clear(): void {
    this.#asked.clear()
    this.#asked = new Map()
  }

  /** What does not parse is no answer. */
  #answered(asked: Asked, { ticket, peer, protocol }: Ask, bytes: Uint8Array): void {
    let response: AnyResponse
    try {
      response = this.#world.responseOf(protocol, bytes)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      return this.#fail(asked, ticket, error.message)
    }
    asked.delete(ticket)
    this.#feed({ type: 'answered', ticket, peer, ...response })
  }

  #fail(asked: Asked, ticket: Ticket, reason: string): void {
    const request = asked.get(ticket)
    if (request === undefined) return
    asked.delete(ticket)
    const { node, protocol } = request
    this.#feed({ type: 'askFailed', ticket, peer: node, protocol, reason })
  }
}
