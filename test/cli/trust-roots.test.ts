// Two copies of a mesh folder sign apart from each other: what `pimesh trust` does with a folder whose roots are not those that the peer holds.
import { cpSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openMesh } from '../../src/publish/mesh.ts'
import { keyOf } from '../fixtures/documents.ts'
import { line } from './line.ts'
import { answering, hashOf, owner, text } from './trust-owner.ts'

const SITE = keyOf('site')

type Owner = Awaited<ReturnType<typeof owner>>

/** The peer holds the roots of this folder. */
function holdsRootsOf({ backend }: Pick<Owner, 'backend'>, dir: string): void {
  const { root } = openMesh(dir)
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
    await line(['trust', 'renew', 'root', '--yes', '--mesh', other, '--data', one.at('nowhere')])
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
