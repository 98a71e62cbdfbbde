// `pimesh init`: makes a mesh, that is, its keys and its root of trust.
import type { Mesh } from '../publish/mesh.ts'
import { type Command, type Context, meshOption, outputOption } from './frame/command.ts'
import { meshFolder } from './frame/folders.ts'
import { Passphrases, passphraseOption } from './frame/passphrase.ts'

export const init: Command = {
  name: 'init',
  summary: 'make a new mesh: its keys and its root of trust',
  usage: '[--name NAME] [--encrypt] [--mesh DIR]',
  details:
    'Works offline and starts nothing. The folder appears complete or not at all; one that exists is not touched.',
  options: {
    name: {
      type: 'string',
      value: 'NAME',
      help: 'the first publisher: its key signs releases named NAME/... (default publisher)',
    },
    encrypt: { type: 'boolean', help: 'encrypt the key files with a passphrase, which signing then asks for' },
    ...passphraseOption,
    ...meshOption,
    ...outputOption,
  },
  examples: [
    ['pimesh init', 'a mesh in ~/.pimesh-mesh'],
    ['pimesh init --encrypt', 'the same, with its keys under a passphrase'],
    ['pimesh init --name acme --mesh /media/usb/mesh', 'on a stick that stays offline; releases are called acme/...'],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const { initMesh, readInit } = await import('../publish/mesh.ts')
  const options = { dir: meshFolder(context), name: args.text('name') }
  const { dir } = readInit(options)
  const passphrase = args.flag('encrypt') ? await new Passphrases(context).choose(`the keys in ${dir}`) : undefined
  const mesh = initMesh({ ...options, passphrase }, Date.now())
  const rootExpires = new Date(mesh.root.signed.expires).toISOString()
  if (output === 'json') terminal.json({ schema: 'pimesh.init/1', mesh: mesh.id, folder: mesh.dir, rootExpires })
  else terminal.print(report(mesh, rootExpires, args.text('name') ?? 'publisher', args.flag('encrypt')))
  return 0
}

const PLAIN =
  'whoever reads these files can sign: "pimesh keys protect NAME" encrypts one with a passphrase, "init --encrypt" all'
const FORGOTTEN = 'nobody can open them without the passphrase: keep it where you keep what must not get lost'

function report({ id, dir }: Mesh, expires: string, publisher: string, encrypted: boolean): string {
  return `mesh ${id}
${encrypted ? 'encrypted keys' : 'keys'} in ${dir}/keys:
  enrol.key      stays with you: it signs invites
  publisher.key  stays with you: it signs releases named ${publisher}/...
  root.key and targets.key: copy them to two offline places, then delete them here
                 (they are only needed to change the other keys, and before ${expires.slice(0, 10)} to renew the root)
${encrypted ? FORGOTTEN : PLAIN}
next: on the first node of the mesh, use the token of
  pimesh invite --first --zone /SITE${dir.endsWith('/.pimesh-mesh') ? '' : ` --mesh ${dir}`}`
}
