// Addresses: what is usable, in which order it is dialled, and how much of what a peer says is kept.
import { networkInterfaces } from 'node:os'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import {
  bareAddress,
  dialOrder,
  isNear,
  isPublic,
  isRelayed,
  parseAddress,
  tidyAddresses,
  told,
} from '../../src/mesh/addresses.ts'

const ID = '12D3KooWRBty73UNWs9sx7CLx4HpvAjFx9hh5m1nYWzZzSD9EyTm'

const RELAYED = `/ip4/198.51.100.7/tcp/443/p2p/${ID}/p2p-circuit`

test.each([
  '/ip4/10.0.0.1/tcp/1',
  '/ip6/2001:db8::1/tcp/1',
  '/ip4/127.0.0.1/tcp/1',
  '/ip6/::1/tcp/1',
  '/dns/pi.example/tcp/1',
  '/dns4/pi.example/tcp/31415',
  RELAYED,
  `/ip6/2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/tcp/65535/p2p/${ID}/p2p-circuit`,
])('%s is usable', (text) => expect(parseAddress(text)?.toString()).toBe(text))

test.each([
  '',
  'junk',
  '/ip4/10.0.0.1',
  '/ip4/10.0.0.1/udp/1',
  '/ip4/10.0.0.1/tcp/1/ws',
  '/ip4/10.0.0.1/tcp/99999',
  `/ip4/10.0.0.1/tcp/1/p2p/${ID}`,
  '/ip4/10.0.0.1/tcp/0',
  '/ip4/0.0.0.0/tcp/22',
  '/ip4/0.1.2.3/tcp/22',
  '/ip4/224.0.0.251/tcp/1',
  '/ip4/255.255.255.255/tcp/1',
  '/ip6/::/tcp/22',
  '/ip6/::ffff:127.0.0.1/tcp/22',
  '/ip6/::ffff:c0a8:101/tcp/22',
  '/ip6/fe80::1/tcp/1',
  '/ip6/feb0::1/tcp/1',
  '/ip6/ff02::fb/tcp/1',
  `/ip4/0.0.0.0/tcp/22/p2p/${ID}/p2p-circuit`,
  '/ip4/10.0.0.1/tcp/1/p2p-circuit',
  `/p2p/${ID}/p2p-circuit`,
  `${RELAYED}/p2p/${ID}`,
  `${RELAYED}/p2p/${ID}/p2p-circuit`,
  '/unix/%2Ftmp%2Fx',
  `/dns/${'x'.repeat(limits.addressLength)}/tcp/1`,
])('%s is not', (text) => expect(parseAddress(text)).toBeUndefined())

test('a bare address has lost the id of its peer', () => {
  expect(bareAddress(multiaddr(`/ip4/10.0.0.1/tcp/1/p2p/${ID}`))).toBe('/ip4/10.0.0.1/tcp/1')
  expect(bareAddress(multiaddr('/ip4/10.0.0.1/tcp/1'))).toBe('/ip4/10.0.0.1/tcp/1')
  expect(bareAddress(multiaddr(`${RELAYED}/p2p/${ID}`))).toBe(RELAYED)
  expect(bareAddress(multiaddr(RELAYED))).toBe(RELAYED)
})

test('of many addresses the first usable ones are kept, each once, loopback only when there is room', () => {
  const many = Array.from({ length: 9 }, (_, i) => `/ip4/10.0.0.${i}/tcp/1`)
  const said = ['/ip4/127.0.0.1/tcp/1', '/ip4/10.0.0.0/udp/1', many[0] as string, ...many].map((text) =>
    multiaddr(text),
  )
  expect(tidyAddresses(said)).toEqual(many.slice(0, limits.addressesPerContact))
  expect(tidyAddresses(said.slice(0, 3))).toEqual(['/ip4/10.0.0.0/tcp/1', '/ip4/127.0.0.1/tcp/1'])
})

test('a dial goes to our networks first, then to the world in its order, and by relays last', () => {
  const own = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')
  const far = ['/ip4/198.51.100.9/tcp/1', '/dns4/pi.example/tcp/1', '/ip4/100.64.0.1/tcp/1']
  const near = own === undefined ? [] : [`/ip4/${own.address}/tcp/1`]
  const said = [RELAYED, '/ip4/127.0.0.1/tcp/1', ...far, ...near].map((text) => multiaddr(text))
  expect(dialOrder(said).map(String)).toEqual([...near, ...far, RELAYED])
})

test('loopback is dialled only when there is nothing else: elsewhere we would meet ourselves', () => {
  const [own, far] = [multiaddr('/ip4/127.0.0.1/tcp/1'), multiaddr(RELAYED)]
  expect(dialOrder([own, far])).toEqual([far])
  expect(dialOrder([own])).toEqual([own])
  expect(dialOrder([own], false)).toEqual([own])
})

test("a private address of another network is somebody else's here: it is dialled only when there is no other", () => {
  const foreign = ['/ip4/10.213.7.9/tcp/1', '/ip4/192.168.213.9/tcp/1', '/ip6/fd99:9::1/tcp/1'].map((text) =>
    multiaddr(text),
  )
  expect(dialOrder([...foreign, multiaddr(RELAYED)]).map(String)).toEqual([RELAYED])
  expect(dialOrder(foreign)).toEqual(foreign)
  expect(dialOrder(foreign, false)).toEqual([])
})

test('what an address says of where it is', () => {
  const said = ['/ip4/127.0.0.1/tcp/1', '/ip4/198.51.100.9/tcp/1', '/ip4/10.213.7.9/tcp/1', RELAYED].map((text) =>
    multiaddr(text),
  )
  expect(said.map(isNear)).toEqual([true, false, false, false])
  expect(said.map(isPublic)).toEqual([false, true, false, false])
  expect(said.map(isRelayed)).toEqual([false, false, false, true])
})

test('where a machine listens is told whatever its owner announces, but for loopback, which is told when there is nothing else', () => {
  const listening = ['/ip4/192.168.1.5/tcp/31415', '/ip4/127.0.0.1/tcp/31415', '/ip6/::1/tcp/31415'].map((text) =>
    multiaddr(text),
  )
  const texts = (announce: string[]) => told(listening, announce).map(String)
  expect(texts(['/ip4/80.1.1.1/tcp/40000'])).toEqual(['/ip4/192.168.1.5/tcp/31415'])
  expect(texts([])).toHaveLength(3)
})
