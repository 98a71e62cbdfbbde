// `pimesh rollout`, as it looks at several widths, against the real API server with a backend of the test.
import { describe, expect, it, onTestFinished } from 'vitest'
import { FleetRates } from '../../src/cli/format/release-progress.ts'
import { rolloutLines } from '../../src/cli/format/rollout.ts'
import { rolloutOf } from '../../src/cli/rollout/figures.ts'
import { apiSocket } from '../../src/daemon/api-client.ts'
import { createApiServer } from '../../src/daemon/api-server.ts'
import { hereJson, installJson, releaseJson, releasesJson } from './answers.ts'
import { TestBackend } from './backend.ts'
import { type LineOptions, line, screenOf } from './line.ts'
import { folder } from './pimesh.ts'

async function daemon() {
  const data = await folder()
  const backend = new TestBackend()
  const server = await createApiServer(backend, apiSocket(data))
  onTestFinished(() => server.close())
  const run = (words: readonly string[], options?: LineOptions) => line(['rollout', ...words, '--data', data], options)
  return { backend, run }
}

const sources = { site: 6_000_000, members: 3_000_000, publisher: 1_000_000 }
const agent = releaseJson({
  here: hereJson({ sources }),
  nodes: [
    installJson('pi-1', 'committed'),
    installJson('pi-2', 'fetching', { percent: 40 }),
    installJson('pi-3', 'announced', { reason: 'diskFull' }),
    installJson('pi-4', 'announced', { reason: 'diskFull', zone: '/uk/leeds' }),
    installJson('pi-5', 'failed', { reason: 'badArtifact' }),
    installJson('pi-6', 'staged', { status: 'down', ageMs: 4_000_000 }),
  ],
})
const map = releaseJson({ path: 'acme/map', version: '7', hash: 'ab12'.repeat(16), nodes: [], frozen: true })

const HEAD = `\
acme/agent@2.4.0: installed on 1 of 6 nodes, 2 fetching, 3 failed
fleet   56 %, 34.0 MB of 60.0 MB
states  2 announced, 1 fetching, 1 staged, 1 committed, 1 failed
why     2 disk full, 1 bad artifact, 1 down
here    fetching, 40 %, 4.0 MB of 10.0 MB, 1.3 MB/s, 5 s left, from 3 members (2 have all)
came    60 % over the LAN, 30 % from other members, 10 % from the publisher (10.0 MB since this daemon started)

`
const ZONES = `\
ZONE         NODES  INSTALLED  FAILED  DONE
/uk/leeds        1          0       1   0 %
/uk/glasgow      5          1       2  68 %

`
const NODES = `\
NODE  ZONE         STATE       DONE  WHY
pi-1  /uk/glasgow  committed  100 %  -
pi-2  /uk/glasgow  fetching    40 %  -
pi-3  /uk/glasgow  announced    0 %  disk full
pi-4  /uk/leeds    announced    0 %  disk full
pi-5  /uk/glasgow  failed     100 %  bad artifact
pi-6  /uk/glasgow  staged     100 %  down
`
const COMPLETE = '1 of 1 zone answered, oldest 4 s\n'

describe('pimesh rollout', () => {
  it.each(['acme/agent', 'acme/agent@2.4.0', 'd1f0d1'])('has the way of %s, and no colours in a pipe', async (name) => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([agent, map])
    const words = [name, '--zone', '/uk/glasgow', '--timeout', '2s']
    expect(await run(words)).toEqual({ status: 0, out: HEAD + ZONES + NODES + COMPLETE, err: '' })
    expect(backend.releaseQueries).toEqual([{ zones: ['/uk/glasgow'], timeoutMs: 2_000, local: false }])
  })

  it('has the same in numbers', async () => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([agent, map], { complete: false, zonesAnswered: 1, zonesKnown: 2 })
    const ran = await run(['acme/agent', '-o', 'json'])
    expect(ran.status).toBe(1)
    const json = JSON.parse(ran.out)
    expect(json).toMatchObject({
      ...{ schema: 'pimesh.rollout/1', name: 'acme/agent', release: { release: 'acme/agent@2.4.0', counter: 7 } },
      fleet: { nodes: 6, announced: 0, fetching: 2, installed: 1, failed: 3, bytes: 34e6, totalBytes: 60e6 },
      reasons: [
        { reason: 'diskFull', nodes: 2 },
        { reason: 'badArtifact', nodes: 1 },
      ],
      zones: [
        { zone: '/uk/leeds', nodes: 1, percent: 0, bytesPerSecond: null },
        { zone: '/uk/glasgow', nodes: 5, percent: 68, oldestMs: 4_000_000 },
      ],
      here: { sources },
      completeness: backend.rollout.completeness,
    })
    expect(json.nodes[1]).toEqual({
      ...agent.nodes[1],
      ...{ peersPercent: null, savedBytes: null },
      bytes: 4e6,
      totalBytes: 10e6,
      bytesPerSecond: null,
      leftMs: null,
    })
  })

  it.each([60, 80, 120])('fits a terminal of %i columns', async (columns) => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([{ ...agent, expiry: 'unknown' }])
    const stop = new AbortController()
    const written = (text: string) => {
      if (text.includes('pi-6')) stop.abort()
    }
    const { out, err } = await run(['acme/agent', '--watch', '1'], { columns, signal: stop.signal, written })
    const lines = screenOf(out).split('\n')
    for (const text of lines) expect(text.length).toBeLessThanOrEqual(columns)
    expect(lines[1]).toMatch(/^fleet {3}\[#+\.+\] 56 %, 34\.0 MB of 60\.0 MB$/)
    // Sentences go on below, and nothing of them is cut off.
    expect(lines.join(' ').replace(/ +/g, ' ')).toContain(
      "from the publisher (10.0 MB since this daemon started) whether it has expired cannot be said: this machine's clock is not known to be synchronised ",
    )
    expect(lines).toContain('ZONE         NODES  INSTALLED  FAILED  DONE  RATE  LEFT'.slice(0, columns))
    expect(err).toBe('the fleet goes on with it by itself\n')
  })

  it('has a bar and colours on a terminal, and none that nobody wants', async () => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([agent])
    const bar = `[${'#'.repeat(13)}${'.'.repeat(11)}] 56 %`
    const coloured = await run(['acme/agent'], { columns: 80 })
    expect(coloured.out).toContain(bar)
    expect(coloured.out).toContain('\u001b[32mcommitted\u001b[0m')
    const plain = await run(['acme/agent'], { columns: 80, env: { NO_COLOR: '1' } })
    expect(plain.out).toContain(bar)
    expect(plain.out).not.toContain('\u001b')
  })

  it('shows whom somebody should look at where not all fit', async () => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([agent])
    const stop = new AbortController()
    const written = (text: string) => {
      if (text.includes('lines more')) stop.abort()
    }
    const options = { columns: 80, rows: 20, signal: stop.signal, written }
    const shown = screenOf((await run(['acme/agent', '--watch', '1'], options)).out)
    expect(shown).toMatch(/\npi-3 .*\npi-4 .*\n\.\.\. \d lines more\n1 of 1 zone answered, oldest 4 s\n$/)
  })

  it('of one zone has no table of zones', async () => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([releaseJson()])
    expect((await run(['acme/agent'])).out).not.toContain('ZONE')
  })

  it('has columns for who is asked, how old it is and which node it is', async () => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([releaseJson()])
    expect((await run(['acme/agent', '-o', 'wide'])).out).toMatch(
      /\nNODE +ZONE +STATE +DONE +STATUS +AGE +ID +WHY\npi-1 .* up +4 s +12D3KooWpi-1 +-\n/,
    )
  })

  it('says in one sentence what is not announced, and what means several', async () => {
    const { backend, run } = await daemon()
    const second = releaseJson({ role: 'other', hash: 'd1f0aa'.padEnd(64, '0') })
    backend.rollout = releasesJson([releaseJson(), second])
    const failed = (err: string) => ({ status: 1, out: '', err: `pimesh: ${err} [E_PATH]\n` })
    expect(await run(['acme/agnet'])).toEqual(
      failed('nothing is announced as "acme/agnet": did you mean "acme/agent"?'),
    )
    const two = 'acme/agent@2.4.0 of "acme" (d1f0d1f0d1f0) and acme/agent@2.4.0 of "other" (d1f0aa000000)'
    for (const name of ['acme/agent', 'acme/agent@2.4.0'])
      expect(await run([name])).toEqual(failed(`"${name}" means ${two}: name one of them by the beginning of its hash`))
    expect((await run(['d1f0aa'])).status).toBe(0)
  })

  it('needs a release, and a daemon', async () => {
    const { run } = await daemon()
    expect(await run([])).toMatchObject({ status: 2, err: expect.stringMatching(/a release, as in .* \[E_USAGE\]\n$/) })
    const data = await folder()
    expect(await line(['rollout', 'acme/agent', '--data', data])).toMatchObject({
      ...{ status: 1, out: '' },
      err: expect.stringMatching(/^pimesh: [^\n]+ \[E_N[A-Z_]+\]\n$/),
    })
  })

  it('waits for a release that is not announced yet', async () => {
    const { backend, run } = await daemon()
    const stop = new AbortController()
    let asked = 0
    backend.onReleases = () => releasesJson(++asked === 1 ? [map] : [map, agent])
    const written = (text: string) => {
      if (text.includes('pi-6')) stop.abort()
    }
    const { out } = await run(['acme/agent', '--watch', '1'], { signal: stop.signal, written })
    const none = 'nothing is announced as "acme/agent": "pimesh releases" lists all\n'
    expect(out.startsWith(`${none}${COMPLETE}${HEAD}`)).toBe(true)
  })

  it('has whom the bytes came from and what patches saved, as far as nodes say so', async () => {
    const { backend, run } = await daemon()
    const patch = { type: 'zstd-patch', bytes: 1_000_000, savedBytes: 9_000_000 }
    const whole = { type: 'zstd', bytes: 10_000_000, savedBytes: 0 }
    const nodes = [
      installJson('pi-1', 'committed', { peersPercent: 90, form: patch }),
      installJson('pi-2', 'fetching', { percent: 50, peersPercent: 40, form: whole }),
      installJson('pi-3', 'committed', { peersPercent: null, form: null }),
    ]
    backend.rollout = releasesJson([releaseJson({ nodes })])
    const { out } = await run(['acme/agent'])
    expect(out).toContain(
      '\nfleet  76 %, 16.0 MB of 21.0 MB\npeers  48 % of it came over LANs and from other members, the rest from the publisher\n',
    )
    expect(out).toContain('\nsaved  9.0 MB by patches, on 1 node\n')
    expect(out).toContain(`
NODE  STATE       DONE  PEERS   SAVED  WHY
pi-1  committed  100 %   90 %  9.0 MB  -
pi-2  fetching    50 %   40 %       -  -
pi-3  committed  100 %      ?       ?  -
`)
    const { fleet } = JSON.parse((await run(['acme/agent', '-o', 'json'])).out)
    expect(fleet).toMatchObject({ peersPercent: 48, savedBytes: 9_000_000, patched: 1, bytes: 16e6, totalBytes: 21e6 })
  })

  it('shows names of others as harmless text', async () => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([releaseJson({ nodes: [installJson('\u001b]0;x', '\u001b[2J')] })])
    expect((await run(['acme/agent', '-o', 'wide'])).out).not.toContain('\u001b')
  })
})

describe('the pace of a release', () => {
  const terminal = {
    paint: (_colour: unknown, text: string) => text,
    interactive: false,
    columns: Number.POSITIVE_INFINITY,
  }
  const at = (first: number, second: number) =>
    releaseJson({
      nodes: [
        installJson('pi-1', 'fetching', { percent: first }),
        installJson('pi-2', 'fetching', { percent: second, zone: '/uk/leeds' }),
        installJson('pi-3', 'announced', { reason: 'diskFull' }),
      ],
    })

  it('is that of all nodes, of each zone and of each node, and waits for nobody who is held up', () => {
    const rates = new FleetRates()
    rates.add([at(0, 10)], 0)
    rates.add([at(50, 10)], 10_000)
    const json = rolloutOf('acme/agent', releasesJson([]), at(50, 10), rates)
    expect(json.fleet).toMatchObject({ bytesPerSecond: 500_000, leftMs: 28_000, bytes: 6e6, totalBytes: 30e6 })
    const lines = rolloutLines(json, terminal, { wide: false, worstFirst: false })
    expect(lines[1]).toBe('fleet  20 %, 6.0 MB of 30.0 MB, 500 kB/s, 28 s left')
    expect(lines.find((text) => text.startsWith('/uk/glasgow'))).toMatch(/ 25 % +500 kB\/s +10 s$/)
    expect(lines.find((text) => text.startsWith('pi-1'))).toMatch(/ 50 % +500 kB\/s +-$/)
    expect(lines.find((text) => text.startsWith('pi-2'))).toMatch(/ 10 % +- +-$/)
  })

  it('does not count what a node had before it was heard of', () => {
    const rates = new FleetRates()
    const one = (release: ReturnType<typeof at>) => ({ ...release, nodes: release.nodes.slice(0, 1) })
    rates.add([one(at(0, 0))], 0)
    rates.add([at(10, 90)], 10_000)
    expect(rates.text(at(10, 90))).toBe('33 %, 10.0 MB of 30.0 MB, 100 kB/s, 3 min 20 s left')
  })
})
