// `pimesh trust add-publisher`, `rotate`, `revoke` of roles and keys, `beacon`, `renew` and `submit`, against the real API server with a
// backend of the test: what they sign, hand in and say, and that whatever is refused leaves folder and peer as they were.
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { toHex } from '../../src/core/bytes.ts'
import { Failure } from '../../src/core/failure.ts'
import { DAY } from '../../src/core/limits.ts'
import { apiSocket } from '../../src/daemon/api-client.ts'
import { createApiServer } from '../../src/daemon/api-server.ts'
import { writeKeyFile } from '../../src/keys/key-file.ts'
import { meshTargets, newestStored, publisherFloors } from '../../src/publish/delegations.ts'
import { initMesh, meshKeys, openMesh } from '../../src/publish/mesh.ts'
import { canonicalBytes, jsonOf } from '../../src/wire/canonical.ts'
import { parseRoot } from '../../src/wire/root.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { parseTargets, targetsJson } from '../../src/wire/targets.ts'
import { keyOf, nodeOf, seedOf } from '../fixtures/documents.ts'
import { nodeJson, nodesJson, publishersJson } from './answers.ts'
import { TestBackend } from './backend.ts'
import { type LineOptions, line } from './line.ts'

const [ADA, BOB] = ['ada', 'bob'].map(keyOf) as [ReturnType<typeof keyOf>, ReturnType<typeof keyOf>]
const short = ({ keyId }: { keyId: string }) => keyId.slice(0, 16)
const text = ({ publicKey }: { publicKey: Uint8Array }) => `ed25519:${toHex(publicKey)}`
const PASSPHRASE = 'four random words here'

/** A mesh folder of the publisher acme, key files of others, and a peer that takes what is signed. */
async function owner({ peer = true, passphrase }: { peer?: boolean; passphrase?: string } = {}) {
  const home = await mkdtemp(join(tmpdir(), 'pimesh-t-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const [data, dir] = [join(home, 'data'), join(home, 'mesh')]
  mkdirSync(data)
  const made = initMesh({ dir, name: 'acme', passphrase }, Date.now())
  for (const name of ['ada', 'bob', 'cyd']) writeKeyFile(join(home, `${name}.key`), seedOf(name))
  const backend = new TestBackend()
  backend.held = publishersJson({ mesh: made.id })
  // The peer knows what it took.
  backend.onDelegate = async () => {
    backend.held = { ...backend.held, targets: backend.delegated.at(-1) ?? null }
  }
  if (peer) {
    const server = await createApiServer(backend, apiSocket(data))
    onTestFinished(() => server.close())
  }
  const at = (...names: string[]) => join(home, ...names)
  const places = ['--mesh', dir, '--data', data]
  const ask = (words: string[], options?: LineOptions) => line(['trust', ...words, ...places], options)
  const run = (...words: string[]) => ask([...words, ...(words[0] === 'submit' ? [] : ['--yes'])])
  const sign = (out: string, key: string) => line(['sign', at(out), '--key', key, '--yes'])
  const keyOfRole = (role: 'root' | 'targets' | 'enrol') => join(dir, 'keys', `${role}.key`)
  /** All that could have changed. */
  const state = () => [hashOf(dir), [...backend.rooted, ...backend.delegated, ...backend.stated]]
  /** One sentence, this code, and nothing has changed. */
  const refused = async (words: string[], code: string, sentence: RegExp) => {
    const before = state()
    const { status, out, err } = await run(...words)
    expect(err).toMatch(sentence)
    expect([out, err.trimEnd().split('\n').length, err.includes(`[${code}]`)]).toEqual(['', 1, true])
    expect([1, 2]).toContain(status)
    expect(state()).toEqual(before)
  }
  const mesh = () => openMesh(dir)
  return {
    home,
    data,
    dir,
    backend,
    at,
    ask,
    run,
    sign,
    keyOfRole,
    state,
    refused,
    mesh,
    targets: () => meshTargets(mesh()),
  }
}

/** A person at a terminal, who answers each question when it comes. */
function answering(...answers: string[]): LineOptions {
  const stdin = Object.assign(new PassThrough(), { isTTY: true })
  const written = (text: string) => {
    if (text.includes('? Type yes')) setImmediate(() => stdin.write(`${answers.shift()}\n`))
  }
  return { stdin: stdin as unknown as NodeJS.ReadStream, columns: 120, written }
}

/** Of every file below a folder, by name and content; a turn leaves its empty folder. */
function hashOf(dir: string): string {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const hash = createHash('sha256')
  for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort())
    hash.update(path).update(readFileSync(path))
  return hash.digest('hex')
}

describe('pimesh trust add-publisher', () => {
  it('shows it, signs the next targets, hands them to the peer, and keeps them in the folder', async () => {
    const { run, targets, backend, mesh, at } = await owner()
    const pubs = ['--pub', text(ADA), '--pub', at('bob.key')]
    const ran = await run(
      'add-publisher',
      'lab',
      ...pubs,
      '--threshold',
      '2',
      '--paths',
      'lab/*',
      '--when-stale',
      'refuse',
    )
    expect(ran.out).toMatch(
      new RegExp(
        `^targets document, version 2\\n[\\s\\S]*new: role "lab"\\n +keys +${short(ADA)}, ${short(BOB)}\\n +needs +2 of 2 keys\\n`,
      ),
    )
    expect(ran.out).toMatch(
      /\n +when stale +a node that hears no beacon installs nothing of it\n[\s\S]*unchanged: role "acme"\n/,
    )
    expect(ran.out).toMatch(/\nthe publisher "lab" may announce lab\/\*\n {2}targets {2}version 2\n$/)
    expect([ran.status, ran.err]).toEqual([0, expect.stringContaining('nodes that are off take it when they are back')])
    expect(targets().signed.roles[1]).toMatchObject({ name: 'lab', threshold: 2, epoch: 1, whenStale: 'refuse' })
    expect(backend.delegated.map((raw) => parseTargets(Buffer.from(raw)).hash)).toEqual([targets().hash])
    // A node that joins now goes behind it never.
    expect(publisherFloors(mesh()).targets).toBe(2)
  })

  it('is told for a program, too', async () => {
    const { run } = await owner()
    const ran = await run('add-publisher', 'lab', '--pub', text(ADA), '--paths', 'lab/*', '-o', 'json')
    const [document] = JSON.parse(ran.out).documents
    expect(JSON.parse(ran.out)).toMatchObject({ schema: 'pimesh.trust-change/1', handedIn: true, linked: 2 })
    expect(document).toMatchObject({ kind: 'targets', version: 2 })
  })

  it('asks on a terminal, and leaves all as it was without a yes', async () => {
    const { ask, state } = await owner()
    const before = state()
    const words = ['add-publisher', 'lab', '--pub', text(ADA), '--paths', 'lab/*']
    const left = await ask(words, answering('no'))
    expect([left.status, left.err, state()]).toEqual([
      1,
      expect.stringContaining('not signed: nothing has changed'),
      before,
    ])
    const nobody = await ask(words)
    expect([nobody.status, nobody.err, state()]).toEqual([2, expect.stringContaining('add --yes'), before])
    const agreed = await ask(words, answering('yes'))
    expect([agreed.status, agreed.err]).toEqual([0, expect.stringMatching(/^Sign this with the key \w{16}\?/)])
  })

  it('refuses what is wrong in one sentence', async () => {
    const { refused } = await owner()
    const add = (...words: string[]) => ['add-publisher', ...words]
    const pub = ['--pub', text(ADA)]
    await refused(add(), 'E_USAGE', /needs a name/)
    await refused(add('lab', '--paths', 'lab/*'), 'E_USAGE', /whose key publishes/)
    await refused(add('lab', ...pub), 'E_USAGE', /what it may announce/)
    await refused(
      add('lab', '--pub', 'ed25519:xyz', '--paths', 'lab/*'),
      'E_USAGE',
      /a public key is "ed25519:" and 64 hex/,
    )
    await refused(add('lab', '--pub', 'nobody.key', '--paths', 'lab/*'), 'E_KEY', /nobody.key cannot be read/)
    await refused(add('lab', ...pub, ...pub, '--paths', 'lab/*'), 'E_USAGE', /is given twice/)
    await refused(add('lab', ...pub, '--threshold', '2', '--paths', 'lab/*'), 'E_ROLE', /1 key and need 2 signatures/)
    await refused(add('lab', ...pub, '--paths', 'acme/agent'), 'E_PATH', /overlaps "acme\/\*"/)
    await refused(add('lab', ...pub, '--paths', '/lab'), 'E_PATH', /no pattern of paths/)
    await refused(add('acme', ...pub, '--paths', 'lab/*'), 'E_ROLE', /"pimesh trust rotate acme" changes its keys/)
    await refused(add('lab', ...pub, '--paths', 'lab/*', '--when-stale', 'panic'), 'E_USAGE', /refuse or warn/)
    await refused(add('lab', ...pub, '--paths', 'lab/*', '--key', 'nobody.key'), 'E_KEY', /nobody.key/)
  })
})

describe('three steps', () => {
  const add = ['add-publisher', 'lab', '--pub', text(ADA), '--paths', 'lab/*']

  it('prepare, sign, submit: what is prepared changes nothing, what is submitted does', async () => {
    const { run, ask, sign, at, targets, state, keyOfRole, backend } = await owner()
    const before = state()
    const prepared = await ask([...add, '--prepare', at('out')])
    expect([prepared.status, prepared.out]).toEqual([0, expect.stringContaining('new: role "lab"')])
    expect(prepared.err).toContain(`run "pimesh sign ${at('out')} --key FILE" there`)
    const early = await run('submit', at('out'))
    expect([early.status, early.err]).toEqual([
      1,
      expect.stringMatching(/1 more of the role "targets" is needed, by the key \w{16} \[E_SIGNATURES\]/),
    ])
    expect(state()).toEqual(before)
    expect((await sign('out', keyOfRole('targets'))).err).toContain(
      `hand it in with "pimesh trust submit ${at('out')}"`,
    )
    expect(await run('submit', at('out'))).toMatchObject({
      status: 0,
      out: 'version 2 of the targets document is taken in\n',
    })
    expect([targets().signed.version, backend.delegated.length]).toEqual([2, 1])
    // Once more changes nothing.
    const after = state()
    expect(await run('submit', at('out'))).toMatchObject({ status: 0, out: expect.stringContaining('taken in before') })
    expect(state()).toEqual(after)
    expect(JSON.parse((await run('submit', at('out'), '-o', 'json')).out)).toEqual({
      ...{ schema: 'pimesh.trust-submit/1', root: null, targets: null, handedIn: true, linked: 2 },
    })
  })

  it('a root that needs two of three: by old keys and new ones', async () => {
    const { run, ask, sign, at, mesh, keyOfRole, backend } = await owner()
    const words = ['rotate', 'root', '--pub', at('ada.key'), '--pub', at('bob.key'), '--threshold', '2']
    expect((await run(...words)).err).toMatch(
      /too few: 1 more of the root keys of version 2.*; name their files with --key/,
    )
    await ask([...words, '--prepare', at('out')])
    await sign('out', keyOfRole('root'))
    const half = await run('submit', at('out'))
    expect(half.err).toMatch(
      new RegExp(`1 more of the root keys of version 2 is needed, by one of the keys ${short(ADA)}, ${short(BOB)}`),
    )
    await sign('out', at('bob.key'))
    expect((await run('submit', at('out'))).status).toBe(0)
    expect(mesh().root.signed.roles.root).toMatchObject({ threshold: 2, keyIds: { length: 3 } })
    expect(backend.rooted.map((raw) => parseRoot(Buffer.from(raw)).hash)).toEqual([mesh().root.hash])
  })

  it('is refused when it was altered, overtaken, of another mesh or for a release', async () => {
    const { refused, run, ask, sign, at, keyOfRole, dir } = await owner()
    await ask([...add, '--prepare', at('out')])
    await sign('out', keyOfRole('targets'))
    const file = at('out', 'request.json')
    const json = jsonOf(readFileSync(file)) as { document: { signed: { version: number } } }
    json.document.signed.version = 7
    mkdirSync(at('altered'))
    writeFileSync(at('altered', 'request.json'), canonicalBytes(json as never))
    await refused(['submit', at('altered')], 'E_REQUEST', /damaged or was altered/)
    await refused(['submit', at('nowhere')], 'E_REQUEST', /there is no signing request/)
    await ask(['renew', 'targets', '--prepare', at('rival')])
    await sign('rival', keyOfRole('targets'))
    expect((await run('submit', at('rival'))).status).toBe(0)
    await refused(['submit', at('out')], 'E_REQUEST', /does not follow what is there|was overtaken/)
    const other = initMesh({ dir: at('other') }, Date.now())
    const words = ['trust', 'submit', at('rival'), '--mesh', other.dir, '--data', at('none')]
    expect((await line(words)).err).toMatch(/does not hold the mesh of the request.*\[E_NO_MESH\]/)
    const release = ['publish', at('ada.key'), '--name', 'acme/agent@1', '--to', 'true', '--prepare', at('release')]
    expect((await line([...release, '--mesh', dir, '--data', at('none')])).status).toBe(0)
    await refused(['submit', at('release')], 'E_REQUEST', /"pimesh publish --submit"/)
    await refused([...add, '--prepare', at('out')], 'E_USAGE', /exists already/)
  })

  it('a root that skips one is refused', async () => {
    const { refused, ask, sign, at, keyOfRole, dir } = await owner()
    // Another copy of the folder is ahead by one.
    cpSync(dir, at('ahead'), { recursive: true })
    const ahead = (...words: string[]) => line(['trust', ...words, '--mesh', at('ahead'), '--data', at('none')])
    expect((await ahead('renew', 'root', '--yes')).status).toBe(0)
    await ahead('renew', 'root', '--prepare', at('third'))
    await sign('third', keyOfRole('root'))
    await refused(
      ['submit', at('third')],
      'E_REQUEST',
      /follows version 2 of the root, and .* has version 1: take in what lies between first/,
    )
    // One that says so of itself does not hold.
    await ask(['renew', 'root', '--prepare', at('second')])
    const json = jsonOf(readFileSync(at('third', 'request.json'))) as { roots: unknown[] }
    mkdirSync(at('skips'))
    writeFileSync(at('skips', 'request.json'), resealed({ ...json, roots: json.roots.slice(0, 1) }))
    await refused(['submit', at('skips')], 'E_REQUEST', /its root has version 3, and 2 is the next one/)
  })

  /** With the hash of the file made right again, as who alters it would. */
  function resealed({ sha256, ...content }: Record<string, unknown>): Uint8Array {
    const hash = createHash('sha256')
      .update(canonicalBytes(content as never))
      .digest('hex')
    return canonicalBytes({ ...content, sha256: hash } as never)
  }

  it('what the peer has heard of meanwhile is not undone, with a folder or without', async () => {
    const { refused, ask, sign, at, keyOfRole, backend, dir, data } = await owner()
    cpSync(dir, at('elsewhere'), { recursive: true })
    await ask([...add, '--prepare', at('out')])
    await sign('out', keyOfRole('targets'))
    const places = ['--yes', '--mesh', at('elsewhere'), '--data', at('none')]
    expect((await line(['trust', 'renew', 'targets', ...places])).status).toBe(0)
    backend.held = { ...backend.held, targets: readFileSync(at('elsewhere', 'targets', '2.json'), 'utf8') }
    const overtaken = /was overtaken: version 2 of the targets document is in force, .* prepare it again/
    await refused(['submit', at('out')], 'E_REQUEST', overtaken)
    const alone = ['trust', 'submit', at('out'), '--data', data]
    expect((await line(alone, { env: { PIMESH_MESH: at('x') } })).err).toMatch(overtaken)
    backend.rootVersion = 2
    expect((await line(alone, { env: { PIMESH_MESH: at('x') } })).err).toMatch(
      /overtaken: version 2 of the root is in force/,
    )
    expect(backend.delegated).toEqual([])
  })

  it('a member that has no folder of the mesh hands it to its peer', async () => {
    const { ask, sign, at, keyOfRole, backend, data } = await owner()
    await ask([...add, '--prepare', at('out')])
    await sign('out', keyOfRole('targets'))
    const ran = await line(['trust', 'submit', at('out'), '--data', data], { env: { PIMESH_MESH: at('none') } })
    expect([ran.status, ran.err]).toEqual([0, expect.stringContaining("the mesh's folder is elsewhere")])
    expect(backend.delegated).toHaveLength(1)
    const nobody = await line(['trust', 'submit', at('out'), '--data', at('x')], { env: { PIMESH_MESH: at('none') } })
    expect(nobody.err).toMatch(/neither a mesh folder nor a peer .*\[E_NO_DAEMON\]/)
  })
})

describe('pimesh trust rotate', () => {
  it('gives a publisher another key and a new epoch, and says what that voids', async () => {
    const { run, targets, mesh } = await owner()
    const old = String(targets().signed.roles[0]?.keyIds[0])
    const ran = await run('rotate', 'acme', '--out-key', old.slice(0, 12), '--pub', text(ADA))
    expect(ran.out).toMatch(new RegExp(`keys +${old.slice(0, 16)} -> ${short(ADA)}\\n[\\s\\S]* epoch +1 -> 2\\n`))
    expect(ran.status).toBe(0)
    expect(targets().signed.roles[0]).toMatchObject({ keyIds: [ADA.keyId], epoch: 2 })
    expect(mesh().root.signed.version).toBe(1)
  })

  it('T04 raises the epoch alone, and sets what its nodes do without beacons', async () => {
    const { run, targets } = await owner()
    expect((await run('rotate', 'acme', '--raise-epoch')).status).toBe(0)
    expect((await run('rotate', 'acme', '--when-stale', 'refuse')).out).toMatch(
      /when stale +nothing -> a node that hears no/,
    )
    expect(targets().signed.roles[0]).toMatchObject({ epoch: 2, whenStale: 'refuse' })
  })

  it('changes the targets key: root and targets are shown, signed and handed in, or neither', async () => {
    const { run, refused, dir, at, mesh, targets, backend, ask } = await owner()
    const words = ['rotate', 'targets', '--out-key', 'targets', '--pub', at('ada.key')]
    const before = [mesh().root.hash, targets().hash]
    const short1 = await run(...words)
    expect([short1.status, short1.err]).toEqual([
      1,
      expect.stringMatching(/too few: 1 more of the role "targets".*E_SIGNATURES/),
    ])
    expect([mesh().root.hash, targets().hash, backend.rooted]).toEqual([...before, []])
    expect((await ask([...words, '--key', at('ada.key')], answering('yes', 'no'))).status).toBe(1)
    expect([mesh().root.hash, targets().hash, backend.rooted]).toEqual([...before, []])
    const ran = await run(...words, '--key', at('ada.key'))
    expect(ran.out).toMatch(
      /^root document, version 2\n[\s\S]*\ntargets document, version 2\n[\s\S]* {2}root {5}version 2\n {2}targets {2}version 2\n$/,
    )
    expect([backend.rooted.length, backend.delegated.length]).toEqual([1, 1])
    expect(targets().signatures.map(({ keyId }) => keyId)).toEqual([ADA.keyId])
    rmSync(join(dir, 'keys', 'targets.key'))
    await refused(['renew', 'targets'], 'E_SIGNATURES', /role "targets"/)
  })

  it('T04 begins a new epoch of targets with what the folder has, whatever a thief of the key signed (clause ROOT 9)', async () => {
    const { at, backend, dir, run, mesh, targets } = await owner()
    const before = targets()
    const stolen = { ...before.signed, version: 2 ** 31 - 1, roles: [], keys: new Map() }
    const thief = meshKeys({ dir } as never).get(mesh().root.signed.roles.targets.keyIds[0] as string)
    backend.held = {
      ...backend.held,
      targets: Buffer.from(encodeSigned(targetsJson(stolen), [thief as never])).toString(),
    }
    const ran = await run(
      'rotate',
      'targets',
      '--raise-epoch',
      '--out-key',
      'targets',
      '--pub',
      text(ADA),
      '--key',
      at('ada.key'),
    )
    expect(ran.status, ran.err).toBe(0)
    expect(mesh().root.signed).toMatchObject({ version: 2, targetsEpoch: 2 })
    expect(targets().signed).toMatchObject({ epoch: 2, version: 2, roles: before.signed.roles })
    expect(publisherFloors(mesh())).toMatchObject({ targets: 2, targetsEpoch: 2 })
    expect(ran.out).toMatch(/epoch +1 -> 2/)
  })

  it('T04 the same by others: the root first, then what the folder has under it', async () => {
    const { at, ask, sign, backend, dir, keyOfRole, run, mesh, targets } = await owner()
    const before = targets()
    const stolen = { ...before.signed, version: 2 ** 31 - 1, roles: [], keys: new Map() }
    const [keyId] = mesh().root.signed.roles.targets.keyIds
    const thief = meshKeys({ dir } as never).get(keyId as string)
    const raw = encodeSigned(targetsJson(stolen), [thief as never])
    backend.held = { ...backend.held, targets: Buffer.from(raw).toString() }
    await ask(['rotate', 'targets', '--raise-epoch', '--prepare', at('root')])
    await sign('root', keyOfRole('root'))
    await run('submit', at('root'))
    expect(() => targets()).toThrow('sign it anew: "pimesh trust renew targets"')
    const renewed = await run('renew', 'targets')
    expect(renewed.status, renewed.err).toBe(0)
    expect(targets().signed).toMatchObject({ epoch: 2, version: 2, roles: before.signed.roles })
  })

  it('by others, the targets are signed anew after the root', async () => {
    const { ask, run, sign, at, keyOfRole, mesh, targets } = await owner()
    await ask(['rotate', 'targets', '--out-key', 'targets', '--pub', text(ADA), '--prepare', at('root')])
    await sign('root', keyOfRole('root'))
    expect((await run('submit', at('root'))).err).toContain(
      'nothing is installed until it is: "pimesh trust renew targets"',
    )
    expect(() => targets()).toThrow('pimesh trust renew targets')
    expect(newestStored(mesh()).signed.version).toBe(1)
    await ask(['renew', 'targets', '--prepare', at('targets')])
    await sign('targets', at('ada.key'))
    expect((await run('submit', at('targets'))).err).not.toContain('renew')
    expect(targets().signed.version).toBe(2)
  })

  it('retires an enrol key, for which a peer is needed', async () => {
    const { run, mesh } = await owner()
    const [old] = mesh().root.signed.roles.enrol.keyIds
    expect((await run('rotate', 'enrol', '--out-key', 'enrol', '--pub', text(ADA))).status).toBe(0)
    expect(mesh().root.signed.enrolment.retired).toEqual([old])
    const alone = await owner({ peer: false })
    await alone.refused(
      ['rotate', 'enrol', '--out-key', 'enrol', '--pub', text(ADA)],
      'E_NO_DAEMON',
      /what this enrol key revoked/,
    )
  })

  it('refuses what is wrong in one sentence', async () => {
    const { refused, at } = await owner()
    await refused(['rotate', 'acme'], 'E_USAGE', /say what changes/)
    await refused(['rotate', 'acm', '--raise-epoch'], 'E_ROLE', /did you mean "acme"/)
    await refused(['rotate', 'acme', '--out-key', 'ada'], 'E_KEY', /"ada" is not one of the keys of the role "acme"/)
    await refused(['rotate', 'acme', '--out-key', at('ada.key')], 'E_KEY', /is not one of the keys of the role "acme"/)
    await refused(
      ['rotate', 'acme', '--out-key', 'publisher'],
      'E_ROLE',
      /0 keys and need 1 signature: rotate to a new key with/,
    )
    await refused(['rotate', 'acme', '--threshold', '2'], 'E_ROLE', /1 key and need 2 signatures/)
    await refused(['rotate', 'acme', '--pub', 'publisher'], 'E_KEY', /is one of the role "acme" already/)
    await refused(['rotate', 'root', '--when-stale', 'refuse'], 'E_USAGE', /is for publishers/)
    await refused(['rotate', 'beacon', '--pub', text(ADA)], 'E_ROLE', /has no beacons/)
  })
})

describe('pimesh trust revoke of a role or a key', () => {
  it('ends a publisher, whose next one has a higher epoch', async () => {
    const { run, targets } = await owner()
    expect((await run('revoke', 'acme')).out).toMatch(
      /removed: role "acme"\n[\s\S]*the role "acme" is revoked\n {2}targets {2}version 2\n$/,
    )
    expect(targets().signed).toMatchObject({ roles: [], formerEpoch: 1 })
    await run('add-publisher', 'acme', '--pub', text(ADA), '--paths', 'acme/*')
    expect(targets().signed.roles[0]).toMatchObject({ name: 'acme', epoch: 2 })
  })

  it('takes a key out of the roles that it has', async () => {
    const { run, targets } = await owner()
    await run('rotate', 'acme', '--pub', text(ADA))
    const ran = await run('revoke', ADA.keyId.slice(0, 10))
    expect(ran.out).toContain(`the key ${short(ADA)} of acme is revoked\n`)
    expect(targets().signed.roles[0]?.keyIds).not.toContain(ADA.keyId)
  })

  it('refuses a key that is needed, and a word that means several things, or nothing', async () => {
    const { refused, run, backend, mesh } = await owner()
    await refused(
      ['revoke', 'publisher'],
      'E_ROLE',
      /"acme" would have 0 keys .*pimesh trust rotate acme --out-key \w{16} --pub NEW/,
    )
    await refused(
      ['revoke', mesh().root.signed.roles.targets.keyIds[0] as string],
      'E_ROLE',
      /"targets" would have 0 keys/,
    )
    await refused(['revoke', 'root', '--as', 'role'], 'E_ROLE', /no mesh can be without the role "root"/)
    backend.answer = nodesJson([nodeJson({ name: 'acme', node: nodeOf('acme') })])
    await refused(
      ['revoke', 'acme'],
      'E_USAGE',
      /may mean the role "acme" or the node acme \(.*say which with --as role or --as node/,
    )
    await refused(['revoke', 'acme', '--as', 'key'], 'E_KEY', /"acme" is no key of this mesh/)
    await refused(['revoke', 'acme', '--as', 'invite'], 'E_USAGE', /64 hex digits/)
    await refused(['revoke', 'acme', '--as', 'thing'], 'E_USAGE', /role, key, node, invite/)
    await refused(['revoke', 'nobody'], 'E_UNKNOWN_NODE', /nobody/)
    expect((await run('revoke', 'acme', '--as', 'node')).out).toMatch(/^acme is revoked\n {2}node /)
    expect((await run('revoke', 'acme', '--as', 'role')).out).toContain('the role "acme" is revoked')
  })
})

describe('pimesh trust beacon and renew', () => {
  it('give the root a beacon role, and end it', async () => {
    const { run, mesh, refused } = await owner()
    const ran = await run('beacon', '--pub', text(ADA), '--pub', text(BOB), '--threshold', '2', '--period', '10m')
    expect(ran.out).toMatch(/new: role "beacon"\n +keys +\w{16}, \w{16}\n +needs +2 of 2 keys\n +signs every +600 s\n/)
    expect(mesh().root.signed.beaconPeriod).toBe(600_000)
    await refused(['beacon'], 'E_USAGE', /which keys sign beacons/)
    await refused(['beacon', '--pub', text(ADA), '--threshold', '2'], 'E_USAGE', /threshold/)
    await refused(['beacon', '--pub', text(ADA), '--period', '5s'], 'E_USAGE', /every 10 to/)
    expect((await run('revoke', 'beacon')).out).toContain('no node proves any more that nothing newer is withheld')
    expect(mesh().root.signed.roles.beacon).toBeUndefined()
  })

  it('move the end of root and targets', async () => {
    const { run, mesh, targets, refused } = await owner()
    expect((await run('renew', 'root', '--days', '30')).out).toContain('nothing else than version and dates changes')
    await run('renew', 'targets', '--days', '20')
    expect(mesh().root.signed.expires).toBeLessThanOrEqual(Date.now() + 30 * DAY)
    expect(targets().signed.expires).toBeLessThanOrEqual(Date.now() + 20 * DAY)
    await refused(['renew', 'acme'], 'E_USAGE', /root or targets/)
  })

  it('refuse targets under a root that has expired, which is renewed first', async () => {
    const { run, refused, home } = await owner()
    const dir = join(home, 'old')
    initMesh({ dir, rootLifetimeDays: 1 }, Date.now() - 2 * DAY)
    const old = (...words: string[]) => line(['trust', ...words, '--yes', '--mesh', dir, '--data', join(home, 'none')])
    const hash = hashOf(dir)
    expect((await old('renew', 'targets')).err).toMatch(
      /the root document expired on .*renew that first.*\[E_REQUEST\]/,
    )
    expect(hashOf(dir)).toBe(hash)
    for (const what of ['root', 'targets']) expect((await old('renew', what)).status).toBe(0)
    await run('renew', 'root')
    await refused(['renew', 'root', '--days', '0'], 'E_USAGE', /--days/)
  })
})

describe('whatever goes wrong', () => {
  const add = ['add-publisher', 'lab', '--pub', text(ADA), '--paths', 'lab/*']

  it('a wrong passphrase changes nothing, the right one does', async () => {
    const { run, refused, home, targets, ask, state } = await owner({ passphrase: PASSPHRASE })
    writeFileSync(join(home, 'wrong'), 'not the passphrase\n', { mode: 0o600 })
    writeFileSync(join(home, 'right'), `${PASSPHRASE}\n`, { mode: 0o600 })
    const before = state()
    const ran = await run(...add, '--passphrase-file', join(home, 'wrong'))
    expect([ran.status, ran.err, state()]).toEqual([
      1,
      expect.stringMatching(/not the passphrase of .*targets.key.*\[E_PASSPHRASE\]/),
      before,
    ])
    expect((await ask([...add, '--yes'])).err).toContain('[E_PASSPHRASE]')
    await run(...add, '--passphrase-file', join(home, 'right'))
    expect(targets().signed.version).toBe(2)
    await refused(['renew', 'acme'], 'E_USAGE', /root or targets/)
  })

  it('a peer that refuses leaves the folder as it was', async () => {
    const { run, ask, backend, dir, mesh, at } = await owner()
    const before = hashOf(dir)
    backend.onDelegate = () => Promise.reject(new Failure('E_TARGETS', 'the peer refused it'))
    expect((await run(...add)).err).toContain('[E_TARGETS]')
    expect(hashOf(dir)).toBe(before)
    backend.onRoot = () => Promise.reject(new Failure('E_ROOT_INVALID', 'the peer refused it'))
    expect((await run('renew', 'root')).err).toContain('[E_ROOT_INVALID]')
    expect(hashOf(dir)).toBe(before)
    // Of two documents the first is in force already when the second is refused.
    backend.onRoot = async () => undefined
    const words = ['rotate', 'targets', '--out-key', 'targets', '--pub', at('ada.key'), '--key', at('ada.key'), '--yes']
    expect((await ask(words)).err).toContain('[E_TARGETS]')
    expect([mesh().root.signed.version, existsSync(join(dir, 'targets', '2.json'))]).toEqual([2, false])
  })

  it('a folder that is older than its peer, or of another mesh, signs nothing', async () => {
    const { refused, backend, mesh } = await owner()
    backend.rootVersion = 3
    await refused(add, 'E_ROOT_OLD', /has root version 1, and the peer of .* has 3/)
    backend.rootVersion = 1
    backend.held = publishersJson({ mesh: 'cd'.repeat(32) })
    await refused(add, 'E_NO_MESH', /another mesh/)
    backend.held = publishersJson({ mesh: mesh().id })
    expect(mesh().root.signed.version).toBe(1)
  })

  it('without a peer the folder has it, and "submit" hands it in later', async () => {
    const { run, dir, home } = await owner({ peer: false })
    expect((await run(...add)).err).toContain('no peer runs on this machine, so the mesh has not heard of it')
    await run('renew', 'root')
    const data = join(home, 'later')
    mkdirSync(data)
    const backend = new TestBackend()
    backend.held = publishersJson({ mesh: openMesh(dir).id })
    const server = await createApiServer(backend, apiSocket(data))
    onTestFinished(() => server.close())
    const submit = () => line(['trust', 'submit', '--mesh', dir, '--data', data])
    expect(await submit()).toMatchObject({
      status: 0,
      out: 'the peer has taken\n  root     version 2\n  targets  version 2\n',
    })
    backend.held = { ...backend.held, targets: backend.delegated[0] ?? null }
    expect((await submit()).out).toBe('the peer has all that the mesh folder has\n')
    expect([backend.rooted.length, backend.delegated.length]).toEqual([1, 1])
    expect((await line(['trust', 'submit', '--mesh', dir, '--data', join(home, 'x')])).err).toContain('[E_NO_DAEMON]')
  })

  it('a peer that ends in the middle may have it: the folder keeps it', async () => {
    const { run, backend, targets, data } = await owner()
    backend.onDelegate = async () => {
      rmSync(apiSocket(data))
      throw new Failure('E_NO_DAEMON', 'this daemon is stopping')
    }
    const ran = await run(...add)
    expect([ran.status, ran.err]).toEqual([
      1,
      expect.stringMatching(/ended before it answered.*"pimesh trust submit" hands it in/),
    ])
    expect(targets().signed.version).toBe(2)
  })
})
