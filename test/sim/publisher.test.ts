import { describe, expect, it } from 'vitest'
import type { AnnouncementDocument } from '../../src/core/trust/announcement.ts'
import { signedBy } from '../../src/core/trust/roots.ts'
import { KeyRing } from './crypto.ts'
import { SimMesh } from './mesh.ts'
import { Prng } from './prng.ts'
import { Publisher } from './publisher.ts'
import { parseScenario } from './scenario.ts'

const PLAN = { at: 1, path: 'acme/agent', pieces: 3 }

function publisher() {
  const keys = new KeyRing()
  const scenario = parseScenario({ releases: [PLAN, { ...PLAN, twice: true }, { ...PLAN, path: 'beta/tool' }] }, 'x')
  const mesh = new SimMesh(keys, new Prng(1), scenario.beacons)
  const made = new Publisher(mesh, keys, new Prng(2), scenario)
  const env = keys.env(new Prng(3))
  /** Whether a node that holds these targets may believe it. */
  const believable = ({ signed, ...document }: AnnouncementDocument) => {
    const { keys: known, roles } = made.targets?.signed ?? { keys: new Map(), roles: [] }
    const role = roles.find(({ name }) => name === signed.role)
    const paths = signed.releases.every(({ path }) => path.startsWith(`${signed.role}/`))
    const right = signed.mesh === mesh.id && signed.epoch === role?.epoch && paths
    return right && role !== undefined && signedBy(document, known, role, env)
  }
  return { made, plans: scenario.releases, mesh, env, believable }
}

describe('the publishers of a simulated mesh', () => {
  it('delegate by a targets document that the root covers', () => {
    const { made, mesh, env } = publisher()
    const { keys, roles } = mesh.root.signed
    const covered = (document: typeof made.targets) => document && signedBy(document, keys, roles.targets, env)
    expect(made.targets?.signed.roles.map(({ name, threshold }) => [name, threshold])).toEqual([
      ['acme', 2],
      ['beta', 2],
    ])
    expect([covered(made.targets), covered(made.forgedTargets)]).toEqual([true, false])
  })

  it('sign each release with the next version and the next counter of its path', () => {
    const { made, plans, believable } = publisher()
    const signed = plans.flatMap((plan) => made.release(plan, []))
    const facts = signed.map(({ announcement, release }) => [announcement.signed.version, release.counter])
    expect(facts).toEqual([
      [1, 1],
      [2, 2],
      [2, 2],
      [1, 1],
    ])
    expect(signed.every(({ announcement }) => believable(announcement))).toBe(true)
    expect(signed[1]?.announcement.hash).not.toBe(signed[2]?.announcement.hash)
    expect(signed.every(({ content }) => made.contents.get(content.encoding.hash) === content)).toBe(true)
  })

  it('know forgeries, none of which anybody may believe', () => {
    const { made, plans, believable } = publisher()
    for (const plan of plans) made.release(plan, [])
    made.rotate('acme')
    expect(made.forgeries.length).toBeGreaterThan(5)
    expect(made.forgeries.filter(believable)).toEqual([])
  })

  it('rotate a role: other keys, the next epoch, its releases anew from version 1', () => {
    const { made, plans, believable } = publisher()
    const [first] = made.release(plans[0] as never, [])
    const anew = made.rotate('acme')
    expect(anew.signed).toMatchObject({ epoch: 2, version: 1 })
    expect(anew.signed.releases.map(({ hash }) => hash)).toEqual([first?.release.hash])
    expect([made.targets?.signed.version, believable(anew)]).toEqual([2, true])
    expect(believable(first?.announcement as AnnouncementDocument)).toBe(false)
  })
})
