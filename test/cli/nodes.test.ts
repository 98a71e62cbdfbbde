// `pimesh nodes` as a person and as a script use it, against the real API server.
import { describe, expect, it, onTestFinished } from 'vitest'
import { completenessLine } from '../../src/cli/format/nodes.ts'
import { pointLines } from '../../src/cli/frame/point.ts'
import { Failure } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
import { apiSocket } from '../../src/daemon/api-client.ts'
import { createApiServer } from '../../src/daemon/api-server.ts'
import type { NodesJson } from '../../src/daemon/api-types.ts'
import { nodeJson, nodesJson } from './answers.ts'
import { TestBackend } from './backend.ts'
import { line } from './line.ts'
import { folder } from './pimesh.ts'

async function daemon(answer: NodesJson = nodesJson([nodeJson()])) {
  const data = await folder()
  const backend = new TestBackend()
  backend.answer = answer
  const server = await createApiServer(backend, apiSocket(data))
  onTestFinished(() => server.close())
  return { backend, run: (...words: string[]) => line(['nodes', '--data', data, ...words]) }
}

const hot = nodeJson({
  ...{ name: 'pi-1', labels: { room: 'attic, left' } },
  measures: { cpu_temp: 71.5, mem_available: 0.256, disk_written: null },
})
const answer = { ...nodesJson([hot]), units: { cpu_temp: 'degC', mem_available: 'share' } }

describe('pimesh nodes', () => {
  it('passes on what is asked', async () => {
    const { backend, run } = await daemon()
    await run(
      '--where',
      'cpu_temp > 70',
      '--sort-by',
      'cpu_temp:asc',
      '--zone',
      '/uk/**',
      '--limit',
      '20',
      '--page',
      '3',
    )
    expect(backend.queries).toEqual([
      {
        ...{ zones: ['/uk/**'], timeoutMs: limits.queryTimeout, where: 'cpu_temp > 70', limit: 20, at: 40 },
        sortBy: { by: 'cpu_temp', order: 'asc' },
      },
    ])
  })

  it('shows the columns that are wanted, with units', async () => {
    const { backend, run } = await daemon(answer)
    const { out } = await run(
      '--columns',
      'name,labels.room,cpu_temp,mem_available,node_cpu_seconds_total{mode="idle"}',
    )
    expect(out).toBe(`NAME  ROOM         CPU TEMP  MEM AVAILABLE  node_cpu_seconds_total{mode="idle"}
pi-1  attic, left   71.5 °C         25.6 %                                    -
1 of 1 zone answered, 1 node, up, oldest 4 s
`)
    expect(backend.queries[0]?.columns).toEqual([
      ...['name', 'labels.room', 'cpu_temp', 'mem_available', 'node_cpu_seconds_total{mode="idle"}'],
    ])
  })

  it('keeps the order of the daemon when it was asked to sort', async () => {
    const nodes = ['b', 'a'].map((name) => nodeJson({ name }))
    const { run } = await daemon(nodesJson(nodes))
    expect((await run('--sort-by', 'cpu_temp')).out).toMatch(/\nb .*\na /)
    expect((await run()).out).toMatch(/\na .*\nb /)
  })

  it('writes rows alone to stdout for programs, and how complete they are to stderr', async () => {
    const { run } = await daemon(answer)
    const err = '1 of 1 zone answered, 1 node, up, oldest 4 s\n'
    expect(await run('-o', 'name')).toEqual({ status: 0, out: 'pi-1\n', err })
    const { out } = await run('-o', 'jsonl')
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((text) => JSON.parse(text)),
    ).toEqual([hot])
    expect(await run('-o', 'csv', '--columns', 'name,labels.room,cpu_temp,age,disk_written')).toEqual({
      ...{ status: 0, err },
      out: 'name,labels.room,cpu_temp,age,disk_written\npi-1,"attic, left",71.5,4.2,\n',
    })
  })

  it('writes the usual columns as numbers in their units, and nothing where there is nothing', async () => {
    const metrics = {
      ...{ node_thermal_zone_temp: null, node_load1: 3, node_cpu_count: 4, node_uptime_seconds: 60 },
      ...{ node_memory_MemTotal_bytes: 1_000, node_memory_MemAvailable_bytes: 750 },
      ...{ 'node_filesystem_size_bytes{mountpoint="/"}': 3_000, 'node_filesystem_avail_bytes{mountpoint="/"}': 1_000 },
    }
    const worn = { ...metrics, 'node_filesystem_readonly{mountpoint="/"}': 1 }
    const alerts = ['identityConflict'] as never
    const rows = [
      nodeJson({ name: 'a', metrics, flags: [] }),
      nodeJson({ name: 'b', metrics: worn, flags: [], alerts }),
    ]
    const { run } = await daemon(nodesJson(rows))
    expect((await run('-o', 'csv', '--columns', 'name,load,mem,disk,temp,uptime,alerts,flags,rtt')).out).toBe(
      'name,load,mem,disk,temp,uptime,alerts,flags,rtt\na,0.75,0.25,0.667,,60,,,\nb,0.75,0.25,0.667,,60,identityConflict,,\n',
    )
    expect((await run('--columns', 'name,load,mem,disk')).out).toContain('\nb     0.75  25 %  read-only\n')
  })

  it('lets no name become a formula of a spreadsheet', async () => {
    const { run } = await daemon(
      nodesJson([nodeJson({ name: '-cmd' }), nodeJson({ name: 'a', labels: { x: '=1+1' } })]),
    )
    expect((await run('-o', 'csv', '--columns', 'name,labels.x')).out).toBe("name,labels.x\n'-cmd,\na,'=1+1\n")
  })

  it('takes all pages of an answer', async () => {
    const { backend, run } = await daemon()
    const page = (name: string, at: number, next: number | null) => ({
      ...nodesJson([nodeJson({ name })]),
      page: { answer: 'id', at, of: 2, next },
    })
    backend.answer = page('a', 0, 1)
    backend.onNodes = async () => {
      if (backend.queries.length === 2) backend.answer = page('b', 1, null)
    }
    expect((await run('-o', 'name')).out).toBe('a\nb\n')
    expect(backend.queries[1]).toMatchObject({ answer: 'id', at: 1, limit: limits.apiPageRows })
  })

  it('marks the place where a condition is wrong, before the one sentence', async () => {
    const { backend, run } = await daemon()
    backend.onNodes = () => Promise.reject(new Failure('E_SELECTOR', 'The condition is not valid', { position: 12 }))
    expect(await run('--where', 'cpu_temp > x')).toEqual({
      ...{ status: 2, out: '' },
      err: '  cpu_temp > x\n             ^\npimesh: the condition is not valid [E_SELECTOR]\n',
    })
  })

  it.each([
    [['--page', '2'], /--page says which page of --limit rows: give both/],
    [['--limit', '0'], /--limit takes a whole number from 1/],
    [['-o', 'csv', '--watch'], /--watch goes with -o table, wide or json/],
    [['--zone', 'uk/*'], /"uk\/\*" is not a zone: it must start with "\/"/],
    [['-o', 'xml'], /--output takes table, wide, json, jsonl, csv, name, not "xml"/],
  ])('refuses %j in one sentence', async (words, message) => {
    const { run } = await daemon()
    expect(await run(...words)).toEqual({ status: 2, out: '', err: expect.stringMatching(message) })
  })

  it('lists dark zones on demand', async () => {
    const zones = Array.from({ length: 20 }, (_, at) => `/d/${at}`).map((zone) => ({
      ...{ zone, state: 'silent' as const, by: null, counts: null, partial: true, membersKnown: 1 },
    }))
    const completeness = {
      zonesAnswered: 0,
      zonesKnown: 20,
      oldestMs: null,
      complete: false,
      dark: 20,
      darkZones: ['/d/0'],
    }
    const { run } = await daemon(nodesJson([], { zones, completeness }))
    const short = await run()
    expect(short).toEqual({
      ...{ status: 1, err: '' },
      out: '0 of 20 zones answered, 0 nodes (partial); 20 dark: /d/0 ... (1 shown, --dark lists all)\n',
    })
    expect((await run('--dark')).out.match(/^\/d\/\d+: no answer/gm)).toHaveLength(20)
  })
})

describe('the completeness of an answer', () => {
  const counts = { up: 8_900, late: 0, down: 25, left: 0 }
  const of = (some: Partial<NodesJson>, dark = 40) =>
    completenessLine({
      ...nodesJson([]),
      completeness: {
        ...{ zonesAnswered: 357, zonesKnown: 397, oldestMs: 42_000, complete: dark === 0, nodes: counts, dark },
        darkZones: ['/uk/a', '/uk/b'],
      },
      ...some,
    })

  it('counts all nodes, names dark zones, and says how many match and are shown', () => {
    expect(of({})).toBe(
      '357 of 397 zones answered, 8,925 nodes: 8,900 up, 25 down, oldest 42 s (partial); 40 dark: /uk/a, /uk/b ... (2 shown, --dark lists all)',
    )
    expect(of({ page: { answer: '', at: 0, of: 12, next: null } }, 0)).toMatch(/, oldest 42 s; 12 match$/)
    expect(of({ page: { answer: '', at: 0, of: 8_925, next: null } }, 0)).toMatch(/, oldest 42 s$/)
    expect(of({ page: { answer: '', at: 20, of: 1_200, next: 40 } }, 0)).toMatch(
      /; 1,200 match; rows 21 to 40 of 1,200$/,
    )
    expect(of({}, 2)).toMatch(/; 2 dark: \/uk\/a, \/uk\/b$/)
    expect(of({ page: { answer: 'x', at: 40, of: 40, next: null } }, 0)).toMatch(
      /; 40 match; that page is beyond the last of 40 rows$/,
    )
  })
})

describe('the mark below a wrong place', () => {
  it('stays below it in a long text', () => {
    const [text, mark] = pointLines(`${'x'.repeat(500)}?${'y'.repeat(500)}`, 501) as [string, string]
    expect(text.length).toBeLessThan(130)
    expect(text[mark.indexOf('^')]).toBe('?')
  })
})
