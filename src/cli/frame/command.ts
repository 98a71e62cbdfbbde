// What a command is: its name and help, the options it takes, and what it does with them.
import { Failure } from '../../core/failure.ts'
import type { Launch } from '../launch.ts'
import type { Terminal } from './terminal.ts'

export interface OptionSpec {
  type: 'string' | 'boolean'
  short?: string
  multiple?: boolean
  /** Name of the value in the help; a string option has one. */
  value?: string
  /** The option may stand without a value: then this is it. */
  bare?: string
  help: string
  /** Not listed in the help: for programs. */
  hidden?: boolean
}
export type OptionSpecs = Readonly<Record<string, OptionSpec>>

export interface Command {
  name: string
  /** One line, without a full stop. */
  summary: string
  /** What follows the name: `[--zone Z]... [-o table|json]`. */
  usage: string
  /** Further paragraphs of the help: exit status, what is written where. */
  details?: string
  options: OptionSpecs
  /** Command lines with what they do. */
  examples: readonly (readonly [line: string, meaning: string])[]
  /** Commands of its own: `trust revoke` is one of `trust`, and named so. */
  subcommands?: readonly Command[]
  /** Positional arguments, at least and at most; default none. */
  positionals?: readonly [number, number]
  /** What those are that must be given: `a token`. */
  needs?: string
  /** Resolves to the exit status. Rejects with Failure when something expected is wrong. */
  run(context: Context): Promise<number>
}

export interface Context {
  args: Args
  terminal: Terminal
  env: Readonly<Record<string, string | undefined>>
  stdin: NodeJS.ReadStream
  version: string
  /** How to start this program again: the path of Node, its flags and the script. */
  program: readonly string[]
  launch: Launch
  /** From the first call on, Ctrl-C and requests to end abort this signal instead of ending the process. A second one ends it. */
  interrupted(): AbortSignal
}

export type ArgValue = string | boolean | (string | boolean)[] | undefined

/** The parsed arguments of one command. */
export class Args {
  readonly positionals: readonly string[]
  readonly #values: Readonly<Record<string, ArgValue>>

  constructor(values: Readonly<Record<string, ArgValue>>, positionals: readonly string[]) {
    this.#values = values
    this.positionals = positionals
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  texts(name: string): string[] {
    const value = this.#values[name]
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
  }

  /** A whole number within these bounds. E_USAGE. */
  count(name: string, min: number, max: number): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const count = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
    if (count >= min && count <= max) return count
    throw new Failure('E_USAGE', `--${name} takes a whole number from ${min} to ${max}, not "${text}"`)
  }

  /** One of these words. E_USAGE. */
  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const text = this.text(name) ?? fallback
    const choice = choices.find((one) => one === text)
    if (choice !== undefined) return choice
    throw new Failure('E_USAGE', `--${name} takes ${choices.join(', ')}, not "${text}"`)
  }
}

export const dataOption: OptionSpecs = {
  data: {
    type: 'string',
    value: 'DIR',
    help: 'data folder of the daemon (default: $PIMESH_DATA, else /var/lib/pimesh for root, ~/.pimesh for others)',
  },
}
export const meshOption: OptionSpecs = {
  mesh: {
    type: 'string',
    value: 'DIR',
    help: "folder of the mesh's keys and documents (default: $PIMESH_MESH, else ~/.pimesh-mesh)",
  },
}
export const configOption: OptionSpecs = {
  config: { type: 'string', value: 'FILE', help: 'configuration file (TOML)' },
}
export const outputOption: OptionSpecs = {
  output: { type: 'string', short: 'o', value: 'table|json', help: 'table for people (default) or json for programs' },
}
export const wideOption: OptionSpecs = {
  output: {
    type: 'string',
    short: 'o',
    value: 'table|wide|json',
    help: 'table (default), wide with more columns, or json',
  },
}
/** Every command takes these. */
export const commonOptions: OptionSpecs = {
  help: { type: 'boolean', short: 'h', help: 'show this help' },
  'no-color': { type: 'boolean', help: 'no colours (NO_COLOR does the same)' },
}
