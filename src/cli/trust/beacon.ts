// `pimesh trust beacon`: which online keys prove, once a period, that nothing newer is withheld.
import { Failure } from '../../core/failure.ts'
import { limits } from '../../core/limits.ts'
import { parseDuration } from '../format/quantity.ts'
import type { Command, Context } from '../frame/command.ts'
import { CHANGE_DETAILS, changeOptions, makeChange } from './change.ts'
import { knownTrust } from './known.ts'

export const beacon: Command = {
  name: 'trust beacon',
  summary: 'say which nodes sign beacons, and how often',
  usage: '--pub KEY... [--threshold K] [--period 1h]',
  details: `Takes the place of the beacon keys that there were. The secret key goes to its node, plain, and "beacon.key" of the configuration there names its file; make it
with "pimesh keys new beacon --plain --out FILE" on that node. "pimesh trust revoke beacon" ends it. ${CHANGE_DETAILS}`,
  options: {
    pub: { type: 'string', multiple: true, value: 'KEY', help: 'public key of a node that signs beacons' },
    threshold: { type: 'string', value: 'K', help: 'how many have to sign the same (default 1)' },
    period: { type: 'string', value: 'DURATION', help: 'how often (default as before, or 1h)' },
    ...changeOptions,
  },
  examples: [
    ['pimesh trust beacon --pub ed25519:9f86... --pub ed25519:0a1b... --pub a.key --threshold 2', 'two of three nodes'],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const { args } = context
  const pubs = args.texts('pub')
  if (pubs.length === 0) throw new Failure('E_USAGE', 'say which keys sign beacons: --pub ed25519:9f86...')
  const threshold = args.count('threshold', 1, limits.beaconKeys) ?? 1
  const asked = args.text('period')
  const period = asked === undefined ? {} : { period: parseDuration('period', asked) }
  const known = await knownTrust(context)
  const { readPublics } = await import('../../publish/role-keys.ts')
  const { requireOwnTask } = await import('../../publish/trust-change.ts')
  const keys = readPublics(known.mesh.dir, pubs)
  requireOwnTask(known, 'beacon', keys)
  const done = `${threshold} of ${keys.length} keys sign beacons; each of these nodes needs its file in "beacon.key"`
  return await makeChange(context, known, { root: { beacon: { keys, threshold, ...period } }, notes: [] }, done)
}
