// `pimesh publish --submit OUT`: hands in what was prepared there and signed since, through the peer that runs on this machine.
import { Failure } from '../../core/failure.ts'
import { apiClient } from '../../daemon/api-client.ts'
import type { SubmittedJson } from '../../daemon/api-types.ts'
import type { Mesh } from '../../publish/mesh.ts'
import type { Loaded } from '../../publish/request-folder.ts'
import type { Context } from '../frame/command.ts'
import { dataFolder, meshFolder } from '../frame/folders.ts'
import { ProgressLine } from '../frame/progress.ts'
import { peerEnded } from './ended.ts'
import { lengthsOf, requireBudget, requirePeer } from './peer.ts'
import { announcedLines, reportJson, text, withdrawnLines } from './report.ts'
import { waitForCopy } from './wait.ts'

/** Resolves to the exit status, as of publishing at once. @throws Failure; nothing was announced then. */
export async function submitRequest(context: Context, named: string): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const { loadRequest, newReleases, withdrawnReleases } = await import('../../publish/request-folder.ts')
  const loaded = loadRequest(named)
  const signal = context.interrupted()
  const progress = new ProgressLine(terminal, { shown: output === 'table' })
  const submitted = await handIn(context, loaded, { signal, progress }).catch((error) => {
    if (!signal.aborted || error instanceof Failure) throw error
    terminal.notice('stopped before anything was announced: nothing has changed')
    return undefined
  })
  if (submitted === undefined) return 1
  const announced = newReleases(loaded.request).map((release) => ({ release, submitted }))
  const withdrawn = withdrawnReleases(loaded.request).map((release) => ({ release, submitted }))
  const { role, version } = submitted
  const { rotationLines } = await import('../../publish/self-rotation.ts')
  const lines = [
    ...announced.flatMap(announcedLines),
    ...withdrawn.flatMap(withdrawnLines),
    ...rotationLines(loaded.request),
  ]
  if (output === 'table') terminal.print(lines.join('\n') || `version ${version} of the role "${role}" is announced`)
  const [first] = announced
  const waits = first !== undefined && !args.flag('no-wait')
  const client = apiClient(dataFolder(context))
  const others = waits ? await waitForCopy({ client, terminal, signal, progress }, first.release) : 0
  if (output === 'json') for (const one of announced) terminal.json(reportJson(one, waits ? others > 0 : null))
  if (output === 'json') for (const one of withdrawn) terminal.json(reportJson(one, null))
  return others > 0 || !waits ? 0 : 1
}

/** Checks all of it before anything is sent. */
async function handIn(
  context: Context,
  loaded: Loaded,
  { signal, progress }: { signal: AbortSignal; progress: ProgressLine },
): Promise<SubmittedJson> {
  const { requireAnnouncement, checkSubmission } = await import('../../publish/submission.ts')
  const { checkFolder } = await import('../../publish/request-folder.ts')
  const { requireCurrent } = await import('../../publish/signing-request.ts')
  const { encodingBytes } = await import('../../publish/artifact.ts')
  const { keepAnnouncement } = await import('../../publish/delegations.ts')
  const { inTurn } = await import('../../publish/turn.ts')
  const request = requireAnnouncement(loaded.request, loaded.path)
  requireCurrent(request, Date.now())
  const mesh = await ownFolder(context, request.mesh)
  const data = dataFolder(context)
  const client = apiClient(data)
  const held = await client.publishers()
  requirePeer(held, { id: request.mesh, place: loaded.path }, data)
  checkSubmission(request, held)
  const ended = peerEnded(data)
  try {
    const { found, absent } = await checkFolder(loaded, { signal, progress: progress.meter('checking') })
    if (absent[0] !== undefined)
      throw new Failure(
        'E_ARTIFACT',
        `there is no ${absent[0]}, which has the bytes of what is announced: copy it from where the request was prepared`,
      )
    if (found.length > 0) await requireBudget(client, lengthsOf(found), data).catch(ended.before)
    for (const encoded of found)
      await client
        .importEncoding(encoded.encoding, encodingBytes(encoded, progress.meter('handing over')), signal)
        .catch(ended.before)
    signal.throwIfAborted()
    progress.say('announcing')
    const announce = async () => {
      const newTargets = checkSubmission(request, await client.publishers().catch(ended.before))
      if (mesh !== undefined) keepAnnouncement(mesh, request.document, 'pending')
      const targets = newTargets === undefined ? null : text(newTargets.raw)
      const submitted = await client.submit({ announcement: text(request.document.raw), targets }).catch(ended.during)
      if (mesh !== undefined) keepAnnouncement(mesh, request.document, 'accepted')
      return submitted
    }
    return mesh === undefined ? await announce() : await inTurn(mesh, announce, signal)
  } finally {
    progress.end()
  }
}

/** The folder of this mesh, which keeps what was announced; undefined on the machine of a member that has none. */
async function ownFolder(context: Context, mesh: string): Promise<Mesh | undefined> {
  const { openMesh } = await import('../../publish/mesh.ts')
  const { requireKeeping } = await import('../../publish/delegations.ts')
  try {
    const own = openMesh(meshFolder(context))
    if (own.id === mesh) {
      requireKeeping(own)
      return own
    }
  } catch (error) {
    if (!(error instanceof Failure && error.code === 'E_NO_MESH')) throw error
  }
  if (context.args.text('mesh') === undefined) return undefined
  throw new Failure('E_NO_MESH', `the folder of --mesh does not hold the mesh of the request: name the right one`)
}
