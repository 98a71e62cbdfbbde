import { describe, expect, it } from 'vitest'
import { PieceTraffic } from '../../src/daemon/piece-traffic.ts'

const traffic = () =>
  new PieceTraffic((peer) =>
    peer.startsWith('near') ? { route: 'lan', mate: true } : { route: 'punched', mate: false },
  )

describe('traffic of pieces', () => {
  it('is told by how the link went, and whether it was of our zone', () => {
    const pieces = traffic()
    pieces.received('near1', 100)
    pieces.received('far', 20)
    pieces.received('far', 7)
    pieces.sent('near1', 3)
    const { from, to } = pieces.json()
    expect([from.mates.lan, from.others.punched, to.mates.lan, to.others.punched]).toEqual([100, 27, 3, 0])
  })
})
