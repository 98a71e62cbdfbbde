// The simulator's half of the reality check: what it says that each node of the same fleet takes in, over some seeds.
import { ScaleFleet } from '../sim/scale/fleet.ts'
import { KINDS } from '../sim/scale/ledger.ts'
import type { ScaleScenario } from '../sim/scale/scenario.ts'
import type { NodeRates } from './model-rates.ts'

export interface Predicted {
  nodes: readonly NodeRates[]
  /** Copies of a message that a node hears. */
  copies: number
  links: number
  /** Fleets in which everybody had a summary of everybody when the window opened, as in the real one; and all. */
  whole: number
  tried: number
}

/** Chance is in who links to whom, so one fleet says less than some. */
export async function predict(scenario: ScaleScenario, seeds: number): Promise<Predicted> {
  const fleets: ScaleFleet[] = []
  let whole = 0
  for (let seed = 1; seed <= seeds; seed++) {
    const fleet = new ScaleFleet(scenario, seed)
    await fleet.settle()
    whole += holdsWhole(fleet) ? 1 : 0
    fleet.topics.copies = 0
    fleet.topics.delivered = 0
    await fleet.run(scenario.minutes * 60_000)
    fleets.push(fleet)
  }
  const mean = (of: (fleet: ScaleFleet) => number) => fleets.reduce((sum, fleet) => sum + of(fleet), 0) / seeds
  return {
    nodes: fleets.flatMap(ratesOf),
    ...{ whole, tried: seeds },
    copies: mean(({ topics }) => topics.copies / topics.delivered),
    links: mean(({ wires, machines }) => (2 * wires.links()) / machines.length),
  }
}

function holdsWhole({ machines, queue }: ScaleFleet): boolean {
  const seen = machines.map(({ core }) => core?.fleet(queue.now).summary?.figures.counts.up)
  return seen.every((count) => count === machines.length)
}

function ratesOf(fleet: ScaleFleet): NodeRates[] {
  const seconds = fleet.counted / 1000
  return fleet.machines.map(({ id }) => {
    const kinds = KINDS.map((kind) => {
      const bytes = fleet.ledger.read(id.index, kind, false).in + fleet.ledger.read(id.index, kind, true).in
      return [kind, bytes / seconds] as const
    })
    return { reports: fleet.reporters.has(id.index), kinds: Object.fromEntries(kinds) }
  })
}
