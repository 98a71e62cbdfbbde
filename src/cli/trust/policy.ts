// `pimesh trust policy`: what the owner of a zone lets into it.
import { Failure } from '../../core/failure.ts'
import { apiClient } from '../../daemon/api-client.ts'
import type { PolicyChange } from '../../publish/statement.ts'
import { pairLines } from '../format/table.ts'
import { type Args, type Command, type Context, dataOption, meshOption, outputOption } from '../frame/command.ts'
import { dataFolder } from '../frame/folders.ts'
import { passphraseOption } from '../frame/passphrase.ts'
import { plain } from '../frame/terminal.ts'
import { openOwn, stateChanges } from './state.ts'

export const policy: Command = {
  name: 'trust policy',
  summary: 'say which publishers, releases and hours a zone accepts',
  usage: '--zone Z [--only-publishers A,B|any] [--veto NAME@V]... [--allow NAME@V]... [--hours 22:00-06:00|any]',
  details: `Signed with an enrol key that reaches the zone. It only restricts: where several policies concern a node, all have to let a release pass.
What is not named stays as it was. Nothing that is in use is removed; an update that is on its way stops until its switch. Hours are those of the local
time of each node; one whose clock is not synchronised begins nothing, and says so in "pimesh releases".`,
  options: {
    zone: { type: 'string', value: 'Z', help: 'the zone and what lies below it' },
    'only-publishers': { type: 'string', value: 'A,B', help: 'take releases of these publishers only; any: of all' },
    veto: { type: 'string', multiple: true, value: 'NAME@V', help: 'do not take this release' },
    allow: { type: 'string', multiple: true, value: 'NAME@V', help: 'take back a veto' },
    hours: { type: 'string', value: 'FROM-TO', help: 'begin installations in these hours only; any: at any time' },
    ...passphraseOption,
    ...meshOption,
    ...dataOption,
    ...outputOption,
  },
  examples: [
    ['pimesh trust policy --zone /uk/glasgow --veto acme/agent@2.4.0', 'this site waits for the next release'],
    ['pimesh trust policy --zone /uk/glasgow --hours 22:00-06:00', 'updates begin at night'],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const { parseHours } = await import('../../publish/statement.ts')
  const zone = args.text('zone')
  if (zone === undefined) throw new Failure('E_USAGE', 'say where: --zone /uk/glasgow')
  const [publishers, hours] = [readPublishers(args), readHours(args, parseHours)]
  const words = [args.texts('veto'), args.texts('allow')] as const
  if (publishers === undefined && hours === undefined && words.flat().length === 0)
    throw new Failure('E_USAGE', 'say what: --only-publishers, --veto, --allow or --hours')
  const mesh = await openOwn(context)
  const [veto, allow] = await releasesNamed(context, words)
  const change: PolicyChange = { zone, publishers, hours, veto, allow }
  const { enroller, version } = await stateChanges(context, mesh, zone, { policy: change })
  if (output === 'json') terminal.json({ schema: 'pimesh.policy/1', zone, veto, allow, enroller, version })
  else {
    const vetoed = veto.map(({ path, counter }): [string, string] => ['vetoed', `${plain(path)}, counter ${counter}`])
    const lines = pairLines([...vetoed, ['statement', `version ${version} of enrol key ${enroller}`]], '  ')
    terminal.print([`the policy of ${zone} is stated`, ...lines].join('\n'))
  }
  return 0
}

function readPublishers(args: Args): PolicyChange['publishers'] {
  const text = args.text('only-publishers')
  if (text === undefined || text === 'any') return text === undefined ? undefined : null
  const names = [...new Set(text.split(','))]
  const wrong = names.find((name) => !/^[a-z0-9][a-z0-9-]{0,31}$/.test(name))
  if (wrong === undefined) return names
  throw new Failure('E_USAGE', `"${wrong}" cannot name a publisher: write names with commas between them, or any`)
}

function readHours(args: Args, parse: (text: string) => PolicyChange['hours']): PolicyChange['hours'] {
  const text = args.text('hours')
  if (text === undefined || text === 'any') return text === undefined ? undefined : null
  const hours = parse(text)
  if (hours !== undefined) return hours
  throw new Failure('E_USAGE', `--hours takes two times of the day such as 22:00-06:00, or any, not "${text}"`)
}

type Named = NonNullable<PolicyChange['veto']>

/** What the peer knows under these names; `acme/agent@2.4.0`, with the version or the counter. */
async function releasesNamed(context: Context, words: readonly [string[], string[]]): Promise<[Named, Named]> {
  if (words.flat().length === 0) return [[], []]
  const { releases } = await apiClient(dataFolder(context)).releases({ local: true })
  const find = (text: string) => {
    const at = text.lastIndexOf('@')
    const [path, label] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)]
    const found = releases.find((one) => one.path === path && (one.version === label || String(one.counter) === label))
    if (found !== undefined) return { path, counter: found.counter }
    // A veto may come before the release does, and be taken back after it was superseded.
    if (at > 0 && /^[1-9]\d{0,9}$/.test(label)) return { path, counter: Number(label) }
    const advice =
      '"pimesh releases" lists them; one that is not announced here is named by its counter, as in acme/agent@7'
    throw new Failure('E_USAGE', `no release is known as "${text}": ${advice}`)
  }
  return [words[0].map(find), words[1].map(find)]
}
