import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
import { canonicalBytes, type Json, parseCanonical } from '../../src/wire/canonical.ts'
import { dateText, dateValue, Fields } from '../../src/wire/fields.ts'

const parse = (text: string | Uint8Array, maxBytes = 1_000) =>
  parseCanonical(typeof text === 'string' ? Buffer.from(text) : text, { maxBytes, what: 'thing' })

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(Failure)
    expect((error as Failure).code).toBe('E_DOCUMENT')
    return (error as Failure).message
  }
  throw new Error('it was accepted')
}

const text = fc.string({ unit: 'grapheme' }).filter((value) => !/[\u0000-\u001f]/.test(value))
const json = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger().map((number) => number + 0),
    text,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4 }).map((object) => ({ ...object })),
  ),
})).value

describe('canonical JSON (clause DOC)', () => {
  it('reads back what it wrote, and writes back what it read', () => {
    fc.assert(
      fc.property(json, (value) => {
        const bytes = canonicalBytes(value)
        const read = parse(bytes, 100_000)
        expect(read).toEqual(value)
        expect(Buffer.from(canonicalBytes(read))).toEqual(Buffer.from(bytes))
      }),
    )
  })

  it.each([
    ['white space', '{"a": 1}'],
    ['a trailing line end', '{"a":1}\n'],
    ['keys out of order', '{"b":1,"a":1}'],
    ['a key twice', '{"a":1,"a":1}'],
    ['a fraction', '{"a":1.5}'],
    ['a fraction that is whole', '{"a":1.0}'],
    ['an exponent', '{"a":1e2}'],
    ['minus zero', '{"a":-0}'],
    ['a number beyond safe integers', '{"a":9007199254740992}'],
    ['a needless escape', '{"a":"\\u0041"}'],
    ['an escaped slash', '{"a":"\\/"}'],
    ['an escaped control character', '{"a":"\\n"}'],
    ['half a character', '{"a":"\\ud800"}'],
    ['a byte order mark', '\ufeff{"a":1}'],
    ['nothing', ''],
    ['two values', '{}{}'],
  ])('refuses %s', (_, source) => {
    expect(refusal(() => parse(source))).toMatch(/^The thing is not valid: /)
  })

  it('refuses bytes that are not UTF-8', () => {
    refusal(() => parse(Uint8Array.of(0x22, 0xc3, 0x28, 0x22)))
    refusal(() => parse(Uint8Array.of(0x22, 0xc0, 0x80, 0x22)))
  })

  it('looks at the size before anything else', () => {
    expect(refusal(() => parse('x'.repeat(11), 10))).toContain('11 bytes, more than 10')
    expect(parse('"12345678"', 10)).toBe('12345678')
  })

  it('T02 endless data: refuses JSON that is nested 100,000 deep without recursing', () => {
    expect(refusal(() => parse('['.repeat(100_000), 200_000))).toContain('nested deeper')
    const deepest = '['.repeat(limits.jsonDepth) + ']'.repeat(limits.jsonDepth)
    expect(parse(deepest)).toBeInstanceOf(Array)
    expect(refusal(() => parse(`[${deepest}]`))).toContain('nested deeper')
  })

  it('T02 endless data: refuses more values than a caller has use for, before they are read', () => {
    const read = (text: string) => parseCanonical(Buffer.from(text), { maxBytes: 100, maxValues: 4, what: 'list' })
    expect(read('[1,[],"{[,"]')).toEqual([1, [], '{[,'])
    for (const text of ['[1,2,3,[]]', '[{},{},0]', '[[[[[]]]]]', `[${'0,'.repeat(40)}`])
      expect(refusal(() => read(text))).toContain('more than 4 values')
  })

  it('does not count brackets inside texts', () => {
    const value = `${'['.repeat(50)}"\\${'{'.repeat(50)}`
    expect(parse(canonicalBytes(value))).toBe(value)
  })

  it('does not write what it would not read', () => {
    refusal(() => canonicalBytes('a\nb'))
    refusal(() => canonicalBytes({ 'a\u0000': 1 }))
    refusal(() => canonicalBytes('\udc00'))
    refusal(() => canonicalBytes(0.5))
  })
})

describe('fields', () => {
  const keys = { required: ['a'], optional: ['b'] }

  it('knows its keys', () => {
    expect(refusal(() => new Fields({ b: 1 }, 'thing', keys))).toContain('"a" is missing')
    expect(refusal(() => new Fields({ a: 1, c: 1 }, 'thing', keys))).toContain('"c" is unknown')
    expect(refusal(() => new Fields(JSON.parse('{"a":1,"__proto__":{}}'), 'thing', keys))).toContain('unknown')
    expect(refusal(() => new Fields({ required: 1 }, 'thing', { required: ['toString'] }))).toContain('missing')
    expect(new Fields({ a: 1, c: 1 }, 'thing', { ...keys, open: true }).has('b')).toBe(false)
    for (const value of [null, [], 'a', 1]) refusal(() => new Fields(value, 'thing', keys))
  })

  it.each<[string, (fields: Fields) => unknown, Json[]]>([
    ['integer', (f) => f.integer('a'), ['1', 0, -1, 1.5, 2 ** 31, null]],
    ['text', (f) => f.text('a', 3), ['', 'four', 1, null]],
    ['hex', (f) => f.hex('a', 2), ['abc', 'ABCD', 'abcdef', 'xyzw', 1]],
    ['date', (f) => f.date('a'), ['2026-02-30T00:00:00Z', '2026-01-01T24:00:00Z', '2026-01-01', '', 0]],
    ['flag', (f) => f.flag('a'), [0, 'true', null]],
    ['list', (f) => f.list('a', 1), [[1, 2], {}, null]],
    ['texts', (f) => f.texts('a', 3, (t) => t !== 'no', 'words'), [['a', 'a'], ['no'], [1]]],
    ['entries', (f) => f.entries('a', 1), [{ x: 1, y: 2 }, [], null]],
  ])('%s is strict', (_, read, wrong) => {
    for (const value of wrong) expect(refusal(() => read(new Fields({ a: value }, 'thing', keys)))).toContain('"a"')
  })

  it('dates go there and back in whole seconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
        expect(dateValue(dateText(seconds * 1000 + 999))).toBe(seconds * 1000)
      }),
    )
  })
})
