// `pimesh publish --prepare OUT`: everything of a release but the signatures, in a folder that travels to those who hold the keys.
import { join, resolve } from 'node:path'
import { Failure } from '../../core/failure.ts'
import { type ApiClient, apiClient } from '../../daemon/api-client.ts'
import type { PublishersJson } from '../../daemon/api-types.ts'
import type { Mesh } from '../../publish/mesh.ts'
import type { PatchBase } from '../../publish/patch-bases.ts'
import type { ReleaseDraft } from '../../publish/release.ts'
import type { Loaded } from '../../publish/request-folder.ts'
import { requestLines } from '../format/signing.ts'
import type { Context } from '../frame/command.ts'
import { dataFolder } from '../frame/folders.ts'
import { ProgressLine } from '../frame/progress.ts'
import { currentMesh } from '../trust/catch-up.ts'
import { foundBases } from './found-bases.ts'
import { originOf } from './peer.ts'
import { requestJson } from './request-json.ts'
import type { Wanted } from './wanted.ts'

type Held = Pick<PublishersJson, 'targets' | 'roles' | 'counters' | 'addresses'>
/** What is known without a peer. */
const NOTHING: Held = { targets: null, roles: [], counters: {}, addresses: [] }

/** Resolves to the exit status. @throws Failure; nothing is left then. */
export async function prepareRequest(context: Context, wanted: Wanted, out: string): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const mesh = await checked(context, wanted, out)
  const { planDraft } = await import('../../publish/release.ts')
  const ask = await asker(context, apiClient(dataFolder(context)), mesh)
  const draft = async (): Promise<ReleaseDraft> => {
    const { addresses, ...held } = await ask()
    const request = { ...wanted.request, origin: originOf(addresses) }
    return planDraft(mesh, held, request, { role: args.text('role'), now: Date.now() })
  }
  const first = await draft()
  for (const note of first.notes) terminal.notice(note)
  const signal = context.interrupted()
  const progress = new ProgressLine(terminal, { shown: output === 'table' })
  const bases = await patchBases(context, wanted, { mesh, draft: first, progress })
  try {
    const meters = { whole: progress.meter('encoding'), patch: progress.meter('patching') }
    const notes: string[] = []
    const made = await make({ mesh, draft, file: wanted.file, bases, notes, out, signal, progress: meters })
    progress.end()
    for (const note of notes) terminal.notice(note)
    await reportRequest(context, made, output)
    return 0
  } catch (error) {
    if (!signal.aborted || error instanceof Failure) throw error
    terminal.notice('stopped before the request was made: nothing has changed')
    return 1
  } finally {
    progress.end()
  }
}

/** Refuses all that can be known to be wrong before anything is encoded. */
async function checked(context: Context, { file, request }: Wanted, out: string): Promise<Mesh> {
  if (request.keyFile !== undefined)
    throw new Failure('E_USAGE', '--prepare signs nothing: leave out --key, and give it to "pimesh sign" afterwards')
  const { checkDraft, checkWords } = await import('../../publish/release.ts')
  const { artifactLength } = await import('../../publish/artifact.ts')
  const { requireKeeping } = await import('../../publish/delegations.ts')
  const { requireNew } = await import('../../publish/request-folder.ts')
  checkWords(request)
  await artifactLength(file)
  requireNew(resolve(out))
  const mesh = await currentMesh(context)
  checkDraft(mesh, request, context.args.text('role'))
  requireKeeping(mesh)
  return mesh
}

type Meter = (done: number, total: number) => void

/** What patches are made from: what was named, or else what the fleet has in use. @throws Failure E_ARTIFACT, E_USAGE */
export async function patchBases(
  context: Context,
  { patchFrom, request: { path } }: Wanted,
  { mesh, draft, progress }: { mesh: Mesh; draft: ReleaseDraft; progress: ProgressLine },
): Promise<PatchBase[]> {
  const { basesOf } = await import('../../publish/patch-bases.ts')
  const artifacts = join(dataFolder(context), 'artifacts')
  if (patchFrom.length > 0) return basesOf(patchFrom, { path, previous: draft.previous, artifacts })
  if (context.args.flag('no-patch')) return []
  progress.say('asking the fleet what it has in use')
  try {
    return await foundBases({ client: apiClient(dataFolder(context)), mesh, draft, artifacts })
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return []
  } finally {
    progress.end()
  }
}

/** Encodes, and then makes the request in turn, so that no two requests or releases of this folder have one version. */
async function make(work: {
  mesh: Mesh
  /** What is announced next: asked again after the time that encoding took. */
  draft: () => Promise<ReleaseDraft>
  file: string
  bases: readonly PatchBase[]
  /** Filled with what a person should know of the patches. */
  notes: string[]
  out: string
  signal: AbortSignal
  progress: { whole: Meter; patch: Meter }
}): Promise<Loaded> {
  const { mesh, signal } = work
  const { draftRelease } = await import('../../publish/release.ts')
  const { unknownBases } = await import('../../publish/patches.ts')
  const { makeRequest } = await import('../../publish/signing-request.ts')
  const { prepareFolder } = await import('../../publish/request-folder.ts')
  const { keepAnnouncement } = await import('../../publish/delegations.ts')
  const { inTurn } = await import('../../publish/turn.ts')
  return await prepareFolder(work.out, work.file, work, (encoded) => {
    const request = async () => {
      const draft = await work.draft()
      const { targets, previous } = draft
      const signed = draftRelease(draft, encoded)
      work.notes.splice(0, Infinity, ...encoded.notes, ...unknownBases(encoded.patches, draft.request.path, previous))
      const made = makeRequest(mesh, { kind: 'announcement', signed, targets, previous }, Date.now())
      if (made.kind === 'announcement') keepAnnouncement(mesh, made.document, 'prepared')
      return made
    }
    return inTurn(mesh, request, signal)
  })
}

/** Asks the peer that runs here, if there is one of this mesh, what was announced lately. */
export async function asker({ terminal }: Context, client: ApiClient, mesh: Mesh): Promise<() => Promise<Held>> {
  const offline = (why: string) => {
    terminal.notice(`${why}: version and counter follow what ${mesh.dir} knows; the mesh may know of newer ones`)
    return async () => NOTHING
  }
  try {
    const held = await client.publishers()
    if (held.mesh !== mesh.id) return offline('the peer on this machine belongs to another mesh')
    return () => client.publishers()
  } catch (error) {
    if (!(error instanceof Failure && error.code === 'E_NO_DAEMON')) throw error
    return offline('no peer runs on this machine')
  }
}

/** What was made, and what comes next. */
export async function reportRequest(
  { terminal }: Context,
  { request, folder }: Loaded,
  output: 'table' | 'json',
): Promise<void> {
  const { describeRequest } = await import('../../publish/describe-request.ts')
  const { nextText } = await import('../../publish/signing-request.ts')
  if (output === 'json') return terminal.json({ ...requestJson(request), folder })
  terminal.print(requestLines(describeRequest(request), request, terminal).join('\n'))
  terminal.notice(`${nextText(request)}: take ${folder} to them, and run "pimesh sign ${folder} --key FILE" there`)
}
