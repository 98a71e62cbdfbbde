// Streams: one length-prefixed request and one length-prefixed response per stream, each bounded before it is buffered, and
// the whole within one deadline, so that a peer that stalls or vanishes holds nothing for longer. A question whose link moves to
// another path is asked once more there, and one that comes while it moves waits for it.
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import type { Millis, NodeId } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { PROTOCOLS, ProtocolName } from '../core/protocols.ts'
import type { StreamHandler, Streams } from '../ports/streams.ts'
import { messageBytes } from '../wire/messages.ts'
import { boundedFrames } from './frames.ts'
import type { Pairing } from './pairing.ts'

/** An adapter takes no values of core; the type keeps the two the same. */
const protocolIds: typeof PROTOCOLS = {
  hello: '/pimesh/hello/1',
  sync: '/pimesh/sync/1',
  query: '/pimesh/query/1',
  history: '/pimesh/history/1',
}

export class MeshStreams implements Streams {
  readonly #libp2p: Libp2p
  readonly #pairing: Pairing
  readonly #timeout: Millis

  constructor(libp2p: Libp2p, pairing: Pairing, timeout: Millis) {
    this.#libp2p = libp2p
    this.#pairing = pairing
    this.#timeout = timeout
  }

  async handle(protocol: ProtocolName, handler: StreamHandler): Promise<void> {
    await this.#libp2p.handle(
      protocolIds[protocol],
      (stream, connection) => this.#serve(stream, connection.remotePeer.toString(), protocol, handler),
      { maxInboundStreams: limits.inboundStreamsPerProtocol, maxOutboundStreams: limits.streamsPerLink },
    )
  }

  async ask(
    peer: NodeId,
    protocol: ProtocolName,
    request: Uint8Array,
    options: { signal: AbortSignal; maxBytes: number },
  ): Promise<Uint8Array> {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(this.#timeout)])
    const connection = this.#pairing.connection(peer) ?? (await this.#pairing.moving(peer))
    if (connection === undefined)
      throw new Failure('E_PROTOCOL', `there is no link with ${peer} to ask it for ${protocol}`)
    const question = { protocol, request, signal, maxBytes: options.maxBytes }
    try {
      return await this.#askOver(connection, question)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new Failure('E_PROTOCOL', `${peer} gave no answer to ${protocol}: ${why}`, { cause: error })
    }
  }

  /** Asks once more, within the same time, whenever the link moved to another path meanwhile; not when the peer failed. */
  async #askOver(connection: Connection, question: Question): Promise<Uint8Array> {
    try {
      return await askOnce(connection, question)
    } catch (error) {
      const next = await this.#pairing.successor(connection)
      if (next === undefined || question.signal.aborted) throw error
      return await this.#askOver(next, question)
    }
  }

  /** Never rejects: whatever goes wrong ends this stream, and the peer hears of it as a reset. */
  async #serve(stream: Stream, peer: NodeId, protocol: ProtocolName, handler: StreamHandler): Promise<void> {
    const gone = new AbortController()
    const deadline = AbortSignal.timeout(this.#timeout)
    const signal = AbortSignal.any([gone.signal, deadline])
    stream.addEventListener('close', () => gone.abort(new Error('the stream was closed')))
    deadline.addEventListener('abort', () => stream.abort(new Error('the time for one question is over')))
    try {
      const frames = boundedFrames(stream, messageBytes[protocol].request)
      const request = (await frames.read({ signal })).slice()
      const response = await handler(peer, request, { signal })
      if (signal.aborted) return
      await frames.write(response, { signal })
      await stream.close({ signal })
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }
}

interface Question {
  protocol: ProtocolName
  request: Uint8Array
  signal: AbortSignal
  maxBytes: number
}

async function askOnce(connection: Connection, { protocol, request, signal, maxBytes }: Question): Promise<Uint8Array> {
  let stream: Stream | undefined
  try {
    stream = await connection.newStream([protocolIds[protocol]], { signal })
    const frames = boundedFrames(stream, maxBytes)
    await frames.write(request, { signal })
    await stream.close({ signal })
    return (await frames.read({ signal })).slice()
  } finally {
    stream?.abort(new Error('the question is over')) // nothing when both ends have closed it
  }
}
