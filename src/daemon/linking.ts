// Linking: performs what core asks of links and the paths that they take, and feeds the outcome back.
import type { Millis, NodeId } from '../core/env.ts'
import type { Effect, Input } from '../core/events.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { Links } from '../ports/links.ts'

export type LinkEffect = Extract<
  Effect,
  { type: 'dial' | 'close' | 'improve' | 'reserve' | 'release' | 'offerRelay' | 'pulse' }
>

export interface LinkingOptions {
  feed: (input: Input) => void
  /** Aborts what is under way when the daemon ends. */
  signal: AbortSignal
}

export class Linking {
  readonly #links: Links
  readonly #o: LinkingOptions

  constructor(links: Links, options: LinkingOptions) {
    this.#links = links
    this.#o = options
  }

  perform(effect: LinkEffect): void {
    switch (effect.type) {
      case 'dial':
        return this.#dial(effect.peer, effect.addresses)
      case 'close':
        return ignored(async () => this.#links.close(effect.peer, { dead: effect.reason === 'silent' }))
      case 'improve':
        return this.#improve(effect)
      case 'reserve':
        return this.#reserve(effect.relay)
      case 'release':
        return this.#links.release(effect.relay)
      case 'offerRelay':
        return this.#links.offerRelay(effect.on)
      case 'pulse':
        return this.#pulse(effect.peer, effect.timeout)
    }
  }

  #dial(peer: NodeId, addresses: readonly string[]): void {
    const dial = async () => this.#links.dial(peer, addresses, { signal: this.#within(limits.dialTimeout) })
    dial().catch((error: unknown) => this.#o.feed({ type: 'dialFailed', peer, reason: reasonOf(error) }))
  }

  /** Success shows as `moved`, which the mesh tells by itself. */
  #improve(effect: Extract<LinkEffect, { type: 'improve' }>): void {
    const { peer, how } = effect
    const signal = this.#within(limits.dialTimeout)
    const improve = async () =>
      effect.how === 'dial'
        ? this.#links.improve(peer, effect.addresses, { signal, routed: effect.routed })
        : this.#links.punch(peer, { signal })
    improve().catch((error: unknown) => this.#o.feed({ type: 'improveFailed', peer, how, reason: reasonOf(error) }))
  }

  #reserve(relay: NodeId): void {
    const reserve = async () => this.#links.reserve(relay, { signal: this.#within(limits.dialTimeout) })
    reserve().then(
      (addresses) => this.#o.feed({ type: 'reserved', relay, addresses }),
      (error: unknown) =>
        this.#o.feed({ type: 'unreserved', relay, why: whyUnreserved(error), detail: reasonOf(error) }),
    )
  }

  #pulse(peer: NodeId, timeout: Millis): void {
    const pulse = async () => this.#links.pulse(peer, { signal: this.#within(timeout) })
    pulse().then(
      (roundTrip) => this.#o.feed({ type: 'pulsed', peer, roundTrip }),
      () => this.#o.feed({ type: 'pulseMissed', peer }),
    )
  }

  /** Node throws at a fraction of a millisecond, which core's means of round trips have. */
  #within(timeout: Millis): AbortSignal {
    return AbortSignal.any([this.#o.signal, AbortSignal.timeout(Math.ceil(timeout))])
  }
}

function whyUnreserved(error: unknown): 'full' | 'refused' | 'lost' {
  if (!(error instanceof Failure)) return 'lost'
  if (error.code === 'E_RELAY_FULL') return 'full'
  return error.code === 'E_REFUSED' ? 'refused' : 'lost'
}

function ignored(work: () => Promise<void>): void {
  work().catch(() => undefined)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
