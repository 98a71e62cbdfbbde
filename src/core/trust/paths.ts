// Path patterns: which artifact paths a role may announce. A pattern has as many segments as the paths it matches; within a
// segment `*` stands for any characters and `?` for one (TUF specification 1.0.33, 4.5, PATHPATTERN).
import type { Delegation } from './documents.ts'

const SEPARATOR = '/'

/** True when the pattern matches the whole path. Takes at most pattern.length x path.length steps, whatever they say. */
export function matchesPattern(pattern: string, path: string): boolean {
  const patterns = pattern.split(SEPARATOR)
  const segments = path.split(SEPARATOR)
  if (patterns.length !== segments.length) return false
  return patterns.every((segment, i) => matchesSegment(segment, segments[i] as string))
}

/** True when one of the role's patterns matches the path. */
export function covers(delegation: Pick<Delegation, 'paths'>, path: string): boolean {
  return delegation.paths.some((pattern) => matchesPattern(pattern, path))
}

/** True when some path could match both patterns. Takes pattern.length x pattern.length steps. */
export function overlaps(a: string, b: string): boolean {
  const [left, right] = [a.split(SEPARATOR), b.split(SEPARATOR)]
  return left.length === right.length && left.every((segment, i) => segmentsMeet(segment, right[i] as string))
}

/** Row by row: `meets[j]` says whether what is left of `a` and `b.slice(j)` have a text in common. */
function segmentsMeet(a: string, b: string): boolean {
  const only = (text: string) => /^\**$/.test(text)
  let meets = Array.from({ length: b.length + 1 }, (_, j) => only(b.slice(j)))
  for (let i = a.length - 1; i >= 0; i--) {
    const row = new Array<boolean>(b.length + 1)
    row[b.length] = only(a.slice(i))
    for (let j = b.length - 1; j >= 0; j--) {
      const [x, y] = [a[i], b[j]]
      const isStar = x === '*' || y === '*'
      const isSame = x === '?' || y === '?' || x === y
      row[j] = isStar ? row[j + 1] === true || meets[j] === true : isSame && meets[j + 1] === true
    }
    meets = row
  }
  return meets[0] === true
}

/**
 * Takes characters as long as they agree. Where they do not, the last `*` takes one character more: earlier ones need not be
 * tried again, since the last `*` can take all that an earlier one could leave to it.
 */
export function matchesSegment(pattern: string, text: string): boolean {
  let [p, t] = [0, 0]
  let star: { p: number; t: number } | undefined
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = { p, t }
      p += 1
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p += 1
      t += 1
    } else {
      if (star === undefined) return false
      star.t += 1
      p = star.p + 1
      t = star.t
    }
  }
  while (pattern[p] === '*') p += 1
  return p === pattern.length
}
