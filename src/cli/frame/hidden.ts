// A question on a terminal whose answer is not shown. readline edits the line, in raw mode, and gives the terminal back when it is
// closed, whatever closes it.
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { Failure } from '../../core/failure.ts'
import type { Terminal } from './terminal.ts'

/** The line that was typed. @throws Failure E_PASSPHRASE: Ctrl-C, Ctrl-D, or a terminal that went away */
export async function askHidden(stdin: NodeJS.ReadStream, terminal: Terminal, question: string): Promise<string> {
  terminal.ask(question)
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const line = createInterface({ input: stdin, output: nowhere, terminal: true, historySize: 0 })
  const close = () => line.close()
  // Node gives the terminal back when SIGINT or SIGTERM ends it, and not for this one.
  process.once('SIGHUP', close)
  try {
    return await new Promise((resolve, reject) => {
      const stopped = () => reject(new Failure('E_PASSPHRASE', 'no passphrase was given: nothing was changed'))
      line.once('line', resolve).once('SIGINT', close).once('close', stopped)
    })
  } finally {
    process.off('SIGHUP', close)
    close()
    terminal.ask('\n')
  }
}
