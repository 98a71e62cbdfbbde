// A link that moves to another path ends the stream of pieces over it: no fault of the peer, and a new one is opened at once.
import { describe, expect, it } from 'vitest'
import { limits, SECOND } from '../../../src/core/limits.ts'
import { Peer } from '../../../src/core/swarm/peers.ts'

function opened(): Peer {
  const peer = new Peer('p', 0)
  peer.opening(0)
  peer.opened(0)
  return peer
}

describe('the stream of pieces of a link that moves', () => {
  it('is opened anew at once, whichever is told first', () => {
    const first = opened()
    first.moved(5 * SECOND)
    first.closed(5 * SECOND + 20, 0.5)
    expect(first.reopenAt).toBe(5 * SECOND + 20)
    const last = opened()
    last.closed(5 * SECOND, 0.5)
    last.moved(5 * SECOND + 20)
    expect(last.reopenAt).toBe(5 * SECOND + 20)
  })

  it('waits as ever when it ends by itself, also some time after a move', () => {
    const peer = opened()
    peer.closed(5 * SECOND, 0.5)
    expect(peer.reopenAt).toBe(5 * SECOND + limits.pieceRestMin)
    const later = opened()
    later.moved(SECOND)
    later.closed(SECOND + limits.dialForgotten, 0.5)
    expect(later.reopenAt).toBeGreaterThan(SECOND + limits.dialForgotten)
  })
})
