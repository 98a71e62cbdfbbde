// Bytes a second that a node takes in by the kinds of the simulator's ledger, out of what its counters say: each stream's bytes with the
// frames around them, gossip by what it carried, and what is left of the sockets' whole as new connections.
import type { Kind } from '../sim/scale/ledger.ts'
import { type FrameCounts, PINGS } from './frame-counts.ts'
import type { NodeReading } from './model-real.ts'

/** `other`: what the simulator has no machine for, which are tests of being open from outside, and offers of relays. */
export type ModelKind = Kind | 'other'

/** What one node took in. */
export interface NodeRates {
  /** Whether it was on a topic of digests meanwhile. */
  reports: boolean
  /** Bytes a second. */
  kinds: Partial<Record<ModelKind, number>>
}

const GOSSIP_KINDS: Record<string, Kind> = {
  ...{ rec: 'record', dwn: 'vote', dig: 'digest', sum: 'summary', head: 'announcement' },
}
const STREAM_KINDS: readonly [RegExp, ModelKind][] = [
  [/\/hello\//, 'hello'],
  [/\/(sync|query|history)\//, 'question'],
  [/\/id\//, 'gate'],
  [new RegExp(`^${PINGS}$`), 'pulse'],
]
const GOSSIP = /^\/meshsub\//
const YAMUX_HEADER = 12
const NOISE_FRAME = 18
/** Around the data and the topic of a message: tags and lengths of them, of the message, and of the RPC. */
const MESSAGE_FIELDS = 10

export function ratesOf(first: NodeReading, last: NodeReading): NodeRates {
  const seconds = (last.at - first.at) / 1000
  const counts = difference(first.counts, last.counts)
  const bytes: Partial<Record<ModelKind, number>> = {}
  const add = (kind: ModelKind, more: number) => {
    bytes[kind] = (bytes[kind] ?? 0) + more
  }
  const frame = bytesOfFrame(counts)
  for (const [protocol, { frames, bytes: inside }] of Object.entries(counts.streams)) {
    if (GOSSIP.test(protocol)) addGossip(counts, frames, inside, frame, add)
    else add(STREAM_KINDS.find(([pattern]) => pattern.test(protocol))?.[1] ?? 'other', inside + frames * frame)
  }
  const named = Object.values(bytes).reduce((sum, one) => sum + one, 0)
  add('gate', last.bytesIn - first.bytesIn - named)
  const kinds = Object.fromEntries(Object.entries(bytes).map(([kind, sum]) => [kind, sum / seconds]))
  return { reports: (counts.gossip.messages.dig?.messages ?? 0) > 0, kinds }
}

/** Around one frame of the muxer: its header, and its part of the frames of Noise, of which few carry two. */
function bytesOfFrame({ noise, streams }: FrameCounts): number {
  const frames = Object.values(streams).reduce((sum, one) => sum + one.frames, 0)
  return YAMUX_HEADER + (NOISE_FRAME * Math.min(noise, frames)) / Math.max(1, frames)
}

/** Frames belong to the RPC that they carry; what an RPC with messages has beside them is a few bytes of control. */
function addGossip(
  { gossip }: FrameCounts,
  frames: number,
  inside: number,
  frame: number,
  add: (kind: Kind, bytes: number) => void,
): void {
  let carried = 0
  for (const [kind, { messages, bytes }] of Object.entries(gossip.messages)) {
    const own = bytes + messages * (MESSAGE_FIELDS + frame)
    add(GOSSIP_KINDS[kind] ?? 'announcement', own)
    carried += own
  }
  add('mention', Math.max(0, inside + frames * frame - carried))
}

/** What was counted between two readings: numbers, and objects of numbers at any depth. */
function difference<T>(first: T | undefined, last: T): T {
  if (typeof last === 'number') return (last - ((first as number | undefined) ?? 0)) as T
  const earlier = first as Record<string, unknown> | undefined
  const entries = Object.entries(last as Record<string, unknown>)
  return Object.fromEntries(entries.map(([key, value]) => [key, difference(earlier?.[key], value)])) as T
}

/** All kinds together. */
export function wholeOf({ kinds }: NodeRates): number {
  return Object.values(kinds).reduce((sum, one) => sum + one, 0)
}
