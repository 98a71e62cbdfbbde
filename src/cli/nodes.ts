// `pimesh nodes`: how all nodes are, from every zone that answers; or those of them that somebody looks for.
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { type ApiClient, apiClient, type NodesAsked } from '../daemon/api-client.ts'
import type { NodeJson, NodesJson } from '../daemon/api-types.ts'
import { csvLines } from './format/csv.ts'
import { NARROW, nodeColumns } from './format/node-columns.ts'
import { completenessLine, nodesLines } from './format/nodes.ts'
import { type Command, type Context, dataOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { pointedOut } from './frame/point.ts'
import { timeoutOption, zoneTimeout } from './frame/timeout.ts'
import { show, watchOption, watchPeriod } from './frame/watch.ts'

export const nodes: Command = {
  name: 'nodes',
  summary: 'how all nodes are, and how complete the answer is',
  usage: '[--zone GLOB]... [--where CEL] [--sort-by M] [--columns a,b,c] [-o FORMAT] [--watch [SECONDS]]',
  details: `An operator's peer sees the rows of all zones; a node sees those of its own zone and the counts of others. The last line says how
many zones answered, how old the oldest row is, and which zones are dark; JSON has the same in "completeness". LOAD is the load of one
minute for each core; MEM and DISK are the used share.

--where takes a condition in CEL over what a row tells: name, zone, status, age (seconds), labels, flags, alerts, cpus, and metrics by
their short names (cpu_temp, mem_available, load1, ...) or as metrics["series"]. A node that does not say does not match.
Exit status: 0 the answer is complete, 1 it is partial or there is none, 2 the question is wrong.`,
  options: {
    zone: {
      ...{ type: 'string', multiple: true, value: 'GLOB' },
      help: 'only this zone, or those that match: /uk/* directly below, /uk/** at any depth (default: all that are known)',
    },
    where: {
      type: 'string',
      value: 'CEL',
      help: 'only nodes for which this holds: cpu_temp > 70 && labels.room == "attic"',
    },
    'sort-by': {
      ...{ type: 'string', value: 'M' },
      help: 'by a metric or age (largest first), or by name, zone, status; :asc or :desc turns it',
    },
    columns: {
      ...{ type: 'string', value: 'a,b,c' },
      help: 'these columns: name, zone, status, age, labels.KEY, cpu_temp, ...; "pimesh nodes -o wide" shows most',
    },
    limit: { type: 'string', value: 'N', help: 'at most N rows' },
    page: { type: 'string', value: 'K', help: 'with --limit: the rows of the K-th page' },
    dark: { type: 'boolean', help: 'list all zones that did not answer, however many' },
    output: {
      ...{ type: 'string', short: 'o', value: 'FORMAT' },
      help: 'table (default), wide, json, jsonl (a row a line), csv, or name',
    },
    ...watchOption,
    ...timeoutOption,
    ...dataOption,
  },
  examples: [
    ['pimesh nodes', 'the whole fleet'],
    ["pimesh nodes --where 'cpu_temp > 70' --sort-by cpu_temp", 'the hottest first'],
    [
      "pimesh nodes --zone '/uk/**' --columns name,zone,disk_available,labels.room",
      'a country, and what you need of it',
    ],
    [`pimesh nodes --where 'status != "up"' -o name`, 'in a script'],
    ['pimesh nodes --watch', 'look at it live'],
  ],
  run,
}

const OUTPUTS = ['table', 'wide', 'json', 'jsonl', 'csv', 'name'] as const
type Output = (typeof OUTPUTS)[number]

async function run(context: Context): Promise<number> {
  const { args } = context
  const output = args.choice<Output>('output', OUTPUTS, 'table')
  const asked = askedOf(context)
  const every = watchPeriod(context)
  const client = apiClient(dataFolder(context))
  const ask = () => allPages(client, asked)
  const answer = await pointedOut(context.terminal, asked.where, () =>
    output === 'table' || output === 'wide' || output === 'json'
      ? showTable(context, { ask, output, asked }, every)
      : printRows(context, { ask, output, asked }, every),
  )
  return answer.completeness.complete ? 0 : 1
}

/** @throws Failure E_USAGE */
function askedOf({ args }: Context): NodesAsked {
  const limit = args.count('limit', 1, limits.apiRowsMax)
  const page = args.count('page', 1, limits.apiRowsMax)
  if (page !== undefined && limit === undefined)
    throw new Failure('E_USAGE', '--page says which page of --limit rows: give both')
  return {
    zones: args.texts('zone'),
    timeoutMs: zoneTimeout(args),
    ...{ where: args.text('where'), sortBy: args.text('sort-by') },
    ...(limit === undefined ? {} : { limit, at: ((page ?? 1) - 1) * limit }),
    ...columnsOf(args.text('columns')),
  } as NodesAsked
}

function columnsOf(text: string | undefined): Pick<NodesAsked, 'columns'> {
  if (text === undefined) return {}
  // A comma within the braces of a series is part of its name.
  const columns = text.match(/(?:[^,{]|\{[^}]*\})+/g) ?? []
  if (columns.length === 0) throw new Failure('E_USAGE', '--columns takes names with commas between them')
  return { columns: columns.map((column) => column.trim()) }
}

/** The page that was asked for; without one, all of them, so that no answer is too much at once for the daemon. */
async function allPages(client: ApiClient, asked: NodesAsked): Promise<NodesJson> {
  if (asked.limit !== undefined) return await client.nodes(asked)
  const first = await client.nodes({ ...asked, limit: limits.apiPageRows })
  const rows = [...first.nodes]
  let { page } = first
  while (page !== undefined && page.next !== null) {
    const next = await client.nodes({ answer: page.answer, at: page.next, limit: limits.apiPageRows })
    rows.push(...next.nodes)
    page = next.page
  }
  return { ...first, nodes: rows, ...(page === undefined ? {} : { page: { ...page, at: 0, next: null } }) }
}

interface Wanted {
  ask: () => Promise<NodesJson>
  output: Output
  asked: NodesAsked
}

async function showTable(context: Context, { ask, output, asked }: Wanted, every: number | undefined) {
  const { args, terminal } = context
  const shown = {
    ...{ wide: output === 'wide', columns: asked.columns },
    ...{ sorted: asked.sortBy !== undefined, dark: args.flag('dark') },
  }
  const lines = (answer: NodesJson, { cramped }: { cramped: boolean }) =>
    nodesLines(answer, terminal, { ...shown, worstFirst: cramped && asked.sortBy === undefined })
  return await show(context, { ask, json: output === 'json', lines }, every)
}

/** For programs: rows alone on stdout, and how complete they are on stderr. */
async function printRows({ terminal }: Context, { ask, output, asked }: Wanted, every: number | undefined) {
  if (every !== undefined) throw new Failure('E_USAGE', '--watch goes with -o table, wide or json')
  const answer = await ask()
  const lines = rowLines(answer, output, asked.columns)
  if (lines.length > 0) terminal.print(lines.join('\n'))
  terminal.notice(completenessLine(answer))
  return answer
}

function rowLines({ nodes, units = {} }: NodesJson, output: Output, names: readonly string[] = NARROW): string[] {
  if (output === 'jsonl') return nodes.map((node) => JSON.stringify(node))
  if (output === 'name') return nodes.map(({ name }) => name)
  const columns = nodeColumns(nodes, { paint: (_, text) => text }, units, names)
  const cells = (node: NodeJson) => columns.map(({ cell, raw = cell }) => raw(node))
  return csvLines(names, nodes.map(cells))
}
