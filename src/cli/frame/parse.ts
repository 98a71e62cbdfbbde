// From words to Args: node:util's strict parser, with our sentences for its refusals.
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { Failure } from '../../core/failure.ts'
import { nearest } from '../../core/nearest.ts'
import { Args, type Command, commonOptions, type OptionSpecs } from './command.ts'

/** The arguments of `command`. E_USAGE with the nearest known option, and where its help is. */
export function parseCommand(command: Command, words: readonly string[]): Args {
  const specs = allOptions(command)
  try {
    return parsedStrictly(command, specs, fillBare(words, specs))
  } catch (error) {
    const text = sentence(error, specs)
    throw new Failure('E_USAGE', `${text}${text.endsWith('?') ? '' : ';'} see "pimesh ${command.name} --help"`)
  }
}

/** All options of a command, common ones last. */
export function allOptions(command: Command): OptionSpecs {
  return { ...command.options, ...commonOptions }
}

function parsedStrictly(command: Command, specs: OptionSpecs, args: string[]): Args {
  const options: ParseArgsConfig['options'] = {}
  for (const [name, { type, short, multiple = false }] of Object.entries(specs))
    options[name] = short === undefined ? { type, multiple } : { type, multiple, short }
  const { values, positionals } = parseArgs({ args, options, strict: true, allowPositionals: true })
  const [least, most] = command.positionals ?? [0, 0]
  const surplus = positionals[most]
  if (surplus !== undefined) throw new Failure('E_USAGE', `"${surplus}" is one argument too many`)
  if (positionals.length < least && values.help !== true)
    throw new Failure('E_USAGE', `${command.name} needs ${command.needs}`)
  for (const [name, value] of Object.entries(values))
    if ([value].flat().includes('')) throw new Failure('E_USAGE', `--${name} has an empty value`)
  return new Args(values, positionals)
}

/** `--watch` and `--watch 5` mean `--watch=2` and `--watch=5`: node:util knows no optional values. */
function fillBare(words: readonly string[], specs: OptionSpecs): string[] {
  const filled: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string
    const bare = word.startsWith('--') ? specs[word.slice(2)]?.bare : undefined
    if (bare === undefined) filled.push(word)
    else if (/^[\d.]+(ms|s|m)?$/.test(words[i + 1] ?? '')) filled.push(`${word}=${words[++i]}`)
    else filled.push(`${word}=${bare}`)
  }
  return filled
}

function sentence(error: unknown, specs: OptionSpecs): string {
  if (error instanceof Failure) return error.message
  const { code, message } = error as NodeJS.ErrnoException
  const option = /'(-[^' ,]*)/.exec(message)?.[1] ?? ''
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return unknownOption(option, specs)
  if (code !== 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') throw error
  if (message.includes('does not take an argument')) return `${option} takes no value`
  const long = /--([^' ,]+)/.exec(message)?.[1] ?? ''
  return `--${long} needs a value (${specs[long]?.value ?? 'VALUE'}); one that begins with "-" is written --${long}=VALUE`
}

function unknownOption(option: string, specs: OptionSpecs): string {
  const close = option.startsWith('--') ? nearest(option.slice(2), visible(specs)) : undefined
  return close === undefined ? `there is no option ${option}` : `there is no option ${option}; did you mean --${close}?`
}

function visible(specs: OptionSpecs): string[] {
  return Object.keys(specs).filter((name) => specs[name]?.hidden !== true)
}
