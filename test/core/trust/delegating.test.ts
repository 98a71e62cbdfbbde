// Targets that are handed in on one node, in a chain of nodes with all that they are made of: a key that is taken out of a role stops
// counting everywhere at once, not with the hello of the next minute (clause GREETING 4).
import { expect, it } from 'vitest'
import { SECOND } from '../../../src/core/limits.ts'
import { announcementOf, delegationOf, targetsOf } from '../../fixtures/documents.ts'
import { LittleMesh } from './little-mesh.ts'

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
