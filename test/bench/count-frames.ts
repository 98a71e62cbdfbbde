// The counter (counter.ts) for the check of the simulator's model: tells, of all TCP payload that comes in, what each kind of message took,
// the frames around it included. Streams are told apart by the protocol that is agreed on them, and what agreeing takes counts for them.
import { swiftCrypto } from '../../src/mesh/noise.ts'
import { before, countMessage, GossipSub, type Message, type Methods, writeCounts, YamuxMuxer } from './counter.ts'
import { FRAMES_FILE, type FrameCounts, PINGS, type StreamCount } from './frame-counts.ts'

/** Type of a frame of data; all else has a header alone. */
const DATA = 0

interface Rpc {
  messages?: Message[]
  subscriptions?: unknown[]
  control?: {
    ihave?: { messageIDs?: unknown[] }[]
    iwant?: { messageIDs?: unknown[] }[]
    idontwant?: { messageIDs?: unknown[] }[]
    graft?: unknown[]
    prune?: unknown[]
  }
}

interface Frame {
  header: { type: number; streamID: number; length: number }
}
interface Stream {
  streamId: number
  protocol?: string
}
/** What came on a stream and was not counted for its protocol yet. */
interface Counted extends StreamCount {
  stream: Stream | undefined
}

const NONE: StreamCount = { streams: 0, frames: 0, bytes: 0 }
const control = { ihave: 0, ihaveIds: 0, iwant: 0, iwantIds: 0, idontwantIds: 0, graft: 0, prune: 0, subscriptions: 0 }
const counts: FrameCounts = {
  ...{ noise: 0, streams: {}, connections: 0 },
  gossip: { messages: {}, rpcs: 0, carrying: 0, control },
}
/** Streams that have no protocol yet, with what came on them. */
const waiting = new Set<Counted>()

before(swiftCrypto as unknown as Methods, 'chaCha20Poly1305Decrypt', () => counts.noise++)
before(YamuxMuxer.prototype, 'handlePing', () => add(PINGS, { streams: 0, frames: 1, bytes: 0 }))
before(YamuxMuxer.prototype, 'onTransportClosed', () => counts.connections++)

/** Streams by muxer and number, also those that have ended: a last frame may come late. */
const streams = new WeakMap<object, Map<number, Counted>>()

/** After it, as the first frame of a stream makes it. */
const handle = YamuxMuxer.prototype.handleStreamMessage as (this: object, frame: Frame) => void
YamuxMuxer.prototype.handleStreamMessage = function (this: { streams: Stream[] }, frame: Frame) {
  const { streamID, type, length } = frame.header
  const known = this.streams.find(({ streamId }) => streamId === streamID)
  handle.call(this, frame)
  const counted = countedOf(this, streamID, known ?? this.streams.find(({ streamId }) => streamId === streamID))
  counted.frames++
  counted.bytes += type === DATA ? length : 0
  settle(counted)
}

function countedOf(muxer: object, id: number, stream: Stream | undefined): Counted {
  const own = streams.get(muxer) ?? new Map<number, Counted>()
  streams.set(muxer, own)
  const counted = own.get(id) ?? { stream, streams: 1, frames: 0, bytes: 0 }
  own.set(id, counted)
  return counted
}

/** Counts for its protocol, once that is known, what came on a stream. */
function settle(counted: Counted): void {
  const protocol = counted.stream?.protocol
  if (!protocol) return void waiting.add(counted)
  waiting.delete(counted)
  add(protocol, counted)
  Object.assign(counted, NONE)
}

function add(protocol: string, more: StreamCount): void {
  const sum = counts.streams[protocol] ?? { ...NONE }
  counts.streams[protocol] = sum
  sum.streams += more.streams
  sum.frames += more.frames
  sum.bytes += more.bytes
}

before(GossipSub.prototype, 'handleReceivedRpc', (_self, [, rpc]) => {
  const { messages = [], subscriptions = [], control: said = {} } = rpc as Rpc
  const { gossip } = counts
  gossip.rpcs++
  if (messages.length > 0) gossip.carrying++
  for (const message of messages) countMessage(gossip.messages, message)
  const ids = (lists: { messageIDs?: unknown[] }[] = []) =>
    lists.reduce((sum, { messageIDs = [] }) => sum + messageIDs.length, 0)
  control.subscriptions += subscriptions.length
  control.ihave += said.ihave?.length ?? 0
  control.ihaveIds += ids(said.ihave)
  control.iwant += said.iwant?.length ?? 0
  control.iwantIds += ids(said.iwant)
  control.idontwantIds += ids(said.idontwant)
  control.graft += said.graft?.length ?? 0
  control.prune += said.prune?.length ?? 0
})

writeCounts(FRAMES_FILE, () => {
  for (const counted of waiting) settle(counted)
  return counts
})
