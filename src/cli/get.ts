// `pimesh get node X`: everything that is known of one node.
import { Failure } from '../core/failure.ts'
import { apiClient } from '../daemon/api-client.ts'
import type { NodesJson } from '../daemon/api-types.ts'
import { nodeLines } from './format/one-node.ts'
import { type Command, type Context, dataOption, outputOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { timeoutOption, zoneTimeout } from './frame/timeout.ts'

export const get: Command = {
  name: 'get',
  summary: 'everything about one node',
  usage: 'node NAME|ID [-o table|json]',
  details: `The node is given by its name, its id, or the beginning of its id when only one node has it. SEEN BY is how its witnesses see it: the
members of its zone that keep a link with it and say when it is gone. Below the metrics of its record are the values that only the node
itself keeps: what its board has beside them, and custom collectors.
Exit status: 0 the answer is complete, 1 a witness or the node did not answer in time, or there is no such node.`,
  positionals: [2, 2],
  needs: 'a node, as in "pimesh get node pi-3"',
  options: { ...outputOption, ...timeoutOption, ...dataOption },
  examples: [
    ['pimesh get node pi-3', 'all metrics, with units'],
    ["pimesh get node pi-3 -o json | jq '.nodes[0].metrics'", 'in a script'],
    ["pimesh get node pi-3 -o json | jq '.seen.by[] | {name, status}'", 'how its witnesses see it'],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const [kind = '', which = ''] = args.positionals
  if (kind !== 'node') throw new Failure('E_USAGE', `get knows nodes, not "${kind}": write "pimesh get node ${which}"`)
  const answer = await apiClient(dataFolder(context)).node(which, zoneTimeout(args))
  if (output === 'json') terminal.json(answer)
  else for (const node of answer.nodes) terminal.print(nodeLines(node, answer, terminal).join('\n'))
  return isWhole(answer) ? 0 : 1
}

function isWhole({ seen, beside }: NodesJson): boolean {
  return seen?.completeness.complete !== false && beside?.complete !== false
}
