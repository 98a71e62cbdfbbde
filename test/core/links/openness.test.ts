import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { agreed, disagree, Openness, presumed } from '../../../src/core/links/openness.ts'
import { reachWorld } from './reach-world.ts'

const at = (host: string, port = 31415) => `/ip4/${host}/tcp/${port}`
const sixth = '/ip6/2001:db8::7/tcp/31415'

describe('what is open', () => {
  it('is what was found once, until it was missed so often in a row', () => {
    const openness = new Openness()
    expect(openness.heard('ip4', [at('5.5.5.5')])).toBe(false)
    for (let misses = 1; misses < limits.reachMisses; misses++) {
      expect(openness.heard('ip4', [])).toBe(true)
      expect(openness.addresses).toEqual([at('5.5.5.5')])
    }
    openness.heard('ip4', [at('5.5.5.5')])
    for (let misses = 1; misses < limits.reachMisses; misses++) openness.heard('ip4', [])
    expect(openness.addresses).toEqual([at('5.5.5.5')])
    expect(openness.heard('ip4', [])).toBe(false)
    expect(openness.addresses).toEqual([])
  })

  it('is each port by itself, and each family by its own links', () => {
    const openness = new Openness()
    openness.heard('ip4', [at('5.5.5.5'), at('5.5.5.5', 443), sixth])
    expect(openness.addresses).toEqual([at('5.5.5.5'), at('5.5.5.5', 443)])
    openness.heard('ip6', [sixth])
    for (let misses = 1; misses <= limits.reachMisses; misses++) openness.heard('ip4', [at('5.5.5.5', 443)])
    expect(openness.addresses).toEqual([at('5.5.5.5', 443), sixth])
  })

  it('is only what the first test finds that comes after the addresses of this machine changed', () => {
    const openness = new Openness()
    openness.heard('ip4', [at('5.5.5.5')])
    openness.heard('ip6', [sixth])
    openness.renew()
    expect(openness.addresses).toHaveLength(2)
    openness.heard('ip4', [at('6.6.6.6')])
    openness.tested()
    expect(openness.addresses).toEqual([at('6.6.6.6')])
  })
})

describe('after a restart', () => {
  it('what was open is taken to be so where this machine has that very address, port and all', () => {
    const listening = [at('5.5.5.5'), at('192.168.1.5')]
    expect(presumed([at('5.5.5.5'), at('5.5.5.5', 443), at('7.7.7.7'), sixth], listening)).toEqual([at('5.5.5.5')])
  })
})

describe('what is open is written down', () => {
  it('when it changed, and only then', () => {
    const { reach, step, of } = reachWorld()
    const written = () => of('persist').flatMap(({ changes }) => changes)
    step(10, () => reach.reachable([at('5.5.5.5')], 10))
    step(20, () => reach.reachable([at('5.5.5.5')], 20))
    step(30, () => reach.reachable([], 30))
    expect(written()).toEqual([
      { type: 'reachable', addresses: [at('5.5.5.5')] },
      { type: 'reachable', addresses: [] },
    ])
  })
})

describe('answers', () => {
  it('that differ ask for a third, and then most of them count', () => {
    expect([disagree([['a'], ['a']]), disagree([['a'], []]), disagree([['a']])]).toEqual([false, true, false])
    expect([agreed([['a']]), agreed([['a'], []]), agreed([['a'], [], []]), agreed([['a'], ['a'], []])]).toEqual([
      ['a'],
      [],
      [],
      ['a'],
    ])
  })
})
