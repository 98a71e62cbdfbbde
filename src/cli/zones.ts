// `pimesh zones`: one line for each zone, from the digests that this peer hears, and of zones below inner ones from those that reporters tell.

import { Failure } from '../core/failure.ts'
import { apiClient } from '../daemon/api-client.ts'
import type { FleetJson } from '../daemon/api-fleet-types.ts'
import { zonesLine, zonesTable } from './format/zones.ts'
import { type Command, type Context, dataOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { timeoutOption, zoneTimeout } from './frame/timeout.ts'
import { show, watchOption, watchPeriod } from './frame/watch.ts'

export const zones: Command = {
  name: 'zones',
  summary: 'how each zone is, from what its reporter says',
  usage: '[--zone GLOB]... [-o table|wide|json|jsonl|name] [--watch [SECONDS]]',
  details: `From the digests that reporters sign, no node is asked: those that are heard here anyway, and of the zones further below what
their reporters tell within --timeout. A zone that nobody speaks for is dark, and its nodes are in no count. /uk/** is all zones in /uk
together, where they are not told one by one: a node that is no operator's is told those of the inner zones that it lies in. The last
line says how complete it is; quantiles are within 5 % ("pimesh query" says exactly). "pimesh top" asks nobody.
Exit status: 0 all zones are told and answer, 1 some are dark, or not told, or nothing is known yet.`,
  options: {
    zone: { type: 'string', multiple: true, value: 'GLOB', help: 'only these: /uk/a, /uk/*' },
    output: {
      type: 'string',
      short: 'o',
      value: 'FORMAT',
      help: 'table (default), wide, json, jsonl (a zone a line), or name',
    },
    ...watchOption,
    ...timeoutOption,
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
  const timeoutMs = zoneTimeout(args)
  const ask = () => client.zones(args.texts('zone'), timeoutMs)
  if (output === 'jsonl' || output === 'name') {
    if (every !== undefined) throw new Failure('E_USAGE', '--watch goes with -o table, wide or json')
    const fleet = await ask()
    for (const zone of fleet.zones) terminal.print(output === 'name' ? zone.zone : JSON.stringify(zone))
    terminal.notice(zonesLine(fleet))
    return exitOf(fleet)
  }
  const lines = (fleet: FleetJson) => [...zonesTable(fleet.zones, terminal, output === 'wide'), zonesLine(fleet)]
  const fleet = await show(context, { ask, json: output === 'json', lines }, every)
  return exitOf(fleet)
}

function exitOf({ summary, own, zones, completeness }: FleetJson): number {
  if (completeness !== undefined) return completeness.complete ? 0 : 1
  const known = summary !== null || own !== null
  return known && (summary?.figures.dark ?? 0) === 0 && !zones.some(({ dark }) => dark) ? 0 : 1
}
