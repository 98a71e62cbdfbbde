// A BitTorrent tracker (BEP 3, 23) for the laboratory, a process of its own: `tracker.ts PORT`. It tells everybody of everybody else, by
// the address that it sees and the port that they say, and writes a line of JSON for each announcement.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { bencode } from './torrent.ts'

/** What a tracker hears of a client. */
export interface Announcement {
  host: string
  port: number
  /** Bytes that it lacks. */
  left: number
}

/** Seconds after which clients are to ask again: soon, so that who was first learns of who came later. */
const INTERVAL = 30

/** Torrent -> HOST:PORT -> the six bytes of a compact peer. */
const swarms = new Map<string, Map<string, Buffer>>()

const server = createServer((request, response) => {
  const host = (request.socket.remoteAddress ?? '').replace('::ffff:', '')
  const query = wordsOf(request.url ?? '')
  const [torrent = '', port = '0', left = '0'] = [query.get('info_hash'), query.get('port'), query.get('left')]
  const swarm = swarms.get(torrent) ?? new Map<string, Buffer>()
  swarms.set(torrent, swarm)
  const own = `${host}:${port}`
  const peers = Buffer.concat([...swarm].flatMap(([address, peer]) => (address === own ? [] : [peer])))
  if (query.get('event') === 'stopped') swarm.delete(own)
  else swarm.set(own, compact(host, Number(port)))
  response.end(bencode({ interval: INTERVAL, 'min interval': INTERVAL, peers }))
  process.stdout.write(`${JSON.stringify({ host, port: Number(port), left: Number(left) } satisfies Announcement)}\n`)
})
await once(server.listen(Number(process.argv[2]), '0.0.0.0'), 'listening')
process.stdout.write('{}\n')

/** Of a request's query; values are bytes, here a character each. */
function wordsOf(url: string): Map<string, string> {
  const pairs = url.slice(url.indexOf('?') + 1).split('&')
  const bytes = (text: string) =>
    text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return new Map(pairs.map((pair) => pair.split('=')).map(([key = '', value = '']) => [key, bytes(value)]))
}

function compact(host: string, port: number): Buffer {
  return Buffer.from([...host.split('.').map(Number), port >> 8, port & 255])
}
