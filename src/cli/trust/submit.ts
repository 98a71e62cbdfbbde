// `pimesh trust submit`: hands in a root or targets document that several have signed, or what the folder has and the peer lacks.
import { Failure } from '../../core/failure.ts'
import type { Mesh } from '../../publish/mesh.ts'
import type { Loaded } from '../../publish/request-folder.ts'
import type { SigningRequest } from '../../publish/signing-request.ts'
import { pairLines } from '../format/table.ts'
import { type Command, type Context, dataOption, meshOption, outputOption } from '../frame/command.ts'
import { dataFolder, meshFolder } from '../frame/folders.ts'
import { text } from '../publish/report.ts'
import { type Peer, peerHere } from './catch-up.ts'
import { nextText, tellOfTargets } from './change.ts'
import { type Known, knownTrust } from './known.ts'
import { giveRoots, type HandedIn, handIn, takeIn } from './take-in.ts'

export const submit: Command = {
  name: 'trust submit',
  summary: 'hand in what was prepared and signed',
  usage: '[OUT]',
  details: `OUT is the folder that --prepare of another "trust" command made, with enough signatures. Takes it into the mesh folder, from where invites
and publishers take it, and hands it to the peer that runs on this machine; one of the two is enough. Without OUT the peer gets what the mesh folder has and it lacks.`,
  positionals: [0, 1],
  options: { ...meshOption, ...dataOption, ...outputOption },
  examples: [
    ['pimesh trust submit /media/usb/change', 'when enough have signed'],
    ['pimesh trust submit', 'a change was made while no peer ran'],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const output = context.args.choice('output', ['table', 'json'], 'table')
  const [named] = context.args.positionals
  const { handed, dir, lines } = named === undefined ? await submitFolder(context) : await submitRequest(context, named)
  const { root = null, targets = null, linked = null } = handed ?? {}
  if (output === 'json')
    context.terminal.json({ schema: 'pimesh.trust-submit/1', root, targets, handedIn: handed !== undefined, linked })
  else context.terminal.print(lines.join('\n'))
  if (handed === undefined || handed.root !== undefined || handed.targets !== undefined)
    context.terminal.notice(nextText(handed))
  if (dir === undefined)
    context.terminal.notice(
      "the mesh's folder is elsewhere: run the same there, so that invites and publishers know of it",
    )
  else await tellOfTargets(context, { dir })
  return 0
}

interface Submitted {
  handed: HandedIn | undefined
  /** Of the mesh, when it is here. */
  dir: string | undefined
  lines: string[]
}

async function submitFolder(context: Context): Promise<Submitted> {
  const { mesh, peer }: Known = await knownTrust(context)
  if (peer === undefined) {
    const advice = 'start it ("pimesh up" or "pimesh attach"), or name its folder with --data'
    throw new Failure('E_NO_DAEMON', `no daemon answers for the data folder ${dataFolder(context)}: ${advice}`)
  }
  const handed = await handIn(mesh, peer)
  const took = (['root', 'targets'] as const).flatMap((kind): [string, string][] =>
    handed[kind] === undefined ? [] : [[kind, `version ${handed[kind]}`]],
  )
  const lines =
    took.length === 0 ? ['the peer has all that the mesh folder has'] : ['the peer has taken', ...pairLines(took, '  ')]
  return { handed, dir: mesh.dir, lines }
}

async function submitRequest(context: Context, named: string): Promise<Submitted> {
  const { loadRequest } = await import('../../publish/request-folder.ts')
  const { inTurn } = await import('../../publish/turn.ts')
  const loaded = loadRequest(named)
  await requireSubmittable(loaded)
  const { request } = loaded
  const { kind, document } = request
  const { isComplete } = await import('../../publish/complete-request.ts')
  const own = await ownFolder(context, request.mesh)
  const isKnown = own !== undefined && isComplete(own, request)
  const lines = [
    `version ${document.signed.version} of the ${kind} document ${isKnown ? 'was taken in before' : 'is taken in'}`,
  ]
  if (own === undefined) return { handed: await handAlone(context, request), dir: undefined, lines }
  const { peer } = await knownTrust(context)
  const handed = await inTurn(own, () => takeIn(own.dir, [request], peer), context.interrupted())
  return { handed, dir: own.dir, lines }
}

/** @throws Failure E_REQUEST, E_SIGNATURES */
async function requireSubmittable({ request, path }: Loaded): Promise<void> {
  const { requireComplete, requireCurrent } = await import('../../publish/signing-request.ts')
  if (request.kind === 'announcement')
    throw new Failure('E_REQUEST', `${path} is for a release: hand it in with "pimesh publish --submit"`)
  requireComplete(request, path)
  requireCurrent(request, Date.now())
}

/** The folder of this mesh; undefined on the machine of a member that has none. @throws Failure E_NO_MESH: --mesh is another */
async function ownFolder(context: Context, id: string): Promise<Mesh | undefined> {
  const { openMesh } = await import('../../publish/mesh.ts')
  try {
    const own = openMesh(meshFolder(context))
    if (own.id === id) return own
  } catch (error) {
    if (!(error instanceof Failure && error.code === 'E_NO_MESH')) throw error
  }
  if (context.args.text('mesh') === undefined) return undefined
  throw new Failure('E_NO_MESH', 'the folder of --mesh does not hold the mesh of the request: name the right one')
}

/** Through a member that has no folder of the mesh: the request has all that its peer needs. */
async function handAlone(context: Context, request: SigningRequest): Promise<HandedIn> {
  const peer = await peerHere(context)
  const data = dataFolder(context)
  if (peer === undefined)
    throw new Failure('E_NO_DAEMON', `neither a mesh folder nor a peer of ${data} is here to take it: name one of them`)
  if (peer.held.mesh !== request.mesh)
    throw new Failure(
      'E_NO_MESH',
      `the peer of ${data} belongs to another mesh than the request: name the right folder`,
    )
  const { rootVersion, linked } = peer.held
  const known = request.root.signed.version
  if (known < rootVersion)
    throw overtaken(`version ${rootVersion} of the root is in force, and it was prepared under version ${known}`)
  const { requestRoots, requireSameRoot } = await import('../../publish/same-root.ts')
  const advice = 'prepare it again, and let it be signed again'
  requireSameRoot({ roots: requestRoots(request), name: 'the request', advice }, peer.held.root)
  const { requireFollowing } = await import('../../publish/complete-request.ts')
  requireFollowing(request, (await peer.client.publishers()).targets)
  return { root: undefined, targets: undefined, linked, ...(await give(peer, request)) }
}

async function give({ client, held }: Peer, request: SigningRequest): Promise<Partial<HandedIn>> {
  const { kind, document } = request
  const { requestRoots } = await import('../../publish/same-root.ts')
  const root = await giveRoots(client, requestRoots(request), held.rootVersion)
  if (kind !== 'targets') return { root }
  return { root, targets: (await client.delegate(text(document.raw))).version }
}

const overtaken = (what: string) =>
  new Failure('E_REQUEST', `the request was overtaken: ${what}; prepare it again, and let it be signed again`)
