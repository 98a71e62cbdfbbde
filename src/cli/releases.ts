// `pimesh releases`: what is announced, and how far each release has come.
import { Failure } from '../core/failure.ts'
import { apiClient } from '../daemon/api-client.ts'
import type { ReleasesJson } from '../daemon/api-types.ts'
import { FleetRates } from './format/release-progress.ts'
import { releaseLines, releasesLines } from './format/releases.ts'
import { type Command, type Context, dataOption, wideOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { plain } from './frame/terminal.ts'
import { timeoutOption, zoneTimeout } from './frame/timeout.ts'
import { show, watchOption, watchPeriod } from './frame/watch.ts'
import { missingText, only } from './named.ts'

export const releases: Command = {
  name: 'releases',
  summary: 'what is announced, and how many nodes have it, fetch it or failed, and why',
  usage: '[PATH|RELEASE] [--zone Z]... [-o table|wide|json] [--nodes] [--watch [S]]',
  details: `With a path (acme/agent), a release (acme/agent@2.4.0) or the beginning of its hash: all about it, and each node; --watch waits
for one that is not announced yet, and has how fast the fleet gets it and how long it will take. FETCHING counts nodes on their way, up to the last check; a node speaks of the four releases that
matter most on it. The last line says how complete and how old the answer is. Exit status: 0 the answer is complete, 1 it is partial or
there is none.`,
  positionals: [0, 1],
  options: {
    zone: { type: 'string', multiple: true, value: 'Z', help: 'only nodes of this zone (default: all that are known)' },
    nodes: { type: 'boolean', help: 'the nodes of each release, too' },
    ...wideOption,
    ...watchOption,
    ...timeoutOption,
    ...dataOption,
  },
  examples: [
    ['pimesh releases', 'all of them'],
    ['pimesh releases acme/agent --watch', 'see one arrive'],
    [`pimesh releases -o json | jq '.releases[].nodes[] | select(.reason)'`, 'who waits or failed, and why'],
  ],
  run,
}

type Output = 'table' | 'wide' | 'json'

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice<Output>('output', ['table', 'wide', 'json'], 'table')
  const timeoutMs = zoneTimeout(args)
  const every = watchPeriod(context)
  const [which] = args.positionals
  const client = apiClient(dataFolder(context))
  let missing: string | undefined
  const rates = new FleetRates()
  const ask = async () => {
    const answer = await client.releases({ zones: args.texts('zone'), timeoutMs })
    const found = which === undefined ? answer : only(answer, which)
    missing = which === undefined || found.releases.length > 0 ? undefined : missingText(answer, which)
    // Whoever watches may have begun before it was announced.
    if (missing !== undefined && every === undefined) throw new Failure('E_PATH', missing)
    rates.add(found.releases, performance.now())
    return found
  }
  const options = { wide: output === 'wide', nodes: args.flag('nodes') }
  const lines = (answer: ReleasesJson) =>
    which === undefined
      ? releasesLines(answer, terminal, options)
      : [
          ...(missing === undefined ? [] : [plain(missing)]),
          ...releaseLines(answer, terminal, every === undefined ? undefined : rates),
        ]
  const json = output === 'json'
  const { completeness } = await show(context, { ask, json, lines }, every)
  return completeness.complete ? 0 : 1
}
