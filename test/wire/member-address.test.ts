import { describe, expect, it } from 'vitest'
import { MEMBER_ADDRESS, memberAddressProblem, RELAYED_ADDRESS } from '../../src/wire/member-address.ts'
import { addressNode } from '../../src/wire/token.ts'
import { sampleNode } from './samples.ts'

const [RELAY, MEMBER] = [sampleNode(1), sampleNode(2)]
const HOST = '/ip4/1.2.3.4/tcp/31415'

describe('the address of a member', () => {
  it.each([
    `${HOST}/p2p/${MEMBER}`,
    `/ip6/2001:db8::1/tcp/443/p2p/${MEMBER}`,
    `/dns4/pi.example.org/tcp/31415/p2p/${MEMBER}`,
    `${HOST}/p2p/${RELAY}/p2p-circuit/p2p/${MEMBER}`,
  ])('may be %s', (address) => {
    expect(memberAddressProblem(address)).toBeUndefined()
    expect(addressNode(address)).toBe(MEMBER)
  })

  it.each([
    [HOST, 'without the id of the member'],
    [`${HOST}/p2p/12D3KooW`, 'does not end in the id of a member'],
    [`${HOST}/p2p-circuit`, "without the relay's own id"],
    [`${HOST}/p2p-circuit/p2p/${MEMBER}`, "without the relay's own id"],
    [`${HOST}/p2p/${RELAY}/p2p-circuit`, 'who is behind the relay'],
    [`${HOST}/p2p/12D3KooW/p2p-circuit/p2p/${MEMBER}`, 'names a relay by "12D3KooW"'],
    [`${HOST}/p2p/${RELAY}/p2p-circuit/p2p/12D3KooW`, 'id of a member behind the relay'],
    [`${HOST}/p2p/${RELAY}/p2p-circuit/p2p/${RELAY}`, 'one node as the relay and as the member'],
    [`/p2p/${RELAY}/p2p-circuit/p2p/${MEMBER}`, RELAYED_ADDRESS],
    [`/ip4/1.2.3.4/udp/1/p2p/${MEMBER}`, MEMBER_ADDRESS],
    ['192.168.1.5:31415', MEMBER_ADDRESS],
    [`/ip4/1.2.3.4/tcp/0/p2p/${MEMBER}`, 'has 0 for a port'],
    [`/ip4/1.2.3.4/tcp/99999/p2p/${MEMBER}`, 'has 99999 for a port, which must be from 1 to 65535'],
    [`/ip4/1.2.3.444/tcp/1/p2p/${MEMBER}`, 'has "1.2.3.444" for a host, which is no IPv4 address'],
    [`/ip6/2001:db8:::1/tcp/1/p2p/${MEMBER}`, 'no IPv6 address'],
    [`/dns4/pi example/tcp/1/p2p/${MEMBER}`, 'no host name'],
    [`/ip4/0.0.0.0/tcp/1/p2p/${MEMBER}`, 'stands for all addresses'],
    [`/ip6/::/tcp/1/p2p/${RELAY}/p2p-circuit/p2p/${MEMBER}`, 'stands for all addresses'],
    [`/dns4/${'x'.repeat(200)}/tcp/1/p2p/${MEMBER}`, 'too long'],
  ])('may not be %s, and says why in one clause', (address, why) => {
    expect(memberAddressProblem(address)).toContain(why)
  })
})
