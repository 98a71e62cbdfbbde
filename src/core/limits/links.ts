// Bounds of one room, in ../limits.ts with all others. Links between nodes, whom they know, and what is said over links.
import { DAY, MINUTE, SECOND } from './units.ts'

export const linksLimits = {
  // Links and address book -------------------------------------------------------------------------------------------
  /** Links to zone-mates a node dials for: twice gossipsub's D, so that losing half leaves a mesh. */
  mateLinksWanted: 6,
  /** Links to zone-mates it keeps, if it does not relay; above it the newest is closed. A zone of 13 is a full mesh. */
  mateLinksMax: 12,
  /** Links outside the zone: one may vanish. */
  outsideLinksWanted: 2,
  /** A link that was made for a question or for pieces, beyond those wanted, is closed after this: who asks again soon finds it. */
  passingLink: 2 * MINUTE,
  /** Links from outside that are accepted: a bootstrap node meets every newcomer. */
  outsideLinksMax: 32,
  /**
   * The same in a zone with mates enough to share them: each costs a thin wire 13 to 17 B/s with its hellos and pulses,
   * and a plain node has 200. Who is sent away knows other members by then.
   */
  outsideLinksShared: 11,
  /** Zones to which an operator's peer keeps a link; others are dialled when asked. */
  operatorLinksWanted: 8,
  /** Links that an operator's peer keeps: a query opens one to every zone, and the oldest are closed when it is over. */
  operatorLinksMax: 32,
  /** All connections of libp2p together, a last bound above our own policy. */
  connections: 128,
  /** New connections per second from one address: a whole site behind one NAT reconnects at once after its router restarts. */
  inboundPerSecondPerHost: 100,
  /** Inbound handshakes under way at once: what a Pi Zero completes within gateTimeout; who comes later is refused at once. */
  handshakesAtOnce: 32,
  /** Of these from one host (one address; of IPv6 one /64): a stranger's silent sockets leave places for others, and a site behind one NAT gets in by turns. */
  handshakesPerHost: 8,
  /** Of these through one relay, which lets only members call: half of all places, for a relay that came back and a zone that meets again by it. */
  handshakesPerRelay: 16,
  /** Streams of all protocols that one peer may have open towards us, unnegotiated ones included. */
  streamsPerLink: 64,
  /**
   * What may come on one stream before it is read: Yamux's own default, on which both sides must agree. At 40 ms it carries
   * 50 Mbit/s from each peer; 1 MiB costs a downloading node 20 MB more memory.
   */
  streamWindow: 262_144,
  /** Pings and opened streams of a peer that are answered while it reads nothing: more than honest ones ask behind 4 MB on a slow line. */
  answersUnread: 1_024,
  /** Dials under way at once: a Pi Zero completes about 10 handshakes a second. */
  dialsAtOnce: 4,
  /** All addresses of one contact together; what takes longer is retried later anyway. */
  dialTimeout: 10 * SECOND,
  /** One address of a dial: the gate included, and short enough for a second address within dialTimeout. */
  addressDialTimeout: 5 * SECOND,
  /** Both ends of a punched hole knock for so long: TCP sends a lost SYN again after one second; whoever waits has the relay meanwhile. */
  punchWindow: 3 * SECOND,
  /** Pause after a refused knock, at most, at random, so that the two ends do not miss each other in step: a NAT that answers RST costs a round trip a try. */
  punchPause: 40,
  /** After an attempt the next ones with that peer are from fresh ports for so long: Linux remembers SYNs that came to nothing for 120 s. */
  punchRemembered: 130 * SECOND,
  /** Knocks at one address: with a round trip of a millisecond the window has room for no more. */
  punchTries: 150,
  /** Addresses at which a member has others knock: two of each family, as two members told of two. */
  punchAddresses: 4,
  /** Pairs of such an address and a port of ours: a member can make others send so many times punchTries SYNs, no more, in one window. */
  punchTargets: 8,
  /** A message about a path: its addresses, and what a later version adds. */
  punchBytes: 768,
  /** Attempts of others that are answered at once: a Pi Zero completes about 10 handshakes a second. */
  punchesAtOnce: 8,
  /** Times that one member has us knock at what it names, at once: the quick tries of two relayed links that were lost and found. */
  punchesPerPeer: 10,
  /** And one more each so long: 60 SYNs a second to whom it names, as long as it is linked and so known. */
  punchPeriod: 20 * SECOND,
  /** What a host that refuses one port does not answer at another within this time is swallowed: one SYN that is lost is sent again after a second. */
  silentPatience: 1_500,
  /** Hosts that refused lately, of which that is remembered: a burst of dials. */
  silentHosts: 256,
  /** An address of a dial is tried alone for so long before the next one is tried beside it: 4 of 6 that hang cost a second. */
  addressHeadStart: 250,
  /** And the direct ones together before the first relayed one: a handshake on a line of 250 ms has 1.5 s. */
  relayHeadStart: 1_500,
  /** How often a node asks its LAN for others: while it has no link, and afterwards (n nodes that ask cost n * n answers). */
  mdnsPeriodAlone: 10 * SECOND,
  /** And so often when it has: a machine that comes later asks by itself. */
  mdnsPeriod: 5 * MINUTE,
  /** Back-off after a failed dial: doubled from the first to the last, jittered by half. */
  dialBackoffMin: 1 * SECOND,
  /** The longest pause: a node that returns is found within minutes without anybody dialling it every second. */
  dialBackoffMax: 5 * MINUTE,
  /** Dials in a row that failed before a contact counts for less than hearsay: four minutes of trying at least, above any restart. */
  dialsDoubted: 10,
  /** Members that could not be dialled lately, kept for whoever asks why this node is cut off: a screen full. */
  unreachableShown: 8,
  /** Back-offs that are kept: of all contacts, and of as many that were forgotten, so that being told of again is no fresh start. */
  dialPauses: 4_096,
  /** A dial whose outcome was not reported by then counts as failed: dialTimeout, a gate that is still under way, and a second. */
  dialForgotten: 15 * SECOND,
  /** Dials in a row to contacts whom only others told of: all links that a newcomer wants. */
  strangerDials: 10,
  /** And one more each so long: a member that invents contacts can make a node send one SYN a second and address, not hundreds. */
  strangerDialPeriod: 1 * SECOND,
  /** A link that was closed after the grace of the other side and before this counts as a failed dial: that side has enough. */
  linkProven: 30 * SECOND,
  /** A relay whose own link ends so soon after one over it is what ended that one: a reset and the streams that it ends are one event. */
  orphanGrace: 1 * SECOND,
  /** Who shows the key of a linked member waits so long for that member to answer; silence lets it in. */
  rivalTimeout: 2 * SECOND,
  /** How often links are looked at when nothing happened. */
  linkCheckPeriod: 5 * SECOND,
  /** A link is not closed as surplus before this: a newcomer learns the roots and other contacts by it first. */
  surplusGrace: 20 * SECOND,
  /** With so many links the grace is over: a whole fleet may come back by one member, and libp2p's own bound is not far. */
  linksCrowded: 80,
  /** A link just closed as surplus is not dialled again for this long. */
  surplusPause: 5 * MINUTE,
  /** Contacts held: zone-mates, and some of every zone. */
  contactsOfOwnZone: 64,
  /** Contacts of each other zone: as many as a query asks, and one. */
  contactsPerZone: 4,
  /** Of these, who is said to report for it, and stays: the active one and its standby. */
  reportersKept: 2,
  /** Zones that the address book holds: 10,000 nodes in sites of 25 are 400. */
  contactZones: 512,
  /** Addresses of one contact. */
  addressesPerContact: 6,
  /** Ways that a dial tries beyond those that a contact names: by two relays of ours, and to two of the contact's at two addresses each. */
  furtherWays: 6,
  /** Length of one address: a relayed one with two node ids is 118. */
  addressLength: 128,
  /** A contact not heard of for so long is dropped. */
  contactLifetime: 30 * DAY,
  /** A contact that goes on being seen is written anew this often: 80 bytes a day instead of none, or a stable one would look old after a restart. */
  contactRewrite: DAY,
  /** With fewer contacts than this on disk a crash could leave a node with nobody to dial: new ones are then written soon. */
  contactsSecured: 8,
  /** How soon: long enough to collect what the first hellos tell. */
  contactFlushDelay: 5 * SECOND,

  // Protocols --------------------------------------------------------------------------------------------------------
  /** Hello is repeated on every link in this period: it carries the versions held and is our keep-alive (74 B/s saved per link). */
  helloPeriod: 60 * SECOND,
  /** On a new link, and while a node has no zone-mate, hello comes sooner: after this, then doubled up to helloPeriod. Who joins at the same time is met within seconds. */
  helloPause: 2 * SECOND,
  /**
   * So many hellos in a row without an answer, and nothing else heard, close a link: one may have met a busy moment. After the first
   * the next follows in helloPause, so a dead path is noticed by who dialled within 1.1 helloPeriod + 2 requestTimeout + helloPause: 78 s.
   */
  helloFailures: 2,
  /** Who was dialled does not greet: it closes a link over which nothing came for three periods of hello. Two hellos may be late. */
  linkSilence: 3 * 60 * SECOND,
  /** Hellos of one peer in a minute whose contacts we learn: a new link has 6, thrice begun anew 18. Others are answered, and tell of their sender only. */
  hellosLearnt: 20,
  /** A hello with 48 contacts of the longest zones and addresses is cut to this; 64 roles with both sides of an equivocation take 8 kB. */
  helloBytes: 24_576,
  /** Contacts in the first hello on a link: a zone of 25 whole, and 24 other zones. */
  helloContacts: 48,
  /** Contacts in a repeated hello: 10 B/s on a link where each has two relays; the rotation still reaches every zone in time. */
  helloContactsLater: 2,
  /** A question of sync or query: 32 ids of 16 bytes, or a zone and a node id. */
  questionBytes: 1_024,
  /** One answer: 32 memberships of the largest size, twice. */
  syncBytes: 262_144,
  /** Memberships in one answer: a cell whole. */
  syncMemberships: 32,
  /** One page of rows on a home uplink of 1 Mbit/s takes half a second. */
  queryBytes: 65_536,
  /** Rows in one answer: 100 records of 400 bytes and their frames stay below queryBytes. */
  queryRows: 100,
  /** As long as a person waits for a table; what has not answered then is counted as silent. */
  queryTimeout: 5 * SECOND,
  /** Contacts asked for one zone before the zone counts as silent. */
  queryContactsPerZone: 3,
  /** Zones dialled for at once by all queries; who is linked is asked beyond that. A zone gives its place back after one hedge. */
  queryZonesAtOnce: 16,
  /** Dials of queries that have no outcome yet: four hedges of queryZonesAtOnce, since a dial to a dark machine outlives its hedge. */
  queryDialsAtOnce: 60,
  /** Memberships learnt by queries alone, kept in memory by who asks: 10,000 nodes, about 4 kB each, on an operator's machine. */
  queryMemberships: 10_240,
  /** Requests still out when their query ends, remembered so that their answers are dropped: one for each zone, twice. */
  queryLateAnswers: 1_024,
  /** A request on a stream of ours, opening included. */
  requestTimeout: 5 * SECOND,
  /** Streams of one of our protocols that one peer may have open towards us. */
  inboundStreamsPerProtocol: 4,
} as const
