// T42: what a fresh node is fed by its first peers. An invite names the newest root when it was made; members that still hold
// an older one introduce nobody, and nothing is written. Running members learn the newer root from whoever has it, keep it over
// a restart, and take no root that the one before did not sign, nor an older one again.
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { Root, RootDocument } from '../../src/core/trust/documents.ts'
import { readJoined } from '../../src/daemon/folder.ts'
import { initMesh, meshKeys, openMesh } from '../../src/publish/mesh.ts'
import { parseRoot, rootJson } from '../../src/wire/root.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { rotateRoot } from '../fixtures/rotate-root.ts'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import { Hostile } from './hostile.ts'

afterEach(closeFleets)

test('T42 members with an older root than the invite names introduce nobody, and learn the newer one', async () => {
  const fleet = await Fleet.create()
  const behind = await fleet.found('behind')
  await fleet.join('ahead', fleet.token({ through: [behind] }))
  const root2 = rotate(fleet)

  const newcomer = fleet.data('newcomer')
  await mkdir(newcomer)
  await expect(fleet.join('newcomer', fleet.token({ through: [behind] }))).rejects.toMatchObject({
    code: 'E_ROOT_OLD',
    message: expect.stringMatching(/hold root version 1, but this invite requires 2/),
  })
  expect(await readdir(newcomer)).toEqual([])

  await writeFile(joinPath(fleet.data('ahead'), 'mesh', 'root-2.json'), root2.raw)
  const ahead = await fleet.start('ahead')
  await inForce(behind, 2)
  await ahead.stop()
  await behind.stop()
  await behind.start()
  expect((await behind.status()).rootVersion).toBe(2)

  await fleet.join('newcomer', fleet.token({ through: [behind] }))
  const { roots, rootFloor } = await readJoined(newcomer)
  expect(roots.map(({ signed }) => signed.version)).toEqual([1, 2])
  expect(rootFloor).toBe(2)
})

test('T42 a hostile member puts no root in force that the one before did not sign, and none again that is older', async () => {
  const fleet = await Fleet.create()
  const member = await fleet.found('member')
  await fleet.join('hostile', fleet.token({ through: [member] }))
  const hostile = await Hostile.start(fleet.data('hostile'))
  await hostile.dial(member)
  const [root1, root2, root3] = [fleet.mesh.root, rotate(fleet), rotate(fleet)]
  const refused = async (offer: readonly RootDocument[], why: RegExp) => {
    const { rootVersion } = await member.status()
    const before = member.logged('rootRefused').length
    await offerRoots(hostile, member, rootVersion + 1, offer)
    await until('a refusal', () => member.logged('rootRefused').length > before)
    expect(member.logged('rootRefused').at(-1)).toMatch(why)
    expect(await member.status()).toMatchObject({ rootVersion })
  }

  await refused([ofAnotherMesh(fleet)], /version 2 is not signed by the root before it/)
  await refused([signedByEnrolKey(fleet, root1)], /version 2 is not signed by the root before it/)
  await refused([root3], /version 2 is missing/)
  await offerRoots(hostile, member, 2, [ofAnotherMesh(fleet), root2])
  await inForce(member, 2)
  await refused([root1], /older than version 2/)
  await refused([root1, root2, signedByEnrolKey(fleet, root2)], /version 3 is not signed by the root before it/)
  await member.stop()
  await member.start()
  expect(await member.status()).toMatchObject({ rootVersion: 2 })
})

/** The owner makes the next root, with a new root key. */
function rotate(fleet: Fleet): RootDocument {
  const root = rotateRoot(fleet.mesh, Date.now(), { newRootKey: true })
  fleet.mesh = openMesh(fleet.mesh.dir)
  return root
}

async function inForce(member: Member, version: number): Promise<void> {
  await until(`root ${version}`, async () => (await member.status()).rootVersion === version)
  expect(member.logged('rootAccepted')).toEqual([`root version ${version} is in force`])
}

async function offerRoots(hostile: Hostile, member: Member, version: number, roots: readonly RootDocument[]) {
  hostile.tricks.rootVersion = version
  hostile.tricks.roots = roots
  await hostile.greet(member)
}

/** In itself a good second root, but of other keys. */
function ofAnotherMesh(fleet: Fleet): RootDocument {
  return rotateRoot(initMesh({ dir: fleet.data(`other-${meshes++}`) }, Date.now()), Date.now(), { newRootKey: true })
}
let meshes = 0

/** What follows `root`, with its keys, but signed by a key that may only enrol. */
function signedByEnrolKey(fleet: Fleet, { signed }: RootDocument): RootDocument {
  const next: Root = { ...signed, version: signed.version + 1 }
  const key = meshKeys(fleet.mesh).get(signed.roles.enrol.keyIds[0] as string)
  return parseRoot(encodeSigned(rootJson(next), key === undefined ? [] : [key]))
}
