// A row of announcements, genuine and changed, in any order: whatever comes, the floors of roles and paths never fall, what is held
// was signed, and a run that starts from the disk holds the same.
import type { Change } from '../../../src/core/events.ts'
import { type AnnouncementDocument, compareVersions, type RoleFloor } from '../../../src/core/trust/announcement.ts'
import { PathFloors } from '../../../src/core/trust/path-floors.ts'
import { isNews, Registers } from '../../../src/core/trust/registers.ts'
import { parseAnnouncement } from '../../../src/wire/announcement.ts'
import { type Target, Violation } from '../fuzzer.ts'
import { ANNOUNCEMENTS, BUNDLES, mutations, parsed, partsOf, rows, termsOf } from './genuine.ts'

const ALL = [...ANNOUNCEMENTS, ...BUNDLES]
const SAMPLES = ALL.map(({ raw }) => raw)
const GENUINE = new Set(ALL.map(({ hash }) => hash))
const ROLES = ['acme', 'tools']
const mutated = mutations(SAMPLES, 0)

class Held {
  readonly registers = new Registers([])
  readonly #paths = new PathFloors([])
  readonly #disk = new Map<string, Change>()

  /** Does with a document what acceptance does. True when it was taken. */
  take(document: AnnouncementDocument): boolean {
    const { role } = document.signed
    const before = { role: this.registers.floor(role), paths: this.#counters(role) }
    const isTaken = isNews(this.registers.judge(document, termsOf(role)))
    if (isTaken && isBelow(document.signed, before.role))
      throw new Violation(`an older announcement of ${role} is taken`)
    if (isTaken) {
      for (const change of [...this.registers.changes(document), ...this.#paths.changes(document)]) this.#write(change)
      this.#paths.take(document)
      this.registers.take(document)
    }
    if (isBelow(this.registers.floor(role), before.role)) throw new Violation(`the floor of ${role} fell`)
    const counters = this.#counters(role)
    for (const [path, counter] of before.paths)
      if ((counters.get(path) ?? 0) < counter) throw new Violation(`the floor of ${path} fell`)
    return isTaken
  }

  check(): void {
    for (const role of ROLES)
      for (const { hash } of this.registers.sides(role))
        if (!GENUINE.has(hash)) throw new Violation(`what is held for ${role} was never signed`)
    const saved = [...this.#disk.values()]
    const again = new Registers(saved.flatMap((change) => (change.type === 'roleFloor' ? [change.floor] : [])))
    again.restore(saved.flatMap((change) => (change.type === 'announcement' ? [change] : [])))
    again.rejudge(termsOf)
    for (const role of ROLES)
      if (
        String(again.sides(role).map(({ hash }) => hash)) !== String(this.registers.sides(role).map(({ hash }) => hash))
      )
        throw new Violation(`after a restart ${role} holds something else`)
  }

  #counters(name: string): Map<string, number> {
    const { delegation } = termsOf(name)
    const floors = delegation === undefined ? [] : this.#paths.of(delegation)
    return new Map(floors.map(({ path, counter }) => [path, counter]))
  }

  #write(change: Change): void {
    if (change.type === 'announcement') this.#disk.set(`${change.side}/${change.announcement.signed.role}`, change)
    else if (change.type === 'forgetAnnouncement') this.#disk.delete(`${change.side}/${change.role}`)
    else if (change.type === 'roleFloor') this.#disk.set(`floor/${change.floor.role}`, change)
  }
}

function isBelow(now: Pick<RoleFloor, 'epoch' | 'version'> | undefined, before: RoleFloor | undefined): boolean {
  return before !== undefined && (now === undefined || compareVersions(now, before) < 0)
}

export const registersTarget: Target = {
  name: 'registers',
  generate: rows(SAMPLES, mutated),
  run(input) {
    const held = new Held()
    let taken = 0
    for (const part of partsOf(input)) {
      const outcome = parsed(() => parseAnnouncement(part))
      if ('value' in outcome && held.take(outcome.value)) taken += 1
    }
    held.check()
    return taken > 0 ? 'accepted' : 'refused'
  },
}
