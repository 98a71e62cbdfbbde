// Bundles: releases that come into use together, since one requires others by their hash (clause BUNDLE). Which releases are linked is
// worked out from what counts; who waits for whom is looked up in the journals. Invariant: a bundle is ready only when every one of its
// members is unpacked and free to go on, and nothing that a release in use requires is replaced while its role still announces that one.
import type { Release } from '../trust/announcement.ts'
import type { Choice, Current } from './selection.ts'
import type { InstallEntry } from './states.ts'

/** What is known of a path here. */
interface Path {
  entry: InstallEntry
  /** Unpacked, and waiting for nothing but the others. */
  isReady: boolean
}

/** Edges behind which a release is in use, or will be whatever comes. */
const BOUND = ['staged', 'switched', 'healthy']

export class Bundles {
  readonly #pathOf: (path: string) => Path | undefined
  #choices: ReadonlyMap<string, Choice> = new Map()
  /** By path: the members of its bundle, its own path among them. */
  #members: ReadonlyMap<string, readonly string[]> = new Map()
  /** By path: why a member cannot come into use whatever the others do. */
  #lacks: ReadonlyMap<string, string> = new Map()

  constructor(pathOf: (path: string) => Path | undefined) {
    this.#pathOf = pathOf
  }

  /** Works out the bundles anew. @param current the announcements that the choices were made from */
  update(choices: ReadonlyMap<string, Choice>, current: readonly Current[]): void {
    this.#choices = choices
    this.#members = new Map()
    this.#lacks = new Map()
    const requiring = current.flatMap(({ role, document }) =>
      document.signed.releases.flatMap((release) =>
        release.requires.length > 0 ? [{ release, role: role.name }] : [],
      ),
    )
    if (requiring.length === 0) return
    const lacks = new Map<string, string>()
    const links = new Map<string, string[]>()
    // Also while another role's release counts for its path by now: until that one has taken its place.
    for (const { release, role } of requiring)
      if (this.#isInUse(release.path, release.hash)) this.#pin(release, role, lacks)
    for (const [path, choice] of choices)
      if (choice.selected && !this.#isInUse(path, choice.release.hash))
        this.#link(choice, releasesOf(current, choice.role), { links, lacks })
    this.#lacks = lacks
    this.#members = componentsOf(links)
  }

  /** Paths whose releases come into use with others, or wait for them. */
  paths(): Iterable<string> {
    return this.#members.keys()
  }

  /** True when the release of this path may only come into use in one batch with others. */
  binds(path: string): boolean {
    return (this.#members.get(path)?.length ?? 0) > 1
  }

  /** Why the bundle of this path cannot come into use now, as a sentence about its release; undefined when nothing keeps it. */
  problemOf(path: string): string | undefined {
    const own = this.#lacks.get(path)
    if (own !== undefined) return own
    const other = (this.#members.get(path) ?? []).find((member) => member !== path && this.#isKept(member))
    return other && `it comes into use together with ${this.#name(other)}, which cannot`
  }

  /** What the release of this path, unpacked, waits for. */
  waitsFor(path: string): string | undefined {
    const others = this.#members.get(path) ?? []
    const late = others.find((member) => member !== path && this.#pathOf(member)?.isReady !== true)
    return late && `waiting for ${this.#name(late)}, with which it comes into use together`
  }

  /** True while something that the release of this path requires is still about to be switched to. */
  isBehind(path: string): boolean {
    const required = this.#choices.get(path)?.release.requires ?? []
    if (required.length === 0) return false
    return [...this.#choices.values()].some(({ release }) => {
      const underway = required.includes(release.hash) ? this.#pathOf(release.path)?.entry.underway : undefined
      return underway?.release === release.hash && underway.state === 'staged'
    })
  }

  /** The paths of each bundle all of whose members are ready. */
  ready(): (readonly string[])[] {
    if (this.#members.size === 0) return []
    return [...new Set(this.#members.values())].filter(
      (members) => members.length > 1 && members.every((path) => this.#pathOf(path)?.isReady === true),
    )
  }

  /** A release in use keeps what it requires from being replaced by another release of its role. */
  #pin(release: Release, role: string, lacks: Map<string, string>): void {
    for (const [path, other] of this.#choices) {
      const installed = this.#pathOf(path)?.entry.installed
      if (other.role !== role || installed === undefined || this.#isInUse(path, other.release.hash)) continue
      if (!release.requires.includes(installed.release)) continue
      const name = `${release.path}@${release.version}`
      lacks.set(
        path,
        `${name} is in use and requires ${path}@${installed.version}: it waits for another ${release.path}`,
      )
    }
  }

  #link(
    { release }: Choice,
    announced: ReadonlyMap<string, Release>,
    { links, lacks }: { links: Map<string, string[]>; lacks: Map<string, string> },
  ): void {
    for (const hash of release.requires) {
      const required = announced.get(hash)
      const choice = required && this.#choices.get(required.path)
      if (required === undefined)
        lacks.set(release.path, `it requires the release ${hash.slice(0, 16)}, which its role does not announce`)
      else if (choice?.release.hash !== hash)
        lacks.set(release.path, `it requires ${nameOf(required)}, and another role decides about that path`)
      else if (this.#isInUse(required.path, hash)) continue
      else if (!choice.selected) lacks.set(release.path, `it requires ${nameOf(required)}, which is not for this node`)
      else
        for (const [from, to] of [
          [release.path, required.path],
          [required.path, release.path],
        ] as const)
          links.set(from, [...(links.get(from) ?? []), to])
    }
  }

  #isInUse(path: string, hash: string): boolean {
    const { installed, underway } = this.#pathOf(path)?.entry ?? {}
    if (installed?.release === hash) return true
    return underway?.release === hash && BOUND.includes(underway.state)
  }

  /** A member that nothing but a new announcement, its owner or time gets on. */
  #isKept(path: string): boolean {
    const choice = this.#choices.get(path)
    const failed = this.#pathOf(path)?.entry.failed ?? []
    if (choice === undefined || this.#lacks.has(path) || choice.hold !== undefined) return true
    return failed.some(({ release }) => release === choice.release.hash)
  }

  #name(path: string): string {
    const release = this.#choices.get(path)?.release
    return release === undefined ? path : nameOf(release)
  }
}

function nameOf({ path, version }: Release): string {
  return `${path}@${version}`
}

function releasesOf(current: readonly Current[], name: string): Map<string, Release> {
  const announced = current.filter(({ role }) => role.name === name)
  return new Map(
    announced.flatMap(({ document }) => document.signed.releases.map((release) => [release.hash, release] as const)),
  )
}

/** By path: all paths that it is linked with, over any number of steps, and itself. */
function componentsOf(links: ReadonlyMap<string, readonly string[]>): Map<string, readonly string[]> {
  const components = new Map<string, readonly string[]>()
  for (const start of links.keys()) {
    if (components.has(start)) continue
    const found = new Set([start])
    for (const path of found) for (const next of links.get(path) ?? []) found.add(next)
    const members = [...found]
    for (const path of members) components.set(path, members)
  }
  return components
}
