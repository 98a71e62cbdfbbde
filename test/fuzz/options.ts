// The command line of the fuzzer. Errors are one sentence.

export interface FuzzOptions {
  /** What is fuzzed. */
  name: string
  /** How long, in seconds. */
  seconds: number
  seed: number
  /** Number of the first input. */
  from: number
  /** One target instead of all. */
  only: string | undefined
  /** A file with an input to try once, for `only`. */
  input: string | undefined
  help: boolean
}

/** A mistake in the command line; its message is one sentence for a person. */
export class UsageError extends Error {}

export const USAGE = `npm run fuzz -- trust [--seconds N] [--seed N] [--from N] [--only TARGET] [--input FILE]

  --seconds N    for so long (default 60)
  --seed N       what all inputs follow from: the same seed, the same inputs (default: another one each time, and printed)
  --from N       begins with the input of this number
  --only TARGET  only this one: root, targets, announcement, registers, membership, credential, invite, token, head, hello;
                 numbers of inputs are others then
  --input FILE   tries the bytes of this file once instead, on the target that --only names

A line every ten seconds goes to stderr; the last line of stdout is one JSON object. Exit 0: all invariants held, 1: one did not,
and its input is in the file that is named; 2: a mistake in these options; 130: interrupted.`

const NUMBERS = { seconds: 86_400, seed: 2 ** 32 - 1, from: Number.MAX_SAFE_INTEGER }

/** Reads the arguments after the program's name. @param names what can be fuzzed. @throws UsageError */
export function parseOptions(args: readonly string[], names: readonly string[], randomSeed: number): FuzzOptions {
  const options: FuzzOptions = {
    name: '',
    seconds: 60,
    seed: randomSeed,
    from: 0,
    only: undefined,
    input: undefined,
    help: false,
  }
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string
    const [, option, inline] = /^--([a-z]+)(?:=(.*))?$/.exec(arg) ?? []
    if (option === 'help') options.help = true
    else if (option === undefined) options.name = named(arg, options.name, names)
    else {
      const value = inline ?? args[++i]
      if (value === undefined) throw new UsageError(`--${option} needs a value`)
      take(options, option, value)
    }
  }
  if (!options.help && options.name === '') throw new UsageError(`say what to fuzz: ${names.join(', ')}`)
  if (options.input !== undefined && options.only === undefined)
    throw new UsageError('--input needs --only: which target reads the file')
  return options
}

function named(arg: string, before: string, names: readonly string[]): string {
  if (before === '' && names.includes(arg)) return arg
  throw new UsageError(`"${arg}" is nothing to fuzz; there is ${names.join(', ')}`)
}

function take(options: FuzzOptions, option: string, value: string): void {
  if (option === 'only' || option === 'input') options[option] = value
  else if (option === 'seconds' || option === 'seed' || option === 'from') {
    const [number, most] = [Number(value), NUMBERS[option]]
    const least = option === 'seconds' ? 1 : 0
    if (value.trim() === '' || !Number.isInteger(number) || number < least || number > most)
      throw new UsageError(`--${option} must be a whole number from ${least} to ${most}, not "${value}"`)
    options[option] = number
  } else throw new UsageError(`--${option} is no option of the fuzzer; --help lists them`)
}
