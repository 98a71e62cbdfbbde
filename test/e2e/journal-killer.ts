// Loaded into a real daemon before its own code (node --import): ends it with SIGKILL at one named point of an installation, right
// before or right after an edge of the journal reaches LevelDB or a name in the install folder changes. Every point of the release
// with the counter that is meant is written to a file first. The daemon itself has no hook for this.
import { appendFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { basename } from 'node:path'
import { Level } from 'level'
import { decodeInstallEntry } from '../../src/wire/journal.ts'

export interface Orders {
  /** Of the release. */
  counter: number
  /** "before" or "after", and what happens then; "nowhere" lets it live. */
  at: string
  /** Takes one line for each point. */
  trace: string
}

const { counter, at, trace } = JSON.parse(process.env.KILLER_ORDERS ?? '{}') as Orders
const JOURNAL = 'install/'
/** Whether the release is being installed: the first edge of its journal was reached. */
let begun = false

function passes(point: string): void {
  appendFileSync(trace, `${point}\n`)
  if (point !== at) return
  process.kill(process.pid, 'SIGKILL')
  for (;;);
}

async function around<T>(what: string | undefined, work: () => Promise<T>): Promise<T> {
  if (what === undefined) return await work()
  passes(`before ${what}`)
  const result = await work()
  passes(`after ${what}`)
  return result
}

interface Put {
  type: string
  key: string
  value?: Uint8Array
}

/** The edge of the release's journal that is among these writes. */
function edgeIn(writes: readonly Put[]): string | undefined {
  for (const { key, value } of writes) {
    if (!key.startsWith(JOURNAL) || value === undefined) continue
    const { underway, installed } = decodeInstallEntry(value, key.slice(JOURNAL.length))
    begun ||= underway?.counter === counter
    if (underway?.counter === counter) return underway.state
    if (underway === undefined && installed?.counter === counter) return 'committed'
  }
  return undefined
}

/** What the installer calls something at last; its steps end with that. */
function nameOf(path: string): string | undefined {
  const name = basename(path)
  if (name === 'current' || name === '.previous') return name
  if (name.startsWith('.removed-')) return 'the name of an old version'
  return name.startsWith(`${counter}-`) ? 'the name of the version' : undefined
}

type Batch = (writes: readonly Put[], ...more: unknown[]) => Promise<void>
const databases = Level.prototype as unknown as { batch: Batch }
const batch = databases.batch
databases.batch = function (this: unknown, writes, ...more) {
  return around(edgeIn(writes), () => batch.call(this, writes, ...more))
}

const { rename } = fs
Object.assign(fs, {
  rename: (from: string, to: string) => around(begun ? nameOf(to) : undefined, () => rename(from, to)),
})
syncBuiltinESMExports()
