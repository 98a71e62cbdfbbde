// Bounds of one room, in ../limits.ts with all others. How releases travel: pieces, who fetches and gives them, encodings and patches.
import { DAY, HOUR, MINUTE, SECOND } from './units.ts'

export const swarmLimits = {
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
  /**
   * What is asked of all members outside together keeps them busy for so long: what is asked of everybody who has something is in some queue, and
   * whoever has nothing to do any more, as the publisher who gave each piece once, finds nothing left to give. 3 sites of 4 in memory: 1.16 times
   * the bound without it, 1.07 to 1.08 with 2 to 4.5 s. In the laboratory 2.5, 4 and 5.5 s differ by less than its runs do.
   * For the shortest piece, more for longer ones: with 1 MiB 1.08 times, and 1.25 if it were the same.
   */
  sharedQueues: 4 * SECOND,
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
  /** Places of an artifact that are looked at before a patch is made of it: what a patch has to save, a tenth of the bytes, has one in it when it is one stretch. */
  patchSamples: 16,
  /** Bytes that are looked at there: all sixteen cost a second, and a segment without any likeness costs half of one. */
  patchSampleBytes: 262_144,
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
} as const
