// A person at a terminal who types when asked: a stand-in for stdin that knows raw mode.
import { PassThrough } from 'node:stream'
import type { LineOptions } from './line.ts'

const ENTER = '\r'
export const CTRL_C = '\u0003'
export const CTRL_D = '\u0004'

/** Options of `line` for a terminal where each question (what does not end a line) gets the next answer; those of the keyboard itself. */
export function keyboard(answers: readonly string[]) {
  const left = [...answers]
  /** Whether keys were echoed and Ctrl-C made a signal, each time that changed. */
  const raw: boolean[] = []
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    isRaw: false,
    setRawMode(on: boolean) {
      stdin.isRaw = on
      raw.push(on)
      return stdin
    },
  })
  const written = (text: string) => {
    if (!text.endsWith(': ')) return
    const answer = left.shift() ?? CTRL_C
    // Typed after the question, as a person does.
    setImmediate(() => stdin.write(/[\u0003\u0004]$/.test(answer) ? answer : answer + ENTER))
  }
  const options: LineOptions = { stdin: stdin as unknown as NodeJS.ReadStream, columns: 120, written }
  return { options, raw, left }
}
