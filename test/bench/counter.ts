// A counter: what is loaded into a daemon that runs from its sources (node --import) to count what only libp2p inside it sees, by wrapping
// the methods that all of it passes through. The product has no such thing in it.
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PERIOD = 1_000

export type Methods = Record<string, (...args: unknown[]) => unknown>

/** What came with gossip, duplicates included, by the kind of envelope (`head` on the topic of announcements): messages, and bytes of data and topic. */
export type MessageCounts = Record<string, { messages: number; bytes: number }>

/** A message of gossipsub. */
export interface Message {
  data?: Uint8Array
  topic?: string
}

const inside = async (name: string, file: string) => await import(import.meta.resolve(name).replace('index.js', file))
export const { YamuxMuxer } = await inside('@chainsafe/libp2p-yamux', 'muxer.js')
export const { GossipSub } = await inside('@libp2p/gossipsub', 'gossipsub.js')

/** Calls `first` with what a method is called with, and its object, before it. Throws when there is no such method. */
export function before(methods: Methods, name: string, first: (self: object, args: unknown[]) => void): void {
  const method = methods[name]
  if (method === undefined) throw new Error(`libp2p has no ${name} any more: what it counts has to be found anew`)
  methods[name] = function (this: object, ...args: unknown[]) {
    first(this, args)
    return method.apply(this, args)
  }
}

/** Counts a message for its kind; returns its bytes, those of data and topic. */
export function countMessage(counts: MessageCounts, { data = new Uint8Array(), topic = '' }: Message): number {
  const bytes = data.byteLength + topic.length
  const kind = topic.endsWith('/ann') ? 'head' : kindOf(data)
  const sum = counts[kind] ?? { messages: 0, bytes: 0 }
  counts[kind] = { messages: sum.messages + 1, bytes: sum.bytes + bytes }
  return bytes
}

/** The kind of an envelope: its first field, of at most 8 letters. */
function kindOf(data: Uint8Array): string {
  return new TextDecoder().decode(data.subarray(2, 2 + Math.min(data[1] ?? 0, 8)))
}

/** Writes once a second, as JSON into this file of the data folder that the daemon was started with, what `counts` returns then. */
export function writeCounts(name: string, counts: () => unknown): void {
  const data = process.argv[process.argv.indexOf('--data') + 1]
  if (data === undefined) return
  const file = join(data, name)
  const write = () => {
    writeFileSync(`${file}.new`, JSON.stringify(counts()))
    // Whoever reads it finds all of it.
    renameSync(`${file}.new`, file)
  }
  setInterval(write, PERIOD).unref()
}
