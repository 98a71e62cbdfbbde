// A status as a number: its place in STATUSES, from 1, on the wire and on disk.
import { STATUSES, type Status } from '../core/fleet/rows.ts'
import type { MessageReader } from './protobuf.ts'

export function statusNumber(status: Status): number {
  return STATUSES.indexOf(status) + 1
}

/** Throws E_PROTOCOL. */
export function readStatus(reader: MessageReader, field: number): Status {
  return STATUSES[reader.uint(field) - 1] ?? reader.refuse(`field ${field} is not a status`)
}
