// `pimesh nodes`: how all nodes are, from every zone that answers.
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { apiClient } from '../daemon/api-client.ts'
import type { NodesJson } from '../daemon/api-types.ts'
import { nodesLines } from './format/nodes.ts'
import { parseDuration } from './format/quantity.ts'
import { type Command, type Context, dataOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { Screen } from './frame/screen.ts'
import { wait } from './frame/wait.ts'

export const nodes: Command = {
  name: 'nodes',
  summary: 'how all nodes are, and how complete the answer is',
  usage: '[--zone Z]... [-o table|wide|json] [--watch [SECONDS]]',
  details: `An operator's peer sees the rows of all zones; a node sees those of its own zone and the counts of others. The last line says how
many zones answered and how old the oldest row is; JSON has the same in "completeness". LOAD is the load of one minute for each
core; MEM and DISK are the used share. Exit status: 0 the answer is complete, 1 it is partial or there is none.`,
  options: {
    zone: { type: 'string', multiple: true, value: 'Z', help: 'only this zone (default: all that are known)' },
    output: {
      type: 'string',
      short: 'o',
      value: 'table|wide|json',
      help: 'table (default), wide with more columns, or json',
    },
    watch: {
      type: 'string',
      bare: '2',
      value: 'SECONDS',
      help: 'show it again every 2 or SECONDS seconds, in place; as JSON one line each time',
    },
    timeout: { type: 'string', value: '5s', help: 'how long zones may take to answer' },
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
  const { args } = context
  const output = args.choice<Output>('output', ['table', 'wide', 'json'], 'table')
  const timeoutMs = parseDuration('timeout', args.text('timeout') ?? `${limits.queryTimeout}ms`)
  if (timeoutMs < 1 || timeoutMs > limits.apiQueryTimeoutMax)
    throw new Failure(
      'E_USAGE',
      `--timeout takes 1ms to ${limits.apiQueryTimeoutMax / 1_000}s, not "${args.text('timeout')}"`,
    )
  const every = readPeriod(args.text('watch'))
  const client = apiClient(dataFolder(context))
  const ask = () => client.nodes({ zones: args.texts('zone'), timeoutMs })
  if (every !== undefined) return await watch(context, ask, output, every)
  const answer = await ask()
  show(context, answer, output)
  return exitStatus(answer)
}

/** Shortest period of --watch in ms. */
const WATCH_MIN = 1_000

function readPeriod(text: string | undefined): number | undefined {
  const every = text === undefined ? undefined : parseDuration('watch', text, 's')
  if (every === undefined || every >= WATCH_MIN) return every
  throw new Failure('E_USAGE', `--watch takes at least 1 s, not "${text}"`)
}

function exitStatus({ completeness }: NodesJson): number {
  return completeness.complete ? 0 : 1
}

function show({ terminal }: Pick<Context, 'terminal'>, answer: NodesJson, output: Output): void {
  if (output === 'json') terminal.json(answer)
  else terminal.print(nodesLines(answer, terminal, { wide: output === 'wide' }).join('\n'))
}

/** Until Ctrl-C. The first answer must come; later ones may fail for a while, and the screen says so. */
async function watch(context: Context, ask: () => Promise<NodesJson>, output: Output, every: number): Promise<number> {
  const { terminal } = context
  const signal = context.interrupted()
  const inPlace = terminal.interactive && output !== 'json'
  const screen = new Screen(terminal)
  let answer = await ask()
  let trouble: string | undefined
  try {
    while (!signal.aborted) {
      if (inPlace) drawIn(screen, context, answer, output, trouble)
      else if (trouble !== undefined) terminal.notice(trouble)
      else if (output === 'json') terminal.print(JSON.stringify(answer))
      else show(context, answer, output)
      await wait(every, signal)
      trouble = undefined
      answer = await ask().catch((error: unknown) => {
        if (!(error instanceof Failure)) throw error
        trouble = `${error.message} [${error.code}]`
        return answer
      })
    }
  } finally {
    if (inPlace) screen.end()
  }
  return exitStatus(answer)
}

function drawIn(
  screen: Screen,
  { terminal }: Context,
  answer: NodesJson,
  output: Output,
  trouble: string | undefined,
): void {
  const wide = output === 'wide'
  const lines = nodesLines(answer, terminal, { wide })
  const footer =
    trouble === undefined ? lines.slice(-1) : [...lines.slice(-1), terminal.paint('red', `not current: ${trouble}`)]
  const body = lines.slice(0, -1)
  const shown = screen.fits(body, footer) ? body : nodesLines(answer, terminal, { wide, worstFirst: true }).slice(0, -1)
  screen.draw(shown, footer)
}
