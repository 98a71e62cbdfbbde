// A WebTorrent peer as a process of its own: `peer.js seed FILE` or `peer.js leech FOLDER TORRENT HOST:PORT...`.
// Lines of JSON on stdout say when it is ready and when it is done. Only TCP on loopback: no tracker, DHT, UPnP, uTP or WebRTC.
import './no-webrtc.js'

const { default: WebTorrent } = await import('webtorrent')
const [mode, target, torrentHex, ...peers] = process.argv.slice(2)
const client = new WebTorrent({
  dht: false,
  tracker: false,
  lsd: false,
  utp: false,
  natUpnp: false,
  natPmp: false,
  utPex: true,
})
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)
client.on('error', (error) => {
  process.stderr.write(`${error.stack}\n`)
  process.exit(1)
})
if (mode === 'seed') {
  client.seed(target, { announceList: [], pieceLength: 262_144 }, (torrent) => {
    say({ ready: client.torrentPort, torrent: Buffer.from(torrent.torrentFile).toString('hex') })
  })
} else {
  const torrent = client.add(Buffer.from(torrentHex, 'hex'), { path: target, announce: [] })
  torrent.on('done', () => say({ done: true }))
  torrent.on('ready', () => {
    say({ ready: client.torrentPort })
    for (const peer of peers) torrent.addPeer(peer)
  })
}
process.stdin.on('data', (line) => {
  for (const peer of String(line).trim().split(/\s+/)) client.torrents[0]?.addPeer(peer)
})
process.stdin.on('end', () => process.exit(0))
