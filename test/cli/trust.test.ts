// `pimesh trust revoke` and `extend`, against the real API server with a backend of the test: what they sign, say and refuse.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { DAY } from '../../src/core/limits.ts'
import { apiSocket } from '../../src/daemon/api-client.ts'
import { createApiServer } from '../../src/daemon/api-server.ts'
import { makeInvite } from '../../src/publish/invite.ts'
import { initMesh } from '../../src/publish/mesh.ts'
import { keptStatement } from '../../src/publish/statement.ts'
import { parseStatement } from '../../src/wire/statement.ts'
import { nodeOf } from '../fixtures/documents.ts'
import { nodeJson, nodesJson, publishersJson, releaseJson, releasesJson } from './answers.ts'
import { TestBackend } from './backend.ts'
import { line } from './line.ts'

const PI = nodeOf('pi-1')
const INVITE = 'ab'.repeat(32)
const ENDS = '2028-07-01T00:00:00.000Z'

/** A mesh folder and a peer that takes statements. */
async function owner() {
  const home = await mkdtemp(join(tmpdir(), 'pimesh-t-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const [data, dir] = [join(home, 'data'), join(home, 'mesh')]
  mkdirSync(data)
  const mesh = initMesh({ dir }, Date.now())
  const backend = new TestBackend()
  const server = await createApiServer(backend, apiSocket(data))
  onTestFinished(() => server.close())
  backend.held = publishersJson({ mesh: mesh.id })
  backend.answer = nodesJson([nodeJson({ node: PI, invite: INVITE, membershipExpires: ENDS })])
  const run = (...words: string[]) => line(['trust', ...words, '--mesh', dir, '--data', data])
  const last = () => parseStatement(Buffer.from(backend.stated.at(-1) ?? '')).signed
  return { dir, data, mesh, backend, run, last }
}

describe('pimesh trust revoke', () => {
  it('signs that a node is revoked, hands it to the peer, and keeps a copy', async () => {
    const { run, last, mesh, backend } = await owner()
    const ran = await run('revoke', 'pi-1')
    const { enroller } = last()
    expect(ran.out).toBe(`pi-1 is revoked\n  node       ${PI}\n  statement  version 1 of enrol key ${enroller}\n`)
    expect(ran.err).toContain(`"pimesh trust revoke ${INVITE}"`)
    expect(ran.status).toBe(0)
    expect(last()).toMatchObject({ mesh: mesh.id, version: 1, nodes: new Map([[PI, Date.parse(ENDS)]]) })
    expect(keptStatement(mesh, enroller)?.raw).toEqual(new Uint8Array(Buffer.from(backend.stated[0] as string)))
  })

  it('adds to what was revoked before, wherever that is known', async () => {
    const { run, last, dir, backend } = await owner()
    const other = nodeOf('never seen')
    await run('revoke', 'pi-1')
    rmSync(join(dir, 'statements'), { recursive: true })
    const asked = await run('revoke', other, '-o', 'json')
    expect(JSON.parse(asked.out)).toMatchObject({
      schema: 'pimesh.revoke/1',
      kind: 'node',
      id: other,
      zone: null,
      version: 2,
    })
    expect([...last().nodes.keys()].sort()).toEqual([PI, other].sort())
    backend.stated.length = 0
    await run('revoke', INVITE)
    expect(last()).toMatchObject({ version: 3, invites: new Map([[INVITE, expect.any(Number)]]) })
    expect(last().nodes.size).toBe(2)
  })

  it('takes a token for its invite', async () => {
    const { run, last, mesh } = await owner()
    const { token, invite } = makeInvite(mesh, { zone: '/uk/glasgow', founding: true }, Date.now())
    expect((await run('revoke', token)).status).toBe(0)
    expect(last().invites).toEqual(new Map([[invite.hash, invite.signed.membershipExpires]]))
  })

  it('refuses in one sentence, and nothing has changed', async () => {
    const { run, dir, data, mesh, backend } = await owner()
    const refused = async (words: string[], code: string, sentence: RegExp) => {
      const { status, out, err } = await run(...words)
      expect([out, err.trimEnd().split('\n').length]).toEqual(['', 1])
      expect(err).toMatch(sentence)
      expect(err).toContain(`[${code}]`)
      expect(status).toBeGreaterThan(0)
      expect(backend.stated).toEqual([])
      expect(existsSync(join(dir, 'statements'))).toBe(false)
    }
    expect(await line(['trust'])).toMatchObject({
      status: 2,
      err: expect.stringContaining('"pimesh trust revoke pi-7": it has '),
    })
    await refused(['revok', 'pi-1'], 'E_USAGE', /did you mean "revoke"/)
    await refused(['revoke'], 'E_USAGE', /needs a publisher, a key, a node or an invite/)
    await refused(['revoke', 'pi-9'], 'E_UNKNOWN_NODE', /pi-9/)
    await refused(['revoke', 'pimesh1.AAAA'], 'E_TOKEN_DAMAGED', /token/)
    const foreign = makeInvite(
      initMesh({ dir: join(data, 'foreign') }, Date.now()),
      { zone: '/x', founding: true },
      Date.now(),
    )
    await refused(['revoke', foreign.token], 'E_TOKEN_FOREIGN', /another mesh/)
    backend.held = publishersJson({ mesh: 'cd'.repeat(32) })
    await refused(['revoke', 'pi-1'], 'E_NO_MESH', /another mesh/)
    backend.held = publishersJson({ mesh: mesh.id })
    const keys = join(dir, 'keys')
    for (const file of readdirSync(keys).filter((name) => name.startsWith('enrol'))) rmSync(join(keys, file))
    await refused(['revoke', 'pi-1'], 'E_STATE', /no enrol key/)
  })

  it('is told what is wrong with a damaged copy', async () => {
    const { run, dir, last } = await owner()
    await run('revoke', 'pi-1')
    const path = join(dir, 'statements', `${last().enroller}.json`)
    rmSync(path)
    mkdirSync(path)
    const { err, status } = await run('revoke', 'pi-1')
    expect([err, status]).toEqual([expect.stringContaining('[E_STATE]'), 1])
  })
})

describe('pimesh trust policy', () => {
  it('says what a zone takes; what is not named stays', async () => {
    const { run, last, backend } = await owner()
    backend.rollout = releasesJson([releaseJson({ path: 'acme/agent', version: '2.4.0', counter: 7 })])
    const ran = await run('policy', '--zone', '/uk', '--veto', 'acme/agent@2.4.0', '--veto', 'acme/next@9')
    expect(ran.out).toMatch(/^the policy of \/uk is stated\n {2}vetoed {5}acme\/agent, counter 7\n/)
    const vetoes = [
      { path: 'acme/agent', counter: 7 },
      { path: 'acme/next', counter: 9 },
    ]
    expect(last().policies).toEqual([{ zone: '/uk', publishers: undefined, vetoes, hours: undefined }])
    await run('policy', '--zone', '/uk', '--only-publishers', 'acme,other', '--hours', '22:00-06:00')
    const hours = { from: 1_320, to: 360 }
    expect(last().policies).toEqual([{ zone: '/uk', publishers: ['acme', 'other'], vetoes, hours }])
    await run('policy', '--zone', '/uk', '--allow', 'acme/agent@7', '--allow', 'acme/next@9', '--hours', 'any')
    expect(last().policies).toEqual([{ zone: '/uk', publishers: ['acme', 'other'], vetoes: [], hours: undefined }])
    await run('policy', '--zone', '/uk', '--only-publishers', 'any')
    expect([last().policies, last().version]).toEqual([[], 4])
  })

  it('refuses what is no policy, and signs nothing', async () => {
    const { run, backend } = await owner()
    for (const words of [
      ['--veto', 'acme/agent@7'],
      ['--zone', '/uk'],
      ['--zone', '/uk', '--hours', 'at night'],
      ['--zone', '/uk', '--only-publishers', 'Acme'],
      ['--zone', '/uk', '--veto', 'acme/agent@no-such'],
      ['--zone', '/uk', '--veto', '7'],
    ])
      expect(await run('policy', ...words)).toMatchObject({ status: 2, err: expect.stringContaining('[E_USAGE]') })
    const many = Array.from({ length: 17 }, (_, i) => ['--veto', `acme/agent@${i + 1}`]).flat()
    expect((await run('policy', '--zone', '/uk', ...many)).err).toContain('[E_STATEMENT]')
    expect(backend.stated).toEqual([])
  })
})

describe('pimesh trust extend', () => {
  it('prolongs a zone or an invite, and with it what is revoked there', async () => {
    const { run, last } = await owner()
    await run('revoke', 'pi-1')
    const ran = await run('extend', '--zone', '/uk/glasgow', '--days', '730')
    expect(ran.out).toMatch(
      /^memberships of \/uk\/glasgow count until \d{4}-\d\d-\d\d\n {2}statement {2}version 2 of enrol key /,
    )
    const [extension] = last().extensions
    expect(extension?.until).toBeGreaterThan(Date.now() + 729 * DAY)
    expect(last().nodes.get(PI)).toBeGreaterThanOrEqual(extension?.until as number)
    const day = new Date(Date.now() + 100 * DAY).toISOString().slice(0, 10)
    await run('extend', '--invite', INVITE, '--until', day)
    expect(last().extensions).toEqual([
      extension,
      { zone: undefined, invite: INVITE, until: Date.parse(`${day}T00:00:00Z`) },
    ])
  })

  it('refuses what is not a day, too far, or about nobody', async () => {
    const { run, backend } = await owner()
    for (const words of [
      ['--days', '10'],
      ['--zone', '/uk', '--invite', INVITE, '--days', '10'],
      ['--zone', '/uk'],
      ['--zone', '/uk', '--days', '731'],
      ['--zone', '/uk', '--until', '2026-02-30'],
      ['--zone', '/uk', '--until', 'soon'],
      ['--zone', '/uk', '--until', '2020-01-01'],
      ['--invite', 'abc', '--days', '10'],
    ]) {
      const { status, err } = await run('extend', ...words)
      expect([status, err]).toEqual([2, expect.stringContaining('[E_USAGE]')])
    }
    const { err } = await run('extend', '--zone', 'uk', '--days', '10')
    expect(err).toContain('[E_ZONE]')
    expect(backend.stated).toEqual([])
  })

  it('has help of its own', async () => {
    const help = await line(['help', 'trust', 'extend'])
    expect(help.out).toContain('Usage: pimesh trust extend --zone Z|--invite HASH')
    expect((await line(['trust', 'extend', '--help'])).out).toBe(help.out)
    expect(readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8')).toContain('pimesh trust extend')
  })
})
