// `pimesh releases` and `pimesh events`, as they look at several widths, against the real API server with a backend of the test.
import { describe, expect, it, onTestFinished } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
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
  const run = ([name = '', ...words]: readonly string[], options?: LineOptions) =>
    line([name, ...words, '--data', data], options)
  return { backend, run }
}

const agent = releaseJson({
  here: hereJson(),
  nodes: [
    installJson('pi-1', 'committed'),
    installJson('pi-2', 'fetching', { percent: 40 }),
    installJson('pi-3', 'announced', { reason: 'diskFull' }),
    installJson('pi-4', 'announced', { reason: 'diskFull', zone: '/uk/leeds' }),
    installJson('pi-5', 'failed', { reason: 'badArtifact' }),
    installJson('pi-6', 'staged', { status: 'down', ageMs: 4_000_000 }),
  ],
})
const frozen = releaseJson({
  ...{ path: 'acme/map', version: '7', hash: 'ab12'.repeat(16), to: 'labels.room == "lab3"', nodes: [], frozen: true },
  artifact: { hash: 'b1'.repeat(32), bytes: 104_857_600 },
})
const newer = releaseJson({
  ...{ path: 'acme/next', version: '8', hash: 'ac12'.repeat(16), expired: true, installer: null, encoding: null },
  unsupported: 'the installer "deb"',
  nodes: [installJson('pi-1', 'announced', { reason: 'unsupported' })],
})
const partial = { zonesAnswered: 1, zonesKnown: 2, complete: false }

const TABLE = `\
RELEASE              SIZE  ANNOUNCED  FETCHING  INSTALLED  FAILED  WHY
acme/agent@2.4.0  24.0 MB          0         2          1       3  2 disk full, 1 bad artifact, 1 down
acme/map@7         105 MB          0         0          0       0  role frozen
acme/next@8       24.0 MB          1         0          0       0  expired, 1 needs a newer pimesh
`
const NODES = `\
NODE  ZONE         STATE       DONE  STATUS     AGE  WHY
pi-1  /uk/glasgow  committed  100 %  up         4 s  -
pi-2  /uk/glasgow  fetching    40 %  up         4 s  -
pi-3  /uk/glasgow  announced    0 %  up         4 s  disk full
pi-4  /uk/leeds    announced    0 %  up         4 s  disk full
pi-5  /uk/glasgow  failed     100 %  up         4 s  bad artifact
pi-6  /uk/glasgow  staged     100 %  down    66 min  -
`
const ZONES = `\
ZONE         NODES  ANNOUNCED  FETCHING  INSTALLED  FAILED  DONE  OLDEST
/uk/leeds        1          0         0          0       1   0 %     4 s
/uk/glasgow      5          0         2          1       2  68 %  66 min
`
const FLEET = 'fleet      56 %, 34.0 MB of 60.0 MB\n'
const COUNTS = 'acme/agent@2.4.0: installed on 1 of 6 nodes, 2 fetching, 3 failed\n'
const COMPLETE = '1 of 1 zone answered, oldest 4 s\n'
const DETAILS = `\
for        zone.startsWith("/uk")
counter    7
role       acme, version 12, until 2099-01-01
artifact   24.0 MB
SHA-256    ${'a7'.repeat(32)}
travels    10.0 MB as zstd, 39 pieces
installer  file
release    ${'d1f0'.repeat(16)}
here       fetching, 40 %, 4.0 MB of 10.0 MB, 1.3 MB/s, 5 s left, from 3 members (2 have all)
`

describe('pimesh releases', () => {
  it('says of a zone that nobody knows what nodes says of it', async () => {
    const { backend, run } = await daemon()
    const nope = { zone: '/nope', state: 'silent' as const, by: null, counts: null, partial: false, membersKnown: 0 }
    const nobody = { zonesAnswered: 0, zonesKnown: 1, oldestMs: null, complete: false }
    backend.rollout = { ...releasesJson([frozen], nobody), zones: [nope] }
    const { out, status } = await run(['releases', '--zone', '/nope'])
    expect(out).toMatch(/\n\/nope: no node of this zone is known here; .*\n0 of 1 zone answered \(partial\)\n$/)
    expect(status).toBe(1)
    expect((await run(['releases', 'acme/map'])).out).toContain('\n/nope: no node of this zone is known here; ')
  })

  it('has one line for each, with the reasons, and no colours in a pipe', async () => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([agent, frozen, newer])
    const words = ['releases', '--zone', '/uk/glasgow', '--timeout', '2s']
    expect(await run(words)).toEqual({ status: 0, out: TABLE + COMPLETE, err: '' })
    expect(backend.releaseQueries).toEqual([{ zones: ['/uk/glasgow'], timeoutMs: 2_000, local: false }])
    expect(screenOf((await run(['releases'], { columns: 80 })).out)).toBe(TABLE + COMPLETE)
  })

  it('says with exit status 1 that the answer is partial', async () => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([frozen], partial)
    const ran = await run(['releases'])
    expect([ran.status, ran.out.split('\n').at(-2)]).toEqual([1, '1 of 2 zones answered, oldest 4 s (partial)'])
    const json = await run(['releases', '-o', 'json'])
    expect([json.status, JSON.parse(json.out)]).toEqual([1, backend.rollout])
  })

  it('says of how many nodes it does not know', async () => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([releaseJson({ nodes: [], unsaid: 5 })])
    const [, line, last] = (await run(['releases'])).out.split('\n')
    expect(line).toMatch(/ 0+ +0 +0[+] +0 +-$/)
    expect(last).toContain('+: 5 nodes tell of four other releases first, and may have it')
  })

  it('has whom the bytes came from', async () => {
    const { backend, run } = await daemon()
    const sources = { site: 6_000_000, members: 3_000_000, publisher: 1_000_000 }
    backend.rollout = releasesJson([{ ...agent, here: hereJson({ sources }) }])
    const { out } = await run(['releases', 'acme/agent'])
    const came =
      '60 % over the LAN, 30 % from other members, 10 % from the publisher (10.0 MB since this daemon started)'
    expect(out).toContain(`\ncame       ${came}\n`)
  })

  it('says what comes into use together', async () => {
    const { backend, run } = await daemon()
    const requires = [
      { hash: 'ab'.repeat(32), release: 'acme/lib@1.2' },
      { hash: 'cd'.repeat(32), release: null },
    ]
    backend.rollout = releasesJson([releaseJson({ requires, here: null })])
    const { out } = await run(['releases', 'acme/agent'])
    expect(out).toContain('together with  acme/lib@1.2, cdcdcdcdcdcdcdcd, which is not announced\n')
  })

  it('says of what is withdrawn who has it all the same', async () => {
    const { backend, run } = await daemon()
    const nodes = [installJson('pi-1', 'committed')]
    backend.rollout = releasesJson([releaseJson({ to: 'false', withdrawn: true, nodes, here: null })])
    expect((await run(['releases'])).out).toMatch(/acme\/agent@2\.4\.0 .* 1 +0 +withdrawn\n/)
    const { out } = await run(['releases', 'acme/agent'])
    expect(out).toContain('acme/agent@2.4.0: installed on 1 of 1 node\nfor        no node\n')
    expect(out).toContain('withdrawn: no further node begins it, and where it is in use it stays until another release')
  })

  it('has nothing to show when nothing is announced', async () => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([], { oldestMs: null })
    expect((await run(['releases'])).out).toBe('no release is announced\n1 of 1 zone answered\n')
  })

  it('has more columns when they are asked for', async () => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([agent, newer])
    const [titles, first, second] = (await run(['releases', '-o', 'wide'])).out.split('\n')
    expect(titles).toMatch(/ WHY +HERE +COUNTER +ROLE +TRAVELS +EXPIRES +HASH +FOR$/)
    expect(first).toMatch(
      / fetching +7 +acme 12 +10.0 MB as zstd, 39 pieces +2099-01-01 +d1f0d1f0d1f0d1f0 +zone.startsWith\("\/uk"\)$/,
    )
    expect(second).toMatch(/ - +7 +acme 12 +- +2099-01-01 +ac12ac12ac12ac12 /)
  })

  it('lists the nodes of each when they are asked for', async () => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([agent, frozen])
    const table = TABLE.split('\n').slice(0, 3).join('\n')
    const none = 'acme/map@7: no node that answered has it or waits for it\n'
    expect((await run(['releases', '--nodes'])).out).toBe(`${table}\n\n${COUNTS}${NODES}\n${none}${COMPLETE}`)
  })

  it.each(['acme/agent', 'acme/agent@2.4.0', 'd1f0d1'])('tells all about %s', async (which) => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([agent, frozen])
    expect((await run(['releases', which])).out).toBe(`${COUNTS}${DETAILS}\n${ZONES}\n${NODES}${COMPLETE}`)
    const json = JSON.parse((await run(['releases', which, '-o', 'json'])).out)
    expect(json).toEqual({ ...backend.rollout, releases: [agent] })
  })

  it('says what keeps a release from being installed', async () => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([newer])
    const { out } = await run(['releases', 'acme/next'])
    expect(out).toContain('\nexpired: no node begins to install it; publish again\n')
    expect(out).toContain('\npassed on, but not installed by this version of pimesh: the installer "deb"\n')
    const stuck = hereJson({ state: 'announced', reason: 'diskFull', detail: '12.0 MB more are needed' })
    backend.rollout = releasesJson([{ ...frozen, here: stuck }])
    const map = await run(['releases', 'acme/map'])
    expect(map.out).toContain('\nhere       announced (12.0 MB more are needed)\n')
    expect(map.out).toMatch(/^frozen: two announcements of one version were signed; publish again to lift that$/m)
  })

  it('names the nearest when there is none', async () => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([agent])
    const err = 'pimesh: nothing is announced as "acme/agnet": did you mean "acme/agent"? [E_PATH]\n'
    expect(await run(['releases', 'acme/agnet'])).toEqual({ status: 1, out: '', err })
  })

  it('watches in place, and says when what it shows is not current', async () => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([agent])
    const stop = new AbortController()
    let asked = 0
    backend.onReleases = (answer) => {
      if (++asked === 1) return answer
      throw new Failure('E_NO_MEMBER', 'nobody answers')
    }
    const written = (text: string) => {
      if (text.includes('not current')) stop.abort()
    }
    const ran = await run(['releases', '--watch', '1'], { columns: 120, signal: stop.signal, written })
    const table = TABLE.split('\n').slice(0, 2).join('\n')
    expect(screenOf(ran.out)).toBe(`${table}\n${COMPLETE}not current: nobody answers [E_NO_MEMBER]\n`)
    expect(ran.status).toBe(0)
  })

  it('watches for a release that is not announced yet', async () => {
    const { backend, run } = await daemon()
    const stop = new AbortController()
    let asked = 0
    backend.onReleases = () => releasesJson(++asked === 1 ? [frozen] : [frozen, agent])
    const written = (text: string) => {
      if (text.includes('pi-6')) stop.abort()
    }
    const ran = await run(['releases', 'acme/agent', '--watch', '1'], {
      signal: stop.signal,
      written,
    })
    const none = 'nothing is announced as "acme/agent": "pimesh releases" lists all\n'
    expect(ran).toEqual({
      status: 0,
      out: `${none}${COMPLETE}${COUNTS}${DETAILS}${FLEET}\n${ZONES}\n${NODES}${COMPLETE}`,
      err: '',
    })
  })

  it('shows names of others as harmless text', async () => {
    const { backend, run } = await daemon()
    backend.rollout = releasesJson([
      releaseJson({ to: 'name == "\u001b[2J"', nodes: [installJson('\u001b]0;x', 'failed')] }),
    ])
    for (const words of [
      ['releases', '-o', 'wide', '--nodes'],
      ['releases', 'acme/agent'],
    ])
      expect((await run(words)).out).not.toMatch(/\u001b/)
  })
})

describe('pimesh events', () => {
  const log = [
    { seq: 1, ageMs: 4_000_000, type: 'firstHeartbeat', text: 'the first record was sent' },
    { seq: 2, ageMs: 40_000, type: 'announced', text: 'version 3 of role "acme" is in force' },
  ]

  it('are a table with ages, or one line of JSON each', async () => {
    const { backend, run } = await daemon()
    backend.log = log
    expect(await run(['events'])).toEqual({
      status: 0,
      out: `\
   AGE  TYPE            EVENT
66 min  firstHeartbeat  the first record was sent
  40 s  announced       version 3 of role "acme" is in force
`,
      err: '',
    })
    const lines = (await run(['events', '-o', 'jsonl'])).out.trimEnd().split('\n')
    expect(lines.map((text) => JSON.parse(text))).toEqual(log.map((event) => ({ ...event, at: expect.any(String) })))
    backend.log = []
    expect((await run(['events'])).out).toBe('nothing has happened yet\n')
  })

  it('go on with -f: each one once, also over a restart of the daemon', async () => {
    const { backend, run } = await daemon()
    backend.log = log
    const stop = new AbortController()
    const written = (text: string) => {
      if (text.includes('role "acme"')) backend.log = [...log, { seq: 3, ageMs: 5, type: 'status', text: 'pi-3 is up' }]
      if (text.includes('pi-3 is up')) {
        backend.run = 'second'
        backend.log = [{ seq: 1, ageMs: 5, type: 'incarnation', text: 'incarnation 2' }]
      }
      if (text.includes('incarnation 2')) stop.abort()
    }
    const ran = await run(['events', '-f'], { signal: stop.signal, written })
    expect(ran.out.replaceAll(/^\d\d:\d\d:\d\d/gm, 'TIME')).toBe(`\
TIME  firstHeartbeat       the first record was sent
TIME  announced            version 3 of role "acme" is in force
TIME  status               pi-3 is up
TIME  incarnation          incarnation 2
`)
    expect([ran.status, ran.err]).toEqual([0, 'the daemon was started anew\n'])
  })

  it('say when some came too fast, and wait for a daemon that does not answer', async () => {
    const { backend, run } = await daemon()
    backend.log = log
    const stop = new AbortController()
    const events = backend.events.bind(backend)
    let asked = 0
    backend.events = (after) => {
      if (++asked === 2 || asked === 3) throw new Failure('E_PROTOCOL', 'it hangs')
      if (asked > 3) backend.log = [{ seq: 9, ageMs: 5, type: 'status', text: 'pi-9 is up' }]
      return events(after)
    }
    const written = (text: string) => {
      if (text.includes('pi-9 is up')) stop.abort()
    }
    const { err } = await run(['events', '-f'], { signal: stop.signal, written })
    expect(err).toBe(
      "it hangs [E_PROTOCOL]; waiting for it\n6 events came too fast to be kept; the daemon's log has them\n",
    )
  })
})
