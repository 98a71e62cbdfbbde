// Sightings: whom a person's question "by whom is it seen" goes to, and when it is answered (clause QUERY 6).
import { describe, expect, it } from 'vitest'
import type { Effect } from '../../../src/core/events.ts'
import { type SightAnswer, Sightings } from '../../../src/core/fleet/sightings.ts'
import { limits } from '../../../src/core/limits.ts'
import { Book } from '../../../src/core/links/book.ts'
import type { Link } from '../../../src/core/links/links.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import type { QueryResponse } from '../../../src/core/protocols.ts'

const ZONE = '/uk/a'
const NODE = 'seen'

function setUp(own: { isNode: boolean; zone: string } = { isNode: false, zone: '/' }) {
  const out = new Outbox()
  const book = new Book('me', own.zone)
  const linked = new Map<string, Link>()
  const dialled: string[] = []
  const sight = (node: string) => (node === NODE || node === 'me' ? sightBy('w1', 'w2') : undefined)
  const links = {
    get: (node: string) => linked.get(node),
    wantFor: (entry: { node: string }) => void dialled.push(entry.node),
  }
  const sightings = new Sightings({ out, book, links, sight, self: { node: 'me', ...own } })
  const know = (node: string, addresses: readonly string[] = ['/ip4/10.0.0.1/tcp/1']) =>
    book.hearsay({ node, zone: ZONE, addresses, age: 0, serves: true }, 0)
  const link = (node: string, zone = ZONE) => linked.set(node, { peer: node, zone } as Link)
  const begin = (now = 0, node = NODE) => sightings.start(1, { node, zone: ZONE, timeout: 5_000 }, now)
  return { out, sightings, know, link, begin, dialled, linked }
}
type World = ReturnType<typeof setUp>

const sightBy = (...witnesses: string[]) =>
  ({ status: 'up', age: 3_000, route: 'lan', roundTrip: 0.5, witnesses }) as const
const answer = (...witnesses: string[]): QueryResponse => ({ ...NOTHING, sight: sightBy(...witnesses) })
const NOTHING: QueryResponse = {
  refused: undefined,
  counts: { up: 0, late: 0, down: 0, left: 0 },
  rows: [],
  more: false,
}

function drained({ out }: World): { asked: Map<string, number>; done: SightAnswer | undefined } {
  const effects = out.drain()
  const asks = effects.filter((effect): effect is Extract<Effect, { type: 'ask' }> => effect.type === 'ask')
  for (const { body } of asks) expect(body).toMatchObject({ zone: ZONE, want: 'sight' })
  const done = effects.find((effect) => effect.type === 'sightDone')
  return { asked: new Map(asks.map(({ peer, ticket }) => [peer, ticket])), done: done?.answer }
}

function says(world: World, peer: string, ticket: number | undefined, response: QueryResponse, now = 1): void {
  expect(world.sightings.answered(ticket as number, peer, response, now)).toBe(true)
}

describe('by whom a node is seen', () => {
  it('a linked member names its witnesses, they are asked at once, and all of them have to answer', () => {
    const world = setUp()
    for (const node of ['stranger', 'guide', 'w1', 'w2']) world.know(node)
    for (const node of ['guide', 'w1']) world.link(node)
    world.begin()
    const first = drained(world).asked
    expect([...first.keys()]).toEqual(['guide'])
    says(world, 'guide', first.get('guide'), answer('w1', 'w2'))
    const second = drained(world)
    expect([[...second.asked.keys()], world.dialled]).toEqual([['w1'], ['w2']])
    says(world, 'w1', second.asked.get('w1'), answer('w1', 'w2'))
    expect(drained(world).done).toBeUndefined()
    world.link('w2')
    world.sightings.linked('w2')
    says(world, 'w2', drained(world).asked.get('w2'), answer('w1', 'w2'))
    expect(drained(world).done).toEqual({
      witnesses: ['w1', 'w2'],
      named: true,
      sightings: ['guide', 'w1', 'w2'].map((by) => ({ by, sight: sightBy('w1', 'w2') })),
    })
  })

  it('one that names itself alone is not taken at its word: another member is asked', () => {
    const world = setUp()
    for (const node of ['liar', 'mate', 'w1', 'w2']) {
      world.know(node)
      world.link(node)
    }
    world.begin()
    const [liar] = drained(world).asked
    const [first, ticket] = liar as [string, number]
    says(world, first, ticket, answer(first))
    const [second] = drained(world).asked
    expect(second?.[0]).not.toBe(first)
    says(world, second?.[0] as string, second?.[1], answer('w1', 'w2'))
    const { done } = drained(world)
    expect(done).toBeUndefined()
    world.sightings.check(5_000)
    expect(drained(world).done?.witnesses).toEqual(expect.arrayContaining(['w1', 'w2']))
  })

  it('dials witnesses that its own book does not have where the one who names them says', () => {
    const world = setUp()
    world.know('guide')
    world.link('guide')
    world.begin()
    const contacts = [{ node: 'w1', addresses: ['/ip4/10.0.0.3/tcp/1'] }]
    const named = { ...NOTHING, sight: { ...sightBy('w1', 'w2'), contacts } }
    says(world, 'guide', drained(world).asked.get('guide'), named)
    expect(world.dialled).toEqual(['w1'])
    world.link('w1')
    world.sightings.linked('w1')
    says(world, 'w1', drained(world).asked.get('w1'), answer('w1', 'w2'))
    expect(drained(world).done).toMatchObject({ witnesses: ['w1', 'w2'], sightings: [{ by: 'guide' }, { by: 'w1' }] })
  })

  it('a zone-mate knows the witnesses itself', () => {
    const world = setUp({ isNode: true, zone: ZONE })
    for (const node of ['w1', 'w2', 'other']) world.know(node)
    for (const node of ['w1', 'w2', 'other']) world.link(node)
    world.begin()
    expect([...drained(world).asked.keys()]).toEqual(['w1', 'w2'])
  })

  it('about itself a node asks its own witnesses, and is none of those that see it', () => {
    const world = setUp({ isNode: true, zone: ZONE })
    world.know('w1')
    world.link('w1')
    world.begin(0, 'me')
    says(world, 'w1', drained(world).asked.get('w1'), answer('w1', 'w2'))
    expect(drained(world).done).toMatchObject({ witnesses: ['w1', 'w2'], sightings: [{ by: 'w1' }] })
  })

  it('is answered at the deadline with what came: a silent witness is named and has not answered', () => {
    const world = setUp()
    for (const node of ['w1', 'w2']) {
      world.know(node)
      world.link(node)
    }
    world.begin()
    says(world, 'w1', drained(world).asked.get('w1'), answer('w1', 'w2'))
    world.sightings.check(4_999)
    expect(drained(world).done).toBeUndefined()
    expect(world.sightings.deadline()).toBe(5_000)
    world.sightings.check(5_000)
    expect(drained(world).done).toMatchObject({ witnesses: ['w1', 'w2'], sightings: [{ by: 'w1' }], named: true })
    expect([world.sightings.underway, world.sightings.deadline()]).toEqual([0, undefined])
  })

  it('who names nobody gives its turn to the next after a hedge, and at once when it fails or does not know the node', () => {
    const world = setUp()
    for (const node of ['g1', 'g2', 'g3', 'g4']) {
      world.know(node)
      world.link(node)
    }
    world.begin()
    const [first] = [...drained(world).asked.keys()]
    expect(world.sightings.deadline()).toBe(limits.sightHedge)
    world.sightings.check(limits.sightHedge)
    const beside = drained(world).asked
    expect(beside.size).toBe(1)
    world.sightings.lost(first as string, limits.sightHedge)
    const [[second, ticket]] = [...beside] as [[string, number]]
    says(world, second, ticket, NOTHING, limits.sightHedge)
    const third = drained(world).asked
    expect(third.size).toBe(1)
    for (const [peer, asked] of third) expect(world.sightings.failed(asked, peer, limits.sightHedge)).toBe(true)
    const last = drained(world).asked
    for (const [peer, asked] of last) expect(world.sightings.failed(asked, peer, limits.sightHedge)).toBe(true)
    expect(drained(world).done).toEqual({
      witnesses: [],
      named: false,
      sightings: [{ by: second, sight: undefined }],
    })
  })

  it('where nobody is fit to be a witness, a few members say how they see it, one after the other', () => {
    const world = setUp()
    for (let at = 0; at < 9; at++) {
      world.know(`g${at}`)
      world.link(`g${at}`)
    }
    world.begin()
    for (let asked = drained(world); asked.done === undefined; asked = drained(world)) {
      expect(asked.asked.size).toBe(1)
      for (const [peer, ticket] of asked.asked) says(world, peer, ticket, answer())
      if (world.sightings.underway === 0) {
        const done = drained(world).done
        expect(done).toMatchObject({ witnesses: [], named: true })
        expect(done?.sightings).toHaveLength(Math.min(limits.witnessPlaces, limits.contactsPerZone))
        return
      }
    }
  })

  it('hears members of that zone only, and no more witnesses than views may differ by', () => {
    const world = setUp()
    world.know('guide')
    world.link('guide', '/nl/b')
    world.begin()
    says(world, 'guide', drained(world).asked.get('guide'), answer('w1'))
    expect(drained(world).done).toEqual({ witnesses: [], sightings: [], named: false })

    const many = setUp()
    many.know('guide')
    many.link('guide')
    many.begin()
    const names = Array.from({ length: 9 }, (_, at) => `w${at}`)
    says(many, 'guide', drained(many).asked.get('guide'), answer(NODE, ...names))
    expect(drained(many).done?.witnesses).toEqual(names.slice(0, limits.witnessPlaces))
  })

  it('is not kept waiting by who cannot be dialled, and there are so many questions at most', () => {
    const world = setUp()
    world.know('g1', [])
    world.begin()
    expect(drained(world).done).toEqual({ witnesses: [], sightings: [], named: false })
    world.know('g2')
    for (let at = 0; at < limits.sightLooks; at++) world.begin()
    expect(drained(world).done).toBeUndefined()
    world.begin()
    expect([drained(world).done?.named, world.sightings.underway]).toEqual([false, limits.sightLooks])
  })
})
