// A root carries a date that nodes believe for good (clause CLOCK 1), and versions that end: what `pimesh trust` refuses to sign, and shows.
import { describe, expect, it } from 'vitest'
import { DAY, limits } from '../../src/core/limits.ts'
import { Outbox } from '../../src/core/outbox.ts'
import { RootKeeper } from '../../src/core/trust/root-keeper.ts'
import { describeRequest } from '../../src/publish/describe-request.ts'
import type { Mesh } from '../../src/publish/mesh.ts'
import { initMesh } from '../../src/publish/mesh.ts'
import { draftRoot } from '../../src/publish/rotate.ts'
import { addSignature, makeRequest } from '../../src/publish/signing-request.ts'
import { env, keyOf, MESH, NOW, ROOT, rootOf, signRoot } from '../fixtures/documents.ts'
import { statusJson } from './answers.ts'
import { line } from './line.ts'
import { owner } from './trust-owner.ts'

const date = (at: number) => new Date(at).toISOString()

describe('a clock that is wrong', () => {
  it('dates no root before the one that it follows', async () => {
    const { at } = await owner()
    const { dir } = initMesh({ dir: at('ahead') }, Date.now() + 2 * DAY)
    const ran = await line(['trust', 'renew', 'root', '--days', '500', '--yes', '--mesh', dir, '--data', at('none')])
    expect([ran.status, ran.err]).toEqual([1, expect.stringMatching(/was issued later .*: set the clock \[E_STATE\]/)])
  })

  it('nor one that the peer knows to be far from now', async () => {
    const { backend, refused, run } = await owner()
    backend.now = { ...statusJson(), timeBound: date(Date.now() + 2 * DAY) }
    await refused(['renew', 'root'], 'E_STATE', /the peer of .* knows of .*: set the clock/)
    const beacon = { time: date(Date.now() - 2 * DAY), periodMs: 3_600_000, signs: false }
    backend.now = { ...statusJson(), timeBound: date(0), freshness: 'fresh', beacon }
    await refused(['renew', 'root'], 'E_STATE', /the peer of .* knows of .*: set the clock/)
    backend.now = { ...backend.now, freshness: 'stale' }
    expect((await run('renew', 'root')).out).toMatch(/\n {2}issued +20/)
  })

  it('is noticed where a root is signed by another machine', () => {
    const mesh = { id: MESH, roots: [ROOT], root: ROOT } as unknown as Mesh
    const draft = (now: number) => ({ kind: 'root', signed: draftRoot(mesh, now, {}) }) as const
    const later = makeRequest(mesh, draft(NOW + 3 * DAY), NOW + 3 * DAY)
    expect(describeRequest(later).facts).toContainEqual(['issued', date(NOW + 3 * DAY).replace('.000', '')])
    const sign = (now: number) => addSignature(later, keyOf('root'), now)
    expect(() => sign(NOW)).toThrow(/was issued on .*, and the clock of this machine says/)
    expect(sign(NOW + 2 * DAY).document.signatures).toHaveLength(1)
    const before = { ...draft(NOW).signed, issued: date(NOW - DAY).replace('.000', '') }
    expect(() => makeRequest(mesh, { kind: 'root', signed: before }, NOW)).toThrow(/before the one that it follows/)
  })
})

describe('the last versions of a root', () => {
  const numbered = (version: number) =>
    ({ id: MESH, roots: [ROOT], root: { ...ROOT, signed: { ...ROOT.signed, version } } }) as unknown as Mesh

  it('are announced, and then none is signed', () => {
    expect(() => draftRoot(numbered(limits.rootVersions), NOW, {})).toThrow(/nodes hold no more than so many/)
    const noteOf = (version: number) => {
      const document = signRoot(rootOf({ version }), ['root'])
      const request = { kind: 'root', mesh: MESH, document, previous: ROOT, root: ROOT, roots: [ROOT], quorums: [] }
      return describeRequest(request as unknown as Parameters<typeof describeRequest>[0]).notes
    }
    expect(noteOf(limits.rootVersions - 33)).toEqual([])
    expect(noteOf(limits.rootVersions - 32)).toEqual([
      expect.stringContaining('32 of 256 versions of the root are left'),
    ])
  })

  it('a node that holds no more says so', () => {
    const out = new Outbox()
    const nobody = () => undefined
    const self = { mesh: MESH, root: ROOT, time: { bound: 0 } }
    const watch = { accepted: nobody, refused: nobody, blamed: nobody }
    const parts = { env, out, self, watch } as unknown as ConstructorParameters<typeof RootKeeper>[0]
    new RootKeeper(parts, Array(limits.rootVersions).fill(ROOT), 0).arrived(
      'peer',
      [signRoot(rootOf({ version: 2 }), ['root'])],
      NOW,
    )
    const detail = `no more than ${limits.rootVersions} versions of a root are held`
    expect(out.drain()).toEqual([expect.objectContaining({ event: { type: 'rootRefused', peer: 'peer', detail } })])
  })
})
