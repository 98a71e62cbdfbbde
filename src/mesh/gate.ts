// The gate: a connection encrypter that lets noise prove the keys, and then both sides show their membership on the secured
// stream. Only when each has admitted the other does libp2p learn of the connection (clauses LINK 1 and 2; docs/decisions/0003).
import type { ConnectionEncrypter, MessageStream, SecureConnectionOptions, SecuredConnection } from '@libp2p/interface'
import type { Millis, NodeId } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { GateKeeper } from '../ports/links.ts'
import { boundedFrames } from './frames.ts'
import type { Pairing, Turn } from './pairing.ts'

export const GATE_PROTOCOL = '/pimesh/noise/1'

type Direction = 'inbound' | 'outbound'

export interface GateOptions {
  nodeId: NodeId
  keeper: GateKeeper
  pairing: Pairing
  /** The whole exchange. */
  timeout: Millis
}

export class Gate implements ConnectionEncrypter {
  readonly protocol = GATE_PROTOCOL
  readonly #noise: ConnectionEncrypter
  readonly #options: GateOptions
  readonly #reasons = new Map<NodeId, unknown>()
  /** Signals of dials that only prove a key, and whether they have. */
  readonly #proofs = new WeakMap<AbortSignal, boolean>()

  constructor(noise: ConnectionEncrypter, options: GateOptions) {
    this.#noise = noise
    this.#options = options
  }

  secureInbound(stream: MessageStream, options?: SecureConnectionOptions): Promise<SecuredConnection> {
    return this.#pass('inbound', this.#noise.secureInbound(stream, options), options?.signal)
  }

  async secureOutbound(stream: MessageStream, options?: SecureConnectionOptions): Promise<SecuredConnection> {
    const signal = options?.signal
    const remote = options?.remotePeer?.toString()
    if (remote !== undefined && this.#options.pairing.dials(remote)) {
      throw new Failure('E_REFUSED', `${remote} is at its gate with us at another address already`)
    }
    const secured = this.#noise.secureOutbound(stream, options)
    if (signal !== undefined && this.#proofs.has(signal)) return await this.#prove(secured, signal)
    try {
      return await this.#pass('outbound', secured, signal)
    } catch (error) {
      if (remote !== undefined) this.#reasons.set(remote, error)
      throw error
    }
  }

  /**
   * Whether who is behind what `dial` dials, with this signal, has the key that it dialled for. The connection ends there: it is
   * no link, and nothing is shown in the gate. Never rejects.
   */
  async proves(signal: AbortSignal, dial: () => Promise<unknown>): Promise<boolean> {
    this.#proofs.set(signal, false)
    await dial().catch(() => undefined)
    return this.#proofs.get(signal) === true
  }

  async #prove(secure: Promise<SecuredConnection>, signal: AbortSignal): Promise<never> {
    const proven = new Failure('E_REFUSED', 'the key is proven, and that was all')
    const { connection } = await secure
    this.#proofs.set(signal, true)
    connection.abort(proven)
    throw proven
  }

  /** Why the last dial to the peer ended in the gate, once: libp2p passes on no more than its message. */
  takeReason(peer: NodeId): unknown {
    const reason = this.#reasons.get(peer)
    this.#reasons.delete(peer)
    return reason
  }

  async #pass(direction: Direction, secure: Promise<SecuredConnection>, signal: AbortSignal | undefined) {
    const secured = await secure
    const { nodeId, keeper, pairing, timeout } = this.#options
    const remote = secured.remotePeer.toString()
    try {
      if (remote === nodeId) throw new Failure('E_REFUSED', 'this is our own address: a node does not link to itself')
      const bounds = [AbortSignal.timeout(timeout), ...(signal === undefined ? [] : [signal])]
      const entered: { turn?: Turn } = {}
      const enter = () => {
        entered.turn ??= pairing.enter(remote, direction)
        return entered.turn
      }
      let passed: MessageStream | undefined
      if (direction === 'outbound') enter()
      try {
        const connection = await exchange(secured.connection, {
          remote,
          keeper,
          enter,
          signal: AbortSignal.any(bounds),
        })
        await enter().displace()
        passed = connection
        return { ...secured, connection }
      } finally {
        entered.turn?.leave(passed)
      }
    } catch (error) {
      secured.connection.abort(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }
}

interface Exchange {
  remote: NodeId
  keeper: GateKeeper
  /** Makes this a handshake that counts; once. */
  enter: () => Turn
  signal: AbortSignal
}

/**
 * Who is dialled enters when the other one has shown something: a member that is dialled at two addresses at once hears no more of
 * the slower one, which must not take the place of the other (clause LINK 2).
 *
 * Each side sends its credential, judges the other's, sends its reply and reads the other's: always all four, so that both
 * learn why. Returns the stream with everything unread that the other side sent after its reply.
 */
async function exchange<T extends MessageStream>(
  stream: T,
  { remote, keeper, enter, ...within }: Exchange,
): Promise<T> {
  const frames = boundedFrames(stream, limits.gateMessageBytes, limits.gateBufferBytes)
  await frames.write(keeper.credential(), within)
  const shown = (await frames.read(within)).slice()
  const turn = enter()
  const signal = AbortSignal.any([within.signal, turn.signal])
  const verdict = await orAborted(keeper.judge(remote, shown, { replaces: turn.replaces }), signal)
  if (verdict.admitted) await orAborted(turn.commit(), signal)
  await frames.write(verdict.reply, { signal })
  const reply = (await frames.read({ signal })).slice()
  const problem = verdict.admitted ? theirRefusal(keeper, remote, reply) : ourRefusal(remote, verdict.code)
  if (problem === undefined) return frames.unwrap()
  await stream.close({ signal }) // gracefully: a reset could overtake our reply
  throw problem
}

function theirRefusal(keeper: GateKeeper, remote: NodeId, reply: Uint8Array): Failure | undefined {
  try {
    if (keeper.answered(remote, reply)) return undefined
    return new Failure('E_REFUSED', `${remote} refused the membership of this node`)
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
}

function ourRefusal(remote: NodeId, code: string | undefined): Failure {
  const why = code === undefined ? '' : ` (${code})`
  return new Failure('E_REFUSED', `this node refused the membership of ${remote}${why}`)
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', abort))
}
