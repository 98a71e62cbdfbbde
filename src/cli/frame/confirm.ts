// Asking a person who sits at a terminal to confirm something.
import { createInterface } from 'node:readline'
import { Failure } from '../../core/failure.ts'
import type { Context } from './command.ts'

/**
 * Whether a person answers yes. The end of the input, and Ctrl-C, are no.
 * @throws Failure E_USAGE when no person is there to answer.
 */
export async function confirmed(context: Context, question: string): Promise<boolean> {
  const { stdin, terminal } = context
  if (stdin.isTTY !== true)
    throw new Failure('E_USAGE', 'nobody is at a terminal here to confirm it: look at it there, or add --yes')
  terminal.notice(`${question} Type yes, or anything else to leave it:`)
  const signal = context.interrupted()
  // Not as a terminal: Ctrl-C then goes to the process, as everywhere else.
  const lines = createInterface({ input: stdin, terminal: false, signal })
  const answer = await new Promise<string>((resolve) => {
    lines.once('line', resolve)
    lines.once('close', () => resolve(''))
  })
  lines.close()
  return /^y(es)?$/i.test(answer.trim())
}
