// I11: floors never fall: neither what a node writes, nor what it reads after a crash, is below what it wrote before; and after
// a start, not below what it acted on, which is what it was told to be on disk.

import type { Change, Ticket } from '../../../src/core/events.ts'
import type { SavedPublishers } from '../../../src/core/machines.ts'

/** Ordered: a role's by (epoch, version), a role's of a path by (epoch, counter), the targets' by version. */
type Floor = readonly [high: number, low: number]

interface State {
  /** By name: what was asked to be written last, and what is known to be on disk. */
  written: Map<string, Floor>
  acted: Map<string, Floor>
  /** Floors that are being written. */
  pending: Map<Ticket, [string, Floor][]>
}

export class Floors {
  readonly #states = new Map<number, State>()

  /** A process starts with this on its disk. */
  started(node: number, saved: SavedPublishers): string | undefined {
    const state = this.#state(node)
    const read = new Map(floorsOf(saved))
    state.pending.clear()
    state.written = new Map(read)
    for (const [name, acted] of state.acted) {
      if (compare(read.get(name) ?? [0, 0], acted) < 0)
        return `read ${text(name, read.get(name))} after it had acted on ${text(name, acted)}`
    }
    return undefined
  }

  /** A batch is on its way to the disk. */
  writes(node: number, ticket: Ticket, changes: readonly Change[]): string | undefined {
    const floors = changes.flatMap(floorOf)
    if (floors.length === 0) return undefined
    const { written, pending } = this.#state(node)
    pending.set(ticket, floors)
    for (const [name, floor] of floors) {
      const before = written.get(name)
      written.set(name, floor)
      if (before !== undefined && compare(floor, before) < 0)
        return `wrote ${text(name, floor)} after ${text(name, before)}`
    }
    return undefined
  }

  /** The node was told that the batch is on the disk. Returns what it may act on now. */
  persisted(node: number, ticket: Ticket): readonly (readonly [string, Floor])[] {
    const { pending, acted } = this.#state(node)
    const floors = pending.get(ticket) ?? []
    pending.delete(ticket)
    for (const [name, floor] of floors) {
      const before = acted.get(name)
      if (before === undefined || compare(before, floor) < 0) acted.set(name, floor)
    }
    return floors
  }

  /** The node was told that it is not. */
  failed(node: number, ticket: Ticket): void {
    const state = this.#state(node)
    for (const [name] of state.pending.get(ticket) ?? []) {
      const acted = state.acted.get(name)
      if (acted === undefined) state.written.delete(name)
      else state.written.set(name, acted)
    }
    state.pending.delete(ticket)
  }

  #state(node: number): State {
    const known = this.#states.get(node)
    if (known !== undefined) return known
    const state: State = { written: new Map(), acted: new Map(), pending: new Map() }
    this.#states.set(node, state)
    return state
  }
}

function floorsOf({ targetsFloor, roleFloors, pathFloors }: SavedPublishers): [string, Floor][] {
  const changes: Change[] = [
    ...roleFloors.map((floor) => ({ type: 'roleFloor' as const, floor })),
    ...pathFloors.map((floor) => ({ type: 'pathFloor' as const, floor })),
  ]
  return [
    ...(targetsFloor === 0 ? [] : floorOf({ type: 'targetsFloor', version: targetsFloor })),
    ...changes.flatMap(floorOf),
  ]
}

function floorOf(change: Change): [string, Floor][] {
  if (change.type === 'roleFloor') return [[`role ${change.floor.role}`, [change.floor.epoch, change.floor.version]]]
  if (change.type === 'pathFloor') {
    const { role, path, epoch, counter } = change.floor
    return [[`path ${path} of ${role}`, [epoch, counter]]]
  }
  return change.type === 'targetsFloor' ? [['targets', [change.version, 0]]] : []
}

function compare([a, b]: Floor, [c, d]: Floor): number {
  return a - c || b - d
}

function text(name: string, floor: Floor = [0, 0]): string {
  return `floor ${floor.join('.')} of ${name}`
}
