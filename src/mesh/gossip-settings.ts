// gossipsub's settings, each with its reason (clause TOPICS 1; docs/decisions/0004). Unsigned messages with our own envelopes inside, a small
// mesh, short message ids, and no penalty that a quiet site behind one address could earn.
import { createHash } from 'node:crypto'
import type { GossipsubOpts } from '@libp2p/gossipsub'
import { Failure } from '../core/failure.ts'
import { limits, SECOND } from '../core/limits.ts'

const MESSAGE_ID_BYTES = 12
const ZERO = new Uint8Array(1)

/** A message as gossipsub decodes it from the wire, before anything was checked. */
export interface RawMessage {
  topic: string
  data?: Uint8Array
  from?: Uint8Array
}

/**
 * The first 12 bytes of SHA-256 of the topic, a zero byte and the data: what IHAVE and IWANT name a message by. With the data alone,
 * who sends a neighbour's message ahead on a topic where it is refused would have the neighbour's own dropped as a duplicate.
 */
export function messageId(topic: string, data: Uint8Array): Uint8Array {
  return createHash('sha256').update(topic).update(ZERO).update(data).digest().subarray(0, MESSAGE_ID_BYTES)
}

/** The same as gossipsub's caches have it. */
export function messageKey(topic: string, data: Uint8Array): string {
  return idText(messageId(topic, data))
}

/** `topics`: those that we take part in now. */
export function gossipSettings(topics: ReadonlySet<string>): Partial<GossipsubOpts> {
  return {
    ...membership,
    ...overlay,
    ...bounds,
    msgIdFn: ({ topic, data }) => messageId(topic, data),
    fastMsgIdFn: (message) => messageKey(message.topic, wanted(message, topics)),
    msgIdToStrFn: idText,
    scoreParams,
    scoreThresholds: { acceptPXThreshold: Number.MAX_SAFE_INTEGER },
  }
}

/** Who speaks: the envelope inside is signed and checked once, by our validator. */
const membership: Partial<GossipsubOpts> = {
  globalSignaturePolicy: 'StrictNoSign',
  emitSelf: false,
  fallbackToFloodsub: false,
  allowPublishToZeroTopicPeers: true,
  ignoreDuplicatePublishError: true,
}

/** Whom to send to. gossipsub wants Dout < Dlo, Dout <= D / 2 and Dscore <= D. Nothing here ever dials. */
const overlay: Partial<GossipsubOpts> = {
  D: 3,
  Dlo: 2,
  Dhi: 4,
  Dscore: 2,
  Dout: 1,
  Dlazy: 1,
  // One neighbour is told, however many there are: a quarter of twelve links means as many more messages a second in a zone of 25.
  gossipFactor: 0,
  floodPublish: false,
  // A message counts as delivered when its validator is done; a head's waits for a body. Who sent it broke no promise until then.
  gossipsubIWantFollowupMs: 2 * limits.requestTimeout + 3 * SECOND,
  doPX: false,
  directPeers: [],
  tagMeshPeers: false,
}

const bounds: Partial<GossipsubOpts> = {
  maxInboundDataLength: limits.gossipRpcBytes,
  maxOutboundBufferSize: limits.gossipRpcBytes * 2,
  maxInboundStreams: 2,
  maxOutboundStreams: 2,
  maxTopicBytesPerPeer: limits.gossipRpcBytes,
  decodeRpcLimits: {
    maxSubscriptions: limits.gossipRpcItems,
    maxMessages: limits.gossipRpcItems,
    maxIhaveMessageIDs: limits.gossipRpcItems,
    maxIwantMessageIDs: limits.gossipRpcItems,
    maxIdontwantMessageIDs: limits.gossipRpcItems,
    maxControlMessages: limits.gossipRpcItems,
    maxPeerInfos: 0,
  },
}

/**
 * No topic is scored, so silence costs nothing. What is left is the penalty for a flood of GRAFTs or broken promises: a node
 * that restarts forgets whom it may not graft yet, so a few of those within some seconds are honest.
 */
const scoreParams: GossipsubOpts['scoreParams'] = {
  topics: {},
  IPColocationFactorWeight: 0,
  behaviourPenaltyThreshold: 6,
  behaviourPenaltyDecay: 0.9,
  retainScore: 60_000,
}

/**
 * Runs first on every message, before gossipsub remembers anything of it: what no node of ours would send is dropped here.
 * @throws Failure E_PROTOCOL
 */
function wanted(message: RawMessage, topics: ReadonlySet<string>): Uint8Array {
  const { data, from, topic } = message
  if (data === undefined || data.length > limits.gossipMessageBytes) throw unwanted('is empty or too long')
  if (from !== undefined) throw unwanted('names an author outside its envelope')
  if (!topics.has(topic)) throw unwanted('is on a topic that nobody here listens to')
  return data
}

function unwanted(why: string): Failure {
  return new Failure('E_PROTOCOL', `a gossip message ${why}: dropped`)
}

/** One character for each byte: the cheapest key of a map. */
function idText(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.length).toString('latin1')
}
