// Bounds of one room, in ../limits.ts with all others. How nodes behind NATs reach each other.
import { MINUTE, SECOND } from './units.ts'

export const reachabilityLimits = {
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
  /** Networks of 254 addresses that make up one LAN: of 16,000 machines. */
  besideNetworks: 64,
  /** Members on our LAN that were linked, the last ones: four of each cell of a site of 256 cells. One that is forgotten is linked once more. */
  besideMembers: 1_024,
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
  /** When nobody could tell: others are linked by then. And after a test that found nothing, then doubled: who dials back may be starting itself. */
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
} as const
