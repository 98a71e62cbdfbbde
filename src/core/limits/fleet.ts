// Bounds of one room, in ../limits.ts with all others. Who is gone, who says so, and what a zone tells the zones above it.
import { SECOND } from './units.ts'

export const fleetLimits = {
  // Fleet: who is gone -----------------------------------------------------------------------------------------------
  /** Members that keep a link with a node and may say that it is gone: one that is down itself, and one that is wrong, leave one. */
  witnesses: 3,
  /** Places in the order of a node's witnesses whose votes are taken: views differ by one that comes or goes. */
  witnessPlaces: 5,
  /** Views of the day differ by so much: at midnight, and by a clock in another time zone. */
  witnessDays: 1,
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
} as const
