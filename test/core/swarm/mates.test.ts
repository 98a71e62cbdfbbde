import { expect, it } from 'vitest'
import type { InstallState } from '../../../src/core/rollout/states.ts'
import { emptyBits } from '../../../src/core/swarm/bitfield.ts'
import { Alone } from './alone.ts'
import { testEncoding } from './encodings.ts'

const wanted = testEncoding('a', 64)

/** A node with a mate on its LAN and members of its zone that it is not linked with, which report a release. */
function beside(rows: readonly { node: string; release8?: string; state?: InstallState }[]): Alone {
  const linkOf = (peer: string) => {
    const route = peer === 'mate' ? ('lan' as const) : ('direct' as const)
    return { peer, zone: '/a', address: '', direction: 'outbound' as const, route, since: 0 }
  }
  const view = rows.map(({ node, release8 = 'aa', state }) => {
    return { node, status: 'up', record: { installs: state === undefined ? [] : [{ release8, state }] } }
  })
  const alone = new Alone(undefined, {
    links: { all: () => [].values(), get: linkOf, wantFor: () => undefined },
    view: { rows: () => view as never },
  })
  alone.wants(wanted)
  alone.meets('mate', 'outside')
  alone.holds('mate', wanted, emptyBits(64), true)
  alone.holds('outside', wanted)
  alone.lists(wanted)
  return alone
}

const asked = (alone: Alone) => {
  alone.serves(wanted, alone.requests(alone.prepared(emptyBits(64))))
  return alone.said('claim').map(({ message }) => message as { index: number; passOn: boolean })
}

it('members of the zone without a link that have the release, or failed with it, own nothing and need no claims', () => {
  const done = ['verified', 'staged', 'switched', 'healthy', 'committed', 'rolledBack', 'failed'] as const
  const alone = asked(beside([]))
  const among = asked(beside(done.map((state, i) => ({ node: `n${i}`, state }))))
  expect(among).toEqual(alone)
  expect(alone.every(({ passOn }) => !passOn)).toBe(true)
})

it.each([
  ['report nothing', {}],
  ['wait with it', { state: 'announced' as const }],
  ['fetch it', { state: 'fetching' as const }],
  ['have another one', { release8: 'bb', state: 'committed' as const }],
])('members of the zone without a link that %s may own pieces, and are to hear of claims', (_what, report) => {
  const claims = asked(beside([{ node: 'n0', ...report }]))
  expect(claims.length).toBeGreaterThan(0)
  expect(claims.every(({ passOn }) => passOn)).toBe(true)
})
