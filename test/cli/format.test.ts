import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { metricText } from '../../src/cli/format/metric.ts'
import { completenessLine, nodesLines } from '../../src/cli/format/nodes.ts'
import { age, bytes, compactSpan, exact, parseDuration, span } from '../../src/cli/format/quantity.ts'
import { cropped, tableLines, width } from '../../src/cli/format/table.ts'
import { nodeJson, nodesJson } from './answers.ts'

const plainTerminal = { paint: (_colour: string, text: string) => text }
const colours = { paint: (colour: string, text: string) => `<${colour}>${text}</>` }

describe('quantities', () => {
  it.each([
    [null, '?'],
    [0, '0 s'],
    [42_900, '42 s'],
    [119_999, '119 s'],
    [120_000, '2 min'],
    [7_199_999, '119 min'],
    [7_200_000, '2 h'],
    [172_800_000, '2 d'],
  ])('age of %s ms is %s', (ms, text) => expect(age(ms)).toBe(text))

  it.each([
    [0, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_723_000, '1 h 2 min'],
    [273_600_000, '3 d 4 h'],
  ])('span of %s ms is %s', (ms, text) => expect(span(ms)).toBe(text))

  it.each([
    [0, '0s'],
    [8_580_000, '2h23m'],
    [273_600_000, '3d4h'],
  ])('%s ms in few columns are %s', (ms, text) => expect(compactSpan(ms)).toBe(text))

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [1_234_567, '1.2 MB'],
    [99_940_000_000, '99.9 GB'],
    [271e9, '271 GB'],
  ])('%s bytes are %s', (count, text) => expect(bytes(count)).toBe(text))

  it.each([
    [1_500, '1.5 s'],
    [10_000, '10 s'],
    [10_001, '10.1 s'],
    [119_950, '120 s'],
    [120_001, '3 min'],
  ])('a promise of %s ms is never shown shorter: %s', (ms, text) => expect(exact(ms)).toBe(text))

  it('durations are read with their unit', () => {
    expect(['250ms', '5s', '30s', '5m', '5min', '48h', '7d', '1.5s'].map((one) => parseDuration('x', one))).toEqual([
      250, 5_000, 30_000, 300_000, 300_000, 172_800_000, 604_800_000, 1_500,
    ])
  })

  it('durations without a unit are refused, but where there is a usual one', () => {
    expect(() => parseDuration('expires', '5')).toThrow(/--expires takes .*give a unit, such as 48h/)
    expect(parseDuration('watch', '5', 's')).toBe(5_000)
  })

  it.each(['', 'x', '-5s', '5 parsecs', '1e9s', '5ss'])('"%s" is no duration', (text) => {
    expect(() => parseDuration('expires', text)).toThrow(/--expires takes a duration/)
  })
})

describe('metrics', () => {
  it.each([
    ['node_memory_MemTotal_bytes', 4e9, '4.0 GB'],
    ['node_network_receive_bytes_total', 1_500, '1.5 kB'],
    ['node_uptime_seconds', 3_723, '1 h 2 min'],
    ['node_pressure_cpu_waiting_seconds_total', 1.25, '1.25 s'],
    ['node_timex_offset_seconds', -0.004, '-0.004 s'],
    ['node_thermal_zone_temp', 48.25, '48.3 °C'],
    ['node_cpu_scaling_frequency_hertz', 1.8e9, '1800 MHz'],
    ['node_cpu_scaling_frequency_max_hertz', 1.8e9, '1800 MHz'],
    ['node_filesystem_readonly{mountpoint="/"}', 1, 'yes'],
    ['rpi_throttled', 0x50001, 'under-voltage now, under-voltage occurred, throttling occurred'],
    ['rpi_throttled', 0, 'none'],
    ['node_load1', 0.123456, '0.123'],
    ['anything', null, 'not available'],
    ['node_boot_time_seconds', 1_795_944_072, '2026-11-29 09:21:12Z'],
  ])('%s of %s is %s', (name, value, text) => expect(metricText(name, value)).toBe(text))
})

describe('tables', () => {
  it('every line before the last column is equally wide, whatever the cells hold', () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 12 })
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 5 }), (rows) => {
        const columns = [
          { title: 'A', cell: (row: [string, string]) => row[0] },
          { title: 'B', right: true, cell: (row: [string, string]) => row[1] },
          { title: 'END', cell: () => 'x' },
        ]
        const lines = tableLines(columns, rows)
        expect(lines.length).toBe(rows.length + 1)
        const at = (line: string) => width(line) - (line.endsWith('END') ? 3 : 1)
        expect(new Set(lines.map(at)).size).toBe(1)
      }),
    )
  })

  it('takes control characters out of cells: nobody draws on the screen with a name', () => {
    const lines = tableLines([{ title: 'NAME', cell: (text: string) => text }], ['a\u001b[2Jb\nc\u202e'])
    expect(lines).toEqual(['NAME', 'a\ufffd[2Jb\ufffdc\ufffd'])
  })

  it('crops what is seen, not the colours', () => {
    expect(cropped('\u001b[32mgreen\u001b[0m and more', 7)).toBe('\u001b[32mgreen\u001b[0m a')
    expect(cropped('short', 80)).toBe('short')
  })
})

describe('the nodes table', () => {
  const answer = nodesJson([
    nodeJson({ name: 'pi-2', status: 'down', ageMs: 95_000, alerts: ['cloned'] }),
    nodeJson({ name: 'pi-1' }),
    nodeJson({
      name: 'x',
      zone: '/nl',
      status: 'late',
      ageMs: null,
      metrics: { node_load1: null, node_thermal_zone_temp: null, 'node_filesystem_readonly{mountpoint="/"}': 1 },
    }),
  ])

  it('is sorted by zone and name, and ends with the completeness', () => {
    expect(nodesLines(answer, plainTerminal, { wide: false })).toEqual([
      'NAME  ZONE         STATUS   AGE  LOAD   MEM       DISK     TEMP  UPTIME  ALERTS',
      'x     /nl          late       ?     -  25 %  read-only        -    3d4h  -',
      'pi-1  /uk/glasgow  up       4 s  0.25  25 %       50 %  48.3 °C    3d4h  -',
      'pi-2  /uk/glasgow  down    95 s  0.25  25 %       50 %  48.3 °C    3d4h  cloned',
      '2 of 2 zones answered, 3 nodes: 1 up, 1 late, 1 down, oldest 4 s',
    ])
  })

  it('colours status and alerts, and keeps the columns', () => {
    const lines = nodesLines(answer, colours, { wide: false })
    expect(lines[1]).toContain('<yellow>late</>     ')
    expect(lines[3]).toContain('<red>down</>  ')
    expect(lines[3]).toMatch(/<red>cloned<\/>$/)
  })

  it('names the view that a row came from where it can', () => {
    const rows = [
      nodeJson({ name: 'pi-1' }),
      nodeJson({ name: 'pi-2', labels: { room: 'lab3', rack: '2' }, refused: { total: 12, most: 'badSignature' } }),
    ]
    const [titles, first, second] = nodesLines(nodesJson(rows), plainTerminal, { wide: true })
    expect(titles).toMatch(
      /NODE +INCARNATION +PROMISE +CORES +MEM TOTAL +UNDERVOLT +FLAGS +REFUSED +LABELS +PATH +RTT +TOLD BY$/,
    )
    expect(first).toMatch(/12D3KooWpi-1 +1 +10 s +4 +4.0 GB +- +clockTrusted +- +- +- +- +pi-1$/)
    expect(second).toMatch(/clockTrusted +12, mostly badSignature +room=lab3,rack=2 +- +- +pi-1$/)
  })

  it('says of each zone without rows why, and that the answer is partial', () => {
    const zones = [
      { zone: '/a', state: 'answered', by: null, counts: null, partial: true },
      { zone: '/b', state: 'forbidden', by: null, counts: { up: 3, late: 1, down: 0, left: 2 }, partial: false },
      { zone: '/c', state: 'silent', by: null, counts: null, partial: false },
    ] as const
    const completeness = { zonesAnswered: 1, zonesKnown: 3, oldestMs: null, complete: false }
    expect(nodesLines(nodesJson([], { zones: [...zones], completeness }), plainTerminal, { wide: false })).toEqual([
      '/a: not all rows arrived in time',
      '/b: 3 up, 1 late, 0 down, 2 left (rows of other zones need the operator capability)',
      '/c: no answer; none of its nodes that are known here could be reached in time',
      '1 of 3 zones answered, 0 nodes (partial)',
    ])
  })

  it('tells nodes of one name apart by the end of their ids', () => {
    const rows = [nodeJson({ node: '12D3KooWabcdef' }), nodeJson({ node: '12D3KooWuvwxyz' }), nodeJson({ name: 'x' })]
    const lines = nodesLines(nodesJson(rows), plainTerminal, { wide: false })
    expect(lines.slice(1, 4).map((line) => line.split(' ')[0])).toEqual(['pi-1~abcdef', 'pi-1~uvwxyz', 'x'])
  })

  it('shows the worst first where not all can be seen', () => {
    const lines = nodesLines(answer, plainTerminal, { wide: false, worstFirst: true })
    expect(lines.slice(1, 4).map((line) => line.split(' ')[0])).toEqual(['pi-2', 'x', 'pi-1'])
  })

  it('of the demo fits 80 columns, with its two of margin', () => {
    const rows = (['down', 'up'] as const).map((status, at) =>
      nodeJson({ name: `north-${at}`, zone: '/demo/north', status, ageMs: 119_000 }),
    )
    const lines = nodesLines(nodesJson(rows), plainTerminal, { wide: false })
    expect(Math.max(...lines.map(width))).toBeLessThanOrEqual(78)
  })

  it('says how many nodes have which status, or that all have one', () => {
    const of = (...statuses: ('up' | 'down')[]) =>
      completenessLine(nodesJson(statuses.map((status, at) => nodeJson({ name: `pi-${at}`, status }))))
    expect(of('up', 'down', 'up')).toBe('1 of 1 zone answered, 3 nodes: 2 up, 1 down, oldest 4 s')
    expect(of('up', 'up')).toBe('1 of 1 zone answered, 2 nodes, all up, oldest 4 s')
  })

  it('counts one as one', () => {
    expect(completenessLine(nodesJson([nodeJson()]))).toBe('1 of 1 zone answered, 1 node, up, oldest 4 s')
  })
})
