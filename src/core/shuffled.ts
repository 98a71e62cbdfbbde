// Random order, by the randomness that core is given.
import type { Env } from './env.ts'

/** The items in random order. */
export function shuffled<T>(env: Pick<Env, 'random'>, items: readonly T[]): T[] {
  const lots = items.map((item) => ({ item, lot: env.random() }))
  return lots.sort((a, b) => a.lot - b.lot).map(({ item }) => item)
}
