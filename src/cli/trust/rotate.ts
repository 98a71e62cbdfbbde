// `pimesh trust rotate`: other keys, another threshold, or a new epoch for a role.
import { Failure } from '../../core/failure.ts'
import { limits } from '../../core/limits.ts'
import type { Command, Context } from '../frame/command.ts'
import { readWhenStale } from './add-publisher.ts'
import { CHANGE_DETAILS, changeOptions, makeChange } from './change.ts'
import { knownTrust } from './known.ts'

export const rotate: Command = {
  name: 'trust rotate',
  summary: 'change the keys of a role, or how many have to sign',
  usage: 'ROLE [--out-key KEY]... [--pub KEY]... [--threshold K] [--raise-epoch] [--when-stale refuse|warn]',
  details: `ROLE is root, targets, enrol, beacon, or the name of a publisher. A key is named as in "trust add-publisher", one that goes also by the beginning of its keyid.
A root is signed by the old keys and by the new ones. An enrol key that goes is retired: whom it enrolled stays, and it can still enrol, until "trust revoke KEY" voids it with
all that it granted. What a publisher announced that its new keys would not cover begins a new epoch, and has to be published again, and so it does when the keys that go
could have signed alone; --raise-epoch begins one in any case. For enrol it voids every membership and invite. A new epoch of targets follows what the mesh folder has,
whatever the peers hold, and is one of every publisher, too. ${CHANGE_DETAILS}`,
  positionals: [1, 1],
  needs: 'a role, as in "pimesh trust rotate acme --out-key 23a3713956c07591 --pub ed25519:9f86..."',
  options: {
    'out-key': { type: 'string', multiple: true, value: 'KEY', help: 'a key that goes' },
    pub: { type: 'string', multiple: true, value: 'KEY', help: 'a key that comes' },
    threshold: { type: 'string', value: 'K', help: 'how many have to sign from now on' },
    'raise-epoch': { type: 'boolean', help: 'void all that the role signed before, or that was ever enrolled' },
    'when-stale': { type: 'string', value: 'refuse|warn', help: 'what nodes do with its releases that hear no beacon' },
    ...changeOptions,
  },
  examples: [
    ['pimesh trust rotate acme --out-key 23a3713956c07591 --pub ed25519:9f86...', 'a publisher has a new key'],
    ['pimesh trust rotate root --pub ada.key --pub bob.key --threshold 2', 'two of three root keys from now on'],
    ['pimesh trust rotate acme --when-stale refuse', 'install nothing of it on nodes that may be kept from the news'],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const { args } = context
  const name = args.positionals[0] as string
  const [out, pubs] = [args.texts('out-key'), args.texts('pub')]
  const threshold = args.count('threshold', 1, limits.documentSignatures)
  const whenStale = readWhenStale(args)
  const raiseEpoch = args.flag('raise-epoch')
  if (out.length + pubs.length === 0 && threshold === undefined && whenStale === undefined && !raiseEpoch)
    throw new Failure(
      'E_USAGE',
      'say what changes: --out-key, --pub, --threshold, --raise-epoch or --when-stale; "pimesh trust renew" only moves the end',
    )
  const known = await knownTrust(context)
  const { keyNamed, readPublics } = await import('../../publish/role-keys.ts')
  const { roleNamed, rotated } = await import('../../publish/trust-change.ts')
  const { keyIds } = roleNamed(known, name)
  const { dir } = known.mesh
  const gone = out.map((text) => keyNamed(dir, text, { name: `the role "${name}"`, keyIds }))
  const change = { out: [...new Set(gone)], in: readPublics(dir, pubs), threshold, whenStale, raiseEpoch }
  const done = `the role "${name}" has changed`
  return await makeChange(context, known, rotated(known, name, change), done)
}
