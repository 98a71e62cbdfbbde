// Going: a daemon that is stopped or leaves for good says goodbye, and whoever presses Ctrl-C gets the prompt back at once
// and finds nothing half-written.
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SECOND } from '../../src/core/limits.ts'
import type { NodeJson } from '../../src/daemon/api-types.ts'
import { makeInvite } from '../../src/publish/invite.ts'
import { openMesh } from '../../src/publish/mesh.ts'
import { Fleet } from './fleet.ts'
import { contents } from './folder-state.ts'

const ZONE = '/e2e/north'
/** It stays, and says what it sees. */
const OBSERVER = 'n1'

let fleet: Fleet
beforeAll(async () => {
  fleet = await Fleet.make()
  await fleet.done('init', '--mesh', fleet.path('mesh'))
  await fleet.add(OBSERVER, await fleet.invite(ZONE, '--first'))
  const token = await fleet.invite(ZONE, '--seats', '2', '--via', await fleet.address(OBSERVER))
  await Promise.all(['n2', 'n3'].map((name) => fleet.add(name, token)))
})
afterAll(() => fleet?.dispose())

/** The row of a node when the observer sees it so. */
async function seenAs(node: string, status: NodeJson['status']): Promise<NodeJson> {
  return await fleet.until(`${OBSERVER} sees ${node} as ${status}`, 30 * SECOND, async () => {
    const { nodes } = await fleet.client(OBSERVER).nodes()
    return nodes.find((row) => row.node === node && row.status === status)
  })
}

const idOf = async (name: string) => (await fleet.client(name).status()).node

describe('a daemon that is stopped', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s says goodbye, and is the same node when it starts again',
    async (signal) => {
      const { node, incarnation } = await fleet.client('n2').status()
      await seenAs(node, 'up')
      const { status, err } = await fleet.stop('n2', signal)
      expect(status, err).toBe(0)
      expect(await seenAs(node, 'left')).toMatchObject({ name: 'n2', incarnation })
      expect(await readdir(fleet.path('n2'))).not.toContain('api.sock')
      await fleet.start('n2')
      expect(await seenAs(node, 'up')).toMatchObject({ name: 'n2', incarnation: incarnation + 1 })
      expect((await fleet.client(OBSERVER).status()).alerts).toEqual([])
    },
  )
})

describe('pimesh leave', () => {
  it('says goodbye, ends the daemon and wipes the folder', async () => {
    const node = await idOf('n3')
    const daemon = fleet.running('n3')
    await seenAs(node, 'up')
    expect(await fleet.done('leave', '--yes', '--data', fleet.path('n3'))).toMatch(
      /^left; .* belongs to no mesh any more$/,
    )
    expect((await daemon.ended).status, daemon.log()).toBe(0)
    expect(await seenAs(node, 'left')).toMatchObject({ name: 'n3' })
    expect(await readdir(fleet.path('n3'))).toEqual(['pimesh.toml'])
    const up = await fleet.run(['up', '--data', fleet.path('n3')])
    expect(up).toMatchObject({ status: 1, err: expect.stringMatching(/^pimesh: .*\[E_NOT_JOINED\]\n$/) })
  })

  it('leaves room for a new node in the same folder', async () => {
    await fleet.add('n3', await fleet.invite(ZONE, '--via', await fleet.address(OBSERVER)))
    const node = await idOf('n3')
    expect(await seenAs(node, 'up')).toMatchObject({ name: 'n3', incarnation: 1 })
    const { nodes } = await fleet.client(OBSERVER).node('n3')
    expect(nodes.map((row) => row.node)).toEqual([node])
  })
})

describe('Ctrl-C', () => {
  it('ends a join that waits for a member, and nothing was written', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    try {
      const at = `/ip4/127.0.0.1/tcp/${(silent.address() as AddressInfo).port}/p2p/${await idOf(OBSERVER)}`
      const { token } = makeInvite(openMesh(fleet.path('mesh')), { zone: ZONE, via: [at] }, Date.now())
      const met = once(silent, 'connection')
      const joining = fleet.run(['join', token, '--data', fleet.path('new', 'data')], {
        onProcess: (child) => met.then(() => child.kill('SIGINT')),
      })
      expect(await joining).toMatchObject({ signal: 'SIGINT', out: '', err: `meeting the member at ${at}\n` })
      expect(await readdir(fleet.folder)).not.toContain('new')
    } finally {
      silent.close()
    }
  })

  it('while up is starting ends it, and it starts again as if nothing had been', async () => {
    const before = await fleet.client('n2').status()
    await fleet.stop('n2', 'SIGTERM')
    const files = await contents(fleet.path('n2'), ['db'])
    const early = await fleet.run(['up', '--data', fleet.path('n2')], { onProcess: (child) => child.kill('SIGINT') })
    expect(early).toMatchObject({ signal: 'SIGINT', out: '', err: '' })
    // The first line of its log comes when it has written its incarnation, before it is up.
    const starting = await fleet.run(['up', '--data', fleet.path('n2')], {
      onNotice: (_, child) => child.kill('SIGINT'),
    })
    expect(starting).toMatchObject({ status: 0, signal: null })
    expect(await contents(fleet.path('n2'), ['db'])).toEqual(files)
    await fleet.start('n2')
    const after = await fleet.client('n2').status()
    expect(after).toMatchObject({ node: before.node, incarnation: before.incarnation + 2, alerts: [] })
    await seenAs(after.node, 'up')
  })
})
