// `pimesh publish --withdraw RELEASE`: no further node begins it. At once with a key that is here, or with --prepare for others to sign.
import { resolve } from 'node:path'
import { Failure } from '../../core/failure.ts'
import { DAY, limits } from '../../core/limits.ts'
import { apiClient } from '../../daemon/api-client.ts'
import type { PublishersJson } from '../../daemon/api-types.ts'
import type { Mesh } from '../../publish/mesh.ts'
import type { WithdrawalRequest } from '../../publish/withdrawal.ts'
import type { Context } from '../frame/command.ts'
import { dataFolder } from '../frame/folders.ts'
import { Passphrases } from '../frame/passphrase.ts'
import { currentMesh } from '../trust/catch-up.ts'
import { peerEnded } from './ended.ts'
import { handInSigned } from './hand-in.ts'
import { requirePeer } from './peer.ts'
import { asker, reportRequest } from './prepare.ts'
import { reportJson, withdrawnLines } from './report.ts'

/** What says something of a release that is published, and nothing of one that is withdrawn. */
const OTHERS = ['name', 'to', 'version', 'counter', 'installer', 'file', 'role', 'submit']

/** Resolves to the exit status. @throws Failure; nothing has changed then. */
export async function withdrawRelease(context: Context, name: string): Promise<number> {
  const { args } = context
  const given = OTHERS.filter((option) => args.text(option) !== undefined).map((option) => `--${option}`)
  const listed = ['requires', 'patch-from'].filter((name) => args.texts(name).length > 0).map((name) => `--${name}`)
  const [surplus] = [...args.positionals, ...given, ...listed]
  if (surplus !== undefined)
    throw new Failure('E_USAGE', `--withdraw takes back what is announced as it stands: leave out ${surplus}`)
  const days = args.count('expires', 1, limits.lifetimeMax / DAY)
  const request = { name, keyFile: args.text('key'), lifetime: days === undefined ? undefined : days * DAY }
  const { requireKeeping } = await import('../../publish/delegations.ts')
  const mesh = await currentMesh(context)
  requireKeeping(mesh)
  const out = args.text('prepare')
  return out === undefined ? await withdrawAtOnce(context, mesh, request) : await prepare(context, mesh, request, out)
}

async function withdrawAtOnce(context: Context, mesh: Mesh, request: WithdrawalRequest): Promise<number> {
  const { args, terminal } = context
  const json = args.choice('output', ['table', 'json'], 'table') === 'json'
  const { planWithdrawal, signWithdrawal } = await import('../../publish/withdrawal.ts')
  const { inTurn } = await import('../../publish/turn.ts')
  const data = dataFolder(context)
  const client = apiClient(data)
  const held = await client.publishers()
  requirePeer(held, { id: mesh.id, place: mesh.dir }, data)
  const passphrases = new Passphrases(context)
  const ended = peerEnded(data)
  const planOn = (base: PublishersJson) => planWithdrawal(mesh, base, request, Date.now())
  const first = planOn(held)
  for (const note of first.notes) terminal.notice(note)
  await passphrases.unlock(first.key)
  const announce = async () => {
    const plan = planOn(await client.publishers().catch(ended.before))
    await passphrases.unlock(plan.key)
    const { document, release } = signWithdrawal(plan)
    const submitted = await handInSigned({ mesh, client, ended }, { document, newTargets: plan.newTargets })
    return { release, submitted }
  }
  const withdrawn = await inTurn(mesh, announce, context.interrupted())
  if (json) terminal.json(reportJson(withdrawn, null))
  else terminal.print(withdrawnLines(withdrawn).join('\n'))
  return 0
}

async function prepare(context: Context, mesh: Mesh, request: WithdrawalRequest, out: string): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  if (request.keyFile !== undefined)
    throw new Failure('E_USAGE', '--prepare signs nothing: leave out --key, and give it to "pimesh sign" afterwards')
  const { draftWithdrawal, withdrawalJson } = await import('../../publish/withdrawal.ts')
  const { makeRequest } = await import('../../publish/signing-request.ts')
  const { prepareAlone, requireNew } = await import('../../publish/request-folder.ts')
  const { keepAnnouncement } = await import('../../publish/delegations.ts')
  const { inTurn } = await import('../../publish/turn.ts')
  requireNew(resolve(out))
  const ask = await asker(context, apiClient(dataFolder(context)), mesh)
  const make = async () => {
    const draft = draftWithdrawal(mesh, await ask(), request, Date.now())
    for (const note of draft.notes) terminal.notice(note)
    const { targets, previous } = draft
    const signed = withdrawalJson(draft)
    const made = makeRequest(mesh, { kind: 'announcement', signed, targets, previous }, Date.now())
    if (made.kind === 'announcement') keepAnnouncement(mesh, made.document, 'prepared')
    return made
  }
  const made = prepareAlone(out, await inTurn(mesh, make, context.interrupted()))
  await reportRequest(context, made, output)
  return 0
}
