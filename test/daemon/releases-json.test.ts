// Announcements and records, joined: each release with what the nodes say of it.
import { describe, expect, it } from 'vitest'
import type { QueryResult } from '../../src/core/events.ts'
import type { Row } from '../../src/core/fleet/rows.ts'
import type { InstallReport } from '../../src/core/rollout/states.ts'
import type { Release } from '../../src/core/trust/announcement.ts'
import { releasesJson } from '../../src/daemon/releases-json.ts'
import { announcementJson, parseAnnouncement, withoutRelease } from '../../src/wire/announcement.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { hereJson } from '../cli/answers.ts'
import { keyOf, MESH, membershipOf, NOW, nodeOf } from '../fixtures/documents.ts'

function announced(role: string, paths: string[], to = 'true') {
  const release = (path: string) => ({
    counter: 3,
    version: '1.2',
    artifact: { hash: 'a7'.repeat(32), length: 900_000 },
    to,
    installer: { type: 'file' as const, file: 'agent', executable: false },
    encodings: [
      {
        type: 'zstd' as const,
        hash: 'e0'.repeat(32),
        sha256: 'e0'.repeat(32),
        length: 600_000,
        pieceLength: 262_144,
        pieceList: 'f0'.repeat(32),
      },
    ],
    origin: [],
    path,
  })
  const releases = Object.fromEntries(paths.map((path) => [path, release(path)]))
  const terms = { mesh: MESH, role, epoch: 2, version: 5, expires: NOW }
  return parseAnnouncement(encodeSigned(announcementJson(terms, releases), [keyOf(role)]))
}

const membership = membershipOf({ node: 'pi-1' })

/** A row as far as it is looked at. */
function row(node: string, installs: InstallReport[], some: Partial<Row> = {}): Row {
  const envelope = { membership: node === 'pi-1' ? membership.id : '00' }
  return { node: nodeOf(node), envelope, record: { installs }, status: 'up', age: 1_234.5, ...some } as unknown as Row
}

function answer(zones: Record<string, Row[]>, some: Partial<QueryResult['zones'][number]> = {}): QueryResult {
  const list = Object.entries(zones).map(([zone, rows]) => ({
    ...{ zone, state: 'answered' as const, membersKnown: 1, by: undefined, counts: undefined, rows, partial: false },
    ...some,
  }))
  return { zones: list, memberships: new Map([[membership.id, membership]]) }
}

const document = announced('acme', ['acme/agent', 'acme/map'])
const [agent, map] = document.signed.releases as [Release, Release]
const report = (release: Release, some: Partial<InstallReport> = {}): InstallReport => ({
  ...{ release8: release.hash.slice(0, 16), state: 'fetching', reason: undefined, percent: 40 },
  ...some,
})
const current = [{ document, frozen: false, expired: false }]
const nobody = { self: nodeOf('laptop'), here: () => null, selected: () => null }

describe('releases', () => {
  it('have what nodes say of them, in order of zone and name', () => {
    const result = answer({
      '/b': [
        row('pi-9', [report(agent, { state: 'failed', reason: 'badArtifact', percent: 100 })], { status: 'down' }),
      ],
      '/a': [row('pi-1', [report(map, { state: 'committed' }), report(agent)])],
    })
    const json = releasesJson({ current, result, ...nobody })
    expect(json.releases.map(({ release, nodes }) => [release, nodes.length])).toEqual([
      ['acme/agent@1.2', 2],
      ['acme/map@1.2', 1],
    ])
    const [first, second] = json.releases[0]!.nodes
    expect(first).toEqual({
      ...{ node: nodeOf('pi-1'), name: 'pi-1', zone: '/a', state: 'fetching', reason: null, percent: 40 },
      ...{ ageMs: 1_235, status: 'up', peersPercent: null, form: null },
    })
    expect(second).toMatchObject({
      name: nodeOf('pi-9'),
      zone: '/b',
      state: 'failed',
      reason: 'badArtifact',
      status: 'down',
    })
    expect(json.completeness).toMatchObject({ zonesAnswered: 2, zonesKnown: 2, oldestMs: 1_235, complete: true })
  })

  it('have how the bytes came, and in which form (clause REC 8)', () => {
    const [whole] = agent.encodings as [Release['encodings'][number]]
    const patch = {
      ...whole,
      type: 'zstd-patch' as const,
      hash: 'ab'.repeat(32),
      base: 'ba'.repeat(32),
      length: 50_000,
    }
    const twin = { ...patch, hash: 'abab'.padEnd(64, '0') }
    const told = (encodings: Release['encodings'], encoding2: string) => {
      const releases = [{ ...agent, encodings }]
      const changed = { ...document, signed: { ...document.signed, releases } }
      const rows = [row('pi-1', [report(agent, { peers: 87, encoding2 })])]
      const parts = { current: [{ ...current[0]!, document: changed }], result: answer({ '/a': rows }), ...nobody }
      const { peersPercent, form } = releasesJson(parts).releases[0]!.nodes[0]!
      expect(peersPercent).toBe(87)
      return form
    }
    expect(told([whole, patch], 'abab')).toEqual({ type: 'zstd-patch', bytes: 50_000, savedBytes: 550_000 })
    expect(told([whole, patch], whole.hash.slice(0, 4))).toEqual({ type: 'zstd', bytes: 600_000, savedBytes: 0 })
    expect(told([whole, patch, twin], 'abab')).toBeNull()
    expect(told([whole, patch], 'ffff')).toBeNull()
  })

  it('say all that was announced', () => {
    const [json] = releasesJson({ current, result: answer({}), ...nobody }).releases
    expect(json).toEqual({
      ...{ release: 'acme/agent@1.2', path: 'acme/agent', version: '1.2', counter: 3, hash: agent.hash },
      ...{ role: 'acme', epoch: 2, roleVersion: 5, expires: '2026-07-01T00:00:00.000Z', expired: false, frozen: false },
      ...{ to: 'true', installer: 'file', unsupported: null, selected: null, here: null, nodes: [], unsaid: 0 },
      requires: [],
      artifact: { hash: 'a7'.repeat(32), bytes: 900_000 },
      encoding: { type: 'zstd', hash: expect.stringMatching(/^[0-9a-f]{64}$/), bytes: 600_000, pieces: 3 },
    })
  })

  it('count the nodes that have in use what was withdrawn, under the hash that it had (clause ANN 18)', () => {
    const before = announced('acme', ['acme/agent'])
    const terms = { mesh: MESH, role: 'acme', epoch: 2, version: 6, expires: NOW }
    const [release] = before.signed.releases as [Release]
    const raw = encodeSigned(withoutRelease(before, terms, release), [keyOf('acme')])
    const withdrawn = [{ document: parseAnnouncement(raw), frozen: false, expired: false }]
    const rows = [row('pi-1', [report(release, { state: 'committed' })]), row('pi-2', [])]
    const [json] = releasesJson({ current: withdrawn, result: answer({ '/a': rows }), ...nobody }).releases
    expect(json).toMatchObject({ withdrawn: true, to: 'false', counter: release.counter, unsaid: 0 })
    expect(json?.hash).not.toBe(release.hash)
    expect(json?.nodes.map(({ name, state }) => [name, state])).toEqual([['pi-1', 'committed']])
  })

  it('leave out who left, and count those whose records are full of others', () => {
    const others = ['01', '02', '03', '04'].map((byte) => report(agent, { release8: byte.repeat(8) }))
    const left = row('pi-9', [report(agent, { state: 'committed' })], { status: 'left', age: 3_600_000 })
    const rows = [row('pi-1', [report(agent)]), row('pi-2', others), row('pi-3', others.slice(1)), left]
    const json = releasesJson({ current, result: answer({ '/a': rows }), ...nobody })
    expect(json.releases.map(({ nodes, unsaid }) => [nodes.length, unsaid])).toEqual([
      [1, 1],
      [0, 1],
    ])
    expect(json.completeness.oldestMs).toBe(1_235)
  })

  it('say what is in use of releases that are announced no more', () => {
    const older = (byte: string, state: InstallReport['state']) => report(agent, { release8: byte.repeat(8), state })
    const rows = [
      row('pi-1', [report(agent), older('01', 'committed')]),
      row('pi-2', [report(agent, { state: 'committed' }), older('02', 'committed'), older('03', 'fetching')]),
      row('pi-3', [older('02', 'switched')]),
      row('pi-4', [older('01', 'committed')], { status: 'left' }),
    ]
    const { earlier } = releasesJson({ current, result: answer({ '/a': rows }), ...nobody })
    expect(earlier).toEqual([
      { release8: '02'.repeat(8), nodes: 2 },
      { release8: '01'.repeat(8), nodes: 1 },
    ])
    expect(releasesJson({ current, result: answer({}), ...nobody })).not.toHaveProperty('earlier')
  })

  it('count this node by what it knows itself, when its record has no room for it', () => {
    const others = ['01', '02', '03', '04'].map((byte) => report(agent, { release8: byte.repeat(8) }))
    const result = answer({ '/a': [row('pi-1', others), row('pi-2', others)] })
    const here = () => hereJson({ state: 'committed', percent: 100 })
    const terms = { current, result, self: nodeOf('pi-1'), here }
    const [json] = releasesJson({ ...terms, selected: () => true }).releases
    expect(json).toMatchObject({
      nodes: [{ node: nodeOf('pi-1'), name: 'pi-1', zone: '/a', state: 'committed', percent: 100, ageMs: 0 }],
      unsaid: 1,
    })
    const [unselected] = releasesJson({ ...terms, selected: () => false }).releases
    expect(unselected).toMatchObject({ nodes: [], unsaid: 1 })
    const told = answer({ '/a': [row('pi-1', [report(agent)])] })
    const [once] = releasesJson({ ...terms, result: told, selected: () => true }).releases
    expect(once?.nodes.map(({ state }) => state)).toEqual(['fetching'])
  })

  it('for no node are not said to be anywhere', () => {
    const others = ['01', '02', '03', '04'].map((byte) => report(agent, { release8: byte.repeat(8) }))
    const [withdrawn] = releasesJson({
      ...{
        current: [{ document: announced('acme', ['acme/agent'], 'false'), frozen: false, expired: false }],
        ...nobody,
      },
      result: answer({ '/a': [row('pi-2', others)] }),
    }).releases
    expect(withdrawn?.unsaid).toBe(0)
  })

  it('name the zones that were asked', () => {
    const silent = answer({ '/nope': [] }, { state: 'silent', membersKnown: 0 })
    expect(releasesJson({ current, result: silent, ...nobody }).zones).toEqual([
      { zone: '/nope', state: 'silent', by: null, counts: null, partial: false, membersKnown: 0 },
    ])
  })

  it('that nobody announces any more are left out, and so is what is told of them', () => {
    const stranger = report(agent, { release8: 'ff'.repeat(8) })
    const json = releasesJson({ current, result: answer({ '/a': [row('pi-1', [stranger])] }), ...nobody })
    expect(json.releases.flatMap(({ nodes }) => nodes)).toEqual([])
  })

  it('ask about this peer for each of them', () => {
    const here = (release: Release) => (release.path === 'acme/map' ? hereJson() : null)
    const selected = (release: Release) => release.path === 'acme/agent'
    const json = releasesJson({ current, result: answer({}), self: nodeOf('pi-1'), here, selected })
    expect(json.releases.map((release) => [release.selected, release.here])).toEqual([
      [true, null],
      [false, hereJson()],
    ])
  })

  it('are partial when a zone was silent, and when nobody was asked', () => {
    const silent = answer({ '/a': [] }, { state: 'silent' })
    expect(releasesJson({ current, result: silent, ...nobody }).completeness.complete).toBe(false)
    expect(releasesJson({ current, result: answer({}), ...nobody }).completeness).toMatchObject({
      ...{ zonesAnswered: 0, zonesKnown: 0, oldestMs: null, complete: false },
    })
    const unknown = answer({ '/a': [row('pi-1', []), row('pi-9', [], { age: null })] })
    expect(releasesJson({ current, result: unknown, ...nobody }).completeness.oldestMs).toBeNull()
  })

  it('of a role that is frozen or expired say so', () => {
    const json = releasesJson({ current: [{ document, frozen: true, expired: true }], result: answer({}), ...nobody })
    expect(json.releases[0]).toMatchObject({ frozen: true, expired: true })
  })
})
