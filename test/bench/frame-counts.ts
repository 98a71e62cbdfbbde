// What count-frames.ts writes into a daemon's data folder, for whoever reads it: importing the counter itself would count the reader.

export const FRAMES_FILE = 'frames.json'
/** Of the muxer itself: pings, each way one frame. */
export const PINGS = 'pings'

/** Streams, frames that came on them, and bytes in these without headers. */
export interface StreamCount {
  streams: number
  frames: number
  bytes: number
}

export interface FrameCounts {
  /** Frames of Noise, those of handshakes included. */
  noise: number
  /** By protocol. */
  streams: Record<string, StreamCount>
  /** Connections that were opened, by anybody. */
  connections: number
  gossip: GossipCounts
}

/** What gossip brought, duplicates included. */
export interface GossipCounts {
  /** By the kind of envelope (`head` on the topic of announcements): messages, and bytes of data and topic. */
  messages: Record<string, { messages: number; bytes: number }>
  /** RPCs, those with messages among them, and what of control was in them: lists of IHAVE and ids in those, and so on. */
  rpcs: number
  carrying: number
  control: Record<
    'ihave' | 'ihaveIds' | 'iwant' | 'iwantIds' | 'idontwantIds' | 'graft' | 'prune' | 'subscriptions',
    number
  >
}
