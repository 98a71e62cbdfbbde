// `pimesh attach`: runs an operator's peer, so that this machine can ask the fleet without being a node of it.
import type { Command, Context } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { joinOptions, joinWith } from './join.ts'
import { runDaemon, runOptions, stopDetails } from './running.ts'

export const attach: Command = {
  name: 'attach',
  summary: "run an operator's peer, to ask the fleet from a machine that is no node",
  usage: '[TOKEN|-] [--data DIR] [--config FILE]',
  details: `With a token (of "pimesh invite --zone /") it joins first. It sends no health and is in no count. ${stopDetails}
While it runs, "pimesh nodes" and the other commands answer on this machine.`,
  positionals: [0, 1],
  options: { ...joinOptions, ...runOptions },
  examples: [
    ['pimesh attach TOKEN', 'the first time'],
    ['pimesh attach', 'from then on'],
  ],
  run,
}

async function run(context: Context): Promise<number> {
  const [token] = context.args.positionals
  if (token !== undefined) {
    const { name, mesh } = await joinWith(context, token)
    context.terminal.notice(
      `joined mesh ${mesh.slice(0, 16)} as operator ${name}; from now on: pimesh attach --data ${dataFolder(context)}`,
    )
  }
  return await runDaemon(context, async (options) => (await context.launch()).attach(options))
}
