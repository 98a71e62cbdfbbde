// `pimesh rollout`: how one release makes its way through the fleet.
import { Failure } from '../core/failure.ts'
import { apiClient } from '../daemon/api-client.ts'
import { FleetRates } from './format/release-progress.ts'
import { rolloutLines } from './format/rollout.ts'
import { type Command, type Context, dataOption, wideOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { plain } from './frame/terminal.ts'
import { timeoutOption, zoneTimeout } from './frame/timeout.ts'
import { show, watchOption, watchPeriod } from './frame/watch.ts'
import { missingText, oneOf } from './named.ts'
import { type RolloutJson, rolloutOf } from './rollout/figures.ts'

export const rollout: Command = {
  name: 'rollout',
  summary: 'how one release makes its way through the fleet: states, zones, nodes and what holds them up',
  usage: 'PATH|RELEASE [--zone Z]... [-o table|wide|json] [--watch [S]]',
  details: `The release is given by its path (acme/agent), by path and version (acme/agent@2.4.0) or by the beginning of its hash.
"fleet" is how much of what travels is on all nodes that speak of it; --watch adds how fast it gets there, over the last minute of
their records, and how long that takes for those that nothing holds up, and waits for a release that is not announced yet. Ctrl-C
ends the watching alone: the fleet goes on by itself, and what should stop is withdrawn by its publisher ("pimesh publish
--withdraw"). The last line says how complete and how old the answer is. Exit status: 0 the answer is complete, 1 it is partial or
there is none.`,
  positionals: [1, 1],
  needs: 'a release, as in "pimesh rollout acme/agent"',
  options: {
    zone: { type: 'string', multiple: true, value: 'Z', help: 'only nodes of this zone (default: all that are known)' },
    ...wideOption,
    ...watchOption,
    ...timeoutOption,
    ...dataOption,
  },
  examples: [
    ['pimesh rollout acme/agent --watch', 'see it arrive'],
    ['pimesh rollout acme/agent --zone /uk/glasgow/lab3', 'at one site'],
    [`pimesh rollout acme/agent -o json | jq '.nodes[] | select(.reason) | .name'`, 'who waits or failed'],
  ],
  run,
}

type Output = 'table' | 'wide' | 'json'

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice<Output>('output', ['table', 'wide', 'json'], 'table')
  const timeoutMs = zoneTimeout(args)
  const every = watchPeriod(context)
  const [name = ''] = args.positionals
  const client = apiClient(dataFolder(context))
  const rates = every === undefined ? undefined : new FleetRates()
  let missing: string | undefined
  const ask = async () => {
    const answer = await client.releases({ zones: args.texts('zone'), timeoutMs })
    const release = oneOf(answer, name)
    missing = release === undefined ? missingText(answer, name) : undefined
    // Whoever watches may have begun before it was announced.
    if (missing !== undefined && rates === undefined) throw new Failure('E_PATH', missing)
    if (release !== undefined) rates?.add([release], performance.now())
    return rolloutOf(name, answer, release, rates)
  }
  const lines = (answer: RolloutJson, { cramped }: { cramped: boolean }) => [
    ...(missing === undefined ? [] : [plain(missing)]),
    ...rolloutLines(answer, terminal, { wide: output === 'wide', worstFirst: cramped }),
  ]
  const json = output === 'json'
  const { fleet, completeness } = await show(context, { ask, json, lines }, every)
  if (every !== undefined && fleet.installed < fleet.nodes) terminal.notice('the fleet goes on with it by itself')
  return completeness.complete ? 0 : 1
}
