// A new link costs a member nothing: what it did not give or keep is known when it comes back (T18).
import { describe, expect, it } from 'vitest'
import { limits, SECOND } from '../../../src/core/limits.ts'
import { type Claims, Spent } from '../../../src/core/swarm/claims.ts'
import { Gone } from '../../../src/core/swarm/gone.ts'
import { newShare, Peer } from '../../../src/core/swarm/peers.ts'
import { Sites } from './sites.ts'
import type { Manners } from './test-node.ts'

const SCENE = { sites: 1, nodes: 2, pieces: 128, exchange: false }

const request = (asked: number, bytes: number = limits.pieceBytesMin) => {
  return { encoding: 'a', index: 0, bytes, asked, trial: true, due: 0, late: false, counted: false }
}

/** Let a request lapse. */
function owing(node: string): Peer {
  const peer = new Peer(node, 0)
  peer.lapsed(request(0), 10 * SECOND)
  return peer
}

/** A site of two with two insiders that take turns: one is linked while the other is away. */
function swapping(manners: Manners): Sites {
  const sites = new Sites(SCENE)
  const { world } = sites
  const liars = ['liar0', 'liar1']
  for (const liar of liars) world.add(liar, manners, sites.sites[0])
  const swap = ([next, other]: string[]) => {
    for (const name of sites.all) {
      if (world.node(name).links.has(other as string)) world.unlink(name, other as string)
      world.link(name, next as string)
    }
    world.queue.after(1_500, () => swap([other as string, next as string]))
  }
  swap(liars)
  return sites
}

describe('mates that take turns to be linked', () => {
  it.each<[string, Manners]>([
    ['say that they hold all', 'silent'],
    ['say that they hold all, and drip', 'drips'],
    ['claim all, and pass on all', 'claims'],
  ])('and %s cost a site of two no more than one patience each', async (_what, manners) => {
    const clean = await new Sites(SCENE).run()
    const sites = swapping(manners)
    expect(await sites.run()).toBeLessThan(clean + 2 * limits.matePatience + SECOND)
    expect(sites.copies[0]).toBeLessThan(1.05)
  })
})

describe('a member that is gone', () => {
  it('is known again when it owes something, for a time', () => {
    const gone = new Gone()
    const peer = owing('a')
    gone.add(peer, 0)
    gone.add(new Peer('honest', 0), 0)
    expect([gone.back('honest', 1), gone.back('a', limits.goneRemembered - 1)]).toEqual([undefined, peer])
    expect(gone.back('a', 1)).toBeUndefined()
    gone.add(peer, 0)
    expect(gone.back('a', limits.goneRemembered)).toBeUndefined()
  })

  it('makes way when there are many, the first of them', () => {
    const gone = new Gone()
    for (let i = 0; i <= limits.goneMembers; i++) gone.add(owing(`n${i}`), i)
    expect(gone.back('n0', 100)).toBeUndefined()
    expect(gone.back('n1', 100)).toBeDefined()
  })

  it('waits no longer for a stream than a new one when it comes back', () => {
    const gone = new Gone()
    for (const offended of [false, true]) {
      const peer = owing('a')
      peer.opened(0)
      peer.offended = offended
      peer.closed(SECOND, 0.5)
      gone.add(peer, SECOND)
      expect((gone.back('a', SECOND) as Peer).reopenAt > SECOND).toBe(false)
    }
  })

  it('is as slow as the time in which it gave nothing, all its streams together', () => {
    const peer = new Peer('a', 0)
    const [first, second] = [request(0), request(500)]
    peer.requests.push(first, second)
    peer.unawaited(first, 1_000)
    peer.unawaited(second, 1_500)
    peer.requests.length = 0
    // Of two requests at once the time counts once.
    expect([peer.slowness(9_000), peer.owes]).toEqual([1_500, true])
    peer.requests.push(request(9_000))
    expect([peer.slowness(9_200), peer.slowAt(request(9_000), 2_000)]).toEqual([1_700, 9_501])
    peer.gave(request(9_000), 200, 9_200)
    peer.requests.length = 0
    expect([peer.slowness(20_000), peer.owes]).toEqual([200, false])
  })

  it('finds the claims that it made before: each keeps nobody from a piece again', () => {
    const peer = new Peer('a', 0)
    peer.opened(0)
    peer.shares.set('x', newShare(8))
    const first = peer.shares.get('x')?.claims as Claims
    first.claim(1, 0, 50)
    first.claim(2, 0, 50, true)
    first.claim(3, 0, 50)
    first.fulfilled(3, 10)
    first.claim(4, 0, 50)
    first.drop(4)
    peer.closed(20, 0.5)
    const claims = newShare(8, peer.spent('x')).claims
    for (const index of [1, 2, 3, 4]) claims.claim(index, 30, 50)
    expect([1, 2, 3, 4].map((index) => claims.isSpent(index))).toEqual([true, false, false, true])
    const passed = newShare(8, peer.spent('x')).claims
    for (const index of [1, 2, 3]) passed.claim(index, 30, 50, true)
    expect([1, 2, 3].map((index) => passed.isSpent(index))).toEqual([true, true, false])
  })

  it('is remembered with the claims of a few encodings', () => {
    const peer = new Peer('a', 0)
    const claimed = (encoding: string) => {
      peer.opened(0)
      const share = newShare(8, peer.spent(encoding))
      share.claims.claim(0, 0, 50)
      peer.shares.set(encoding, share)
      peer.closed(10, 0.5)
    }
    for (let i = 0; i <= limits.spentClaims; i++) claimed(`x${i}`)
    expect(peer.spent('x0')).toBeUndefined()
    expect(peer.spent('x1')).toBeInstanceOf(Spent)
  })
})
