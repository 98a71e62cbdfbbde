import { beforeEach, describe, expect, it } from 'vitest'
import { headOf } from '../../../src/core/trust/registers.ts'
import { announcementOf, releaseOf } from '../../fixtures/documents.ts'
import { A, B, C, delegated, TARGETS, World } from './announcing-world.ts'

let world: World
beforeEach(() => {
  world = delegated()
})

describe('T24 equivocation', () => {
  it('freezes the role, keeps both sides on disk and tells of both', () => {
    world.receive(B)
    expect(world.take('publishHead').map(({ head }) => head)).toEqual([headOf(B)])
    world.take('event')
    world.receive(A)
    expect(world.held()).toBe('acme 4 frozen')
    expect(world.announcing.current()[0]).toMatchObject({ document: A, rival: B })
    expect(world.take('publishHead').map(({ head }) => head)).toEqual([headOf(A), headOf(B)])
    expect(world.take('event').map(({ event }) => event)).toEqual([
      { type: 'equivocation', role: 'acme', epoch: 1, version: 4 },
    ])
    expect(world.announcing.vector().heads).toEqual([{ ...headOf(A), rival: B.hash }])
    expect([world.announcing.body(A.hash), world.announcing.body(B.hash)]).toEqual([A, B])
    expect(world.saved().announcements).toEqual([
      { side: 'held', announcement: A },
      { side: 'rival', announcement: B },
    ])
  })

  it.each([[[A, B, C]], [[C, B, A]], [[B, C, A]], [[C, A, B]]])(
    'with a third variant ends in one state, on disk too (%#)',
    (order) => {
      for (const document of order) world.receive(document)
      expect(world.announcing.current()[0]).toMatchObject({ document: A, rival: B, frozen: true })
      expect(world.events('equivocation')).toHaveLength(1)
      const restarted = new World({ saved: world.saved() })
      expect(restarted.announcing.current()[0]).toMatchObject({ document: A, rival: B, frozen: true })
      expect(restarted.take('persist')).toEqual([])
    },
  )

  it('ends with a higher version; the disk forgets the rival', () => {
    for (const document of [A, B, announcementOf({ version: 5 })]) world.receive(document)
    expect(world.held()).toBe('acme 5')
    expect(world.saved().announcements.map(({ side }) => side)).toEqual(['held'])
  })

  it('spreads by vectors alone', () => {
    world.receive(B)
    const other = new World().delegate(TARGETS)
    other.receive(A)
    other.receive(C)
    world.announcing.offered('other', other.announcing.vector(), world.now)
    world.settle()
    for (let asks = world.take('ask'); asks.length > 0; asks = world.take('ask')) {
      for (const ask of asks) world.reply(ask, [A, C])
      world.write()
    }
    expect(world.announcing.current()[0]).toMatchObject({ document: A, rival: B })
    other.announcing.offered('world', world.announcing.vector(), other.now)
    other.settle()
    other.answer({ world: [A, B] })
    other.write()
    expect(other.announcing.vector()).toEqual(world.announcing.vector())
  })

  it('raises the floors of paths by both sides', () => {
    const of = (counter: number) => announcementOf({ version: 4, releases: { 'acme/agent': releaseOf({ counter }) } })
    for (const order of [
      [of(3), of(7)],
      [of(7), of(3)],
    ]) {
      const fresh = new World().delegate(TARGETS)
      for (const document of order) fresh.receive(document)
      expect(fresh.counter()).toBe(7)
    }
  })
})
