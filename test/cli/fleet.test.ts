// `pimesh zones`, `query` and `top`, against the real API server.
import { describe, expect, it, onTestFinished } from 'vitest'
import { fleetLine } from '../../src/cli/format/zones.ts'
import { Failure } from '../../src/core/failure.ts'
import { apiSocket } from '../../src/daemon/api-client.ts'
import type { FleetJson } from '../../src/daemon/api-fleet-types.ts'
import { createApiServer } from '../../src/daemon/api-server.ts'
import { figuresJson, fleetJson, fleetZone, questionJson, statusJson } from './answers.ts'
import { TestBackend } from './backend.ts'
import { line } from './line.ts'
import { folder } from './pimesh.ts'

async function daemon() {
  const data = await folder()
  const backend = new TestBackend()
  const server = await createApiServer(backend, apiSocket(data))
  onTestFinished(() => server.close())
  return { backend, run: (words: string[], options = {}) => line([...words, '--data', data], options) }
}

const FLEET = '50 nodes in 2 zones: 48 up, 2 down, oldest 42 s; 1 dark: /uk/c'

describe('pimesh zones', () => {
  it('has a line for each zone, and one for all; dark ones fail it', async () => {
    const { run } = await daemon()
    const { status, out } = await run(['zones'])
    expect(status).toBe(1)
    expect(out).toBe(`ZONE   STATE   UP  LATE  DOWN  TEMP P50  TEMP P95  LOAD P95   AGE
/uk/a  faulty  24     0     1   48.5 °C   61.0 °C         -  12 s
/uk/b  faulty  24     0     1   48.5 °C   61.0 °C         -  12 s
/uk/c  dark     -     -     -         -         -         -     -
${FLEET}
`)
  })

  it('names the worst, versions and reporters where there is room', async () => {
    const { run } = await daemon()
    const { out } = await run(['zones', '-o', 'wide'])
    expect(out).toMatch(/VERSIONS +REPORTER +WORST\n/)
    expect(out).toMatch(/0\.1\.0 x 24 +pi-1 +pi-7 in \/uk\/a: down for 95 s\n/)
  })

  it('gives programs lines, and what they rest on to stderr', async () => {
    const { run } = await daemon()
    expect(await run(['zones', '-o', 'name'])).toEqual({ status: 1, out: '/uk/a\n/uk/b\n/uk/c\n', err: `${FLEET}\n` })
    expect(
      (await run(['zones', '-o', 'jsonl'])).out
        .trim()
        .split('\n')
        .map((text) => JSON.parse(text).zone),
    ).toHaveLength(3)
  })

  it('says of the zones below inner zones how complete they are', async () => {
    const { backend, run } = await daemon()
    const counts = { up: 48, late: 0, down: 2, left: 0 }
    const whole = {
      ...{ asked: 2, missing: 0, together: [], disagreeing: [], unproven: [], complete: true },
      ...{ zonesAnswered: 2, zonesKnown: 2, nodes: counts, oldestMs: 12_000, dark: 0, darkZones: [] },
    }
    const zones = [fleetZone('/uk/a'), fleetZone('/uk/b')]
    const lastLine = async (some: Partial<NonNullable<FleetJson['completeness']>>) => {
      backend.known = fleetJson({ zones, completeness: { ...whole, ...some } })
      const { status, out } = await run(['zones', '--zone', '/uk/*'])
      return [status, out.trimEnd().split('\n').at(-1)]
    }
    expect(await lastLine({})).toEqual([0, '2 of 2 zones answered, 50 nodes: 48 up, 2 down, oldest 12 s'])
    const partial = {
      ...{ complete: false, zonesKnown: 5, missing: 2, dark: 1, darkZones: ['/uk/c'] },
      together: [
        { zone: '/us', why: 'silent' as const },
        { zone: '/nl', why: 'forbidden' as const },
      ],
      ...{ disagreeing: ['/eu'], unproven: ['/it'] },
    }
    expect(await lastLine(partial)).toEqual([
      1,
      [
        '2 of 5 zones answered, 50 nodes: 48 up, 2 down, oldest 12 s (partial)',
        '1 dark: /uk/c',
        '2 zones are counted and nobody told of them',
        'of /us only the whole: no reporter of it answered in time',
        'of /nl only the whole: its zones are told to operators and its own members',
        'the zones in /eu count other nodes than /eu does',
        'not all that was told of /it is proven or complete',
      ].join('; '),
    ])
    const nothing = { zonesAnswered: 0, zonesKnown: 0, complete: false, nodes: { ...counts, up: 0, down: 0 } }
    expect(await lastLine(nothing)).toEqual([
      1,
      'no zone that was asked for is known here: "pimesh zones" lists those that are',
    ])
  })

  it('of a pattern that is none are refused', async () => {
    const { run } = await daemon()
    expect(await run(['zones', '--zone', 'uk/*'])).toMatchObject({ status: 2, err: expect.stringMatching(/E_ZONE/) })
  })

  it('says that nothing was heard yet', async () => {
    const { backend, run } = await daemon()
    backend.known = fleetJson({ summary: null, levels: [], zones: [] })
    expect(await run(['zones'])).toEqual({ status: 1, out: 'no summary of the fleet was heard yet\n', err: '' })
    const completeness = {
      ...{ asked: 0, missing: 0, together: [], disagreeing: [], unproven: [], complete: false, dark: 0, darkZones: [] },
      ...{ zonesAnswered: 0, zonesKnown: 0, nodes: { up: 0, late: 0, down: 0, left: 0 }, oldestMs: 0 },
    }
    backend.known = fleetJson({ summary: null, own: null, levels: [], zones: [], completeness })
    expect((await run(['zones'])).out).toMatch(/^no digest of any zone was heard yet: /)
    expect((await run(['top', '--once'])).out).toContain('\nof no node is anything known; "pimesh nodes" asks them\n')
  })
})

describe('pimesh query', () => {
  it('has a line for each group, with the error, and what it rests on', async () => {
    const { backend, run } = await daemon()
    const ran = await run(['query', 'p95(cpu_temp) by zone', '--zone', '/uk/*'])
    expect(ran).toEqual({
      ...{ status: 0, err: '' },
      out: `ZONE   p95(cpu_temp)  NODES   AGE
/uk/a  61.0 °C ± 1.5     25  12 s
/uk/b  58.0 °C ± 1.5     25   9 s
2 of 2 zones answered, 50 nodes, oldest 12 s; from digests of zones, nobody was asked
`,
    })
    expect(backend.questions).toEqual([{ q: 'p95(cpu_temp) by zone', zones: ['/uk/*'], timeoutMs: 5_000 }])
  })

  it('without groups is pairs; partial when zones are dark', async () => {
    const { backend, run } = await daemon()
    backend.figures = questionJson({
      ...{ way: 'summary', by: null },
      columns: [
        { text: 'count', unit: 'nodes' },
        { text: 'avg(mem_available)', unit: 'share' },
      ],
      groups: [
        {
          group: null,
          nodes: 8_925,
          ageMs: 42_000,
          dark: false,
          figures: [
            { value: 8_925, error: 0 },
            { value: 0.5124, error: 0.0277 },
          ],
        },
      ],
      completeness: {
        ...{ zonesAnswered: 357, zonesKnown: 397, nodes: 8_925, oldestMs: 42_000, complete: false },
        ...{ dark: 40, darkZones: ['/uk/a', '/uk/b'] },
      },
    })
    const { status, out } = await run(['query', 'count, avg(mem_available)'])
    expect(status).toBe(1)
    expect(out).toBe(`count               8,925
avg(mem_available)  51.2 % ± 2.8
357 of 397 zones answered, 8,925 nodes, oldest 42 s (partial); 40 dark: /uk/a, /uk/b ... (2 shown, "pimesh zones" lists all); from the fleet summary, nobody was asked
`)
  })

  it('says of which zone no node is known, and no age of nothing', async () => {
    const { backend, run } = await daemon()
    backend.figures = questionJson({
      ...{ way: 'rows', by: null, columns: [{ text: 'count', unit: 'nodes' }] },
      groups: [{ group: null, nodes: 0, ageMs: null, dark: false, figures: [{ value: 0, error: 0 }] }],
      completeness: {
        ...{ zonesAnswered: 0, zonesKnown: 1, nodes: 0, oldestMs: null, complete: false },
        ...{ dark: 0, darkZones: [], unknown: ['/nope'] },
      },
    })
    expect((await run(['query', 'count', '--zone', '/nope'])).out).toBe(
      'count  0\n0 of 1 zone answered, 0 nodes (partial); no node of /nope is known here; exact, from the rows of nodes\n',
    )
  })

  it('marks the place where a question is wrong', async () => {
    const { backend, run } = await daemon()
    backend.onQuestion = () => Promise.reject(new Failure('E_QUERY', 'the question is not valid', { position: 5 }))
    expect(await run(['query', 'p95(x)'])).toEqual({
      ...{ status: 2, out: '' },
      err: '  p95(x)\n      ^\npimesh: the question is not valid [E_QUERY]\n',
    })
  })

  it('is CSV for a spreadsheet', async () => {
    const { run } = await daemon()
    expect((await run(['query', 'p95(cpu_temp) by zone', '-o', 'csv'])).out).toBe(
      'zone,p95(cpu_temp),nodes,age\n/uk/a,61,25,12\n/uk/b,58,25,9\n',
    )
  })
})

describe('pimesh top', () => {
  it('in a pipe prints once: the fleet, the worst nodes, and zones with trouble first', async () => {
    const { run } = await daemon()
    const { status, out } = await run(['top'])
    expect(status).toBe(1)
    expect(out.split('\n').slice(0, 7)).toEqual([
      FLEET,
      '',
      'WORST NODES  ZONE   WHY',
      'pi-7         /uk/a  down for 95 s',
      '',
      expect.stringMatching(/^ZONE +STATE/),
      expect.stringMatching(/^\/uk\/c +dark/),
    ])
  })

  it('says when fewer zones are heard than there are', async () => {
    const { backend, run } = await daemon()
    const { summary } = backend.known
    if (summary !== null) summary.figures.zones = 9
    expect((await run(['top', '--once'])).out).toMatch(
      /\n7 zones more are not heard here one by one: "pimesh zones" asks for them\n\nWORST/,
    )
  })

  it('on a terminal of 80 columns draws in place until Ctrl-C, gives the cursor back, and no line is wider', async () => {
    const { run } = await daemon()
    const stop = new AbortController()
    let drawn = 0
    const written = (text: string) => {
      if (text.includes('WORST NODES') && ++drawn === 2) stop.abort()
    }
    const { out } = await run(['top', '--watch', '1'], { columns: 80, rows: 24, signal: stop.signal, written })
    expect(drawn).toBe(2)
    expect(out.endsWith('\u001b[?25h')).toBe(true)
    const lines = out.replace(/\u001b\[[?\d;]*[A-Za-z]|\r/g, '').split('\n')
    expect(Math.max(...lines.map((text) => text.length))).toBeLessThanOrEqual(80)
  })

  it('is fine when nothing is down or dark', async () => {
    const { backend, run } = await daemon()
    const counts = { up: 25, late: 0, down: 0, left: 0 }
    backend.known = fleetJson({
      summary: { madeMs: 1, ageMs: 1, by: 'x', figures: figuresJson({ counts, worst: [] }) },
    })
    expect(await run(['top', '--once'])).toMatchObject({
      status: 0,
      out: expect.stringMatching(/no node needs a look/),
    })
  })

  it('does not say of dark zones that none of their nodes needs a look', async () => {
    const { backend, run } = await daemon()
    const counts = { up: 25, late: 0, down: 0, left: 0 }
    const figures = figuresJson({ counts, worst: [], dark: 1, darkZones: ['/uk/c'] })
    backend.known = fleetJson({ summary: { madeMs: 1, ageMs: 1, by: 'x', figures } })
    expect(await run(['top', '--once'])).toMatchObject({
      status: 1,
      out: expect.stringMatching(/\nno node of the zones that answer needs a look\n/),
    })
  })
})

describe('the line of the fleet', () => {
  it('names the first dark zones', () => {
    const figures = figuresJson({ zones: 357, dark: 40, darkZones: ['/a', '/b'] })
    expect(fleetLine({ summary: { madeMs: 0, ageMs: 42_000, by: 'x', figures }, own: null })).toMatch(
      /, oldest 42 s; 40 dark: \/a, \/b \.\.\. \(2 shown, "pimesh zones" lists all\)$/,
    )
  })
})

describe('pimesh doctor', () => {
  it('advises to divide a zone of too many nodes, and one with too many zones below it', async () => {
    const { backend, run } = await daemon()
    const fine = (await run(['doctor'])).out
    expect(fine).toMatch(/^ok +zone /m)
    expect(fine).not.toMatch(/^warn +fleet /m)
    backend.now = statusJson({ counts: { up: 30, late: 1, down: 2, left: 9 } })
    const children = Array.from({ length: 33 }, (_, at) => fleetZone(`/z${at}`))
    backend.known = fleetJson({ levels: [{ zone: '/', part: 'none', periodMs: 33_000, children }] })
    const { out } = await run(['doctor'])
    expect(out).toMatch(/^warn +zone +.*more than 32 nodes.*\n +-> cut it into cells: "pimesh invite --cells N"/m)
    expect(out).toMatch(/^warn +fleet +33 zones directly below \/: digests come once in 33 s\n +-> put zones between/m)
  })
})
