// `pimesh join`: makes this machine a node of a mesh.
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import { type Command, type Context, dataOption, type OptionSpecs, outputOption } from './frame/command.ts'
import { dataFolder } from './frame/folders.ts'
import type { JoinResult } from './launch.ts'

export const joinOptions: OptionSpecs = {
  name: { type: 'string', value: 'NAME', help: 'what people will call it (default: the host name)' },
  seat: { type: 'string', value: 'N', help: 'seat of the invite to take (default: any that is free)' },
}

export const join: Command = {
  name: 'join',
  summary: 'join a mesh with a token',
  usage: 'TOKEN|- [--name NAME]',
  details: `"-" reads the token from standard input, so that it is in no list of processes and no history.
Makes this node's key, meets one member, and checks all that it hears against the token; when anything is wrong, nothing is written.`,
  positionals: [1, 1],
  needs: 'a token (or - to read it from stdin)',
  options: { ...joinOptions, ...dataOption, ...outputOption },
  examples: [
    ['pimesh join - < token.txt', 'join with the token in a file'],
    ['sudo pimesh join TOKEN && sudo systemctl start pimesh', 'as a service'],
  ],
  run,
}

const FIRST_NODE = 'this is the first node of the mesh: no member was met; use this token on one machine only'

async function run(context: Context): Promise<number> {
  const { args, terminal } = context
  const output = args.choice('output', ['table', 'json'], 'table')
  const joined = await joinWith(context, args.positionals[0] as string)
  if (output === 'json') terminal.json({ schema: 'pimesh.join/1', ...joined, data: dataFolder(context) })
  else terminal.print(`joined mesh ${joined.mesh.slice(0, 16)} as ${joined.name} (${joined.node}) in ${joined.zone}`)
  if (joined.founding) terminal.notice(FIRST_NODE)
  const verb = joined.zone === '/' ? 'attach' : 'up'
  terminal.notice(`next: pimesh ${verb} --data ${dataFolder(context)}`)
  return 0
}

/** Joins with the token, or the one on standard input. */
export async function joinWith(context: Context, given: string): Promise<JoinResult> {
  const { args, terminal, launch } = context
  const seat = args.count('seat', 0, limits.inviteSeats - 1)
  const token = given === '-' ? await readToken(context.stdin) : given.trim()
  if (token === '') throw new Failure('E_USAGE', 'the token is empty; give the text that "pimesh invite" printed')
  const { join } = await launch()
  const notice = (line: string) => terminal.notice(line)
  return await join({ data: dataFolder(context), token, name: args.text('name'), seat, notice })
}

/** Standard input to its end. E_TOKEN_DAMAGED when it cannot be a token. */
async function readToken(stdin: AsyncIterable<Buffer | string>): Promise<string> {
  let text = ''
  for await (const chunk of stdin) {
    text += chunk.toString()
    if (text.length > 2 * limits.tokenBytes)
      throw new Failure('E_TOKEN_DAMAGED', 'what stands on standard input is too long to be a token')
  }
  return text.trim()
}
