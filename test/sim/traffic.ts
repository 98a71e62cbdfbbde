// Counts what the simulated network carried: messages and bytes of payload by kind. Frames, TCP and gossipsub's subscriptions
// are not simulated, so they are not here. A `mention` is an IHAVE or an IWANT of one message id.

export const KINDS = ['gossip', 'mention', 'hello', 'sync', 'query', 'gate'] as const
export type Kind = (typeof KINDS)[number]

export type PerKind = Record<Kind, number>

const zero = (): PerKind => ({ gossip: 0, mention: 0, hello: 0, sync: 0, query: 0, gate: 0 })

export class Traffic {
  /** Transmissions begun. */
  readonly messages = zero()
  readonly bytesOut = zero()
  /** Bytes of transmissions that arrived. */
  readonly bytesIn = zero()
  lost = 0

  sent(kind: Kind, bytes: number): void {
    this.messages[kind]++
    this.bytesOut[kind] += bytes
  }

  arrived(kind: Kind, bytes: number): void {
    this.bytesIn[kind] += bytes
  }

  /** Bytes per node and virtual second, by kind. */
  static rate(bytes: PerKind, nodes: number, seconds: number): PerKind {
    const rates = zero()
    for (const kind of KINDS) rates[kind] = Math.round((bytes[kind] / nodes / seconds) * 100) / 100
    return rates
  }
}
