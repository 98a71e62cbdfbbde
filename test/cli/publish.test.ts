// `pimesh publish`, against the real API server with a backend of the test: what it says, what it sends, what it leaves.
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
import { apiSocket } from '../../src/daemon/api-client.ts'
import { createApiServer } from '../../src/daemon/api-server.ts'
import { sha256 } from '../../src/keys/ed25519.ts'
import { initMesh } from '../../src/publish/mesh.ts'
import { parseAnnouncement } from '../../src/wire/announcement.ts'
import {
  budgetsJson,
  hereJson,
  installJson,
  linkJson,
  publishersJson,
  releaseJson,
  releasesJson,
  statusJson,
} from './answers.ts'
import { TestBackend } from './backend.ts'
import { keyboard } from './keyboard.ts'
import { type LineOptions, line, screenOf } from './line.ts'

type Folders = [data: string, mesh: string, file: string, temporary: string]

/** A mesh folder, an artifact, and a peer that takes releases; its answers about them come from `nodes`. */
async function publisher() {
  const home = await mkdtemp(join(tmpdir(), 'pimesh-t-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const [data, dir, file, temporary] = ['data', 'mesh', 'agent', 'tmp'].map((name) => join(home, name)) as Folders
  for (const folder of [data, temporary]) mkdirSync(folder)
  vi.stubEnv('TMPDIR', temporary)
  onTestFinished(() => void vi.unstubAllEnvs())
  const mesh = initMesh({ dir, name: 'acme' }, Date.now())
  writeFileSync(file, Buffer.alloc(600_000, 'pimesh '))
  const backend = new TestBackend()
  const server = await createApiServer(backend, apiSocket(data))
  onTestFinished(() => server.close())
  backend.now = statusJson({ node: '12D3KooWlaptop' })
  backend.held = publishersJson({ mesh: mesh.id })
  const run = (words: readonly string[], options?: LineOptions) =>
    line(['publish', ...words, '--mesh', dir, '--data', data], options)
  const left = () => readdirSync(temporary)
  return { home, data, dir, mesh, file, backend, run, left }
}

/** What the backend says of the release that was submitted last. */
function answering(backend: TestBackend, some: Parameters<typeof releaseJson>[0]) {
  const submitted = backend.submitted.at(-1)
  if (submitted === undefined) return releasesJson([])
  const { releases } = parseAnnouncement(Buffer.from(submitted.announcement)).signed
  return releasesJson(
    releases.map(({ hash, path, version }) => releaseJson({ hash, path, version, nodes: [], ...some })),
  )
}

const NAME = ['--name', 'acme/agent@2.4.0', '--to', 'true']

describe('pimesh publish', () => {
  it('hands over the encoding and the announcement, keeps a copy, and waits for another member', async () => {
    const { backend, dir, file, mesh, run, left } = await publisher()
    const here = hereJson({ providers: 1, copies: 0, best: 40 })
    // What the fleet says: first nothing, then that this peer itself has it, which does not count, then that another one has.
    const said = [[], [installJson('laptop', 'committed')], [installJson('pi-3', 'verified')]]
    backend.onReleases = () => {
      const local = backend.releaseQueries.at(-1)?.local === true
      return answering(backend, { here, nodes: local ? [] : (said.shift() ?? []) })
    }
    const ran = await run([file, ...NAME, '--executable'])
    expect(ran.err).toBe('pi-3 has all of it: you may stop this peer now\n')
    expect(ran.out.replace(/[0-9a-f]{64}/, 'HASH').replace(/\d+ B/, 'N B')).toBe(`acme/agent@2.4.0 is announced
  for       true
  counter   1
  role      acme, version 1
  artifact  600 kB
  SHA-256   HASH
  travels   N B as zstd, 1 piece
`)
    expect(ran.status).toBe(0)
    expect(said).toEqual([])
    expect(backend.releaseQueries.some(({ local }) => local)).toBe(true)

    const [{ announcement, targets }] = backend.submitted as [(typeof backend.submitted)[0]]
    const { signed } = parseAnnouncement(Buffer.from(announcement))
    expect(signed).toMatchObject({ mesh: mesh.id, role: 'acme', version: 1 })
    const [release] = signed.releases
    expect(release).toMatchObject({ path: 'acme/agent', version: '2.4.0', to: 'true', origin: [] })
    expect(release?.installer).toEqual({ type: 'file', file: 'agent', executable: true })
    expect(release?.artifact.hash).toBe(Buffer.from(sha256(readFileSync(file))).toString('hex'))
    const [imported] = backend.imported
    expect(release?.encodings).toEqual([imported?.encoding])
    expect(Buffer.from(sha256(imported!.bytes)).toString('hex')).toBe(imported?.encoding.sha256)
    expect(targets).toBe(readFileSync(join(dir, 'targets', '1.json'), 'utf8'))
    expect(readFileSync(join(dir, 'announcements', 'acme.json'), 'utf8')).toBe(announcement)
    expect(left()).toEqual([])
  })

  it('makes a patch from a file, hands over both encodings, and says how small it is', async () => {
    const { backend, file, home, run, left } = await publisher()
    const old = randomBytes(600_000)
    writeFileSync(file, Buffer.concat([old, Buffer.from('and more')]))
    writeFileSync(join(home, 'old'), old)
    const ran = await run([file, ...NAME, '--patch-from', join(home, 'old'), '--no-wait'])
    const base = Buffer.from(sha256(old)).toString('hex')
    expect(ran.err).toBe(
      `${join(home, 'old')} is not what is announced as acme/agent now: only nodes that have it installed use its patch\n`,
    )
    expect(ran.out).toMatch(
      new RegExp(
        `  travels   \\d+ B as zstd-patch, 1 piece: 0 % of the whole, for nodes with ${base.slice(0, 16)}\n  travels   600 kB as it is, 3 pieces\n`,
      ),
    )
    expect(ran.status).toBe(0)
    const { signed } = parseAnnouncement(Buffer.from(backend.submitted[0]!.announcement))
    expect(signed.releases[0]?.encodings).toEqual([
      expect.objectContaining({ type: 'zstd-patch', base }),
      expect.objectContaining({ type: 'identity', length: 600_008 }),
    ])
    expect(backend.imported.map(({ encoding }) => encoding)).toEqual(signed.releases[0]?.encodings.toReversed())
    expect(left()).toEqual([])
  })

  it.each(['zstd', 'identity'])('makes a patch from the version that its peer holds, as %s', async (type) => {
    const { backend, data, file, mesh, run, left } = await publisher()
    const old = type === 'identity' ? randomBytes(600_000) : Buffer.alloc(600_000, 'how much is a mesh worth?')
    writeFileSync(file, old)
    expect((await run([file, ...NAME, '--no-wait'])).status).toBe(0)
    const held = join(data, 'artifacts')
    mkdirSync(held)
    const [first] = backend.imported
    writeFileSync(join(held, first!.encoding.hash), first!.bytes)
    const { announcement } = backend.submitted[0]!
    const role = { role: 'acme', epoch: 1, version: 1, frozen: false, announcement }
    backend.held = { ...publishersJson({ mesh: mesh.id }), roles: [role], counters: { 'acme/agent': 1 } }
    writeFileSync(file, Buffer.concat([old, randomBytes(40)]))
    const next = [file, '--name', 'acme/agent@2.5', '--to', 'true', '--no-wait', '--patch-from']
    const refused = async (name: string, sentence: RegExp) => {
      const { status, err } = await run([...next, name])
      expect([status, err]).toEqual([1, expect.stringMatching(sentence)])
    }
    await refused('2.3', /there is no file 2.3, and no such version of acme.agent is announced \(only 2.4.0 is\): give/)
    writeFileSync(
      join(held, first!.encoding.hash),
      first!.bytes.map((byte, at) => (at === 20 ? byte ^ 1 : byte)),
    )
    await refused('acme/agent@2.4.0', /peer on this machine holds of acme.agent@2.4.0 is not what was announced/)
    rmSync(join(held, first!.encoding.hash))
    await refused(
      '2.4.0',
      /the peer on this machine does not hold acme.agent@2.4.0: give --patch-from the file instead/,
    )
    writeFileSync(join(held, first!.encoding.hash), first!.bytes)
    const ran = await run([...next, '2.4.0', '-o', 'json'])
    expect([ran.status, ran.err]).toEqual([0, ''])
    expect(JSON.parse(ran.out)).toMatchObject({
      encoding: { type },
      patches: [{ type: 'zstd-patch', base: Buffer.from(sha256(old)).toString('hex') }],
    })
    expect(backend.submitted).toHaveLength(2)
    expect(left()).toEqual([])
  })

  it('refuses bases that are none, and leaves out a patch that saves nothing', async () => {
    const { backend, home, file, run, left } = await publisher()
    writeFileSync(file, randomBytes(300_000))
    const old = join(home, 'old')
    const refused = async (sentence: RegExp, ...names: string[]) => {
      const { status, err } = await run([
        file,
        ...NAME,
        '--no-wait',
        ...names.flatMap((name) => ['--patch-from', name]),
      ])
      expect([status, err]).toEqual([expect.any(Number), expect.stringMatching(sentence)])
      expect(status).not.toBe(0)
    }
    await refused(/is a folder: a patch is made from the single file that nodes have installed/, home)
    writeFileSync(old, '')
    await refused(/is empty: there is nothing to patch from/, old)
    writeFileSync(old, readFileSync(file))
    await refused(/has the same bytes as .*: leave it out/, old)
    writeFileSync(old, readFileSync(file).subarray(0, 299_000))
    writeFileSync(`${old}2`, readFileSync(old))
    await refused(/old and .*old2 are the same bytes: leave one out/, old, `${old}2`)
    await refused(/at most 15 others: leave some out/, ...Array.from({ length: 16 }, () => old))
    expect([backend.submitted, left()]).toEqual([[], []])
    writeFileSync(old, 'another')
    const ran = await run([file, ...NAME, '--no-wait', '--patch-from', old])
    expect(ran.err).toMatch(/a patch from .*old would have 100 % of the bytes of the whole: it is left out/)
    expect([ran.status, backend.imported.length]).toEqual([0, 1])
  })

  describe('makes patches by itself from what the fleet has in use', () => {
    const old = randomBytes(600_000)
    const next = Buffer.concat([old, Buffer.from('more')])
    const hex = (bytes: Uint8Array) => Buffer.from(sha256(bytes)).toString('hex')

    /** A publisher that has announced these versions; the fleet says `says` of the last. */
    async function having(...versions: Uint8Array[]) {
      const place = await publisher()
      const { backend, mesh, file, run } = place
      const publish = async (bytes: Uint8Array, version: string, ...words: string[]) => {
        writeFileSync(file, bytes)
        const ran = await run([file, '--name', `acme/agent@${version}`, '--to', 'true', '--no-wait', ...words])
        expect(ran.status, ran.err).toBe(0)
        const { announcement } = backend.submitted.at(-1)!
        const { signed } = parseAnnouncement(Buffer.from(announcement))
        const role = { role: 'acme', epoch: 1, version: signed.version, frozen: false, announcement }
        const [release] = signed.releases
        const counters = { 'acme/agent': release!.counter }
        backend.held = { ...publishersJson({ mesh: mesh.id }), roles: [role], counters }
        return { ...ran, release: release! }
      }
      const announced = []
      for (const [at, bytes] of versions.entries()) announced.push((await publish(bytes, `${at + 1}`)).release)
      return { ...place, publish, announced, kept: () => readdirSync(join(place.dir, 'published')) }
    }
    const has = (nodes: number) => Array.from({ length: nodes }, (_, at) => installJson(`pi-${at}`, 'committed'))

    it('of the version that is announced, and says for how many nodes', async () => {
      const { backend, publish, left } = await having(old)
      backend.onReleases = () => answering(backend, { nodes: [...has(2), installJson('pi-9', 'fetching')] })
      const { release, out, err } = await publish(next, '2')
      expect(release.encodings.map(({ type, base }) => [type, base])).toEqual([
        ['zstd-patch', hex(old)],
        ['identity', undefined],
      ])
      expect(out).toMatch(/as zstd-patch, 1 piece: 0 % of the whole, for 2 nodes with acme\/agent@1\n/)
      expect([err, left()]).toEqual(['', []])
    })

    it('of versions that are announced no more, those that most nodes have first, and nothing that nobody has', async () => {
      const versions = ['a', 'b', 'c'].map((word) => Buffer.concat([old, Buffer.from(word)]))
      const { backend, publish, announced, kept } = await having(...versions)
      const earlier = [
        { release8: announced[0]!.hash.slice(0, 16), nodes: 1 },
        { release8: 'ab'.repeat(8), nodes: 7 },
      ]
      backend.onReleases = () => ({ ...answering(backend, { nodes: has(0) }), earlier })
      const { release, out } = await publish(next, '4')
      expect(release.encodings.flatMap(({ base }) => base ?? [])).toEqual([hex(versions[0]!)])
      expect(out).toMatch(/for 1 node with acme\/agent@1\n/)
      expect(kept().filter((name) => name.endsWith('.json'))).toHaveLength(limits.publishedKept)
      expect(kept()).not.toContain(announced[0]!.hash)
    })

    it('and goes without those that are damaged, the same, not wanted, or when the fleet says nothing', async () => {
      const { backend, dir, publish, kept } = await having(old)
      backend.onReleases = () => answering(backend, { nodes: has(1) })
      const types = async (...words: Parameters<typeof publish>) => {
        const { release, err } = await publish(...words)
        return [release.encodings.map(({ type }) => type), err]
      }
      expect(await types(old, '1')).toEqual([['identity'], ''])
      expect(await types(next, '3', '--no-patch')).toEqual([['identity'], ''])
      expect(await types(old, '4', '--no-patch')).toEqual([['identity'], ''])
      const held = kept().filter((name) => !name.endsWith('.json'))
      expect(held).toHaveLength(limits.publishedKept)
      for (const name of held) writeFileSync(join(dir, 'published', name), randomBytes(600_000))
      expect(await types(next, '5')).toEqual([
        ['identity'],
        expect.stringMatching(/^there is no patch from acme\/agent@4: .* is not what was announced/),
      ])
      backend.onReleases = () => Promise.reject(new Failure('E_NO_DAEMON', 'gone'))
      expect(await types(old, '6')).toEqual([['identity'], ''])
    })
  })

  it('names at most four addresses of its peer, of this machine alone only where there are none else', async () => {
    const { backend, file, run } = await publisher()
    const id = '12D3KooWHGgdSPZDQohsZHLLVtxu87ioSi1pgjdHTUTRFAcYacMm'
    const address = (host: string) => `/ip4/${host}/tcp/31415/p2p/${id}`
    const origin = () =>
      parseAnnouncement(Buffer.from(backend.submitted.at(-1)!.announcement)).signed.releases[0]?.origin
    const hosts = [1, 2, 3, 4, 5].map((n) => address(`10.0.0.${n}`))
    backend.held = { ...backend.held, addresses: [address('127.0.0.1'), ...hosts] }
    await run([file, ...NAME, '--no-wait'])
    expect(origin()).toEqual(hosts.slice(0, limits.releaseOrigins))
    backend.held = { ...backend.held, addresses: [address('127.0.0.1')] }
    await run([file, ...NAME, '--no-wait'])
    expect(origin()).toEqual([address('127.0.0.1')])
  })

  it('asks once for the passphrase of its key, before it encodes anything', async () => {
    const { backend, dir, file, run, left } = await publisher()
    const passphraseFile = join(dir, 'passphrase')
    writeFileSync(passphraseFile, 'correct horse', { mode: 0o600 })
    for (const name of ['publisher', 'root'])
      await line(['keys', 'protect', name, '--mesh', dir, '--passphrase-file', passphraseFile])
    const none = await run([file, ...NAME, '--no-wait'])
    expect(none).toMatchObject({ status: 1, out: '', err: expect.stringContaining('[E_PASSPHRASE]') })
    expect([backend.imported, backend.submitted, left(), existsSync(join(dir, 'announcements', 'acme.json'))]).toEqual([
      [],
      [],
      [],
      false,
    ])
    const { options, left: answers } = keyboard(['correct horse'])
    const ran = await run([file, ...NAME, '--no-wait'], options)
    expect(ran).toMatchObject({ status: 0, err: expect.stringContaining(`passphrase of ${dir}/keys/publisher.key: `) })
    expect([answers, backend.submitted.length]).toEqual([[], 1])
  })

  it('says the same as JSON, and nothing else on stdout', async () => {
    const { file, run } = await publisher()
    const ran = await run([file, '--name', 'acme/agent', '--to', 'true', '--no-wait', '-o', 'json'], { columns: 80 })
    expect(JSON.parse(ran.out)).toMatchObject({
      ...{ schema: 'pimesh.publish/1', release: 'acme/agent@1', path: 'acme/agent', version: '1', counter: 1 },
      ...{ role: 'acme', epoch: 1, roleVersion: 1, copied: null, artifact: { bytes: 600_000 } },
      encoding: { type: 'zstd', pieces: 1 },
    })
    expect([ran.status, ran.err]).toEqual([0, ''])
  })

  it('shows on a terminal how far it is, on one line that goes away', async () => {
    const { backend, file, run } = await publisher()
    const looks = [hereJson({ providers: 0, copies: 0 }), hereJson({ providers: 2, copies: 0, best: 40 })]
    backend.onReleases = () => answering(backend, { here: looks.shift() ?? hereJson({ providers: 3, copies: 2 }) })
    const drawn: string[] = []
    const ran = await run([file, ...NAME], { columns: 60, written: (text) => drawn.push(text) })
    expect(drawn.join('')).toMatch(/encoding \[#{24}\] 100 %, 600 kB of 600 kB\n/)
    expect(drawn.join('')).toMatch(/handing over \[#{24}\] 100 %, /)
    expect(drawn.join('')).toContain('waiting until another member has all of it: none has begun (\n')
    expect(drawn.join('')).toContain('has all of it: 2 members at it,\n')
    expect(screenOf(drawn.join(''))).toMatch(
      /^acme\/agent@2.4.0 is announced\n[\s\S]*2 other members have all of it: you may stop/,
    )
    expect(screenOf(ran.out)).not.toMatch(/\[#|waiting/)
  })

  it('waits no longer when a person has enough of it, and says what goes on', async () => {
    const { backend, file, run } = await publisher()
    const stop = new AbortController()
    backend.onReleases = () => {
      stop.abort()
      return answering(backend, { here: hereJson({ providers: 1, copies: 0 }) })
    }
    const ran = await run([file, ...NAME], { signal: stop.signal })
    expect(ran.status).toBe(1)
    expect(ran.err).toMatch(
      /^no other member has all of it yet: .*while this peer runs, so do not stop that now; "pimesh releases"/,
    )
  })

  it('stopped before the announcement leaves nothing', async () => {
    const { backend, dir, file, run, left } = await publisher()
    const stop = new AbortController()
    backend.onChunk = async () => stop.abort()
    const ran = await run([file, ...NAME], { signal: stop.signal })
    expect(ran).toEqual({ status: 1, out: '', err: 'stopped before anything was announced: nothing has changed\n' })
    expect(backend.submitted).toEqual([])
    expect([existsSync(join(dir, 'announcements')), left()]).toEqual([false, []])
  })

  it('that its peer refuses repeats why, keeps no copy, and never signs that version again', async () => {
    const { backend, dir, file, run, left } = await publisher()
    const submit = backend.onSubmit
    backend.onSubmit = () => Promise.reject(new Failure('E_ANNOUNCEMENT', 'the peer refused it'))
    const ran = await run([file, ...NAME])
    expect(ran).toEqual({ status: 1, out: '', err: 'pimesh: the peer refused it [E_ANNOUNCEMENT]\n' })
    expect([existsSync(join(dir, 'announcements', 'acme.json')), left()]).toEqual([false, []])
    backend.onSubmit = submit
    expect((await run([file, ...NAME, '--no-wait'])).out).toMatch(/counter +2\n +role +acme, version 2\n/)
  })

  it('says so when its peer ends, or another announcement comes, while it waits', async () => {
    const { backend, file, run } = await publisher()
    backend.onReleases = () => releasesJson([])
    expect(await run([file, ...NAME])).toMatchObject({
      status: 1,
      err: 'a newer announcement has taken its place meanwhile\n',
    })
    backend.onReleases = () => Promise.reject(new Failure('E_NO_DAEMON', 'this daemon is stopping'))
    expect(await run([file, ...NAME])).toMatchObject({
      status: 1,
      err: 'pimesh: it is announced, but whether another member has all of it is not known: this daemon is stopping [E_NO_DAEMON]\n',
    })
  })
})

/** The peer of `data` under another folder, until it is killed: then its connections break in mid-word. */
async function mortal({ home, data }: { home: string; data: string }) {
  const folder = join(home, 'mortal')
  mkdirSync(folder)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    const peer = connect(apiSocket(data))
    for (const end of [socket, peer]) sockets.add(end.on('error', () => undefined))
    socket.pipe(peer).pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(apiSocket(folder), resolve))
  const kill = () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(kill)
  return { folder, kill }
}

describe('a peer that is killed', () => {
  const again = 'start it again ("pimesh up --data PEER", or "pimesh attach --data PEER" for an operator\'s folder)'
  const nothing = `pimesh: the peer of PEER ended, and nothing was announced: ${again}, and publish again [E_NO_DAEMON]\n`

  async function publishing(bytes: Buffer) {
    const { file, backend, left, home, data, dir } = await publisher()
    const { folder, kill } = await mortal({ home, data })
    writeFileSync(file, bytes)
    const ran = async () => {
      const { err, ...others } = await line(['publish', file, ...NAME, '--mesh', dir, '--data', folder])
      return { ...others, err: err.replaceAll(folder, 'PEER'), left: left() }
    }
    return { ran, kill, backend, signed: () => existsSync(join(dir, 'announcements', 'acme.json')) }
  }

  it.each([
    ['when it has all', Buffer.alloc(600_000, 'pimesh ')],
    ['in the middle', randomBytes(8 << 20)],
  ])('while it takes the bytes, %s, has announced nothing', async (_, bytes) => {
    const { ran, kill, backend } = await publishing(bytes)
    backend.onChunk = async () => kill()
    expect(await ran()).toEqual({ status: 1, out: '', err: nothing, left: [] })
    expect(backend.submitted).toEqual([])
  })

  it('before the submission has announced nothing', async () => {
    const { ran, kill, backend } = await publishing(Buffer.alloc(600_000, 'pimesh '))
    const answer = backend.publishers.bind(backend)
    backend.publishers = () => {
      if (backend.imported.length > 0) kill()
      return answer()
    }
    expect(await ran()).toEqual({ status: 1, out: '', err: nothing, left: [] })
    expect(backend.submitted).toEqual([])
  })

  it('before it answered may have announced it: how to see is said', async () => {
    const { ran, kill, backend, signed } = await publishing(Buffer.alloc(600_000, 'pimesh '))
    const submit = backend.onSubmit
    backend.onSubmit = (body) => {
      kill()
      return submit(body)
    }
    const sentence = `the peer of PEER ended before it answered, so the release may be in force: ${again}; when "pimesh releases" does not list it, publish again`
    expect(await ran()).toEqual({ status: 1, out: '', err: `pimesh: ${sentence} [E_NO_DAEMON]\n`, left: [] })
    expect([backend.submitted.length, signed()]).toEqual([1, false])
  })
})

describe('pimesh publish --withdraw', () => {
  async function announced() {
    const here = await publisher()
    await here.run([here.file, ...NAME, '--no-wait'])
    const { announcement } = here.backend.submitted[0]!
    const roles = [{ role: 'acme', epoch: 1, version: 1, frozen: false, announcement }]
    here.backend.held = publishersJson({ mesh: here.mesh.id, roles, counters: { 'acme/agent': 1 } })
    return here
  }

  it('needs no file, keeps a copy of what it signed, and says what stays', async () => {
    const { backend, dir, run } = await announced()
    const ran = await run(['--withdraw', 'acme/agent@2.4.0'])
    expect(ran).toEqual({
      ...{ status: 0, err: '' },
      out: `acme/agent@2.4.0 is withdrawn
  counter  1
  role     acme, version 2
no further node begins it; where it is in use it stays until another acme/agent is published
`,
    })
    expect(backend.imported).toHaveLength(1)
    const [before, after] = backend.submitted.map(({ announcement }) => parseAnnouncement(Buffer.from(announcement)))
    expect(after?.signed.releases).toMatchObject([{ to: 'false', withdraws: before?.signed.releases[0]?.hash }])
    expect(readFileSync(join(dir, 'announcements', 'acme.json'), 'utf8')).toBe(backend.submitted[1]?.announcement)
  })

  it('is for programs, too', async () => {
    const { backend, run } = await announced()
    const { out, status } = await run(['--withdraw', 'acme/agent', '-o', 'json'])
    const [before] = parseAnnouncement(Buffer.from(backend.submitted[0]!.announcement)).signed.releases
    const told = { schema: 'pimesh.publish/1', release: 'acme/agent@2.4.0', counter: 1, withdraws: before?.hash }
    expect([status, JSON.parse(out)]).toMatchObject([0, told])
  })

  it.each<[string, string[], number, RegExp]>([
    [
      'what is not announced',
      ['acme/agnet'],
      1,
      /does not announce "acme\/agnet": did you mean "acme\/agent"\? \[E_PATH\]/,
    ],
    [
      'with a selector',
      ['acme/agent', '--to', 'true'],
      2,
      /takes back what is announced as it stands: leave out --to \[E_U/,
    ],
    ['with a file', ['acme/agent', 'FILE'], 2, /as it stands: leave out \S+agent \[E_USAGE\]/],
    ['with what it would require', ['acme/agent', '--requires', 'acme/lib'], 2, /leave out --requires \[E_USAGE\]/],
  ])('of %s is one sentence, and changes nothing', async (_, words, status, sentence) => {
    const { backend, dir, file, run } = await announced()
    const before = readFileSync(join(dir, 'announcements', 'acme.json'), 'utf8')
    const ran = await run(['--withdraw', ...words.map((word) => (word === 'FILE' ? file : word))])
    expect(ran.status).toBe(status)
    expect(ran.err).toMatch(sentence)
    expect(backend.submitted).toHaveLength(1)
    expect(readFileSync(join(dir, 'announcements', 'acme.json'), 'utf8')).toBe(before)
  })
})

describe('a mistake is one sentence, before anything is encoded', () => {
  const root = process.getuid?.() === 0

  it.each<[string, string[], number, string | RegExp]>([
    ['no file', ['HOME/none', ...NAME], 1, 'there is no file HOME/none: check the path [E_ARTIFACT]'],
    [
      'a folder',
      ['HOME/data', ...NAME],
      1,
      'HOME/data is a folder: publish a single file, for example a tar of it [E_ARTIFACT]',
    ],
    ['an empty file', ['HOME/empty', ...NAME], 1, 'HOME/empty is empty: there is nothing to publish [E_ARTIFACT]'],
    ['no name', ['FILE', '--to', 'true'], 2, 'say what it is, as in --name acme/agent@2.4.0 [E_USAGE]'],
    [
      'no selector',
      ['FILE', '--name', 'acme/agent'],
      2,
      /^say which nodes it is for: .*--to true for all \[E_USAGE\]$/,
    ],
    ['no words', [], 2, /^publish needs a file, as in .*see "pimesh publish --help" \[E_USAGE\]$/],
    [
      'two versions',
      ['FILE', ...NAME, '--version', '3'],
      2,
      'two versions are given, "2.4.0" and "3": leave one out [E_USAGE]',
    ],
    ['an installer', ['FILE', ...NAME, '--installer', 'deb'], 2, '--installer takes file, not "deb" [E_USAGE]'],
    [
      'a selector that ends',
      ['FILE', '--name', 'acme/agent', '--to', 'cpus >= 4 &&'],
      2,
      'the selector is not valid at character 13: it ends too early [E_SELECTOR]',
    ],
    [
      'an unknown fact',
      ['FILE', '--name', 'acme/agent', '--to', 'cpus >= 4 && zoen == "/uk"'],
      2,
      /^the selector is not valid at character 14: "zoen" is not a fact .*did you mean "zone"\? \[E_SELECTOR\]$/,
    ],
    [
      'a path outside the role',
      ['FILE', '--name', 'other/agent', '--to', 'true'],
      1,
      '"other/agent" is outside what the role "acme" may announce (acme/*): choose a path within it [E_PATH]',
    ],
    [
      'a key that is not in the role',
      ['FILE', ...NAME, '--key', 'HOME/mesh/keys/root.key'],
      1,
      /^the key in HOME\/mesh\/keys\/root.key is not one of the role "acme", .*give another with --key FILE \[E_KEY\]$/,
    ],
    [
      'a key file that is none',
      ['FILE', ...NAME, '--key', 'FILE'],
      1,
      /^HOME\/agent is no key file: give one that "pimesh init" or "pimesh keys new" made, .*\[E_KEY\]$/,
    ],
    ['a folder of keys', ['FILE', ...NAME, '--key', 'HOME/mesh/keys'], 1, /^HOME\/mesh\/keys is no key file: .*E_KEY/],
    ['a device without an end', ['FILE', ...NAME, '--key', '/dev/zero'], 1, /^\/dev\/zero is no key file: .*E_KEY/],
    [
      'a path outside the role, also without a peer',
      ['FILE', '--name', 'other/agent', '--to', 'true', '--data', 'HOME/none'],
      1,
      / \[E_PATH\]$/,
    ],
    ['no mesh', ['FILE', ...NAME, '--mesh', 'HOME/data'], 1, /^there is no mesh in HOME\/data; .*\[E_NO_MESH\]$/],
    [
      'no peer',
      ['FILE', ...NAME, '--data', 'HOME/none'],
      1,
      /^no daemon answers for the data folder HOME\/none: .*\[E_NO_DAEMON\]$/,
    ],
  ])('%s', async (_, words, status, sentence) => {
    const { home, file, backend, dir, data, left } = await publisher()
    writeFileSync(join(home, 'empty'), '')
    const given = words.map((word) => word.replace('HOME', home).replace('FILE', file))
    const ran = await line(['publish', '--mesh', dir, '--data', data, ...given])
    expect([ran.status, ran.out]).toEqual([status, ''])
    const said = ran.err.replaceAll(home, 'HOME').replace(/^pimesh: (.*)\n$/, '$1')
    expect(said).toEqual(typeof sentence === 'string' ? sentence : expect.stringMatching(sentence))
    expect([backend.imported, existsSync(join(dir, 'announcements')), left()]).toEqual([[], false, []])
  })

  it.skipIf(root)('a file that may not be read (skipped for root, who may read all)', async () => {
    const { file, run } = await publisher()
    rmSync(file)
    writeFileSync(file, 'secret', { mode: 0 })
    expect((await run([file, ...NAME])).err).toMatch(/cannot be read \(EACCES\).*\[E_ARTIFACT\]\n$/)
  })

  it('a mesh folder that cannot keep what is signed', async () => {
    const { backend, dir, file, home, run } = await publisher()
    // Also root cannot write into a file.
    writeFileSync(join(dir, 'announcements'), '')
    const ran = await run([file, ...NAME])
    const sentence = 'cannot write to HOME/mesh/announcements (EACCES); check its permissions and the space on its disk'
    expect([ran.status, ran.err.replace(home, 'HOME')]).toEqual([1, `pimesh: ${sentence} [E_DATA_WRITE]\n`])
    expect(backend.imported).toEqual([])
  })

  it('a counter that is not newer, with the number that is', async () => {
    const { backend, file, run } = await publisher()
    backend.held = { ...backend.held, counters: { 'acme/agent': 7 } }
    const ran = await run([file, ...NAME, '--counter', '7'])
    const sentence =
      'the counter 7 of acme/agent is not newer: 7 has been announced; give 8 or more, or leave out --counter'
    expect(ran).toEqual({ status: 1, out: '', err: `pimesh: ${sentence} [E_COUNTER]\n` })
    expect(backend.imported).toEqual([])
  })

  it('a peer of another mesh, or one that is linked to nobody', async () => {
    const { backend, file, home, mesh, run } = await publisher()
    backend.held = publishersJson({ mesh: mesh.id, linked: 0 })
    const alone = await run([file, ...NAME])
    expect(alone.err.replaceAll(home, 'HOME')).toBe(
      'pimesh: the peer of HOME/data is linked to no member, so nobody would hear of it: look at "pimesh status" and publish again [E_NO_MEMBER]\n',
    )
    backend.held = publishersJson({ mesh: 'ff'.repeat(32) })
    expect((await run([file, ...NAME])).err).toMatch(/belongs to another mesh.*--data and --mesh \[E_NO_MESH\]\n$/)
    expect(backend.imported).toEqual([])
  })

  it('a month of its peer that has less left than one copy takes, unless somebody on the LAN takes it', async () => {
    const { backend, dir, file, home, run, left } = await publisher()
    writeFileSync(file, randomBytes(600_000))
    const { month } = budgetsJson()
    const near = linkJson({ route: 'lan', via: null, roundTripMs: 1 })
    const far = linkJson({ route: 'punched', via: null, roundTripMs: 9 })
    const leaves = (bytes: number | null, lan: boolean, links = [far]) => {
      const budgets = budgetsJson({ lan, month: { ...month, limit: 1e9, left: bytes } })
      backend.now = statusJson({ node: '12D3KooWlaptop', budgets, links })
    }
    for (const [lan, links] of [
      [false, [far]],
      [true, [far, near]],
    ] as const) {
      leaves(500_000, lan, [...links])
      const ran = await run([file, ...NAME, '--no-wait'])
      expect(ran).toMatchObject({ status: 1, out: '' })
      expect(ran.err.replaceAll(home, 'HOME')).toBe(
        'pimesh: the peer of HOME/data has 500 kB left of this month (swarm.monthly), and what would travel has 600 kB: raise that in its configuration, or publish through another peer [E_BUDGET]\n',
      )
    }
    expect([backend.imported, backend.submitted, left(), readdirSync(dir).includes('published')]).toEqual([
      ...[[], [], [], false],
    ])
    for (const [bytes, lan, links] of [
      [500_000, false, [far, near]],
      [600_000, true, [far]],
      [null, true, [far]],
    ] as const) {
      leaves(bytes, lan, [...links])
      expect((await run([file, ...NAME, '--no-wait'])).status).toBe(0)
    }
  })

  it('a file that changes while it is read', async () => {
    const { backend, file, run, left } = await publisher()
    writeFileSync(file, Buffer.alloc(8 << 20, 'pimesh '))
    let drawn = 0
    const written = (text: string) => {
      if (!text.includes('encoding [')) return
      if (drawn++ === 0) writeFileSync(file, 'other')
    }
    const ran = await run([file, ...NAME], { columns: 80, written })
    expect(drawn).toBeGreaterThan(0)
    expect(ran.status).toBe(1)
    expect(screenOf(ran.err)).toMatch(/changed while it was read: .*\[E_ARTIFACT_CHANGED\]\n$/)
    expect([backend.imported, left()]).toEqual([[], []])
  })
})
