// `pimesh init`: makes a mesh, that is, its keys and its root of trust.
import type { Mesh } from '../publish/mesh.ts'
import { type Command, type Context, meshOption, outputOption } from './frame/command.ts'
import { meshFolder } from './frame/folders.ts'

export const init: Command = {
  name: 'init',
  summary: 'make a new mesh: its keys and its root of trust',
  usage: '[--name NAME] [--mesh DIR]',
  details:
    'Works offline and starts nothing. The folder appears complete or not at all; one that exists is not touched.',
  options: {
    name: {
      type: 'string',
      value: 'NAME',
      help: 'the first publisher: its key signs releases named NAME/... (default publisher)',
    },
    ...meshOption,
    ...outputOption,
  },
  examples: [
    ['pimesh init', 'a mesh in ~/.pimesh-mesh'],
    ['pimesh init --name acme --mesh /media/usb/mesh', 'on a stick that stays offline; releases are called acme/...'],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const { initMesh } = await import('../publish/mesh.ts')
  const mesh = initMesh({ dir: meshFolder(context), name: args.text('name') }, Date.now())
  const rootExpires = new Date(mesh.root.signed.expires).toISOString()
  if (output === 'json') terminal.json({ schema: 'pimesh.init/1', mesh: mesh.id, folder: mesh.dir, rootExpires })
  else terminal.print(report(mesh, rootExpires, args.text('name') ?? 'publisher'))
  return 0
}

function report({ id, dir }: Mesh, expires: string, publisher: string): string {
  return `mesh ${id}
keys in ${dir}/keys:
  enrol.key      stays with you: it signs invites
  publisher.key  stays with you: it signs releases named ${publisher}/...
  root.key and targets.key: copy them to two offline places, then delete them here
                 (they are only needed to change the other keys, and before ${expires.slice(0, 10)} to renew the root)
next: on the first node of the mesh, use the token of
  pimesh invite --first --zone /SITE${dir.endsWith('/.pimesh-mesh') ? '' : ` --mesh ${dir}`}`
}
