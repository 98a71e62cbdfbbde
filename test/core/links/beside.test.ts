// Who is beside us: only those that a link over the LAN showed there, as long as this machine stays in its network.
import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { Beside } from '../../../src/core/links/beside.ts'
import { networkOf } from '../../../src/core/links/paths.ts'

const at = (host: string) => `/ip4/${host}/tcp/31415`
const RELAYED = `${at('5.5.5.5')}/p2p/12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2/p2p-circuit`

describe('who is beside us', () => {
  const met = () => {
    const beside = new Beside()
    beside.linked('met', { route: 'lan', address: at('192.168.1.7') })
    beside.linked('far', { route: 'direct', address: at('6.6.6.6') })
    return beside
  }

  it('is all of a network in which somebody was linked over the LAN, and nobody else', () => {
    expect(met().has({ node: 'x', addresses: [at('192.168.1.8')] })).toBe(true)
    expect(met().has({ node: 'x', addresses: [at('192.168.2.8')] })).toBe(false)
    expect(met().has({ node: 'far', addresses: [at('6.6.6.6')] })).toBe(false)
    expect(met().has({ node: 'x', addresses: [] })).toBe(false)
  })

  it('is who was linked there, of those that may be at another site with the same network', () => {
    for (const elsewhere of [at('7.7.7.7'), RELAYED]) {
      const addresses = [at('192.168.1.7'), elsewhere]
      expect(met().has({ node: 'stranger', addresses })).toBe(false)
      expect(met().has({ node: 'met', addresses })).toBe(true)
      // It moved: nothing that it says is of our network any more.
      expect(met().has({ node: 'met', addresses: [elsewhere] })).toBe(false)
    }
  })

  it('is who shares a network of our own addresses, as they are now, whatever it says of its loopback', () => {
    const beside = new Beside()
    beside.listening([at('127.0.0.1'), at('192.168.1.2'), at('172.17.0.1')])
    for (const other of [at('127.0.0.1'), at('172.17.0.1'), '/ip6/::1/tcp/1'])
      expect(beside.has({ node: 'x', addresses: [at('192.168.1.8'), other] })).toBe(true)
    expect(beside.has({ node: 'x', addresses: [at('127.0.0.1')] })).toBe(false)
    beside.clear()
    expect(beside.has({ node: 'x', addresses: [at('192.168.1.8')] })).toBe(true)
    beside.listening([at('10.0.0.2')])
    expect(beside.has({ node: 'x', addresses: [at('192.168.1.8')] })).toBe(false)
  })

  it('is nobody of a network in which somebody is linked by another way, or who is itself', () => {
    const beside = met()
    beside.linked('met', { route: 'relayed', address: RELAYED })
    expect(beside.has({ node: 'met', addresses: [at('192.168.1.7'), RELAYED] })).toBe(false)
    beside.linked('routed', { route: 'direct', address: at('192.168.1.200') })
    expect(beside.has({ node: 'x', addresses: [at('192.168.1.8')] })).toBe(false)
  })

  it('is nobody after our network changed, and takes no more room than it may', () => {
    const beside = met()
    beside.clear()
    expect(beside.has({ node: 'met', addresses: [at('192.168.1.7')] })).toBe(false)
    for (let i = 0; i < 2 * limits.besideMembers; i++)
      beside.linked(`n${i}`, { route: 'lan', address: at(`10.${i >> 8}.${i & 255}.1`) })
    expect(beside.size).toBe(limits.besideMembers)
    expect(beside.has({ node: 'x', addresses: [at('10.7.255.9')] })).toBe(true)
    expect(beside.has({ node: 'x', addresses: [at('10.0.0.9')] })).toBe(false)
  })
})

describe('the network of an address', () => {
  it('is the first three numbers of IPv4, and the first four groups of IPv6', () => {
    expect(networkOf(at('192.168.1.7'))).toBe('192.168.1')
    expect(networkOf('/ip6/2001:db8:1:2:3:4:5:6/tcp/1')).toBe('2001:db8:1:2')
    expect(networkOf('/ip6/2001:db8:1:2::6/tcp/1')).toBe('2001:db8:1:2')
    expect(networkOf('/ip6/fe80::1/tcp/1')).toBe('fe80:0:0:0')
    expect(networkOf('/ip6/2001:db8::5:0:0:0:6/tcp/1')).toBe('2001:db8:0:5')
    expect(networkOf('/ip6/::1/tcp/1')).toBe('0:0:0:0')
    expect(networkOf('/dns4/pi.example.org/tcp/1')).toBe('pi.example.org')
  })
})
