// The floors of artifact paths: the highest counter that was ever announced for a path, and its artifact. They never decide
// which announcement is held, since registers must converge in any order; they decide what may be installed.
// Invariant: a floor never falls.
import { limits } from '../limits.ts'
import type { AnnouncementDocument, PathFloor } from './announcement.ts'

export class PathFloors {
  readonly #floors: Map<string, PathFloor>

  constructor(saved: readonly PathFloor[]) {
    this.#floors = new Map(saved.map((floor) => [floor.path, floor]))
  }

  get size(): number {
    return this.#floors.size
  }

  all(): readonly PathFloor[] {
    return [...this.#floors.values()]
  }

  /**
   * Undefined when nothing was ever announced for the path. When the table is full, a path without a floor has one that
   * nothing reaches: what cannot be guarded is not installed.
   */
  get(path: string): PathFloor | undefined {
    const floor = this.#floors.get(path)
    if (floor !== undefined || this.#floors.size < limits.pathFloors) return floor
    return { path, counter: Number.MAX_SAFE_INTEGER, artifact: '' }
  }

  /** The floors that these documents raise. Of two artifacts under one counter the first one stays. */
  raisedBy(documents: readonly AnnouncementDocument[]): PathFloor[] {
    const raised = new Map<string, PathFloor>()
    let room = limits.pathFloors - this.#floors.size
    for (const { path, counter, artifact } of documents.flatMap(({ signed }) => signed.releases)) {
      const floor = raised.get(path) ?? this.#floors.get(path)
      if (floor === undefined ? room <= 0 : counter <= floor.counter) continue
      if (floor === undefined) room -= 1
      raised.set(path, { path, counter, artifact: artifact.hash })
    }
    return [...raised.values()]
  }

  raise(floors: readonly PathFloor[]): void {
    for (const floor of floors) this.#floors.set(floor.path, floor)
  }
}
