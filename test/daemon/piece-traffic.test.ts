import { describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { PieceTraffic } from '../../src/daemon/piece-traffic.ts'

const traffic = () =>
  new PieceTraffic((peer) =>
    peer.startsWith('near') ? { route: 'lan', mate: true } : { route: 'punched', mate: false },
  )

describe('traffic of pieces', () => {
  it('is told of each encoding by whom it came from', () => {
    const pieces = traffic()
    pieces.received('near1', 100, 'aa')
    pieces.received('far', 20, 'aa')
    pieces.received('publisher', 3, 'aa')
    pieces.received('far', 7, 'bb')
    expect(pieces.sourcesOf('aa', new Set(['publisher']))).toEqual({ site: 100, members: 20, publisher: 3 })
    expect(pieces.sourcesOf('bb', new Set(['publisher']))).toEqual({ site: 0, members: 7, publisher: 0 })
    expect(pieces.sourcesOf('cc', new Set())).toBeUndefined()
    expect(pieces.json().from.mates.lan + pieces.json().from.others.punched).toBe(130)
  })

  it('is remembered of a bounded number of encodings', () => {
    const pieces = traffic()
    for (let i = 0; i <= limits.encodingsKept; i++) pieces.received('far', 1, `e${i}`)
    expect([pieces.sourcesOf('e0', new Set()), pieces.sourcesOf('e1', new Set())?.members]).toEqual([undefined, 1])
  })
})
