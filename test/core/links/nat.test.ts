import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { Nat } from '../../../src/core/links/nat.ts'

const OWN = ['/ip4/192.168.1.5/tcp/31415']

describe('what our NAT does', () => {
  it('is unknown until members at two hosts told', () => {
    const nat = new Nat()
    expect(nat.kind(OWN)).toBe('unknown')
    nat.observed('a', '5.5.5.5', '/ip4/80.1.1.1/tcp/1024')
    nat.observed('b', '5.5.5.5', '/ip4/80.1.1.1/tcp/1024')
    expect(nat.kind(OWN)).toBe('unknown')
    nat.observed('c', '6.6.6.6', '/ip4/80.1.1.1/tcp/1024')
    expect([nat.kind(OWN), nat.addresses]).toEqual(['plain', ['/ip4/80.1.1.1/tcp/1024']])
  })

  it('is random when they see two ports', () => {
    const nat = new Nat()
    nat.observed('a', '5.5.5.5', '/ip4/80.1.1.1/tcp/1024')
    nat.observed('b', '6.6.6.6', '/ip4/80.1.1.1/tcp/1025')
    expect(nat.kind(OWN)).toBe('random')
  })

  it('is nothing when they see an address of this machine', () => {
    const nat = new Nat()
    nat.observed('a', '5.5.5.5', '/ip4/192.168.1.5/tcp/40000')
    expect(nat.kind(OWN)).toBe('none')
  })

  it('is told by the newest WAN address alone, and by who is linked', () => {
    const nat = new Nat()
    nat.observed('a', '5.5.5.5', '/ip4/80.1.1.1/tcp/1024')
    nat.observed('b', '6.6.6.6', '/ip4/80.1.1.1/tcp/1024')
    nat.observed('a', '5.5.5.5', '/ip4/81.2.2.2/tcp/2048')
    expect(nat.kind(OWN)).toBe('unknown')
    nat.observed('b', '6.6.6.6', '/ip4/81.2.2.2/tcp/2048')
    expect(nat.kind(OWN)).toBe('plain')
    nat.forget('a')
    nat.forget('b')
    expect(nat.kind(OWN)).toBe('unknown')
    nat.clear()
    expect(nat.addresses).toEqual([])
  })

  it('stays what two told while one of them is left who sees the same host', () => {
    const nat = new Nat()
    nat.observed('a', '5.5.5.5', '/ip4/80.1.1.1/tcp/1024')
    nat.observed('b', '6.6.6.6', '/ip4/80.1.1.1/tcp/1024')
    expect(nat.kind(OWN)).toBe('plain')
    nat.forget('b')
    expect(nat.kind(OWN)).toBe('plain')
    nat.observed('a', '5.5.5.5', '/ip4/81.2.2.2/tcp/1024')
    expect(nat.kind(OWN)).toBe('unknown')
  })

  it('is not what one liar says, of port, host or machine, while two others agree', () => {
    for (const lie of ['/ip4/80.1.1.1/tcp/7', '/ip4/9.9.9.9/tcp/1024', OWN[0] as string]) {
      const nat = new Nat()
      nat.observed('a', '5.5.5.5', '/ip4/80.1.1.1/tcp/1024')
      nat.observed('b', '6.6.6.6', '/ip4/80.1.1.1/tcp/1024')
      nat.observed('liar', '7.7.7.7', lie)
      expect(nat.kind(OWN)).toBe('plain')
    }
  })

  it('goes by IPv4 where there is any, and remembers so many members', () => {
    const nat = new Nat()
    for (let i = 0; i < 3 * limits.natSights; i++) nat.observed(`p${i}`, `${i}`, `/ip6/2001:db8::${i}/tcp/1`)
    expect(nat.addresses.length).toBe(1)
    nat.observed('a', '5.5.5.5', '/ip4/80.1.1.1/tcp/1024')
    nat.observed('z', '2001:db8::9', '/ip6/2001:db8::5/tcp/1')
    expect(nat.addresses).toEqual(['/ip4/80.1.1.1/tcp/1024'])
  })
})
