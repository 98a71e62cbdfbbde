// `pimesh publish`: signs a release on this machine and hands it to the peer that runs here.
import { basename, resolve } from 'node:path'
import { Failure } from '../core/failure.ts'
import { DAY, limits } from '../core/limits.ts'
import { type ApiClient, apiClient } from '../daemon/api-client.ts'
import type { PublishersJson, SubmittedJson } from '../daemon/api-types.ts'
import type { Mesh } from '../publish/mesh.ts'
import type { ReleasePlan, ReleaseRequest, SignedRelease } from '../publish/release.ts'
import { bytes } from './format/quantity.ts'
import { encodingText } from './format/releases.ts'
import { pairLines } from './format/table.ts'
import { type Command, type Context, dataOption, meshOption, outputOption } from './frame/command.ts'
import { dataFolder, meshFolder } from './frame/folders.ts'
import { Passphrases, passphraseOption } from './frame/passphrase.ts'
import { ProgressLine } from './frame/progress.ts'
import { plain } from './frame/terminal.ts'
import { waitForCopy } from './publish/wait.ts'

export const publish: Command = {
  name: 'publish',
  summary: 'sign a release, and let the fleet fetch and install it',
  usage: 'FILE --name PATH[@VERSION] --to SELECTOR [--counter N] [--no-wait]',
  details: `Checks all that can be checked, encodes FILE, hands it to the peer that runs on this machine, signs the next announcement of
the role, and waits until another member has all of it: from then on this peer may stop. Ctrl-C is safe at any time and says what goes
on without it. Exit status: 0 announced (and held by another member), 1 refused or interrupted, 2 usage. docs/publishing.md tells more.`,
  positionals: [1, 1],
  needs: 'a file, as in "pimesh publish agent.bin --name acme/agent@2.4.0 --to true"',
  options: {
    name: { type: 'string', value: 'PATH[@VERSION]', help: 'what it is: acme/agent@2.4.0; the version is a label' },
    to: { type: 'string', value: 'SELECTOR', help: 'which nodes: \'zone.startsWith("/uk")\', or true for all' },
    version: { type: 'string', value: 'V', help: 'the label, when it is not in --name (default: the counter)' },
    counter: { type: 'string', value: 'N', help: 'what orders the releases of a path (default: the last one + 1)' },
    installer: { type: 'string', value: 'file', help: 'what a node does with it (default file)' },
    file: { type: 'string', value: 'NAME', help: "the file's name on a node (default: as here)" },
    executable: { type: 'boolean', help: 'nodes may run it' },
    key: { type: 'string', value: 'FILE', help: "sign with this key (default: a fitting one of the mesh's folder)" },
    expires: { type: 'string', value: 'DAYS', help: 'nodes begin no installation after so long (default 90)' },
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
    ['pimesh releases acme/agent --watch', 'see it arrive'],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const wanted = readRequest(args)
  const offline = await prepare(context, wanted)
  const client = apiClient(dataFolder(context))
  const held = await client.publishers()
  requirePeer(held, offline.mesh, dataFolder(context))
  const { planRelease } = await import('../publish/release.ts')
  const planOn = (base: PublishersJson) =>
    planRelease(offline.mesh, base, { ...wanted.request, origin: originOf(base.addresses) }, Date.now())
  const passphrases = new Passphrases(context)
  const plan = planOn(held)
  for (const note of plan.notes) terminal.notice(note)
  await passphrases.unlock(plan.key)
  const replan = async () => {
    const next = planOn(await client.publishers())
    await passphrases.unlock(next.key)
    return next
  }
  const signal = context.interrupted()
  const progress = new ProgressLine(terminal, { shown: output === 'table' })
  const announced = await announce({ client, plan, replan, file: wanted.file, signal, progress }).catch((error) => {
    if (!signal.aborted || error instanceof Failure) throw error
    terminal.notice('stopped before anything was announced: nothing has changed')
    return undefined
  })
  if (announced === undefined) return 1
  if (output === 'table') terminal.print(announcedLines(plan, announced).join('\n'))
  const others = args.flag('no-wait')
    ? 0
    : await waitForCopy({ client, terminal, signal, progress }, announced.signed.release)
  if (output === 'json') terminal.json(reportJson(plan, announced, args.flag('no-wait') ? null : others > 0))
  return others > 0 || args.flag('no-wait') ? 0 : 1
}

interface Wanted {
  file: string
  request: ReleaseRequest
}

function readRequest(args: Context['args']): Wanted {
  const file = resolve(args.positionals[0] as string)
  args.choice('installer', ['file'], 'file')
  const { path, version } = readName(args)
  const to = args.text('to')
  if (to === undefined)
    throw new Failure('E_USAGE', `say which nodes it is for: --to 'zone.startsWith("/uk")', or --to true for all`)
  const days = args.count('expires', 1, limits.lifetimeMax / DAY)
  const request: ReleaseRequest = {
    path,
    version,
    to,
    counter: args.count('counter', 1, 2 ** 31 - 1),
    installer: { type: 'file', file: args.text('file') ?? basename(file), executable: args.flag('executable') },
    keyFile: args.text('key'),
    lifetime: days === undefined ? undefined : days * DAY,
  }
  return { file, request }
}

/** `acme/agent@2.4.0`, or the version in an option of its own. */
function readName(args: Context['args']): { path: string; version: string | undefined } {
  const name = args.text('name')
  if (name === undefined) throw new Failure('E_USAGE', 'say what it is, as in --name acme/agent@2.4.0')
  const at = name.indexOf('@')
  const path = at === -1 ? name : name.slice(0, at)
  const inName = at === -1 ? undefined : name.slice(at + 1)
  const apart = args.text('version')
  if (inName !== undefined && apart !== undefined && inName !== apart)
    throw new Failure('E_USAGE', `two versions are given, "${inName}" and "${apart}": leave one out`)
  return { path, version: inName ?? apart }
}

/** What needs no peer: the file, the words, the selector, a key that may announce the path, and a folder that keeps what is signed. */
async function prepare(context: Context, { file, request }: Wanted): Promise<{ mesh: Mesh }> {
  const { openMesh } = await import('../publish/mesh.ts')
  const { checkRequest, checkWords } = await import('../publish/release.ts')
  const { artifactLength } = await import('../publish/artifact.ts')
  const { requireKeeping } = await import('../publish/delegations.ts')
  checkWords(request)
  await artifactLength(file)
  const mesh = openMesh(meshFolder(context))
  checkRequest(mesh, request)
  requireKeeping(mesh)
  return { mesh }
}

function requirePeer({ mesh, linked }: PublishersJson, own: Mesh, data: string): void {
  if (mesh !== own.id)
    throw new Failure(
      'E_NO_MESH',
      `the peer of ${data} belongs to another mesh than ${own.dir}: name the right folders with --data and --mesh`,
    )
  if (linked === 0)
    throw new Failure(
      'E_NO_MEMBER',
      `the peer of ${data} is linked to no member, so nobody would hear of it: look at "pimesh status" and publish again`,
    )
}

/** Addresses of this peer for those who can reach no other; of this machine alone only where there are none else. */
function originOf(addresses: readonly string[]): string[] {
  const remote = addresses.filter((address) => !/^\/(ip4\/127\.|ip6\/::1\/)/.test(address))
  return (remote.length > 0 ? remote : addresses).slice(0, limits.releaseOrigins)
}

interface Announced {
  signed: SignedRelease
  submitted: SubmittedJson
}

/** Encodes, hands over, signs and submits. Until the submission nothing has happened, whatever ends it. */
async function announce(work: {
  client: ApiClient
  plan: ReleasePlan
  /** The plan again, after the time that encoding took: others may have published. */
  replan: () => Promise<ReleasePlan>
  file: string
  signal: AbortSignal
  progress: ProgressLine
}): Promise<Announced> {
  const { client, file, signal, progress } = work
  const { mesh } = work.plan
  const { withEncoding, encodingBytes } = await import('../publish/artifact.ts')
  const { signRelease } = await import('../publish/release.ts')
  const { keepAnnouncement } = await import('../publish/delegations.ts')
  const { inTurn } = await import('../publish/turn.ts')
  try {
    return await withEncoding(file, { progress: progress.meter('encoding'), signal }, async (encoded) => {
      const body = encodingBytes(encoded, progress.meter('handing over'))
      await client.importEncoding(encoded.encoding, body, signal)
      signal.throwIfAborted()
      progress.say('announcing')
      const sign = async () => {
        const plan = await work.replan()
        const signed = signRelease(plan, encoded)
        keepAnnouncement(mesh, signed.document, 'pending')
        const targets = plan.newTargets === undefined ? null : text(plan.newTargets.raw)
        const submitted = await client.submit({ announcement: text(signed.document.raw), targets })
        keepAnnouncement(mesh, signed.document, 'accepted')
        return { signed, submitted }
      }
      return await inTurn(mesh, sign, signal)
    })
  } finally {
    progress.end()
  }
}

function text(raw: Uint8Array): string {
  return Buffer.from(raw).toString('utf8')
}

function announcedLines({ request, version }: ReleasePlan, { signed, submitted }: Announced): string[] {
  const { counter, artifact, encodings } = signed.release
  return [
    `${request.path}@${version} is announced`,
    ...pairLines(
      [
        ['for', plain(request.to)],
        ['counter', String(counter)],
        ['role', `${submitted.role}, version ${submitted.version}`],
        ['artifact', bytes(artifact.length)],
        ['SHA-256', artifact.hash],
        ...encodings.map((one): [string, string] => ['travels', encodingText(shown(one))]),
      ],
      '  ',
    ),
  ]
}

function shown({ type, hash, length, pieceLength }: SignedRelease['release']['encodings'][number]) {
  return { type, hash, bytes: length, pieces: Math.ceil(length / pieceLength) }
}

function reportJson({ request, version }: ReleasePlan, { signed, submitted }: Announced, copied: boolean | null) {
  const { counter, hash, artifact, encodings } = signed.release
  const { role, epoch } = submitted
  return {
    schema: 'pimesh.publish/1',
    release: `${request.path}@${version}`,
    ...{ path: request.path, version, counter, hash, role, epoch },
    roleVersion: submitted.version,
    announcement: submitted.hash,
    artifact: { hash: artifact.hash, bytes: artifact.length },
    encoding: encodings[0] === undefined ? null : shown(encodings[0]),
    /** Whether another member has all of it; null: not waited for. */
    copied,
  }
}
