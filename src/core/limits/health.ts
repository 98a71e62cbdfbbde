// Bounds of one room, in ../limits.ts with all others. What nodes tell of themselves, and how what they tell is judged.
import { DAY, MINUTE, SECOND } from './units.ts'

export const healthLimits = {
  // Health -----------------------------------------------------------------------------------------------------------
  /** Shortest promise of a record: below it a zone of 25 costs every Pi more than 4 kB/s. Configurable down to 1 s for laboratories. */
  recordPeriodMin: 10 * SECOND,
  /** The floor of that setting: a shorter promise cannot survive one retransmission of TCP. */
  recordPeriodFloor: 1 * SECOND,
  /** Longest promise a receiver believes; a longer one would keep a dead node `up` for hours. Holds a zone of 1,200. */
  recordPeriodMax: 10 * MINUTE,
  /** Share of the rate budget (2 records/s on a leaf topic) that each member takes: T grows by this for every member. */
  recordPeriodPerMember: 500,
  /** A record is sent at this share of its promise, so that one lost heartbeat is not yet `late`. */
  recordSendShare: 0.9,
  /** `late` past this many promises: two heartbeats lost. */
  lateAfterPromises: 2,
  /** `down` past this many promises: three heartbeats lost; witnesses will shorten it. */
  downAfterPromises: 3,
  /** A node without any link doubles its patience with the others: it is more likely the one at fault (Lifeguard). */
  isolatedPatience: 2,
  /** A record with its envelope: 2 records/s of this size from 25 nodes stay within a home uplink. */
  recordBytes: 400,
  /** Largest gossip message that is decoded at all. */
  gossipMessageBytes: 4_096,
  /** One RPC of gossipsub, which cuts a peer off in silence above it: the answer to an IWANT for a whole zone's records. */
  gossipRpcBytes: 262_144,
  /** Messages, message ids or topics in one RPC. */
  gossipRpcItems: 1_024,
  /** Ids of ignored messages that are remembered, so that a node may publish such a one itself once it holds what was missing. */
  gossipIgnored: 1_024,
  /** A link on which gossip has had no stream for so many heartbeats (1 s each) is closed, so that it is dialled afresh. */
  gossipDeafBeats: 10,
  /** Nodes held in a zone's view: a zone of 500 that nobody cut into cells still works. */
  viewNodes: 512,
  /** Records of one author that are taken and passed on per promise: the regular one, and one more when a link opens. */
  recordsPerPromise: 2,
  /** So many at once: a start, a link, a jump of the incarnation and a goodbye may come together. */
  recordBurst: 6,
  /** A node that said goodbye is shown for so long. */
  leftShownFor: DAY,
  /** A node that is gone is remembered for so long, shown or not: an old record of it, replayed, must not bring it back (T38). */
  goneKeptFor: 30 * DAY,
  /** Records of an older incarnation that grew this often prove a second writer: one may be a straggler of gossip. */
  cloneEvidence: 2,
  /** A sample that takes longer than this share of T is not waited for: the promise holds with the last values. */
  sampleShare: 0.1,
  /** An extra record after a new link waits at least this long, up to twice it: gossip has to form its mesh first. */
  extraRecordDelay: 1_500,
  /** Records that wait for their author's membership to arrive; beyond it the oldest is dropped (the next heartbeat repeats it). */
  parkedRecords: 64,
} as const
