// `pimesh history NODE METRIC`: how a value went, from the node itself, or from whoever keeps its values when it is gone.
import { Failure } from '../core/failure.ts'
import { apiClient } from '../daemon/api-client.ts'
import { historyCsv, historyLines, namesLines } from './format/history.ts'
import { parseDuration } from './format/quantity.ts'
import { type Command, type Context, dataOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { timeoutOption, zoneTimeout } from './frame/timeout.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const KEPT = 30 * DAY

export const history: Command = {
  name: 'history',
  summary: 'how a value of one node went',
  usage: 'NODE [METRIC] [--since 24h] [--step 5m] [-o table|json|csv]',
  details: `METRIC is a short name, such as cpu_busy, cpu_temp, mem_available, disk_available, load1, net_in or uptime, or the exact name of a series;
without one, all that the node has are listed. A counter is shown by what it grows in a second. The node itself is asked; when it cannot be
reached, the members that keep its values for a day are, and the last line says how much they have. A gap is shown as a gap: "-" in the
table, an empty field in csv, null in json. --since reaches back an hour sample by sample, a day minute by minute, and 30 days by quarters
of an hour. Exit status: 0 nothing is missing, 1 something is or there is nothing.`,
  positionals: [1, 2],
  needs: 'a node and a metric, as in "pimesh history pi-3 cpu_temp"',
  options: {
    since: { type: 'string', value: 'TIME', help: 'how far back, from 1m to 30d (default 24h)' },
    step: {
      type: 'string',
      value: 'TIME',
      help: 'one line for each (default: about 24 lines, and in csv and json all there is)',
    },
    output: {
      type: 'string',
      short: 'o',
      value: 'table|json|csv',
      help: 'table for people (default), json or csv for programs',
    },
    ...timeoutOption,
    ...dataOption,
  },
  examples: [
    ['pimesh history pi-3 cpu_temp', 'the last day'],
    ['pimesh history pi-3 cpu_busy --since 1h --step 1m', 'the last hour, minute by minute'],
    ['pimesh history pi-3', 'which metrics there are'],
    ['pimesh history pi-3 mem_available --since 7d -o csv > pi-3.csv', 'for a spreadsheet'],
  ],
  run,
}

type Output = 'table' | 'json' | 'csv'

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice<Output>('output', ['table', 'json', 'csv'], 'table')
  const [node = '', metric] = args.positionals
  const sinceMs = spanOf('since', args.text('since') ?? '24h', MINUTE)
  const typed = args.text('step')
  const stepMs = typed === undefined ? undefined : spanOf('step', typed, 1_000)
  if (stepMs !== undefined && stepMs > sinceMs)
    throw new Failure('E_USAGE', `--step ${typed} is longer than --since: give a shorter step`)
  const timeoutMs = zoneTimeout(args)
  const answer = await apiClient(dataFolder(context)).history({ node, metric, sinceMs, stepMs, timeoutMs })
  if (output === 'json') terminal.json(answer)
  else if (output === 'csv') terminal.print(historyCsv(answer).join('\n'))
  else if (metric === undefined) terminal.print(namesLines(answer).join('\n'))
  else
    terminal.print(
      historyLines(answer, terminal, { stepped: stepMs !== undefined, ascii: isPlain(context) }).join('\n'),
    )
  return answer.completeness.complete ? 0 : 1
}

/** @throws Failure E_USAGE: with the place where it stops being a duration. */
function spanOf(option: 'since' | 'step', text: string, least: number): number {
  const good = /^\d*(\.\d*)? ?[a-z]*/.exec(text)?.[0].length ?? 0
  if (good < text.length) {
    const what = `--${option} takes a duration such as 30m, 24h or 7d, not "${text}"`
    throw new Failure('E_USAGE', `${what}: character ${good + 1} ("${text.charAt(good)}") does not belong there`)
  }
  const span = parseDuration(option, text)
  if (span >= least && span <= KEPT) return span
  const bounds = `from ${least === MINUTE ? '1m' : '1s'} to 30d`
  throw new Failure('E_USAGE', `--${option} is ${bounds}, not ${text}: values are kept for 30 days`)
}

/** A terminal that does not show more than ASCII draws no blocks. */
function isPlain({ env }: Context): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || ''
  return env.TERM === 'dumb' || env.TERM === 'linux' || (locale !== '' && !/utf-?8/i.test(locale))
}
