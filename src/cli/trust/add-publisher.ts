// `pimesh trust add-publisher`: one more role that may announce releases, within paths of its own.
import { Failure } from '../../core/failure.ts'
import { limits } from '../../core/limits.ts'
import type { NewPublisher } from '../../publish/next-targets.ts'
import type { Args, Command, Context } from '../frame/command.ts'
import { CHANGE_DETAILS, changeOptions, makeChange } from './change.ts'
import { knownTrust } from './known.ts'

export const addPublisher: Command = {
  name: 'trust add-publisher',
  summary: 'let somebody publish, within paths of their own',
  usage: "NAME --pub KEY... --paths 'NAME/*' [--threshold K] [--when-stale refuse|warn]",
  details: `KEY is "ed25519:" and 64 hex digits ("pimesh keys show" prints it), a key file, or the name of a key in the mesh folder; its holder needs no other
part of that folder than "root" and "targets". A pattern has as many parts as the paths it matches; "*" stands for any characters of one part, "?" for one. No two
publishers may announce the same path. ${CHANGE_DETAILS}`,
  positionals: [1, 1],
  needs: 'a name, as in "pimesh trust add-publisher acme --pub ed25519:9f86... --paths \'acme/*\'"',
  options: {
    pub: {
      type: 'string',
      multiple: true,
      value: 'KEY',
      help: 'public key of the publisher; several for several holders',
    },
    threshold: { type: 'string', value: 'K', help: 'how many of them have to sign (default 1)' },
    paths: { type: 'string', multiple: true, value: 'PATTERN', help: "what it may announce, as 'acme/*'" },
    'when-stale': {
      type: 'string',
      value: 'refuse|warn',
      help: 'what nodes do that hear no beacon: install nothing of it, or say so (default)',
    },
    ...changeOptions,
  },
  examples: [
    ["pimesh trust add-publisher acme --pub ed25519:9f86... --paths 'acme/*'", 'one key'],
    [
      "pimesh trust add-publisher lab --pub a.key --pub b.key --pub c.key --threshold 2 --paths 'lab/*'",
      'two of three have to sign',
    ],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const { args } = context
  const name = args.positionals[0] as string
  const [pubs, paths] = [args.texts('pub'), args.texts('paths')]
  if (pubs.length === 0) throw new Failure('E_USAGE', 'say whose key publishes: --pub ed25519:9f86...')
  if (paths.length === 0) throw new Failure('E_USAGE', `say what it may announce: --paths '${name}/*'`)
  const threshold = args.count('threshold', 1, limits.documentSignatures) ?? 1
  const whenStale = readWhenStale(args)
  const known = await knownTrust(context)
  const { readPublics } = await import('../../publish/role-keys.ts')
  const { withPublisher } = await import('../../publish/next-targets.ts')
  const { knownTargets, requireOwnTask } = await import('../../publish/trust-change.ts')
  const keys = readPublics(known.mesh.dir, pubs)
  requireOwnTask(known, name, keys)
  const targets = withPublisher(knownTargets(known.targets), { name, keys, threshold, paths, whenStale })
  const done = `the publisher "${name}" may announce ${paths.join(', ')}`
  return await makeChange(context, known, { targets, notes: [] }, done)
}

/** @throws Failure E_USAGE */
export function readWhenStale(args: Args): NewPublisher['whenStale'] {
  const text = args.text('when-stale')
  if (text === undefined || text === 'refuse' || text === 'warn') return text
  throw new Failure('E_USAGE', `--when-stale takes refuse or warn, not "${text}"`)
}
