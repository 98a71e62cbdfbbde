// The torrents and the tracker that clients of others are given in the laboratory: what they would make of a mistake there would look
// like theirs.
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bencode, torrentOf } from './torrent.ts'

const TRACKER = fileURLToPath(new URL('tracker.ts', import.meta.url))
let folder: string
let tracker: ChildProcess
let lines: Interface
let port: number

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pimesh-tracker-'))
  port = await freePort()
  tracker = spawn(process.execPath, [TRACKER, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] })
  lines = createInterface({ input: tracker.stdout as NodeJS.ReadableStream })
  await once(lines, 'line')
})

afterAll(async () => {
  tracker.kill()
  await once(tracker, 'exit')
  await rm(folder, { recursive: true })
})

it('a torrent has the hash of each piece, also of a short last one', async () => {
  const path = join(folder, 'artifact')
  const bytes = Buffer.alloc(256 * 1024 + 3, 7)
  await writeFile(path, bytes)
  const sha1 = (part: Buffer) => createHash('sha1').update(part).digest().toString('latin1')
  const pieces = sha1(bytes.subarray(0, 256 * 1024)) + sha1(bytes.subarray(256 * 1024))
  const info = `d6:lengthi${bytes.length}e4:name8:artifact12:piece lengthi262144e6:pieces40:${pieces}e`
  const torrent = Buffer.from(await torrentOf(path, 'http://x/announce')).toString('latin1')
  expect(torrent).toBe(`d8:announce17:http://x/announce4:info${info}e`)
})

it('the tracker tells of all others by the address that it sees, and forgets who stops', async () => {
  const hash = '%00%ff%26abc'
  expect(await announce(hash, 51413, 5)).toBe(answer(''))
  expect(await announce(hash, 51414, 0)).toBe(answer('7f000001c8d5'))
  expect(await announce(hash, 51413, 5)).toBe(answer('7f000001c8d6'))
  expect(await announce('%00%ff%26abd', 51415, 5)).toBe(answer(''))
  await announce(hash, 51414, 0, '&event=stopped')
  expect(await announce(hash, 51413, 5)).toBe(answer(''))
})

it('the tracker says what it hears', async () => {
  const heard = Promise.withResolvers<unknown>()
  lines.on('line', (line) => JSON.parse(line).port === 7 && heard.resolve(JSON.parse(line)))
  await announce('%01', 7, 0)
  expect(await heard.promise).toEqual({ host: '127.0.0.1', port: 7, left: 0 })
})

async function announce(hash: string, own: number, left: number, more = ''): Promise<string> {
  const words = `info_hash=${hash}&peer_id=-X-&port=${own}&left=${left}&compact=1${more}`
  const response = await fetch(`http://127.0.0.1:${port}/announce?${words}`)
  return Buffer.from(await response.arrayBuffer()).toString('hex')
}

function answer(peers: string): string {
  return bencode({ interval: 30, 'min interval': 30, peers: Buffer.from(peers, 'hex') }).toString('hex')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
