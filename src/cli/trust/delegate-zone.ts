// `pimesh trust delegate-zone`: a key of somebody else may enrol, revoke and prolong in one zone, and nowhere else.
import { Failure } from '../../core/failure.ts'
import { apiClient } from '../../daemon/api-client.ts'
import { pairLines } from '../format/table.ts'
import { type Command, type Context, dataOption, meshOption, outputOption } from '../frame/command.ts'
import { dataFolder } from '../frame/folders.ts'
import { Passphrases, passphraseOption } from '../frame/passphrase.ts'
import { requireNewestRoot } from './known.ts'
import { openOwn } from './state.ts'

export const delegateZone: Command = {
  name: 'trust delegate-zone',
  summary: "let a site's owner enrol and revoke there",
  usage: 'ZONE --key PUBLIC',
  details: `Signs the next version of the root with the root keys of the mesh folder and hands it to the peer that runs on this machine. The owner
of the site keeps the secret key in a mesh folder of their own: the folder "root" of yours (documents, no secrets), and their key in "keys".
Their invites, revocations and extensions count within ZONE only.`,
  positionals: [1, 1],
  needs: 'a zone, as in "pimesh trust delegate-zone /uk/glasgow --key ed25519:9f86..."',
  options: {
    key: { type: 'string', value: 'PUBLIC', help: 'public key of the owner of the site: ed25519: and 64 hex digits' },
    ...passphraseOption,
    ...meshOption,
    ...dataOption,
    ...outputOption,
  },
  examples: [['pimesh trust delegate-zone /uk/glasgow --key ed25519:9f86...', 'a site gets an owner of its own']],
  run,
}

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const zone = args.positionals[0] as string
  const key = readKey(args.text('key'))
  const mesh = await openOwn(context)
  const { rootSigners, rotateRoot } = await import('../../publish/rotate.ts')
  const client = apiClient(dataFolder(context))
  const held = await client.enrolment()
  requireNewestRoot(mesh, held.rootVersion, dataFolder(context))
  const signers = rootSigners(mesh)
  const passphrases = new Passphrases(context)
  for (const signer of signers) await passphrases.unlock(signer)
  const root = rotateRoot(mesh, Date.now(), { delegate: { zone, key }, statements: held.statements, signers })
  const newer = [...mesh.roots, root].filter(({ signed }) => signed.version > held.rootVersion)
  const { version, linked } = await client.root(newer.map(({ raw }) => Buffer.from(raw).toString('utf8')))
  if (output === 'json') terminal.json({ schema: 'pimesh.delegate-zone/1', zone, rootVersion: version })
  else
    terminal.print([`${zone} has an owner of its own`, ...pairLines([['root', `version ${version}`]], '  ')].join('\n'))
  terminal.notice(`give them the folder ${mesh.dir}/root; it has no secrets`)
  if (linked === 0)
    terminal.notice('the peer on this machine is linked to no member now: it tells the others as soon as it is')
  return 0
}

function readKey(text: string | undefined): Uint8Array {
  if (text === undefined)
    throw new Failure('E_USAGE', 'name the public key of the owner of the site: --key ed25519:9f86...')
  const [, hex] = /^(?:ed25519:)?([0-9a-f]{64})$/.exec(text) ?? []
  if (hex !== undefined) return new Uint8Array(Buffer.from(hex, 'hex'))
  throw new Failure('E_USAGE', `--key takes a public key, "ed25519:" and 64 hex digits, not "${text}"`)
}
