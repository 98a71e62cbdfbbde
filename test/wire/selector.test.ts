import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
import type { Subject } from '../../src/core/rollout/subject.ts'
import { checkSelector, FACTS, matchesSelector, requireSelector } from '../../src/wire/selector.ts'

const PI: Subject = {
  node: '12D3KooWExample',
  name: 'lab3-07',
  zone: '/uk/glasgow/lab3',
  labels: { room: 'Küche', board: 'pi4' },
  model: 'Raspberry Pi 4 Model B Rev 1.4',
  os: 'Debian GNU/Linux 12 (bookworm)',
  kernel: '6.6.31+rpt-rpi-v8',
  arch: 'arm64',
  cpus: 4,
}
const BARE: Subject = { ...PI, labels: {}, model: null, os: null, kernel: null, arch: null, cpus: null }

describe('a selector (clause CEL 1)', () => {
  it.each<[string, boolean]>([
    ['true', true],
    ['false', false],
    ['model.startsWith("Raspberry Pi 4") && zone.startsWith("/uk")', true],
    ['labels.room == "Küche"', true],
    ['labels["room"] == "Küche"', true],
    ['has(labels.room) && !has(labels.rack)', true],
    ['"board" in labels && size(labels) == 2', true],
    ['zone in ["/uk/glasgow/lab1", "/uk/glasgow/lab3"]', true],
    ['cpus >= 4 && double(cpus) / 2.0 == 2.0', true],
    ['int(labels.board.contains("4") ? "4" : "5") == cpus', true],
    ['string(cpus) == "4" && arch.endsWith("64")', true],
    ['name.size() > 7', false],
    ['os.contains("bullseye") || kernel.startsWith("6.")', true],
  ])('%s', (text, matches) => {
    expect(checkSelector(text)).toBeUndefined()
    expect(matchesSelector(text, PI)).toBe(matches)
  })

  it('names every fact', () => {
    for (const fact of Object.keys(FACTS)) {
      const text = FACTS[fact as keyof Subject] === 'string' ? `${fact} == ${fact}` : `[${fact}] == [${fact}]`
      expect(checkSelector(text)).toBeUndefined()
      expect(matchesSelector(text, PI)).toBe(true)
    }
  })
})

describe('T10 a fact or label that a node does not have (clause CEL 4)', () => {
  it.each([
    'model == "x"',
    'model == model',
    '[model] == [model]',
    'string(model) == string(model)',
    'model != "x"',
    '!(model == "x")',
    'cpus < 100',
    'labels.room != "x"',
    'labels["room"] != "x"',
    '!labels.room.startsWith("x")',
    'labels.constructor == labels.constructor',
    'labels.__proto__ == labels.__proto__',
  ])('never matches: %s', (text) => {
    expect(checkSelector(text)).toBeUndefined()
    expect(matchesSelector(text, BARE)).toBe(false)
  })

  it('does not hinder what holds without it', () => {
    expect(matchesSelector('labels.room == "x" || zone.startsWith("/uk")', BARE)).toBe(true)
    expect(matchesSelector('!has(labels.room)', BARE)).toBe(true)
  })

  it('is also a number of CPUs that is none', () => {
    for (const cpus of [Number.NaN, 1.5, Number.POSITIVE_INFINITY])
      expect(matchesSelector('cpus == cpus', { ...PI, cpus })).toBe(false)
  })
})

describe('what is no selector (clause CEL 2)', () => {
  it.each([
    ['', 1, 'ends too early'],
    ['zone ==', 8, 'ends too early'],
    ['zone == "a" &&\n  (cpus > 1', 27, 'ends too early'],
    ['1 +* 2', 4, '"*" was not expected'],
    ['zone = "a"', 6, 'Unexpected character'],
    ['"abc', 1, 'Unterminated string'],
    ['zone.matches("(a+)+$")', 6, '"matches" cannot be called'],
    ['labels.exists(l, l == "a")', 8, '"exists" cannot be called'],
    ['labels.exists_one(l, l == "a")', 8, '"exists_one" cannot be called'],
    ['labels.all(l, l == "a")', 8, '"all" cannot be called'],
    ['labels.map(l, l) == []', 8, '"map" cannot be called'],
    ['labels.filter(l, l == "a") == []', 8, '"filter" cannot be called'],
    ['zone.split("/").size() > 2', 6, '"split" cannot be called'],
    ['cel.bind(x, zone, x + x) == ""', 5, '"bind" cannot be called'],
    ['startsWith(zone, "/uk")', 1, '"startsWith" cannot be called'],
    ['dyn(zone) == 1', 1, '"dyn" cannot be called'],
    ['zone == "/uk" || matches(zone, "a")', 18, '"matches" cannot be called'],
    ['{"a": 1}.a == 1', 1, 'maps, bytes'],
    ['size(b"abc") == 3', 6, 'maps, bytes'],
    ['cpus == 4u', 9, 'maps, bytes'],
    ['zone + 1 == "a"', 1, '"string + int"'],
    ['null == model', 1, '"null == string"'],
    ['zone.startsWith(1)', 1, '"string.startsWith(int)"'],
    ['has(model)', 5, 'has(labels.room)'],
  ])('%j', (text, position, problem) => {
    expect(checkSelector(text)).toMatchObject({ position, problem: expect.stringContaining(problem) })
    expect(matchesSelector(text, PI)).toBe(false)
  })

  it.each([
    ['modl == "x"', 'model', 1],
    ['zone.startsWith("/uk") && archi == "arm64"', 'arch', 27],
    ['label.room == "x"', 'labels', 1],
    ['size(Zone) > 1', 'zone', 6],
  ])('names the fact that was meant: %s', (text, near, position) => {
    expect(checkSelector(text)).toMatchObject({ near, position })
    expect(matchesSelector(text, PI)).toBe(false)
  })

  it.each([
    ['zone . startWith("/uk")', 'startsWith', 8],
    ['(name + "contain").contain("x")', 'contains', 20],
    ['sizes(zone) > 1', 'size', 1],
  ])('names the function that was meant: %s', (text, near, position) => {
    expect(checkSelector(text)).toMatchObject({ near, position })
  })

  it('says how a label is written when no fact is near', () => {
    expect(checkSelector('room == "x"')).toEqual({ position: 1, problem: expect.stringContaining('labels.room') })
  })

  it.each(['cpus', 'labels', '"text"', 'null', 'cpus > 1 ? zone : name', 'labels.room'])(
    'is no condition: %s',
    (text) => {
      expect(checkSelector(text)?.problem).toContain('not a condition')
      expect(matchesSelector(text, PI)).toBe(false)
    },
  )

  it('says so in one sentence with a stable code', () => {
    const sentence = (text: string) => {
      try {
        return requireSelector(text)
      } catch (error) {
        expect(error).toBeInstanceOf(Failure)
        expect(error).toMatchObject({ code: 'E_SELECTOR', exit: 2 })
        return (error as Failure).message
      }
    }
    expect(sentence('true')).toBeUndefined()
    expect(sentence('zone ==')).toBe('The selector is not valid at character 8: it ends too early.')
    expect(sentence('modl == "x"')).toMatch(/^The selector is not valid at character 1: .*; did you mean "model"\?$/)
  })
})

describe('bounds of a selector (clause CEL 3)', () => {
  it('its length, its parts and its levels', () => {
    const long = `zone == "${'x'.repeat(limits.selectorLength)}"`
    expect(checkSelector(long)?.problem).toContain('characters')
    expect(checkSelector(`cpus in [${Array(300).fill('1').join(',')}]`)?.problem).toContain('larger than')
    expect(
      checkSelector(`${'('.repeat(limits.selectorDepth + 1)}true${')'.repeat(limits.selectorDepth + 1)}`)?.problem,
    ).toContain('larger')
    expect(checkSelector(`${'!'.repeat(200)}true`)?.problem).toContain('larger')
    expect(checkSelector(`true${' && true'.repeat(limits.selectorDepth)}`)?.problem).toContain('larger')
    for (const text of [long, `${'!'.repeat(200)}true`]) expect(matchesSelector(text, PI)).toBe(false)
  })

  it('hold ten conditions over facts and labels', () => {
    const conditions = Array.from({ length: 10 }, (_, i) => `labels.room${i} != "x" || zone.startsWith("/${i}")`)
    expect(checkSelector(conditions.map((text) => `(${text})`).join(' && '))).toBeUndefined()
  })
})

describe('any text (clause CEL 5)', () => {
  const words = [
    'zone',
    'labels',
    'cpus',
    '.',
    'room',
    '(',
    ')',
    '==',
    '"a"',
    '&&',
    '!',
    'has',
    'in',
    '[',
    ']',
    '1',
    '-',
    '?',
    ':',
    '{',
    'size',
    ',',
    'x',
  ]
  const anyText = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((parts) => parts.join(' ')),
  )

  it('is checked and matched without an exception, and what has a problem matches nothing', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const problem = checkSelector(text)
        for (const subject of [PI, BARE]) {
          const matches = matchesSelector(text, subject)
          expect(typeof matches).toBe('boolean')
          if (problem !== undefined) expect(matches).toBe(false)
        }
        if (problem?.position !== undefined) {
          expect(problem.position).toBeGreaterThanOrEqual(1)
          expect(problem.position).toBeLessThanOrEqual(text.length + 1)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('means the same for a node whatever was asked before: the cache is not seen', () => {
    const texts = Array.from({ length: limits.selectorCache + 10 }, (_, i) => `cpus < ${i}`)
    const ask = () => texts.map((text) => matchesSelector(text, PI))
    expect(ask()).toEqual(texts.map((_, i) => 4 < i))
    expect(ask()).toEqual(texts.map((_, i) => 4 < i))
  })
})
