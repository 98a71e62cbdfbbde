// Loaded into a real daemon before its own code (node --import): ends it with SIGKILL at one thing that it does to its disk for one
// release, counted from the first edge of its journal on: files of pieces, what is installed, and what LevelDB is given of them. Each
// thing has a name that is the same in each life, and is written to a file first. The daemon itself has no hook for this.
import { appendFileSync } from 'node:fs'
import { Level } from 'level'
import { decodeInstallEntry } from '../../src/wire/journal.ts'
import { die, watchDisk } from '../install/killing.ts'

export interface Orders {
  /** The data folder of the daemon. */
  folder: string
  /** Of the release. */
  counter: number
  /** What of all this is meant, as a regular expression for the names; anything else is not in the trace. */
  meant: string
  /** The name of the one that it dies of; any other name lets it live. */
  at: string
  /** Takes one line for each thing. */
  trace: string
  /** Hash of the encoding that an earlier life began, and what takes a line for each piece of it that is written. */
  before: string
  completed: string
}

interface Put {
  key: string
  value?: Uint8Array
}

const orders = JSON.parse(process.env.KILLER_ORDERS ?? '{}') as Orders
const meant = new RegExp(orders.meant)
const counts = new Map<string, number>()
/** Whether the first edge of the release's journal was reached. */
let begun = false

/** Hashes, temporary names and counters are others in each life. */
function nameOf(what: string): string {
  return what
    .replaceAll(`${orders.folder}/`, '')
    .replaceAll(orders.folder, '.')
    .replace(/[0-9a-f]{64}/g, 'HASH')
    .replace(/\b(\d+)-[0-9a-f]{16}/g, (_, counter) => `VERSION-${orders.counter - counter}`)
    .replace(/-[0-9a-f]{16}/g, '-HASH')
}

/** True when it is to die of this one. What is done beside each other comes in any order, so that each name is counted alone. */
function isLast(what: string): boolean {
  const [, hash, position] = /^write .*\/artifacts\/([0-9a-f]{64}) (\d+)$/.exec(what) ?? []
  if (hash === orders.before) appendFileSync(orders.completed, `${position}\n`)
  const name = nameOf(what)
  if (!begun || !meant.test(name)) return false
  const count = (counts.get(name) ?? 0) + 1
  counts.set(name, count)
  appendFileSync(orders.trace, `${name} #${count}\n`)
  return `${name} #${count}` === orders.at
}

function isBegun({ key, value }: Put): boolean {
  if (!key.startsWith('install/') || value === undefined) return false
  return decodeInstallEntry(value, key.slice('install/'.length)).underway?.counter === orders.counter
}

type Batch = (writes: readonly Put[], ...more: unknown[]) => Promise<void>
const databases = Level.prototype as unknown as { batch: Batch }
const { batch } = databases
databases.batch = async function (this: unknown, writes, ...more) {
  begun ||= writes.some(isBegun)
  const keys = writes.map(({ key }) => key).filter((key) => /^(install|holding|pieceList)\//.test(key))
  if (keys.some((key) => isLast(`batch ${key}`))) die()
  await batch.call(this, writes, ...more)
  if (keys.some((key) => isLast(`batched ${key}`))) die()
}

await watchDisk(isLast)
