// I11: floors never fall: neither what a node writes, nor what it reads after a crash, is below what it wrote before; and after
// a start, not below what it acted on, which is what it was told to be on disk. Only a newer epoch of a role voids its paths' floors.
import type { Change, Ticket } from '../../../src/core/events.ts'
import type { SavedPublishers } from '../../../src/core/machines.ts'

/** Ordered: a role's by (epoch, version), a path's by (epoch, counter), the targets' by version. */
type Floor = readonly [high: number, low: number]
type Table = Map<string, Floor>

interface State {
  /** By name: what was asked to be written last, and what is known to be on disk. */
  written: Table
  acted: Table
  /** Batches that are being written. */
  pending: Map<Ticket, readonly Change[]>
}

/** A floor of a path that a node may act on. */
export interface ActedFloor {
  path: string
  counter: number
}

export class Floors {
  readonly #states = new Map<number, State>()

  /** A process starts with this on its disk. */
  started(node: number, saved: SavedPublishers): string | undefined {
    const state = this.#state(node)
    const read: Table = new Map()
    for (const change of changesOf(saved)) raise(read, change)
    state.pending.clear()
    state.written = new Map(read)
    for (const [name, acted] of state.acted) {
      const found = read.get(name)
      if (compare(found, acted) < 0 && !isVoid(read, name, acted))
        return `read ${text(name, found)} after it had acted on ${text(name, acted)}`
    }
    return undefined
  }

  /** A batch is on its way to the disk. */
  writes(node: number, ticket: Ticket, changes: readonly Change[]): string | undefined {
    const floors = changes.filter((change) => change.type === 'forgetPathFloor' || floorOf(change) !== undefined)
    if (floors.length === 0) return undefined
    const { written, pending } = this.#state(node)
    pending.set(ticket, floors)
    const before = new Map(written)
    for (const change of floors) raise(written, change)
    for (const [name, floor] of before) {
      const after = written.get(name)
      if (compare(after, floor) < 0 && !isVoid(written, name, floor))
        return `wrote ${text(name, after)} after ${text(name, floor)}`
    }
    return undefined
  }

  /** The node was told that the batch is on the disk. Returns the floors of paths on which it may act now. */
  persisted(node: number, ticket: Ticket): readonly ActedFloor[] {
    const { pending, acted } = this.#state(node)
    const changes = pending.get(ticket) ?? []
    pending.delete(ticket)
    for (const change of changes) {
      const [name, floor] = floorOf(change) ?? []
      if (change.type === 'forgetPathFloor') acted.delete(pathName(change))
      else if (name !== undefined && floor !== undefined && compare(acted.get(name), floor) < 0) acted.set(name, floor)
    }
    return changes.flatMap((change) => (change.type === 'pathFloor' ? [change.floor] : []))
  }

  /** The node was told that it is not: it is as if it had never been asked for. */
  failed(node: number, ticket: Ticket): void {
    const state = this.#state(node)
    state.pending.delete(ticket)
    state.written = new Map(state.acted)
    for (const changes of state.pending.values()) for (const change of changes) raise(state.written, change)
  }

  #state(node: number): State {
    const known = this.#states.get(node)
    if (known !== undefined) return known
    const state: State = { written: new Map(), acted: new Map(), pending: new Map() }
    this.#states.set(node, state)
    return state
  }
}

function changesOf({ targetsFloor, roleFloors, pathFloors }: SavedPublishers): Change[] {
  return [
    { type: 'targetsFloor', version: targetsFloor },
    ...roleFloors.map((floor) => ({ type: 'roleFloor' as const, floor })),
    ...pathFloors.map((floor) => ({ type: 'pathFloor' as const, floor })),
  ]
}

function raise(table: Table, change: Change): void {
  const [name, floor] = floorOf(change) ?? []
  if (change.type === 'forgetPathFloor') table.delete(pathName(change))
  else if (name !== undefined && floor !== undefined) table.set(name, floor)
}

function floorOf(change: Change): [string, Floor] | undefined {
  switch (change.type) {
    case 'roleFloor':
      return [`role ${change.floor.role}`, [change.floor.epoch, change.floor.version]]
    case 'pathFloor':
      return [pathName(change.floor), [change.floor.epoch, change.floor.counter]]
    case 'targetsFloor':
      return ['targets', [change.version, 0]]
    default:
      return undefined
  }
}

const pathName = ({ role, path }: { role: string; path: string }) => `path ${path} of role ${role}`

/** True for the floor of a path whose role has a newer epoch by now. */
function isVoid(table: Table, name: string, [epoch]: Floor): boolean {
  const [, role] = / of (role .*)$/.exec(name) ?? []
  return role !== undefined && (table.get(role)?.[0] ?? 0) > epoch
}

function compare([a, b]: Floor = [0, 0], [c, d]: Floor): number {
  return a - c || b - d
}

function text(name: string, floor: Floor = [0, 0]): string {
  return `floor ${floor.join('.')} of ${name}`
}
