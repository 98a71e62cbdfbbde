// Median, least and most of some figures: one run on a shared machine says little.

export interface Spread {
  median: number
  min: number
  max: number
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const [low, high] = [
    sorted[Math.ceil(sorted.length / 2) - 1] as number,
    sorted[Math.floor(sorted.length / 2)] as number,
  ]
  return { median: (low + high) / 2, min: sorted[0] as number, max: sorted.at(-1) as number }
}

/** `12.3 (12.1..14.0)`. */
export function spreadText({ median, min, max }: Spread, scale: number, digits: number): string {
  const show = (value: number) => (value * scale).toFixed(digits)
  return `${show(median)} (${show(min)}..${show(max)})`
}
