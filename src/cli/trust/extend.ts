// `pimesh trust extend`: prolongs the memberships of a zone or an invite with one signature.
import { Failure } from '../../core/failure.ts'
import { DAY, limits } from '../../core/limits.ts'
import { pairLines } from '../format/table.ts'
import { type Args, type Command, type Context, dataOption, meshOption, outputOption } from '../frame/command.ts'
import { passphraseOption } from '../frame/passphrase.ts'
import { openOwn, stateChanges } from './state.ts'

export const extend: Command = {
  name: 'trust extend',
  summary: 'prolong the memberships of a zone or an invite',
  usage: '--zone Z|--invite HASH --days N|--until DATE',
  details: `Nodes need not join again: every member that has heard of it lets these memberships count until then, also those that have ended
already. "pimesh get NODE -o json" shows the hash of its invite. At most two years ahead; say it again before they are over.`,
  options: {
    zone: { type: 'string', value: 'Z', help: 'all memberships of this zone and below' },
    invite: { type: 'string', value: 'HASH', help: 'all memberships of this invite' },
    days: { type: 'string', value: 'N', help: 'until so many days from now' },
    until: { type: 'string', value: 'DATE', help: 'until this day, as in 2028-06-30' },
    ...passphraseOption,
    ...meshOption,
    ...dataOption,
    ...outputOption,
  },
  examples: [['pimesh trust extend --zone /uk/glasgow --days 365', 'another year for a site']],
  run,
}

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const scope = readScope(args)
  const until = readUntil(args, Date.now())
  const mesh = await openOwn(context)
  const { enroller, version } = await stateChanges(context, mesh, scope.zone, { extensions: [{ ...scope, until }] })
  const date = new Date(until).toISOString()
  if (output === 'json') {
    const { zone = null, invite = null } = scope
    terminal.json({ schema: 'pimesh.extend/1', zone, invite, until: date, enroller, version })
  } else {
    const what = scope.zone === undefined ? 'this invite' : scope.zone
    const lines = pairLines([['statement', `version ${version} of enrol key ${enroller}`]], '  ')
    terminal.print([`memberships of ${what} count until ${date.slice(0, 10)}`, ...lines].join('\n'))
  }
  return 0
}

function readScope(args: Args): { zone: string | undefined; invite: string | undefined } {
  const [zone, invite] = [args.text('zone'), args.text('invite')]
  if ((zone === undefined) === (invite === undefined))
    throw new Failure('E_USAGE', 'say whose memberships: either --zone Z or --invite HASH')
  if (invite !== undefined && !/^[0-9a-f]{64}$/.test(invite))
    throw new Failure('E_USAGE', `--invite takes the hash of an invite, 64 hex digits, not "${invite}"`)
  return { zone, invite }
}

/** In whole seconds, as documents hold it. */
function readUntil(args: Args, now: number): number {
  const most = limits.extensionMax / DAY
  const days = args.count('days', 1, most)
  const date = args.text('until')
  if ((days === undefined) === (date === undefined))
    throw new Failure('E_USAGE', 'say until when: either --days N or --until DATE')
  const until = days === undefined ? Date.parse(`${date}T00:00:00Z`) : now + days * DAY
  const valid = days !== undefined || new Date(until || 0).toISOString().slice(0, 10) === date
  if (!valid) throw new Failure('E_USAGE', `--until takes a day such as 2028-06-30, not "${date}"`)
  if (until <= now || until > now + limits.extensionMax)
    throw new Failure('E_USAGE', `memberships are prolonged to a day in the next ${most} days, not to ${date}`)
  return Math.floor(until / 1_000) * 1_000
}
