// The muxer: Yamux with two bounds added. @chainsafe/libp2p-yamux collects a whole frame, whose header may promise 4 GiB, before
// it looks at the window that the sender had to keep to; here a frame above the window closes the connection by its header. It answers
// every ping and every stream that is opened, also of who reads no answer, and each that waits costs 20 times its bytes; here too many
// close the connection. It returns credit for every frame, each time with an encryption and a system call at both ends; here credit
// waits until half a window of it is due, while the other side still has the other half. Its ping is what a pulse costs: 12 bytes of ours each way, on a relayed link as on any other. Behind bulk it may
// wait for seconds, so whatever else comes meanwhile is as good an answer: a busy link is not dead.
import { yamux } from '@chainsafe/libp2p-yamux'
import type { Connection, MessageStream, StreamMuxerFactory } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import type { Millis } from '../core/env.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'

const HEADER_BYTES = 12
const TYPE_AT = 1
const LENGTH_AT = 8
const DATA = 0
/** Of a ping, and of a frame that opens a stream: both are answered. */
const REQUEST = 1

/** What the muxer's class has and its interface does not show; a test notices when that changes. */
interface Insides {
  decoder: { buffer: Uint8ArrayList; emitFrames(bytes: Uint8Array | Uint8ArrayList): Iterable<Frame> }
  _newStream(id: number, state: number, direction: string): Credited
}

/** What of a stream says how much may come. */
interface Credited {
  state: number
  recvWindow: number
  recvWindowCapacity: number
  sendWindowUpdate(): void
}

/** Of a stream that was opened and answered, so that an update carries nothing but credit. */
const ESTABLISHED = 3

interface Frame {
  header: { flag: number }
}

/** Bytes that came so far, by muxer. */
const heard = new WeakMap<object, number>()
/** When the ping that is under way was sent, by muxer. */
const pinged = new WeakMap<object, Millis>()

/** For libp2p's streamMuxers. */
export function boundedYamux(): () => StreamMuxerFactory {
  return () => {
    const factory = yamux({
      maxInboundStreams: limits.streamsPerLink,
      enableKeepAlive: false,
      streamOptions: {
        initialStreamWindowSize: limits.streamWindow,
        maxStreamWindowSize: limits.streamWindow,
      },
    })()
    const create = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = (connection) => {
      const muxer = create(connection)
      const insides = muxer as unknown as Insides
      boundFrames(insides, connection, (bytes) => heard.set(muxer, (heard.get(muxer) ?? 0) + bytes))
      gatherCredit(insides)
      return muxer
    }
    return factory
  }
}

/** What the muxer of a connection has and the interfaces of both do not show. */
interface Pinging {
  muxer?: { ping?(): Promise<Millis> }
}

/**
 * Milliseconds until the other end's muxer answered; until `signal` aborted when other bytes came over the connection meanwhile.
 * Rejects as `signal` says when none came, or when the connection closes. The muxer's ping itself is never given up: it takes an answer
 * that comes after that for a breach of protocol, and closes the connection. The next pulse waits for the same answer.
 */
export async function pulse(connection: Connection, signal: AbortSignal): Promise<Millis> {
  const { muxer } = connection as unknown as Pinging
  if (muxer?.ping === undefined) throw new Failure('E_INTERNAL', 'the muxer of this version has no ping')
  const [before, asked] = [heard.get(muxer), performance.now()]
  const { promise: over, resolve, reject } = Promise.withResolvers<Millis>()
  const close = () => reject(new Failure('E_NO_MEMBER', 'the link closed'))
  const abort = () => (heard.get(muxer) === before ? reject(signal.reason) : resolve(performance.now() - asked))
  connection.addEventListener('close', close)
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  try {
    return await Promise.race([answerOf(muxer, muxer.ping()), over])
  } finally {
    connection.removeEventListener('close', close)
    signal.removeEventListener('abort', abort)
  }
}

/** The muxer's own figure is by the wall clock, which is set while a Pi runs. */
async function answerOf(muxer: object, answer: Promise<Millis>): Promise<Millis> {
  const sent = pinged.get(muxer) ?? performance.now()
  pinged.set(muxer, sent)
  try {
    await answer
    return performance.now() - sent
  } finally {
    pinged.delete(muxer)
  }
}

function boundFrames({ decoder }: Insides, connection: MessageStream, came: (bytes: number) => void): void {
  const emit = decoder.emitFrames.bind(decoder)
  let unread = 0
  decoder.emitFrames = function* (bytes) {
    came(bytes.byteLength)
    for (const frame of emit(bytes)) {
      if (frame.header.flag & REQUEST) unread = connection.writableNeedsDrain ? unread + 1 : 0
      if (unread > limits.answersUnread) throw new Failure('E_PROTOCOL', 'a peer asks on and reads no answer: refused')
      yield frame
    }
    // What is left is the beginning of a frame. A throw here aborts the connection.
    if (promised(decoder.buffer) > limits.streamWindow) {
      throw new Failure('E_PROTOCOL', 'a frame is longer than the window of its stream: refused')
    }
  }
}

/** The other side never waits for what is held back: half a window is open, or on its way. */
function gatherCredit(muxer: Insides): void {
  const open = muxer._newStream.bind(muxer)
  muxer._newStream = (...how) => {
    const stream = open(...how)
    const update = stream.sendWindowUpdate.bind(stream)
    stream.sendWindowUpdate = () => {
      if (stream.state !== ESTABLISHED || stream.recvWindowCapacity <= stream.recvWindow / 2) update()
    }
    return stream
  }
}

/** Bytes of data that the header at the front announces; 0 when there is none. */
function promised(buffer: Uint8ArrayList): number {
  if (buffer.byteLength < HEADER_BYTES || buffer.get(TYPE_AT) !== DATA) return 0
  return buffer.getUint32(LENGTH_AT)
}
