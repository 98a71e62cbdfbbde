// What `up` and `attach` share: the options of a daemon in the foreground, and the ways in which it is told to stop.
import { limits } from '../core/limits.ts'
import { type Context, configOption, dataOption, type OptionSpecs } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import type { RunOptions } from './launch.ts'

export const runOptions: OptionSpecs = {
  lifeline: {
    type: 'boolean',
    help: 'stop when standard input ends: with a pipe there, the daemon never outlives who started it',
  },
  ...configOption,
  ...dataOption,
}

export const stopDetails = `Runs in the foreground; Ctrl-C or SIGTERM says goodbye to the mesh and ends it, a second one ends it at once.`

/** Runs `daemon` until it was asked to stop and has stopped. When it does not stop in time, ends the process. */
export async function runDaemon(context: Context, daemon: (options: RunOptions) => Promise<void>): Promise<number> {
  const { args, terminal, stdin, version } = context
  const stop = args.flag('lifeline') ? AbortSignal.any([context.interrupted(), ended(stdin)]) : context.interrupted()
  stop.addEventListener('abort', () => setTimeout(() => process.exit(1), limits.stopTimeout).unref())
  const notice = (line: string) => terminal.notice(line)
  await daemon({ data: dataFolder(context), config: args.text('config'), version, signal: stop, notice })
  stdin.destroy()
  return 0
}

function ended(stdin: NodeJS.ReadStream): AbortSignal {
  const controller = new AbortController()
  for (const event of ['end', 'close', 'error']) stdin.once(event, () => controller.abort())
  stdin.resume()
  return controller.signal
}
