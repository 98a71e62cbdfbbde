import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { describe, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { DirectoryPeers } from '../../src/mesh/directory-peers.ts'

const RELAY = '12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2'
const LOOPBACK = '/ip4/127.0.0.1/tcp/22'
const LAN = '/ip4/192.168.7.9/tcp/31415'
const ELSEWHERE = '/ip4/10.9.9.9/tcp/31415'
const PUBLIC = '/ip4/5.6.7.8/tcp/31415'
const BY_PUBLIC = `${PUBLIC}/p2p/${RELAY}/p2p-circuit`
const BY_LAN = `${LAN}/p2p/${RELAY}/p2p-circuit`
const ALL = [LOOPBACK, LAN, ELSEWHERE, PUBLIC, BY_PUBLIC, BY_LAN, '/dns4/evil.example/tcp/80', '/ip4/5.6.7.8/udp/1']

async function setUp(at: string | undefined) {
  const self = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  const near = (address: Multiaddr) => /192\.168\.|127\./.test(address.toString())
  const linkedAt = () => (at === undefined ? undefined : multiaddr(at))
  const peers = new DirectoryPeers({ self, linkedAt, near })
  return {
    peers,
    believed: (addresses: readonly string[]) =>
      peers.believed(
        'x',
        addresses.map((text) => multiaddr(text)),
      ),
  }
}

describe('addresses that the directory names', () => {
  test('a stranger outside may name public ones and relays at public ones, and no host name', async () => {
    expect((await setUp('/ip4/9.9.9.9/tcp/1')).believed(ALL)).toEqual([PUBLIC, BY_PUBLIC])
    expect((await setUp(`/ip4/192.168.7.1/tcp/1/p2p/${RELAY}/p2p-circuit`)).believed(ALL)).toEqual([PUBLIC, BY_PUBLIC])
  })

  test('who is on our LAN may name those of our LAN as well, and only who is on this machine loopback', async () => {
    expect((await setUp('/ip4/192.168.7.1/tcp/1')).believed(ALL)).toEqual([LAN, PUBLIC, BY_PUBLIC, BY_LAN])
    expect((await setUp('/ip4/127.0.0.1/tcp/1')).believed(ALL)).toEqual([LOOPBACK, LAN, PUBLIC, BY_PUBLIC, BY_LAN])
  })

  test('who is not linked any more names nothing, and nobody more than a contact has', async () => {
    expect((await setUp(undefined)).believed(ALL)).toEqual([])
    const many = Array.from({ length: 500 }, (_, n) => `/ip4/5.6.7.8/tcp/${n + 1}`)
    expect((await setUp('/ip4/9.9.9.9/tcp/1')).believed(many)).toHaveLength(limits.addressesPerContact)
  })

  test('those of a bounded number of members are kept, the newest', async () => {
    const { peers } = await setUp(undefined)
    for (let n = 0; n <= limits.directoryPeers; n++) peers.learn(`n${n}`, [PUBLIC])
    expect([peers.addressesOf('n0'), peers.addressesOf('n1')]).toEqual([[], [PUBLIC]])
  })
})
