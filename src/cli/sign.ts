// `pimesh sign`: one key holder looks at a signing request and adds a signature. Runs without a network, a daemon and a mesh folder,
// and loads no code for any of them but the last, which it is told of with --mesh.
import { Failure } from '../core/failure.ts'
import type { Loaded } from '../publish/request-folder.ts'
import type { SigningRequest } from '../publish/signing-request.ts'
import { requestLines } from './format/signing.ts'
import { type Command, type Context, outputOption } from './frame/command.ts'
import { confirmed } from './frame/confirm.ts'
import { meshFolder } from './frame/folders.ts'
import { Passphrases, passphraseOption } from './frame/passphrase.ts'
import { ProgressLine } from './frame/progress.ts'
import { requestJson } from './publish/request-json.ts'

export const sign: Command = {
  name: 'sign',
  summary: 'look at a signing request, and add a signature',
  usage: 'OUT --key FILE [--mesh DIR] [--yes]',
  details: `OUT is the folder that --prepare of "pimesh publish" or "pimesh trust" made, or the request.json in it: that file alone is enough. Shows what the signature
would say and for whom, compares the artifact where it is there, and asks. Works on a machine without a network. Exit status: 0 signed,
1 refused or left, 2 usage.`,
  positionals: [1, 1],
  needs: 'a signing request, as in "pimesh sign stick/agent --key my.key"',
  options: {
    key: { type: 'string', value: 'FILE', help: 'the key to sign with' },
    ...passphraseOption,
    yes: { type: 'boolean', help: 'do not ask' },
    mesh: {
      type: 'string',
      value: 'DIR',
      help: 'refuse what is not for the mesh in this folder (default: show its id)',
    },
    ...outputOption,
  },
  examples: [
    ['pimesh sign /media/usb/agent --key ~/keys/me.key', 'on the machine that has the key'],
    ['pimesh publish --submit /media/usb/agent', 'when enough have signed: on any member'],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const json = args.choice('output', ['table', 'json'], 'table') === 'json'
  const keyFile = args.text('key')
  if (keyFile === undefined) throw new Failure('E_USAGE', 'say which key signs, as in --key my.key')
  const { loadRequest, saveRequest } = await import('../publish/request-folder.ts')
  const { addSignature, nextText, requireSigner, shortKey } = await import('../publish/signing-request.ts')
  const { describeRequest } = await import('../publish/describe-request.ts')
  const { readKey } = await import('../publish/mesh.ts')
  const loaded = loadRequest(args.positionals[0] as string)
  await requireMesh(context, loaded.request)
  const key = readKey(keyFile)
  requireSigner(loaded.request, key.keyId, Date.now())
  const { quorums } = loaded.request
  const lines = requestLines(describeRequest(loaded.request), { quorums, own: key.keyId }, terminal).join('\n')
  if (!json) terminal.print(lines)
  else if (!args.flag('yes')) terminal.notice(lines)
  const agreed =
    (await compareArtifacts(context, loaded, json)) &&
    (args.flag('yes') || (await confirmed(context, `Sign this with the key ${shortKey(key.keyId)}?`)))
  if (!agreed) {
    terminal.notice('not signed: nothing has changed')
    return 1
  }
  await new Passphrases(context).unlock(key)
  const signed = addSignature(loaded.request, key, Date.now())
  saveRequest(loaded, signed)
  if (json) terminal.json({ ...requestJson(signed), key: key.keyId })
  else terminal.notice(`signed with the key ${shortKey(key.keyId)}: ${nextText(signed)}${nextStep(signed, loaded)}`)
  return 0
}

function nextStep(signed: SigningRequest, { folder }: Loaded): string {
  if (signed.quorums.some(({ threshold, signed: by }) => by.length < threshold)) return ''
  if (signed.kind === 'announcement') return `; hand it in with "pimesh publish --submit ${folder}"`
  return `; hand it in with "pimesh trust submit ${folder}"`
}

/** With --mesh nobody has to compare the id of the mesh by eye, and an old root is found out. @throws Failure E_REQUEST, E_NO_MESH */
async function requireMesh(context: Context, { mesh, root }: SigningRequest): Promise<void> {
  if (context.args.text('mesh') === undefined) return
  const { openMesh } = await import('../publish/mesh.ts')
  const own = openMesh(meshFolder(context))
  if (own.id !== mesh) throw new Failure('E_REQUEST', `the request is for another mesh than the one in ${own.dir}`)
  const { version } = own.root.signed
  if (root.signed.version < version)
    throw new Failure(
      'E_REQUEST',
      `the request was prepared under version ${root.signed.version} of the root, and ${own.dir} has ${version}: prepare it again`,
    )
}

/** The bytes are compared where they are: the request alone is enough to sign. False when a person had enough of it. */
async function compareArtifacts(context: Context, loaded: Loaded, json: boolean): Promise<boolean> {
  const { terminal } = context
  const { checkFolder } = await import('../publish/request-folder.ts')
  const progress = new ProgressLine(terminal, { shown: !json })
  const signal = context.interrupted()
  try {
    const { found, absent } = await checkFolder(loaded, { signal, progress: progress.meter('comparing') })
    progress.end()
    if (absent.length > 0)
      terminal.notice('the artifact is not here, so its SHA-256 was not compared: compare it with one that you trust')
    else if (found.length > 0) terminal.notice('the artifact is here, and has this SHA-256')
    return true
  } catch (error) {
    if (!signal.aborted || error instanceof Failure) throw error
    return false
  } finally {
    progress.end()
  }
}
