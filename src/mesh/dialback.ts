// Dialling back: a linked member dials the address from which it sees us, and says whether we were there (protocol clause
// DIALBACK; docs/decisions/0015). It dials nobody but who asked, and what it dials ends when Noise has proven the key.
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { NodeId } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { decodeDialback, decodeDialledBack, encodeDialback, encodeDialledBack } from '../wire/dialback.ts'
import { bareAddress, isRelayed } from './addresses.ts'
import type { Transports } from './dialler.ts'
import { boundedFrames } from './frames.ts'
import type { Gate } from './gate.ts'
import { Turns } from './turns.ts'

export const DIALBACK_PROTOCOL = '/pimesh/dialback/1'

const OVER = new Failure('E_PROTOCOL', 'the question to dial back is over')

export interface DialbackParts {
  libp2p: Libp2p
  gate: Gate
  transports: () => Transports
  near: (address: Multiaddr) => boolean
}

export class Dialback {
  readonly #parts: DialbackParts
  readonly #asking = new Set<NodeId>()
  readonly #turns = new Turns({ atOnce: limits.dialbacksPerPeer, period: limits.dialbackPause })
  readonly #stopped = new AbortController()
  #dialling = 0

  constructor(parts: DialbackParts) {
    this.#parts = parts
  }

  async start(): Promise<void> {
    const serve = (stream: Stream, connection: Connection) => this.#serve(stream, connection)
    await this.#parts.libp2p.handle(DIALBACK_PROTOCOL, serve, { maxInboundStreams: 1, maxOutboundStreams: 1 })
  }

  /** Ends what is under way. */
  stop(): void {
    this.#stopped.abort(OVER)
  }

  /** Whether who is at the other end can tell anything of how the world reaches us. */
  canTell({ remoteAddr, status }: Connection): boolean {
    return status === 'open' && !isRelayed(remoteAddr) && !this.#parts.near(remoteAddr)
  }

  /** The addresses at which the other end could dial us. Rejects when it did not say. */
  async ask(connection: Connection, ports: readonly number[]): Promise<string[]> {
    const signal = AbortSignal.timeout(limits.dialbackTimeout + limits.requestTimeout)
    let stream: Stream | undefined
    try {
      stream = await connection.newStream([DIALBACK_PROTOCOL], { signal })
      const frames = boundedFrames(stream, limits.dialbackBytes)
      await frames.write(encodeDialback(ports), { signal })
      const told = decodeDialledBack((await frames.read({ signal })).slice())
      return told.filter((address) => ports.some((port) => address.endsWith(`/tcp/${port}`)))
    } finally {
      stream?.abort(OVER)
    }
  }

  /** Never rejects. Who is asked too often, or cannot tell, ends the stream without an answer. */
  async #serve(stream: Stream, connection: Connection): Promise<void> {
    const peer = connection.remotePeer.toString()
    const signal = AbortSignal.timeout(limits.dialbackTimeout + limits.requestTimeout)
    if (this.#asking.has(peer) || !this.canTell(connection)) return stream.abort(OVER)
    this.#asking.add(peer)
    try {
      const frames = boundedFrames(stream, limits.dialbackBytes)
      const ports = decodeDialback((await frames.read({ signal })).slice())
      if (this.#dialling >= limits.dialbacksAtOnce || !this.#turns.take(peer)) throw OVER
      await frames.write(encodeDialledBack(await this.#dialAll(connection, ports)), { signal })
      await stream.close({ signal })
    } catch {
      stream.abort(OVER)
    } finally {
      this.#asking.delete(peer)
    }
  }

  /** At which of these ports the other end was: who is slow to ask holds no place of those who have asked. */
  async #dialAll(connection: Connection, ports: readonly number[]): Promise<string[]> {
    this.#dialling++
    try {
      const found = await Promise.all(ports.map((port) => this.#dialBack(connection, port)))
      return found.filter((address) => address !== undefined)
    } finally {
      this.#dialling--
    }
  }

  async #dialBack({ remoteAddr, remotePeer }: Connection, port: number): Promise<string | undefined> {
    const address = bareAddress(remoteAddr).replace(/\/tcp\/\d+$/, `/tcp/${port}`)
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(limits.dialbackTimeout)])
    const dial = () => this.#parts.transports().dial(multiaddr(`${address}/p2p/${remotePeer}`), { signal })
    return (await this.#parts.gate.proves(signal, dial)) ? address : undefined
  }
}
