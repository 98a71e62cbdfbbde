// A release that travels as a patch: a node with the base fetches what changed, one whose installed file is damaged and one that never
// had it fetch the whole, and all have the same file in the end.
import { existsSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SECOND } from '../../src/core/limits.ts'
import { parseAnnouncement } from '../../src/wire/announcement.ts'
import { Fleet } from './fleet.ts'
import { committed, FILE, initMesh, MIB, PATH, publish, randomArtifact, releaseAt, sha256 } from './releases.ts'

const ZONE = '/e2e/site'

let fleet: Fleet
beforeAll(async () => {
  fleet = await Fleet.make()
  await initMesh(fleet)
  await fleet.add('n1', await fleet.invite(ZONE, '--first'))
  const via = await fleet.address('n1')
  await fleet.add('n2', await fleet.invite(ZONE, '--via', via))
  await fleet.add('operator', await fleet.invite('/', '--via', via), 'attach')
})
afterAll(() => fleet?.dispose())

describe('a release that is announced with a patch', () => {
  const first = randomArtifact(4 * MIB)
  const bytes = Buffer.concat([first.bytes.subarray(0, MIB), Buffer.from('inserted'), first.bytes.subarray(MIB)])
  const next = { bytes, hash: sha256(bytes) }

  /** Whether a node has the file of an encoding. */
  const holds = (name: string, encoding: string) => existsSync(fleet.path(name, 'artifacts', encoding))

  async function encodings(): Promise<{ patch: string; whole: string }> {
    const { roles } = await fleet.client('operator').publishers()
    const { signed } = parseAnnouncement(Buffer.from(roles[0]?.announcement ?? ''))
    const [patch, whole] = signed.releases[0]?.encodings ?? []
    expect([patch?.type, patch?.base, whole?.type]).toEqual(['zstd-patch', first.hash, 'identity'])
    expect(patch?.length).toBeLessThan(1_000)
    return { patch: patch?.hash ?? '', whole: whole?.hash ?? '' }
  }

  it('is made by a node from what it has installed, or from the whole where that is damaged', async () => {
    await publish(fleet, 'operator', first, 'true')
    await Promise.all(['n1', 'n2'].map((name) => committed(fleet, name, first, 30 * SECOND)))
    const installed = await open(fleet.path('n2', 'installed', PATH, 'current', FILE), 'r+')
    await installed.write(Buffer.from('damaged by its card'), 0, 19, 2 * MIB)
    await installed.close()

    // The publisher counts who says that it has the base.
    await fleet.until('both nodes say what they have', 30 * SECOND, async () => {
      const { releases } = await fleet.client('operator').releases({ zones: [], timeoutMs: 2 * SECOND })
      return releases[0]?.nodes.filter(({ state }) => state === 'committed').length === 2
    })
    await writeFile(fleet.path('next'), bytes)
    const places = ['--mesh', fleet.path('mesh'), '--data', fleet.path('operator')]
    const words = ['--name', PATH, '--file', FILE, '--to', 'true', '--no-wait']
    expect(await fleet.done('publish', fleet.path('next'), ...words, ...places)).toMatch(
      /as zstd-patch, 1 piece: 0 % of the whole, for 2 nodes with acme\/agent@1/,
    )
    await Promise.all(['n1', 'n2'].map((name) => committed(fleet, name, next, 30 * SECOND)))
    const { patch, whole } = await encodings()
    expect([holds('n1', patch), holds('n1', whole)]).toEqual([true, false])
    expect([holds('n2', patch), holds('n2', whole)]).toEqual([true, true])
    const saved = async (name: string) => (await releaseAt(fleet, name))?.here?.savedBytes
    expect(await saved('n1')).toBeGreaterThan(3 * MIB)
    expect(await saved('n2')).toBeUndefined()
    const events = await fleet.done('events', '--data', fleet.path('n2'))
    expect(events).toMatch(/the patch to acme\/agent 2 cannot be used, .*: all of it is fetched instead/)
  })

  it('comes as a whole to a node that has nothing', async () => {
    await fleet.add('n3', await fleet.invite(ZONE, '--via', await fleet.address('n1')))
    await committed(fleet, 'n3', next, 30 * SECOND)
    const { patch, whole } = await encodings()
    expect([holds('n3', patch), holds('n3', whole)]).toEqual([false, true])
  })
})
