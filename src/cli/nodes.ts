// `pimesh nodes`: how all nodes are, from every zone that answers.
import { apiClient } from '../daemon/api-client.ts'
import type { NodesJson } from '../daemon/api-types.ts'
import { nodesLines } from './format/nodes.ts'
import { type Command, type Context, dataOption, wideOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { timeoutOption, zoneTimeout } from './frame/timeout.ts'
import { show, watchOption, watchPeriod } from './frame/watch.ts'

export const nodes: Command = {
  name: 'nodes',
  summary: 'how all nodes are, and how complete the answer is',
  usage: '[--zone Z]... [-o table|wide|json] [--watch [SECONDS]]',
  details: `An operator's peer sees the rows of all zones; a node sees those of its own zone and the counts of others. The last line says how
many zones answered and how old the oldest row is; JSON has the same in "completeness". LOAD is the load of one minute for each
core; MEM and DISK are the used share. Exit status: 0 the answer is complete, 1 it is partial or there is none.`,
  options: {
    zone: { type: 'string', multiple: true, value: 'Z', help: 'only this zone (default: all that are known)' },
    ...wideOption,
    ...watchOption,
    ...timeoutOption,
    ...dataOption,
  },
  examples: [
    ['pimesh nodes', 'the whole fleet'],
    ['pimesh nodes --zone /uk/glasgow/lab3 -o wide', 'one site with labels and ids'],
    ['pimesh nodes --watch', 'look at it live'],
    [`pimesh nodes -o json | jq '.nodes[] | select(.status != "up") | .name'`, 'in a script'],
  ],
  run,
}

type Output = 'table' | 'wide' | 'json'

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice<Output>('output', ['table', 'wide', 'json'], 'table')
  const timeoutMs = zoneTimeout(args)
  const every = watchPeriod(context)
  const client = apiClient(dataFolder(context))
  const ask = () => client.nodes({ zones: args.texts('zone'), timeoutMs })
  const json = output === 'json'
  const lines = (answer: NodesJson, { cramped }: { cramped: boolean }) =>
    nodesLines(answer, terminal, { wide: output === 'wide', worstFirst: cramped })
  const { completeness } = await show(context, { ask, json, lines }, every)
  return completeness.complete ? 0 : 1
}
