// Changes of root and targets in three steps, and whatever goes wrong on the way: what is refused, by a command or by the peer, leaves
// folder and peer as they were.
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { apiSocket } from '../../src/daemon/api-client.ts'
import { createApiServer } from '../../src/daemon/api-server.ts'
import { initMesh, openMesh } from '../../src/publish/mesh.ts'
import { canonicalBytes, jsonOf } from '../../src/wire/canonical.ts'
import { parseRoot } from '../../src/wire/root.ts'
import { parseTargets } from '../../src/wire/targets.ts'
import { publishersJson } from './answers.ts'
import { TestBackend } from './backend.ts'
import { line } from './line.ts'
import { ADA, answering, BOB, hashOf, owner, PASSPHRASE, short, text } from './trust-owner.ts'

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

  it('a folder from before a revocation does not undo it, though the root does not cover the targets that say it', async () => {
    const { run, sign, ask, at, dir, data, keyOfRole, targets, backend } = await owner()
    cpSync(dir, at('old'), { recursive: true })
    await run('revoke', 'acme')
    const two = ['--pub', text(ADA), '--pub', text(BOB), '--threshold', '2']
    await ask(['rotate', 'targets', ...two, '--prepare', at('root')])
    await sign('root', keyOfRole('root'))
    expect((await run('submit', at('root'))).err).toContain('"pimesh trust renew targets"')
    cpSync(join(dir, 'root'), at('old', 'root'), { recursive: true })
    const keys = ['--key', at('ada.key'), '--key', at('bob.key')]
    const old = (...words: string[]) => line(['trust', ...words, ...keys, '--yes', '--mesh', at('old'), '--data', data])
    // A peer that only remembers that there was a newer one.
    const { targets: newest } = backend.held
    backend.held = { ...backend.held, targets: null, targetsFloor: { epoch: 1, version: 2 } }
    expect((await old('renew', 'targets')).err).toMatch(
      /has had version 2 of the targets document, and neither .*old \(version 1\) nor the peer has it: .*--raise-epoch" goes on.*\[E_TARGETS\]/,
    )
    expect(backend.delegated).toHaveLength(1)
    backend.held = { ...backend.held, targets: newest }
    expect((await old('renew', 'targets')).status).toBe(0)
    expect(backend.delegated.map((raw) => parseTargets(Buffer.from(raw)).signed)).toMatchObject([
      { version: 2, roles: [] },
      { version: 3, roles: [] },
    ])
    expect(() => targets()).toThrow('sign it anew')
    // And there is a way out when nobody has it.
    backend.held = { ...backend.held, targets: null, targetsFloor: { epoch: 1, version: 9 } }
    expect((await old('rotate', 'targets', '--raise-epoch')).err).not.toContain('E_TARGETS')
    expect(parseTargets(Buffer.from(backend.delegated.at(-1) ?? '')).signed).toMatchObject({ epoch: 2, version: 1 })
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
    backend.onDelegate = () =>
      Promise.reject(new Failure('E_TARGETS', 'the peer refused version 1: it is old; nothing has changed'))
    expect((await ask(words)).err).toMatch(
      /version 2 of the root is in force, and the peer refused version 1: it is old: .*"pimesh trust renew targets" signs the targets.*\[E_TARGETS\]\n$/,
    )
    expect([mesh().root.signed.version, readdirSync(join(dir, 'targets'))]).toEqual([2, ['1.json']])
  })

  it('an older daemon, which takes no targets, is given nothing', async () => {
    const { run, refused, backend, at } = await owner()
    expect((await run('renew', 'root')).status).toBe(0)
    backend.heldRoot = undefined
    const older = /is older than this command, and nothing has changed: start the new one/
    const words = ['rotate', 'targets', '--out-key', 'targets', '--pub', at('ada.key'), '--key', at('ada.key')]
    const before = backend.rooted.length
    expect((await run(...words, '-o', 'json')).err).toMatch(older)
    expect(backend.rooted).toHaveLength(before)
    await refused(['submit'], 'E_PROTOCOL', older)
  })

  it('of two at once one comes first, and the other is told to run it again', async () => {
    const { ask, run, targets, backend } = await owner()
    const { stdin, written, ...options } = answering('yes')
    const slow = {
      stdin,
      ...options,
      written: (text: string) => text.includes('? Type yes') && void rival().then(() => written?.(text)),
    }
    const rival = () => run('renew', 'targets')
    const second = await ask(add, slow as typeof options)
    expect([second.status, second.err]).toEqual([1, expect.stringMatching(/overtaken.*; run it again \[E_REQUEST\]/)])
    expect([targets().signed.roles.length, backend.delegated.length]).toEqual([1, 1])
    expect((await run(...add)).status).toBe(0)
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
    backend.heldRoot = Buffer.from(openMesh(dir).roots[0]?.raw ?? []).toString()
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

  it('a peer whose answer is cut off may have it: the folder keeps it', async () => {
    const { run, backend, mesh } = await owner()
    backend.onRoot = () => Promise.reject(new Failure('E_PROTOCOL', 'the answer was cut off'))
    const ran = await run('renew', 'root')
    expect([ran.status, ran.err]).toEqual([
      1,
      expect.stringMatching(
        /gave no whole answer, so it may be in force.*"pimesh trust submit" hands it in.*E_PROTOCOL/,
      ),
    ])
    expect(mesh().root.signed.version).toBe(2)
    // It was not: handed in again, it is.
    backend.onRoot = async () => undefined
    backend.rootVersion = 1
    expect((await run('submit')).status).toBe(0)
    expect(mesh().root.signed.version).toBe(2)
  })
})
