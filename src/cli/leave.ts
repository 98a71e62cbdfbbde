// `pimesh leave`: gives up this machine's membership.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { apiClient } from '../daemon/api-client.ts'
import { type Command, type Context, dataOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'

export const leave: Command = {
  name: 'leave',
  summary: 'leave the mesh for good',
  usage: '--yes [--data DIR]',
  details:
    'Without --yes it only says what it would do, and exits with 2. Releases that are installed stay, and stay in use; remove their\nfolder (install.root) yourself. To stop a node for a while, stop its daemon instead.',
  options: { yes: { type: 'boolean', help: 'really do it' }, ...dataOption },
  examples: [['pimesh leave --yes', 'say goodbye, stop the daemon and remove key and membership']],
  run,
}

async function run(context: Context): Promise<number> {
  const { args, terminal, launch } = context
  const data = dataFolder(context)
  if (!args.flag('yes')) {
    await needJoined(context, data)
    terminal.notice(
      `this would say goodbye to the mesh, stop the daemon, and remove the key, membership, state and fetched pieces in ${data};`,
    )
    terminal.notice('releases that are installed stay where they are;')
    terminal.notice(
      'to come back, the machine would need a new invite, and it would be a new node. Nothing was done: add --yes',
    )
    return 2
  }
  try {
    await apiClient(data).leave()
    await gone(data)
  } catch (error) {
    if (!(error instanceof Failure && error.code === 'E_NO_DAEMON')) throw error
    await (await launch()).leave({ data })
  }
  terminal.print(`left; ${data} belongs to no mesh any more`)
  terminal.notice('releases that were installed stay where they are')
  return 0
}

/** E_NOT_JOINED when there is nothing to leave. A folder whose daemon answers has joined. */
async function needJoined({ launch }: Context, data: string): Promise<void> {
  try {
    await apiClient(data).status()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    if (error.code === 'E_NO_DAEMON') await (await launch()).inspect({ data })
  }
}

/** How often the folder is looked at. */
const LOOK = 50

/** Resolves when the daemon, which answers before it ends, has removed what ties the folder to the mesh. E_DATA_WRITE. */
async function gone(data: string): Promise<void> {
  const ties = ['mesh', 'db'].map((name) => join(data, name))
  const end = performance.now() + limits.stopTimeout
  for (let left = ties.find(existsSync); left !== undefined; left = ties.find(existsSync)) {
    if (performance.now() > end) {
      const advice = 'look at the log of the daemon, and run "pimesh leave --yes" again'
      throw new Failure('E_DATA_WRITE', `the daemon said goodbye to the mesh, but ${left} is still there: ${advice}`)
    }
    await pause(LOOK)
  }
}
