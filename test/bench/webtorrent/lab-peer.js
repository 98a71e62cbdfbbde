// A WebTorrent peer in the laboratory: `lab-peer.js FOLDER PORT HOOK STRATEGY`. Says that it is ready, takes the path of a torrent from
// standard input, and runs HOOK when it has everything. TCP, trackers and local discovery; no DHT, UPnP, uTP or WebRTC.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import './no-webrtc.js'

const { default: WebTorrent } = await import('webtorrent')
const [folder, port, hook, strategy] = process.argv.slice(2)
const client = new WebTorrent({
  torrentPort: Number(port),
  dht: false,
  lsd: true,
  utp: false,
  natUpnp: false,
  natPmp: false,
})
client.on('error', (error) => {
  process.stderr.write(`${error.stack}\n`)
  process.exit(1)
})
process.stdin.on('data', (line) => {
  const torrent = client.add(readFileSync(String(line).trim()), { path: folder, strategy })
  torrent.on('done', () => spawn(hook, { stdio: 'ignore' }))
})
process.stdin.on('end', () => process.exit(0))
process.stdout.write('ready\n')
