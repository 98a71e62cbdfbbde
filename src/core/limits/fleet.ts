// Bounds of one room, in ../limits.ts with all others. Who is gone, who says so, and how a fleet of many zones is seen.
import { DAY, HOUR, MINUTE, SECOND } from './units.ts'

export const fleetLimits = {
  // Digests and summaries --------------------------------------------------------------------------------------------
  /** A digest with its envelope: 32 children in 32 s are 1 kB/s, three copies of it included 3 kB/s. */
  digestBytes: 1_024,
  /** A summary with its envelope: once per D on a leaf's topic, below 70 B/s. */
  summaryBytes: 2_048,
  /** Time between two digests of one zone in units of the shortest promise: 30 s where that is 10 s. */
  digestPromises: 3,
  /** Digests of one reporter and zone that come closer than so many shortest promises are not taken: it has nothing to say so often. */
  digestGapPromises: 0.5,
  /** And for each child that speaks on the topic: it carries one digest a second, however many there are. */
  digestPeriodPerChild: 1 * SECOND,
  /** Longest time between two digests that is waited for: 512 zones directly below one. */
  digestPeriodMax: 10 * MINUTE,
  /** Age of the oldest part of a digest that is believed: longest promises thrice, on each of six levels, is three hours. */
  digestAge: 6 * HOUR,
  /** Nodes that one digest may count: a million zones of a hundred. */
  digestNodes: 100_000_000,
  /** Leaf zones that one digest may count, dark ones included: those hundred million nodes. */
  digestZones: 1_000_000,
  /** Names of dark zones in a digest or summary; the count is of all. */
  darkNames: 16,
  /** Names of dark zones of which it is kept whether they were told: those of four summaries that have no name in common. */
  darkTold: 64,
  /** Releases that a digest counts by state; a fleet runs a few at a time, the rest is one number. */
  digestReleases: 8,
  /** Versions of pimesh that a digest counts: an update leaves two, a forgotten site one more. */
  digestVersions: 4,
  /** Characters of a version of pimesh: 1.22.333-rc.4 has 13. */
  pimeshVersionLength: 16,
  /** The worst nodes of a digest: what a person looks at first. */
  worstNodes: 5,
  /** Disk space, as a share, below which a node is among them: a release and its temporary copy may not fit. */
  worstDisk: 0.1,
  /** Memory, as a share: the kernel begins to kill soon. */
  worstMemory: 0.05,
  /** degC: a Pi throttles from 80 on. */
  worstTemperature: 80,
  /** A child zone is dark when nobody spoke for it within so many of its last promises: two digests lost. */
  darkAfterPromises: 3,
  /** A standby speaks when it heard nothing for so many promises: before the zone counts as dark. */
  standbyPatience: 2.5,
  /** Reporters whose digests of one child are kept: active, standby, and one whose view differs. */
  digestSpeakers: 3,
  /** Children of one inner zone that are kept; 32 are what is meant, 400 zones directly below / work. */
  zoneChildren: 512,
  /** Children of an inner zone, and nodes of a leaf zone, beyond which doctor advises to divide it: what digests and records of a zone cost grows with both. */
  zoneAdvised: 32,
  /** Children in one answer: with digests of the largest size they stay below queryBytes. */
  queryChildren: 48,
  /** Questions of people for the zones below inner zones, under way at once: each holds the digests of a whole fleet. */
  descents: 4,
  /** Inner zones that are visited for one question: those of 30,000 zones, with 32 children each. */
  descentZones: 1_024,
  /** Inner zones whose reporters are asked at once: a dial each where none is linked, and an answer of 64 kB. */
  descentZonesAtOnce: 8,
  /** Reporters of one inner zone that are asked one after the other: active, standby, and two that others know. */
  descentContacts: 4,
  /** Zones whose names are on disk: those of three full levels. */
  zonesKnown: 1_536,
  /** A dark zone is remembered for so long; as long as a node that is gone. */
  zoneKeptFor: 30 * DAY,
  /** Records of one incarnation before a node may report: half a minute, so that one that comes and goes does not take the place each time. */
  reporterSettled: 3,
  /** Reporters whose last order is remembered, by child: those of two days of the fullest zone, active and standby. */
  digestOrders: 2_048,
  /** Places in orders of reporters that are remembered: three for each child of the fullest zone, and a leaf zone. */
  reporterPlaces: 4_096,
  /** Places in the order of a zone's reporters from which a summary is taken: views differ by one that comes or goes. */
  summaryPlaces: 4,
  /** Members of whom it is remembered when their summary was taken last: the first of each order, on each topic that a node can be on. */
  summaryAuthors: 64,
  /** Links of a reporter to reporters of sibling zones: twice gossip's D, as with zone-mates. */
  siblingLinks: 6,
  /** And at each level above the first: gossip's D. */
  upperLinks: 3,
  /** Members of sibling zones that are linked to ask who reports there, while too few reporters are known. */
  strangersAsked: 2,
  /** Two counts of one zone differ by more than this share: more than what comes and goes within a D. */
  digestTolerance: 0.2,
  /** And by more nodes than this: a zone of five may lose two. */
  digestToleranceNodes: 2,
  /** Digests in a row of its reporter that a standby contradicts before it says so. */
  disputesAfter: 2,
  /** Members of a zone that are asked for their counts in a spot check; as many voices find a reporter to lie. */
  spotCheckMembers: 2,
  /** Share of spot checks that go to a zone whose reporter may lie, while there is one. */
  suspectChecks: 0.75,
  /**
   * D between looks of a reporter at zones that nothing is wrong with: each takes two new connections, 20 kB with their hellos, and a zone is
   * looked at by the reporters of all its siblings, every other D or so.
   */
  randomChecksEvery: 4,
  /** A spot check ends after this: a dial and a question. */
  spotCheckTime: 20 * SECOND,
  /** Who was found to lie is not believed for so long: until the day has moved its place. */
  liarPause: DAY,
  /** Reporters that are remembered for that: those of a level whose reporters all lie. */
  liarsKept: 512,
  /** Digests that wait for who signed them to be told; beyond it the oldest is dropped. */
  parkedDigests: 64,
  /** Memberships of reporters of other zones, kept in memory by reporters: active and standby of each child, yesterday's as well. */
  digestAuthors: 2_048,
  /** Reporters of its zone that a digest names: active and standby. */
  digestContacts: 2,
  /** Addresses of one of them: the LAN's helps nobody outside, so a direct one and a relayed one. */
  digestAddresses: 2,

  // Fleet: who is gone -----------------------------------------------------------------------------------------------
  /** Members that keep a link with a node and may say that it is gone: one that is down itself, and one that is wrong, leave one. */
  witnesses: 3,
  /** Questions of people by whom a node is seen, under way at once. */
  sightLooks: 16,
  /** A member that may name a node's witnesses has so long to answer before the next one is asked beside it. */
  sightHedge: 1 * SECOND,
  /** Members that must have named a node's witnesses, or those that keep its values, before nobody else is asked for them: one may name itself alone. */
  namers: 2,
  /** Places in the order of a node's witnesses whose votes are taken: views differ by one that comes or goes. */
  witnessPlaces: 5,
  /** Records that a member has sent since it started before it is a witness of others, unless there are too few: it has to learn theirs first. */
  witnessSettled: 3,
  /** Members whose word on the day counts where no clock is trusted, the last heard: more than one zone or one site has hostile ones. */
  dayVoices: 15,
  /** Views of the day differ by so much: at midnight, and by a clock in another time zone. */
  witnessDays: 1,
  /** Records of a node that a witness may have missed when it says that the node is gone, so that others hold newer ones: two in a row are rare. */
  voteLead: 2,
  /** A vote with its envelope: an id, three numbers, a day and a signature. */
  voteBytes: 320,
  /** A witness suspects a node past this many promises: one heartbeat lost, and the next one late. */
  suspectAfterPromises: 1.5,
  /** A probe may take so long, times the health of whoever probes: a retransmission of TCP, and a Pi that is busy. */
  probeTimeout: 2 * SECOND,
  /** Probes that fail before a witness says that a node is gone. */
  probes: 2,
  /** The next probe begins this long after the last one did, or when that has failed. */
  probePause: 1 * SECOND,
  /** Who could not tell a dead node from its own trouble looks again after this. */
  suspectAgain: 5 * SECOND,
  /** Nodes that are looked for at once: a zone of 32 that is cut in two, seen by one that watches six of each half. */
  suspects: 64,
  /** Nodes on which votes are kept. */
  ballots: 64,
  /** Votes that are not complete by then never are: all witnesses of a zone of 25 have missed the promise, twice over. */
  ballotTime: 60 * SECOND,
  /**
   * A voter is heard on one incarnation of a node so often at most, and once more for each record that the node sends meanwhile: a liar has two signatures checked, and adds nothing to the
   * accused one's health.
   */
  votePause: 30 * SECOND,
  /** A timer that comes so late is a sign that this node is slow; twice as late is two. */
  lateWake: 500,
  /** The worst health: probes wait 16 s. */
  healthMax: 8,
  /** Above it a node accuses nobody, and is as patient as its health says. */
  accuseHealth: 2,
  /** Without another sign of trouble health gets better by one in this time. */
  healthRest: 10 * SECOND,
  /** A node that was down and came back so often within flapWindow is told of once, as an alert. */
  flapsMax: 3,
  /** And again when it was quiet for as long: a board that reboots every few minutes all night is one line. */
  flapWindow: 1 * HOUR,
  /** A zone of fewer members is never told to be split: two nodes that go are two events. */
  splitMembers: 4,
  /** This share of a zone that misses its promise together is a split: of a half that is cut off some were heard a moment before. */
  splitShare: 0.4,
  /** The split is over when no more than this share of those that went with it is still missing: some may have died meanwhile. */
  splitRest: 0.2,
  /** For so many promises who is down counts as missing of a split, and later as somebody who is gone. */
  goneLately: 5,
  /** Changes of status that are told one by one in a minute: more than a site has nodes, and than anybody reads. */
  statusEvents: 40,
  /** Others wait so many times as long for a node that says it is slow. */
  slowPatience: 2,
} as const
