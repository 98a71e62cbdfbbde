import { describe, expect, it } from 'vitest'
import { farAddresses, toldAddresses } from '../../../src/core/links/told-addresses.ts'

const [ONE, TWO] = [
  '12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2',
  '12D3KooWPrrHQmKdTZSVDpC4bJCzLieAq7JyArp5zt9CWgEBtCMv',
]
const through = (relay: string | undefined, port: number) => `/ip4/44.0.0.10/tcp/${port}/p2p/${relay}/p2p-circuit`
const LOOPBACK = ['/ip4/127.0.0.1/tcp/31415', '/ip6/::1/tcp/31415']
const LAN = '/ip4/192.168.1.5/tcp/31415'

describe('what others are told of addresses', () => {
  it('is one of each relay, at the port that strict firewalls let out where there is one', () => {
    const all = [LAN, through(ONE, 31415), through(TWO, 31415), through(ONE, 443)]
    expect(toldAddresses(all)).toEqual([LAN, through(ONE, 443), through(TWO, 31415)])
  })

  it('is not what a relay says of another host', () => {
    const victim = `/ip4/9.9.9.9/tcp/443/p2p/${ONE}/p2p-circuit`
    expect(toldAddresses([through(ONE, 31415), victim])).toEqual([through(ONE, 31415)])
  })

  it('is all that is open, at each port', () => {
    const open = ['/ip4/5.5.5.5/tcp/31415', '/ip4/5.5.5.5/tcp/443']
    expect(toldAddresses(open)).toEqual(open)
  })

  it('is no loopback, but where there is nothing else', () => {
    expect(farAddresses([LAN, ...LOOPBACK])).toEqual([LAN])
    expect(farAddresses(LOOPBACK)).toEqual(LOOPBACK)
  })
})
