// Releases that a person means by a path, by path@version, or by the beginning of a hash.
import { Failure } from '../core/failure.ts'
import { nearest } from '../core/nearest.ts'
import type { ReleaseJson, ReleasesJson } from '../daemon/api-types.ts'
import { plain } from './frame/terminal.ts'

/** Fewest characters of a hash that name a release. */
const HASH_MIN = 6

/** The answer with these releases only. */
export function only(answer: ReleasesJson, which: string): ReleasesJson {
  const named = ({ path, release, hash }: ReleaseJson) =>
    path === which || release === which || (which.length >= HASH_MIN && hash.startsWith(which))
  return { ...answer, releases: answer.releases.filter(named) }
}

/** The one release that is meant; undefined when none is. @throws Failure E_PATH: several */
export function oneOf(answer: ReleasesJson, which: string): ReleaseJson | undefined {
  const { releases } = only(answer, which)
  const [release, second] = releases
  if (second === undefined) return release
  // Two roles may announce one path, or even one version of it.
  const names = releases.map((one) => plain(`${one.release} of "${one.role}" (${one.hash.slice(0, 12)})`))
  const text = `"${which}" means ${names.join(' and ')}: name one of them by the beginning of its hash`
  throw new Failure('E_PATH', text)
}

export function missingText(answer: ReleasesJson, which: string): string {
  const names = answer.releases.flatMap(({ path, release }) => [path, release])
  const close = nearest(which, names)
  const advice = close === undefined ? '"pimesh releases" lists all' : `did you mean "${close}"?`
  return `nothing is announced as "${which}": ${advice}`
}
