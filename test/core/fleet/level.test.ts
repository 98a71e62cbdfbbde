// One inner zone as who listens to it knows it (clause DIGEST 6): one digest a child, dark ones in no count and still named.
import { describe, expect, it } from 'vitest'
import { Level } from '../../../src/core/fleet/level.ts'
import { Places } from '../../../src/core/fleet/reporters.ts'
import { limits } from '../../../src/core/limits.ts'
import { D, DAY_0, digest, figuresOf, sha256, spoken } from './reporter-world.ts'

const places = () => new Places({ sha256 })
const level = () => new Level('/uk', 'dig/uk', places(), 0)

describe('the digest of a child', () => {
  it('is that of whoever stands first among those who speak, however they came', () => {
    const [first, second] = places().order('/uk/a', DAY_0, ['x', 'y']) as [string, string]
    for (const order of [
      [first, second],
      [second, first],
    ]) {
      const uk = level()
      for (const by of order) uk.take(spoken(by, digest('/uk/a', by === first ? 5 : 6), 0), DAY_0, 0)
      expect(uk.speaker('/uk/a', DAY_0, 0)?.by).toBe(first)
      expect(uk.whole(DAY_0, 0).figures.counts.up).toBe(5)
    }
  })

  it('is that of the next one once the first is silent', () => {
    const [first, second] = places().order('/uk/a', DAY_0, ['x', 'y']) as [string, string]
    const uk = level()
    uk.take(spoken(first, digest('/uk/a', 5), 0), DAY_0, 0)
    const later = limits.darkAfterPromises * D
    uk.take(spoken(second, digest('/uk/a', 6), later), DAY_0, later)
    expect(uk.speaker('/uk/a', DAY_0, later + 1)?.by).toBe(second)
  })

  it('is that of whoever stands first today, though yesterday another did', () => {
    const uk = level()
    for (const by of ['x', 'y']) uk.take(spoken(by, digest('/uk/a', 5), 0), DAY_0, 0)
    const days = Array.from({ length: 20 }, (_, at) => DAY_0 + at)
    for (const day of days) expect(uk.speaker('/uk/a', day, 0)?.by).toBe(places().order('/uk/a', day, ['x', 'y'])[0])
  })

  it('is kept of the first few who speak, and of who is believed before others', () => {
    const names = Array.from({ length: 10 }, (_, at) => `n${at}`)
    const ordered = places().order('/uk/a', DAY_0, names)
    const heard = (liars: readonly string[]) => {
      const uk = new Level('/uk', 'dig/uk', places(), 0, { isBelieved: (node) => !liars.includes(node) })
      for (const by of names) uk.take(spoken(by, digest('/uk/a', 5), 0), DAY_0, 0)
      return uk.voices('/uk/a', 0).map(({ by }) => by)
    }
    expect(heard([])).toEqual(ordered.slice(0, limits.digestSpeakers))
    expect(heard(ordered.slice(0, 5))).toEqual(ordered.slice(5, 5 + limits.digestSpeakers))
  })

  it('replaces an older one of the same reporter only', () => {
    const uk = level()
    uk.take(spoken('x', digest('/uk/a', 5, { counter: 7 }), 0), DAY_0, 0)
    const standing = (by: string, counter: number, at = D) =>
      uk.standing(by, digest('/uk/a', 5, { counter }), D / 6, at)
    expect([standing('x', 7), standing('x', 6), standing('x', 8), standing('x', 8, 1), standing('y', 1)]).toEqual([
      ...['old', 'old', 'newer', 'tooOften', 'newer'],
    ])
  })
})

describe('a child of which nobody speaks', () => {
  it('is in no count and is counted dark, with all zones that it had', () => {
    const uk = level()
    uk.take(spoken('x', digest('/uk/a', 5), 0), DAY_0, 0)
    const inner = digest('/uk/b', 40, {
      leaf: false,
      figures: figuresOf(40, { zones: 4, dark: 1, darkZones: ['/uk/b/z'] }),
    })
    uk.take(spoken('y', inner, 0), DAY_0, 0)
    expect(uk.whole(DAY_0, 0).figures).toMatchObject({ zones: 5, dark: 1, counts: { up: 45 } })
    const later = limits.darkAfterPromises * D + 1
    uk.take(spoken('x', digest('/uk/a', 4, { counter: 2 }), later), DAY_0, later)
    const { figures } = uk.whole(DAY_0, later)
    expect(figures).toMatchObject({ zones: 1, dark: 5, darkZones: ['/uk/b'], counts: { up: 4 } })
    expect(uk.children(DAY_0, later).map(({ zone, dark }) => [zone, dark])).toEqual([
      ['/uk/a', false],
      ['/uk/b', true],
    ])
  })

  it('is known from an earlier run by name, and forgotten after a month', () => {
    const uk = level()
    uk.restore('/uk/c', true, -1)
    expect(uk.whole(DAY_0, 0).figures).toMatchObject({ zones: 0, dark: 1, darkZones: ['/uk/c'] })
    uk.forget(limits.zoneKeptFor)
    expect(uk.size).toBe(0)
  })
})

it('tells of the age of the oldest part', () => {
  const uk = level()
  uk.take(spoken('x', digest('/uk/a', 5), 0), DAY_0, 0)
  uk.take(spoken('y', digest('/uk/b', 5, { leaf: false, age: 9_000 }), 1_000), DAY_0, 1_000)
  expect(uk.whole(DAY_0, 2_000).age).toBe(10_000)
})

it('speaks the slower the more children there are, and holds no more than its bound', () => {
  const uk = level()
  for (let at = 0; at < limits.zoneChildren + 50; at++) {
    const said = digest(`/uk/z${at}`, 1)
    if (uk.standing(`r${at}`, said, 0, 0) === 'newer') uk.take(spoken(`r${at}`, said, 0), DAY_0, 0)
  }
  expect(uk.size).toBe(limits.zoneChildren)
  expect(uk.standing('late', digest('/uk/late', 1), 0, 0)).toBe('full')
  expect(uk.period(D, 0)).toBe(limits.zoneChildren * limits.digestPeriodPerChild)
  // A dark child gives its place to one that lives.
  expect(uk.standing('late', digest('/uk/late', 1), 0, limits.darkAfterPromises * D + 1)).toBe('newer')
})

it('waits for who promises to speak all the time no less than for others: its zone would be told dark and back all day', () => {
  const uk = new Level('/uk', 'dig/uk', places(), 0, { least: D })
  uk.take(spoken('x', { ...digest('/uk/a', 1), promise: 1 }, 0), DAY_0, 0)
  const isDark = (now: number) => uk.children(DAY_0, now)[0]?.dark
  expect([isDark(D), isDark(limits.darkAfterPromises * D), isDark(limits.darkAfterPromises * D + 1)]).toEqual([
    ...[false, false, true],
  ])
})

it('counts a zone that is a leaf and has zones below it twice, as two children', () => {
  const root = new Level('/', 'dig/', places(), 0)
  root.take(spoken('x', digest('/uk', 3), 0), DAY_0, 0)
  root.take(spoken('y', digest('/uk', 10, { leaf: false, figures: figuresOf(10, { zones: 2 }) }), 0), DAY_0, 0)
  expect(root.whole(DAY_0, 0).figures).toMatchObject({ zones: 3, counts: { up: 13 } })
})
