// `pimesh get node X`: everything that is known of one node.
import { Failure } from '../core/failure.ts'
import { apiClient } from '../daemon/api-client.ts'
import type { NodeJson } from '../daemon/api-types.ts'
import { metricText } from './format/metric.ts'
import { labelsText, refusedText, statusColours } from './format/node-columns.ts'
import { age, exact } from './format/quantity.ts'
import { pairLines, tableLines } from './format/table.ts'
import { type Command, type Context, dataOption, outputOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { plain, type Terminal } from './frame/terminal.ts'

export const get: Command = {
  name: 'get',
  summary: 'everything about one node',
  usage: 'node NAME|ID [-o table|json]',
  details: 'The node is given by its name, its id, or the beginning of its id when only one node has it.',
  positionals: [2, 2],
  needs: 'a node, as in "pimesh get node pi-3"',
  options: { ...outputOption, ...dataOption },
  examples: [
    ['pimesh get node pi-3', 'all metrics, with units'],
    ["pimesh get node pi-3 -o json | jq '.nodes[0].metrics'", 'in a script'],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const [kind = '', which = ''] = args.positionals
  if (kind !== 'node') throw new Failure('E_USAGE', `get knows nodes, not "${kind}": write "pimesh get node ${which}"`)
  const answer = await apiClient(dataFolder(context)).node(which)
  if (output === 'json') terminal.json(answer)
  else for (const node of answer.nodes) terminal.print(nodeLines(node, terminal).join('\n'))
  return 0
}

export function nodeLines(node: NodeJson, terminal: Pick<Terminal, 'paint'>): string[] {
  const status = terminal.paint(statusColours[node.status], node.status)
  const facts = pairLines([
    ['node', node.node],
    ['zone', node.zone],
    ['record', `incarnation ${node.incarnation}, counter ${node.counter}`],
    ['promise', `heard from again within ${exact(node.promiseMs)}`],
    ['flags', node.flags.join(', ') || 'none'],
    ['alerts', node.alerts.join(', ') || 'none'],
    ['refused', refusedText(node)],
    ['labels', plain(labelsText(node.labels)) || 'none'],
    ['capabilities', node.capabilities.join(', ')],
    ['seen by', node.seenBy],
  ])
  const columns = [
    { title: 'METRIC', cell: ([name]: [string, number | null]) => name },
    { title: 'VALUE', cell: ([name, value]: [string, number | null]) => metricText(name, value) },
    { title: 'RAW', right: true, cell: ([, value]: [string, number | null]) => (value === null ? '-' : String(value)) },
  ]
  const head = `${terminal.paint('bold', plain(node.name))}: ${status}, heard ${age(node.ageMs)} ago`
  return [head, ...facts, '', ...tableLines(columns, Object.entries(node.metrics))]
}
