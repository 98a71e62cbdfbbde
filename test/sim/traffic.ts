// Counts what the simulated network carried: messages and bytes of payload by kind. Frames, TCP and gossipsub's subscriptions
// are not simulated, so they are not here. A `mention` is an IHAVE or an IWANT of one message id.
// `head` is gossip too: that of announcements. `pieces` are all messages of that stream but data, and `data` what the bytes of pieces
// stand for.

export const KINDS = [
  'gossip',
  'mention',
  'hello',
  'sync',
  'query',
  'history',
  'gate',
  'head',
  'pieces',
  'data',
  'pulse',
  'digest',
  'summary',
] as const
export type Kind = (typeof KINDS)[number]

export type PerKind = Record<Kind, number>

const zero = (): PerKind => Object.fromEntries(KINDS.map((kind) => [kind, 0])) as PerKind

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
