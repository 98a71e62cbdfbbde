// One stream of /pimesh/pieces/1: whole messages both ways. What the other side sends faster than we handle it waits at the other
// side; what we send waits here until it has taken it. Each message has its time, so that a peer that stalls holds nothing for ever.
import type { Stream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits, SECOND } from '../core/limits.ts'
import { FrameReader, framePrefix } from './frames.ts'

export interface PieceStreamEvents {
  /** A message, in order; the next one comes when the promise has settled, and may overwrite it. */
  message(bytes: Uint8Array): Promise<void>
  /** Once, however it ended. */
  closed(): void
}

const OVER = new Failure('E_PROTOCOL', 'the stream of pieces is closed')

export class PieceStream {
  readonly #stream: Stream
  readonly #patience: Millis
  readonly #events: PieceStreamEvents
  readonly #reader = new FrameReader()
  /** Came in one go with the message that is being handled. */
  readonly #unread = new Uint8ArrayList()
  #maxBytes: number
  #handling = false
  #resuming = false
  #readTimer: NodeJS.Timeout | undefined
  #closed = false
  #queued = 0
  /** What is handed to the link at once: little while it is slow to take it. */
  #part: number = limits.pieceChunkSlow
  #lastSend: Promise<void> = Promise.resolve()
  #wake: (() => void) | undefined

  /** `patience`: how long a peer may read nothing of a message, and what a message may take beside the time that its length needs. */
  constructor(stream: Stream, maxBytes: number, patience: Millis, events: PieceStreamEvents) {
    this.#stream = stream
    this.#patience = patience
    this.#events = events
    this.#maxBytes = maxBytes
    // Before the listener for messages: that one gets what waits already.
    stream.addEventListener('close', () => this.#ended())
    stream.addEventListener('remoteCloseWrite', () => this.close())
    stream.addEventListener('drain', () => this.#wake?.())
    stream.addEventListener('message', ({ data }) => this.#arrived(data))
    if (stream.status !== 'open' || stream.remoteWriteStatus !== 'writable') queueMicrotask(() => this.close())
  }

  /**
   * Resolves when the stream took the bytes and has room for more: they may be overwritten then. Rejects when it closes.
   * Nobody has to handle that.
   */
  send(bytes: Uint8Array): Promise<void> {
    if (this.#queued >= limits.pieceSendsQueued) {
      queueMicrotask(() => this.close(new Failure('E_PROTOCOL', 'a peer does not read what it asked for')))
    }
    this.#queued++
    const sent = this.#lastSend.then(() => this.#write(bytes)).finally(() => this.#queued--)
    this.#lastSend = sent.catch(() => undefined)
    return sent
  }

  /** The longest message that is read from now on, in bytes. */
  expect(maxBytes: number): void {
    this.#maxBytes = maxBytes
    this.#reader.trim(maxBytes)
  }

  close(reason: Error = OVER): void {
    this.#stream.abort(reason) // dispatches `close` unless it has been
    this.#ended()
  }

  #ended(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#readTimer)
    this.#unread.consume(this.#unread.byteLength)
    this.#wake?.()
    this.#events.closed()
  }

  #arrived(data: Uint8Array | Uint8ArrayList): void {
    if (this.#closed) return
    this.#unread.append(data)
    if (!this.#handling && !this.#resuming) this.#read()
  }

  /** Hands on the next message, if it is here. Never throws: an event of the stream is no place for that. */
  #read(): void {
    try {
      const message = this.#reader.next(this.#unread, this.#maxBytes)
      if (message === undefined) return this.#await()
      clearTimeout(this.#readTimer)
      this.#readTimer = undefined
      this.#handling = true
      this.#stream.pause()
      const handled = this.#events.message(message).then(() => this.#handled())
      handled.catch((error: unknown) => this.close(asError(error)))
    } catch (error) {
      this.close(asError(error))
    }
  }

  #handled(): void {
    this.#handling = false
    if (this.#closed) return
    if (this.#unread.byteLength > 0) this.#read()
    if (this.#handling || this.#closed) return
    // The stream hands out what it held while it resumes, and would forget a pause that comes meanwhile.
    this.#resuming = true
    this.#stream.resume()
    this.#resuming = false
    if (this.#unread.byteLength > 0) this.#read()
  }

  #await(): void {
    if (!this.#reader.within || this.#readTimer !== undefined) return
    this.#readTimer = this.#limit(this.#timeFor(this.#maxBytes), 'sends a message too slowly')
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#closed) throw OVER
    const timer = this.#limit(this.#timeFor(bytes.length), 'reads a message too slowly')
    try {
      const message = new Uint8ArrayList(framePrefix(bytes.length), bytes)
      for (let at = 0; at < message.byteLength; ) {
        const end = Math.min(message.byteLength, at + this.#part)
        const began = performance.now()
        this.#stream.send(message.sublist(at, end))
        await this.#room()
        this.#part = performance.now() - began < limits.pieceChunkQuick ? limits.pieceChunkBytes : limits.pieceChunkSlow
        at = end
      }
    } finally {
      clearTimeout(timer)
    }
  }

  /** libp2p's onDrain() waits only the first time: its promise is never renewed. */
  async #room(): Promise<void> {
    if (this.#stream.writableNeedsDrain) {
      const timer = this.#limit(this.#patience, 'reads nothing')
      while (!this.#closed && this.#stream.writableNeedsDrain) await this.#drain()
      clearTimeout(timer)
    }
    if (this.#closed) throw OVER
  }

  #drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  #timeFor(bytes: number): Millis {
    return this.#patience + (bytes / limits.pieceRateMin) * SECOND
  }

  /** Closes the stream when something takes longer. */
  #limit(time: Millis, what: string): NodeJS.Timeout {
    return setTimeout(() => this.close(new Failure('E_PROTOCOL', `a peer ${what}`)), time).unref()
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
