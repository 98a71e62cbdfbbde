// Forwarding: joins two streams of a relay, so that what comes on one goes out on the other. A relay holds no more than the windows
// of the two: whoever sends is stopped while the other side has no room, or while the relay's rate is used up. The onDrain() of
// libp2p's streams, on which its own pipe() relies, resolves once and then always, and lets the relay buffer everything.
import type { Stream } from '@libp2p/interface'
import type { Millis } from '../core/env.ts'

/** Says how long to wait after so many bytes. */
export type Toll = (bytes: number) => Millis

/** Resolves when both streams are closed; never rejects. */
export async function forward(one: Stream, other: Stream, toll: Toll): Promise<void> {
  const closed = Promise.all([end(one), end(other)])
  new Pump(one, other, toll).start()
  new Pump(other, one, toll).start()
  await closed
}

/** One direction. */
class Pump {
  readonly #from: Stream
  readonly #to: Stream
  readonly #toll: Toll
  #full = false
  #timer: NodeJS.Timeout | undefined
  #resuming = false

  constructor(from: Stream, to: Stream, toll: Toll) {
    this.#from = from
    this.#to = to
    this.#toll = toll
  }

  start(): void {
    this.#from.addEventListener('close', ({ error }) => this.#over(error))
    this.#from.addEventListener('end', () => this.#over(undefined))
    this.#to.addEventListener('drain', () => {
      this.#full = false
      this.#go()
    })
    this.#from.addEventListener('message', ({ data }) => this.#pass(data))
    if (this.#from.status !== 'open') this.#over(undefined)
  }

  #pass(data: Parameters<Stream['send']>[0]): void {
    try {
      this.#full = !this.#to.send(data)
    } catch (error) {
      return this.#from.abort(error instanceof Error ? error : new Error(String(error)))
    }
    const wait = this.#toll(data.byteLength)
    if (wait > 0) this.#timer ??= setTimeout(() => this.#paid(), wait)
    if (this.#held) this.#hold()
  }

  get #held(): boolean {
    return this.#full || this.#timer !== undefined
  }

  #paid(): void {
    this.#timer = undefined
    this.#go()
  }

  /** A stream that is resumed hands out what it held and would forget a pause that comes meanwhile. */
  #hold(): void {
    if (!this.#resuming && this.#from.readStatus === 'readable') this.#from.pause()
  }

  #go(): void {
    if (this.#held || this.#resuming || this.#from.readStatus !== 'paused') return
    this.#resuming = true
    this.#from.resume()
    this.#resuming = false
    if (this.#held) this.#hold()
  }

  #over(error: Error | undefined): void {
    clearTimeout(this.#timer)
    if (error !== undefined) return this.#to.abort(error)
    this.#to.close().catch((failed: Error) => this.#to.abort(failed))
  }
}

function end(stream: Stream): Promise<void> {
  if (stream.status !== 'open' && stream.status !== 'closing') return Promise.resolve()
  return new Promise((resolve) => stream.addEventListener('close', () => resolve(), { once: true }))
}
