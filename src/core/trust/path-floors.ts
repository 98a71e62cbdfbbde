// The floors of artifact paths: for each role the highest counter that it announced for a path in its epoch, and the artifact.
// They never decide which announcement is held, since registers must converge in any order; they decide what may be installed.
// Invariants: a floor never falls within an epoch; a newer epoch of a role voids its older floors; no role takes another's room.
import type { Change } from '../events.ts'
import { limits } from '../limits.ts'
import type { AnnouncementDocument, PathFloor } from './announcement.ts'
import type { Delegation } from './documents.ts'

interface Table {
  epoch: number
  floors: Map<string, PathFloor>
}

export class PathFloors {
  /** Those of the newest epoch of each role. */
  readonly #roles = new Map<string, Table>()

  constructor(saved: readonly PathFloor[]) {
    for (const floor of saved) this.#raise(floor)
  }

  /** Those of the role in its current epoch. */
  of({ name, epoch }: Pick<Delegation, 'name' | 'epoch'>): readonly PathFloor[] {
    return [...this.#table(name, epoch).floors.values()]
  }

  /**
   * Undefined when the role announced nothing for the path in its current epoch. When it has no room left, a path without a floor
   * has one that nothing reaches: what cannot be guarded is not installed.
   */
  get({ name, epoch }: Pick<Delegation, 'name' | 'epoch'>, path: string): PathFloor | undefined {
    const { floors } = this.#table(name, epoch)
    const floor = floors.get(path)
    if (floor !== undefined || floors.size < limits.pathFloors) return floor
    return { role: name, epoch, path, counter: Number.MAX_SAFE_INTEGER, artifact: '' }
  }

  /** What must be on disk before the document is taken: the floors that it raises, and those that its epoch makes void. */
  changes(document: AnnouncementDocument): Change[] {
    const { role, epoch } = document.signed
    const known = this.#roles.get(role)
    const isVoid = known !== undefined && known.epoch < epoch
    const raised = this.#raisedBy(document)
    const again = new Set(raised.map(({ path }) => path))
    const gone = isVoid ? [...known.floors.keys()].filter((path) => !again.has(path)) : []
    return [
      ...gone.map((path): Change => ({ type: 'forgetPathFloor', role, path })),
      ...raised.map((floor): Change => ({ type: 'pathFloor', floor })),
    ]
  }

  /** Takes the floors of a document that is on disk. */
  take(document: AnnouncementDocument): void {
    const { role, epoch } = document.signed
    const raised = this.#raisedBy(document)
    this.#roles.set(role, this.#newest(role, epoch))
    for (const floor of raised) this.#raise(floor)
  }

  /** Of two artifacts under one counter the first one stays. */
  #raisedBy({ signed: { role, epoch, releases } }: AnnouncementDocument): PathFloor[] {
    const { epoch: newest, floors } = this.#newest(role, epoch)
    let room = epoch < newest ? 0 : limits.pathFloors - floors.size
    return releases.flatMap(({ path, counter, artifact }) => {
      const floor = floors.get(path)
      if (epoch < newest || (floor === undefined ? room <= 0 : counter <= floor.counter)) return []
      if (floor === undefined) room -= 1
      return [{ role, epoch, path, counter, artifact: artifact.hash }]
    })
  }

  #raise(floor: PathFloor): void {
    const table = this.#newest(floor.role, floor.epoch)
    this.#roles.set(floor.role, table)
    if (table.epoch === floor.epoch) table.floors.set(floor.path, floor)
  }

  /** The table of the role as it is when this epoch of it was heard of. */
  #newest(role: string, epoch: number): Table {
    const known = this.#roles.get(role)
    return known === undefined || known.epoch < epoch ? { epoch, floors: new Map() } : known
  }

  #table(role: string, epoch: number): Table {
    const known = this.#roles.get(role)
    return known?.epoch === epoch ? known : { epoch, floors: new Map() }
  }
}
