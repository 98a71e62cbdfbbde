// `pimesh up`: runs this machine's node.
import type { Command } from './frame/command.ts'
import { runDaemon, runOptions, stopDetails } from './running.ts'

export const up: Command = {
  name: 'up',
  summary: "run this machine's node in the foreground",
  usage: '[--data DIR] [--config FILE]',
  details: stopDetails,
  options: runOptions,
  examples: [
    ['pimesh up', 'run the node that joined in the default folder'],
    ['pimesh up --data /srv/pimesh --config /etc/pimesh.toml', 'with a folder and a configuration of its own'],
  ],
  run: (context) => runDaemon(context, async (options) => (await context.launch()).up(options)),
}
