// `pimesh keys`, and passphrases wherever a key signs: what a person is asked, what is told (clause KEYFILE 5), and what
// stays as it was.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readKeyFile } from '../../src/keys/key-file.ts'
import { initMesh } from '../../src/publish/mesh.ts'
import { rotateRoot } from '../fixtures/rotate-root.ts'
import { CTRL_C, CTRL_D, keyboard } from './keyboard.ts'
import { type LineOptions, line } from './line.ts'
import { folder, pimesh } from './pimesh.ts'

const PASSPHRASE = 'correct horse'

/** A mesh folder, a passphrase file, and command lines about them. */
async function owner() {
  const home = await folder()
  const [dir, file] = [`${home}/mesh`, `${home}/passphrase`]
  writeFileSync(file, `${PASSPHRASE}\n`, { mode: 0o600 })
  const mesh = initMesh({ dir, name: 'acme' }, Date.now())
  const run = (words: readonly string[], options?: LineOptions) => line([...words, '--mesh', dir], options)
  const keyAt = (name: string) => readKeyFile(`${dir}/keys/${name}.key`)
  return { home, dir, file, mesh, run, keyAt }
}

const INVITE = ['invite', '--first', '--zone', '/uk']

describe('keys new', () => {
  it('makes an encrypted key whose passphrase is typed twice and never shown', async () => {
    const { dir, run, keyAt } = await owner()
    const { options, raw, left } = keyboard([PASSPHRASE, PASSPHRASE])
    const ran = await run(['keys', 'new', 'alice'], options)
    const key = keyAt('alice')
    const hex = Buffer.from(key.publicKey).toString('hex')
    expect(ran).toEqual({
      status: 0,
      out: `file    ${dir}/keys/alice.key (encrypted)\nkeyid   ${key.keyId}\npublic  ed25519:${hex}\n`,
      err: `new passphrase for ${dir}/keys/alice.key: \nthe same again: \n`,
    })
    expect([raw, left]).toEqual([[true, false, true, false], []])
    key.unlock(PASSPHRASE)
  })

  it('goes where --out says on a machine without a mesh, plain on request', async () => {
    const { home, dir, file } = await owner()
    rmSync(dir, { recursive: true })
    const run = (words: string[]) => line(['keys', 'new', ...words, '--mesh', dir])
    const made = await run(['alice', '--out', home, '--passphrase-file', file, '-o', 'json'])
    expect(JSON.parse(made.out)).toMatchObject({
      ...{ schema: 'pimesh.key/1', file: `${home}/alice.key`, encrypted: true },
      ...{ keyid: expect.stringMatching(/^[0-9a-f]{64}$/), public: expect.stringMatching(/^ed25519:[0-9a-f]{64}$/) },
    })
    expect((await run(['--plain', '--out', `${home}/bob.key`])).out).toContain(`${home}/bob.key (plain)`)
    expect(readKeyFile(`${home}/bob.key`).locked).toBe(false)
    expect(existsSync(dir)).toBe(false)
  })

  it('makes the folder of keys again when they were all carried away', async () => {
    const { dir, run, keyAt } = await owner()
    rmSync(`${dir}/keys`, { recursive: true })
    expect((await run(['keys', 'new', 'alice.key', '--plain'])).status).toBe(0)
    expect(keyAt('alice').encrypted).toBe(false)
  })

  it('refuses before it asks, and leaves all as it was', async () => {
    const { home, dir, run } = await owner()
    const before = readFileSync(`${dir}/keys/root.key`, 'utf8')
    const refused = async (words: string[], err: string, status = 1) => {
      const { options, left } = keyboard([PASSPHRASE, PASSPHRASE])
      const ran = await run(['keys', 'new', ...words], options)
      expect(ran).toEqual({ status, out: '', err: expect.stringContaining(err) })
      expect([ran.err.split('\n').length, left.length]).toEqual([2, 2])
    }
    await refused(['root'], `${dir}/keys/root.key exists already`)
    await refused(['a/b'], '"a/b" cannot name a key', 2)
    await refused([], 'name the key', 2)
    await refused(['--out', home], 'name the key', 2)
    await refused(['--out', `${home}/none/a.key`], `there is no folder ${home}/none`)
    rmSync(`${dir}/root`, { recursive: true })
    await refused(['alice'], `there is no mesh in ${dir}: name the right folder with --mesh, or where the key`)
    expect(readFileSync(`${dir}/keys/root.key`, 'utf8')).toBe(before)
    expect(readdirSync(`${dir}/keys`)).toHaveLength(4)
  })

  it.each([
    ['too short', ['short'], 'at least 8 characters'],
    ['not twice the same', [PASSPHRASE, 'correct house'], 'not the same'],
    ['broken off with Ctrl-C', [PASSPHRASE, `cor${CTRL_C}`], 'no passphrase was given: nothing was changed'],
    ['broken off with Ctrl-D', [CTRL_D], 'no passphrase was given: nothing was changed'],
  ])('makes nothing with a passphrase that is %s', async (_, answers, sentence) => {
    const { dir, run } = await owner()
    const { options, raw } = keyboard(answers)
    const ran = await run(['keys', 'new', 'alice'], options)
    expect(ran).toMatchObject({ status: 1, out: '' })
    expect(ran.err).toMatch(new RegExp(`\npimesh: .*${sentence}.* \\[E_PASSPHRASE\\]\n$`))
    expect(raw.at(-1)).toBe(false)
    expect(existsSync(`${dir}/keys/alice.key`)).toBe(false)
  })
})

describe('keys list and show', () => {
  it('say what each key is for, without a passphrase', async () => {
    const { dir, file, mesh, run, keyAt } = await owner()
    rotateRoot(mesh, Date.now(), { newEnrolKey: true })
    await run(['keys', 'protect', 'root', '--passphrase-file', file])
    await run(['keys', 'new', 'alice', '--plain'])
    const short = (name: string) => keyAt(name).keyId.slice(0, 16)
    const listed = await run(['keys', 'list'])
    expect(listed.out.replace(/ed25519:[0-9a-f]{16}\.\.\./g, 'PUBLIC...')).toBe(
      [
        'FILE           KEYID             PUBLIC                       STORED     FOR',
        `alice.key      ${short('alice')}  PUBLIC...  plain      no role`,
        `enrol-2.key    ${short('enrol-2')}  PUBLIC...  plain      enrol`,
        `enrol.key      ${short('enrol')}  PUBLIC...  plain      enrol (retired)`,
        `publisher.key  ${short('publisher')}  PUBLIC...  plain      publisher acme`,
        `root.key       ${short('root')}  PUBLIC...  encrypted  root`,
        `targets.key    ${short('targets')}  PUBLIC...  plain      targets\n`,
      ].join('\n'),
    )
    const json = JSON.parse((await run(['keys', 'list', '-o', 'json'])).out)
    expect(json).toMatchObject({ schema: 'pimesh.keys/1', mesh: mesh.id, folder: dir })
    expect(json.keys[4]).toMatchObject({ keyid: keyAt('root').keyId, encrypted: true, roles: ['root'] })

    const shown = await run(['keys', 'show', 'root'])
    expect(shown).toMatchObject({
      status: 0,
      err: '',
      out: expect.stringContaining(`keyid   ${keyAt('root').keyId}\n`),
    })
    expect((await line(['keys', 'show', `${dir}/keys/root.key`, '--mesh', '/nonexistent'])).out).toBe(shown.out)
  })

  it('show two files of one key, of which the plain one signs', async () => {
    const { dir, file, run } = await owner()
    copyFileSync(`${dir}/keys/enrol.key`, `${dir}/keys/before.key`)
    await run(['keys', 'protect', 'enrol', '--passphrase-file', file])
    expect((await run(['keys', 'list'])).out).toMatch(/^before\.key .*plain +enrol\nenrol\.key .*encrypted +enrol\n/m)
    expect((await run(INVITE)).status).toBe(0)
  })

  it('work for who may only enrol, and notice what others may read', async () => {
    const { dir, run } = await owner()
    rmSync(`${dir}/targets`, { recursive: true })
    chmodSync(`${dir}/keys/enrol.key`, 0o644)
    const listed = await run(['keys', 'list'])
    expect(listed.err).toBe(`${dir}/keys/enrol.key: others than its owner can read it: chmod 600\n`)
    expect(listed.out).toMatch(/publisher\.key .* no role\n/)
  })

  it.each([
    [['keys', 'shw'], 2, 'keys does not know "shw": did you mean "keys show"? [E_USAGE]'],
    [['keys', 'eat'], 2, 'keys does not know "eat": it knows new, list, show, protect, unprotect [E_USAGE]'],
    [['keys', 'list', 'root'], 2, '"keys list" lists all; for one, "pimesh keys show root" [E_USAGE]'],
    [['keys', 'show'], 2, 'name a key of the mesh, or a file, as in "pimesh keys show alice" [E_USAGE]'],
    [['keys', 'show', './none'], 1, 'there is no key file ./none: "pimesh keys list" shows those of the mesh [E_KEY]'],
    [
      ['keys', 'show', 'none', '--mesh', '/m'],
      1,
      'there is no key file /m/keys/none.key: "pimesh keys list" shows those of the mesh [E_KEY]',
    ],
  ])('%j is one sentence', async (words, status, sentence) => {
    expect(await line(words)).toEqual({ status, out: '', err: `pimesh: ${sentence}\n` })
  })
})

describe('keys protect and unprotect', () => {
  it('put a passphrase on a key, change it, and take it off; the key stays the same', async () => {
    const { dir, run, keyAt } = await owner()
    const { secret } = keyAt('root')
    const typed = (words: string[], ...answers: string[]) => run(['keys', ...words], keyboard(answers).options)
    expect((await typed(['protect', 'root'], PASSPHRASE, PASSPHRASE)).out).toContain('is encrypted now')
    expect(keyAt('root').encrypted).toBe(true)
    const changed = await typed(['protect', 'root'], PASSPHRASE, 'another one', 'another one')
    expect(changed.err.split('\n')[0]).toBe(`passphrase of ${dir}/keys/root.key: `)
    expect((await typed(['unprotect', 'root'], 'another one')).out).toContain('is plain now')
    expect(keyAt('root').secret).toEqual(secret)
    expect(await typed(['unprotect', 'root'])).toMatchObject({
      status: 1,
      err: expect.stringContaining('root.key is not encrypted [E_KEY]'),
    })
  })
})

describe('a key that signs', () => {
  it('is asked for its passphrase, three times at most, and for no other', async () => {
    const { dir, run, file } = await owner()
    for (const name of ['enrol', 'root']) await run(['keys', 'protect', name, '--passphrase-file', file])
    const good = keyboard(['wrong', PASSPHRASE])
    const ran = await run(INVITE, good.options)
    const asked = `passphrase of ${dir}/keys/enrol.key: \n`
    const again = 'this is not the passphrase, or the file is damaged; once more\n'
    expect(ran).toMatchObject({ status: 0, out: expect.stringMatching(/^pimesh1\./) })
    expect(ran.err.startsWith(`${asked}${again}${asked}for one to join /uk`)).toBe(true)
    const bad = keyboard(['wrong', 'wrong', 'wrong', PASSPHRASE])
    const sentence = `pimesh: this is not the passphrase of ${dir}/keys/enrol.key, or the file is damaged [E_PASSPHRASE]\n`
    expect(await run(INVITE, bad.options)).toEqual({
      status: 1,
      out: '',
      err: `${asked}${again}${asked}${again}${asked}${sentence}`,
    })
    expect(bad.left).toEqual([PASSPHRASE])
  })

  it('takes it from a file, of an option or the environment; from no terminal it is not asked', async () => {
    const { home, dir, run, file } = await owner()
    await run(['keys', 'protect', 'enrol', '--passphrase-file', file])
    expect((await run([...INVITE, '--passphrase-file', file])).status).toBe(0)
    expect((await run(INVITE, { env: { PIMESH_PASSPHRASE_FILE: file } })).status).toBe(0)
    chmodSync(file, 0o644)
    const noticed = await run([...INVITE, '--passphrase-file', file])
    expect(noticed.err.split('\n')[0]).toBe(`${file}: others than its owner can read it: chmod 600`)

    const refused = async (words: string[], sentence: string) =>
      expect(await run([...INVITE, ...words])).toEqual({
        status: 1,
        out: '',
        err: `pimesh: ${sentence} [E_PASSPHRASE]\n`,
      })
    const none = 'and there is no terminal to ask on: give it with --passphrase-file FILE'
    await refused([], `a passphrase is needed for ${dir}/keys/enrol.key, ${none}`)
    const empty = `${home}/empty`
    for (const text of ['', '\n', `\n${PASSPHRASE}`, 'x'.repeat(2_000)]) {
      writeFileSync(empty, text, { mode: 0o600 })
      const has = `the passphrase file ${empty} has no passphrase in its first line, or is too long`
      await refused(['--passphrase-file', empty], has)
    }
    writeFileSync(empty, `${PASSPHRASE}!\n`)
    const wrong = `this is not the passphrase of ${dir}/keys/enrol.key, or the file is damaged`
    await refused(['--passphrase-file', empty], wrong)
    await refused(
      ['--passphrase-file', `${home}/no`],
      `the passphrase file ${home}/no cannot be read (ENOENT): check its path`,
    )
    await refused(['--passphrase-file', home], `the passphrase file ${home} cannot be read (EISDIR): check its path`)
  })

  it('is not asked when it is plain, or when something else is wrong already', async () => {
    const { run, file } = await owner()
    expect((await run([...INVITE, '--passphrase-file', '/nonexistent'])).status).toBe(0)
    await run(['keys', 'protect', 'enrol', '--passphrase-file', file])
    const { options, left } = keyboard([PASSPHRASE])
    expect((await run([...INVITE, '--label', 'A=b'], options)).err).toContain('[E_LABEL]')
    expect(left).toEqual([PASSPHRASE])
  })
})

describe('init --encrypt', () => {
  it('asks once for all keys, after it has checked all else', async () => {
    const home = await folder()
    const dir = `${home}/mesh`
    const { options } = keyboard([PASSPHRASE, PASSPHRASE])
    const ran = await line(['init', '--encrypt', '--mesh', dir], options)
    expect(ran.err).toBe(`new passphrase for the keys in ${dir}: \nthe same again: \n`)
    expect(ran.out).toContain('nobody can open them without the passphrase')
    for (const name of readdirSync(`${dir}/keys`)) expect(readKeyFile(`${dir}/keys/${name}`).encrypted).toBe(true)
    const { options: unused, left } = keyboard([PASSPHRASE])
    expect((await line(['init', '--encrypt', '--mesh', dir], unused)).err).toMatch(/^pimesh: .*\[E_MESH_EXISTS\]\n$/)
    expect(left).toEqual([PASSPHRASE])
  })

  it('makes nothing without a passphrase; without the option the keys are plain, and it says so', async () => {
    const home = await folder()
    const ran = await pimesh(['init', '--encrypt', '--mesh', `${home}/mesh`])
    expect(ran).toMatchObject({ status: 1, out: '', err: expect.stringMatching(/no terminal.*\[E_PASSPHRASE\]\n$/) })
    expect(readdirSync(home)).toEqual([])
    mkdirSync(`${home}/mesh`)
    expect((await line(['init', '--mesh', `${home}/mesh`])).out).toContain('"init --encrypt" all')
  })
})
