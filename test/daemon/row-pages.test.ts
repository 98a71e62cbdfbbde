// Questions for rows: which rows, in which order, a page at a time, and how complete.
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { RowPages } from '../../src/daemon/row-pages.ts'
import { resultOf, type Wish } from './rows.ts'

const temp = (name: string, value: number | null, some: Partial<Wish> = {}): Wish => ({
  ...{ name, metrics: { node_thermal_zone_temp: value } },
  ...some,
})
const FLEET = [
  temp('c', 50, { zone: '/uk/b' }),
  temp('b', 72, { status: 'down' }),
  temp('a', null),
  temp('d', 72.5, { status: 'late' }),
]
const DARK = Array.from({ length: 40 }, (_, at) => `/nl/dark${String(at).padStart(2, '0')}`)
const ALL = { zones: undefined, timeoutMs: 5_000 }

function pages(wishes: readonly Wish[] = FLEET, dark: readonly string[] = [], inFleet?: number) {
  const asked: (readonly string[] | undefined)[] = []
  const rows = new RowPages(
    async (zones) => {
      asked.push(zones)
      return resultOf(wishes, dark)
    },
    () => new Map(),
    () => inFleet,
  )
  const names = async (query: Partial<Parameters<RowPages['answer']>[0]>) =>
    (await rows.answer({ ...ALL, ...query })).nodes.map(({ name }) => name)
  return { rows, asked, names }
}

describe('rows', () => {
  it('come by zone and name', async () => {
    expect(await pages().names({})).toEqual(['a', 'b', 'd', 'c'])
  })

  it('come the largest first by a metric, texts from a on, the worst status first; who has no value is last either way', async () => {
    const { names } = pages()
    expect(await names({ sortBy: { by: 'cpu_temp', order: undefined } })).toEqual(['d', 'b', 'c', 'a'])
    expect(await names({ sortBy: { by: 'cpu_temp', order: 'asc' } })).toEqual(['c', 'b', 'd', 'a'])
    expect(await names({ sortBy: { by: 'node_thermal_zone_temp', order: undefined } })).toEqual(['d', 'b', 'c', 'a'])
    expect(await names({ sortBy: { by: 'name', order: undefined } })).toEqual(['a', 'b', 'c', 'd'])
    expect(await names({ sortBy: { by: 'status', order: undefined } })).toEqual(['b', 'd', 'a', 'c'])
  })

  it('are those for which a condition holds, and the answer says of how many', async () => {
    const { nodes, page, completeness } = await pages().rows.answer({ ...ALL, where: 'cpu_temp > 70' })
    expect(nodes.map(({ name }) => name)).toEqual(['b', 'd'])
    expect(page).toMatchObject({ at: 0, of: 2, next: null })
    expect(completeness).toMatchObject({ nodes: { up: 2, late: 1, down: 1, left: 0 }, complete: true })
  })

  it('are not all when the fleet has more zones than the address book, which is who was asked', async () => {
    const { rows } = pages(FLEET, [], 400)
    const answer = await rows.answer({ ...ALL, limit: 1 })
    expect(answer.completeness).toMatchObject({ zonesKnown: 400, complete: false })
    const next = await rows.answer({ ...ALL, answer: answer.page?.answer as string, at: 1 })
    expect(next.completeness).toMatchObject({ zonesKnown: 400, complete: false })
    const named = await rows.answer({ ...ALL, zones: ['/uk/b'] })
    expect(named.completeness).toMatchObject({ complete: true })
    expect((await pages(FLEET, [], 2).rows.answer(ALL)).completeness.complete).toBe(true)
  })

  it('have their metrics by short names with units', async () => {
    const { nodes, units } = await pages().rows.answer(ALL)
    expect(nodes.map(({ measures }) => measures?.cpu_temp)).toEqual([null, 72, 72.5, 50])
    expect([units?.cpu_temp, units?.mem_available, units?.cpu_busy]).toEqual(['degC', 'share', undefined])
  })

  it('name the first 16 zones that are dark, and count all (D4)', async () => {
    const { completeness, zones } = await pages(FLEET, DARK).rows.answer(ALL)
    expect(completeness).toMatchObject({ zonesAnswered: 2, zonesKnown: 42, dark: 40, complete: false })
    expect(completeness.darkZones).toEqual(DARK.slice(0, 16))
    expect(zones.filter(({ state }) => state === 'silent')).toHaveLength(40)
  })

  it.each([
    [
      { sortBy: { by: 'cpu_tmp', order: undefined } },
      'E_METRIC',
      /no metric or column "cpu_tmp": did you mean "cpu_temp"\?/,
    ],
    [{ sortBy: { by: 'cpu_busy', order: undefined } }, 'E_METRIC', /"cpu_busy" is what counters grow by/],
    [{ columns: ['name', 'zome'] }, 'E_METRIC', /did you mean "zone"\?/],
    [{ where: 'cpu_temp >' }, 'E_SELECTOR', /ends too early/],
  ])('are not asked for when the question is wrong (%#)', async (query, code, message) => {
    const { rows, asked } = pages()
    const refused = rows.answer({ ...ALL, ...query })
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
    expect(asked).toEqual([])
  })
})

describe('pages', () => {
  it('are of one answer: nobody is asked anew, and each row comes once', async () => {
    const { rows, asked } = pages()
    const first = await rows.answer({ ...ALL, limit: 3 })
    expect([first.nodes.length, first.page?.next]).toEqual([3, 3])
    const last = await rows.answer({ ...ALL, answer: first.page?.answer as string, at: 3, limit: 3 })
    expect([last.nodes.map(({ name }) => name), last.page?.next]).toEqual([['c'], null])
    expect(asked).toHaveLength(1)
    const again = rows.answer({ ...ALL, answer: first.page?.answer as string, at: 3 })
    await expect(again).rejects.toMatchObject({ code: 'E_USAGE', message: expect.stringMatching(/not kept any more/) })
  })

  it('are kept of few answers', async () => {
    const { rows } = pages()
    const answers: string[] = []
    for (let i = 0; i <= limits.apiAnswersKept; i++)
      answers.push((await rows.answer({ ...ALL, limit: 1 })).page?.answer as string)
    await expect(rows.answer({ ...ALL, answer: answers[0] as string })).rejects.toMatchObject({ code: 'E_USAGE' })
    expect((await rows.answer({ ...ALL, answer: answers[1] as string })).nodes).toHaveLength(4)
  })

  it('past the end are empty', async () => {
    expect(await pages().names({ limit: 2, at: 10 })).toEqual([])
  })
})

describe('many rows', () => {
  it('are judged and ordered in slices, between which the loop goes on', async () => {
    const many = Array.from({ length: 4 * limits.apiRowsAtOnce }, (_, at) => temp(`n${at}`, at % 90))
    let turns = 0
    let done = false
    const counting = (async () => {
      while (!done) {
        await turn()
        turns += 1
      }
    })()
    const { page } = await pages(many).rows.answer({
      ...{ ...ALL, where: 'cpu_temp > 10', limit: 10 },
      sortBy: { by: 'cpu_temp', order: undefined },
    })
    done = true
    await counting
    expect(page?.of).toBeGreaterThan(limits.apiRowsAtOnce)
    expect(turns).toBeGreaterThanOrEqual(6)
  })
})
