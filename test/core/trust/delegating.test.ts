// Targets that are handed in on one node, in a chain of nodes with all that they are made of: a key that is taken out of a role stops
// counting everywhere at once, not with the hello of the next minute (clause GREETING 4).
import { describe, expect, it } from 'vitest'
import type { Millis } from '../../../src/core/env.ts'
import { DAY, limits, SECOND } from '../../../src/core/limits.ts'
import { NOTHING } from '../../../src/core/protocols.ts'
import type { RootDocument } from '../../../src/core/trust/documents.ts'
import { headOf } from '../../../src/core/trust/registers.ts'
import { announcementOf, delegationOf, ROOT, rootOf, signRoot, targetsOf } from '../../fixtures/documents.ts'
import { TOPIC } from './announcing-world.ts'
import { LittleMesh, type Member } from './little-mesh.ts'

it('targets by themselves go from link to link as soon as they are in force', () => {
  const mesh = new LittleMesh()
  const [a, b, c] = ['a', 'b', 'c'].map((name) => mesh.add(name))
  if (!a || !b || !c) throw new Error('three were added')
  mesh.link(a, b)
  mesh.link(b, c)
  a.submit(announcementOf({ version: 1 }), targetsOf())
  mesh.greet()
  const versions = () => mesh.members.map(({ core }) => core.releases.publishers().targets?.signed.version)
  const held = () => mesh.members.map(({ core }) => core.releases.publishers().current.length)
  expect([versions(), held()]).toEqual([
    [1, 1, 1],
    [1, 1, 1],
  ])
  const revoked = targetsOf({ version: 2, roles: [delegationOf({ name: 'other', paths: ['other/*'] })] })
  a.feed({ type: 'delegated', ticket: a.ticket(), targets: revoked })
  mesh.run(SECOND)
  expect([versions(), held()]).toEqual([
    [2, 2, 2],
    [0, 0, 0],
  ])
  expect(a.submitted).toEqual(['accepted', 'accepted'])
})

describe('targets that came with a head which only they explain', () => {
  const meshOf = () => {
    const mesh = new LittleMesh()
    const [publisher, b, c] = ['publisher', 'b', 'c'].map((name) => mesh.add(name))
    if (!publisher || !b || !c) throw new Error('three were added')
    mesh.link(b, c)
    publisher.submit(announcementOf({ version: 1 }), targetsOf())
    mesh.greet()
    // The head comes before any hello does.
    b.links.add(publisher)
    const hellos: Millis[] = []
    c.lies = ({ protocol }) => {
      if (protocol === 'hello') hellos.push(mesh.now)
      return undefined
    }
    const tell = () => {
      const head = headOf(announcementOf({ version: 1 }))
      b.feed({ type: 'headHeard', ticket: b.ticket(), from: publisher.node, topic: TOPIC, head })
      const [{ now }, before] = [mesh, hellos.length]
      mesh.run(2 * limits.requestTimeout)
      return hellos.slice(before).map((at) => at - now)
    }
    const held = () => [b, c].map(({ core }) => core.releases.publishers().current.length)
    return { publisher, tell, held }
  }

  it('are told in no hello: who lacks them asks whoever passes the head on', () => {
    const { tell, held } = meshOf()
    expect([tell(), held()]).toEqual([[], [1, 1]])
  })

  it('are told all the same when the head leads to no announcement', () => {
    const { publisher, tell, held } = meshOf()
    publisher.lies = ({ protocol, body }) =>
      protocol === 'sync' && body.type === 'announcements' ? { protocol, body: NOTHING } : undefined
    expect([tell(), held()]).toEqual([[0], [0, 0]])
  })
})

it('a flood of targets that a stolen key signs is told and written a few times, and the last of them reaches all (clause VECTOR 4)', () => {
  const mesh = new LittleMesh()
  const [thief, b, c] = ['thief', 'b', 'c'].map((name) => mesh.add(name))
  if (!thief || !b || !c) throw new Error('three were added')
  mesh.link(thief, b)
  mesh.link(b, c)
  mesh.greet()
  for (let version = 1; version <= 100; version++) {
    thief.feed({ type: 'delegated', ticket: thief.ticket(), targets: targetsOf({ version }) })
    mesh.run(SECOND / 10)
  }
  const accepted = ({ events }: Member) => events.filter(({ type }) => type === 'targetsAccepted').length
  expect([thief, b, c].map(accepted)).toEqual([100, limits.targetsAtOnce, limits.targetsAtOnce])
  mesh.run(2 * limits.targetsPause)
  const held = ({ core }: Member) => core.releases.publishers().targets?.signed.version
  expect([b, c].map(held)).toEqual([100, 100])
  expect(Math.max(...[b, c].map(accepted))).toBeLessThanOrEqual(limits.targetsAtOnce + 2)
})

it('T04 roots that are handed in beside another one of the version that is held are refused whole (clause ROOT 5)', () => {
  const mesh = new LittleMesh()
  const member = mesh.add('a')
  const next = (version: number, days: number) =>
    signRoot({ ...rootOf({ version }), expires: ROOT.signed.expires + days * DAY }, ['root'])
  const [held, other, last] = [next(2, 0), next(2, 1), next(3, 0)]
  const handIn = (...roots: RootDocument[]) => {
    member.feed({ type: 'rooted', ticket: member.ticket(), roots })
    mesh.run(SECOND)
  }
  handIn(held)
  handIn(other, last)
  expect(member.core.snapshot().root.hash).toBe(held.hash)
  handIn(held, last)
  expect(member.core.snapshot().root.hash).toBe(last.hash)
  expect(member.submitted).toEqual(['accepted', 'badSignature', 'accepted'])
  // Whose folder is behind asks for them (clause API 5).
  expect(member.core.rootsFrom(2).map(({ hash }) => hash)).toEqual([held.hash, last.hash])
})
