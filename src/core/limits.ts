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

  // Membership and trust ---------------------------------------------------------------------------------------------
  /** A membership with its invite is about 1.3 kB; whatever is larger is refused before it is parsed. */
  membershipBytes: 4_096,
  /** An invite inside a membership: leaves room for the claims, the countersignature and their signatures (below 1,280). */
  inviteBytes: 2_816,
  /** Root and targets documents; refused above before any parsing. */
  rootBytes: 65_536,
  /** Nesting of any JSON document: the deepest legitimate one, an announcement in a signing request, has 9. */
  jsonDepth: 12,
  /** Root versions held and served: one a month for 20 years. */
  rootVersions: 256,
  /** Candidates for one root version that are checked in one offer: an honest peer sends one, each costs some milliseconds. */
  rootCandidates: 4,
  /** Keys in a root document, and signatures on any document: refused before any crypto. */
  documentKeys: 64,
  /** Signatures on one document: three times the largest threshold anyone runs; each more would be a verification an attacker gets for free. */
  documentSignatures: 16,
  /** Memberships held in memory and on disk: 512 zone-mates and as many callers; 1.3 kB each. */
  memberships: 1_024,
  /** Labels of a membership, and the length of a key or value. */
  labels: 16,
  /** Length of a label key or value: a DNS label is 63; longer text belongs into another tool. */
  labelLength: 64,
  /** Length of a node's name. */
  nameLength: 32,
  /** Seats of one invite: a large school; more would make a leaked token worth stealing. */
  inviteSeats: 1_024,
  /** Cells of a site, at most 32 nodes each: with 99, two digits name a cell of a site of 3,000. */
  cells: 99,
  /** An enrolment statement of the most entries; refused above before it is parsed. */
  statementBytes: 65_536,
  /** Nodes that one enrol key has revoked at a time: more is a raised epoch. 80 bytes each. */
  revokedNodes: 256,
  /** Invites that one enrol key has revoked at a time. 90 bytes each. */
  revokedInvites: 128,
  /** Zones and invites whose memberships one enrol key prolongs. */
  extensions: 64,
  /** Policies of zones that one enrol key states. */
  policies: 16,
  /** Publishers that a policy takes, and releases that it vetoes: what is superseded needs no veto any more. */
  policyNames: 16,
  /** How far ahead of its statement an extension may reach: as long as a membership of its own would last. */
  extensionMax: 730 * DAY,
  /** A member that answered a question for statements with nothing new, or not at all, is not asked again for so long. */
  statementRetry: 20 * SECOND,
  /** A clock may be this far from another and still agree whether an invite had expired. */
  clockSkew: 5 * MINUTE,
  /** A token is used within a weekend, or leaked. */
  inviteLifetime: 48 * HOUR,
  /** Two years: longer than a board stays unvisited, shorter than one stays forgotten. */
  membershipLifetime: 730 * DAY,
  /** A year, as TUF repositories have it: the yearly signing proves that the keys are still held. */
  rootLifetime: 365 * DAY,
  /** A token after decompression: an invite with its root documents is below 8 kB. */
  tokenBytes: 32_768,
  /** Addresses in a token: a few members to start from, and the line stays short enough to paste. */
  tokenAddresses: 8,
  /** With less than this share of its lifetime left, a document is said to expire soon: a year's root three months before. */
  expiresSoonShare: 0.25,
  /** Longest life of an invite, a membership or a root: 100 years, so that every date has a four-digit year. */
  lifetimeMax: 36_500 * DAY,
  /** Delegated roles in targets, and path patterns of one; refused above before any crypto. */
  delegatedRoles: 64,
  /**
   * Epochs that roles can have in each epoch of targets: in the next one all begin above, so that a thief of the targets keys cannot use
   * them up (clause TARGETS 3). A publisher has one more for every theft, and 32,767 epochs of targets fit below 2^31.
   */
  roleEpochs: 65_536,
  /** Path patterns of one role: more are more roles. */
  rolePaths: 16,
  /** Times that a role changes its own keys in one epoch, each once a year or two: each costs a threshold of signature checks and up to 13 kB. */
  rotations: 8,
  /** Public keys kept ready for verification (about 0.5 kB each): all members a node can hold, and their invites' keys. */
  keyCache: 2_048,
  /** The gate: one message each way and one verdict, within this time (T35: closed within 5 s). */
  gateTimeout: 4 * SECOND,
  /** A credential holds two memberships of the largest size, a reply up to 1,024 seats: both below this, buffered for a stranger. */
  gateMessageBytes: 9_216,
  /** Bytes that may wait behind a message of the gate: the next one, and what the other side sends once it is through. */
  gateBufferBytes: 65_536,

  // Zones ------------------------------------------------------------------------------------------------------------
  /** Depth of a zone: continent, country, city, site, building, room. */
  zoneSegments: 6,
  /** Length of a segment: six of them and a cell still fit a gossip topic. */
  zoneSegmentLength: 32,

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
  /** Both ends of a punched hole knock for so long: a lost SYN is sent again after a second, twice; whoever waits has the relay meanwhile. */
  punchWindow: 3 * SECOND,
  /** A knock without an answer is given up for a new one after this: above the round trip around the world, below TCP's own second. */
  punchPatience: 800,
  /** Pause after a refused knock, at most, at random, so that the two ends do not miss each other in step: a NAT that answers RST costs a round trip a try. */
  punchPause: 40,
  /** Knocks at one address: with a round trip of a millisecond the window has room for no more. */
  punchTries: 150,
  /** Addresses at which a member has others knock: two of each family, from two members that told. */
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

  // Reachability -----------------------------------------------------------------------------------------------------
  /** One link to the outside is pulsed so often, the one that was silent longest: 30 bytes each way are 15 B/s, of a budget of 100. */
  pulsePeriod: 2 * SECOND,
  /** The longest that an answer may take: one retransmission of TCP over a satellite. */
  pulseTimeout: 1_500,
  /** What it may take on a fast path, beside the round trips: one retransmission of TCP and a busy Pi. A dead WAN is noticed in 2 s + 2 x 0.76 s at 40 ms. */
  pulseSlack: 600,
  /** Round trips that it may take: one for the pulse, the others for what is sent again. */
  pulseRoundTrips: 4,
  /** A link to the outside that ended has so many others pulsed, those that were silent longest: all that a plain node has. */
  alarmPulses: 4,
  /** And the next one does so after this: a relay whose clients come and go spends 120 B/s on it at most. */
  alarmPause: 1 * SECOND,
  /** Pulses of one link that are missed in a row until it is dead: one may be lost with a Wi-Fi that roams. */
  pulsesMissed: 2,
  /** An outcome that comes this much after its time was late because of this process, and says nothing of the peer. */
  pulseLate: 250,
  /** Each link is pulsed at least so often, also on the LAN and while other things come over it: the round trip that people see is no older. 1 B/s. */
  measurePeriod: 60 * SECOND,
  /** A link over which pieces travel may stay silent for so long: a pulse waits behind 4 MB that are queued for 2 Mbit/s. */
  busySilence: 15 * SECOND,
  /** Without a link to the outside somebody is dialled so often, jittered by a quarter: a relay that is back is found within 1.25 s. */
  seekPeriod: 1 * SECOND,
  /** The period is longer by the links on the LAN, up to so many times: a site of four or more makes one try a second, however large it is. */
  seekShare: 4,
  /** Without a way out for so long, that is an event: restarts and moves are over by then. */
  cutOffTold: 1 * MINUTE,
  /** Members that are dialled in turn beside the round over all others: those that relay, or answered directly before. */
  seekFriends: 4,
  /** Dials under way of who seeks: 10 s of one a second would leave no place while nothing answers; the turn of friends goes on. */
  seekDialsAtOnce: 8,
  /** Who was there and soon gone again is dialled by who seeks after this, though its pause be longer: what is full is no way out. */
  seekBrief: 10 * SECOND,
  /** Ports that are remembered as let out by our site. */
  dialPorts: 4,
  /** Members that relay for a node that cannot be dialled: one may vanish. */
  relaysWanted: 2,
  /** Addresses that are open from outside, of those a node tells: IPv4 and IPv6; leaves room for the LAN and relays. */
  openAddresses: 2,
  /** First pause before a relay is asked again that lost us; doubled. It is up again after a restart of 3 s. */
  reserveBackoffMin: 1 * SECOND,
  /** The longest such pause: a relay that comes back is used within a minute even when others do its work. */
  reserveBackoffMax: 1 * MINUTE,
  /** A relay that is full, or does not relay, is left alone for so long: others gave up their places by then, or it was configured anew. */
  relayFullPause: 5 * MINUTE,
  /** A node of which nobody saw yet whether it has a NAT waits so long for the test of its addresses before it asks for relays. */
  reserveGrace: 2 * SECOND,
  /** A node that is open from outside keeps its reservations for so long: the test may change its mind. */
  publicSettled: 1 * MINUTE,
  /** Relays that are remembered with their pauses: those of two minutes of asking. */
  relaysRemembered: 64,
  /** Links from outside that a relay keeps, and with zone-mates beyond mateLinksMax: 32 sites with two reservations each; crowds are cut beyond it. */
  relayLinksMax: 64,
  /** A relayed link is improved after this: hello has told of addresses and NATs by then. */
  improveDelay: 500,
  /** The other end waits so much longer, and whoever was told that the peer tries: so that both do not at once. */
  improveTurn: 5 * SECOND,
  /** Pause after the first try; doubled, and longer by up to a half. */
  improvePauseMin: 5 * SECOND,
  /** Tries in a row, over two minutes: punching fails by chance, and NATs forget within two. */
  improveTries: 5,
  /** And then so often: a router that was changed is found within minutes; each try costs two hellos and some SYNs. */
  improvePeriod: 10 * MINUTE,
  /** What a peer says of itself gives a fresh start this often at most. */
  improveRenewal: 1 * MINUTE,
  /** Members whose view of us is remembered to tell what our NAT does: more than the links that a plain node dials. */
  natSights: 16,
  /** Changes of our addresses, NAT or offer that are told at once; each costs a hello of 1 kB on each link. */
  reachTells: 4,
  /** One more each so long: an address that flaps costs a node less than 100 B/s a link. */
  reachTellPeriod: 15 * SECOND,
  /** Changes that follow each other are told together: two reservations are won within this time. */
  reachTellDelay: 100,

  /** How often this machine's addresses are looked at: a cable that is back is used within a second. */
  networkPeriod: 1 * SECOND,

  /** Who is asked to dial back does it so soon after what makes us ask: several links open at once, and addresses come in pairs. */
  reachDelay: 500,
  /** Nobody tells of a router that was configured: it is tried again so often, by two members; 2 kB each. */
  reachPeriod: 10 * MINUTE,
  /** When nobody could tell: others are linked by then. */
  reachRetry: 30 * SECOND,
  /** Tests in a row that miss an address before it is taken for closed: who dials in vain may be slow, or its wire full. */
  reachMisses: 3,
  /** When something that was open was missed: who relays and cannot any more says so within half a minute. */
  reachRecheck: 5 * SECOND,
  /** What a dial back may take: what is swallowed by a firewall says nothing, and a handshake has two round trips. */
  dialbackTimeout: 3 * SECOND,
  /** Ports that are tried: our own, one that strict firewalls let out, and what was forwarded. */
  dialbackPorts: 4,
  /** Dials back for others at a time, each of so many ports. */
  dialbacksAtOnce: 8,
  /** Questions to dial back of one member that are answered at once: one for each change of its network within a minute. */
  dialbacksPerPeer: 8,
  /** And one more each so long: a refused dial takes a millisecond, and a member could have us do nothing else. */
  dialbackPause: 5 * SECOND,
  /** A question to dial back, or its answer: addresses of the longest. */
  dialbackBytes: 1_024,

  // Relays -----------------------------------------------------------------------------------------------------------
  /** Members that a relay takes in for: as many links, and half of libp2p's bound on them. Configurable. */
  relayReservations: 64,
  /** Circuits of one relay at once: each holds at most three windows of a stream when nobody reads, 48 MB together. */
  relayCircuits: 64,
  /** Circuits that end at one member: half of the streams that it lets the relay open. */
  relayCircuitsPerPeer: 32,
  /** Bytes a second that a relay forwards, all circuits together: 16 Mbit/s of an uplink. Configurable. */
  relayRate: 2_000_000,
  /** Bytes in 30 days that it forwards, a thirtieth each day at most: a fifth of what most contracts allow. Configurable. */
  relayMonthly: 200_000_000_000,
  /** Our addresses through one relay: its usual port, and one that strict firewalls let out. Two relays leave room for two of our own. */
  relayAddresses: 2,
  /** A message of the relay's protocol: addressesPerContact of the longest. */
  relayMessageBytes: 1_024,
  /** What may come behind such a message before it is forwarded or read: the first messages of a handshake. */
  relayEarlyBytes: 16_384,

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

  // Announcements ----------------------------------------------------------------------------------------------------
  /** An announcement; larger ones are refused before they are parsed. 64 releases of 800 bytes fit. */
  announcementBytes: 65_536,
  /** Releases in one announcement: one per artifact path of a role. */
  releases: 64,
  /** A head on the gossip topic: role, two numbers and a hash have 85 bytes. */
  headBytes: 160,
  /** Length of an artifact path: four segments of 31. */
  pathLength: 128,
  /** Length of a release's version label. */
  versionLength: 64,
  /** A selector, in characters: ten conditions. */
  selectorLength: 1_024,
  /** Nodes and depth of a selector's syntax tree: bounds what evaluating it may cost on every node. */
  selectorNodes: 256,
  /** See selectorNodes. */
  selectorDepth: 24,
  /** Compiled selectors kept: all releases of all roles that a fleet has in practice. */
  selectorCache: 256,
  /** Origins named by a release. */
  releaseOrigins: 4,
  /** Encodings of a release: one whole, and patches against the versions in use. */
  releaseEncodings: 16,
  /** Release hashes in `requires`. */
  releaseRequires: 16,
  /** Bodies asked for in one sync request: three of the largest fit an answer. */
  syncAnnouncements: 3,
  /** A body that was promised by a head and did not come is asked of the same peer again after this. */
  bodyRetry: 20 * SECOND,
  /** Heads of one neighbour whose bodies are fetched per minute: an honest one tells of a few releases; T21's flood of new ones stops here. */
  headsPerMinute: 30,
  /** Targets of peers that are taken at once, each in force at once: what an owner changes within a few minutes, a revocation among it. */
  targetsAtOnce: 4,
  /** Then one per pause, the newest by then: a stolen targets key costs a card some writes an hour, and a change waits for no more than this on a link. */
  targetsPause: 1 * MINUTE,
  /** Heads of gossip whose bodies are on their way; each waits for 2 x requestTimeout at most. */
  headsWaiting: 256,
  /** Bodies asked for at the same time, in all: 32 answers of the largest size are 8 MB. */
  bodiesAtOnce: 32,
  /** Of one peer: leaves it as many streams of sync again for what else we ask (see inboundStreamsPerProtocol). */
  bodiesPerPeer: 2,
  /** Bodies that wait while others are being written: 2 MB. */
  bodiesQueued: 32,
  /** Documents whose signatures did not hold, remembered by their hash: what 32 neighbours may have fetched in a minute. */
  knownBad: 1_024,
  /**
   * What a peer may give in an hour that is refused, in points; a head of gossip costs one. An honest member passes on some that are
   * late, and those of 64 roles of newer targets, again and again: not a thousand.
   */
  refusedPoints: 1_024,
  /** Points of a document that no honest member gives: 16 of them, each up to 16 signature checks of 2 ms, are half a second an hour. */
  refusedAtFault: 64,
  /** Of one from a peer that goes by other targets or roots: both sides of an equivocation of each of 64 roles may honestly be wrong. */
  refusedInDoubt: 8,
  /** After so long a peer's budget is whole again. */
  refusedTime: HOUR,
  /** A peer that used its budget up is neither admitted nor dialled for so long: a broken one may have been mended by then. */
  dropTime: HOUR,
  /** Acceptances in the audit log: a release a day for four months. Refusals have their own places and cannot push them out. */
  auditAccepted: 128,
  /** Refusals in the audit log, of 150 bytes: a peer fills at most 24 of them in an hour, one for each reason and kind. */
  auditRefused: 128,
  /** Refusals of one peer for one reason within this time are one entry with a count. */
  auditCoalesced: HOUR,
  /** A first refusal is written after this, with those that came meanwhile: what an attack may hide by a power cut. */
  auditFreshDelay: 10 * SECOND,
  /** Counts that grew are written this far apart: 128 entries of 150 bytes are 3 MB a day under attack, of a budget of 10. */
  auditGrownDelay: 10 * MINUTE,
  /** Bodies that peers did not give, remembered by peer and hash: those of all links for a minute. */
  bodiesMissed: 1_024,
  /**
   * Artifact paths of one role whose highest counter is remembered: four announcements without a common path; a new epoch begins anew.
   * For each role, so that none takes another's room: 64 roles take 16,384 floors (3 MB) at most.
   */
  pathFloors: 256,
  /** A beacon: 64 roles with both sides of an equivocation, and the signatures of all its keys. */
  beaconBytes: 20_480,
  /** Keys of the beacon role: a few nodes that are seldom off at the same time; a head has one bit for each. */
  beaconKeys: 8,
  /** Shortest period of beacons: for laboratories; each costs every node a few hellos and signature checks. */
  beaconPeriodMin: 10 * SECOND,
  /** Longest period: a mesh that hears of a freeze after three weeks has no use for beacons. */
  beaconPeriodMax: 7 * DAY,
  /** So many silent periods are a freeze: a holder that restarts, and one period in which holders disagree, are none. */
  beaconSilence: 3,
  /** A holder signs when what it holds has not changed for so long, or a tenth of the period if that is shorter: hello has told the others by then. */
  beaconQuiet: 2 * MINUTE,
  /** A peer is asked for its beacons this often at most: signatures arrive one after the other. */
  beaconAskPause: 5 * SECOND,
  /** A key file has 190 bytes, an encrypted one 450; whatever is longer is none, and is not read. */
  keyFileBytes: 4_096,
  /**
   * Memory that unlocking a key file may take: a file says how much it needs. Those made here take half of it, 64 MiB, which a board
   * with 512 MB has.
   */
  keyFileMemory: 134_217_728,
  /** How often a key file may have that memory gone through: once takes about a second on a Pi, and is what files made here ask for. */
  keyFilePasses: 4,
  /** Characters of a new passphrase, at least: with fewer, guessing ends before long whatever a guess costs. */
  passphraseMin: 8,
  /** Bytes of a passphrase: a file that is longer holds something else. */
  passphraseBytes: 1_024,
  /** How long a publisher waits for another one of the same folder to sign and hand in: both take about a second. */
  signingTurn: 30 * SECOND,
  /** A signing request: two announcements, targets, and 256 roots (rootVersions) of 64 keys, which have 15 kB each. */
  signingRequestBytes: 4_194_304,
  /** Values in one: those roots have 190,000. Four MiB of nothing but empty lists would take half a gigabyte of memory to read. */
  signingRequestValues: 262_144,
  /** An announcement expires so long after it was signed, unless the publisher says otherwise: a quarter, so that keys prove alive. */
  announcementLifetime: 90 * DAY,

  // Swarm ------------------------------------------------------------------------------------------------------------
  /** Shortest piece: a home uplink of 1 Mbit/s sends one in 2 s. Doubled until there are at most `pieces`. */
  pieceBytesMin: 262_144,
  /** Longest piece: one is held in memory for each request that is in flight. */
  pieceBytesMax: 4_194_304,
  /** Pieces of an encoding: its bitfield has 512 bytes and its piece list 128 KiB. */
  pieces: 4_096,
  /** A message of /pimesh/pieces/1 without a piece: a bitfield of 512 bytes and its frame. */
  pieceControlBytes: 640,
  /** What a message of data has beside the piece. */
  pieceFrameBytes: 64,
  /** Requests in flight towards one peer: enough to keep a LAN busy, few enough that losing the peer costs a megabyte. */
  requestsPerPeer: 4,
  /** Bytes in flight towards all peers: what a download may hold in memory. */
  requestBytes: 8_388_608,
  /** Requests of one peer that wait here; it asks for no more than requestsPerPeer. */
  requestsQueued: 16,
  /** Pieces read and sent at the same time, for all peers: each holds its bytes in memory. */
  servedAtOnce: 6,
  /** For one peer. */
  servedPerPeer: 2,
  /** Pieces under way over the wire to members outside, at least: one that is sent, and one that is about to arrive. */
  flightsMin: 2,
  /** The same of an encoding that is all here: others may have to wait for this wire, so it must not idle while what confirms a piece waits in front of theirs. */
  flightsWhole: 10,
  /** And at most: 4 MiB of the shortest pieces, which is 300 Mbit/s where they take 100 ms. */
  flightsMax: 16,
  /** Of them so many may wait in a queue on the way. More would come later, and could not be taken back. */
  flightsWaiting: 2,
  /** Who has not confirmed a piece after this, or after 4 times what a whole window takes, is not waited for any more. */
  flightPatience: 2 * SECOND,
  /** A piece under way keeps its place from others for so many times what the quickest quarter of the members needs for one: a wire idles behind who confirms late. */
  flightHeld: 2,
  /** Pieces that it has to confirm then before its pieces count again, at most. */
  flightDebt: 64,
  /** Shortest patience with a request; more for who was measured to be slow. This and the next ones are for the shortest piece, more for longer ones. */
  requestPatienceMin: 10 * SECOND,
  /** Longest patience: a piece of 256 KiB at 70 kbit/s. */
  requestPatienceMax: 30 * SECOND,
  /** A patience is so many times what the peer needed for earlier pieces. */
  requestPatienceFactor: 4,
  /**
   * What the slowest peer may take for a piece (256 KiB at 17 kbit/s). A request to the only holder is not given up before, since
   * asking anew would only take longer; and what comes late, after others were asked, is welcome until then.
   */
  lonePatience: 2 * MINUTE,
  /** When all missing pieces are asked for, a quick peer takes over one that waits for so many times what that peer needs for a piece. */
  endgamePatienceFactor: 2,
  /** But not before this: on a fast LAN a busy neighbour would be asked twice for everything. */
  endgamePatienceMin: 500,
  /**
   * What a member on the LAN holds or claims is waited for so long, even if the thin wire would be quicker: longer for who has shown
   * to need longer, or when the wire needs longer. For the shortest piece, more for longer ones.
   */
  matePatience: 2 * SECOND,
  /** A claim counts so long at least: at the first pieces the wire of whoever has them is in great demand. For the shortest piece. */
  claimPatience: 5 * SECOND,
  /** What is asked of one member outside keeps it busy for so long: what waits there longer could come from elsewhere meanwhile. */
  sharedQueue: 1 * SECOND,
  /** What can suddenly be had from outside is left for so long to each mate before us: a claim goes over a busy LAN in less. */
  claimTurn: 100,
  /** And for so long at most, where mates are slow: for twice what they need for a piece. */
  claimTurnMax: 1 * SECOND,
  /** Claims of a mate that count before it kept one: it begins with one request to each of a few members outside. */
  claimsAtFirst: 8,
  /** Claims of others that count when one mate passes them on, for each of its own that would: of a large site, where each node has a few. */
  passedPerClaim: 4,
  /** Claims of a mate that count: all that fits requestBytes in pieces of the shortest length. */
  claimsAtOnce: 32,
  /** Encodings of which it is remembered what one mate claimed on streams that are gone: four times what a node fetches at once. */
  spentClaims: 8,
  /** What a member did not give or keep is remembered for so long without its link: a new link costs nothing and must not buy new delays. They take seconds: of ten minutes 2 %. */
  goneRemembered: 10 * MINUTE,
  /** Members without a link of which that is remembered, the last ones: as many as can be linked. */
  goneMembers: 64,
  /** A peer that does not read a piece it asked for is cut off after this, more for a longer piece: it holds one of few places. */
  serveTimeout: 2 * MINUTE,
  /** First pause with a peer whose stream of pieces was lost, or that refused a request; doubled while that goes on. */
  pieceRestMin: 1 * SECOND,
  /** Longest such pause, and the longest with one that lets requests lapse. */
  pieceRestMax: 1 * MINUTE,
  /** A peer that let so many requests in a row lapse is asked for one piece at a time, until it gives one. */
  requestLapses: 2,
  /** Bad pieces of one peer until it is banned: the second one (T17). */
  badPieces: 2,
  /** How long a ban lasts: a broken disk may have been replaced by then. */
  banTime: 24 * HOUR,
  /** Peers remembered as banned or suspect. */
  bannedPeers: 256,
  /** Encodings kept and served at the same time, those first that are on their way to be installed: all releases of four roles. */
  encodingsKept: 256,
  /** Old encodings that are kept for others when nothing else is said: some releases of most artifacts, a sixteenth of a 16 GB card. */
  cacheBytes: 1_000_000_000,
  /** What was dropped from the cache for something else is gone from the disk after so long. */
  cacheFreed: 1 * SECOND,
  /** What is fetched for others is given up when nobody waited for it for so long: links move and come back. */
  forwardPatience: 1 * MINUTE,
  /** Encodings fetched at the same time; others wait their turn. */
  downloadsAtOnce: 2,
  /** Bitfields of one encoding that one peer may send in a minute. An honest one sends some when its download gets its turn, ends, or its disk fails: not eight of them. */
  bitfieldsPerMinute: 16,
  /** Messages of one peer in a minute that change nothing (a cancel too late, what it said before): one for every piece of the longest encoding. */
  pieceIdleMessages: 4_096,
  /** Encodings that a peer wants and that we don't know, of each peer: as many as it fetches at once, and some that wait. */
  unknownWants: 8,
  /** Peers with which a node keeps a stream of pieces. */
  pieceStreams: 64,
  /** Streams of pieces that one peer may open towards us: the one in use, and one that lost a race and goes. */
  pieceStreamsPerPeer: 2,
  /** Messages that wait for one peer to read: what it may be told of while a piece is on its way to it over a slow line. */
  pieceSendsQueued: 1_024,
  /** A message is handed to the link in parts of this length: with yamux's head it fills one frame of noise, whose cost is in part that of its number. */
  pieceChunkBytes: 65_507,
  /** The same while the link takes its time, so that gossip and hello wait behind one part and not behind a piece: 0.26 s at 1 Mbit/s. */
  pieceChunkSlow: 32_768,
  /** A link that took a part in less is quick: 64 KiB at 26 Mbit/s, behind which nobody waits noticeably. */
  pieceChunkQuick: 20,
  /** A message may take requestPatienceMax and a second for each so many bytes: a piece of 256 KiB has 158 s, more than anybody waits for one. */
  pieceRateMin: 2_048,
  /** A download that got no piece for so long, by half more or less at random, looks for other providers. */
  providerSearchPeriod: 10 * SECOND,
  /** Rounds of other ways that a download tries before it asks the directory: zone, records and contacts cost less. */
  directoryAfter: 1,
  /** First pause between two questions of one download; doubled while nobody is found. Also after nobody could be told. */
  directoryPauseMin: 30 * SECOND,
  /** Longest such pause. */
  directoryPauseMax: 30 * MINUTE,
  /** What was brought in on this machine is told of within this time: perhaps nobody else has it. */
  directoryTellSoon: 2 * SECOND,
  /** What was fetched is told of at a moment within this time: a fleet that got it at once does not tell in chorus. */
  directoryTellSpread: 2 * MINUTE,
  /** What is still here is told of anew after so long, by a quarter less at random. */
  directoryRetell: 10 * HOUR,
  /** Of a zone so many tell the directory, as a mean: one may be off, and each gives it to the others. */
  directoryTellers: 3,
  /** How often who serves looks whether other servers came or went. */
  directoryLookPeriod: 5 * MINUTE,
  /** Servers of the directory that are asked for one key, and keep a record of it: some are away, and some may lie. */
  directoryNearest: 8,
  /** Questions to servers of the directory that one search has out at the same time. */
  directoryAtOnce: 3,
  /** Servers that one search may dial, beyond those that are linked: each costs both ends about 4 kB. */
  directoryDials: 8,
  /** One search or one round of telling: a dead server on the way costs 5 s. */
  directoryTime: 15 * SECOND,
  /** A server that did not answer is left alone for so long. */
  directoryAvoid: 10 * MINUTE,
  /** Servers that a node knows to begin with. */
  directoryServers: 64,
  /** Providers that one search comes to, and that one server may name in an answer. */
  directoryProviders: 16,
  /** Providers of one key that a server keeps, the first ones: who comes later and in crowds displaces nobody. */
  directoryPerKey: 16,
  /** Keys for which a server keeps one member as provider, each an encoding that it holds. */
  directoryPerMember: 64,
  /** Records that a server keeps, 300 bytes each; a full one drops one of the member that has most. */
  directoryRecords: 2_048,
  /** Members whose addresses are kept for the directory. */
  directoryPeers: 512,
  /** A record is forgotten after so long: who still provides has told anew twice by then. */
  directoryRecordLife: DAY,
  /** An answer of the directory: 16 providers and 8 servers with all the addresses that a contact may have. */
  directoryAnswerBytes: 32_768,
  /** What one stream may ask of the directory: one provider with its addresses. */
  directoryQuestionBytes: 4_096,
  /** Questions of one peer that are answered at once: it tells of all that it holds after a start. */
  directoryTurns: 128,
  /** One more after each such time. */
  directoryTurnPeriod: 1 * SECOND,
  /** Streams of the directory that one peer may have open towards us: half of them are about to close. */
  directoryStreams: 8,
  /** When nobody sent the piece list in this time, more peers are asked for it. */
  pieceListHedge: 1 * SECOND,
  /** Questions for one piece list that are out at the same time: 128 KiB may come of each. */
  pieceListAsks: 8,
  /** The longest pause between two searches of a download that finds nobody. */
  providerSearchMax: 5 * MINUTE,
  /** Members remembered as dialled for pieces, so that each search tries others. */
  providersTried: 256,
  /** What this machine brought in is removed when no release names it by then. */
  importNamed: 1 * MINUTE,
  /** Providers dialled for in one search. */
  providersPerSearch: 4,
  /** Pieces are synced to disk after so many bytes or so long, whatever comes first: what a power cut may cost. */
  syncBytesWritten: 33_554_432,
  /** See syncBytesWritten. */
  syncPeriod: 30 * SECOND,
  /** A full or read-only disk is tried again this often. */
  diskRetry: 30 * SECOND,
  /** The longest pause between two tries of an installation that the disk keeps failing: each may write the whole artifact. */
  installRetryMax: HOUR,
  /** Left free on the disk when room is made for an encoding: logs and LevelDB need some. */
  diskReserve: 16_777_216,

  /** Encodings a publisher handed in whose announcement has not come yet; so many stay whatever else there is. */
  importsWaiting: 16,
  /** How long they wait: signing takes seconds. */
  importWait: 10 * MINUTE,

  /** Bytes of a file that are read or hashed at once: a few milliseconds of a Pi, and the memory a download's disk needs. */
  fileBlockBytes: 262_144,
  /** Artifact files that are open at once; others are opened again when a piece of theirs is asked for. */
  artifactFilesOpen: 8,
  /** Compression of whole artifacts: 70 MB/s on a laptop, once per release; higher levels win 2 % and take ten times as long. */
  zstdLevel: 9,
  /** Window of zstd, as a power of two: a node that unpacks holds 8 MiB, and refuses what asks for more (a header may ask for 128 MiB). */
  zstdWindowLog: 23,
  /** An artifact that zstd does not make smaller than this share of itself travels as it is: nobody unpacks for nothing. */
  identityShare: 0.97,
  /** Bytes of an artifact that one segment of a patch makes: with larger ones a change early in a file spoils more (measured: 4 MiB cost twice as much). */
  patchSegmentBytes: 1_048_576,
  /** Bytes of the base that a segment is made from: its own and as much on either side. Who applies a patch holds one range. */
  patchRangeBytes: 3_145_728,
  /** Bytes of a segment's instructions, unpacked: twice what they make. */
  patchPlainBytes: 2_097_152,
  /** Window of their compression, as a power of two: all of a segment's instructions. */
  patchWindowLog: 21,
  /** Compression of a segment's instructions: they are a tenth of the segment, so that the highest level costs less than finding the matches. */
  patchLevel: 19,
  /** Fingerprints of a base that are kept, in 8 bytes each and half-empty tables: about 1,000 of each MiB of a base of 190 MB, and 16 of one of 16 GiB. */
  patchFingerprints: 524_288,
  /** A patch that is not smaller than this share of the whole encoding is not announced: it would save nothing worth its place. */
  patchShare: 0.9,
  /** Nobody had a patch for so long: the whole is asked for, too, since the only member with the patch may never come back. */
  patchPatience: 5 * MINUTE,
  /** Versions that a publisher makes patches from by itself, those that most nodes have: each takes a minute for 200 MB, and room in the announcement. */
  patchBasesFound: 3,
  /** Releases of a path that a publisher keeps to make patches from: as many as it makes patches of. */
  publishedKept: 3,
  /** Bytes of all that it keeps for that, whatever the path: two of the largest artifacts that are usual. */
  publishedBytes: 4 * 1_073_741_824,
  /** Bases that one release may have patches against: one place of its encodings is for the whole. */
  patchBases: 15,

  /** What was counted of a month is written after so many bytes: a power cut forgets no more, and 10 GB cost 300 small writes. */
  usageBytesUnsaved: 33_554_432,
  /** Or after so long. See usageBytesUnsaved. */
  usageUnsaved: 10 * MINUTE,
  /** Degrees that a board has to cool down before it goes on: a Pi without a fan loses them in half a minute. */
  coolerBy: 5,
  /** It rests so long after the last sample with throttling: more than two samples of a zone of 32. */
  throttledRest: 1 * MINUTE,
  /** How often a peer without heartbeats asks for the clock, when its hours are bounded: they begin and end by the minute. */
  budgetSamples: 1 * MINUTE,
  /** Members whose upload is remembered for their bound: who comes back within a debt finds it again. */
  meteredMembers: 256,

  // Install ----------------------------------------------------------------------------------------------------------
  /** Install states in a record: 11 bytes each. */
  recordInstalls: 4,
  /** Releases of one path that failed here and are remembered. */
  failedReleases: 16,
  /** Versions of a path kept on disk: the one in use and the one before it. */
  versionsKept: 2,
  /** How often an installation looks how its download fares: to say who has what, every peer is looked at. */
  progressLook: 1 * SECOND,
  /** Journals kept: the paths of all roles. */
  installPaths: 256,

  // State ------------------------------------------------------------------------------------------------------------
  /** The view is written in batches this far apart: 25 rows every 10 minutes are 1.5 MB/day, of a budget of 10. */
  viewFlushPeriod: 10 * MINUTE,
  /** Events and alerts kept in memory. */
  events: 256,
  /** Alerts kept: one kind for each node of two cells. */
  alerts: 64,
  /** Incarnations a node may jump over within one run when it hears a higher one of itself; a clone makes it hear more. */
  incarnationJumps: 3,
  /** Incarnations are numbers of 31 bits, as versions are everywhere in pimesh: enough for a restart a second for 68 years. */
  incarnationMax: 2 ** 31 - 1,

  // Local API --------------------------------------------------------------------------------------------------------
  /** Path of a unix socket in Linux: 108 bytes with the closing zero. */
  apiPathBytes: 107,
  /** Request line and headers: ours have 200 bytes, a query for 64 zones 4 kB. */
  apiHeaderBytes: 8_192,
  /** Most requests carry no body; whoever sends one is refused after this much. */
  apiBodyBytes: 1_024,
  /** A submission: an announcement and a targets document of the largest size, as texts in JSON, which may double them. */
  apiSubmitBytes: 263_168,
  /** Roots that are handed in: a hundred of them, of the usual 2 kB, or a few of the largest. */
  apiRootsBytes: 1_048_576,
  /** An upload of which no byte moved for so long is given up: a slow card may take its time, a stuck client may not stay. */
  apiUploadStall: 60 * SECOND,
  /** Screens and scripts open at once on one machine. */
  apiConnections: 32,
  /** A request must have arrived within this time: a stuck client may not hold a connection for ever. */
  apiRequestTimeout: 10 * SECOND,
  /** The longest deadline a query may ask for. */
  apiQueryTimeoutMax: 60 * SECOND,
  /** Zones one question may name. */
  apiZones: 64,
  /** What a client reads at most: 10,000 nodes of 3 kB. */
  apiAnswerBytes: 32 * 1_048_576,
  /** Answers under way when the daemon stops get this long. */
  apiCloseTimeout: 1 * SECOND,

  // Commands ---------------------------------------------------------------------------------------------------------
  /** A daemon that was told to stop ends by itself within this time, or is ended. */
  stopTimeout: 10 * SECOND,

  // Probe ------------------------------------------------------------------------------------------------------------
  /** The under-voltage alarm holds the last 2 s (raspberrypi-hwmon.c): looked at a little more often, no dip falls between. */
  undervoltagePeriod: 1_900,
  /** Programs the probe runs, `vcgencmd get_throttled` and `systemctl show`: starting one costs more than a hundred reads of /proc. */
  throttledPeriod: 1 * MINUTE,
  /** Failed units, likewise: units fail rarely, and asking systemd costs more. */
  failedUnitsPeriod: 5 * MINUTE,
  /** A program that hangs is ended after this: its answer takes milliseconds. */
  commandTimeout: 5 * SECOND,
  /** What such a program may print: its answer is one number. */
  commandOutputBytes: 4_096,
  /** An answer of theirs is shown for this many periods: two failures in a row are bridged. */
  commandBelievedPeriods: 3,
  /** How often sensors are looked for that a driver may have brought since. */
  sensorSearchPeriod: 5 * MINUTE,
  /** A file system that does not say its free space in this time counts as unknown: samples go on beside a dying card. */
  freeSpaceTimeout: 500,
  /** Entries of /sys/class/thermal and /sys/class/hwmon that are looked at; a server has about 20. */
  sensors: 64,
  /** A file of /proc or /sys; the longest, mountinfo on a container host, has about 60 kB. */
  sourceFileBytes: 262_144,
  /** Idle and iowait may step back by less than this without a reboot (as in node_exporter). */
  cpuTimeStepBack: 3 * SECOND,
  /** chrony and ntpd write their drift file about every hour while synchronised: two may be missed. */
  driftFileBelief: 3 * HOUR,
  /** A fact about the machine, in characters: one line of a terminal. */
  factLength: 128,
} as const

const relations: [string, boolean][] = [
  ['who was closed as surplus does not dial again at once', limits.surplusGrace < limits.linkProven],
  ['a record fits a gossip message', limits.recordBytes <= limits.gossipMessageBytes],
  [
    'the records of a full zone fit one RPC of gossip',
    limits.viewNodes * (limits.recordBytes + 64) <= limits.gossipRpcBytes,
  ],
  [
    'an announcement and its frame fit an answer',
    limits.syncAnnouncements * (limits.announcementBytes + 8) <= limits.syncBytes,
  ],
  ['a submission fits a request', 2 * (limits.announcementBytes + limits.rootBytes) + 1_024 <= limits.apiSubmitBytes],
  [
    'bodies leave streams of sync to other questions',
    limits.bodiesPerPeer < limits.inboundStreamsPerProtocol && limits.bodiesPerPeer <= limits.bodiesAtOnce,
  ],
  ['all beacons fit an answer', (limits.beaconKeys + 1) * (limits.beaconBytes + 8) <= limits.syncBytes],
  ['a piece list fits an answer', limits.pieces * 32 + 64 <= limits.syncBytes],
  ['a bitfield fits a message', limits.pieces / 8 + 80 <= limits.pieceControlBytes],
  ['pieces of every length add up', limits.pieceBytesMax % limits.pieceBytesMin === 0],
  ['late comes before down', limits.lateAfterPromises < limits.downAfterPromises],
  ['a membership fits the gate', limits.membershipBytes * 2 + 512 <= limits.gateMessageBytes],
  [
    'addresses of a hole fit their message',
    limits.punchAddresses * (limits.addressLength + 3) + 64 <= limits.punchBytes,
  ],
  ['a hole and its gate fit a dial', limits.punchWindow + limits.addressDialTimeout < limits.dialTimeout],
  ['two addresses fit a dial', limits.addressDialTimeout * 2 <= limits.dialTimeout],
  ['a dial is over before it is forgotten', limits.dialTimeout + limits.gateTimeout < limits.dialForgotten],
  ['hello comes twice within the silence that ends a link', 2.2 * limits.helloPeriod < limits.linkSilence],
  [
    'the back-off of every contact is kept',
    limits.contactZones * limits.contactsPerZone + 2 * limits.contactsOfOwnZone + limits.connections <
      limits.dialPauses,
  ],
  ['a rival is judged within the gate', limits.rivalTimeout < limits.gateTimeout],
  ['the gate fits one address of a dial', limits.gateTimeout < limits.addressDialTimeout],
  ['an invite leaves room in a membership', limits.inviteBytes + 1_280 <= limits.membershipBytes],
  ['a page of rows fits an answer', limits.queryRows * (limits.recordBytes + 96) <= limits.queryBytes],
  ['a page of ids fits a question', limits.syncMemberships * 18 <= limits.questionBytes],
  ['a page of memberships fits an answer', limits.syncMemberships * limits.membershipBytes <= limits.syncBytes],
  [
    'a zone at its bound keeps a believable promise',
    limits.viewNodes * limits.recordPeriodPerMember <= limits.recordPeriodMax,
  ],
  [
    'wanted links fit the kept ones',
    limits.mateLinksWanted <= limits.mateLinksMax && limits.outsideLinksWanted <= limits.outsideLinksMax,
  ],
  [
    'a crowd of links fits the connections, and the kept ones a crowd',
    limits.linksCrowded < limits.connections && limits.mateLinksMax + limits.relayLinksMax < limits.linksCrowded,
  ],
  ['a pulse that is missed is told before the next turn', limits.pulseTimeout < limits.pulsePeriod],
  ['the kinds of addresses fit a contact', limits.openAddresses + limits.relaysWanted < limits.addressesPerContact],
  [
    'a relayed address has its time within a dial',
    limits.addressesPerContact * limits.addressHeadStart + limits.relayHeadStart + limits.addressDialTimeout <=
      limits.dialTimeout,
  ],
  ['addresses through two relays leave room for our own', 2 * limits.relayAddresses < limits.addressesPerContact],
  ['a relay takes in no more than it keeps links for', limits.relayReservations <= limits.relayLinksMax],
  ['all links fit the connections', limits.mateLinksMax + limits.outsideLinksMax < limits.connections],
]
for (const [relation, holds] of relations) if (!holds) throw new Error(`limits.ts contradicts itself: ${relation}`)
