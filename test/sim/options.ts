// The command line of the simulator: a seed, a scenario, and any of the scenario's numbers. Errors are one sentence.
import { existsSync } from 'node:fs'
import { namedScenario, parseScenario, readScenario, type Scenario } from './scenario.ts'

export interface SimOptions {
  seed: number
  /** How many seeds from that one on; undefined for a single run with all its figures. */
  seeds: number | undefined
  scenario: Scenario
  json: boolean
  help: boolean
  /** Goes on after a violation, to count them all. */
  all: boolean
}

/** A mistake in the command line; its message is one sentence for a person. */
export class UsageError extends Error {}

export const USAGE = `npm run sim -- swarm --help: how long a fleet takes to fetch an encoding
npm run sim -- scale --help: what each node of a fleet of up to 10,000 pays
npm run sim -- detect --help: how soon a node that is gone is seen as gone, and how often one that is not; else

npm run sim -- [--seed N] [--seeds COUNT] [--scenario NAME|FILE] [--KEY NUMBER ...] [--all] [--json]

  --seed N          what all chance follows from: the same seed, the same run (default 42, with --seeds 1)
  --seeds COUNT     so many seeds from that one on, on every core; one line each, then a summary
  --scenario X      a name in test/sim/scenarios (default "default", with --seeds "release") or a JSON file
  --KEY NUMBER      any number of the scenario: --nodes --zones --minutes --operators --loss --duplicate --mdns --hidden
                    --crashes-per-node-hour --power-cuts --goodbyes --clock-steps-per-node-hour --breaks-per-link-hour
                    --start-seconds --quiet-seconds --record-period-min --view-flush-period
                    --junk --liars --mutes --mirrors --upload-rate --full-per-node-hour --flips-per-node-hour
  --all             do not stop at the first violation
  --json            print nothing on stdout but one JSON object

The last line of stdout is always that object; its keys are in docs/simulation.md. Exit 0: all invariants held, 1: a violation,
2: a mistake in these options.`

const SEED_MAX = 2 ** 32 - 1
const SEEDS_MAX = 100_000

/** Reads the arguments after the program's name. @throws UsageError */
export function parseOptions(args: readonly string[]): SimOptions {
  const flags = { json: false, help: false, all: false }
  const values = new Map<string, string>()
  for (let i = 0; i < args.length; i++) {
    const [option, inline] = splitOption(args[i] as string)
    if (option in flags) {
      if (inline !== undefined) throw new UsageError(`--${option} takes no value`)
      flags[option as keyof typeof flags] = true
    } else values.set(option, inline ?? args[++i] ?? missing(option))
  }
  const many = values.get('seeds')
  const seed = whole('seed', values.get('seed') ?? (many === undefined ? '42' : '1'), 0, SEED_MAX)
  const seeds = many === undefined ? undefined : whole('seeds', many, 1, SEEDS_MAX)
  const base = usage(() => findScenario(values.get('scenario') ?? (many === undefined ? 'default' : 'release')))
  values.delete('seed')
  values.delete('seeds')
  values.delete('scenario')
  return {
    ...flags,
    seed,
    seeds,
    scenario: usage(() => parseScenario({ ...base, ...overrides(values, base) }, base.name)),
  }
}

export function splitOption(arg: string): [string, string | undefined] {
  const [, option, inline] = /^--([a-z][a-z-]*)(?:=(.*))?$/.exec(arg) ?? []
  if (option === undefined) throw new UsageError(`"${arg}" is no option of the simulator; --help lists them`)
  return [option, inline]
}

export function missing(option: string): never {
  throw new UsageError(`--${option} needs a value`)
}

export function number(option: string, text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new UsageError(`--${option} needs a number, not "${text}"`)
  return value
}

export function whole(option: string, text: string, from: number, to: number): number {
  const value = number(option, text)
  if (!Number.isInteger(value) || value < from || value > to)
    throw new UsageError(`--${option} must be a whole number from ${from} to ${to}`)
  return value
}

function overrides(values: ReadonlyMap<string, string>, base: Scenario): Partial<Scenario> {
  const changed: Record<string, number> = {}
  for (const [option, text] of values) {
    const key = option.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
    if (typeof base[key as keyof Scenario] !== 'number')
      throw new UsageError(`--${option} is no option of the simulator; --help lists them`)
    changed[key] = number(option, text)
  }
  return changed as Partial<Scenario>
}

function findScenario(name: string): Scenario {
  if (existsSync(name)) return readScenario(name)
  if (/^[a-z0-9-]+$/.test(name)) return namedScenario(name)
  throw new Error(`there is no scenario file "${name}"`)
}

/** Turns what is wrong with a scenario into a mistake in the options. */
function usage<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}
