// Talk about a better path: the few messages of one stream of /pimesh/punch/1, each bounded, in the order that both expect.
import type { Stream } from '@libp2p/interface'
import type { LengthPrefixedStream } from '@libp2p/utils'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { decodePunch, encodePunch, type PunchKind, type PunchMessage } from '../wire/punch.ts'
import { boundedFrames } from './frames.ts'

export class PunchTalk {
  /** Ends every wait. */
  readonly signal: AbortSignal
  readonly #stream: Stream
  readonly #frames: LengthPrefixedStream<Stream>

  constructor(stream: Stream, signal: AbortSignal) {
    this.signal = signal
    this.#stream = stream
    this.#frames = boundedFrames(stream, limits.punchBytes)
  }

  async say(kind: PunchKind, addresses: readonly string[] = []): Promise<void> {
    await this.#frames.write(encodePunch({ kind, addresses }), { signal: this.signal })
  }

  /** The next message. Rejects with Failure E_PROTOCOL when it is of another kind. */
  async hear(...kinds: PunchKind[]): Promise<PunchMessage> {
    const message = decodePunch((await this.#frames.read({ signal: this.signal })).slice())
    if (kinds.includes(message.kind)) return message
    throw new Failure('E_PROTOCOL', `a peer said ${message.kind} where only ${kinds.join(' or ')} is expected`)
  }

  /** Resolves when the other side has ended it, or the time for it is over. */
  ended(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (this.#stream.status !== 'open' || this.signal.aborted) resolve()
    this.#stream.addEventListener('close', () => resolve(), { once: true })
    this.signal.addEventListener('abort', () => resolve(), { once: true })
    return promise
  }

  /** Nothing when it has ended already, as it does when the link has moved. */
  end(): void {
    this.#stream.abort(new Error('this talk is over'))
  }
}
