import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { Bans } from '../../../src/core/swarm/bans.ts'

describe('bans', () => {
  it('begin with the second bad piece and end in time', () => {
    const bans = new Bans()
    expect(bans.add('a', 0)).toBe(false)
    expect([bans.isSuspect('a', 1), bans.isBanned('a', 1)]).toEqual([true, false])
    expect(bans.add('a', 1)).toBe(true)
    expect(bans.isBanned('a', limits.banTime)).toBe(true)
    expect(bans.isBanned('a', 1 + limits.banTime)).toBe(false)
    expect(bans.isSuspect('b', 0)).toBe(false)
  })

  it('are bounded, and suspects go before the banned', () => {
    const bans = new Bans()
    bans.add('worst', 0)
    bans.add('worst', 0)
    for (let i = 0; i < 2 * limits.bannedPeers; i++) bans.add(`suspect${i}`, i)
    expect(bans.size).toBe(limits.bannedPeers)
    expect(bans.isBanned('worst', 1_000)).toBe(true)
  })
})
