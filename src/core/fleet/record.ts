// A record: what a node says about itself at one heartbeat, and the order of such statements.
import type { Millis } from '../env.ts'
import type { InstallReport } from '../rollout/states.ts'
import type { RefusedSummary } from '../trust/audit.ts'
import type { MetricValues } from './metrics.ts'

/** Bits of a record's flags (protocol clause FLAGS): append only. */
export const FLAG = {
  /** The kernel says that its clock is synchronised. */
  clockTrusted: 1 << 0,
  /** Something this node holds expires soon. */
  expiry: 1 << 1,
  /** It relays for others. */
  relay: 1 << 2,
  /** It can be dialled from outside. */
  reachable: 1 << 3,
  /** It had no link when it wrote this. */
  isolated: 1 << 4,
  /** Goodbye: it stops on purpose. */
  leaving: 1 << 5,
  /** It heard a record of its own that it did not write. */
  cloned: 1 << 6,
  /** It speaks for its zone to others, or would when the one that does is silent. */
  reporting: 1 << 7,
  /** It has no way out of its site. */
  cutOff: 1 << 8,
  /** It doubts what it sees, as its own timers come late: it accuses nobody now, and others are patient with it. */
  slow: 1 << 9,
  /** A custom collector of this machine is in trouble: its own `pimesh doctor` says why. */
  collectors: 1 << 10,
} as const
export type FlagName = keyof typeof FLAG

export interface HealthRecord {
  /** Persisted, plus one at each start of the daemon; 1..2^31-1. */
  incarnation: number
  /** Plus one for each record of an incarnation, from 1. */
  counter: number
  /** The promise: you hear from me again within this many milliseconds. */
  promise: Millis
  /** OR of FLAG. */
  flags: number
  metrics: MetricValues
  /** The releases that matter most on this node now, at most limits.recordInstalls. */
  installs: readonly InstallReport[]
  /** Announcements, targets and roots that it refused since it started; undefined when there are none. */
  refused?: RefusedSummary | undefined
  /** Of pimesh, at most limits.pimeshVersionLength characters; undefined of one that does not say. */
  version?: string | undefined
}

/** Where a record stands among those of its node. */
export type RecordOrder = Pick<HealthRecord, 'incarnation' | 'counter'>

/** Negative, zero or positive as `a` is older than, the same as or newer than `b`. Wall time plays no part. */
export function compareRecords(a: RecordOrder, b: RecordOrder): number {
  return a.incarnation - b.incarnation || a.counter - b.counter
}

/** Names of the flags that are set. */
export function flagNames(flags: number): FlagName[] {
  return (Object.keys(FLAG) as FlagName[]).filter((name) => (flags & FLAG[name]) !== 0)
}
