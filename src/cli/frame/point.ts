// A mark below the place where what somebody typed is wrong.
import { Failure } from '../../core/failure.ts'
import type { Terminal } from './terminal.ts'
import { plain } from './terminal.ts'

/** Characters around the place that are shown. */
const AROUND = 60

/** What `work` resolves to. When it fails with a place in `text`, the text is shown with a mark there, before the sentence. */
export async function pointedOut<T>(terminal: Terminal, text: string | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Failure && error.position !== undefined && text !== undefined)
      for (const line of pointLines(text, error.position)) terminal.notice(line)
    throw error
  }
}

/** The text, cut to what is around the place, and a line with the mark. */
export function pointLines(text: string, position: number): string[] {
  const before = [...text.slice(0, position - 1)]
  const cut = before.length > AROUND
  const shown = cut ? `...${before.slice(-AROUND).join('')}` : before.join('')
  const rest = [...text.slice(position - 1)].slice(0, AROUND).join('')
  return [`  ${plain(shown + rest)}`, `  ${' '.repeat([...shown].length)}^`]
}
