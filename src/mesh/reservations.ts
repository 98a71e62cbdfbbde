// Reservations: what relays have promised us. Each is a stream that we keep open; when it ends although the link is there, the relay took
// its promise back, and says why in a last message if it can.
import type { Stream } from '@libp2p/interface'
import type { NodeId } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { relayOf } from '../core/links/paths.ts'
import { decodeRelayAnswer, encodeRelayRequest, type RelayAnswer } from '../wire/relay.ts'
import { bareAddress, isRelayed, parseAddress } from './addresses.ts'
import { boundedFrames } from './frames.ts'
import type { Pairing } from './pairing.ts'
import { RELAY_PROTOCOL } from './relay.ts'

export type Unreserved = (relay: NodeId, why: 'full' | 'refused' | 'lost', detail: string) => void

const GIVEN_BACK = new Failure('E_NO_MEMBER', 'the reservation was given back')

export class Reservations {
  readonly #pairing: Pairing
  readonly #unreserved: Unreserved
  readonly #held = new Map<NodeId, Stream>()

  constructor(pairing: Pairing, unreserved: Unreserved) {
    this.#pairing = pairing
    this.#unreserved = unreserved
  }

  /** Whether that relay may hand us callers. */
  with(relay: NodeId): boolean {
    return this.#held.has(relay)
  }

  /**
   * Resolves with our addresses through the relay. Rejects with Failure E_RELAY_FULL, E_REFUSED, or E_NO_MEMBER.
   */
  async reserve(relay: NodeId, signal: AbortSignal): Promise<readonly string[]> {
    const connection = this.#pairing.connection(relay)
    if (connection === undefined) throw new Failure('E_NO_MEMBER', `there is no link with ${relay} to reserve over`)
    const dialled = bareAddress(connection.remoteAddr)
    if (isRelayed(connection.remoteAddr)) throw new Failure('E_REFUSED', `${relay} is itself reached over a relay`)
    this.release(relay)
    const stream = await this.#open(relay, signal)
    try {
      const frames = boundedFrames(stream, limits.relayMessageBytes, limits.relayMessageBytes)
      await frames.write(encodeRelayRequest({ type: 'reserve' }), { signal })
      const answer = decodeRelayAnswer((await frames.read({ signal })).slice())
      const told = connection.direction === 'outbound' ? [dialled, ...answer.addresses] : answer.addresses
      const addresses = relayedAddresses(relay, told)
      if (answer.status !== 'ok') throw refusal(relay, answer)
      if (addresses.length === 0) throw new Failure('E_REFUSED', `${relay} does not know where others can dial it`)
      this.#hold(relay, stream, () => frames.read())
      return addresses
    } catch (error) {
      stream.abort(GIVEN_BACK)
      throw error instanceof Failure ? error : new Failure('E_NO_MEMBER', `${relay} did not answer`, { cause: error })
    }
  }

  /** No event follows. */
  release(relay: NodeId): void {
    const stream = this.#held.get(relay)
    this.#held.delete(relay)
    stream?.close().catch(() => stream.abort(GIVEN_BACK))
  }

  async #open(relay: NodeId, signal: AbortSignal): Promise<Stream> {
    const connection = this.#pairing.connection(relay)
    try {
      if (connection === undefined) throw GIVEN_BACK
      return await connection.newStream([RELAY_PROTOCOL], { signal })
    } catch (error) {
      const old = error instanceof Error && error.name === 'UnsupportedProtocolError'
      throw new Failure(old ? 'E_REFUSED' : 'E_NO_MEMBER', `${relay} does not relay`, { cause: error })
    }
  }

  /** Waits for what the relay says last. */
  #hold(relay: NodeId, stream: Stream, last: () => Promise<{ slice(): Uint8Array }>): void {
    this.#held.set(relay, stream)
    const over = (why: 'full' | 'refused' | 'lost', detail: string) => {
      if (this.#held.get(relay) !== stream) return
      this.#held.delete(relay)
      stream.abort(GIVEN_BACK)
      if (this.#pairing.connection(relay)?.status === 'open') this.#unreserved(relay, why, detail)
    }
    last().then(
      (bytes) => {
        const { why, detail } = farewell(relay, bytes.slice())
        over(why, detail)
      },
      (error: Error) => over('lost', `the reservation with ${relay} ended: ${error.message}`),
    )
  }
}

/** Ours through that relay: as many as leave room for our own addresses, and for another relay's. */
function relayedAddresses(relay: NodeId, addresses: readonly string[]): string[] {
  const usable = addresses.filter((text) => parseAddress(text) !== undefined && relayOf(text) === undefined)
  const relayed = [...new Set(usable)].map((text) => `${text}/p2p/${relay}/p2p-circuit`)
  return relayed.filter((text) => parseAddress(text) !== undefined).slice(0, limits.relayAddresses)
}

function refusal(relay: NodeId, { status }: RelayAnswer): Failure {
  if (status === 'full') return new Failure('E_RELAY_FULL', `${relay} relays for as many as its budget allows`)
  return new Failure('E_REFUSED', `${relay} does not relay`)
}

function farewell(relay: NodeId, bytes: Uint8Array): { why: 'full' | 'refused' | 'lost'; detail: string } {
  try {
    const answer = decodeRelayAnswer(bytes)
    const why = answer.status === 'full' ? 'full' : 'refused'
    return { why, detail: refusal(relay, answer).message }
  } catch {
    return { why: 'lost', detail: `the reservation with ${relay} ended` }
  }
}
