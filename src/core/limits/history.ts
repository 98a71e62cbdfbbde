// Bounds of one room, in ../limits.ts with all others. What is kept of the values of yesterday, and what may be asked of it.
import { DAY, MINUTE, SECOND } from './units.ts'

export const historyLimits = {
  // History ----------------------------------------------------------------------------------------------------------
  /** How long a node keeps its own values at all: a month, as a bill or a complaint comes once in it. */
  historyKept: 30 * DAY,
  /** Series beyond METRICS that a node keeps of itself: tier B has about 30, and collectors may add twice that. */
  historySeries: 128,
  /** Name of such a series, in bytes of UTF-8. */
  historyNameBytes: 160,
  /** Rows of a block, whatever a tier says: what a reader makes room for. */
  historyBlockRows: 128,
  /** Columns of a block: those of METRICS and of the other series, with the least and the largest of each. */
  historyBlockColumns: 640,
  /** One block: a day of quarters of all series that a node may keep. */
  historyBlockBytes: 65_536,
  /** Blocks of one tier of one node. Restarts make short ones: a daemon that starts every minute loses old values, not memory. */
  historyBlocks: 96,
  /** Blocks of one tier of one node, together: eight times what an ordinary node fills. */
  historyTierBytes: 1_048_576,
  /** Nodes of which a witness keeps the last day: three on average, and as many that it was a witness of yesterday. */
  historyNodes: 32,
  /** What a witness keeps of others, together. */
  historyKeptBytes: 4 * 1_048_576,
  /** Series in one question: those of one measure, with room. */
  historyAskedSeries: 24,
  /** Names of a node's series in one answer. */
  historyNames: 256,
  /** One answer; there is a next page. */
  historyBytes: 262_144,
  /** Pages of one answer: what a node keeps at most of so many series. */
  historyPages: 16,
  /** Members that are asked for the values of one node, beside itself. */
  historyAsked: 8,
  /** The labels of two runs that overlap by less than this are clocks that were set, and no contradiction. */
  historyOverlap: 5 * MINUTE,
  /** Questions of people under way at once. */
  historyInquiries: 16,
  /** A member that keeps the values and is not linked has so long to be reached and to answer, before others are asked, too. */
  historyHedge: 1.5 * SECOND,
} as const
