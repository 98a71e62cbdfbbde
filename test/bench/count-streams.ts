// Loaded into a daemon that runs from its sources (node --import), for the benchmark of upkeep alone: counts what goes over libp2p's
// streams by protocol, pulses by their frames, and records apart from the rest of gossip, by wrapping the methods that all of it
// passes through; and writes the counts into the data folder once a second. The product has no such thing in it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AbstractMessageStream } from '@libp2p/utils'

/** Bytes as handed to streams and taken from them: without the muxer's frames, encryption and TCP. */
export interface Counts {
  in: Record<string, number>
  out: Record<string, number>
  /** What gossip brought, duplicates included, by the kind of envelope (`head` for the topic of announcements): messages, and bytes of data and topic. */
  gossip: Record<string, { messages: number; bytes: number }>
}

export const COUNTS_FILE = 'streams.json'
export const PINGS = 'pings'
export const RECORDS = 'records'
const PERIOD = 1_000

interface Bytes {
  byteLength: number
}
interface Message {
  data?: Uint8Array
  topic?: string
}
type Methods = Record<string, (...args: unknown[]) => unknown>

const counts: Counts = { in: {}, out: {}, gossip: {} }

function add(way: 'in' | 'out', kind: string, bytes: number): void {
  counts[way][kind] = (counts[way][kind] ?? 0) + bytes
}

/** Calls `first` with what a method is called with, and its object, before it. */
function before(methods: Methods, name: string, first: (self: object, args: unknown[]) => void): void {
  const method = methods[name]
  if (method === undefined) throw new Error(`libp2p has no ${name} any more: what it counts has to be found anew`)
  methods[name] = function (this: object, ...args: unknown[]) {
    first(this, args)
    return method.apply(this, args)
  }
}

const inside = async (name: string, file: string) => await import(import.meta.resolve(name).replace('index.js', file))
const { YamuxMuxer } = await inside('@chainsafe/libp2p-yamux', 'muxer.js')
const { GossipSub } = await inside('@libp2p/gossipsub', 'gossipsub.js')

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
  for (const { data = new Uint8Array(), topic = '' } of (rpc as { messages: Message[] }).messages) {
    const bytes = data.byteLength + topic.length
    add('in', RECORDS, bytes)
    const kind = topic.endsWith('/ann') ? 'head' : kindOf(data)
    const sum = counts.gossip[kind] ?? { messages: 0, bytes: 0 }
    counts.gossip[kind] = { messages: sum.messages + 1, bytes: sum.bytes + bytes }
  }
})

/** The kind of an envelope: its first field, of at most 8 letters. */
function kindOf(data: Uint8Array): string {
  return new TextDecoder().decode(data.subarray(2, 2 + Math.min(data[1] ?? 0, 8)))
}

const data = process.argv[process.argv.indexOf('--data') + 1]
if (data !== undefined)
  setInterval(() => writeFileSync(join(data, COUNTS_FILE), JSON.stringify(counts)), PERIOD).unref()
