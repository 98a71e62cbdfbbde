// Transfers: what core wants done with streams of pieces, artifact files and installers. The bytes of pieces live here, between
// the stream and the disk; core sees their hash and says what becomes of them.
// Invariant: of each peer at most one piece is held at a time, so that a slow disk slows the sender instead of filling memory.
import { hash as hashOf } from 'node:crypto'
import type { NodeId } from '../core/env.ts'
import type { Effect, Input, Ticket } from '../core/events.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { InstallJob, InstallProblem } from '../core/rollout/states.ts'
import type { ArtifactProblem } from '../core/swarm/messages.ts'
import type { Artifacts } from '../ports/artifacts.ts'
import { ArtifactFailure, InstallFailure } from '../ports/disk-failure.ts'
import type { Installer } from '../ports/installer.ts'
import type { Pieces } from '../ports/pieces.ts'
import { decodePieceMessage, encodePieceHead, encodePieceMessage } from '../wire/pieces.ts'
import { PieceBuffers } from './piece-buffers.ts'
import type { PieceTraffic } from './piece-traffic.ts'

export interface TransferPorts {
  pieces: Pieces
  artifacts: Artifacts
  installer: Installer
}

type OfType<T extends Effect['type']> = Extract<Effect, { type: T }>
export type TransferEffect = OfType<
  | 'piecesOpen'
  | 'piecesClose'
  | 'piecesExpect'
  | 'pieceSay'
  | 'pieceServe'
  | 'pieceKeep'
  | 'pieceDrop'
  | 'artifactPrepare'
  | 'artifactSync'
  | 'artifactForget'
  | 'install'
>

interface Options {
  feed: (input: Input) => void
  /** Told of every piece that comes and that was sent. */
  traffic: Pick<PieceTraffic, 'received' | 'sent'>
  /** Something unexpected failed; the node goes on without it. */
  onDefect: (detail: string) => void
  /** Ends what takes long when the daemon stops. */
  signal: AbortSignal
}

interface Arrival {
  bytes: Uint8Array
  /** Called when the bytes are free: the next message of that peer may come. */
  freed: () => void
}

interface ServedPiece {
  buffer: Uint8Array
  /** The part of it that is sent. */
  message: Uint8Array
  /** Of the piece alone. */
  length: number
}

const NOTHING = new Uint8Array(0)
const HEAD_ROOM = limits.pieceFrameBytes

export class Transfers {
  readonly #ports: TransferPorts
  readonly #o: Options
  readonly #arrivals = new Map<Ticket, Arrival>()
  readonly #underway = new Set<Promise<void>>()
  readonly #buffers = new PieceBuffers()
  #arrival: Ticket = 0

  constructor(ports: TransferPorts, options: Options) {
    this.#ports = ports
    this.#o = options
  }

  /** Call once, before anything is linked. */
  attach(): Promise<void> {
    return this.#ports.pieces.onEvents({
      opened: (peer) => this.#o.feed({ type: 'piecesOpened', peer }),
      closed: (peer) => this.#o.feed({ type: 'piecesClosed', peer }),
      message: (peer, bytes) => this.#arrived(peer, bytes),
    })
  }

  /**
   * Resolves when no disk is written any more; only then the buffers of what is being written may be used again. Does not wait for
   * peers: what is on its way to one that does not read ends with its stream.
   */
  async stop(): Promise<void> {
    await Promise.all(this.#underway)
    for (const ticket of [...this.#arrivals.keys()]) this.#free(ticket)
  }

  perform(effect: TransferEffect): void {
    const { pieces, artifacts } = this.#ports
    switch (effect.type) {
      case 'piecesOpen':
        return pieces.open(effect.peer)
      case 'piecesClose':
        return pieces.close(effect.peer)
      case 'piecesExpect':
        return pieces.expect(effect.peer, effect.maxBytes)
      case 'pieceSay':
        // A stream that closes meanwhile says so by its event.
        return void pieces.send(effect.peer, encodePieceMessage(effect.message)).catch(() => undefined)
      case 'pieceServe':
        return this.#start(this.#serve(effect))
      case 'pieceKeep':
        return this.#start(this.#keep(effect))
      case 'pieceDrop':
        return this.#free(effect.arrival)
      case 'artifactPrepare':
        return this.#start(this.#prepare(effect))
      case 'artifactSync': {
        const { ticket, encoding } = effect
        const synced = artifacts.sync(encoding).then(() => this.#o.feed({ type: 'artifactSynced', ticket }))
        return this.#start(synced.catch((error: unknown) => this.#failed(ticket, error)))
      }
      case 'artifactForget':
        return this.#start(artifacts.forget(effect.encoding).catch((error: unknown) => this.#defect(error)))
      case 'install':
        return this.#start(this.#install(effect))
    }
  }

  /** Settles when the next message of this peer may come. What does not parse is core's to count, and to close the stream for. */
  #arrived(peer: NodeId, bytes: Uint8Array): Promise<void> {
    let message: ReturnType<typeof decodePieceMessage>
    try {
      message = decodePieceMessage(bytes)
    } catch (error) {
      if (!(error instanceof Failure)) this.#defect(error)
      this.#o.feed({ type: 'pieceMessage', peer, message: undefined })
      return Promise.resolve()
    }
    // Only a newer pimesh knows what it says.
    if (message === undefined) return Promise.resolve()
    if (message.type !== 'data') {
      this.#o.feed({ type: 'pieceMessage', peer, message })
      return Promise.resolve()
    }
    const { encoding, index } = message
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#arrival += 1
    const arrival = this.#arrival
    this.#arrivals.set(arrival, { bytes: message.bytes, freed: resolve })
    const hash = hashOf('sha256', message.bytes, 'hex')
    const { length } = message.bytes
    this.#o.traffic.received(peer, length)
    this.#o.feed({
      type: 'pieceMessage',
      peer,
      message: { type: 'data', encoding, index, arrival, length, hash },
    })
    return promise
  }

  async #keep({ ticket, arrival, encoding, index }: OfType<'pieceKeep'>): Promise<void> {
    const held = this.#arrivals.get(arrival)
    if (held === undefined) return
    try {
      await this.#ports.artifacts.write(encoding, index, held.bytes)
      this.#free(arrival)
      this.#o.feed({ type: 'pieceKept', ticket })
    } catch (error) {
      this.#free(arrival)
      this.#failed(ticket, error)
    }
  }

  #free(arrival: Ticket): void {
    this.#arrivals.get(arrival)?.freed()
    this.#arrivals.delete(arrival)
  }

  async #serve({ ticket, peer, encoding, index }: OfType<'pieceServe'>): Promise<void> {
    const served = (problem?: ArtifactProblem) => this.#o.feed({ type: 'pieceServed', ticket, problem })
    let piece: ServedPiece
    try {
      piece = await this.#read(encoding, index)
    } catch (error) {
      return served(problemOf(error))
    }
    // Not waited for: the disk has done its part. What a stream held when it ended may still be on its way out of its buffer.
    void this.#ports.pieces
      .send(peer, piece.message)
      .then(() => {
        this.#buffers.give(piece.buffer)
        this.#o.traffic.sent(peer, piece.length)
      })
      .catch(() => undefined)
      .then(() => served())
  }

  /** Reads a piece behind the room for its head, so that both are one message. */
  async #read(encoding: string, index: number): Promise<ServedPiece> {
    let buffer: Uint8Array = NOTHING
    try {
      const piece = await this.#ports.artifacts.read(encoding, index, (length) => {
        buffer = this.#buffers.take(HEAD_ROOM + length)
        return buffer.subarray(HEAD_ROOM, HEAD_ROOM + length)
      })
      const head = encodePieceHead(encoding, index, piece.length)
      buffer.set(head, HEAD_ROOM - head.length)
      const message = buffer.subarray(HEAD_ROOM - head.length, HEAD_ROOM + piece.length)
      return { buffer, message, length: piece.length }
    } catch (error) {
      this.#buffers.give(buffer)
      throw error
    }
  }

  async #prepare({ ticket, encoding, pieceList, decoded }: OfType<'artifactPrepare'>): Promise<void> {
    const { signal } = this.#o
    try {
      const have = await this.#ports.artifacts.prepare(encoding, pieceList, { decoded, signal })
      this.#o.feed({ type: 'artifactPrepared', ticket, have })
    } catch (error) {
      this.#failed(ticket, error)
    }
  }

  async #install({ ticket, step, job }: OfType<'install'>): Promise<void> {
    const { installer } = this.#ports
    const { signal } = this.#o
    let problem: InstallProblem | undefined
    try {
      if (step === 'stage') await this.#stage(job)
      else if (step === 'switch') await installer.switch(job, { signal })
      else await installer.tidy(job)
    } catch (error) {
      problem = error instanceof InstallFailure ? error.problem : { reason: 'ioError', detail: reasonOf(error) }
    }
    this.#o.feed({ type: 'installStepped', ticket, problem })
  }

  async #stage(job: InstallJob): Promise<void> {
    const { installer, artifacts } = this.#ports
    const { hash } = job.encoding
    await installer.stage(job, { encoded: artifacts.path(hash), signal: this.#o.signal })
    artifacts.unpacked(hash)
  }

  #failed(ticket: Ticket, error: unknown): void {
    this.#o.feed({ type: 'artifactFailed', ticket, problem: problemOf(error) })
  }

  #start(work: Promise<void>): void {
    const guarded: Promise<void> = work
      .catch((error: unknown) => this.#defect(error))
      .finally(() => this.#underway.delete(guarded))
    this.#underway.add(guarded)
  }

  #defect(error: unknown): void {
    if (!this.#o.signal.aborted) this.#o.onDefect(`a transfer failed: ${reasonOf(error)}`)
  }
}

function problemOf(error: unknown): ArtifactProblem {
  return error instanceof ArtifactFailure ? error.problem : { code: 'ioError', detail: reasonOf(error) }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
