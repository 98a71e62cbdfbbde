// The command line of `npm run sim -- swarm`: fleets of which sizes, how many seeds of each, and what goes wrong.
import { limits } from '../../../src/core/limits.ts'
import { missing, number, splitOption, UsageError, whole } from '../options.ts'
import type { Faults } from './fleet.ts'

export interface SwarmOptions {
  nodes: readonly number[]
  seed: number
  seeds: number
  pieces: number
  /** Each fleet is run without faults, and with these if there are any. */
  faults: Faults
  json: boolean
  help: boolean
}

export const SWARM_USAGE = `npm run sim -- swarm [--nodes N,N...] [--seeds COUNT] [--seed N] [--pieces N] [--late SHARE] [--leaving SHARE]
                      [--poisonous SHARE] [--json]

  --nodes N,N...     sizes of fleets, in sites of 25 (default 50,500; 5000 takes some minutes and 3 GB)
  --seeds COUNT      so many seeds from --seed on, of each (default 3, from 1 on)
  --pieces N         of 256 KiB (default 128: 32 MiB)
  --late, --leaving, --poisonous
                     shares of the nodes that begin late and that end in the middle, and of the links to the outside that lead to
                     members who send flipped bytes (default 0.2, 0.1, 0.3); each fleet is run without faults as well
  --json             nothing on stdout but one JSON object

The last line of stdout is always that object; docs/simulation.md has its keys. Exit 0: all nodes got it, and without faults 99 % of them
within 1.5 times the bound; 1: not so; 2: a mistake in these options.`

const NODES_MAX = 10_000
const SEEDS_MAX = 1_000

/** Reads the arguments after `swarm`. @throws UsageError */
export function parseSwarmOptions(args: readonly string[]): SwarmOptions {
  const flags = { json: false, help: false }
  const values = new Map<string, string>()
  for (let i = 0; i < args.length; i++) {
    const [option, inline] = splitOption(args[i] as string)
    if (option in flags) flags[option as keyof typeof flags] = true
    else values.set(option, inline ?? args[++i] ?? missing(option))
  }
  const take = (option: string, otherwise: string) => {
    const value = values.get(option) ?? otherwise
    values.delete(option)
    return value
  }
  const options = {
    ...flags,
    nodes: take('nodes', '50,500')
      .split(',')
      .map((text) => whole('nodes', text, 1, NODES_MAX)),
    seed: whole('seed', take('seed', '1'), 0, 2 ** 32 - 1),
    seeds: whole('seeds', take('seeds', '3'), 1, SEEDS_MAX),
    pieces: whole('pieces', take('pieces', '128'), 1, limits.pieces),
    faults: {
      late: share('late', take('late', '0.2')),
      leaving: share('leaving', take('leaving', '0.1')),
      poisonous: share('poisonous', take('poisonous', '0.3')),
    },
  }
  for (const option of values.keys()) throw new UsageError(`--${option} is no option of "swarm"; --help lists them`)
  return options
}

function share(option: string, text: string): number {
  const value = number(option, text)
  if (value < 0 || value > 0.9) throw new UsageError(`--${option} must be from 0 to 0.9`)
  return value
}
