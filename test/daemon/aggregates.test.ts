// Answers to questions about many nodes: which way they are found, what they promise, and how complete they are.
import { describe, expect, it } from 'vitest'
import type { Digest } from '../../src/core/fleet/digest.ts'
import { type Figures, mergeFigures, NO_FIGURES } from '../../src/core/fleet/figures.ts'
import { addValue, SKETCHED, sketchIndex } from '../../src/core/fleet/sketch.ts'
import type { FleetChild, FleetView } from '../../src/core/fleet/summary.ts'
import { answerFrom, answerFromRows, partsOf, requireRowMetrics } from '../../src/daemon/aggregates.ts'
import { rowsWanted } from '../../src/daemon/found-rows.ts'
import { parseQuestion } from '../../src/wire/question.ts'
import { resultOf, type Wish } from './rows.ts'

const called = (release8: string) => `release ${release8}`

/** A leaf zone whose nodes have these temperatures. */
function figuresOf(temperatures: readonly number[], some: Partial<Figures> = {}): Figures {
  const at = sketchIndex('cpu_temp') as number
  const sketches = SKETCHED.map((_, index) =>
    index === at ? temperatures.reduce<readonly number[]>((sketch, t) => addValue(sketch, 'cpu_temp', t), []) : [],
  )
  return { ...NO_FIGURES, zones: 1, counts: { ...NO_FIGURES.counts, up: temperatures.length }, sketches, ...some }
}

function child(zone: string, figures: Figures | undefined, leaf = true): FleetChild {
  const digest = figures === undefined ? undefined : ({ zone, leaf, figures } as Digest)
  return { zone, leaf, digest, by: undefined, age: figures && 12_000, dark: figures === undefined }
}

const A = figuresOf([40, 50, 60], { versions: [{ version: '0.1.0', count: 3 }] })
const B = figuresOf([70, 71], { counts: { up: 2, late: 0, down: 1, left: 4 } })
const ALL = mergeFigures([A, B])
const operator = (children: FleetChild[], some: Partial<FleetView> = {}): FleetView => ({
  summary: { day: 1, made: 1_000, age: 42_000, figures: { ...ALL, dark: 1, darkZones: ['/uk/c'] }, by: 'x' },
  own: undefined,
  reporters: { active: undefined, standby: undefined },
  part: 'none',
  levels: [{ zone: '/', part: 'none', period: 30_000, children }],
  ...some,
})
const VIEW = operator([child('/uk/a', A), child('/uk/b', B), child('/uk/c', undefined)])

function ask(text: string, view = VIEW, zones?: string[], own = '/') {
  const question = parseQuestion(text)
  const parts = partsOf(question, view, zones, own)
  return parts && answerFrom(question, parts, called)
}

describe('from the fleet summary', () => {
  it('come figures with the error that is promised, and how complete they are (D4)', () => {
    const answer = ask('count, p95(cpu_temp), max(cpu_temp), avg(cpu_temp)')
    expect(answer).toMatchObject({ way: 'summary', columns: [{ unit: 'nodes' }, { unit: 'degC' }, {}, {}] })
    const { figures = [], ageMs } = answer?.groups[0] ?? {}
    const within = [6, 71, 71, (40 + 50 + 60 + 70 + 71) / 5]
    for (const [at, { value, error }] of figures.entries())
      expect(Math.abs((value as number) - (within[at] as number))).toBeLessThanOrEqual(error)
    expect([figures[0]?.error, figures[1]?.error, ageMs]).toEqual([0, 1.5, 42_000])
    expect(answer?.completeness).toEqual({
      ...{ zonesAnswered: 2, zonesKnown: 3, nodes: 6, oldestMs: 42_000 },
      ...{ complete: false, dark: 1, darkZones: ['/uk/c'] },
    })
  })

  it('come counts by status and version', () => {
    const groups = (text: string) => ask(text)?.groups.map(({ group, figures }) => [group, figures[0]?.value])
    expect(groups('count by status')).toEqual(Object.entries({ up: 5, late: 0, down: 1, left: 4 }))
    expect(groups('count by version')).toEqual([['0.1.0', 3]])
  })

  it('comes nothing where only rows can say it', () => {
    for (const text of ['count where cpu_temp > 3', 'max(load5)', 'avg(node_load1)']) expect(ask(text)).toBeUndefined()
    expect(ask('count', operator([], { summary: undefined }))).toBeUndefined()
  })
})

describe('from digests', () => {
  it('come figures by zone, those of a dark one empty', () => {
    const answer = ask('max(cpu_temp) by zone')
    expect(answer?.way).toBe('digests')
    expect(answer?.groups.map(({ group, dark, nodes }) => [group, dark, nodes])).toEqual([
      ['/uk/a', false, 3],
      ['/uk/b', false, 3],
      ['/uk/c', true, 0],
    ])
    expect(answer?.completeness).toMatchObject({ zonesAnswered: 2, zonesKnown: 3, dark: 1, darkZones: ['/uk/c'] })
  })

  it('come figures of the zones that are named or match', () => {
    expect(ask('count', VIEW, ['/uk/a'])?.groups[0]?.nodes).toBe(3)
    expect(ask('count', VIEW, ['/uk/*'])).toMatchObject({ groups: [{ nodes: 6 }], completeness: { complete: false } })
    expect(ask('count', VIEW, ['/uk/zzz'])).toBeUndefined()
    const inner = operator([child('/uk', ALL, false), child('/nl', A, false)])
    expect(ask('count', inner, ['/uk'])?.groups[0]?.nodes).toBe(6)
    expect(ask('count', inner, ['/uk/*'])).toBeUndefined()
    expect(ask('count by zone', inner)?.groups.map(({ group }) => group)).toEqual(['/uk/**', '/nl/**'])
  })

  it('of our own zone are of our own view', () => {
    const plain = operator([], { own: A, levels: [] })
    expect(ask('count by zone', plain, ['/uk/a'], '/uk/a')).toMatchObject({
      groups: [{ group: '/uk/a', nodes: 3, ageMs: 0 }],
      completeness: { complete: true },
    })
    expect(ask('count by zone', plain, undefined, '/uk/a')).toBeUndefined()
  })
})

describe('from rows', () => {
  const wish = (name: string, temp: number, some: Partial<Wish> = {}): Wish => ({
    ...{ name, metrics: { node_thermal_zone_temp: temp, node_load5: 4, node_cpu_count: 4 } },
    ...some,
  })
  const FLEET = [
    ...[wish('a', 40), wish('b', 50, { age: 9_000 }), wish('c', 90, { status: 'down' })],
    ...[wish('d', 60, { zone: '/uk/b' }), wish('e', 99, { status: 'left' })],
  ]
  const from = async (text: string, dark: string[] = []) => {
    const question = parseQuestion(text)
    const { where } = question
    const result = resultOf(FLEET, dark)
    const rows = await rowsWanted({ zones: undefined, timeoutMs: 1, ...(where === undefined ? {} : { where }) })(result)
    return answerFromRows(question, { result, rows }, called)
  }

  it('come exact figures of nodes that are there, and counts of all that did not leave', async () => {
    const answer = await from(
      'count, min(cpu_temp), max(cpu_temp), avg(cpu_temp), median(cpu_temp), sum(load5), max(record_age)',
    )
    expect(answer.way).toBe('rows')
    expect(answer.groups[0]?.figures.map(({ value }) => value)).toEqual([4, 40, 60, 50, 50, 3, 9])
    expect(answer.groups[0]?.figures.every(({ error }) => error === 0)).toBe(true)
  })

  it('come groups, and what is dark', async () => {
    const answer = await from('count by zone where cpu_temp < 60', ['/nl/x'])
    expect(answer.groups.map(({ group, nodes }) => [group, nodes])).toEqual([['/uk/a', 2]])
    expect(answer.completeness).toMatchObject({
      zonesAnswered: 2,
      zonesKnown: 3,
      complete: false,
      darkZones: ['/nl/x'],
    })
    expect((await from('count by status where true')).groups.map(({ group }) => group)).toEqual(['down', 'left', 'up'])
  })

  it('comes no rate: a row has one record', () => {
    expect(() => requireRowMetrics(parseQuestion('avg(cpu_busy) where true'))).toThrow(/ask without a condition/)
    expect(() => requireRowMetrics(parseQuestion('avg(disk_written)'))).toThrow(/"pimesh history" shows it/)
    expect(() => requireRowMetrics(parseQuestion('avg(load5), count'))).not.toThrow()
  })
})
