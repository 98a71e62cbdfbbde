import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { QueryResult } from '../../../src/core/events.ts'
import { Authors } from '../../../src/core/fleet/authors.ts'
import type { Row } from '../../../src/core/fleet/rows.ts'
import { limits } from '../../../src/core/limits.ts'
import { NOTHING } from '../../../src/core/protocols.ts'
import type { Membership } from '../../../src/core/trust/documents.ts'
import { membershipOf } from '../../fixtures/documents.ts'
import {
  type Ask,
  type Asker,
  asker,
  drained,
  member,
  members,
  response,
  rowOf,
  runQuery,
  ZONE,
} from './query-world.ts'

const HUNDRED = members(100)

/** Random numbers that repeat: mulberry32. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function fleet(live: number, dark: number, darkContacts = 3, seed = 1): Asker {
  const world = asker([], dice(seed))
  for (let i = 0; i < dark; i++) for (let k = 0; k < darkContacts; k++) world.know(`dark${i}-${k}`, `/a/${i}`)
  for (let i = 0; i < live; i++) world.know(`live${i}`, `/b/${i}`)
  return world
}

function answered(world: Asker, delay: number, timeout = 5_000): number {
  return runQuery(world, timeout, delay).zones.filter(({ state }) => state === 'answered').length
}

/** An operator that asks the linked member `guide` of ZONE; the question it asked is returned. */
function asking(met: readonly Membership[] = []): { world: Asker; first: Ask } {
  const world = asker(met)
  world.know('guide', ZONE)
  world.link('guide', ZONE)
  world.queries.start(1, [ZONE], 5_000, 0)
  return { world, first: only(drained(world).asks) }
}

function only<T>(items: readonly T[]): T {
  expect(items).toHaveLength(1)
  return items[0] as T
}

/** Answers the questions of a query until it ends: pages by `page`, memberships by who is in `told`. */
function converse(
  { world, first }: { world: Asker; first: Ask },
  page: (after: string | undefined, count: number) => ReturnType<typeof response>,
  told: readonly Membership[] = [],
): { result: QueryResult; pages: number; questions: number } {
  let [pages, questions] = [0, 0]
  for (let ask: Ask | undefined = first; ; ) {
    if (ask.protocol === 'query') world.queries.answered(ask.ticket, 'guide', page(ask.body.after, pages++), 1)
    else if (ask.protocol === 'sync' && ask.body.type === 'memberships') {
      const { ids } = ask.body
      expect(ids.length).toBeLessThanOrEqual(limits.syncMemberships)
      const memberships = told.filter(({ id }) => ids.includes(id))
      questions += 1
      world.queries.introduced(ask.ticket, { ...NOTHING, memberships }, 1)
    }
    const { asks, done } = drained(world)
    if (done !== undefined) return { result: done, pages, questions }
    ask = only(asks)
  }
}

const zoneOf = (result: QueryResult) => only(result.zones)

describe('a query of a fleet with dark zones', () => {
  it('is answered by every live zone: 30 live and 16 dark ones named before them, nobody linked', () => {
    expect(answered(fleet(30, 16), 20)).toBe(30)
  })

  it('is answered by 360 live zones beside 40 dark ones', () => {
    expect(answered(fleet(360, 40), 0)).toBe(360)
    expect(answered(fleet(360, 40), 20)).toBe(360)
  })

  it('is answered by the live zones whatever the order and the dice', () => {
    const worlds = fc.record({
      live: fc.nat(60),
      dark: fc.nat(48),
      contacts: fc.integer({ min: 1, max: 3 }),
      seed: fc.nat(),
    })
    fc.assert(
      fc.property(worlds, ({ live, dark, contacts, seed }) => {
        fc.pre(live + dark > 0)
        expect(answered(fleet(live, dark, contacts, seed), 20)).toBe(live)
      }),
      { numRuns: 40 },
    )
  })

  it('asks who is linked at once, beyond the slots for dials', () => {
    const world = fleet(40, 48)
    for (let i = 0; i < 40; i++) world.link(`live${i}`, `/b/${i}`)
    world.queries.start(1, undefined, 5_000, 0)
    expect(drained(world).asks).toHaveLength(40)
    expect(world.dialled).toHaveLength(limits.queryZonesAtOnce)
  })

  it('dials first whom it has heard itself: invented zones wait', () => {
    const world = fleet(0, 48, 1)
    for (let i = 0; i < 10; i++)
      world.book.firstHand(`met${i}`, `/z/${i}`, { addresses: ['/ip4/10.0.0.1/tcp/1'], serves: true }, 0)
    world.queries.start(1, undefined, 5_000, 0)
    expect(world.dialled.slice(0, 10).every((node) => node.startsWith('met'))).toBe(true)
    expect(world.dialled).toHaveLength(limits.queryZonesAtOnce)
  })

  it('does not dial in order of name among equals', () => {
    const first = (seed: number) => {
      const world = fleet(0, 100, 1, seed)
      world.queries.start(1, undefined, 5_000, 0)
      return world.dialled[0]
    }
    expect(new Set([1, 2, 3, 4, 5, 6].map(first)).size).toBeGreaterThan(1)
  })

  it('never has more dials under way than fit, and goes on when they end', () => {
    const world = fleet(0, 400)
    const { dials } = runQuery(world, 5_000, 20)
    expect(dials).toBe(limits.queryDialsAtOnce)
    const longer = runQuery(fleet(0, 400), 30_000, 20)
    expect(longer.dials).toBeGreaterThan(limits.queryDialsAtOnce)
  })

  it('takes a dial without any outcome for failed when its time is over', () => {
    const world = fleet(0, 400)
    world.queries.start(1, undefined, 12_000, 0)
    const times: number[] = []
    for (let at = world.queries.deadline(); at !== undefined; at = world.queries.deadline()) {
      const before = world.dialled.length
      world.queries.check(at)
      if (world.dialled.length > before) times.push(at)
    }
    expect(times).toEqual([3_000, 6_000, 9_000, limits.dialTimeout])
    expect(drained(world).done?.zones).toHaveLength(400)
  })

  it('tries the next contact after a hedge, and still hears the first', () => {
    const world = fleet(0, 1)
    world.queries.start(1, undefined, 4_000, 0)
    const [early] = world.dialled
    world.queries.check(1_000)
    expect(world.dialled).toHaveLength(2)
    world.link(early as string, '/a/0')
    world.queries.linked(early as string)
    const { ticket } = only(drained(world).asks)
    world.queries.answered(ticket, early as string, response([]), 1_100)
    expect(zoneOf(drained(world).done as QueryResult)).toMatchObject({ state: 'answered', by: early })
  })

  it('goes on at once when a contact cannot be dialled, and ends when none is left', () => {
    const world = fleet(0, 1)
    world.queries.start(1, undefined, 4_000, 0)
    for (const count of [1, 2, 3]) {
      expect(world.dialled).toHaveLength(count)
      world.queries.lost(world.dialled[count - 1] as string, 10)
    }
    expect(zoneOf(drained(world).done as QueryResult)).toMatchObject({ state: 'silent', membersKnown: 3 })
    expect(world.queries.deadline()).toBeUndefined()
  })

  it('says so when nobody of a zone is known', () => {
    const world = asker()
    world.queries.start(1, ['/nowhere'], 5_000, 0)
    expect(zoneOf(drained(world).done as QueryResult)).toMatchObject({ state: 'silent', membersKnown: 0 })
  })

  it('answers in order of zone', () => {
    const { zones } = runQuery(fleet(30, 3), 5_000, 20)
    expect(zones.map(({ zone }) => zone)).toEqual(zones.map(({ zone }) => zone).sort())
  })
})

describe('an answer (clause ANSWERS 3)', () => {
  const rows = HUNDRED.map((author) => rowOf(author))

  it('is complete when all rows and their authors are here', () => {
    const { result, pages } = converse(asking(HUNDRED), () => response(rows))
    expect(zoneOf(result)).toMatchObject({ state: 'answered', by: 'guide', rows, partial: false })
    expect(pages).toBe(1)
    expect(result.memberships.size).toBe(100)
  })

  it('counts a node once, however often it is told', () => {
    const [row] = rows as [Row]
    const { result } = converse(asking(HUNDRED), () => response([row, row, row], { counts: response([row]).counts }))
    expect(zoneOf(result)).toMatchObject({ rows: [row], partial: true })
  })

  it('that counts more than a view holds is not believed', () => {
    const counts = { up: limits.viewNodes, late: 1, down: 0, left: 0 }
    const { result } = converse(asking(HUNDRED), () => response(rows, { counts }))
    expect(zoneOf(result)).toMatchObject({ state: 'silent', counts: undefined, rows: [] })
  })

  it('with fewer rows than it counts is partial', () => {
    const { counts } = response(rows)
    const { result } = converse(asking(HUNDRED), () => response(rows.slice(1), { counts }))
    expect(zoneOf(result)).toMatchObject({ counts, partial: true })
  })

  it('from a member of another zone is not heard', () => {
    const { world, first } = asking(HUNDRED)
    world.link('guide', '/other')
    const { result } = converse({ world, first }, () => response(rows))
    expect(zoneOf(result).state).toBe('silent')
  })

  it('leaves out rows that their author did not sign, or of another zone', () => {
    const elsewhere = membershipOf({ node: 'else', claims: { zone: '/other' } })
    const told = [rowOf(HUNDRED[0] as Membership, false), rows[1] as Row, rowOf(elsewhere)]
    const sorted = told.sort((a, b) => (a.node < b.node ? -1 : 1))
    const { result } = converse(asking([...HUNDRED, elsewhere]), () => response(sorted))
    expect(zoneOf(result)).toMatchObject({ rows: [rows[1]], partial: true })
  })

  it('is read page by page', () => {
    const page = (after: string | undefined) => {
      const rest = rows.filter(({ node }) => after === undefined || node > after)
      return response(rest.slice(0, 30), { more: rest.length > 30, counts: response(rows).counts })
    }
    const { result, pages } = converse(asking(HUNDRED), page)
    expect(zoneOf(result)).toMatchObject({ rows, partial: false })
    expect(pages).toBe(4)
  })

  it('that repeats its page ends the reading', () => {
    const bad = rowOf(HUNDRED[0] as Membership, false)
    const { result, pages } = converse(asking(HUNDRED), () => response([bad], { more: true }))
    expect(pages).toBe(2)
    expect(zoneOf(result)).toMatchObject({ rows: [], partial: true })
  })

  it('is read for as many pages as a full view has', () => {
    const { result, pages } = converse(asking(HUNDRED), (_, count) => response([rows[count] as Row], { more: true }))
    expect(pages).toBe(Math.ceil(limits.viewNodes / limits.queryRows))
    expect(zoneOf(result).partial).toBe(true)
  })

  it('with more to come but no row is partial', () => {
    const { result, pages } = converse(asking(HUNDRED), () => response([], { more: true }))
    expect(pages).toBe(1)
    expect(zoneOf(result)).toMatchObject({ state: 'answered', partial: true })
  })

  it('whose second page is refused ends at once, with the rows of the first', () => {
    const page = (_: unknown, count: number) =>
      count === 0 ? response(rows.slice(0, 50), { more: true }) : response([], { refused: 'otherZone' })
    const { result } = converse(asking(HUNDRED), page)
    expect(zoneOf(result)).toMatchObject({ rows: rows.slice(0, 50), partial: true })
  })

  it('whose link ends half-way ends at once, with the rows so far', () => {
    const { world, first } = asking(HUNDRED)
    world.queries.answered(first.ticket, 'guide', response(rows.slice(0, 50), { more: true }), 1)
    world.queries.lost('guide', 2)
    expect(zoneOf(drained(world).done as QueryResult)).toMatchObject({ rows: rows.slice(0, 50), partial: true })
  })

  it('of a contact whose link ended before it is not heard: its next page could not come', () => {
    const world = asker(HUNDRED)
    for (const node of ['guide', 'other']) world.know(node, ZONE)
    world.link('guide', ZONE)
    world.queries.start(1, [ZONE], 5_000, 0)
    const { ticket } = only(drained(world).asks)
    world.linked.delete('guide')
    world.queries.lost('guide', 1)
    expect(world.dialled).toEqual(['other'])
    expect(world.queries.answered(ticket, 'guide', response(rows), 2)).toBe(true)
    expect(drained(world).effects).toEqual([])
  })

  it('that comes after the end is nobody else’s either', () => {
    const { world, first } = asking(HUNDRED)
    world.queries.check(5_000)
    expect(zoneOf(drained(world).done as QueryResult).state).toBe('silent')
    expect(world.queries.answered(first.ticket, 'guide', response(rows), 5_001)).toBe(true)
    expect(world.queries.answered(first.ticket, 'guide', response(rows), 5_002)).toBe(false)
    expect(drained(world).effects).toEqual([])
  })
})

describe('authors of rows', () => {
  const rows = HUNDRED.map((author) => rowOf(author))

  it('are asked for until all are known, and then kept: a zone of 100 is whole at the first query', () => {
    const conversation = asking()
    const { result, questions } = converse(conversation, () => response(rows), HUNDRED)
    expect(zoneOf(result).partial).toBe(false)
    expect(new Set(zoneOf(result).rows)).toEqual(new Set(rows))
    expect(result.memberships).toEqual(new Map(HUNDRED.map((membership) => [membership.id, membership])))
    expect(questions).toBe(4)
    const { world } = conversation
    world.queries.start(2, [ZONE], 5_000, 10)
    const again = converse({ world, first: only(drained(world).asks) }, () => response(rows), HUNDRED)
    expect(again.questions).toBe(0)
    expect(again.result.memberships.size).toBe(100)
  })

  it('are never written to disk because of a query', () => {
    const { world, first } = asking()
    world.queries.answered(first.ticket, 'guide', response(rows.slice(0, 10)), 1)
    const question = only(drained(world).asks)
    world.queries.introduced(question.ticket, { ...NOTHING, memberships: HUNDRED.slice(0, 10) }, 2)
    expect(drained(world).effects.map(({ type }) => type)).toEqual(['queryDone'])
  })

  it('who are told one at a time are all told in the end', () => {
    const { world, first } = asking()
    world.queries.answered(first.ticket, 'guide', response(rows), 1)
    for (let told = 0; ; told++) {
      const { asks, done } = drained(world)
      if (done !== undefined) {
        expect(told).toBe(100)
        expect(zoneOf(done)).toMatchObject({ partial: false })
        return
      }
      const { ticket, body } = only(asks) as Extract<Ask, { protocol: 'sync' }>
      const [id] = body.type === 'memberships' ? body.ids : []
      const memberships = HUNDRED.filter((membership) => membership.id === id)
      world.queries.introduced(ticket, { ...NOTHING, memberships }, 1)
    }
  })

  it('whom the other side does not know keep nobody else from being asked for', () => {
    const told = HUNDRED.filter((_, index) => index % 2 === 0)
    const { result } = converse(asking(), () => response(rows), told)
    expect(zoneOf(result)).toMatchObject({ partial: true })
    expect(zoneOf(result).rows).toHaveLength(told.length)
  })

  it('of whom nobody tells are not asked for again', () => {
    const { result, questions } = converse(asking(), () => response(rows), [])
    expect(questions).toBe(1)
    expect(zoneOf(result)).toMatchObject({ rows: [], partial: true })
  })

  it('whose membership does not hold, or was not asked for, are left out', () => {
    const bad = membershipOf({ node: 'bad', claims: { name: 'bad' } })
    const { world, first } = asking()
    world.queries.answered(first.ticket, 'guide', response([rowOf(bad)]), 1)
    const question = only(drained(world).asks)
    world.queries.introduced(question.ticket, { ...NOTHING, memberships: [bad, member('stranger')] }, 1)
    const result = drained(world).done as QueryResult
    expect(zoneOf(result)).toMatchObject({ rows: [], partial: true })
    expect(result.memberships.size).toBe(0)
  })

  it('are asked for anew under a new root', () => {
    const conversation = asking()
    converse(conversation, () => response(rows.slice(0, 5)), HUNDRED)
    const { world } = conversation
    world.self.root = { ...world.self.root }
    world.queries.start(2, [ZONE], 5_000, 10)
    const again = converse({ world, first: only(drained(world).asks) }, () => response(rows.slice(0, 5)), HUNDRED)
    expect(again.questions).toBe(1)
  })

  it('are kept within a bound: who was not read about for longest is forgotten', () => {
    const { self } = asker()
    const authors = new Authors(self, { byId: () => undefined }, { problemOf: () => undefined })
    const [known] = HUNDRED as [Membership]
    const id = (i: number) => `id${i}`
    for (let i = 0; i < limits.queryMemberships; i++) authors.learn({ ...known, id: id(i) }, 0)
    expect(authors.get(id(0))?.id).toBe(id(0))
    authors.learn({ ...known, id: 'new' }, 0)
    expect(authors.size).toBe(limits.queryMemberships)
    expect([id(0), id(1), 'new'].map((each) => authors.get(each) !== undefined)).toEqual([true, false, true])
  })
})
