// Two copies of a mesh folder sign apart from each other: what `pimesh trust` does with a folder whose roots are not those that the peer holds.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { writeKeyFile } from '../../src/keys/key-file.ts'
import { newestStored } from '../../src/publish/delegations.ts'
import { openMesh } from '../../src/publish/mesh.ts'
import { keyOf, nodeOf, seedOf } from '../fixtures/documents.ts'
import { nodeJson, nodesJson } from './answers.ts'
import { line } from './line.ts'
import { answering, hashOf, owner, text } from './trust-owner.ts'

const SITE = keyOf('site')

type Owner = Awaited<ReturnType<typeof owner>>

/** The peer holds the roots of this folder. */
function holdsRootsOf({ backend }: Pick<Owner, 'backend'>, dir: string): void {
  const { root, roots } = openMesh(dir)
  backend.served = roots.map(({ raw }) => Buffer.from(raw).toString())
  backend.rootVersion = root.signed.version
  backend.heldRoot = Buffer.from(root.raw).toString()
}

/**
 * Two sticks with a site's key: on the first one it is revoked, which the peer hears of; on the second one a root of the same version is
 * signed that still lists it, which nobody hears of.
 */
async function forked() {
  const one = await owner()
  const other = one.at('stick2')
  const elsewhere = (...words: string[]) =>
    line(['trust', ...words, '--mesh', other, '--data', one.at('nowhere'), '--yes'])
  await one.run('delegate-zone', '/uk/glasgow', '--pub', text(SITE))
  cpSync(one.dir, other, { recursive: true })
  expect((await elsewhere('renew', 'root')).status).toBe(0)
  holdsRootsOf(one, one.dir)
  expect((await one.run('revoke', SITE.keyId)).status).toBe(0)
  holdsRootsOf(one, one.dir)
  expect([openMesh(one.dir), openMesh(other)].map(({ root }) => root.signed.version)).toEqual([3, 3])
  const before = one.backend.rooted.length
  const refused = (ran: { status: number; err: string }) => {
    expect([ran.status, ran.err]).toEqual([
      1,
      expect.stringMatching(/another version 3 of the root is in force.*E_ROOT_OLD/),
    ])
    expect(ran.err.trimEnd().split('\n')).toHaveLength(1)
    expect(one.backend.rooted).toHaveLength(before)
  }
  return { ...one, other, elsewhere, refused }
}

describe('another root of one version', () => {
  it('T04 signs no root on top of it: a revoked enrol key does not come back', async () => {
    const { other, data, refused, elsewhere } = await forked()
    const there = (...words: string[]) => line(['trust', ...words, '--mesh', other, '--data', data])
    const before = hashOf(other)
    refused(await there('renew', 'root', '--yes'))
    refused(await there('submit'))
    expect(hashOf(other)).toBe(before)
    // The folder goes on without a peer, and its further roots are refused all the same.
    expect((await elsewhere('renew', 'root')).status).toBe(0)
    refused(await there('renew', 'root', '--yes'))
    refused(await there('submit'))
  })

  it('nor is a request handed in that follows it, by a member without a folder', async () => {
    const { at, data, sign, elsewhere, refused, other, keyOfRole } = await forked()
    await line(['trust', 'renew', 'root', '--prepare', at('out'), '--mesh', other, '--data', at('nowhere')])
    expect((await sign('out', keyOfRole('root'))).status).toBe(0)
    refused(await line(['trust', 'submit', at('out'), '--data', data], { env: { PIMESH_MESH: at('none') } }))
    await elsewhere('renew', 'targets', '--prepare', at('targets'))
    expect((await sign('targets', keyOfRole('targets'))).status).toBe(0)
    refused(await line(['trust', 'submit', at('targets'), '--data', data], { env: { PIMESH_MESH: at('none') } }))
  })

  it('one that comes into force while another is being signed is not overtaken: the folder is as it was', async () => {
    const one = await owner()
    const [other, before] = [one.at('stick2'), hashOf(one.dir)]
    cpSync(one.dir, other, { recursive: true })
    await line(['trust', 'renew', 'root', '--days', '400', '--yes', '--mesh', other, '--data', one.at('nowhere')])
    const slow = answering('yes')
    const written = (text: string) => {
      if (text.includes('? Type yes')) holdsRootsOf(one, other)
      slow.written?.(text)
    }
    const ran = await one.ask(['renew', 'root'], { ...slow, written })
    expect(ran.err).toMatch(/another version 2 of the root is in force.*E_ROOT_OLD/)
    expect([hashOf(one.dir), one.backend.rooted]).toEqual([before, []])
  })

  it('roots are handed in from the one on that the peer should hold, so that it sees a fork by itself', async () => {
    const { run, backend, dir } = await owner()
    await run('renew', 'root')
    expect(backend.offered.map((raw) => JSON.parse(raw).signed.version)).toEqual([1, 2])
    expect(backend.offered[0]).toBe(readFileSync(`${dir}/root/1.json`, 'utf8'))
  })
})

/** A second copy of the folder, on a laptop without root and targets keys, and a stick that changes roots. */
async function copied() {
  const one = await owner()
  const laptop = one.at('laptop')
  cpSync(one.dir, laptop, { recursive: true })
  for (const name of ['root', 'targets']) rmSync(join(laptop, 'keys', `${name}.key`))
  const there = (...words: string[]) => line([...words, '--mesh', laptop, '--data', one.data])
  const version = () => openMesh(laptop).root.signed.version
  const renewed = async (times: number) => {
    for (let time = 0; time < times; time++) expect((await one.run('renew', 'root')).status).toBe(0)
    holdsRootsOf(one, one.dir)
  }
  return { ...one, laptop, there, version, renewed }
}

const WAS_BEHIND = /laptop was behind: versions up to 4 of the root came from the peer of /

describe('a folder that is behind', () => {
  it('takes the roots that it lacks from the peer, and says so once', async () => {
    const { renewed, there, version, at, dir, laptop } = await copied()
    await renewed(3)
    const add = ['add-publisher', 'lab', '--pub', text(SITE), '--paths', 'lab/*']
    const first = await there('trust', ...add, '--prepare', at('out'))
    expect([first.status, first.err]).toEqual([0, expect.stringMatching(WAS_BEHIND)])
    expect([version(), hashOf(join(laptop, 'root')).length]).toEqual([4, 64])
    for (const name of ['2.json', '3.json', '4.json'])
      expect(readFileSync(join(laptop, 'root', name))).toEqual(readFileSync(join(dir, 'root', name)))
    expect((await there('trust', ...add, '--prepare', at('again'))).err).not.toContain('behind')
  })

  it('takes targets under new keys, so that publishing goes on; what a stolen key signed it leaves where it is', async () => {
    const { run, at, there, version, backend, laptop } = await copied()
    const before = backend.held.targets
    const words = ['rotate', 'targets', '--raise-epoch', '--out-key', 'targets', '--pub', at('ada.key')]
    const ran = await run(...words, '--key', at('ada.key'))
    expect([ran.status, before]).toEqual([0, null])
    holdsRootsOf({ backend }, at('mesh'))
    const release = ['publish', at('ada.key'), '--name', 'acme/agent@1', '--to', 'true', '--prepare']
    const prepared = await there(...release, at('release'))
    expect([prepared.status, prepared.err]).toEqual([
      0,
      expect.stringMatching(/version 2 of the root, and version 1 of the targets document came from the peer/),
    ])
    expect([version(), newestStored(openMesh(laptop)).hash]).toEqual([2, newestStored(openMesh(at('mesh'))).hash])
    // Beside the one of the first epoch, which stays.
    expect(readdirSync(join(laptop, 'targets')).sort()).toEqual(['1.json', '2-1.json'])
    // As long as the keys of the folder's own document count, another is used and not kept.
    expect((await run('renew', 'targets', '--key', at('ada.key'))).status).toBe(0)
    await run('renew', 'root')
    holdsRootsOf({ backend }, at('mesh'))
    expect((await there(...release, at('next'))).status).toBe(0)
    expect([version(), newestStored(openMesh(laptop)).signed.version]).toEqual([3, 1])
  })

  it('of a site owner, who has the roots and a key alone, goes on stating', async () => {
    const { renewed, at, data, dir, run } = await copied()
    await run('delegate-zone', '/uk/glasgow', '--pub', text(SITE))
    const site = at('site')
    cpSync(join(dir, 'root'), join(site, 'root'), { recursive: true })
    mkdirSync(join(site, 'keys'))
    writeKeyFile(join(site, 'keys', 'site.key'), seedOf('site'))
    await renewed(2)
    const words = ['policy', '--zone', '/uk/glasgow', '--hours', '22:00-06:00']
    const ran = await line(['trust', ...words, '--mesh', site, '--data', data])
    expect([ran.status, ran.err]).toEqual([0, expect.stringContaining('site was behind: versions up to 4')])
    expect(openMesh(site).root.signed.version).toBe(4)
  })

  it('takes nothing that does not follow; a node is revoked all the same, and publishing says why', async () => {
    const { other, backend, data, at } = await forked()
    backend.answer = nodesJson(['pi-1', 'pi-2', 'pi-3'].map((name) => nodeJson({ name, node: nodeOf(name) })))
    const there = (...words: string[]) => line([...words, '--mesh', other, '--data', data])
    const refused = async (sentence: RegExp) =>
      expect((await there('trust', 'revoke', 'acme', '--as', 'role', '--yes')).err).toMatch(sentence)
    const isRevoked = async (name: string) =>
      expect(await there('trust', 'revoke', name)).toMatchObject({
        status: 0,
        out: expect.stringMatching(`^${name} is`),
      })
    const before = hashOf(join(other, 'root'))
    await refused(/another version 3 of the root is in force.*E_ROOT_OLD/)
    await isRevoked('pi-1')
    // It is ahead on another branch; then one whose daemon hands over no roots.
    backend.rootVersion = 5
    await refused(/do not follow those of .*another root of version 3.*E_ROOT_OLD/)
    await isRevoked('pi-2')
    backend.served = []
    await refused(/has root version 3, and the peer of .* has 5.*E_ROOT_OLD/)
    await isRevoked('pi-3')
    const release = ['publish', at('ada.key'), '--name', 'acme/agent@1', '--to', 'true', '--prepare', at('release')]
    expect(await there(...release)).toMatchObject({ status: 0, err: expect.stringContaining('has root version 3') })
    expect(hashOf(join(other, 'root'))).toBe(before)
  })
})
