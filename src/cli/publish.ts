// `pimesh publish`: signs a release on this machine and hands it to the peer that runs here.
import { Failure } from '../core/failure.ts'
import { type ApiClient, apiClient } from '../daemon/api-client.ts'
import type { PublishersJson } from '../daemon/api-types.ts'
import type { Mesh } from '../publish/mesh.ts'
import type { PatchBase } from '../publish/patch-bases.ts'
import type { ReleasePlan } from '../publish/release.ts'
import { type Command, type Context, dataOption, meshOption, outputOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { Passphrases, passphraseOption } from './frame/passphrase.ts'
import { ProgressLine } from './frame/progress.ts'
import { peerEnded } from './publish/ended.ts'
import { handInSigned } from './publish/hand-in.ts'
import { lengthsOf, originOf, requireBudget, requirePeer } from './publish/peer.ts'
import { patchBases, prepareRequest } from './publish/prepare.ts'
import { type Announced, announcedLines, reportJson } from './publish/report.ts'
import { submitRequest } from './publish/submit.ts'
import { waitForCopy } from './publish/wait.ts'
import { readWanted, type Wanted } from './publish/wanted.ts'
import { withdrawRelease } from './publish/withdraw.ts'
import { currentMesh } from './trust/catch-up.ts'

export const publish: Command = {
  name: 'publish',
  summary: 'sign a release, and let the fleet fetch and install it',
  usage: 'FILE --name PATH[@VERSION] --to SELECTOR [--prepare OUT] | --withdraw RELEASE [--prepare OUT] | --submit OUT',
  details: `Checks all that can be checked, encodes FILE, hands it to the peer that runs on this machine, signs the next announcement of
the role, and waits until another member has all of it: from then on this peer may stop. Ctrl-C is safe at any time and says what goes
on without it. Exit status: 0 announced (and held by another member), 1 refused or interrupted, 2 usage. docs/publishing.md tells more.

With keys that are elsewhere, or a role that needs several: --prepare OUT makes a folder with a signing request and needs no key,
"pimesh sign OUT --key FILE" adds one signature on each key holder's machine, and --submit OUT hands it in through any member.`,
  positionals: [0, 1],
  options: {
    name: { type: 'string', value: 'PATH[@VERSION]', help: 'what it is: acme/agent@2.4.0; the version is a label' },
    to: { type: 'string', value: 'SELECTOR', help: 'which nodes: \'zone.startsWith("/uk")\', or true for all' },
    version: { type: 'string', value: 'V', help: 'the label, when it is not in --name (default: the counter)' },
    counter: { type: 'string', value: 'N', help: 'what orders the releases of a path (default: the last one + 1)' },
    installer: { type: 'string', value: 'file', help: 'what a node does with it (default file)' },
    file: { type: 'string', value: 'NAME', help: "the file's name on a node (default: as here)" },
    executable: { type: 'boolean', help: 'nodes may run it' },
    key: { type: 'string', value: 'FILE', help: "sign with this key (default: a fitting one of the mesh's folder)" },
    requires: {
      type: 'string',
      multiple: true,
      value: 'RELEASE',
      help: 'comes into use only together with this one of its role: acme/lib@1.2, or its hash',
    },
    'patch-from': {
      type: 'string',
      multiple: true,
      value: 'FILE|VERSION',
      help: 'also as a patch, for nodes that have this file, or the version announced now, installed (default: what nodes have)',
    },
    'no-patch': { type: 'boolean', help: 'only as a whole' },
    expires: { type: 'string', value: 'DAYS', help: 'nodes begin no installation after so long (default 90)' },
    prepare: {
      type: 'string',
      value: 'OUT',
      help: 'sign nothing: make the new folder OUT for those who hold the keys',
    },
    role: { type: 'string', value: 'NAME', help: 'with --prepare: who signs (default: the first role that may)' },
    withdraw: {
      type: 'string',
      value: 'RELEASE',
      help: 'take back what is announced as acme/agent, acme/agent@2.4.0 or its hash: no further node begins it',
    },
    submit: { type: 'string', value: 'OUT', help: 'hand in what was prepared in OUT and signed since' },
    'no-wait': { type: 'boolean', help: 'do not wait until another member has it' },
    ...passphraseOption,
    ...meshOption,
    ...dataOption,
    ...outputOption,
  },
  examples: [
    ['pimesh publish agent --name acme/agent@2.4.0 --to true --executable', 'to every node'],
    [
      `pimesh publish map.db --name acme/map --to 'labels.room == "lab3" && cpus >= 4'`,
      'to the nodes of one room that have four cores',
    ],
    [
      'pimesh publish agent --name acme/agent@2.4.1 --to true --patch-from 2.4.0',
      'nodes that have 2.4.0 fetch what changed',
    ],
    ['pimesh publish agent --name acme/agent@2.4.0 --to true --prepare stick/agent', 'for others to sign'],
    ['pimesh publish --submit stick/agent', 'when they have'],
    ['pimesh publish --withdraw acme/agent@2.4.0', 'no further node begins it'],
    ['pimesh rollout acme/agent --watch', 'see it arrive'],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const { args } = context
  const [submitted, prepared, withdrawn] = ['submit', 'prepare', 'withdraw'].map((name) => args.text(name))
  if (withdrawn !== undefined) return await withdrawRelease(context, withdrawn)
  if (submitted !== undefined) {
    const released = ['name', 'to', 'version', 'counter', 'file', 'key', 'expires', 'prepare', 'role']
    const listed = ['patch-from', 'requires'].filter((name) => args.texts(name).length > 0)
    const given = [...released.filter((name) => args.text(name) !== undefined), ...listed].map((name) => `--${name}`)
    const [surplus] = [...args.positionals, ...given]
    if (surplus !== undefined)
      throw new Failure('E_USAGE', `--submit hands in what was signed as it stands: leave out ${surplus}`)
    return await submitRequest(context, submitted)
  }
  if (args.positionals[0] === undefined) throw new Failure('E_USAGE', NEEDS)
  if (prepared !== undefined) return await prepareRequest(context, readWanted(args), prepared)
  if (args.text('role') !== undefined)
    throw new Failure('E_USAGE', '--role goes with --prepare; without it the key decides which role signs')
  return await publishAtOnce(context)
}

const NEEDS =
  'publish needs a file, as in "pimesh publish agent.bin --name acme/agent@2.4.0 --to true"; see "pimesh publish --help"'

async function publishAtOnce(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const wanted = readWanted(args)
  const offline = await prepare(context, wanted)
  const client = apiClient(dataFolder(context))
  const held = await client.publishers().catch((error) => Promise.reject(offline.doubt ?? error))
  requirePeer(held, { id: offline.mesh.id, place: offline.mesh.dir }, dataFolder(context))
  const { planRelease } = await import('../publish/release.ts')
  const planOn = (base: PublishersJson) =>
    planRelease(offline.mesh, base, { ...wanted.request, origin: originOf(base.addresses) }, Date.now())
  const passphrases = new Passphrases(context)
  const plan = planOn(held)
  for (const note of plan.notes) terminal.notice(note)
  const progress = new ProgressLine(terminal, { shown: output === 'table' })
  const bases = await patchBases(context, wanted, { mesh: offline.mesh, draft: plan, progress })
  await passphrases.unlock(plan.key)
  const replan = async () => {
    const next = planOn(await client.publishers())
    await passphrases.unlock(next.key)
    return next
  }
  const signal = context.interrupted()
  const announced = await announce({
    client,
    data: dataFolder(context),
    plan,
    replan,
    file: wanted.file,
    bases,
    notice: (note) => {
      progress.end()
      terminal.notice(note)
    },
    signal,
    progress,
  }).catch((error) => {
    if (!signal.aborted || error instanceof Failure) throw error
    terminal.notice('stopped before anything was announced: nothing has changed')
    return undefined
  })
  if (announced === undefined) return 1
  if (output === 'table') terminal.print(announcedLines(announced).join('\n'))
  const others = args.flag('no-wait') ? 0 : await waitForCopy({ client, terminal, signal, progress }, announced.release)
  if (output === 'json') terminal.json(reportJson(announced, args.flag('no-wait') ? null : others > 0))
  return others > 0 || args.flag('no-wait') ? 0 : 1
}

/**
 * What needs no peer: the file, the words, the selector, a folder that keeps what is signed, and, as far as the folder
 * knows, a key that may announce the path: `doubt` says that there is none, unless a peer knows of other keys.
 */
async function prepare(
  context: Context,
  { file, request }: Wanted,
): Promise<{ mesh: Mesh; doubt: Failure | undefined }> {
  const { checkRequest, checkWords } = await import('../publish/release.ts')
  const { artifactLength } = await import('../publish/artifact.ts')
  const { requireKeeping } = await import('../publish/delegations.ts')
  checkWords(request)
  await artifactLength(file)
  const mesh = await currentMesh(context)
  let doubt: Failure | undefined
  try {
    checkRequest(mesh, request)
  } catch (error) {
    if (!(error instanceof Failure && error.code === 'E_KEY')) throw error
    doubt = error
  }
  requireKeeping(mesh)
  return { mesh, doubt }
}

const NOT_KEPT =
  'announced, and not kept in the folder of the mesh: a later release is made a patch from it only while a peer on this machine holds it'

/** Encodes, hands over, signs and submits. Until the submission nothing has happened, whatever ends it. */
async function announce(work: {
  client: ApiClient
  data: string
  plan: ReleasePlan
  /** The plan again, after the time that encoding took: others may have published. */
  replan: () => Promise<ReleasePlan>
  file: string
  bases: readonly PatchBase[]
  notice: (note: string) => void
  signal: AbortSignal
  progress: ProgressLine
}): Promise<Announced> {
  const { client, file, bases, signal, progress } = work
  const { mesh } = work.plan
  const ended = peerEnded(work.data)
  const { withEncoding, encodingBytes } = await import('../publish/artifact.ts')
  const { unknownBases } = await import('../publish/patches.ts')
  const { signRelease } = await import('../publish/release.ts')
  const { inTurn } = await import('../publish/turn.ts')
  const { keepPublished } = await import('../publish/published.ts')
  try {
    const meters = { whole: progress.meter('encoding'), patch: progress.meter('patching') }
    return await withEncoding(file, { progress: meters, bases, signal }, async (encoded) => {
      const { request, previous } = work.plan
      for (const note of encoded.notes) work.notice(note)
      for (const note of unknownBases(encoded.patches, request.path, previous)) work.notice(note)
      const all = [encoded, ...encoded.patches]
      await requireBudget(client, lengthsOf(all), work.data).catch(ended.before)
      for (const one of all) {
        const body = encodingBytes(one, progress.meter('handing over'))
        await client.importEncoding(one.encoding, body, signal).catch(ended.before)
      }
      signal.throwIfAborted()
      progress.say('announcing')
      const sign = async () => {
        const plan = await work.replan().catch(ended.before)
        const signed = signRelease(plan, encoded)
        const { document, release } = signed
        const submitted = await handInSigned({ mesh, client, ended }, { document, newTargets: plan.newTargets })
        return { release, submitted, patches: encoded.patches }
      }
      const announced = await inTurn(mesh, sign, signal)
      const { path, version, hash, artifact } = announced.release
      await keepPublished(mesh, {
        ...{ path, version, hash, artifact },
        ...{ encoding: encoded.encoding, file: encoded.path },
      }).catch(({ code }: NodeJS.ErrnoException) => work.notice(`${NOT_KEPT} (${code})`))
      return announced
    })
  } finally {
    progress.end()
  }
}
