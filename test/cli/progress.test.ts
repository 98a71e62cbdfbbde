// The line of progress at several widths: its numbers are never cut for the sake of its bar.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ProgressLine } from '../../src/cli/frame/progress.ts'
import { Terminal } from '../../src/cli/frame/terminal.ts'
import { screenOf } from './line.ts'

const NUMBERS = '50 %, 50.0 MB of 100 MB, 25.0 MB/s, 2 s left'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

/** What stands there when half is done after two seconds. */
function drawnAt(columns: number): string {
  let out = ''
  const write = (text: string) => {
    out += text
  }
  const sink = { write, isTTY: true, columns, rows: 24 }
  const draw = new ProgressLine(new Terminal(sink, sink, { colour: false }), { shown: true }).meter('handing over')
  draw(0, 100e6)
  vi.advanceTimersByTime(2_000)
  draw(50e6, 100e6)
  return screenOf(out).trimEnd()
}

it.each([
  [200, `handing over [${'#'.repeat(12)}${'.'.repeat(12)}] ${NUMBERS}`],
  [80, `handing over [${'#'.repeat(10)}${'.'.repeat(10)}] ${NUMBERS}`],
  [70, `handing over [${'#'.repeat(5)}${'.'.repeat(5)}] ${NUMBERS}`],
  [69, `handing over ${NUMBERS}`],
])('at %d columns', (columns, line) => {
  expect(drawnAt(columns)).toBe(line)
})
