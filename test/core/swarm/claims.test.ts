import { describe, expect, it } from 'vitest'
import { Claims } from '../../../src/core/swarm/claims.ts'

const open = (claims: Claims) => {
  const found: { index: number; since: number; due: number }[] = []
  claims.eachOpen((index, { since, due }) => found.push({ index, since, due }))
  return found
}

describe('claims', () => {
  it('tell how long it took until they were kept', () => {
    const claims = new Claims()
    expect([claims.claim(1, 100, 50), claims.claim(1, 110, 50)]).toEqual([true, false])
    expect(open(claims)).toEqual([{ index: 1, since: 100, due: 150 }])
    expect([claims.fulfilled(1, 130), claims.fulfilled(1, 140), claims.fulfilled(2, 140)]).toEqual([
      30,
      undefined,
      undefined,
    ])
  })

  it('have one deadline, however often they are taken back and made again', () => {
    const claims = new Claims()
    claims.claim(1, 0, 50)
    expect([claims.drop(1), claims.drop(1), claims.drop(2)]).toEqual([true, false, false])
    expect([open(claims), claims.missed(60)]).toEqual([[], 0])
    claims.claim(1, 60, 50)
    expect(open(claims)).toEqual([{ index: 1, since: 0, due: 50 }])
  })

  it('are missed once each', () => {
    const claims = new Claims()
    claims.claim(1, 0, 50)
    claims.claim(2, 10, 50)
    expect([claims.missed(49), claims.missed(50), claims.missed(59), claims.missed(70)]).toEqual([0, 1, 0, 1])
  })

  it('of a mate itself count although it passed on that of another before, which came to nothing', () => {
    const claims = new Claims()
    claims.claim(1, 0, 50, true)
    expect([claims.claim(1, 10, 50, true), claims.claim(1, 60, 50), claims.claim(1, 70, 50, true)]).toEqual([
      false,
      true,
      false,
    ])
    expect(open(claims)).toEqual([{ index: 1, since: 60, due: 110 }])
  })

  it('of others, passed on, are no fault of who passes them on', () => {
    const claims = new Claims()
    claims.claim(1, 0, 50, true)
    expect([claims.isOpen(1), claims.missed(60), claims.fulfilled(1, 70)]).toEqual([true, 0, undefined])
  })
})
