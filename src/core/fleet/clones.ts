// Clones: how a second machine with the same key gives itself away. Two writers under one key either sign the same
// (incarnation, counter) twice with different bodies, or keep an old incarnation growing after a newer one was heard.
import { sameBytes } from '../bytes.ts'
import type { Millis } from '../env.ts'
import { limits } from '../limits.ts'
import { compareRecords, type HealthRecord } from './record.ts'

/** What a view remembers about an older incarnation that still grows. */
export interface Straggler {
  incarnation: number
  counter: number
  at: Millis
  grown: number
}

export interface Held {
  record: HealthRecord
  body: Uint8Array
  straggler: Straggler | undefined
}

/** True when the record cannot be a mere repetition, so that checking its signature may prove a clone. */
export function suspicious(held: Held, record: HealthRecord, body: Uint8Array): boolean {
  const order = compareRecords(record, held.record)
  if (order === 0) return !sameBytes(held.body, body)
  if (order > 0 || record.incarnation === held.record.incarnation) return false
  const { straggler } = held
  return straggler === undefined || compareRecords(record, straggler) > 0
}

/**
 * What to remember when `next` takes the place of what is held: what the former incarnation has said so far may be said again
 * by anybody (T38), so only what it says beyond that can prove that it still lives.
 */
export function outgrown(held: Held, next: HealthRecord, now: Millis): Straggler | undefined {
  const { incarnation, counter } = held.record
  return next.incarnation === incarnation ? held.straggler : { incarnation, counter, at: now, grown: 0 }
}

/**
 * Takes a suspicious record whose signature was checked.
 * @returns the straggler to remember, and whether this proves a clone.
 */
export function weigh(
  held: Held,
  record: HealthRecord,
  now: Millis,
): { straggler: Straggler | undefined; proven: boolean } {
  if (compareRecords(record, held.record) === 0) return { straggler: held.straggler, proven: true }
  const { incarnation, counter } = record
  const before = held.straggler
  if (before === undefined || before.incarnation !== incarnation) {
    return { straggler: { incarnation, counter, at: now, grown: 0 }, proven: false }
  }
  // Half a promise apart: stragglers of gossip come in a bunch, heartbeats of a living node do not.
  const grew = now - before.at >= record.promise / 2
  const grown = before.grown + (grew ? 1 : 0)
  return {
    straggler: { incarnation, counter, at: grew ? now : before.at, grown },
    proven: grown >= limits.cloneEvidence,
  }
}
