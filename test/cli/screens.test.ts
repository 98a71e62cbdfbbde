// The commands that ask a daemon, as child processes against the real API server with a backend of the test.
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
import { apiSocket } from '../../src/daemon/api-client.ts'
import { createApiServer } from '../../src/daemon/api-server.ts'
import { FACTS } from '../../src/wire/selector.ts'
import { hereJson, nodeJson, nodesJson, releaseJson, releasesJson, statusJson } from './answers.ts'
import { TestBackend } from './backend.ts'
import { line } from './line.ts'
import { folder, pimesh, start } from './pimesh.ts'

async function daemon() {
  const data = await folder()
  const backend = new TestBackend()
  const server = await createApiServer(backend, apiSocket(data))
  onTestFinished(() => server.close())
  return { data, backend }
}

const partial = { zonesAnswered: 1, zonesKnown: 2, oldestMs: 4_200, complete: false }

describe('pimesh nodes', () => {
  it('prints the table, without colours into a pipe', async () => {
    const { data, backend } = await daemon()
    const ran = await pimesh(['nodes', '--data', data, '--zone', '/uk/glasgow', '--timeout', '2s'])
    expect(ran).toEqual({
      status: 0,
      out: expect.stringMatching(/^NAME[^\u001b]*\n1 of 1 zone answered, 2 nodes, all up, oldest 4 s\n$/),
      err: '',
    })
    expect(backend.queries).toEqual([{ zones: ['/uk/glasgow'], timeoutMs: 2_000, limit: limits.apiPageRows }])
  })

  it('prints what the daemon said as JSON, and fails when it is partial', async () => {
    const { data, backend } = await daemon()
    backend.answer = nodesJson([nodeJson()], { completeness: partial })
    const ran = await pimesh(['nodes', '--data', data, '-o', 'json'])
    expect(JSON.parse(ran.out)).toEqual(backend.answer)
    expect(ran.status).toBe(1)
  })

  it('watches: one line of JSON each time, until it is told to stop', async () => {
    const { data, backend } = await daemon()
    const child = start(['nodes', '--data', data, '-o', 'json', '--watch', '1'])
    const lines = createInterface({ input: child.stdout as Readable })
    for await (const line of lines) {
      expect(JSON.parse(line)).toEqual(backend.answer)
      if (backend.queries.length >= 3) break
    }
    child.kill('SIGINT')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it('ends quietly when its reader is gone', async () => {
    const { data } = await daemon()
    const child = start(['nodes', '--data', data, '-o', 'json', '--watch', '1'])
    await once(child.stdout as Readable, 'data')
    child.stdout?.destroy()
    const [[status], err] = await Promise.all([once(child, 'exit'), readAll(child.stderr as Readable)])
    expect([status, err]).toEqual([0, ''])
  })

  it.skipIf(!existsSync('/dev/full'))('says in one sentence that its output cannot be written', async () => {
    const { data } = await daemon()
    const full = openSync('/dev/full', 'w')
    onTestFinished(() => closeSync(full))
    const child = start(['nodes', '--data', data], { stdout: full })
    const [[status], err] = await Promise.all([once(child, 'exit'), readAll(child.stderr as Readable)])
    expect(err).toBe('pimesh: cannot write the output (ENOSPC: no space left on device) [E_DATA_WRITE]\n')
    expect(status).toBe(1)
  })

  it('repeats the sentence of the daemon', async () => {
    const { data, backend } = await daemon()
    backend.onNodes = () => Promise.reject(new Failure('E_NO_MEMBER', 'nobody answers'))
    expect(await pimesh(['nodes', '--data', data])).toEqual({
      status: 1,
      out: '',
      err: 'pimesh: nobody answers [E_NO_MEMBER]\n',
    })
  })
})

async function readAll(stream: Readable): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += chunk
  return text
}

describe('pimesh get node', () => {
  it('shows one node with units', async () => {
    const { data } = await daemon()
    const { status, out } = await pimesh(['get', 'node', 'pi-2', '--data', data])
    expect(status).toBe(0)
    expect(out).toMatch(/^pi-2: up, heard 4 s ago\n/)
    expect(out).toMatch(/\nnode_memory_MemTotal_bytes +4.0 GB +4000000000\n/)
    expect(out).toMatch(/\nrpi_throttled +not available +-\n/)
  })

  it('shows by whom it is seen and what it has beside its record, and fails when a witness is missing', async () => {
    const { data, backend } = await daemon()
    const { answer } = backend
    const by = { node: '12D3KooWpi-1', name: 'pi-1', witness: true, status: 'up', ageMs: 3_400 } as const
    const values = [
      { name: 'node_hwmon_fan_rpm', unit: 'rpm', kind: 'gauge', value: 2_880, ageMs: 9_000 },
      { name: 'water_level', unit: 'm', kind: 'gauge', value: 1.25, ageMs: 61_000 },
    ] as const
    backend.answer = {
      ...answer,
      seen: {
        by: [
          { ...by, route: 'lan', roundTripMs: 0.42 },
          {
            ...by,
            node: '12D3KooWpi-3',
            name: null,
            witness: false,
            status: null,
            ageMs: null,
            route: null,
            roundTripMs: null,
          },
        ],
        completeness: { answered: 1, known: 2, complete: false, silent: [{ node: '12D3KooWpi-9', name: 'pi-9' }] },
      },
      beside: { series: [...values], complete: true },
    }
    const { status, out } = await pimesh(['get', 'node', 'pi-2', '--data', data])
    expect(status).toBe(1)
    expect(out).toMatch(/^told by +pi-1$/m)
    expect(out).toContain(
      [
        'SEEN BY       ROLE     STATE        HEARD  LINK     RTT',
        'pi-1          witness  up         3 s ago  lan   0.4 ms',
        '12D3KooWpi-3  member   not known        -  none       -',
        'pi-9          witness  no answer        -  -          -',
        '1 of 2 witnesses answered (partial)',
      ].join('\n'),
    )
    expect(out).toMatch(
      /\nnode_hwmon_fan_rpm +2880 +9 s\nwater_level +1.25 m +61 s\n"pimesh history pi-2 METRIC" shows how/,
    )
  })

  it.each([
    [{ answered: 3, known: 3, complete: true, silent: [] }, null, 0, 'it is gone, and nobody else keeps that'],
    [
      { answered: 0, known: 0, complete: true, silent: [] },
      undefined,
      0,
      'seen by nobody: no other node of /uk/glasgow is up',
    ],
    [
      { answered: 0, known: 0, complete: false, silent: [] },
      undefined,
      1,
      'nobody in /uk/glasgow answered who its witnesses are (partial)',
    ],
    [
      { answered: 1, known: 1, complete: true, silent: [] },
      { series: [], complete: false },
      1,
      'it did not answer in time (partial)',
    ],
    [
      { answered: 1, known: 1, complete: true, silent: [] },
      { series: [], complete: true },
      0,
      '1 of 1 witness answered',
    ],
  ])('says of %j and %j what is missing', async (completeness, beside, exit, said) => {
    const { data, backend } = await daemon()
    backend.answer = { ...backend.answer, seen: { by: [], completeness }, ...(beside !== undefined && { beside }) }
    const { status, out } = await pimesh(['get', 'node', 'pi-2', '--data', data])
    expect([status, out]).toEqual([exit, expect.stringContaining(said)])
  })

  it('repeats the one sentence of the daemon about a node that it cannot name', async () => {
    const { data } = await daemon()
    const ran = await pimesh(['get', 'node', 'pi2', '--data', data])
    expect(ran).toEqual({ status: 1, out: '', err: 'pimesh: no node is called "pi2" [E_UNKNOWN_NODE]\n' })
  })
})

describe('pimesh status', () => {
  it('is one screen', async () => {
    const { data } = await daemon()
    const { status, out, err } = await pimesh(['status', '--data', data])
    expect([status, err]).toEqual([0, ''])
    expect(out).toMatch(/^pi-1 in \/uk\/glasgow: fine\n/)
    for (const line of [
      /^zone +\/uk\/glasgow \(3 up, 0 late, 0 down, 0 left\)$/m,
      /^daemon +pimesh 0.1.0, pid 42, since 1 min, 96.8 MB memory, CPU 1 % of a core$/m,
      /^traffic +1.2 MB in, 999 B out$/m,
      /^kept +512 MB of 1.0 GB \(3 encodings\) that no release names any more$/m,
      /^forwarded +90.0 MB of 2.0 GB \(1 encoding\) for zones that cannot reach each other$/m,
      /^node +12D3KooWpi-1 \(node, incarnation 3\)$/m,
      /^refused +2 times: it belongs to another mesh \(foreignMesh\)$/m,
      /^listening +\/ip4\/127.0.0.1\/tcp\/31415\/p2p\/12D3KooWpi-1$/m,
      /^alerts: none$/m,
      / {2}pi-2 in \/uk\/glasgow, outbound \/ip4\/10.0.0.2\/tcp\/31415, since 5 s$/m,
    ])
      expect(out).toMatch(line)
  })

  it('shows all that a selector may ask, by its name there', async () => {
    const { data, backend } = await daemon()
    const { facts } = statusJson()
    backend.now = statusJson({ facts: { ...facts, arch: 'arm64', cpus: 4 }, labels: { room: 'lab3', rack: 'b' } })
    const { out } = await line(['status', '--data', data])
    const shown = Object.fromEntries([...out.matchAll(/^(\w+) +(.*)$/gm)].map(([, name, value]) => [name, value]))
    expect(Object.fromEntries(Object.keys(FACTS).map((fact) => [fact, shown[fact]]))).toEqual({
      ...{ node: '12D3KooWpi-1 (node, incarnation 3)', name: 'pi-1' },
      ...{ zone: '/uk/glasgow (3 up, 0 late, 0 down, 0 left)', labels: 'room=lab3,rack=b' },
      ...{ model: 'Raspberry Pi 4 Model B', os: 'Debian 13', kernel: 'not known', arch: 'arm64', cpus: '4' },
    })
  })

  it('of the first node, which knows no other, is fine; so says doctor', async () => {
    const { data, backend } = await daemon()
    const alone = { isolated: true, links: [], contacts: { zones: 0, nodes: 0 } }
    backend.now = statusJson(alone)
    const ran = await pimesh(['status', '--data', data])
    expect([ran.status, ran.out.split('\n')[0]]).toEqual([0, 'pi-1 in /uk/glasgow: fine: the only node so far'])
    const { out } = await pimesh(['doctor', '--data', data])
    expect(out).toMatch(/^ok +links +none: the only node so far$/m)
    expect(out).toMatch(/^ok +contacts +none: the only node so far$/m)
    backend.now = statusJson({ ...alone, contacts: { zones: 1, nodes: 1 } })
    expect((await pimesh(['status', '--data', data])).status).toBe(1)
  })

  it('counts one refusal as one, and has a line for each address', async () => {
    const { data, backend } = await daemon()
    backend.now = statusJson({ refusals: { expired: 1 }, listening: ['/ip4/10.0.0.1/tcp/1', '/ip6/::1/tcp/1'] })
    const { out } = await pimesh(['status', '--data', data])
    expect(out).toMatch(/^refused +1 time: /m)
    expect(out).toMatch(/^listening +\S+\/tcp\/1\/p2p\/12D3KooWpi-1\n +\/ip6\/::1\/tcp\/1\/p2p\/12D3KooWpi-1$/m)
  })

  it('of an operator shows no incarnation: it sends no records', async () => {
    const { data, backend } = await daemon()
    backend.now = statusJson({ role: 'operator', zone: '/', incarnation: 0 })
    const { out } = await pimesh(['status', '--data', data])
    expect(out).toMatch(/^node +12D3KooWpi-1 \(operator\)$/m)
    expect(out).not.toContain('incarnation')
  })

  it.each([
    [{ isolated: true }, 'isolated'],
    [{ counts: { up: 1, late: 0, down: 2, left: 0 } }, '2 nodes of /uk/glasgow down'],
    [{ alerts: [{ kind: 'cloned', node: 'x', detail: 'one id at two places', ageMs: 1 }] }, '1 alert'],
    [{ membershipExpires: '2020-01-01T00:00:00Z' }, 'the membership has ended'],
  ])('exits with 1 when degraded: %o', async (some, trouble) => {
    const { data, backend } = await daemon()
    backend.now = statusJson(some)
    const ran = await pimesh(['status', '--data', data])
    expect(ran.status).toBe(1)
    expect(ran.out).toContain(`: degraded: ${trouble}\n`)
    expect((await pimesh(['status', '--data', data, '-o', 'json'])).status).toBe(1)
  })
})

describe('a release that does not get on', () => {
  const detail = '/data/installed/acme/zz cannot be written: make it writable (ENOTDIR)'
  const blocked = {
    path: 'acme/zz',
    version: '1',
    here: hereJson({ state: 'verified', reason: 'notWritable', detail }),
  }

  it('degrades the status, and doctor says what to do', async () => {
    const { data, backend } = await daemon()
    backend.rollout = releasesJson([releaseJson({ here: hereJson() }), releaseJson(blocked)])
    const ran = await line(['status', '--data', data])
    expect(ran.status).toBe(1)
    expect(ran.out).toMatch(/^pi-1 in \/uk\/glasgow: degraded: acme\/zz@1 is stuck \(not writable\)\n/)
    expect(ran.out).toContain(`\nreleases:\n  acme/zz@1 is stuck (not writable): ${detail}\n`)
    const doctor = await line(['doctor', '--data', data])
    expect(doctor.status).toBe(1)
    expect(doctor.out).toContain(`fail  releases    acme/zz@1 is stuck (not writable)\n${' '.repeat(18)}-> ${detail}\n`)
    expect(backend.releaseQueries.every(({ local }) => local)).toBe(true)
    backend.rollout = releasesJson([releaseJson(blocked), releaseJson({ here: hereJson({ state: 'failed' }) })])
    expect((await line(['status', '--data', data])).out).toContain(': degraded: 2 releases are stuck\n')
  })

  it.each([
    ['is on its way', { here: hereJson() }],
    ['waits for a provider', { here: hereJson({ reason: 'noProvider' }) }],
    ['is of a frozen role', { frozen: true, here: hereJson({ state: 'announced', reason: 'frozen' }) }],
    ['is installed', { here: hereJson({ state: 'committed' }) }],
    ['is for others', { selected: false, here: blocked.here }],
  ])('but not one that %s', async (_, some) => {
    const { data, backend } = await daemon()
    backend.rollout = releasesJson([releaseJson(some)])
    expect(await line(['status', '--data', data])).toMatchObject({
      status: 0,
      out: expect.not.stringContaining('stuck'),
    })
    expect((await line(['doctor', '--data', data])).out).toMatch(/^ok +releases +none is stuck here$/m)
  })
})

describe('pimesh doctor', () => {
  it('has one line for each check, and advice where something is wrong', async () => {
    const { data, backend } = await daemon()
    backend.now = statusJson({ links: [], listening: [], mdns: false, clockTrusted: false })
    const { status, out } = await pimesh(['doctor', '--data', data])
    expect(status).toBe(1)
    const found = Object.fromEntries(
      [...out.matchAll(/^(ok|warn|fail) +(\S+)/gm)].map(([, state, name]) => [name, state]),
    )
    expect(found).toEqual({
      ...{ node: 'ok', data: 'ok', space: expect.any(String), membership: 'ok', clock: 'warn', daemon: 'ok' },
      ...{ port: 'warn', links: 'fail', zone: 'ok', contacts: 'ok', mdns: 'warn', root: 'ok', releases: 'ok' },
    })
    expect(out.match(/-> /g)).toHaveLength(Object.values(found).filter((state) => state !== 'ok').length)
  })

  it('warns when no release can be installed', async () => {
    const { data, backend } = await daemon()
    const said = async (installRoot: string) => {
      backend.now = statusJson({ installRoot })
      const ran = await line(['doctor', '--data', data])
      return /^(ok|warn|fail) +install +(.*)\n( +-> .*)?/m.exec(ran.out)?.slice(1, 3)
    }
    // It is made with the first release.
    expect(await said(`${data}/below/installed`)).toEqual(['ok', `releases go to ${data}/below/installed`])
    await writeFile(`${data}/file`, '')
    for (const root of [`${data}/file`, `${data}/file/installed`])
      expect(await said(root)).toEqual(['warn', `releases go to ${root}, and ${data}/file is no folder`])
  })

  it('works without a daemon and without a folder', async () => {
    const ran = await pimesh(['doctor', '--data', '/nonexistent', '-o', 'json'])
    expect(ran.status).toBe(1)
    const { checks } = JSON.parse(ran.out) as {
      checks: { name: string; state: string; text: string; advice?: string }[]
    }
    const failed = checks.filter((check) => check.state === 'fail')
    expect(failed.map((check) => check.name)).toEqual(['data', 'membership', 'daemon'])
    expect(failed.every((check) => check.advice !== undefined)).toBe(true)
    for (const { text, advice } of failed) {
      expect(text).not.toContain(advice)
      expect(text).not.toMatch(/pimesh |name the right/)
    }
  })
})

describe('pimesh leave', () => {
  it('asks the daemon to say goodbye, only with --yes', async () => {
    const { data, backend } = await daemon()
    const asked = await pimesh(['leave', '--data', data])
    expect(asked).toMatchObject({ status: 2, err: expect.stringContaining('\nreleases that are installed stay') })
    expect(backend.stops).toEqual([])
    const done = await pimesh(['leave', '--yes', '--data', data])
    expect(done).toMatchObject({ status: 0, err: 'releases that were installed stay where they are\n' })
    expect(backend.stops).toEqual([true])
  })

  it('says that it left when the membership and the state are gone, not before', async () => {
    const { data, backend } = await daemon()
    await Promise.all(['mesh', 'db'].map((name) => mkdir(`${data}/${name}`)))
    const asked = Promise.withResolvers<void>()
    backend.stop = async () => asked.resolve()
    const leaving = pimesh(['leave', '--yes', '--data', data])
    const order: string[] = []
    const left = leaving.then(() => order.push('left'))
    await asked.promise
    await rm(`${data}/mesh`, { recursive: true })
    // A whole other command: longer than the first would need to say so too early.
    await pimesh(['nodes', '--data', data])
    order.push('gone')
    await rm(`${data}/db`, { recursive: true })
    await left
    expect(order).toEqual(['gone', 'left'])
    expect(await leaving).toMatchObject({ status: 0, out: expect.stringMatching(/^left; /) })
  })
})
