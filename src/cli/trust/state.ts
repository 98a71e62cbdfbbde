// What commands share that state something with an enrol key: sign on top of what is known, hand it in, keep a copy.
import { Failure } from '../../core/failure.ts'
import { apiClient } from '../../daemon/api-client.ts'
import type { StatedJson } from '../../daemon/api-types.ts'
import type { Mesh } from '../../publish/mesh.ts'
import type { StatementChanges } from '../../publish/statement.ts'
import type { Context } from '../frame/command.ts'
import { dataFolder } from '../frame/folders.ts'
import { Passphrases } from '../frame/passphrase.ts'
import { currentMesh } from './catch-up.ts'

/** The mesh folder, and that the peer on this machine belongs to it. @throws Failure E_NO_MESH, E_NO_DAEMON */
export async function openOwn(context: Context): Promise<Mesh> {
  const mesh = await currentMesh(context)
  const data = dataFolder(context)
  const held = await apiClient(data).enrolment()
  requireSameMesh(mesh, held.mesh, data)
  return mesh
}

/** @throws Failure E_NO_MESH */
export function requireSameMesh(mesh: Mesh, id: string, data: string): void {
  if (id === mesh.id) return
  const advice = 'name the right folders with --mesh and --data'
  throw new Failure(
    'E_NO_MESH',
    `${mesh.dir} is the folder of another mesh than the peer of ${data} belongs to: ${advice}`,
  )
}

/**
 * Signs the changes with an enrol key that reaches `zone`, hands the statement to the peer on this machine, and keeps a copy.
 * Until it is in force there, nothing has changed.
 */
export async function stateChanges(
  context: Context,
  mesh: Mesh,
  zone: string | undefined,
  changes: StatementChanges,
): Promise<StatedJson> {
  const { keepStatement, planStatement, signStatement } = await import('../../publish/statement.ts')
  const { inTurn } = await import('../../publish/turn.ts')
  const client = apiClient(dataFolder(context))
  const passphrases = new Passphrases(context)
  const sign = async () => {
    const { statements } = await client.enrolment()
    const plan = planStatement(mesh, { zone, offered: statements }, changes, Date.now())
    await passphrases.unlock(plan.key)
    const document = signStatement(plan)
    const stated = await client.state(Buffer.from(document.raw).toString('utf8'))
    keepStatement(mesh, document)
    return stated
  }
  const stated = await inTurn(mesh, sign, context.interrupted())
  if (stated.linked === 0)
    context.terminal.notice('the peer on this machine is linked to no member now: it tells the others as soon as it is')
  return stated
}
