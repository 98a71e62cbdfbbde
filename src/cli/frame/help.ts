// Help texts, made from what the commands say about themselves.
import { wrapped } from '../format/table.ts'
import type { Command, OptionSpec } from './command.ts'
import { allOptions } from './parse.ts'

/** Help for the whole program. */
export function programHelp(commands: readonly Command[], version: string): string {
  const rows = commands.map(({ name, summary }) => [name, summary] as const)
  return `pimesh ${version}: one mesh for fleets of Raspberry Pis, with no server

Usage: pimesh COMMAND [OPTION]...

Commands:
${listed(rows)}

"pimesh help COMMAND" tells more, "pimesh --version" which build this is.
Start with "pimesh demo": six nodes on this machine.
Data goes to stdout, notices to stderr. Exit status: 0 fine, 1 failed or the answer is partial, 2 usage.
`
}

/** Help for one command. */
export function commandHelp(command: Command): string {
  const options = Object.entries(allOptions(command)).filter(([, spec]) => spec.hidden !== true)
  const parts = [
    wrapped(`Usage: pimesh ${command.name} ${command.usage}`.trimEnd(), WIDTH - USAGE_INDENT).join(
      `\n${' '.repeat(USAGE_INDENT)}`,
    ),
    `${command.summary.charAt(0).toUpperCase()}${command.summary.slice(1)}.`,
    ...(command.subcommands === undefined ? [] : [`Commands:\n${listed(subcommandRows(command))}`]),
    ...(command.details === undefined ? [] : [wrapped(command.details, WIDTH).join('\n')]),
    `Options:\n${listed(options.map(([name, spec]) => [optionSyntax(name, spec), spec.help] as const))}`,
    `Examples:\n${command.examples.map(([line, meaning]) => `  # ${meaning}\n  ${line}`).join('\n')}`,
  ]
  return `${parts.join('\n\n')}\n`
}

function subcommandRows({ name, subcommands = [] }: Command): [string, string][] {
  return subcommands.map((one) => [one.name.slice(name.length + 1), one.summary])
}

function optionSyntax(name: string, { short, value, bare, multiple }: OptionSpec): string {
  const shown = value === undefined ? '' : bare === undefined ? ` ${value}` : ` [${value}]`
  return `${short === undefined ? '' : `-${short}, `}--${name}${shown}${multiple ? '...' : ''}`
}

const WIDTH = 100
const USAGE_INDENT = 7
const LEFT_MAX = 26

/** Two columns; the right one is wrapped, and begins on a line of its own where the left one is too long. */
function listed(rows: readonly (readonly [string, string])[]): string {
  const left = Math.min(LEFT_MAX, Math.max(...rows.map(([name]) => name.length)))
  const indent = ' '.repeat(left + 4)
  return rows
    .map(([name, text]) => {
      const [first = '', ...rest] = wrapped(text, WIDTH - left - 4)
      const head = name.length > left ? `  ${name}\n${indent}` : `  ${name.padEnd(left)}  `
      return [head + first, ...rest.map((line) => indent + line)].join('\n')
    })
    .join('\n')
}
