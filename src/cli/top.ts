// `pimesh top`: the fleet on one screen that keeps itself up to date: a line for all, the zones with trouble first, and the worst nodes.
import { apiClient } from '../daemon/api-client.ts'
import type { FleetJson, WorstJson } from '../daemon/api-fleet-types.ts'
import { counted } from './format/quantity.ts'
import { tableLines } from './format/table.ts'
import { fleetLine, reasonText, worstFirst, zonesTable } from './format/zones.ts'
import { type Command, type Context, dataOption, outputOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { show, watchOption, watchPeriod } from './frame/watch.ts'

export const top: Command = {
  name: 'top',
  summary: 'the fleet on one screen, kept up to date: zones with trouble first, and the worst nodes',
  usage: '[--once] [--watch SECONDS] [-o table|json]',
  details: `Shown again every 2 seconds until Ctrl-C. All of it is from the summary and the digests that this peer hears: nobody is asked, so it
costs the fleet nothing. In a pipe, with --once and with -o json it is printed once.
Exit status: 0 nothing is down or dark, 1 something is, or nothing is known yet.`,
  options: {
    once: { type: 'boolean', help: 'print it once' },
    ...watchOption,
    ...outputOption,
    ...dataOption,
  },
  examples: [
    ['pimesh top', 'look at the fleet'],
    ['pimesh top --once | head -1', 'one line, for a script'],
  ],
  run,
}

const PERIOD = 2_000

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const json = args.choice('output', ['table', 'json'], 'table') === 'json'
  const every = watchPeriod(context) ?? (terminal.interactive && !json && !args.flag('once') ? PERIOD : undefined)
  const client = apiClient(dataFolder(context))
  const lines = (fleet: FleetJson) => topLines(fleet, context)
  const fleet = await show(
    context,
    { ask: () => client.fleet(), json, lines, footer: false },
    args.flag('once') ? undefined : every,
  )
  return isFine(fleet) ? 0 : 1
}

/** The whole screen; the worst nodes come before the zones, which may be many. */
export function topLines(fleet: FleetJson, { terminal }: Pick<Context, 'terminal'>): string[] {
  const worst = fleet.summary?.figures.worst ?? fleet.own?.figures.worst ?? []
  return [
    terminal.paint('bold', fleetLine(fleet)),
    ...notHeard(fleet),
    '',
    ...(worst.length === 0 ? [nobody(fleet)] : worstLines(worst)),
    '',
    ...zonesTable(worstFirst(fleet.zones), terminal, false),
  ]
}

/** Of the nodes of a dark zone nobody says anything. */
function nobody({ summary, own }: FleetJson): string {
  if (summary === null && own === null) return 'of no node is anything known; "pimesh nodes" asks them'
  return (summary?.figures.dark ?? 0) > 0 ? 'no node of the zones that answer needs a look' : 'no node needs a look'
}

/** A screen that keeps itself up to date asks nobody, so it may hear of fewer zones than there are. */
function notHeard({ summary, zones }: FleetJson): string[] {
  if (summary === null) return []
  const heard = zones.reduce(
    (sum, { leaf, figures }) => sum + (leaf || figures === null ? 1 : figures.zones + figures.dark),
    0,
  )
  const more = summary.figures.zones + summary.figures.dark - heard
  if (more <= 0) return []
  return [
    `${counted(more, 'zone')} more ${more === 1 ? 'is' : 'are'} not heard here one by one: "pimesh zones" asks for ${more === 1 ? 'it' : 'them'}`,
  ]
}

function worstLines(worst: readonly WorstJson[]): string[] {
  return tableLines(
    [
      { title: 'WORST NODES', cell: ({ name, node }: WorstJson) => name ?? `...${node.slice(-12)}` },
      { title: 'ZONE', cell: ({ zone }) => zone },
      { title: 'WHY', cell: ({ why, value }) => reasonText(why, value) },
    ],
    worst,
  )
}

function isFine({ summary, own }: FleetJson): boolean {
  const figures = summary?.figures ?? own?.figures
  return figures !== undefined && figures.dark === 0 && figures.counts.down === 0
}
