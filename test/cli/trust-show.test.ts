// `pimesh trust show`, of a mesh folder and of the real API server with a backend of the test: what it says of every document, what
// it warns of, and that it says whose documents they are.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { DAY } from '../../src/core/limits.ts'
import type { Root } from '../../src/core/trust/documents.ts'
import { apiSocket } from '../../src/daemon/api-client.ts'
import { createApiServer } from '../../src/daemon/api-server.ts'
import { keepAnnouncement } from '../../src/publish/delegations.ts'
import { initMesh, meshKeys } from '../../src/publish/mesh.ts'
import { keepStatement, planStatement, signStatement } from '../../src/publish/statement.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { targetsJson } from '../../src/wire/targets.ts'
import {
  announcementOf,
  delegationOf,
  keyOf,
  nodeOf,
  releaseOf,
  rootOf,
  signRoot,
  statementOf,
  targetsOf,
} from '../fixtures/documents.ts'
import { rotateRoot } from '../fixtures/rotate-root.ts'
import { publishersJson, statusJson } from './answers.ts'
import { TestBackend } from './backend.ts'
import { line } from './line.ts'

const NOW = Date.now()
const short = (name: string) => keyOf(name).keyId.slice(0, 16)
const day = (wall: number) => new Date(wall).toISOString().slice(0, 10)
const text = ({ raw }: { raw: Uint8Array }) => Buffer.from(raw).toString()

async function home(): Promise<(name: string) => string> {
  const path = await mkdtemp(join(tmpdir(), 'pimesh-t-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return (name) => join(path, name)
}

const showFolder = (dir: string, ...words: string[]) => line(['trust', 'show', '--mesh', dir, ...words])

/** A peer that holds these; `run` asks it. */
async function peer(root: Root = { ...rootOf({}), issued: NOW - DAY, expires: NOW + 364 * DAY }) {
  const at = await home()
  mkdirSync(at('data'))
  const backend = new TestBackend()
  const server = await createApiServer(backend, apiSocket(at('data')))
  onTestFinished(() => server.close())
  const document = signRoot(root, ['root'])
  backend.heldRoot = text(document)
  backend.held = publishersJson({ mesh: document.hash })
  backend.now = statusJson({ freshness: 'unproven', beacon: null, timeBound: new Date(root.issued).toISOString() })
  const show = (...words: string[]) => line(['trust', 'show', '--data', at('data'), ...words])
  return { at, backend, mesh: document.hash, show }
}

describe('pimesh trust show of a folder', () => {
  it('says whose documents they are, and how much is not known', async () => {
    const at = await home()
    const mesh = initMesh({ dir: at('mesh'), name: 'acme' }, NOW)
    const ran = await showFolder(at('mesh'))
    expect([ran.status, ran.err]).toEqual([0, ''])
    const { root, targets, enrol } = mesh.root.signed.roles
    const key = (ids: readonly string[]) => `1 of 1: ${ids[0]?.slice(0, 16)}`
    expect(ran.out.split('\n').slice(0, 13)).toEqual([
      `mesh ${mesh.id}`,
      expect.stringMatching(`^as kept   in the folder ${at('mesh')}, last written \\d+ s ago$`),
      'complete  not known: it has what was signed here or taken in, and a peer may hold newer',
      'holds     announcements of 0 of 1 publisher, statements of 0 of 1 enrol key',
      'ends soon: nothing',
      'root, version 1',
      `  keys    ${key(root.keyIds)}`,
      `  issued  ${day(NOW)}`,
      `  until   ${day(mesh.root.signed.expires)} (364 days left)`,
      'targets, version 1',
      `  keys   ${key(targets.keyIds)}`,
      `  until  ${day(mesh.root.signed.expires)} (364 days left)`,
      'publisher acme',
    ])
    expect(ran.out).toContain(`  ${enrol.keyIds[0]?.slice(0, 16)}  the whole mesh\n    states  nothing known\n`)
  })

  it('shows what was announced, revoked, prolonged, decided and retired there', async () => {
    const at = await home()
    const dir = at('mesh')
    const first = initMesh({ dir, name: 'acme' }, NOW)
    const delegate = { zone: '/uk/glasgow', key: keyOf('site').publicKey }
    const nodes = new Map([[nodeOf('pi-1'), NOW + 30 * DAY]])
    const extensions = [{ zone: '/uk', invite: undefined, until: NOW + 100 * DAY + 60_000 }]
    const policy = { zone: '/uk', publishers: ['acme'], veto: [{ path: 'acme/agent', counter: 7 }] }
    const plan = planStatement(first, { zone: '/uk', offered: [] }, { nodes, extensions, policy }, NOW)
    keepStatement(first, signStatement(plan))
    rotateRoot(first, NOW, { newEnrolKey: true, delegate })
    const json = JSON.parse((await showFolder(dir, '-o', 'json')).out)
    expect(json).toMatchObject({ schema: 'pimesh.trust/1', mesh: first.id, root: { version: 2, threshold: 1 } })
    expect(json.source).toMatchObject({ kind: 'folder', folder: dir })
    expect(json.completeness).toEqual({ proven: false, publishers: 1, announcements: 0, enrolKeys: 3, statements: 1 })
    const [old] = first.root.signed.roles.enrol.keyIds
    const retired = json.enrolment.keys.find(({ key }: { key: string }) => key === old)
    expect(retired).toMatchObject({ state: 'retired', zone: '/', sealed: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(retired.statement).toMatchObject({
      revokedNodes: [{ id: nodeOf('pi-1') }],
      extended: [{ zone: '/uk', invite: null, daysLeft: 100 }],
      policies: [{ zone: '/uk', publishers: ['acme'], vetoes: [{ path: 'acme/agent', counter: 7 }], hours: null }],
    })
    const { out } = await showFolder(dir)
    expect(out).toContain(`  ${short('site')}  /uk/glasgow\n`)
    expect(out).toContain(
      `  ${old?.slice(0, 16)}  the whole mesh, retired: its invites count, of what it states the last word, which the root has sealed\n`,
    )
    rmSync(join(dir, 'statements'), { recursive: true })
    expect((await showFolder(dir)).out).toContain('    states  what is sealed is not here\n')
    expect(out).toMatch(new RegExp(` {4}revokes {3}${nodeOf('pi-1')} \\(until `))
    expect(out).toMatch(/ {4}prolongs {2}\/uk until .* \(100 days left\)\n/)
    expect(out).toContain('    policy    /uk takes acme; vetoes acme/agent with counter 7\n')
  })

  it.each([
    [270, 'root and targets', 0, 'ends soon', 94],
    [280, 'root and targets', 2, 'ends soon', 84],
    [370, 'root and targets', 2, 'expired', -6],
  ])('%i days after the start: %s', async (days, _, count, word, left) => {
    const at = await home()
    initMesh({ dir: at('mesh'), name: 'acme' }, NOW - days * DAY)
    const json = JSON.parse((await showFolder(at('mesh'), '-o', 'json')).out)
    expect(json.root).toMatchObject({ daysLeft: left, endsSoon: count > 0, expired: word === 'expired' })
    const { out } = await showFolder(at('mesh'))
    expect(out.split(`: ${word}\n`)).toHaveLength(count + 1)
    expect(out).toMatch(count === 0 ? /^ends soon: nothing$/m : /^ends soon: the root on .*, the targets on .*$/m)
  })

  it('colours what ends soon on a terminal', async () => {
    const at = await home()
    initMesh({ dir: at('mesh') }, NOW - 280 * DAY)
    const ran = await line(['trust', 'show', '--mesh', at('mesh')], { columns: 100 })
    expect(ran.out).toContain('\u001b[33mends soon: the root on ')
    expect(ran.out).toMatch(/until +\u001b\[33m.*: ends soon\u001b\[0m/)
  })

  it('says that its targets do not count any more, and that the clock is wrong, and shows the rest', async () => {
    const at = await home()
    const dir = at('mesh')
    initMesh({ dir }, NOW + 10 * DAY)
    const strange = targetsJson({ version: 2, expires: NOW + 90 * DAY, keys: new Map(), roles: [] })
    writeFileSync(join(dir, 'targets', '2.json'), encodeSigned(strange, [keyOf('eve')]))
    const { out, status } = await showFolder(dir)
    expect(status).toBe(0)
    expect(out).toMatch(/^targets: .*2\.json is not signed by the targets key of this mesh/m)
    expect(out).toContain('the clock of this machine shows a time before the root was signed')
    expect(out).toContain('\ntargets: none\n')
  })

  it('works for who may only enrol and has neither keys nor targets', async () => {
    const at = await home()
    initMesh({ dir: at('mesh') }, NOW)
    for (const name of ['keys', 'targets']) rmSync(join(at('mesh'), name), { recursive: true })
    const { out, status } = await showFolder(at('mesh'))
    expect([status, out.includes('publisher ')]).toEqual([0, false])
    expect(out).toContain('holds     announcements of 0 of 0 publishers')
  })

  it.each<[string, string[], number, RegExp]>([
    ['no folder', ['--mesh', 'none'], 1, /^there is no mesh in .*none;.*\[E_NO_MESH\]$/],
    ['folder and peer at once', ['--mesh', 'mesh', '--data', 'x'], 2, /^say whose documents: .*\[E_USAGE\]$/],
    ['another format', ['--mesh', 'mesh', '-o', 'xml'], 2, /^--output takes table, json.*\[E_USAGE\]$/],
    ['something more', ['root', '--mesh', 'mesh'], 2, /\[E_USAGE\]$/],
    ['a damaged statement', ['--mesh', 'mesh'], 1, /statements\/.*\.json is damaged.*\[E_STATE\]$/],
  ])('refuses %s in one sentence', async (what, words, status, says) => {
    const at = await home()
    const { root } = initMesh({ dir: at('mesh') }, NOW)
    if (what === 'a damaged statement') {
      mkdirSync(join(at('mesh'), 'statements'))
      writeFileSync(join(at('mesh'), 'statements', `${root.signed.roles.enrol.keyIds[0]}.json`), '{')
    }
    const ran = await line(['trust', 'show', ...words.map((word) => (/^(mesh|none)$/.test(word) ? at(word) : word))])
    expect([ran.status, ran.out, ran.err.trimEnd().split('\n').length]).toEqual([status, '', 1])
    expect(ran.err.trimEnd().replace('pimesh: ', '')).toMatch(says)
  })
})

describe('pimesh trust show of a peer', () => {
  it('shows its publishers with their thresholds, and what of them is frozen', async () => {
    const { backend, mesh, show } = await peer()
    const keys = new Map(['ada', 'bob', 'cyd'].map((name) => [keyOf(name).keyId, keyOf(name).publicKey]))
    const acme = delegationOf({ by: ['ada', 'bob', 'cyd'], threshold: 2, terminating: true, whenStale: 'refuse' })
    const lab = delegationOf({ name: 'root', by: ['ada'], paths: ['lab/*', 'acme/map'], epoch: 3 })
    const targets = encodeSigned(
      targetsJson({ version: 4, expires: NOW + 80 * DAY + 60_000, keys, roles: [acme, lab] }),
      [keyOf('targets')],
    )
    const held = announcementOf({
      ...{ mesh, version: 12, expires: NOW + 22 * DAY + 60_000 },
      releases: { 'acme/agent': releaseOf(), 'acme/map': releaseOf() },
      by: ['ada', 'bob'],
    })
    backend.held = publishersJson({
      ...{ mesh, linked: 3, targets: Buffer.from(targets).toString() },
      roles: [{ role: 'acme', epoch: 1, version: 12, frozen: true, announcement: text(held) }],
    })
    const { out, err, status } = await show()
    expect([status, err]).toEqual([0, ''])
    expect(out).toContain(`as held   now by the peer of `)
    expect(out).toContain('(pi-1), linked to 3 members\ncomplete  not known: the mesh has no beacons that prove it\n')
    expect(out).toContain(`holds     announcements of 1 of 2 publishers, statements of 0 of 1 enrol key\n`)
    const [soon, later] = [day(NOW + 22 * DAY + 60_000), day(NOW + 80 * DAY + 60_000)]
    expect(out).toContain(
      `ends soon: the announcement of acme on ${soon} (22 days left), the targets on ${later} (80 days left)\n`,
    )
    expect(out).toContain(
      [
        'publisher acme',
        `  keys        2 of 3: ${['ada', 'bob', 'cyd'].map(short).join(', ')}`,
        '  paths       acme/*',
        '  others      those below have no say about these paths',
        '  epoch       1',
        '  when stale  installs nothing',
        '  announced   version 12 of epoch 1, 2 releases; frozen: two of one version were signed',
        `  until       ${soon} (22 days left): ends soon`,
        'publisher root',
        `  keys        1 of 1: ${short('ada')}`,
        '  paths       lab/*, acme/map',
        '  others      those below may announce these paths, too',
        '  epoch       3',
        '  when stale  installs, and says so',
        '  announced   nothing known',
        '',
      ].join('\n'),
    )
    const json = JSON.parse((await show('-o', 'json')).out)
    expect(Object.keys(json).sort()).toEqual(
      [
        ...['beacon', 'clockPlausible', 'completeness', 'endingSoon', 'enrolment', 'mesh', 'notes', 'publishers'],
        ...['root', 'schema', 'source', 'targets'],
      ].sort(),
    )
    expect(json.publishers[0]).toEqual({
      ...{ role: 'acme', threshold: 2, keys: ['ada', 'bob', 'cyd'].map((name) => keyOf(name).keyId) },
      ...{ paths: ['acme/*'], terminating: true, epoch: 1, whenStale: 'refuse', rotated: null },
      announcement: {
        ...{ epoch: 1, version: 12, hash: held.hash, releases: 2, frozen: true },
        ...{ expires: `${new Date(held.signed.expires).toISOString().slice(0, 19)}Z`, daysLeft: 22 },
        ...{ endsSoon: true, expired: false },
      },
    })
    expect(json.endingSoon.map(({ what, name }: { what: string; name: string | null }) => [what, name])).toEqual([
      ['publisher', 'acme'],
      ['targets', null],
    ])
  })

  it.each([
    ['fresh', '2026-11-29T12:00:00.000Z', 'yes, as of the beacon of 2026-11-29T12:00Z; one is due every 1 h', true],
    ['stale', '2026-11-29T12:00:00.000Z', 'perhaps not: no newer beacon for three periods, so something', false],
    ['unproven', null, 'not known: no beacon came yet since the start', false],
  ])('says whether it is complete: %s', async (freshness, time, says, proven) => {
    const beacons = ['b1', 'b2']
    const root = { ...rootOf({}), issued: NOW - DAY, expires: NOW + 364 * DAY }
    const keys = new Map([...root.keys, ...beacons.map((name) => [keyOf(name).keyId, keyOf(name).publicKey] as const)])
    const beacon = { keyIds: beacons.map((name) => keyOf(name).keyId), threshold: 2 }
    const { backend, show } = await peer({ ...root, keys, roles: { ...root.roles, beacon } })
    backend.now = statusJson({ freshness, beacon: { time, periodMs: 3_600_000, signs: false } })
    const { out } = await show()
    expect(out).toContain(`\ncomplete  ${says}`)
    expect(out).toContain(`\nbeacons\n  keys    2 of 2: ${beacons.map(short).join(', ')}\n`)
    expect(out).toContain('  every   1 h; a node without a newer one for 3 h is stale\n')
    expect(out).toContain(`  newest  ${time === null ? 'none yet' : '2026-11-29T12:00Z'} (${freshness})\n`)
    expect(out).toMatch(/ {2}until {3}the root ends, .* \(36\d days left\)\n$/)
    const json = JSON.parse((await show('-o', 'json')).out)
    expect(json.completeness.proven).toBe(proven)
    expect(json.source).toMatchObject({ kind: 'peer', linked: 2, freshness, newestBeacon: time })
    expect(json.beacon).toMatchObject({ threshold: 2, periodMs: 3_600_000, staleAfterMs: 10_800_000 })
  })

  it('lists the first of many that are revoked', async () => {
    const { backend, mesh, show } = await peer()
    const nodes = new Map(Array.from({ length: 11 }, (_, at) => [nodeOf(`n${at}`), NOW + DAY] as const))
    backend.stated.push(text(statementOf({ mesh, issued: NOW, nodes })))
    expect((await show()).out).toContain('and 3 more: -o json has them\n')
    const { enrolment } = JSON.parse((await show('-o', 'json')).out)
    expect(enrolment.keys[0].statement.revokedNodes).toHaveLength(11)
  })

  it('shows no targets that wait for their keys as if they were in force, and says so', async () => {
    const { backend, show } = await peer()
    backend.held = { ...backend.held, targets: text(targetsOf({ by: ['eve'] })) }
    const { targets, publishers, notes } = JSON.parse((await show('-o', 'json')).out)
    expect([targets.document, publishers, notes]).toEqual([null, [], [expect.stringContaining('trust renew targets')]])
    backend.held = { ...backend.held, targets: text(targetsOf()) }
    expect(JSON.parse((await show('-o', 'json')).out)).toMatchObject({
      targets: { document: { version: 1 } },
      notes: [],
    })
  })

  it('says what to do without a peer, with an older one, and with one that holds what it cannot read', async () => {
    const { at, backend, show } = await peer()
    const none = await line(['trust', 'show', '--data', at('none')])
    expect([none.status, none.out]).toEqual([1, ''])
    expect(none.err).toMatch(/^pimesh: no daemon answers .*; or read a mesh folder with --mesh DIR \[E_NO_DAEMON\]\n$/)
    backend.heldRoot = '{"signed":{},"signatures":[]}'
    expect((await show()).err).toMatch(/holds a document that this version cannot read.*\[E_PROTOCOL\]\n$/)
    backend.heldRoot = undefined
    expect((await show()).err).toMatch(/is older than this command: start the new one \[E_PROTOCOL\]\n$/)
  })
})

describe('an announcement that the folder keeps', () => {
  it('is shown', async () => {
    const at = await home()
    const mesh = initMesh({ dir: at('mesh'), name: 'acme' }, NOW)
    const keys = new Map([[keyOf('publisher').keyId, keyOf('publisher').publicKey]])
    const owner = meshKeys(mesh)
    const [targetsKey] = mesh.root.signed.roles.targets.keyIds
    const raw = encodeSigned(targetsJson({ version: 2, expires: NOW + 200 * DAY, keys, roles: [delegationOf()] }), [
      owner.get(targetsKey as string)!,
    ])
    writeFileSync(join(at('mesh'), 'targets', '2.json'), raw)
    keepAnnouncement(mesh, announcementOf({ mesh: mesh.id, version: 3, expires: NOW + 90 * DAY }), 'accepted')
    const { out } = await showFolder(at('mesh'))
    expect(out).toContain('  announced   version 3 of epoch 1, 1 release\n')
  })
})
