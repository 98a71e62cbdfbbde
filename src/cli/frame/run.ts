// Runs one command line: finds the command, parses its arguments, and turns every outcome into an exit status.
import { inspect } from 'node:util'
import { Failure } from '../../core/failure.ts'
import { nearest } from '../../core/nearest.ts'
import { commands } from '../commands.ts'
import type { Command, Context } from './command.ts'
import { commandHelp, programHelp } from './help.ts'
import { parseCommand } from './parse.ts'
import { Terminal } from './terminal.ts'

/** What main.ts gives: the process, and how to reach the daemon's code. */
export interface Host extends Omit<Context, 'args' | 'terminal'> {
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  /** Version with what it was built from. */
  build: string
}

/** Runs `pimesh WORDS...` and resolves to its exit status; never rejects. */
export async function runLine(words: readonly string[], host: Host): Promise<number> {
  const terminal = new Terminal(host.stdout, host.stderr, { colour: wantsColour(words, host.env) })
  try {
    return await dispatch(words, host, terminal)
  } catch (error) {
    return report(error, host)
  }
}

/** Says on stderr what went wrong, and resolves to the exit status. A stack is shown on request only. */
export function report(error: unknown, { stdout, stderr, env }: Pick<Host, 'stdout' | 'stderr' | 'env'>): number {
  const terminal = new Terminal(stdout, stderr, { colour: false })
  terminal.complain(error)
  if (env.PIMESH_DEBUG === '1') terminal.notice(inspect(error))
  return error instanceof Failure ? error.exit : 1
}

async function dispatch(line: readonly string[], host: Host, terminal: Terminal): Promise<number> {
  const [first = '--help', ...rest] = line
  if (first === '--version' || first === '-V' || first === '-v') return told(terminal, host.build)
  if (first === '--help' || first === '-h') return told(terminal, programHelp(commands, host.version).trimEnd())
  if (first === 'help') return told(terminal, helpOn(rest, host.version).trimEnd())
  const [command, words] = descend(find(first), rest)
  const args = parseCommand(command, words)
  if (args.flag('help')) return told(terminal, commandHelp(command).trimEnd())
  return await command.run({ ...host, args, terminal })
}

function told(terminal: Terminal, text: string): number {
  terminal.print(text)
  return 0
}

function helpOn([name, ...more]: readonly string[], version: string): string {
  if (name === undefined || name.startsWith('-')) return programHelp(commands, version)
  const [command, surplus] = descend(find(name), more)
  if (surplus[0] !== undefined)
    throw new Failure('E_USAGE', `help is about one command; "${surplus[0]}" is one too many`)
  return commandHelp(command)
}

/** The command of this command that the next word names, and the words after it. */
function descend(command: Command, words: readonly string[]): [Command, readonly string[]] {
  const [name, ...rest] = words
  if (command.subcommands === undefined || name === undefined || name.startsWith('-')) return [command, words]
  const below = command.subcommands.find((one) => one.name === `${command.name} ${name}`)
  if (below !== undefined) return [below, rest]
  const names = command.subcommands.map((one) => one.name.slice(command.name.length + 1))
  const close = nearest(name, names)
  const hint = close === undefined ? `it has ${names.join(', ')}` : `did you mean "${close}"?`
  throw new Failure('E_USAGE', `there is no command "${command.name} ${name}"; ${hint}`)
}

function find(name: string): Command {
  const command = commands.find((one) => one.name === name)
  if (command !== undefined) return command
  if (name.startsWith('-'))
    throw new Failure('E_USAGE', `the command comes first, as in "pimesh nodes ${name}"; "pimesh --help" lists them`)
  const close = nearest(
    name,
    commands.map((one) => one.name),
  )
  const hint = close === undefined ? '' : `did you mean "${close}"? `
  throw new Failure('E_USAGE', `there is no command "${name}"; ${hint}"pimesh --help" lists all`)
}

function wantsColour(words: readonly string[], env: Host['env']): boolean {
  return !words.includes('--no-color') && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
}
