// `pimesh doctor`: a self-test of this machine's node, one line for each check and one of advice where it is needed.
import { Failure } from '../core/failure.ts'
import { apiClient } from '../daemon/api-client.ts'
import type { StatusJson } from '../daemon/api-types.ts'
import type { Check, CheckState } from './doctor/check.ts'
import { collectorChecks } from './doctor/collectors.ts'
import { daemonChecks } from './doctor/daemon.ts'
import { clockCheck, folderChecks, installCheck, membershipCheck, nodeCheck } from './doctor/machine.ts'
import { type Command, type Context, dataOption, outputOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import { type Colour, plain } from './frame/terminal.ts'

export const doctor: Command = {
  name: 'doctor',
  summary: 'self-test of this machine, with advice',
  usage: '[-o table|json]',
  details: 'Changes nothing. Exit status: 0 no check failed (warnings are allowed), 1 one did.',
  options: { ...outputOption, ...dataOption },
  examples: [['pimesh doctor', 'when something is odd']],
  run,
}

const colours: Readonly<Record<CheckState, Colour>> = { ok: 'green', warn: 'yellow', fail: 'red' }

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const checks = await examine(context)
  if (output === 'json') terminal.json({ schema: 'pimesh.doctor/1', checks })
  else {
    for (const { name, state, text, advice } of checks) {
      terminal.print(`${terminal.paint(colours[state], state.padEnd(4))}  ${name.padEnd(10)}  ${plain(text)}`)
      if (advice !== undefined) terminal.print(`${' '.repeat(18)}-> ${plain(advice)}`)
    }
  }
  return checks.some((check) => check.state === 'fail') ? 1 : 0
}

async function examine(context: Context): Promise<Check[]> {
  const data = dataFolder(context)
  const status = await ask(data)
  const running = status instanceof Failure ? undefined : status
  const about = running === undefined ? await offlineMembership(context, data) : running
  return [
    nodeCheck(process.versions.node, process.execPath),
    ...(await folderChecks(data)),
    ...(running?.installRoot === undefined ? [] : [await installCheck(running.installRoot)]),
    membershipCheck(about, Date.now()),
    clockCheck(running?.clockTrusted ?? undefined, Date.now()),
    ...(await daemonChecks(data, status)),
    ...collectorChecks(running?.collectors),
  ]
}

async function ask(data: string): Promise<StatusJson | Failure> {
  return await apiClient(data)
    .status()
    .catch((error: unknown) => {
      if (error instanceof Failure) return error
      throw error
    })
}

/** What the folder says when no daemon does; loads the daemon's code, which alone knows the folder. */
async function offlineMembership(
  { launch }: Context,
  data: string,
): Promise<{ zone: string; membershipExpires: string } | Failure> {
  const { inspect } = await launch()
  return await inspect({ data }).catch((error: unknown) => {
    if (error instanceof Failure) return error
    throw error
  })
}
