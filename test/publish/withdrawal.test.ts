// Withdrawing a release: what is announced instead, who may, and that the counter stays spent (clause ANN 18).
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AnnouncementDocument } from '../../src/core/trust/announcement.ts'
import { signedBy } from '../../src/core/trust/roots.ts'
import { keepAnnouncement, meshTargets } from '../../src/publish/delegations.ts'
import { initMesh, type Mesh } from '../../src/publish/mesh.ts'
import { type PeerHolds, planRelease, signRelease } from '../../src/publish/release.ts'
import { planWithdrawal, signWithdrawal } from '../../src/publish/withdrawal.ts'
import { parseAnnouncement } from '../../src/wire/announcement.ts'
import { jsonOf } from '../../src/wire/canonical.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { env, identityOf, keyOf, NOW } from '../fixtures/documents.ts'

let home: string
let mesh: Mesh
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'pimesh-withdraw-'))
  mesh = initMesh({ dir: join(home, 'mesh'), name: 'acme' }, NOW)
})
afterEach(() => rmSync(home, { recursive: true }))

const NOBODY: PeerHolds = { targets: null, roles: [], counters: {} }
const holding = ({ raw }: AnnouncementDocument): PeerHolds => ({
  targets: Buffer.from(meshTargets(mesh).raw).toString(),
  roles: [{ role: 'acme', frozen: false, announcement: Buffer.from(raw).toString() }],
  counters: {},
})

function publish(name: string, held = NOBODY, requires: string[] = []) {
  const [path, version] = name.split('@') as [string, string]
  const bytes = Buffer.from(name)
  const { encoding } = identityOf(bytes)
  const installer = { type: 'file' as const, file: 'agent', executable: true }
  const plan = planRelease(mesh, held, { path, version, to: 'true', installer, requires }, NOW)
  return signRelease(plan, { artifact: { hash: encoding.sha256, length: bytes.length }, encoding })
}

const withdraw = (name: string, held: PeerHolds, keyFile?: string) =>
  signWithdrawal(planWithdrawal(mesh, held, { name, keyFile }, NOW))

describe('a withdrawal', () => {
  it('says the same but that it is for nobody, is signed by the role, and leaves the others as they are', () => {
    const map = publish('acme/map@1')
    const { document, release } = publish('acme/agent@2', holding(map.document))
    for (const name of ['acme/agent', 'acme/agent@2', release.hash.slice(0, 8)]) {
      const withdrawn = withdraw(name, holding(document))
      const { hash, to, withdraws, ...same } = withdrawn.release
      expect([to, withdraws]).toEqual(['false', release.hash])
      expect({ ...release, ...same }).toEqual(release)
      expect(hash).not.toBe(release.hash)
      expect(withdrawn.document.signed).toMatchObject({ role: 'acme', epoch: 1, version: 3 })
      expect(withdrawn.document.signed.releases).toContainEqual(map.release)
      const targets = meshTargets(mesh).signed
      expect(signedBy(withdrawn.document, targets.keys, targets.roles[0]!, env)).toBe(true)
    }
  })

  it('spends the counter, also for who knows nothing but the folder', () => {
    const first = publish('acme/agent@1')
    const withdrawn = withdraw('acme/agent', holding(first.document))
    keepAnnouncement(mesh, withdrawn.document, 'accepted')
    const again = publish('acme/agent@2')
    expect(again.release).toMatchObject({ counter: 2, withdraws: undefined })
    expect(again.document.signed.version).toBe(3)
  })

  it('keeps what a newer pimesh wrote of it', () => {
    const { document, release } = publish('acme/agent@1')
    const signed = jsonOf(document.signedBytes) as { targets: Record<string, Record<string, object>> }
    Object.assign(signed.targets['acme/agent']!.custom!, { later: 'field' })
    const newer = parseAnnouncement(encodeSigned(signed as never, [planRelease(mesh, NOBODY, requestOf(), NOW).key]))
    const withdrawn = withdraw('acme/agent', holding(newer))
    const { targets } = jsonOf(withdrawn.document.signedBytes) as typeof signed
    expect(targets['acme/agent']?.custom).toMatchObject({ later: 'field', to: 'false' })
    expect(release.withdraws).toBeUndefined()
  })

  it('says what waits with it', () => {
    const lib = publish('acme/lib@1')
    const agent = publish('acme/agent@1', holding(lib.document), ['acme/lib'])
    expect(planWithdrawal(mesh, holding(agent.document), { name: 'acme/lib' }, NOW).notes).toEqual([
      'acme/agent@1 requires acme/lib@1: nodes that do not have it in use yet will not begin it either',
    ])
  })

  it('of nothing, of another version, of what is withdrawn, and without a key of the role is refused', () => {
    expect(() => withdraw('acme/agent', NOBODY)).toThrow(
      'this mesh does not announce "acme/agent": "pimesh releases" lists what is announced',
    )
    const first = publish('acme/agent@1')
    const held = holding(first.document)
    expect(() => withdraw('acme/agent@2', held)).toThrow('did you mean "acme/agent@1"?')
    expect(() => withdraw('acme/agent', held, join(mesh.dir, 'keys', 'root.key'))).toThrow(
      /is not one of the role "acme"/,
    )
    const withdrawn = withdraw('acme/agent', held)
    expect(() => withdraw('acme/agent', holding(withdrawn.document))).toThrow('acme/agent@1 is withdrawn already')
    const forged = parseAnnouncement(encodeSigned(jsonOf(first.document.signedBytes), [keyOf('thief')]))
    expect(() => withdraw('acme/agent', holding(forged))).toThrow('does not announce')
  })
})

function requestOf() {
  return { path: 'acme/agent', to: 'true', installer: { type: 'file' as const, file: 'agent', executable: true } }
}
