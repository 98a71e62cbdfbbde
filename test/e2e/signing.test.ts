// Publishing in three steps with real processes: a role that needs two of three keys, each of which is on a machine of its own. A node
// installs what two have signed; what one has signed goes nowhere; and who signs loads no network code, as its process shows.
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DAY, SECOND } from '../../src/core/limits.ts'
import { writeKeyFile } from '../../src/keys/key-file.ts'
import { meshTargets } from '../../src/publish/delegations.ts'
import { meshKeys, openMesh } from '../../src/publish/mesh.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { targetsJson } from '../../src/wire/targets.ts'
import { keyOf, seedOf } from '../fixtures/documents.ts'
import { Fleet, type RunOptions } from './fleet.ts'
import { committed, FILE, hasInstalled, initMesh, inUse, PATH, PUBLISHER, randomArtifact } from './releases.ts'

const NODE = 'n1'
const OPERATOR = 'operator'
const HOLDERS = ['ada', 'bob', 'cyd']
const watcher = fileURLToPath(new URL('watch-modules.mjs', import.meta.url))

let fleet: Fleet
beforeAll(async () => {
  fleet = await Fleet.make()
  await initMesh(fleet)
  await needTwo()
  await fleet.add(NODE, await fleet.invite('/e2e', '--first'))
  await fleet.add(OPERATOR, await fleet.invite('/', '--via', await fleet.address(NODE)), 'attach')
  await fleet.until('the operator sees the node', 30 * SECOND, async () => {
    const { nodes } = await fleet.client(OPERATOR).nodes()
    return nodes.some(({ status }) => status === 'up')
  })
})
afterAll(() => fleet?.dispose())

/** The owner gives the role to three keys, of which two are needed, and each of them goes to its holder's machine. */
async function needTwo(): Promise<void> {
  const mesh = openMesh(fleet.path('mesh'))
  const owner = [...meshKeys(mesh).values()].filter(({ keyId }) =>
    mesh.root.signed.roles.targets.keyIds.includes(keyId),
  )
  const keys = new Map(HOLDERS.map((name) => [keyOf(name).keyId, keyOf(name).publicKey]))
  const role = { name: PUBLISHER, keyIds: [...keys.keys()], threshold: 2, paths: [`${PUBLISHER}/*`], terminating: true }
  const next = { version: 2, expires: Date.now() + DAY, keys, roles: [{ ...role, epoch: 1 }] }
  await writeFile(fleet.path('mesh', 'targets', '2.json'), encodeSigned(targetsJson(next), owner))
  expect(meshTargets(mesh).signed.version).toBe(2)
  for (const name of HOLDERS) {
    await mkdir(fleet.path(name))
    writeKeyFile(fleet.path(name, 'my.key'), seedOf(name))
  }
  await rm(fleet.path('mesh', 'keys', 'publisher.key'))
}

const places = () => ['--mesh', fleet.path('mesh'), '--data', fleet.path(OPERATOR)]
const prepare = async (artifact: ReturnType<typeof randomArtifact>, out: string) => {
  await writeFile(fleet.path('artifact'), artifact.bytes)
  const words = ['--name', `${PATH}@2.0`, '--file', FILE, '--to', 'true', '--prepare', fleet.path(out)]
  return await fleet.done('publish', fleet.path('artifact'), ...words, ...places())
}
const submit = (out: string) => fleet.run(['publish', '--submit', fleet.path(out), ...places()])

/** Carries the request to the machine of a key holder and back, as on a stick; only that one file. */
async function signAway(name: string, out: string, options?: RunOptions) {
  const away = fleet.path(name, 'request.json')
  await copyFile(fleet.path(out, 'request.json'), away)
  const ran = await fleet.run(['sign', away, '--key', fleet.path(name, 'my.key'), '--yes'], options)
  await copyFile(away, fleet.path(out, 'request.json'))
  return ran
}

describe('a release that two of three have to sign', () => {
  const artifact = randomArtifact(600_000)

  it('is not handed in with one signature', async () => {
    expect(await prepare(artifact, 'out')).toContain(`SHA-256      ${artifact.hash}`)
    expect(await signAway('cyd', 'out')).toMatchObject({
      status: 0,
      err: expect.stringContaining('1 more of the role'),
    })
    const early = await submit('out')
    expect(early.err).toMatch(/has not enough signatures: 1 more of the role "acme".* \[E_SIGNATURES\]\n$/)
    expect([early.status, hasInstalled(fleet, NODE)]).toEqual([1, false])
  })

  it('is installed on the node when the second one has', async () => {
    expect((await signAway('ada', 'out')).err).toContain('all signatures are there')
    const submitted = await submit('out')
    expect([submitted.status, submitted.err]).toEqual([0, expect.stringMatching(/has all of it: you may stop/)])
    await committed(fleet, NODE, artifact, 30 * SECOND)
  })

  it('is seen by node and operator alike, with the keys that it needs, and in the folder', async () => {
    const shown = async (...words: string[]) => {
      const { source, completeness, ...trust } = JSON.parse(await fleet.done('trust', 'show', ...words, '-o', 'json'))
      return { source, completeness, trust }
    }
    const [node, operator, folder] = [
      await shown('--data', fleet.path(NODE)),
      await shown('--data', fleet.path(OPERATOR)),
      await shown('--mesh', fleet.path('mesh')),
    ]
    expect(node.trust).toEqual(operator.trust)
    expect(node.trust).toEqual(folder.trust)
    expect(node.trust.publishers).toMatchObject([{ role: PUBLISHER, threshold: 2, announcement: { version: 1 } }])
    expect(node.trust.publishers[0].keys).toHaveLength(HOLDERS.length)
    expect([node.source.kind, folder.source.kind, node.completeness.proven]).toEqual(['peer', 'folder', false])
    const { out } = await fleet.run(['trust', 'check', fleet.path('out'), '--mesh', fleet.path('mesh')])
    expect(out).toContain('accepted: announcement of the role "acme", version 1: it is the newest one of the folder ')
  })

  it('may be submitted again, which changes nothing, and not after a newer one', async () => {
    expect((await submit('out')).status).toBe(0)
    const [old, next] = [randomArtifact(1_000), randomArtifact(2_000)]
    await prepare(old, 'old')
    await prepare(next, 'next')
    for (const out of ['old', 'next']) for (const name of ['bob', 'cyd']) await signAway(name, out)
    expect((await submit('next')).status).toBe(0)
    await committed(fleet, NODE, next, 30 * SECOND)
    const late = await submit('old')
    expect(late.err).toMatch(
      /was overtaken: version 3 of the role "acme" was announced since, and this is 2; prepare it/,
    )
    expect([late.status, await inUse(fleet, NODE)]).toEqual([1, next.hash])
  })
})

describe('the process that signs', () => {
  const NETWORK = /(^|[\s/:])(net|tls|dns|dgram|http|https|http2|quic|undici|inspector)(\/|$)/

  it('loads no network code, of Node or of anybody, and neither does one that only reads documents', async () => {
    await prepare(randomArtifact(1_000), 'watched')
    const signing = await modulesOf('signing', (options) => signAway('ada', 'watched', options))
    expect(signing.filter((name) => NETWORK.test(name) || /libp2p|daemon|commands-/.test(name))).toEqual([])
    const targets = fleet.path('mesh', 'targets', '2.json')
    for (const words of [['check', targets], ['show']]) {
      const reading = await modulesOf('reading', (options) =>
        fleet.run(['trust', ...words, '--mesh', fleet.path('mesh')], options),
      )
      expect(reading.filter((name) => NETWORK.test(name) || /libp2p|daemon|commands-/.test(name))).toEqual([])
    }
    // The same watch sees it where it is loaded.
    const asking = await modulesOf('asking', (options) =>
      fleet.run(['status', '--data', fleet.path(OPERATOR)], options),
    )
    expect(asking.filter((name) => NETWORK.test(name))).not.toEqual([])
  })

  /** All that a process had loaded at its end: modules that were asked for, and Node's own inside. */
  async function modulesOf(name: string, run: (options: RunOptions) => Promise<{ status: number | null }>) {
    const list = fleet.path(`${name}.json`)
    const env = { NODE_OPTIONS: `--import ${watcher}`, PIMESH_TEST_MODULES: list }
    expect((await run({ env })).status).toBe(0)
    const modules = JSON.parse(await readFile(list, 'utf8')) as string[]
    expect(modules.some((one) => one.endsWith(join('dist', 'pimesh.js')))).toBe(true)
    return modules
  }
})
