// `pimesh zones`: one line for each zone, from the digests that this peer hears; no node is asked.

import { Failure } from '../core/failure.ts'
import { apiClient } from '../daemon/api-client.ts'
import type { FleetJson } from '../daemon/api-fleet-types.ts'
import { fleetLine, zonesTable } from './format/zones.ts'
import { type Command, type Context, dataOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { show, watchOption, watchPeriod } from './frame/watch.ts'

export const zones: Command = {
  name: 'zones',
  summary: 'how each zone is, from what its reporter says',
  usage: '[--zone GLOB]... [-o table|wide|json|jsonl|name] [--watch [SECONDS]]',
  details: `From digests that are heard anyway, so the answer is there at once: an operator's peer and a reporter hear those of the zones beside
theirs, a plain node knows its own zone and the summary of all. /uk/** is all zones in /uk together. A zone that nobody speaks
for is dark, and its nodes are in no count. The last line is the whole fleet; quantiles are within 5 % ("pimesh query" says exactly).
Exit status: 0 all zones answer, 1 some are dark or nothing is known yet.`,
  options: {
    zone: { type: 'string', multiple: true, value: 'GLOB', help: 'only these: /uk/a, /uk/*' },
    output: {
      type: 'string',
      short: 'o',
      value: 'FORMAT',
      help: 'table (default), wide, json, jsonl (a zone a line), or name',
    },
    ...watchOption,
    ...dataOption,
  },
  examples: [
    ['pimesh zones', 'every zone that is heard of'],
    ["pimesh zones --zone '/uk/*' -o wide", 'with versions, reporters and the worst nodes'],
    [`pimesh zones -o jsonl | jq -r 'select(.dark).zone'`, 'the dark ones, in a script'],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'wide', 'json', 'jsonl', 'name'], 'table')
  const every = watchPeriod(context)
  const client = apiClient(dataFolder(context))
  const ask = () => client.fleet(args.texts('zone'))
  if (output === 'jsonl' || output === 'name') {
    if (every !== undefined) throw new Failure('E_USAGE', '--watch goes with -o table, wide or json')
    const fleet = await ask()
    for (const zone of fleet.zones) terminal.print(output === 'name' ? zone.zone : JSON.stringify(zone))
    terminal.notice(fleetLine(fleet))
    return exitOf(fleet)
  }
  const lines = (fleet: FleetJson) => [...zonesTable(fleet.zones, terminal, output === 'wide'), fleetLine(fleet)]
  const fleet = await show(context, { ask, json: output === 'json', lines }, every)
  return exitOf(fleet)
}

function exitOf({ summary, own, zones }: FleetJson): number {
  const known = summary !== null || own !== null
  return known && (summary?.figures.dark ?? 0) === 0 && !zones.some(({ dark }) => dark) ? 0 : 1
}
