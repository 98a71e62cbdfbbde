// Every bound of pimesh in one place, each with its reason. Any folder may import this file.
// Durations are milliseconds and sizes are bytes unless the name says otherwise. docs/limits.md is checked against it.

export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export const limits = {
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
  /** Nodes held in a zone's view: a zone of 500 that nobody cut into cells still works. */
  viewNodes: 512,
  /** Records that wait for their author's membership to arrive; beyond it the oldest is dropped (the next heartbeat repeats it). */
  parkedRecords: 64,

  // Membership and trust ---------------------------------------------------------------------------------------------
  /** A membership with its invite is about 1.3 kB; whatever is larger is refused before it is parsed. */
  membershipBytes: 4_096,
  /** Root and targets documents; refused above before any parsing. */
  rootBytes: 65_536,
  /** Nesting of any JSON document: the deepest legitimate one has 6. */
  jsonDepth: 12,
  /** Root versions held and served: one a month for 20 years. */
  rootVersions: 256,
  /** Keys in a root document, and signatures on any document: refused before any crypto. */
  documentKeys: 64,
  documentSignatures: 16,
  /** Memberships held in memory and on disk: 512 zone-mates and as many callers; 1.3 kB each. */
  memberships: 1_024,
  /** Labels of a membership, and the length of a key or value. */
  labels: 16,
  labelLength: 64,
  /** Length of a node's name. */
  nameLength: 32,
  /** Seats of one invite: a large school; more would make a leaked token worth stealing. */
  inviteSeats: 1_024,
  /** Cells of a site, at most 32 nodes each: with 99, two digits name a cell of a site of 3,000. */
  cells: 99,
  /** A clock may be this far from another and still agree whether an invite had expired. */
  clockSkew: 5 * MINUTE,
  inviteLifetime: 48 * HOUR,
  membershipLifetime: 730 * DAY,
  rootLifetime: 365 * DAY,
  /** A token after decompression: an invite with its root documents is below 8 kB. */
  tokenBytes: 32_768,
  /** The gate: one message each way and one verdict, within this time (T35: closed within 5 s). */
  gateTimeout: 4 * SECOND,
  gateMessageBytes: 8_192,

  // Zones ------------------------------------------------------------------------------------------------------------
  zoneSegments: 6,
  zoneSegmentLength: 32,

  // Links and address book -------------------------------------------------------------------------------------------
  /** Links to zone-mates a node dials for: twice gossipsub's D, so that losing half leaves a mesh. */
  mateLinksWanted: 6,
  /** Links to zone-mates it keeps; above it the newest is closed. A zone of 13 is a full mesh. */
  mateLinksMax: 12,
  /** Links outside the zone: one may vanish. */
  outsideLinksWanted: 2,
  /** Links from outside that are accepted: a bootstrap node meets every newcomer. */
  outsideLinksMax: 32,
  /** Zones to which an operator's peer keeps a link; others are dialled when asked. */
  operatorLinksWanted: 8,
  /** All connections of libp2p together, a last bound above our own policy. */
  connections: 128,
  /** New connections per second from one address: a whole site behind one NAT reconnects at once after its router restarts. */
  inboundPerSecondPerHost: 100,
  /** Dials under way at once: a Pi Zero completes about 10 handshakes a second. */
  dialsAtOnce: 4,
  dialTimeout: 10 * SECOND,
  /** Back-off after a failed dial: doubled from the first to the last, jittered by half. */
  dialBackoffMin: 1 * SECOND,
  dialBackoffMax: 5 * MINUTE,
  /** How often links are looked at when nothing happened. */
  linkCheckPeriod: 5 * SECOND,
  /** A link just closed as surplus is not dialled again for this long. */
  surplusPause: 5 * MINUTE,
  /** Contacts held: zone-mates, and some of every zone. */
  contactsOfOwnZone: 64,
  contactsPerZone: 4,
  contactZones: 512,
  /** Addresses of one contact. */
  addressesPerContact: 6,
  addressLength: 128,
  /** A contact not heard of for so long is dropped. */
  contactLifetime: 30 * DAY,

  // Protocols --------------------------------------------------------------------------------------------------------
  /** Hello is repeated on every link in this period: it carries the versions held and is our keep-alive (74 B/s saved per link). */
  helloPeriod: 60 * SECOND,
  helloBytes: 16_384,
  helloContacts: 48,
  syncBytes: 262_144,
  syncMemberships: 32,
  queryBytes: 65_536,
  /** Rows in one answer: 100 records of 400 bytes and their frames stay below queryBytes. */
  queryRows: 100,
  queryTimeout: 5 * SECOND,
  /** Contacts asked for one zone before the zone counts as silent. */
  queryContactsPerZone: 3,
  /** Zones asked at once. */
  queryZonesAtOnce: 16,
  /** A request on a stream of ours, opening included. */
  requestTimeout: 5 * SECOND,
  /** Streams of one of our protocols that one peer may have open towards us. */
  inboundStreamsPerProtocol: 4,

  // State ------------------------------------------------------------------------------------------------------------
  /** The view is written in batches this far apart: 25 rows every 10 minutes are 1.5 MB/day, of a budget of 10. */
  viewFlushPeriod: 10 * MINUTE,
  /** Events and alerts kept in memory. */
  events: 256,
  alerts: 64,
  /** Incarnations a node may jump over within one run when it hears a higher one of itself; a clone makes it hear more. */
  incarnationJumps: 1,
  incarnationMax: 2 ** 31 - 1,
} as const

const relations: [string, boolean][] = [
  ['a record fits a gossip message', limits.recordBytes <= limits.gossipMessageBytes],
  ['late comes before down', limits.lateAfterPromises < limits.downAfterPromises],
  ['a membership fits the gate', limits.membershipBytes * 2 <= limits.gateMessageBytes],
  ['a page of rows fits an answer', limits.queryRows * (limits.recordBytes + 96) <= limits.queryBytes],
  ['a page of memberships fits an answer', limits.syncMemberships * limits.membershipBytes <= limits.syncBytes],
  [
    'a zone at its bound keeps a believable promise',
    limits.viewNodes * limits.recordPeriodPerMember <= limits.recordPeriodMax,
  ],
  [
    'wanted links fit the kept ones',
    limits.mateLinksWanted <= limits.mateLinksMax && limits.outsideLinksWanted <= limits.outsideLinksMax,
  ],
  ['all links fit the connections', limits.mateLinksMax + limits.outsideLinksMax < limits.connections],
]
for (const [relation, holds] of relations) if (!holds) throw new Error(`limits.ts contradicts itself: ${relation}`)
