// The counter (counter.ts) for the benchmark of upkeep alone: counts what goes over libp2p's streams by protocol, pulses by their frames, and
// records apart from the rest of gossip.
import { AbstractMessageStream } from '@libp2p/utils'
import {
  before,
  countMessage,
  GossipSub,
  type Message,
  type MessageCounts,
  type Methods,
  writeCounts,
  YamuxMuxer,
} from './counter.ts'

/** Bytes as handed to streams and taken from them: without the muxer's frames, encryption and TCP. */
export interface Counts {
  in: Record<string, number>
  out: Record<string, number>
  gossip: MessageCounts
}

export const COUNTS_FILE = 'streams.json'
export const PINGS = 'pings'
export const RECORDS = 'records'

interface Bytes {
  byteLength: number
}

const counts: Counts = { in: {}, out: {}, gossip: {} }

function add(way: 'in' | 'out', kind: string, bytes: number): void {
  counts[way][kind] = (counts[way][kind] ?? 0) + bytes
}

const streams = AbstractMessageStream.prototype as unknown as Methods
const protocolOf = (self: object) => (self as { protocol?: string }).protocol
for (const [name, way] of [
  ['send', 'out'],
  ['onData', 'in'],
] as const)
  before(streams, name, (self, [bytes]) => {
    // Connections pass here too, and have no protocol; streams have an empty one until it is agreed on.
    const protocol = protocolOf(self)
    if (protocol !== undefined) add(way, protocol === '' ? 'negotiation' : protocol, (bytes as Bytes).byteLength)
  })
before(YamuxMuxer.prototype, 'sendPing', () => add('out', PINGS, 1))
before(YamuxMuxer.prototype, 'handlePing', () => add('in', PINGS, 1))
before(GossipSub.prototype, 'handleReceivedRpc', (_self, [, rpc]) => {
  for (const message of (rpc as { messages: Message[] }).messages)
    add('in', RECORDS, countMessage(counts.gossip, message))
})

writeCounts(COUNTS_FILE, () => counts)
