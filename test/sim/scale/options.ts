// The command line of `npm run sim -- scale`: which fleets, and for how long.
import { existsSync } from 'node:fs'
import { missing, number, splitOption, UsageError, whole } from '../options.ts'
import { namedScaleScenario, readScaleScenario, type ScaleScenario, scaleScenarios } from './scenario.ts'

export interface ScaleOptions {
  scenarios: readonly ScaleScenario[]
  seed: number
  json: boolean
  help: boolean
}

const DEFAULT = 'scale-100,scale-1000,scale-10000,site-2500-in-cells'

export const scaleUsage =
  () => `npm run sim -- scale [--scenario NAME|FILE,...] [--warm-minutes N] [--minutes N] [--loss SHARE] [--seed N] [--json]

  --scenario X,...   fleets, by name or file (default ${DEFAULT});
                     names: ${scaleScenarios().join(', ')}
  --warm-minutes N   virtual minutes before anything is counted, and while it is: in place of the scenario's own
  --minutes N
  --loss SHARE       of transmissions
  --seed N           what all chance follows from (default 1)
  --json             nothing on stdout but one JSON object

The last line of stdout is always that object; docs/simulation.md has its keys. Exit 0: all bars of docs/scale.md hold; 1: one does not, and
which; 2: a mistake in these options.`

/** Reads the arguments after `scale`. @throws UsageError */
export function parseScaleOptions(args: readonly string[]): ScaleOptions {
  const flags = { json: false, help: false }
  const values = new Map<string, string>()
  for (let i = 0; i < args.length; i++) {
    const [option, inline] = splitOption(args[i] as string)
    if (option in flags) flags[option as keyof typeof flags] = true
    else values.set(option, inline ?? args[++i] ?? missing(option))
  }
  const take = (option: string) => {
    const value = values.get(option)
    values.delete(option)
    return value
  }
  const seed = whole('seed', take('seed') ?? '1', 0, 2 ** 32 - 1)
  const names = (take('scenario') ?? DEFAULT).split(',')
  const changed = changes({ warmMinutes: take('warm-minutes'), minutes: take('minutes'), loss: take('loss') })
  for (const option of values.keys()) throw new UsageError(`--${option} is no option of "scale"; --help lists them`)
  return { ...flags, seed, scenarios: names.map((name) => ({ ...find(name), ...changed })) }
}

function changes({ warmMinutes, minutes, loss }: Record<'warmMinutes' | 'minutes' | 'loss', string | undefined>) {
  const bounded = (option: string, text: string, from: number, to: number) => {
    const value = number(option, text)
    if (value < from || value > to) throw new UsageError(`--${option} must be from ${from} to ${to}`)
    return value
  }
  return {
    ...(warmMinutes !== undefined && { warmMinutes: bounded('warm-minutes', warmMinutes, 0, 1_440) }),
    ...(minutes !== undefined && { minutes: bounded('minutes', minutes, 0.1, 14_400) }),
    ...(loss !== undefined && { loss: bounded('loss', loss, 0, 0.9) }),
  }
}

function find(name: string): ScaleScenario {
  try {
    return existsSync(name) ? readScaleScenario(name) : namedScaleScenario(name)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}
