// The known word that a mistyped one most likely meant: commands, options, nodes and configuration keys. Any folder may import it.

/** Distance of a word that somebody only began to type: nearer than any mistake. */
const BEGUN = 0.5

/** The candidate with the fewest edits (insert, delete, replace, swap neighbours) from `word`, or undefined when all are too far. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const begun = word.length > 1 && candidate !== word && candidate.startsWith(word)
    const distance = begun ? BEGUN : editDistance(word, candidate)
    if (distance >= bestDistance) continue
    best = candidate
    bestDistance = distance
  }
  return best
}

/** Optimal string alignment distance (Damerau 1964, each place edited once). */
export function editDistance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swappable = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = swappable ? (before[j - 2] as number) + 1 : Number.POSITIVE_INFINITY
      row.push(Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, replaced, swapped))
    }
    before = last
    last = row
  }
  return last[b.length] as number
}
