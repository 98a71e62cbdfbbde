// What an idle day of history costs: bytes for a value, memory, and what a disk gets of it through the real store, beside the rows of a
// zone of 25 that are written with it. In virtual time, but for the store: nothing waits.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { METRICS } from '../../src/core/fleet/metrics.ts'
import { DAY } from '../../src/core/limits.ts'
import { openLevelStore } from '../../src/store/level.ts'
import { changesToWrites } from '../../src/wire/state.ts'
import { idle } from '../core/history/idle-day.ts'
import type { Report } from './main.ts'

/** A row with its envelope. */
const ROW_BYTES = 430
const ROWS = 25
/** The bar of D5 for everything together. */
const BAR = 10e6

/** Bytes that this process handed to the kernel to write. */
const handedOver = () => Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1])

export async function benchHistory(say: (line: string) => void): Promise<Report> {
  const rows = await aDay(say, { rows: true, values: false })
  const all = await aDay(say, { rows: true, values: true })
  const json = {
    ...{ bench: 'history', node: process.version, barBytesPerDay: BAR, bytesPerValue: all.bytesPerValue },
    ...{ ownBytes: all.own, keptBytes: all.kept, handedBytesPerDay: all.handed },
    ...{ diskBytesPerDay: all.disk, diskBytesPerDayOfRows: rows.disk },
  }
  const mega = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`
  const table = [
    `bytes for a value         ${all.bytesPerValue.toFixed(2)}`,
    `memory, own / of others   ${mega(all.own)} / ${mega(all.kept)}`,
    `handed to the store       ${mega(all.handed)} a day`,
    `written to disk           ${mega(all.disk)} a day, ${mega(rows.disk)} without history (bar: ${mega(BAR)})`,
  ]
  return { json, table, ok: all.disk <= BAR }
}

async function aDay(say: (line: string) => void, what: { rows: boolean; values: boolean }) {
  say(`a day of ${what.values ? 'rows and values' : 'rows alone'}`)
  const folder = await mkdtemp(join(tmpdir(), 'pimesh-history-'))
  const store = await openLevelStore(join(folder, 'db'))
  const before = handedOver()
  let handed = 0
  const history = await idle(DAY, async (changes) => {
    const values = what.values ? changesToWrites(changes) : []
    for (const { key, value } of values) handed += key.length + (value?.length ?? 0)
    const rows = Array.from({ length: ROWS }, (_, at) => ({ key: `row/${at}`, value: randomBytes(ROW_BYTES) }))
    await store.write([...values, ...rows], { sync: false })
  })
  await store.close()
  const disk = handedOver() - before
  await rm(folder, { recursive: true, force: true })
  const series = METRICS.map(({ name }) => name)
  const { blocks } = history.answer(
    { node: 'one', tier: 'minutes', series, since: DAY, before: undefined },
    'self',
    DAY,
  )
  const packed = blocks.reduce((sum, { payload }) => sum + payload.length, 0)
  return { ...history.sizes(), handed, disk, bytesPerValue: packed / (24 * 60 * METRICS.length) }
}
