// Publishing in three steps, in this process and against the real API server with a backend of the test: what each command says,
// what travels, and that each mistake is one sentence which leaves everything as it was.
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { DAY } from '../../src/core/limits.ts'
import { apiSocket } from '../../src/daemon/api-client.ts'
import { createApiServer } from '../../src/daemon/api-server.ts'
import { writeKeyFile } from '../../src/keys/key-file.ts'
import { keptAnnouncement, meshTargets } from '../../src/publish/delegations.ts'
import { initMesh, meshKeys } from '../../src/publish/mesh.ts'
import { encodeRequest, makeRequest } from '../../src/publish/signing-request.ts'
import { parseAnnouncement } from '../../src/wire/announcement.ts'
import { jsonOf } from '../../src/wire/canonical.ts'
import { rootJson } from '../../src/wire/root.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { targetsJson } from '../../src/wire/targets.ts'
import { keyOf, seedOf } from '../fixtures/documents.ts'
import { budgetsJson, publishersJson, statusJson } from './answers.ts'
import { TestBackend } from './backend.ts'
import { type LineOptions, line, screenOf } from './line.ts'

const HOLDERS = ['ada', 'bob', 'cyd']
const short = (name: string) => keyOf(name).keyId.slice(0, 16)
const WORDS = ['--name', 'acme/agent@2.4.0', '--to', 'true', '--executable']

/** A mesh whose role acme needs 2 of 3 keys, none of which is in its folder; a peer; an artifact. */
async function publisher() {
  const home = await mkdtemp(join(tmpdir(), 'pimesh-t-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const at = (...names: string[]) => join(home, ...names)
  mkdirSync(at('data'))
  const mesh = initMesh({ dir: at('mesh'), name: 'acme' }, Date.now())
  const targets = delegate(at('mesh'), 2, HOLDERS)
  for (const name of [...HOLDERS, 'eve']) writeKeyFile(at(`${name}.key`), seedOf(name))
  writeFileSync(at('agent'), Buffer.alloc(300_000, 'pimesh '))
  const backend = new TestBackend()
  const server = await createApiServer(backend, apiSocket(at('data')))
  onTestFinished(() => server.close())
  backend.held = publishersJson({ mesh: mesh.id })
  const run = async (words: readonly string[], options?: LineOptions) => {
    const ran = await line(words, options)
    return { ...ran, out: ran.out.replaceAll(home, 'HOME'), err: ran.err.replaceAll(home, 'HOME') }
  }
  const places = ['--mesh', at('mesh'), '--data', at('data')]
  const prepare = (out = 'out', words = WORDS) =>
    run(['publish', at('agent'), ...words, '--prepare', at(out), ...places])
  const sign = (name: string, out = 'out', words = ['--yes']) =>
    run(['sign', at(out), '--key', at(`${name}.key`), ...words])
  const submit = (out = 'out', words: string[] = []) =>
    run(['publish', '--submit', at(out), '--no-wait', ...places, ...words])
  const files = () => [...readdirSync(at('out')), readFileSync(at('out', 'request.json'), 'utf8')]
  return { at, mesh, targets, backend, run, prepare, sign, submit, files }
}

/** Lets these sign as the role acme, two of them at a time; the owner of the folder signs that. @returns the document, as text */
function delegate(dir: string, version: number, by: string[], epoch = 1): string {
  const root = JSON.parse(readFileSync(join(dir, 'root', '1.json'), 'utf8')).signed.roles.targets.keyids[0]
  const owner = [...meshKeys({ dir } as never).values()].find(({ keyId }) => keyId === root)!
  const keys = new Map(by.map((name) => [keyOf(name).keyId, keyOf(name).publicKey]))
  const role = { name: 'acme', keyIds: [...keys.keys()], threshold: 2, paths: ['acme/*'], terminating: true, epoch }
  const raw = encodeSigned(targetsJson({ version, expires: Date.now() + 90 * DAY, keys, roles: [role] }), [owner])
  writeFileSync(join(dir, 'targets', `${version}.json`), raw)
  return Buffer.from(raw).toString()
}

const typed = (text: string): NodeJS.ReadStream => {
  const stream = Object.assign(new PassThrough(), { isTTY: true })
  stream.end(text)
  return stream as unknown as NodeJS.ReadStream
}

describe('a role that needs two signatures', () => {
  it('is prepared, signed twice and submitted; each step says what comes next', async () => {
    const { at, mesh, backend, prepare, sign, submit } = await publisher()
    const prepared = await prepare()
    expect(prepared.out).toMatch(/^announcement of the role "acme", version 1\n {2}mesh {5}[0-9a-f]{64}\n/)
    expect(prepared.out).toMatch(/new: acme\/agent\n {2}version {6}2\.4\.0\n {2}counter {6}1\n {2}for {10}true\n/)
    expect(prepared.out).toContain('needs 2 of 3 keys of the role "acme"; 0 signed:\n')
    expect(prepared.err).toContain('run "pimesh sign HOME/out --key FILE" there\n')
    const first = await sign('cyd')
    expect(first.out).toContain(`  ${short('cyd')}  has not signed, this key\n`)
    expect(first.err).toBe(
      `the artifact is here, and has this SHA-256\nsigned with the key ${short('cyd')}: 1 more of the role "acme" is needed, by one of the keys ${short('ada')}, ${short('bob')}\n`,
    )
    const second = await sign('ada')
    expect(second.out).toContain(`  ${short('cyd')}  has signed\n`)
    expect(second.err).toContain('all signatures are there; hand it in with "pimesh publish --submit HOME/out"\n')
    const submitted = await submit()
    expect([submitted.status, submitted.err]).toEqual([0, ''])
    expect(submitted.out).toMatch(/^acme\/agent@2\.4\.0 is announced\n[\s\S]* role {6}acme, version 1\n/)
    const [{ announcement, targets }] = backend.submitted as [(typeof backend.submitted)[0]]
    const document = parseAnnouncement(Buffer.from(announcement))
    expect(document.signatures.map(({ keyId }) => keyId).sort()).toEqual(
      [keyOf('ada').keyId, keyOf('cyd').keyId].sort(),
    )
    expect(JSON.parse(targets ?? '').signed.version).toBe(2)
    expect(backend.imported.map(({ encoding }) => encoding)).toEqual(document.signed.releases[0]?.encodings)
    const role = meshTargets(mesh).signed.roles[0]!
    expect(keptAnnouncement('accepted', { mesh, targets: meshTargets(mesh), role })?.hash).toBe(document.hash)
    expect(existsSync(at('mesh', 'announcements', 'acme.pending.json'))).toBe(false)
  })

  it('is not handed to a peer that has nothing left of its month', async () => {
    const { backend, prepare, sign, submit } = await publisher()
    await prepare()
    for (const name of ['ada', 'bob']) await sign(name)
    const { month } = budgetsJson()
    backend.now = statusJson({ budgets: budgetsJson({ month: { ...month, limit: 1e6, left: 0 } }), links: [] })
    expect(await submit()).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringMatching(/^pimesh: .* \[E_BUDGET\]\n$/),
    })
    expect([backend.imported, backend.submitted]).toEqual([[], []])
  })

  it('shows what comes into use together, and what no node will begin any more', async () => {
    const { prepare, sign, submit, backend } = await publisher()
    const announce = async (out: string, version: number) => {
      for (const name of ['ada', 'bob']) await sign(name, out)
      await submit(out)
      const { announcement } = backend.submitted.at(-1)!
      const roles = [{ role: 'acme', epoch: 1, version, frozen: false, announcement }]
      backend.held = publishersJson({ mesh: backend.held.mesh, roles })
    }
    await prepare('lib', ['--name', 'acme/lib@1', '--to', 'true'])
    await announce('lib', 1)
    const prepared = await prepare('both', [...WORDS, '--requires', 'acme/lib'])
    expect(prepared.out).toMatch(/\n {2}together with +acme\/lib@1\n/)
    expect((await sign('cyd', 'both')).out).toMatch(/\n {2}together with +acme\/lib@1\n/)
    await announce('both', 2)
    const newer = await prepare('newer', ['--name', 'acme/lib@2', '--to', 'true'])
    expect(newer.err).toContain(
      'acme/agent@2.4.0 requires acme/lib@1: nodes that have it in use take this one together',
    )
    expect(newer.out).toContain('unchanged: acme/agent\n')
    expect(newer.out).toContain(
      'acme/agent@2.4.0 requires a release that is not announced: no further node will begin it\n',
    )
  })

  it('withdraws in three steps as well, without any file', async () => {
    const { at, run, prepare, sign, submit, backend } = await publisher()
    await prepare()
    for (const name of ['ada', 'bob']) await sign(name)
    await submit()
    const { announcement } = backend.submitted.at(-1)!
    const roles = [{ role: 'acme', epoch: 1, version: 1, frozen: false, announcement }]
    backend.held = publishersJson({ mesh: backend.held.mesh, roles, counters: { 'acme/agent': 1 } })
    const places = ['--mesh', at('mesh'), '--data', at('data')]
    const prepared = await run(['publish', '--withdraw', 'acme/agent', '--prepare', at('back'), ...places])
    expect([prepared.status, readdirSync(at('back'))]).toEqual([0, ['request.json']])
    expect(prepared.out).toContain('changed: acme/agent\n')
    expect(prepared.out).toMatch(/\n {2}for +true -> no node: it is withdrawn\n/)
    const signed = await sign('ada', 'back')
    expect(signed.err).not.toContain('the artifact is')
    await sign('cyd', 'back')
    const imported = backend.imported.length
    const submitted = await submit('back')
    expect([submitted.status, submitted.err, backend.imported.length]).toEqual([0, '', imported])
    expect(submitted.out).toMatch(/^acme\/agent@2\.4\.0 is withdrawn\n {2}counter {2}1\n {2}role {5}acme, version 2\n/)
    const document = parseAnnouncement(Buffer.from(backend.submitted.at(-1)!.announcement))
    expect(document.signed.releases).toMatchObject([{ to: 'false', counter: 1 }])
  })

  it('says which three commands to use when somebody publishes at once', async () => {
    const { at, run } = await publisher()
    copyFileSync(at('ada.key'), at('mesh', 'keys', 'ada.key'))
    const ran = await run(['publish', at('agent'), ...WORDS, '--mesh', at('mesh'), '--data', at('data')])
    expect(ran.status).toBe(1)
    expect(ran.err).toMatch(/needs 2 signatures.*--prepare OUT", then "pimesh sign OUT.*--submit OUT" \[E_KEY\]\n$/)
  })

  it('can be submitted from a machine without the mesh folder, also when only the request came back', async () => {
    const { at, run, prepare, sign } = await publisher()
    await prepare()
    mkdirSync(at('stick'))
    copyFileSync(at('out', 'request.json'), at('stick', 'request.json'))
    const away = await run(['sign', at('stick', 'request.json'), '--key', at('bob.key'), '--yes'])
    expect(away.err).toMatch(/^the artifact is not here, so its SHA-256 was not compared/)
    copyFileSync(at('stick', 'request.json'), at('out', 'request.json'))
    await sign('ada')
    const env = { PIMESH_MESH: at('none') }
    const ran = await run(['publish', '--submit', at('out'), '--no-wait', '--data', at('data')], { env })
    expect([ran.status, ran.err]).toEqual([0, ''])
    expect(existsSync(at('none'))).toBe(false)
  })

  it('gives programs JSON', async () => {
    const { sign, submit, prepare } = await publisher()
    const prepared = JSON.parse((await prepare('out', [...WORDS, '-o', 'json'])).out)
    expect(prepared).toMatchObject({ schema: 'pimesh.request/1', kind: 'announcement', role: 'acme', version: 1 })
    expect(prepared).toMatchObject({ follows: null, folder: 'HOME/out', quorums: [{ threshold: 2, missing: 2 }] })
    const signed = JSON.parse((await sign('ada', 'out', ['--yes', '-o', 'json'])).out)
    expect(signed).toMatchObject({ key: keyOf('ada').keyId, quorums: [{ missing: 1, signed: [keyOf('ada').keyId] }] })
    await sign('bob')
    expect(JSON.parse((await submit('out', ['-o', 'json'])).out)).toMatchObject({
      release: 'acme/agent@2.4.0',
      copied: null,
    })
  })
})

describe('prepare', () => {
  it('works without a peer, and says on what it builds', async () => {
    const { at, run } = await publisher()
    const words = [...WORDS, '--prepare', at('out'), '--mesh', at('mesh'), '--data', at('none')]
    const ran = await run(['publish', at('agent'), ...words])
    expect(ran.status).toBe(0)
    expect(ran.err).toMatch(/^no peer runs on this machine: version and counter follow what HOME\/mesh knows/)
  })

  it('never gives two requests of one folder the same version', async () => {
    const { prepare } = await publisher()
    await prepare('one')
    expect((await prepare('two')).out).toMatch(/version 2\n[\s\S]*follows {2}nothing/)
  })

  it('follows what its peer holds', async () => {
    const { backend, mesh, targets, prepare, sign, submit } = await publisher()
    await prepare()
    await sign('ada')
    await sign('bob')
    await submit()
    const { announcement } = backend.submitted[0]!
    const roles = [{ role: 'acme', epoch: 1, version: 1, frozen: false, announcement }]
    backend.held = publishersJson({ mesh: mesh.id, targets, roles, counters: { 'acme/agent': 1 } })
    const next = await prepare('next', ['--name', 'acme/map@7', '--to', 'cpus >= 4'])
    expect(next.out).toMatch(
      /version 2\n[\s\S]*follows {2}version 1\n[\s\S]*new: acme\/map\n[\s\S]*unchanged: acme\/agent\n/,
    )
    const again = await prepare('again', ['--name', 'acme/agent@2.5.0', '--to', 'cpus >= 4'])
    expect(again.out).toMatch(/changed: acme\/agent\n {2}version {6}2\.4\.0 -> 2\.5\.0\n {2}counter {6}1 -> 2\n/)
  })

  it.each<[string, string[], string[], RegExp]>([
    ['a folder that exists', ['mesh'], [], /^HOME\/mesh exists already: .*\[E_USAGE\]$/],
    ['a folder in nothing', ['none/out'], [], /^there is no folder HOME\/none: make it first \[E_USAGE\]$/],
    ['a key', ['out'], ['--key', 'ada.key'], /^--prepare signs nothing: leave out --key.*\[E_USAGE\]$/],
    ['a path of nobody', ['out'], ['--name', 'x/y'], /^no role of this mesh may announce "x\/y": choose among "acme"/],
    ['another role', ['out'], ['--role', 'lab'], /^no role of this mesh is called "lab": choose among "acme".*E_PATH/],
  ])('refuses %s, and leaves nothing', async (_, [out], words, says) => {
    const { at, prepare } = await publisher()
    const before = readdirSync(at('.'))
    const ran = await prepare(out, [...WORDS, ...words])
    expect(ran.err.replace(/^pimesh: (.*)\n$/, '$1')).toMatch(says)
    expect([readdirSync(at('.')), existsSync(at('mesh', 'announcements'))]).toEqual([before, false])
  })

  it('stopped in the middle leaves nothing', async () => {
    const { at, run } = await publisher()
    const stop = new AbortController()
    stop.abort()
    const words = [...WORDS, '--prepare', at('out'), '--mesh', at('mesh'), '--data', at('data')]
    const ran = await run(['publish', at('agent'), ...words], { signal: stop.signal })
    expect(ran.err).toBe('stopped before the request was made: nothing has changed\n')
    expect(readdirSync(at('.')).filter((name) => name.includes('out'))).toEqual([])
  })
})

describe('sign asks a person', () => {
  it.each([
    ['yes\n', 0, /signed with the key/],
    ['no\n', 1, /not signed: nothing has changed\n$/],
    ['', 1, /not signed: nothing has changed\n$/],
  ])('who answers %j', async (answer, status, says) => {
    const { at, run, prepare, files } = await publisher()
    await prepare()
    const before = files()
    const ran = await run(['sign', at('out'), '--key', at('ada.key')], { columns: 80, stdin: typed(answer) })
    expect(ran.status).toBe(status)
    expect(screenOf(ran.err)).toContain(`Sign this with the key ${short('ada')}? Type yes`)
    expect(screenOf(ran.err)).toMatch(says)
    expect(JSON.stringify(files()) === JSON.stringify(before)).toBe(status === 1)
  })
})

describe('sign refuses, and changes nothing', () => {
  type Place = Awaited<ReturnType<typeof publisher>>
  const edit = ({ at }: Place, change: (text: string) => string) => {
    const path = at('out', 'request.json')
    writeFileSync(path, change(readFileSync(path, 'utf8')))
  }
  const encoding = ({ at }: Place) => at('out', readdirSync(at('out')).find((name) => name !== 'request.json')!)

  it.each<[string, string, (place: Place) => unknown, RegExp]>([
    ['a key of another role', 'eve', () => undefined, / is not one of the role "acme": sign with one of .*\[E_KEY\]$/],
    ['a second signature', 'bob', ({ sign }) => sign('bob'), / has signed it already: 1 more of .*\[E_KEY\]$/],
    ['no such key file', 'dan', () => undefined, /HOME\/dan\.key cannot be read \(ENOENT\).*\[E_KEY\]$/],
    [
      'a changed selector',
      'bob',
      (place) => edit(place, (text) => text.replace('"to":"true"', '"to":"cpus>1"')),
      /altered/,
    ],
    [
      'a request that was cut off',
      'bob',
      (place) => edit(place, (text) => text.slice(0, 900)),
      /damaged.*E_REQUEST\]$/,
    ],
    [
      'a request that is gone',
      'bob',
      ({ at }) => rmSync(at('out', 'request.json')),
      /no signing request in .*E_REQUEST/,
    ],
    [
      'another encoding',
      'bob',
      (place) => writeFileSync(encoding(place), 'x'),
      /is not the encoding that is.*E_ARTIFACT/,
    ],
  ])('%s', async (_, name, prepared, says) => {
    const place = await publisher()
    await place.prepare()
    await prepared(place)
    const left = () => readdirSync(place.at('out')).map((one) => [one, readFileSync(place.at('out', one), 'latin1')])
    const before = left()
    const ran = await place.sign(name)
    expect([ran.status, ran.err.trimEnd().split('\n').length]).toEqual([1, 1])
    expect(ran.err.trimEnd()).toMatch(says)
    expect(left()).toEqual(before)
  })

  it('with the wrong passphrase of an encrypted key; with the right one it is signed', async () => {
    const { at, run, prepare, files } = await publisher()
    await prepare()
    const cost = { n: 1_024, r: 8, p: 1 }
    writeKeyFile(at('locked.key'), seedOf('ada'), { passphrase: 'four random words', cost })
    writeFileSync(at('right'), 'four random words\n', { mode: 0o600 })
    writeFileSync(at('wrong'), 'four other words\n', { mode: 0o600 })
    const words = (file: string) => [
      ...['sign', at('out'), '--key', at('locked.key')],
      '--yes',
      '--passphrase-file',
      at(file),
    ]
    const before = files()
    const wrong = await run(words('wrong'))
    expect([wrong.status, wrong.err]).toEqual([1, expect.stringMatching(/\[E_PASSPHRASE\]\n$/)])
    expect(files()).toEqual(before)
    expect((await run(words('right'))).err).toContain(`signed with the key ${short('ada')}`)
  })

  it('a request for another mesh, or of an older root, than --mesh has', async () => {
    const { at, mesh, prepare, sign } = await publisher()
    await prepare()
    initMesh({ dir: at('other') }, Date.now())
    expect((await sign('ada', 'out', ['--yes', '--mesh', at('other')])).err).toMatch(
      /for another mesh than .*E_REQUEST/,
    )
    cpSync(at('mesh'), at('newer'), { recursive: true })
    const owner = [...meshKeys(mesh).values()].find(({ keyId }) => mesh.root.signed.roles.root.keyIds.includes(keyId))!
    const next = encodeSigned(rootJson({ ...mesh.root.signed, version: 2 }), [owner])
    writeFileSync(at('newer', 'root', '2.json'), next)
    expect((await sign('ada', 'out', ['--yes', '--mesh', at('newer')])).err).toMatch(
      /under version 1 of the root, .* has 2/,
    )
    expect((await sign('ada', 'out', ['--yes', '--mesh', at('mesh')])).status).toBe(0)
  })

  it('without a key, or a person to ask', async () => {
    const { at, run, prepare } = await publisher()
    await prepare()
    expect(await run(['sign', at('out')])).toMatchObject({
      status: 2,
      err: expect.stringContaining('--key my.key [E_USAGE]'),
    })
    const stdin = new PassThrough() as unknown as NodeJS.ReadStream
    const ran = await run(['sign', at('out'), '--key', at('ada.key')], { stdin })
    expect([ran.status, ran.err]).toEqual([2, expect.stringMatching(/add --yes \[E_USAGE\]\n$/)])
  })

  it('shows root and targets documents too, which publish does not hand in', async () => {
    const { at, mesh, run, submit } = await publisher()
    const owner = [...meshKeys(mesh).entries()].find(([id]) => mesh.root.signed.roles.root.keyIds.includes(id))!
    const signed = rootJson({ ...mesh.root.signed, version: 2, expires: Date.now() + 9 * DAY })
    const request = makeRequest(mesh, { kind: 'root', signed }, Date.now())
    mkdirSync(at('out'))
    writeFileSync(at('out', 'request.json'), encodeRequest(request))
    const ran = await run(['sign', at('out'), '--key', at('mesh', 'keys', 'root.key'), '--yes'])
    expect(ran.out).toMatch(/^root document, version 2\n[\s\S]*nothing else than version and dates changes\n/)
    expect(ran.err).toMatch(
      new RegExp(
        `signed with the key ${owner[0].slice(0, 16)}: all signatures are there; hand it in with "pimesh trust submit`,
      ),
    )
    expect((await submit()).err).toMatch(/is for a root document, not for a release: .*\[E_REQUEST\]\n$/)
  })
})

describe('submit refuses', () => {
  async function signed() {
    const place = await publisher()
    await place.prepare()
    await place.sign('ada')
    await place.sign('bob')
    return place
  }

  it('what has not enough signatures, and says how many are missing and whose', async () => {
    const { backend, prepare, sign, submit } = await publisher()
    await prepare()
    await sign('ada')
    const ran = await submit()
    expect(ran.err).toBe(
      `pimesh: HOME/out/request.json has not enough signatures: 1 more of the role "acme" is needed, by one of the keys ${short('bob')}, ${short('cyd')} [E_SIGNATURES]\n`,
    )
    expect([ran.status, backend.imported, backend.submitted]).toEqual([1, [], []])
  })

  it('what was overtaken, and says by what', async () => {
    const { backend, mesh, targets, at, prepare, sign, submit } = await signed()
    await prepare('other', ['--name', 'acme/map', '--to', 'true'])
    await sign('bob', 'other')
    await sign('cyd', 'other')
    const request = jsonOf(readFileSync(at('other', 'request.json'))) as { document: object }
    const announcement = JSON.stringify(request.document)
    const roles = [{ role: 'acme', epoch: 1, version: 2, frozen: false, announcement }]
    backend.held = publishersJson({ mesh: mesh.id, targets, roles })
    const again = 'prepare it again, and let it be signed again [E_REQUEST]\n'
    expect((await submit()).err).toBe(
      `pimesh: the request was overtaken: version 2 of the role "acme" was announced since, and this is 1; ${again}`,
    )
    backend.held = publishersJson({ mesh: mesh.id, targets, counters: { 'acme/agent': 5 } })
    expect((await submit()).err).toContain('the counter 5 of acme/agent was announced since, and this is 1')
    backend.held = publishersJson({ mesh: mesh.id, targets: delegate(at('mesh'), 3, ['bob', 'cyd']) })
    expect((await submit()).err).toContain('version 3 of the targets document is in force, under which its signatures')
    backend.held = publishersJson({ mesh: mesh.id, targets: delegate(at('mesh'), 4, HOLDERS, 2) })
    expect((await submit()).status).toBe(1)
    expect([backend.imported, backend.submitted]).toEqual([[], []])
    // Changed for others only: these signatures count.
    backend.held = publishersJson({ mesh: mesh.id, targets: delegate(at('mesh'), 5, ['ada', 'bob']) })
    expect((await submit()).status).toBe(0)
    expect(backend.submitted[0]?.targets).toBe(null)
  })

  it('a folder without the bytes, or with others', async () => {
    const { at, backend, submit } = await signed()
    const name = readdirSync(at('out')).find((one) => one !== 'request.json')!
    writeFileSync(at('out', name), 'other bytes')
    expect((await submit()).err).toMatch(/is not the encoding that is announced: .*\[E_ARTIFACT\]\n$/)
    rmSync(at('out', name))
    expect((await submit()).err).toMatch(
      /^pimesh: there is no HOME\/out\/[0-9a-f]{64}, which has the bytes .*E_ARTIFACT/,
    )
    expect(backend.imported).toEqual([])
  })

  it('a peer of another mesh, one that is linked to nobody, and none', async () => {
    const { at, backend, mesh, submit } = await signed()
    backend.held = publishersJson({ mesh: 'ff'.repeat(32) })
    expect((await submit()).err).toMatch(/belongs to another mesh than HOME\/out\/request\.json: .*\[E_NO_MESH\]\n$/)
    backend.held = publishersJson({ mesh: mesh.id, linked: 0 })
    expect((await submit()).err).toMatch(/is linked to no member.*\[E_NO_MEMBER\]\n$/)
    expect((await submit('out', ['--data', at('none')])).err).toMatch(/\[E_NO_DAEMON\]\n$/)
    initMesh({ dir: at('other') }, Date.now())
    expect((await submit('out', ['--mesh', at('other')])).err).toMatch(
      /does not hold the mesh of the request.*E_NO_MESH/,
    )
  })

  it('other words beside it', async () => {
    const { at, submit } = await signed()
    expect((await submit('out', ['--name', 'acme/x'])).err).toMatch(/as it stands: leave out --name \[E_USAGE\]/)
    expect((await submit('out', [at('agent')])).err).toMatch(/leave out HOME\/agent \[E_USAGE\]/)
  })
})
