// The commands that run or prepare a daemon, for main.ts to hand to the CLI.
import { readFile } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { Failure } from '../core/failure.ts'
import { openLevelStore } from '../store/level.ts'
import { type Config, loadConfig } from './config.ts'
import { type Daemon, startDaemon } from './daemon.ts'
import { paths, readJoined, wipe } from './folder.ts'
import { join as joinMesh } from './join.ts'

interface Notices {
  notice: (line: string) => void
}

interface RunOptions extends Notices {
  data: string
  config: string | undefined
  version: string
  signal: AbortSignal
}

/** Joins a mesh: see daemon/join.ts. */
export function join(
  options: Notices & { data: string; token: string; name: string | undefined; seat: number | undefined },
) {
  return joinMesh({ ...options, now: Date.now(), progress: options.notice })
}

/** Runs a node until it is told to stop. */
export async function up(options: RunOptions): Promise<void> {
  await run(options)
}

/** Runs an operator's peer until it is told to stop. */
export async function attach(options: RunOptions): Promise<void> {
  const { membership } = await readJoined(options.data)
  if (membership.invite.signed.capabilities.includes('node')) {
    const advice = 'start it with "pimesh up", or name an operator\'s folder with --data'
    throw new Failure(
      'E_NOT_JOINED',
      `the folder ${options.data} belongs to a node, not to an operator's peer: ${advice}`,
    )
  }
  await run(options)
}

/** Wipes the membership of a folder that no daemon has open. */
export async function leave({ data }: { data: string }): Promise<void> {
  await readJoined(data)
  await needNobodyThere(paths(data).db)
  await wipe(data)
}

/** E_DATA_OPEN when a daemon has the state open. State that is damaged can be removed like any other. */
async function needNobodyThere(db: string): Promise<void> {
  try {
    await (await openLevelStore(db)).close()
  } catch (error) {
    if (!(error instanceof Failure && error.code === 'E_STATE')) throw error
  }
}

/** Who the folder says that it is. */
export async function inspect({ data }: { data: string }) {
  const { mesh, membership } = await readJoined(data)
  const { node, name, zone, seat, expires } = membership.claims
  const { founding } = membership.invite.signed
  return { mesh, node, name, zone, seat, founding, membershipExpires: new Date(expires).toISOString() }
}

async function run(options: RunOptions): Promise<void> {
  const { data, version, notice, signal } = options
  const config = await readConfig(options)
  if (signal.aborted) return
  const daemon = await startDaemon({ data, config, version, log: notice })
  announce(daemon, config, options)
  const stop = () => void daemon.stop()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    await daemon.ended
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** The file that was named, or pimesh.toml in the data folder, or the defaults. */
async function readConfig({ config, data }: RunOptions): Promise<Config> {
  const file = config ?? joinPath(data, 'pimesh.toml')
  try {
    return loadConfig(await readFile(file, 'utf8'), file)
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    const missing = ['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')
    if (missing && config === undefined) return loadConfig(undefined, 'the defaults')
    const reason = missing ? 'it does not exist' : String((cause as Error).message)
    throw new Failure('E_CONFIG', `the configuration ${file} cannot be read: ${reason}`, { cause })
  }
}

function announce(daemon: Daemon, config: Config, { notice }: RunOptions): void {
  const { name, node, zone } = daemon.membership.claims
  // No comma between them: each can be copied as it is into "pimesh invite --via".
  const listed = (addresses: readonly string[]) => addresses.map((address) => `${address}/p2p/${node}`).join(' and ')
  const where = daemon.listening.length === 0 ? 'not listening' : `listening on ${listed(daemon.listening)}`
  const beside = config.announce.length === 0 ? '' : `, announced at ${listed(config.announce)}`
  notice(`info up: ${name} ${node} in ${zone}, ${where}${beside}`)
}
