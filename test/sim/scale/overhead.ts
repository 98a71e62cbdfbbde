// What libp2p adds to our bytes, as TCP payload: the one place of the model that a measurement on real nodes corrects. All else that is
// counted is the length of what our codecs made. Where a figure comes from is said beside it; `npm run bench` has the real nodes.

/** Noise: 2 bytes of length and 16 of authentication for each frame; the muxer's header goes in the same write. */
export const NOISE_FRAME = 18
/** Yamux: the header of a frame. */
export const YAMUX_HEADER = 12
/** One write of a message on a stream that is open. */
export const WRITE = NOISE_FRAME + YAMUX_HEADER

/** A pulse is a ping of the muxer, each way. */
export const PULSE = WRITE

/**
 * A question on a stream of its own, each way: what opens it, the protocol's name (20 + 17 bytes by multistream-select), the message with its
 * length, and the end. Real nodes sent 4.75 frames a stream and way (`npm run bench -- model`): three and the message, and three of four
 * times another one, since the answering end sends header, name and credit apart from each other.
 */
export const STREAM = Math.round(4.75 * WRITE) + 39

/**
 * A new connection, each way, beside the memberships that the gate exchanges (they are counted by themselves): three messages of Noise
 * with a libp2p payload, the muxers' names, and identify (protocols and addresses, signed), both as who asks and as who answers. Real nodes took
 * in 4,150 bytes for each connection of theirs, 1,555 of them the other's membership (`npm run bench -- model`).
 */
export const CONNECTION = 2_600

/** A message of gossip beside its data: the write, and an RPC with the topic's name. */
export function copyOverhead(topic: string): number {
  return WRITE + 12 + topic.length
}

/** A mention of what was heard lately (IHAVE), once a heartbeat to Dlazy = 1 neighbour outside the mesh: its frame, and each id. */
export function mentionFrame(topic: string): number {
  return WRITE + 12 + topic.length
}
/** 12 bytes of id and its field. */
export const MENTIONED_ID = 14
/** For how many heartbeats a message is mentioned: gossipsub's `mcacheGossip`. */
export const MENTIONED_BEATS = 3
/** Gossipsub's heartbeat. */
export const BEAT = 1_000

/** GRAFT or PRUNE of one topic. */
export function graft(topic: string): number {
  return WRITE + 8 + topic.length
}

/** From this length on whoever got a message tells its neighbours in the mesh not to send it (IDONTWANT): the id, in an RPC. */
export const UNWANTED_FROM = 512
export const UNWANTED = WRITE + 8 + MENTIONED_ID
