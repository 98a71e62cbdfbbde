// Runs a command line in this process, with ends that remember what was written: quick, and of any width.
import { runLine } from '../../src/cli/frame/run.ts'

export interface Line {
  status: number
  out: string
  err: string
}

export interface LineOptions {
  /** Width of a terminal; undefined: pipes. */
  columns?: number
  rows?: number
  env?: Record<string, string>
  /** What is typed on; default that of the tests. */
  stdin?: NodeJS.ReadStream
  /** Aborted as by Ctrl-C. */
  signal?: AbortSignal
  /** Called with each text that is written. */
  written?: (text: string) => void
}

/** Runs `pimesh WORDS...`. No daemon can be started by it. */
export async function line(words: readonly string[], options: LineOptions = {}): Promise<Line> {
  const {
    columns,
    rows = 40,
    env = {},
    signal = new AbortController().signal,
    written,
    stdin = process.stdin,
  } = options
  const texts = { out: '', err: '' }
  const sink = (end: keyof typeof texts) => ({
    write: (text: string) => {
      texts[end] += text
      written?.(text)
    },
    ...(columns === undefined ? {} : { isTTY: true, columns, rows }),
  })
  const status = await runLine(words, {
    stdout: sink('out') as unknown as NodeJS.WriteStream,
    stderr: sink('err') as unknown as NodeJS.WriteStream,
    stdin,
    env,
    version: '0.0.0',
    build: 'test',
    program: [],
    launch: () => Promise.reject(new Error('no daemon runs here')),
    interrupted: () => signal,
  })
  return { status, ...texts }
}

/** What stands on a terminal in the end, without colours: drawing in place is followed, nothing else. */
export function screenOf(text: string): string {
  const lines: string[] = ['']
  for (const [, up, other] of text.matchAll(/\u001b\[(\d+)A\r\u001b\[J|((?:(?!\u001b\[\d+A)[\s\S])+)/g)) {
    if (up !== undefined) lines.splice(lines.length - 1 - Number(up), Number(up))
    else {
      const plain = (other as string).replace(/\r?\u001b\[[?0-9;]*[a-zA-Z]/g, '').split('\n')
      lines.push(`${lines.pop()}${plain[0]}`, ...plain.slice(1))
    }
  }
  return lines.join('\n')
}
