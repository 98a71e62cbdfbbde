// The unit of a series of pimesh's own, by the word in its name.

/** 's', 'B' or '1'. */
export function unitOf(name: string): string {
  if (/_seconds(_total)?$/.test(name)) return 's'
  return /_bytes(_total)?$/.test(name) ? 'B' : '1'
}
