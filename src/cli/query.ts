// `pimesh query`: figures of many nodes, from what is known here where that can say it.
import { apiClient } from '../daemon/api-client.ts'
import type { QuestionJson } from '../daemon/api-fleet-types.ts'
import { csvLines } from './format/csv.ts'
import { questionLines, restsOn } from './format/figures.ts'
import { type Command, type Context, dataOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { pointedOut } from './frame/point.ts'
import { timeoutOption, zoneTimeout } from './frame/timeout.ts'

export const query: Command = {
  name: 'query',
  summary: 'figures of many nodes: count, avg, min, max, sum, p95 of a metric, by zone',
  usage: "'FIGURE[, FIGURE]... [by GROUP] [where CEL]' [--zone GLOB]... [-o table|json|csv]",
  details: `A figure is count, or avg, min, max, sum, median or pNN of a metric: p95(cpu_temp). Groups are zone, and for count also status,
version and release. The eight metrics that zones sum up (cpu_busy, mem_available, disk_available, cpu_temp, load1, io_pressure,
uptime, record_age) and counts come at once from the fleet summary and the digests that this peer hears; quantiles of these are
within the error that is shown. With "where", or of another metric, the rows of nodes are fetched: exact, and slower. The last line
says which way it was, how complete and how old.
Exit status: 0 the answer is complete, 1 it is partial or there is none, 2 the question is wrong.`,
  positionals: [1, 1],
  needs: "a question in quotes, as in pimesh query 'p95(cpu_temp) by zone'",
  options: {
    zone: { type: 'string', multiple: true, value: 'GLOB', help: 'only of these zones: /uk, /uk/a, /uk/*' },
    output: { type: 'string', short: 'o', value: 'table|json|csv', help: 'table (default), json or csv' },
    ...timeoutOption,
    ...dataOption,
  },
  examples: [
    ["pimesh query 'p95(cpu_temp) by zone'", 'the hottest twentieth of each zone'],
    ["pimesh query 'count by version'", 'how far an update of pimesh is'],
    ['pimesh query \'count, max(cpu_temp) where labels.board == "pi4"\'', 'of some nodes only'],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json', 'csv'], 'table')
  const [q = ''] = args.positionals
  const client = apiClient(dataFolder(context))
  const asked = { zones: args.texts('zone'), timeoutMs: zoneTimeout(args) }
  const answer = await pointedOut(terminal, q, () => client.query(q, asked))
  if (output === 'json') terminal.json(answer)
  else if (output === 'csv') printCsv(context, answer)
  else terminal.print(questionLines(answer).join('\n'))
  return answer.completeness.complete ? 0 : 1
}

function printCsv({ terminal }: Context, answer: QuestionJson): void {
  const { by, columns, groups } = answer
  const titles = [...(by === null ? [] : [by]), ...columns.map(({ text }) => text), 'nodes', 'age']
  const rows = groups.map(({ group, figures, nodes, ageMs }) => [
    ...(by === null ? [] : [group]),
    ...[...figures.map(({ value }) => value), nodes, ageMs === null ? null : ageMs / 1_000],
  ])
  terminal.print(csvLines(titles, rows).join('\n'))
  terminal.notice(restsOn(answer))
}
