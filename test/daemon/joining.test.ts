// Joining and leaving when something goes wrong in the middle: real members on loopback, and folders as a kill leaves them.
import { existsSync, statSync } from 'node:fs'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { NOTHING } from '../../src/core/protocols.ts'
import { EMPTY_VECTOR } from '../../src/core/trust/announcement.ts'
import { hasJoined, paths, readJoined, sweep, wipe, writeJoined } from '../../src/daemon/folder.ts'
import { joiningGate, memberGate } from '../../src/daemon/gate.ts'
import { beginAttempt } from '../../src/daemon/joining-key.ts'
import { openState } from '../../src/daemon/state.ts'
import { startMesh } from '../../src/mesh/node.ts'
import { makeInvite } from '../../src/publish/invite.ts'
import { makeMembership, openToken } from '../../src/publish/membership.ts'
import { initMesh } from '../../src/publish/mesh.ts'
import { openLevelStore } from '../../src/store/level.ts'
import { encodeResponse } from '../../src/wire/messages.ts'
import { changesToWrites, readState } from '../../src/wire/state.ts'
import { addressNode } from '../../src/wire/token.ts'
import { rotateRoot } from '../fixtures/rotate-root.ts'
import { QUIET } from '../mesh/quiet.ts'
import { closeFleets, closeLater, Fleet, NORTH, until } from '../threats/fleet.ts'

afterEach(closeFleets)
const bare = (address: string) => address.slice(0, address.lastIndexOf('/p2p/'))

describe('a join', () => {
  it('does not keep a countersignature that does not hold: the next member countersigns', async () => {
    const fleet = await Fleet.create()
    const honest = await fleet.found('honest')
    await fleet.join('liar', fleet.token({ through: [honest] }))
    const { mesh, secret, membership } = await readJoined(fleet.data('liar'))
    const keeper = memberGate({
      ...{ mesh, node: membership.claims.node, sign: () => new Uint8Array(64), own: () => membership },
      admit: async (_remote, shown) => {
        const due = shown?.membership && { membership: shown.membership.id, at: Date.now() }
        return { admitted: true, countersign: due }
      },
      ...{ countersigned: () => undefined, refused: () => undefined },
    })
    const liar = await startMesh({
      ...{ secret, listen: ['/ip4/127.0.0.1/tcp/0'], announce: [], mesh8: mesh.slice(0, 16), mdns: false, keeper },
      events: QUIET,
      prepare: async ({ streams }) => {
        const { root } = fleet.mesh
        const roots = encodeResponse({ protocol: 'sync', body: { ...NOTHING, roots: [root] } })
        await streams.handle('sync', async () => roots)
        const body = { rootVersion: 1, rootHash: root.hash, zone: NORTH, serves: true, addresses: [], contacts: [] }
        const hello = encodeResponse({ protocol: 'hello', body: { ...body, yours: undefined, vector: EMPTY_VECTOR } })
        await streams.handle('hello', async () => hello)
      },
    })
    closeLater(() => liar.stop())
    const via = [`${liar.listening()[0]}/p2p/${liar.nodeId}`, honest.address]
    await fleet.join('new', makeInvite(fleet.mesh, { zone: NORTH, via }, Date.now()).token)
    expect((await readJoined(fleet.data('new'))).membership.countersignature).toBeUndefined()
    const member = await fleet.start('new')
    await until('an honest countersignature', async () => (await member.status()).countersigned)
  })

  it('that ended after a member took it in goes on as the same node on the same seat', async () => {
    const fleet = await Fleet.create()
    const member = await fleet.found('member')
    const text = fleet.token({ through: [member], seats: 3 })
    const token = openToken(text, Date.now())
    const data = fleet.data('new')
    await mkdir(data)
    const attempt = await beginAttempt(data, token.invite.hash)
    const own = makeMembership({ token, nodeSecret: attempt.secret, seat: 2, name: 'new', now: Date.now() })
    const { keeper } = joiningGate(token.mesh, own, () => attempt.keep(2))
    const mesh = await startMesh({
      ...{ secret: attempt.secret, listen: [], announce: [], mesh8: token.mesh.slice(0, 16), mdns: false, keeper },
      events: QUIET,
    })
    const signal = AbortSignal.timeout(20_000)
    await mesh.links.dial(addressNode(member.address) as string, [bare(member.address)], { signal })
    await mesh.stop()
    expect(await readdir(data)).toEqual(['joining.key'])
    expect(statSync(paths(data).joiningKey).mode & 0o777).toBe(0o600)

    await fleet.join('new', text)
    const { membership } = await readJoined(data)
    expect(membership.claims).toMatchObject({ node: own.claims.node, seat: 2 })
    expect(await readdir(data)).toEqual(['mesh'])
    expect((await member.status()).alerts).toEqual([])
  })

  it('with another token takes another key', async () => {
    const fleet = await Fleet.create()
    const data = fleet.data('new')
    const first = await beginAttempt(data, 'a'.repeat(64))
    first.keep(1)
    const [again, other] = [await beginAttempt(data, 'a'.repeat(64)), await beginAttempt(data, 'b'.repeat(64))]
    expect([again.secret, again.seat]).toEqual([first.secret, 1])
    expect(other.secret).not.toEqual(first.secret)
    expect(other.seat).toBeUndefined()
    await other.forget()
    expect(existsSync(paths(data).joiningKey)).toBe(true)
    await first.forget()
    expect(existsSync(data)).toBe(false)
  })

  it('that is refused because all seats are taken leaves nothing', async () => {
    const fleet = await Fleet.create()
    const token = fleet.token({ through: [await fleet.found('member')] })
    await fleet.join('first', token)
    await expect(fleet.join('new', token)).rejects.toMatchObject({ code: 'E_TOKEN_USED' })
    expect(existsSync(fleet.data('new'))).toBe(false)
  })

  it('that finds no member leaves nothing', async () => {
    const fleet = await Fleet.create()
    const node = (await fleet.found('member')).id
    const via = [`/ip4/127.0.0.1/tcp/1/p2p/${node}`]
    const { token } = makeInvite(fleet.mesh, { zone: NORTH, via }, Date.now())
    await expect(fleet.join('new', token)).rejects.toMatchObject({ code: 'E_NO_MEMBER' })
    expect(existsSync(fleet.data('new'))).toBe(false)
  })
})

describe('the folder', () => {
  const joinedFolder = async (name = 'one') => {
    const fleet = await Fleet.create()
    await fleet.join(name, fleet.token({ founding: true }))
    return { fleet, data: fleet.data(name), joined: await readJoined(fleet.data(name)) }
  }

  it('after a leave that was killed between membership and state takes nothing of the old mesh', async () => {
    const { data, joined } = await joinedFolder()
    await writeState(data, [{ type: 'incarnation', incarnation: 41 }])
    await rename(paths(data).mesh, joinPath(data, '.leaving-x'))
    expect(await hasJoined(data)).toBe(false)
    await mkdir(joinPath(data, '.joining-y'))
    await writeJoined(data, joined)
    expect(await readdir(data)).toEqual(['mesh'])
  })

  it('is not touched by a second join', async () => {
    const { data, joined } = await joinedFolder()
    await writeState(data, [{ type: 'incarnation', incarnation: 41 }])
    await expect(writeJoined(data, joined)).rejects.toMatchObject({ code: 'E_JOINED' })
    expect((await openState(paths(data).db, joined).then(closed)).incarnation).toBe(41)
    expect((await readdir(data)).sort()).toEqual(['db', 'mesh'])
  })

  it('is empty when it was left, and swept of what interruptions left', async () => {
    const { data } = await joinedFolder()
    await writeState(data, [{ type: 'incarnation', incarnation: 41 }])
    for (const name of ['.leaving-x', '.joining-y']) await mkdir(joinPath(data, name))
    await writeFile(paths(data).joiningKey, 'x')
    await sweep(data)
    expect((await readdir(data)).sort()).toEqual(['db', 'mesh'])
    for (const name of ['artifacts', 'installed']) await mkdir(joinPath(data, name))
    await wipe(data)
    // What is installed is in use, whoever may have no membership.
    expect(await readdir(data)).toEqual(['installed'])
  })

  it('uses no state of another mesh', async () => {
    const { fleet, data, joined } = await joinedFolder()
    const other = initMesh({ dir: fleet.data('other') }, Date.now())
    const token = openToken(makeInvite(other, { zone: '/b', founding: true }, Date.now()).token, Date.now())
    const secret = new Uint8Array(32).fill(7)
    const foreign = makeMembership({ token, nodeSecret: secret, seat: 0, name: 'x', now: Date.now() })
    await writeState(data, [
      { type: 'incarnation', incarnation: 41 },
      { type: 'membership', membership: foreign },
    ])
    const opened = await openState(paths(data).db, joined)
    expect(opened.notes).toEqual([expect.stringContaining('another mesh')])
    expect(await closed(opened)).toMatchObject({ incarnation: 0, memberships: [] })
    expect(await readRaw(data)).toMatchObject({ incarnation: 0, memberships: [] })
  })

  it('puts no root in force that does not chain from the joined ones', async () => {
    const { fleet, data, joined } = await joinedFolder()
    const [good, foreign] = [fleet.mesh, initMesh({ dir: fleet.data('other') }, Date.now())].map((mesh) =>
      rotateRoot(mesh, Date.now(), {}),
    )
    await writeState(data, [{ type: 'root', root: foreign as never }])
    const opened = await openState(paths(data).db, joined)
    expect(opened.notes).toEqual([expect.stringContaining('not signed by the root before it')])
    expect((await closed(opened)).roots).toEqual([])
    await writeState(data, [{ type: 'root', root: good as never }])
    const right = await openState(paths(data).db, joined)
    expect(right.notes).toEqual([])
    expect((await closed(right)).roots.map(({ signed }) => signed.version)).toEqual([2])
  })
})

describe('a daemon', () => {
  it('whose folder for encodings is none says so in one sentence, and has done nothing', async () => {
    const fleet = await Fleet.create()
    await fleet.join('one', fleet.token({ founding: true }))
    const data = fleet.data('one')
    await writeFile(paths(data).artifacts, 'in the way')
    await expect(fleet.start('one')).rejects.toMatchObject({
      code: 'E_DATA_WRITE',
      message: `${paths(data).artifacts} cannot be written: make it writable for the user who runs pimesh (ENOTDIR)`,
    })
    expect(await readRaw(data)).toMatchObject({ incarnation: 0 })
    await rm(paths(data).artifacts)
    const member = await fleet.start('one')
    await member.stop()
  })

  it('whose API cannot be made says nothing to the mesh and takes no incarnation', async () => {
    const fleet = await Fleet.create()
    await fleet.join('one', fleet.token({ founding: true }))
    const data = fleet.data('one')
    await writeFile(paths(data).socket, 'in the way')
    await expect(fleet.start('one')).rejects.toMatchObject({ code: 'E_DATA_WRITE' })
    expect(await readRaw(data)).toMatchObject({ incarnation: 0 })
    await rm(paths(data).socket)
    const member = await fleet.start('one')
    await member.stop()
    expect(member.logged('stopping')).toEqual(['said goodbye to the mesh (0 linked)'])
  })
})

async function writeState(data: string, changes: Parameters<typeof changesToWrites>[0]): Promise<void> {
  const store = await openLevelStore(paths(data).db)
  await store.write(changesToWrites(changes), { sync: true })
  await store.close()
}

async function readRaw(data: string) {
  const store = await openLevelStore(paths(data).db)
  try {
    return await readState(store)
  } finally {
    await store.close()
  }
}

async function closed({ store, state }: Awaited<ReturnType<typeof openState>>) {
  await store.close()
  return state
}
