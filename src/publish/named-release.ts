// Releases that a person names beside the one that is published: those that it requires, and one to be withdrawn. What counts is what
// the announcement before has, since a bundle is of one announcement (clause BUNDLE 1).
import { Failure } from '../core/failure.ts'
import { nearest } from '../core/nearest.ts'
import type { AnnouncementDocument, Release } from '../core/trust/announcement.ts'

/** Fewest characters of a hash that name a release. */
const HASH_MIN = 6

type Announced = readonly Release[]

/** The release that is meant by `acme/lib`, `acme/lib@1.2` or the beginning of its hash. @throws Failure E_PATH: none, or several */
export function namedRelease(word: string, announced: Announced, who: string): Release {
  const found = announced.filter(
    (one) => [one.path, nameOf(one)].includes(word) || (word.length >= HASH_MIN && one.hash.startsWith(word)),
  )
  const [release, second] = found
  if (second !== undefined)
    throw new Failure('E_PATH', `"${word}" means ${found.map(nameOf).join(' and ')}: name one of them`)
  if (release !== undefined) return release
  const names = announced.flatMap((one) => [nameOf(one), one.path])
  const close = nearest(word, names)
  const sibling = announced.find(({ path }) => path === word.split('@')[0])
  const advice =
    close !== undefined
      ? `did you mean "${close}"?`
      : sibling === undefined
        ? '"pimesh releases" lists what is announced'
        : `it announces ${nameOf(sibling)}`
  throw new Failure('E_PATH', `${who} does not announce "${word}": ${advice}`)
}

/**
 * The hashes of what a release of `path` is to require.
 * @param previous the announcement that the next one of the role is built on.
 * @throws Failure E_PATH
 */
export function requiredHashes(
  words: readonly string[],
  path: string,
  { previous, role }: { previous: AnnouncementDocument | undefined; role: { name: string } },
): string[] {
  const announced = previous?.signed.releases ?? []
  const hashes = words.map((word) => {
    const release = namedRelease(word, announced, `the role "${role.name}"`)
    if (release.path !== path) return release.hash
    throw new Failure(
      'E_PATH',
      `${path} cannot require ${nameOf(release)}, whose place it takes: leave out --requires ${word}`,
    )
  })
  return [...new Set(hashes)]
}

/** What a person should know who puts another release in the place of one that others require. */
export function requiredNotes(
  path: string,
  previous: AnnouncementDocument | undefined,
  what: 'published' | 'withdrawn',
): string[] {
  const announced = previous?.signed.releases ?? []
  const before = announced.find((one) => one.path === path)
  if (before === undefined) return []
  return announced
    .filter((one) => one.path !== path && one.requires.includes(before.hash))
    .map((one) =>
      what === 'withdrawn'
        ? `${nameOf(one)} requires ${nameOf(before)}: nodes that do not have it in use yet will not begin it either`
        : `${nameOf(one)} requires ${nameOf(before)}: nodes that have it in use take this one together with the next ${one.path}, so publish that with --requires ${path}`,
    )
}

export function nameOf({ path, version }: Pick<Release, 'path' | 'version'>): string {
  return `${path}@${version}`
}
