// Requests and responses of one simulated machine: over a link, through the real codecs, each of them late, lost or too late.
import type { NodeId } from '../../src/core/env.ts'
import type { Effect, Input, Ticket } from '../../src/core/events.ts'
import { limits } from '../../src/core/limits.ts'
import type { ProtocolName } from '../../src/core/protocols.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../../src/wire/messages.ts'
import type { Surroundings } from './surroundings.ts'
import type { Tickets } from './tickets.ts'

type Ask = Extract<Effect, { type: 'ask' }>
type Asked = Map<Ticket, { peer: number; node: NodeId; protocol: ProtocolName }>

export class SimStreams {
  readonly #world: Surroundings
  readonly #index: number
  readonly #tickets: Tickets
  readonly #feed: (input: Input) => void
  /** Requests under way and whom they went to; replaced as a whole when the process ends. */
  #asked: Asked = new Map()

  constructor(world: Surroundings, index: number, tickets: Tickets, feed: (input: Input) => void) {
    this.#world = world
    this.#index = index
    this.#tickets = tickets
    this.#feed = feed
  }

  ask(ask: Ask): void {
    const { network, queue } = this.#world
    const { ticket, protocol } = ask
    const peer = this.#world.indexOf(ask.peer)
    const request = encodeRequest(ask)
    const asked = this.#asked
    asked.set(ticket, { peer, node: ask.peer, protocol })
    const linked = network.linked(this.#index, peer)
    const [patience, reason] = linked ? [limits.requestTimeout, 'no answer in time'] : [0, 'there is no link']
    queue.after(patience, () => this.#fail(asked, ticket, reason))
    network.send(this.#index, peer, protocol, request.length, () =>
      this.#world.machine(peer).streams.serve(this.#index, protocol, request, (response) => {
        if (asked.delete(ticket))
          this.#feed({ type: 'answered', ticket, peer: ask.peer, ...decodeResponse(protocol, response) })
      }),
    )
  }

  /** A request of `asker` arrived; the answer goes back over the same link and is then handed to `arrive`. */
  serve(asker: number, protocol: ProtocolName, request: Uint8Array, arrive: (response: Uint8Array) => void): void {
    const ticket = this.#tickets.expect('reply', (reply) => {
      const response = encodeResponse(reply)
      this.#world.network.send(this.#index, asker, protocol, response.length, () => arrive(response))
    })
    this.#feed({ type: 'asked', ticket, peer: this.#world.nodeOf(asker), ...decodeRequest(protocol, request) })
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

  #fail(asked: Asked, ticket: Ticket, reason: string): void {
    const request = asked.get(ticket)
    if (request === undefined) return
    asked.delete(ticket)
    const { node, protocol } = request
    this.#feed({ type: 'askFailed', ticket, peer: node, protocol, reason })
  }
}
