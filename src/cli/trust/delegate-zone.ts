// `pimesh trust delegate-zone`: a key of somebody else may enrol, revoke and prolong in one zone, and nowhere else.
import { Failure } from '../../core/failure.ts'
import type { Command, Context } from '../frame/command.ts'
import { CHANGE_DETAILS, changeOptions, makeChange } from './change.ts'
import { knownTrust } from './known.ts'

export const delegateZone: Command = {
  name: 'trust delegate-zone',
  summary: "let a site's owner enrol and revoke there",
  usage: 'ZONE --pub KEY',
  details: `The owner of the site keeps the secret key in a mesh folder of their own: the folder "root" of yours (documents, no secrets), and their key in "keys".
Their invites, revocations and extensions count within ZONE only. ${CHANGE_DETAILS}`,
  positionals: [1, 1],
  needs: 'a zone, as in "pimesh trust delegate-zone /uk/glasgow --pub ed25519:9f86..."',
  options: {
    pub: { type: 'string', value: 'KEY', help: 'public key of the owner of the site: ed25519: and 64 hex digits' },
    ...changeOptions,
  },
  examples: [['pimesh trust delegate-zone /uk/glasgow --pub ed25519:9f86...', 'a site gets an owner of its own']],
  run,
}

async function run(context: Context): Promise<number> {
  const { args } = context
  const zone = args.positionals[0] as string
  const text = args.text('pub')
  if (text === undefined)
    throw new Failure('E_USAGE', 'name the public key of the owner of the site: --pub ed25519:9f86...')
  const known = await knownTrust(context)
  const { readPublic } = await import('../../publish/role-keys.ts')
  const { requireOwnTask } = await import('../../publish/trust-change.ts')
  const { keyId, publicKey: key } = readPublic(known.mesh.dir, text)
  requireOwnTask(known, 'enrol', [{ keyId, publicKey: key }])
  const status = await makeChange(
    context,
    known,
    { root: { delegate: { zone, key } }, notes: [] },
    `${zone} has an owner of its own`,
  )
  const isSigned = status === 0 && args.text('prepare') === undefined
  if (isSigned) context.terminal.notice(`give them the folder ${known.mesh.dir}/root; it has no secrets`)
  return status
}
