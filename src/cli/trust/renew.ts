// `pimesh trust renew`: the root or the targets document as it is, with a later end.
import { Failure } from '../../core/failure.ts'
import { DAY, limits } from '../../core/limits.ts'
import type { Command, Context } from '../frame/command.ts'
import { CHANGE_DETAILS, changeOptions, makeChange } from './change.ts'
import { knownTrust } from './known.ts'

export const renew: Command = {
  name: 'trust renew',
  summary: 'sign the root or the targets anew before they end',
  usage: 'root|targets [--days N] [--expired]',
  details: `"pimesh status" says when something ends soon. After the targets keys were changed, those sign the targets with it. ${CHANGE_DETAILS}`,
  positionals: [1, 1],
  needs: 'to know what, as in "pimesh trust renew root"',
  options: {
    days: { type: 'string', value: 'N', help: 'days until it ends (default 365)' },
    expired: { type: 'boolean', help: 'the root has ended, and the clock of this machine is right all the same' },
    ...changeOptions,
  },
  examples: [['pimesh trust renew targets', 'another year']],
  run,
}

async function run(context: Context): Promise<number> {
  const { args } = context
  const what = args.positionals[0]
  if (what !== 'root' && what !== 'targets')
    throw new Failure(
      'E_USAGE',
      `renew takes root or targets, not "${what}"; whoever publishes anything renews their role`,
    )
  const days = args.count('days', 1, limits.lifetimeMax / DAY)
  const known = await knownTrust(context)
  const { knownTargets } = await import('../../publish/trust-change.ts')
  const { signed } = what === 'root' ? known.mesh.root : { signed: knownTargets(known.targets) }
  requireLater(days ?? limits.rootLifetime / DAY, signed.expires)
  const change =
    what === 'root'
      ? { root: { rootLifetimeDays: days, hasEnded: args.flag('expired') } }
      : { targets: knownTargets(known.targets), targetsDays: days }
  return await makeChange(context, known, { ...change, notes: [] }, `the ${what} document has a later end`)
}

/** Whoever renews wants more time. An earlier end comes with no other purpose than to end. @throws Failure E_USAGE */
function requireLater(days: number, expires: number): void {
  if (Date.now() + days * DAY >= expires) return
  const least = Math.ceil((expires - Date.now()) / DAY)
  throw new Failure(
    'E_USAGE',
    `it lasts until ${new Date(expires).toISOString().slice(0, 10)} already: give --days ${least} or more`,
  )
}
