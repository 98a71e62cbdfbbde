// Passphrases: typed on a terminal that does not show them, or read from a file that was named. Never a word of the command line,
// which every user of the machine can read.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { Failure } from '../../core/failure.ts'
import { limits } from '../../core/limits.ts'
import type { Context, OptionSpecs } from './command.ts'
import { askHidden } from './hidden.ts'

export const passphraseOption: OptionSpecs = {
  'passphrase-file': {
    type: 'string',
    value: 'FILE',
    help: 'its first line is the passphrase of key files (default: $PIMESH_PASSPHRASE_FILE, else it is asked for)',
  },
}

/** A key file, for what has to be done before it signs. */
interface Key {
  path: string
  locked: boolean
  exposed: boolean
  unlock(passphrase: string): void
}

/** How often a person may mistype. */
const TRIES = 3

export class Passphrases {
  readonly #context: Pick<Context, 'args' | 'env' | 'terminal' | 'stdin'>
  /** What was right for a key: often it is for the next one, too. */
  readonly #known = new Set<string>()
  readonly #noticed = new Set<string>()
  #inFile: string | undefined

  constructor(context: Pick<Context, 'args' | 'env' | 'terminal' | 'stdin'>) {
    this.#context = context
  }

  /** Readies a key for signing; asks only when it is locked. @throws Failure E_PASSPHRASE */
  async unlock(key: Key): Promise<void> {
    if (key.exposed) this.#notice(key.path, 'others than its owner can read it: chmod 600')
    for (const known of this.#known) if (key.locked) opens(key, known)
    const file = key.locked ? this.#file() : undefined
    for (let left = file === undefined ? TRIES : 1; key.locked; left--) {
      const passphrase = file ?? (await this.#ask(`passphrase of ${key.path}: `, key.path))
      if (left === 1) key.unlock(passphrase)
      else if (!opens(key, passphrase))
        this.#context.terminal.notice('this is not the passphrase, or the file is damaged; once more')
      if (!key.locked) this.#known.add(passphrase)
    }
  }

  /** A new passphrase, typed twice, or the one in the file. @throws Failure E_PASSPHRASE */
  async choose(what: string): Promise<string> {
    const file = this.#file()
    if (file !== undefined) return longEnough(file)
    const passphrase = longEnough(await this.#ask(`new passphrase for ${what}: `, what))
    if ((await this.#ask('the same again: ', what)) === passphrase) return passphrase
    throw new Failure('E_PASSPHRASE', 'the two passphrases are not the same: nothing was changed; try again')
  }

  async #ask(question: string, what: string): Promise<string> {
    const { stdin, terminal } = this.#context
    if (stdin.isTTY === true && terminal.asks) return await askHidden(stdin, terminal, question)
    throw new Failure(
      'E_PASSPHRASE',
      `a passphrase is needed for ${what}, and there is no terminal to ask on: give it with --passphrase-file FILE`,
    )
  }

  /** The passphrase in the file that was named. It is read once: a pipe gives what it has to the first who reads. */
  #file(): string | undefined {
    this.#inFile ??= this.#readFile()
    return this.#inFile
  }

  #readFile(): string | undefined {
    const { args, env } = this.#context
    const path = args.text('passphrase-file') ?? (env.PIMESH_PASSPHRASE_FILE || undefined)
    if (path === undefined) return undefined
    const { text, exposed } = readFirstLine(path)
    if (exposed) this.#notice(path, 'others than its owner can read it: chmod 600')
    return text
  }

  #notice(path: string, what: string): void {
    if (!this.#noticed.has(path)) this.#context.terminal.notice(`${path}: ${what}`)
    this.#noticed.add(path)
  }
}

/** Whether it was the passphrase. */
function opens(key: Key, passphrase: string): boolean {
  try {
    key.unlock(passphrase)
    return true
  } catch (error) {
    if (error instanceof Failure && error.code === 'E_PASSPHRASE') return false
    throw error
  }
}

function longEnough(passphrase: string): string {
  if ([...passphrase].length >= limits.passphraseMin) return passphrase
  throw new Failure('E_PASSPHRASE', `a passphrase has at least ${limits.passphraseMin} characters: choose a longer one`)
}

function readFirstLine(path: string): { text: string; exposed: boolean } {
  const { text, exposed } = readStart(path)
  const line = /^([^\r\n]+)(\r?\n|$)/.exec(text)?.[1]
  if (line !== undefined && text.length <= limits.passphraseBytes) return { text: line, exposed }
  throw new Failure('E_PASSPHRASE', `the passphrase file ${path} has no passphrase in its first line, or is too long`)
}

/** No more of the file than a passphrase has. It may be a pipe, as of `<(pass show mesh)`. @throws Failure E_PASSPHRASE */
function readStart(path: string): { text: string; exposed: boolean } {
  try {
    const file = openSync(path, 'r')
    try {
      const start = Buffer.alloc(limits.passphraseBytes + 1)
      let length = 0
      for (let read = -1; read !== 0; length += read) read = readSync(file, start, { offset: length })
      const stats = fstatSync(file)
      return { text: start.toString('utf8', 0, length), exposed: stats.isFile() && (stats.mode & 0o077) !== 0 }
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new Failure('E_PASSPHRASE', `the passphrase file ${path} cannot be read (${code}): check its path`, { cause })
  }
}
