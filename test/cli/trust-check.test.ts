// `pimesh trust check`, on files: the verdict that a person and a program read, the exit status, and that each mistake is one sentence
// with a code which leaves everything as it was.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { DAY, limits } from '../../src/core/limits.ts'
import type { Delegation, Root } from '../../src/core/trust/documents.ts'
import { meshTargets } from '../../src/publish/delegations.ts'
import { makeInvite } from '../../src/publish/invite.ts'
import { initMesh, type Mesh, type MeshKey, meshKeys, openMesh } from '../../src/publish/mesh.ts'
import { addSignature, encodeRequest, makeRequest } from '../../src/publish/signing-request.ts'
import { planStatement, signStatement } from '../../src/publish/statement.ts'
import { announcementJson } from '../../src/wire/announcement.ts'
import { rootJson } from '../../src/wire/root.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { targetsJson } from '../../src/wire/targets.ts'
import { keyOf, releaseOf } from '../fixtures/documents.ts'
import { rotateRoot } from '../fixtures/rotate-root.ts'
import { line } from './line.ts'

const NOW = Date.now()
const HOLDERS = ['ada', 'bob', 'cyd']
const short = (name: string) => keyOf(name).keyId.slice(0, 16)

/** A mesh folder whose role acme needs two of three keys, and what writes files beside it. */
async function place() {
  const home = await mkdtemp(join(tmpdir(), 'pimesh-t-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const at = (...names: string[]) => join(home, ...names)
  const mesh = initMesh({ dir: at('mesh'), name: 'acme' }, NOW)
  const write = (name: string, bytes: Uint8Array | string) => {
    writeFileSync(at(name), bytes)
    return name
  }
  writeFileSync(at('mesh', 'targets', '2.json'), targets(mesh, 2))
  const run = async (...words: string[]) => {
    const ran = await line(['trust', 'check', ...words.map((word) => (word.startsWith('-') ? word : at(word)))])
    return { ...ran, out: ran.out.replaceAll(home, 'HOME'), err: ran.err.replaceAll(home, 'HOME') }
  }
  const check = (...words: string[]) => run(...words, '--mesh', 'mesh')
  const json = async (...words: string[]) => {
    const ran = await line(['trust', 'check', ...words.map((word) => at(word)), '--mesh', at('mesh'), '-o', 'json'])
    return JSON.parse(ran.out)
  }
  /** All that is there, with what it holds. */
  const left = () =>
    readdirSync(home, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name), 'latin1')])
  return { at, mesh, write, run, check, json, left }
}

type Place = Awaited<ReturnType<typeof place>>

function ownKey(mesh: Mesh, role: 'root' | 'targets'): MeshKey {
  return meshKeys(mesh).get(mesh.root.signed.roles[role].keyIds[0] as string) as MeshKey
}

function targets(mesh: Mesh, version: number, role: Partial<Delegation> = {}, expires = NOW + 90 * DAY): Uint8Array {
  const keys = new Map(HOLDERS.map((name) => [keyOf(name).keyId, keyOf(name).publicKey]))
  const acme = { name: 'acme', keyIds: [...keys.keys()], threshold: 2, paths: ['acme/*'], terminating: true, epoch: 1 }
  const signed = targetsJson({ version, expires, keys, roles: [{ ...acme, ...role }] })
  return encodeSigned(signed, [ownKey(mesh, 'targets')])
}

function announcement(mesh: Mesh, by: string[], terms: Partial<Parameters<typeof announcementJson>[0]> = {}) {
  const frame = { mesh: mesh.id, role: 'acme', epoch: 1, version: 1, expires: NOW + 80 * DAY, ...terms }
  return encodeSigned(announcementJson(frame, { 'acme/agent': releaseOf() }), by.map(keyOf))
}

function root(mesh: Mesh, changes: Partial<Root>): Uint8Array {
  return encodeSigned(rootJson({ ...mesh.root.signed, ...changes }), [ownKey(mesh, 'root')])
}

function foreignRoot(at: Place['at']): Uint8Array {
  return initMesh({ dir: at('foreign') }, NOW).root.raw
}

describe('pimesh trust check accepts', () => {
  it('a complete announcement, and says whose signatures count', async () => {
    const { mesh, write, check } = await place()
    const ran = await check(write('a.json', announcement(mesh, ['ada', 'cyd', 'eve'])))
    const [verdict, judged, hash, expires, ...rest] = ran.out.trimEnd().split('\n')
    expect([ran.status, ran.err]).toEqual([0, ''])
    expect(verdict).toBe('accepted: announcement of the role "acme", version 1: it is the first one here')
    expect(judged).toBe('  judged by  the folder HOME/mesh: root version 1, targets version 2')
    expect(hash).toMatch(/^ {2}hash {7}[0-9a-f]{64}$/)
    expect(expires).toBe(`  expires    ${new Date(NOW + 80 * DAY).toISOString().slice(0, 10)}`)
    expect(rest).toEqual([
      'needs 2 of 3 keys of the role "acme"; 2 signed:',
      `  ${short('ada')}  counts`,
      `  ${short('bob')}  has not signed`,
      `  ${short('cyd')}  counts`,
      'signatures that do not count:',
      `  ${short('eve')}  by no key that is asked for`,
    ])
  })

  it('the next root, its roots by themselves, newer targets and a statement', async () => {
    const { at, mesh, write, check, run } = await place()
    const plan = planStatement(
      mesh,
      { zone: '/uk', offered: [] },
      { invites: new Map([['ab'.repeat(32), NOW + DAY]]) },
      NOW,
    )
    write('s.json', signStatement(plan).raw)
    write('t.json', targets(mesh, 3))
    write('old.json', mesh.root.raw)
    write('next.json', rotateRoot(mesh, NOW, { newRootKey: true }).raw)
    rmSync(join(at('mesh'), 'root', '2.json'))
    for (const [file, says] of [
      ['next.json', 'root document, version 2: it follows version 1 of the folder HOME/mesh'],
      ['old.json', 'root document, version 1: it is the newest root of the folder HOME/mesh'],
      ['t.json', 'targets document, version 3: it comes after version 2'],
      ['s.json', ', version 1: it is the first one of its key here'],
    ] as const) {
      const ran = await check(file)
      expect([ran.status, ran.out.split('\n')[0]]).toEqual([0, expect.stringContaining(says)])
    }
    expect((await run('next.json', '--root', 'old.json')).out).toContain(
      'it follows version 1 of the root that was given',
    )
    const both = await run('old.json', '--root', 'next.json', '--root', 'old.json')
    expect(both.out).toMatch(/^accepted: root document, version 1: version 2 took its place\n/)
    write('a.json', announcement(mesh, ['ada', 'bob']))
    const without = await run('a.json', '--root', 'old.json')
    expect([without.status, without.out]).toEqual([
      1,
      expect.stringContaining('give one with --targets [unknownRole]\n'),
    ])
    expect((await run('a.json', '--root', 'old.json', '--targets', 't.json')).status).toBe(0)
  })

  it('gives programs JSON', async () => {
    const { mesh, write, json } = await place()
    expect(await json(write('a.json', announcement(mesh, ['ada', 'eve'])))).toEqual({
      ...{ schema: 'pimesh.check/1', file: expect.stringMatching(/\/a\.json$/), request: false },
      ...{ kind: 'announcement', version: 1, role: 'acme', epoch: 1, enroller: null },
      ...{ hash: expect.stringMatching(/^[0-9a-f]{64}$/), expires: expect.stringMatching(/Z$/) },
      ...{ verdict: 'refused', code: 'badSignature', reason: expect.stringMatching(/^1 more of the role "acme"/) },
      under: { name: expect.stringMatching(/^the folder /), mesh: mesh.id, rootVersion: 1, targetsVersion: 2 },
      quorums: [
        {
          ...{ name: 'the role "acme"', threshold: 2, missing: 1 },
          ...{ keys: HOLDERS.map((name) => keyOf(name).keyId), signed: [keyOf('ada').keyId] },
        },
      ],
      signatures: expect.arrayContaining([
        { key: keyOf('ada').keyId, counts: true, worth: 'counts' },
        { key: keyOf('eve').keyId, counts: false, worth: 'stranger' },
      ]),
    })
  })
})

describe('pimesh trust check of a signing request', () => {
  const requestOf = (mesh: Mesh, by: string[]) => {
    const held = openMesh(mesh.dir)
    const frame = { mesh: mesh.id, role: 'acme', epoch: 1, version: 1, expires: NOW + 80 * DAY }
    const document = meshTargets(held)
    const signed = announcementJson(frame, { 'acme/agent': releaseOf() })
    const request = makeRequest(held, { kind: 'announcement', signed, targets: document, previous: undefined }, NOW)
    return encodeRequest(by.reduce((so, name) => addSignature(so, keyOf(name), NOW), request))
  }

  it('says how many signatures are missing and whose, and then that it is complete', async () => {
    const { at, mesh, check, json } = await place()
    mkdirSync(at('out'))
    writeFileSync(at('out', 'request.json'), requestOf(mesh, ['bob']))
    const one = await check('out')
    expect(one.status).toBe(1)
    expect(one.out.split('\n')[0]).toBe(
      `refused: announcement of the role "acme", version 1: 1 more of the role "acme" is needed, by one of the keys ${short('ada')}, ${short('cyd')} [badSignature]`,
    )
    expect(await json('out')).toMatchObject({ request: true, kind: 'announcement', code: 'badSignature' })
    writeFileSync(at('out', 'request.json'), requestOf(mesh, ['bob', 'cyd']))
    expect((await check('out')).out).toMatch(/^accepted: /)
    writeFileSync(at('mesh', 'targets', '3.json'), targets(mesh, 3, { epoch: 2 }))
    expect((await check('out')).out).toMatch(/in epoch 2: nothing of an older one counts any more \[oldVersion\]\n/)
  })

  it('says when it is for another mesh or was prepared under an older root, and refuses one that was altered', async () => {
    const { at, mesh, write, check, run } = await place()
    const bytes = requestOf(mesh, ['bob', 'cyd'])
    write('r.json', bytes)
    write('foreign.json', foreignRoot(at))
    const foreign = await run('r.json', '--root', 'foreign.json')
    expect(foreign.out).toMatch(
      /: it is for the mesh [0-9a-f]{16}, and that of the root that was given is .* \[foreignMesh\]\n/,
    )
    rotateRoot(mesh, NOW, { raiseEpoch: true })
    const old = 'it was prepared under version 1 of the root, and 2 is in force: prepare it again [oldVersion]'
    expect((await check('r.json')).out).toContain(old)
    write('r.json', Buffer.from(bytes).toString().replace('"to":"true"', '"to":"fals"'))
    const altered = await check('r.json')
    expect([altered.status, altered.out]).toEqual([1, ''])
    expect(altered.err).toMatch(/HOME\/r\.json is damaged or was altered.*\[E_REQUEST\]\n$/)
  })
})

describe('pimesh trust check refuses', () => {
  it.each<[string, (place: Place) => Uint8Array, RegExp]>([
    [
      'another mesh',
      ({ at }) => foreignRoot(at),
      /^refused: root document, version 1: it is for the mesh .* \[foreignMesh\]$/,
    ],
    [
      'an announcement of another mesh',
      ({ mesh }) => announcement(mesh, ['ada', 'bob'], { mesh: 'ab'.repeat(32) }),
      /\[foreignMesh\]$/,
    ],
    [
      'a root that skips a version',
      ({ mesh }) => root(mesh, { version: 3 }),
      /: root version 2 is missing, and no version may be skipped.* \[bodyMissing\]$/,
    ],
    [
      'an unknown role',
      ({ mesh }) => announcement(mesh, ['ada', 'bob'], { role: 'lab' }),
      /knows no role "lab", only "acme" \[unknownRole\]$/,
    ],
    [
      'older targets',
      ({ mesh }) => targets(mesh, 1),
      /version 2 is held, and nothing older is taken again \[oldVersion\]$/,
    ],
    [
      'an expired announcement',
      ({ mesh }) => announcement(mesh, ['ada', 'bob'], { expires: NOW - DAY }),
      /^expired: .*: it expired on .* \[expired\]$/,
    ],
    [
      'expired targets',
      ({ mesh }) => targets(mesh, 3, {}, NOW - DAY),
      /^expired: targets document, version 3: it expired on .* \[expired\]$/,
    ],
    [
      'an expired root',
      ({ mesh }) => root(mesh, { version: 2, issued: NOW - 9 * DAY, expires: NOW - DAY }),
      /^expired: root document, version 2: it expired on .*: nodes take it, and warn of it until a newer one comes \[expired\]$/,
    ],
    [
      'too few signatures',
      ({ mesh }) => announcement(mesh, ['cyd']),
      new RegExp(
        `: 1 more of the role "acme" is needed, by one of the keys ${short('ada')}, ${short('bob')} \\[badSignature\\]$`,
      ),
    ],
  ])('%s, with the reason code on the line of the verdict, and nothing changed', async (_, make, says) => {
    const there = await place()
    there.write('d.json', make(there))
    const before = there.left()
    const ran = await there.check('d.json')
    expect([ran.status, ran.err]).toEqual([1, ''])
    expect(ran.out.split('\n')[0]).toMatch(says)
    expect(there.left()).toEqual(before)
  })

  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
  it.each<[string, (place: Place) => unknown, RegExp]>([
    ['what is not there', () => undefined, /^HOME\/d\.json cannot be read \(ENOENT\): .*\[E_DOCUMENT\]$/],
    [
      'a folder',
      ({ at }) => mkdirSync(at('d.json')),
      /^HOME\/d\.json is a folder without a signing request.*\[E_DOCUMENT\]$/,
    ],
    [
      'a pipe that nobody writes to',
      ({ at }) => execFileSync('mkfifo', [at('d.json')]),
      /is not a file that can be read.*\[E_DOCUMENT\]$/,
    ],
    ['an empty file', ({ write }) => write('d.json', ''), /^HOME\/d\.json is empty: get it again \[E_DOCUMENT\]$/],
    [
      'a huge file',
      ({ write }) => write('d.json', Buffer.alloc(limits.signingRequestBytes + 1, ' ')),
      /has 4194305 bytes, and no document has more than 4194304 \[E_DOCUMENT\]$/,
    ],
    [
      'a long root',
      ({ mesh, write }) =>
        write('d.json', `{"signatures":[],"signed":{"_type":"root","x":"${'x'.repeat(70_000)}","y":"${mesh.id}"}}`),
      /\(the root document is not valid: it has 7\d{4} bytes, more than 65536\)/,
    ],
    [
      'what is not JSON',
      ({ write }) => write('d.json', 'ssh-ed25519 AAAA'),
      /\(the document is not valid: it is not JSON\).*\[E_DOCUMENT\]$/,
    ],
    ['deep JSON', ({ write }) => write('d.json', '['.repeat(100_000)), /nested deeper than 12\).*\[E_DOCUMENT\]$/],
    [
      'JSON that an editor has touched',
      ({ write, mesh }) => write('d.json', `${text(mesh.root.raw)}\n`),
      /not in canonical form\): get it again, byte for byte/,
    ],
    [
      'duplicate fields',
      ({ write, mesh }) => write('d.json', text(mesh.root.raw).replace('{', '{"signatures":[],')),
      /not in canonical form\).*\[E_DOCUMENT\]$/,
    ],
    [
      'two signatures by one key',
      ({ write, mesh }) =>
        write('d.json', text(announcement(mesh, ['ada'])).replace(/\[(\{"keyid[^}]*\})\]/, '[$1,$1]')),
      /\(the announcement is not valid: it has two signatures by the same key\).*\[E_DOCUMENT\]$/,
    ],
    [
      'one key under two ids',
      ({ write, mesh }) => write('d.json', text(targets(mesh, 3)).replaceAll(keyOf('bob').keyId, 'ab'.repeat(32))),
      /\[E_DOCUMENT\]$/,
    ],
    [
      'an invite',
      ({ write, mesh }) => write('d.json', makeInvite(mesh, { zone: '/uk', founding: true }, NOW).invite.raw),
      /: it is a document of type "invite"; give a root, targets,.*\[E_DOCUMENT\]$/,
    ],
    ['other JSON', ({ write }) => write('d.json', '[1]'), /: it says of no type; give a root.*\[E_DOCUMENT\]$/],
  ])('%s, in one sentence, and nothing changed', async (_, make, says) => {
    const there = await place()
    make(there)
    const before = readdirSync(there.at('.')).length
    const ran = await there.check('d.json')
    expect([ran.status, ran.out, ran.err.trimEnd().split('\n').length]).toEqual([1, '', 1])
    expect(ran.err.trimEnd().replace('pimesh: ', '')).toMatch(says)
    expect(readdirSync(there.at('.'))).toHaveLength(before)
  })

  it.each<[string, string[], number, RegExp]>([
    ['no file', [], 2, /^trust check needs a document, as in.*\[E_USAGE\]$/],
    [
      'two places to judge by',
      ['t.json', '--mesh', 'mesh', '--root', 't.json'],
      2,
      /^say under which roots: .*\[E_USAGE\]$/,
    ],
    ['no mesh', ['t.json', '--mesh', 'none'], 1, /^there is no mesh in HOME\/none.*\[E_NO_MESH\]$/],
    [
      'roots that are none',
      ['t.json', '--root', 't.json'],
      1,
      /t\.json is no root document: give one with --root \[E_ROOT_INVALID\]$/,
    ],
    [
      'roots without the first',
      ['t.json', '--root', '3.json'],
      1,
      /^root version 1, which names the mesh, is missing: .*\[E_ROOT_INVALID\]$/,
    ],
    [
      'roots with a gap',
      ['t.json', '--root', '3.json', '--root', '1.json'],
      1,
      /do not hold \(root version 2 is missing\): .*\[E_ROOT_INVALID\]$/,
    ],
    [
      'targets that are none',
      ['t.json', '--mesh', 'mesh', '--targets', '1.json'],
      1,
      /1\.json is no targets document.*\[E_DOCUMENT\]$/,
    ],
    [
      'targets that do not hold',
      ['t.json', '--mesh', 'mesh', '--targets', 'bad.json'],
      1,
      /do not count under the folder HOME\/mesh \(badSignature\): .*\[E_DOCUMENT\]$/,
    ],
  ])('%s', async (_, words, status, says) => {
    const { mesh, write, run } = await place()
    write('t.json', targets(mesh, 3))
    write('1.json', mesh.root.raw)
    write('3.json', root(mesh, { version: 3 }))
    const unsigned = JSON.parse(text(targets(mesh, 3))).signed
    write('bad.json', encodeSigned(unsigned, [keyOf('eve')]))
    const ran = await run(...words)
    expect([ran.status, ran.out, ran.err.trimEnd().split('\n').length]).toEqual([status, '', 1])
    expect(ran.err.trimEnd().replace('pimesh: ', '')).toMatch(says)
  })
})
