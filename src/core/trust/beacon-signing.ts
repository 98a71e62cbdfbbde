// When a node that holds a beacon key signs (clause BEACON 8): once a period, by a clock that is believed, and only what has not changed
// for a while, so that the other holders have it by then; or at once what another holder has signed and this one holds as well.
import type { Millis } from '../env.ts'
import { limits } from '../limits.ts'
import type { Self } from '../self.ts'
import { type Beacon, type BeaconTerms, stateText } from './beacon.ts'
import { isBelieved } from './expiry.ts'

export type MeshState = Pick<Beacon, 'rootVersion' | 'rootHash' | 'vector'>

export class BeaconSigning {
  readonly #self: Self
  readonly #keyId: string | undefined
  /** The counter that was signed last. */
  #signed = 0
  #state = ''
  #changed: Millis

  /** @param keyId of the beacon key that this machine holds. */
  constructor(self: Self, keyId: string | undefined, now: Millis) {
    this.#self = self
    this.#keyId = keyId
    this.#changed = now
  }

  /** True when the root counts the signatures of this node. */
  isHolder(terms: BeaconTerms | undefined): boolean {
    return this.#keyId !== undefined && terms?.role.keyIds.includes(this.#keyId) === true
  }

  /** What is held may have changed. */
  look(state: MeshState, now: Millis): void {
    const text = stateText(state)
    if (text === this.#state) return
    this.#state = text
    this.#changed = now
  }

  /** The beacon to sign now; undefined when none is due. `proposed`: those that others signed. */
  due(
    terms: BeaconTerms,
    held: { state: MeshState; counter: number; proposed: readonly Beacon[] },
    now: Millis,
  ): Beacon | undefined {
    if (!this.isHolder(terms) || !this.#mayTell(now)) return undefined
    const counter = this.#counter(terms, now)
    const time = counter * terms.period
    if (counter <= Math.max(this.#signed, held.counter) || time > terms.expires) return undefined
    const isAgreed = held.proposed.some((other) => other.counter === counter && stateText(other) === this.#state)
    if (!isAgreed && now < this.#changed + quiet(terms)) return undefined
    this.#signed = counter
    return { mesh: this.#self.mesh, counter, time, ...held.state }
  }

  /** When one may be due: at the end of the quiet, or when the next period begins. */
  deadline(terms: BeaconTerms, counter: number, now: Millis): Millis | undefined {
    if (!this.isHolder(terms) || !this.#mayTell(now)) return undefined
    const current = this.#counter(terms, now)
    if (current > Math.max(this.#signed, counter)) {
      const calm = this.#changed + quiet(terms)
      if (calm > now) return calm
    }
    const next = (Math.max(current, this.#signed, counter) + 1) * terms.period
    return now + Math.max(1, next - this.#self.wallLabel(now))
  }

  #mayTell(now: Millis): boolean {
    const { bound, synchronised } = this.#self.time
    return isBelieved({ bound, synchronised, wall: this.#self.wallLabel(now) })
  }

  #counter({ period }: BeaconTerms, now: Millis): number {
    return Math.floor(this.#self.wallLabel(now) / period)
  }
}

function quiet({ period }: BeaconTerms): Millis {
  return Math.min(limits.beaconQuiet, period / 10)
}
