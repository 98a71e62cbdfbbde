import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { parseText, TextProblem } from '../../../src/probe/collectors/text-format.ts'

function problemOf(text: string): { code: string; reason: string } {
  try {
    parseText(text)
  } catch (error) {
    if (error instanceof TextProblem) return { code: error.code, reason: error.message }
    throw error
  }
  throw new Error('it was taken')
}

describe('the text format', () => {
  it('gives names, labels in order, units, kinds and help', () => {
    const text = `
# HELP room_celsius Of the room.\\nIn the \\\\ middle.
# TYPE room_celsius gauge
room_celsius{wall="north",floor="2"} 21.5
\troom_celsius { wall = "a\\"b\\\\c\\n" , } -3e1
# TYPE door_opened_total counter
door_opened_total 12
# a word
#nothing
# UNIT water liters
water 3
plain NaN
light +Inf
# EOF
`
    expect(parseText(text)).toEqual([
      {
        name: 'room_celsius',
        labels: [
          ['floor', '2'],
          ['wall', 'north'],
        ],
        unit: 'degC',
        kind: 'gauge',
        value: 21.5,
        help: 'Of the room. In the \\ middle.',
      },
      {
        ...{ name: 'room_celsius', labels: [['wall', 'a"b\\c\n']], unit: 'degC', kind: 'gauge', value: -30 },
        help: 'Of the room. In the \\ middle.',
      },
      { name: 'door_opened_total', labels: [], unit: '1', kind: 'counter', value: 12 },
      { name: 'water', labels: [], unit: 'liters', kind: 'untyped', value: 3 },
    ])
  })

  it.each([
    ['a_seconds_total', 's'],
    ['a_bytes', 'B'],
    ['a_volts', 'V'],
    ['a_used_ratio', 'ratio'],
    ['a_constructor', '1'],
    ['total', '1'],
    ['load', '1'],
  ])('reads the unit of %s from its name', (name, unit) => {
    expect(parseText(`${name} 1\n`)).toMatchObject([{ unit }])
  })

  it('takes parts of histograms and summaries as plain series', () => {
    const text =
      '# TYPE t histogram\nt_bucket{le="+Inf"} 3\nt_sum 4.5\nt_count 3\n# TYPE s summary\ns{quantile="0.5"} 1\n'
    expect(parseText(text).map(({ name, kind, value }) => [name, kind, value])).toEqual([
      ['t_bucket', 'untyped', 3],
      ['t_sum', 'untyped', 4.5],
      ['t_count', 'untyped', 3],
      ['s', 'untyped', 1],
    ])
  })

  it.each([
    ['x 1', 'half written'],
    ['1x 2\n', 'line 1 of what it gives is no sample: "1x 2"'],
    ['a 1\n\nx\n', 'line 3 of what it gives is no sample: "x"'],
    ['x{} \n', 'has the value "", which is no number'],
    ['Traceback (most recent call last):\n', 'has the value "(most", which is no number'],
    ['x 0x10\n', 'has the value "0x10", which is no number'],
    ['x 1,5\n', 'has the value "1,5"'],
    ['x 1 1395066363000\n', 'time stamp'],
    ['x{a="1" b="2"} 1\n', 'labels that cannot be read'],
    ['x{a="1\\t"} 1\n', 'labels that cannot be read'],
    ['x{a=1} 1\n', 'labels that cannot be read'],
    ['x{a="1",a="2"} 1\n', 'the label "a" twice'],
    ['x{__name__="y"} 1\n', 'belong to Prometheus'],
    ['x{a="\u001b[2J"} 1\n', 'control character'],
    [`x{a="${'y'.repeat(limits.seriesLabelLength + 1)}"} 1\n`, 'more than 128 characters'],
    [`x{${[...'abcdefghi'].map((label) => `${label}="1"`).join()}} 1\n`, 'more than 8 labels'],
    [`${'x'.repeat(limits.seriesNameLength + 1)} 1\n`, 'more than 128 characters'],
    [`# ${'x'.repeat(limits.collectorLineLength)}\n`, 'longer than 2048 characters'],
    ['x 1\nx 2\n', 'line 2 of what it gives gives "x" a second time'],
    ['x{a="1",b="2"} 1\nx{b="2",a="1"} 2\n', 'a second time'],
    ['# TYPE x gauge\n# TYPE x gauge\n', 'a second TYPE for "x"'],
    ['x 1\n# TYPE x gauge\n', 'a TYPE for "x" after its samples'],
    ['# TYPE x speed\n', 'the type "speed"'],
    ['# UNIT x a b\n', 'a unit that is no word'],
    ['# HELP 9 x\n', 'no name of a metric'],
    ['\u0000\u0001 garbage \u202e\n', 'is no sample: "?? garbage ?"'],
  ])('refuses %j', (text, reason) => {
    expect(problemOf(text)).toEqual({ code: 'malformed', reason: expect.stringContaining(reason) })
  })

  it('refuses more series, or names of metrics, than are kept', () => {
    const lines = (count: number, line: (i: number) => string) =>
      Array.from({ length: count }, (_, i) => line(i)).join('')
    expect(parseText(lines(limits.collectorSeries, (i) => `x{i="${i}"} 1\n`))).toHaveLength(limits.collectorSeries)
    expect(problemOf(lines(limits.collectorSeries + 1, (i) => `x{i="${i}"} NaN\n`)).code).toBe('tooMany')
    expect(problemOf(lines(limits.collectorSeries + 1, (i) => `# TYPE x${i} gauge\n`)).code).toBe('tooMany')
  })
})
