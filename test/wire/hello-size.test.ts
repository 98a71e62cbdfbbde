// What a hello costs a node behind a NAT, from real bytes: it is most of what the node spends on being reachable.
import { expect, it } from 'vitest'
import { limits, SECOND } from '../../src/core/limits.ts'
import { farAddresses, toldAddresses } from '../../src/core/links/told-addresses.ts'
import type { Hello } from '../../src/core/protocols.ts'
import { encodeHello } from '../../src/wire/hello.ts'
import { nodeIdOf } from '../../src/wire/node-id.ts'

/** Bytes a second of TCP payload, of which upkeep of two links may take four fifths: the rest is for streams, frames and news. */
const BUDGET = 100
const PULSE = 30
const ZONE = '/uk/glasgow/lab3/~07'

const idOf = (seed: number) => nodeIdOf(Uint8Array.from({ length: 32 }, (_, i) => (seed * 37 + i * 11) % 256))
const relayed = (relay: number, port: number) => `/ip4/144.76.110.1${relay}/tcp/${port}/p2p/${idOf(relay)}/p2p-circuit`
/** A machine on a LAN with two relays, each of which has two ports. */
const ADDRESSES = [
  '/ip4/192.168.100.155/tcp/31415',
  '/ip4/127.0.0.1/tcp/31415',
  ...[31415, 443].flatMap((port) => [relayed(1, port), relayed(2, port)]),
]

function hello(contacts: number): Hello {
  const head = (role: string) => ({ role, epoch: 1, version: 12, hash: 'ab'.repeat(32), rotation: 0, rival: undefined })
  const contact = (seed: number) => {
    return { node: idOf(seed), zone: ZONE, addresses: toldAddresses(ADDRESSES), serves: true, age: 61_000 }
  }
  return {
    ...{ rootVersion: 3, rootHash: 'cd'.repeat(32), zone: ZONE, serves: true, addresses: [...farAddresses(ADDRESSES)] },
    contacts: Array.from({ length: contacts }, (_, i) => contact(i)),
    yours: { incarnation: 5, counter: 123_456 },
    vector: { targetsVersion: 3, targetsHash: 'ef'.repeat(32), heads: ['acme', 'config', 'base'].map(head) },
    ...{ statements: '12'.repeat(32), reach: { relays: false, nat: 'plain' } },
  }
}

it('hellos and pulses of a node behind a NAT fit its budget with two relays', () => {
  const perLink = encodeHello(hello(limits.helloContactsLater)).length / (limits.helloPeriod / SECOND)
  const pulses = PULSE / (limits.pulsePeriod / SECOND)
  expect(limits.relaysWanted * perLink + pulses).toBeLessThanOrEqual(0.8 * BUDGET)
})
