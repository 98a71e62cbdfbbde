// The life of a mesh with real processes: three root keys of which two are needed, a publisher with one key and one with two of three,
// keys that change, a publisher and a node that are thrown out, a site with an owner of its own; and a node that was off during all of it.
import { copyFile, cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toHex } from '../../src/core/bytes.ts'
import { SECOND } from '../../src/core/limits.ts'
import type { ReleaseJson } from '../../src/daemon/api-types.ts'
import { writeKeyFile } from '../../src/keys/key-file.ts'
import { keyOf, seedOf } from '../fixtures/documents.ts'
import { Fleet, type Outcome, type RunOptions } from './fleet.ts'
import {
  type Artifact,
  committed,
  FILE,
  initMesh,
  PATH,
  PUBLISHER,
  publish,
  randomArtifact,
  releaseAt,
} from './releases.ts'

const NORTH = '/uk/north'
const SOUTH = '/uk/south'
const NODE = 'north'
const SITE = 'south'
const LATE = 'late'
const THIEF = 'thief'
const OPERATOR = 'operator'
const TOOL = 'lab/tool'
/** Who holds a key, each with a machine of their own. */
const HOLDERS = ['ada', 'bob', 'cyd', 'dan', 'site-owner']
const BOUND = 30 * SECOND
const watcher = fileURLToPath(new URL('watch-modules.mjs', import.meta.url))

let fleet: Fleet
beforeAll(async () => {
  fleet = await Fleet.make()
  for (const name of HOLDERS) {
    await mkdir(fleet.path(name))
    writeKeyFile(keyFile(name), seedOf(name))
  }
  await initMesh(fleet)
})
afterAll(() => fleet?.dispose())

const keyFile = (name: string) => fleet.path(name, 'my.key')
const pub = (name: string) => ['--pub', `ed25519:${toHex(keyOf(name).publicKey)}`]
const id = (name: string) => keyOf(name).keyId
const places = () => ['--mesh', fleet.path('mesh'), '--data', fleet.path(OPERATOR)]
/** Of the owner of the mesh, where all keys that sign are at hand. */
const trust = (...words: string[]) => fleet.done('trust', ...words, '--yes', ...places())
const refused = async (words: string[], code: string, sentence: RegExp) => {
  const { status, err } = await fleet.run(words)
  expect(err).toMatch(sentence)
  expect(err.trimEnd().split('\n')).toHaveLength(1)
  expect([status, err.includes(`[${code}]`)]).toEqual([code === 'E_ZONE' ? 2 : 1, true])
}

/** Carries a request to the machine of a key holder and back, as on a stick; only that one file. */
async function signAway(name: string, out: string, options?: RunOptions): Promise<Outcome> {
  const away = fleet.path(name, 'request.json')
  await copyFile(fleet.path(out, 'request.json'), away)
  const ran = await fleet.run(['sign', away, '--key', keyFile(name), '--yes'], options)
  await copyFile(away, fleet.path(out, 'request.json'))
  return ran
}

/** A release of lab/tool that these have signed, not yet handed in. */
async function prepareTool(artifact: Artifact, version: number, out: string, ...holders: string[]): Promise<void> {
  await writeFile(fleet.path('artifact'), artifact.bytes)
  const words = ['--name', `${TOOL}@${version}`, '--file', FILE, '--to', 'true', '--prepare', fleet.path(out)]
  await fleet.done('publish', fleet.path('artifact'), ...words, ...places())
  for (const name of holders) expect((await signAway(name, out)).status).toBe(0)
}
const submitTool = (out: string) => fleet.run(['publish', '--submit', fleet.path(out), ...places()])

/** All that a peer holds of the root, the publishers and the enrol keys. */
async function holdings(name: string) {
  const client = fleet.client(name)
  const [{ targets, roles }, { rootVersion, statements }] = [await client.publishers(), await client.enrolment()]
  return { rootVersion, targets, roles, statements: statements.toSorted() }
}

/** Waits until these members hold what the operator's peer does. */
async function agree(...names: string[]): Promise<void> {
  const wanted = JSON.stringify(await holdings(OPERATOR))
  for (const name of names)
    await fleet.until(
      `${name} holds what the operator does`,
      BOUND,
      async () => JSON.stringify(await holdings(name)) === wanted,
    )
}

const linksOf = async (name: string) => (await fleet.client(name).status()).links
const nodeId = async (name: string) => (await fleet.client(name).status()).node
const reaches = (name: string, path: string, holds: (release: ReleaseJson) => boolean) =>
  fleet.until(`${path} at ${name}`, BOUND, async () => {
    const release = await releaseAt(fleet, name, path)
    return release !== undefined && holds(release)
  })

describe('a mesh', () => {
  const [agent, first, second] = [4_000, 60_000, 70_000].map(randomArtifact) as [Artifact, Artifact, Artifact]
  let thief: string

  it('begins with three root keys, two of which are needed; each holder takes theirs away', async () => {
    await trust('rotate', 'root', ...pub('ada'), ...pub('bob'), '--threshold', '2', '--key', keyFile('ada'))
    await rename(fleet.path('mesh', 'keys', 'root.key'), fleet.path('first-root.key'))
    await fleet.add(NODE, await fleet.invite(NORTH, '--first'))
    const via = ['--via', await fleet.address(NODE)]
    await fleet.add(OPERATOR, await fleet.invite('/', ...via), 'attach')
    await Promise.all([LATE, THIEF].map(async (name) => fleet.add(name, await fleet.invite(NORTH, ...via))))
    await agree(NODE, LATE, THIEF)
    expect((await holdings(LATE)).rootVersion).toBe(2)
    expect((await fleet.stop(LATE, 'SIGTERM')).status).toBe(0)
  })

  it('has a second publisher, of whom two of three sign, where no network code is loaded', async () => {
    await trust('add-publisher', 'lab', ...['ada', 'bob', 'cyd'].flatMap(pub), '--threshold', '2', '--paths', 'lab/*')
    await publish(fleet, OPERATOR, agent, 'true')
    await committed(fleet, NODE, agent, BOUND)
    await prepareTool(first, 1, 'tool-1')
    expect(await modulesOf((options) => signAway('ada', 'tool-1', options))).toEqual([])
    expect((await submitTool('tool-1')).err).toMatch(/1 more of the role "lab" is needed.*\[E_SIGNATURES\]/)
    expect(await modulesOf((options) => signAway('bob', 'tool-1', options))).toEqual([])
    expect((await submitTool('tool-1')).status).toBe(0)
    await committed(fleet, NODE, first, BOUND, TOOL)
  })

  it('changes a root key by the holders of the others, and a key of a publisher', async () => {
    const old = fleet.path('first-root.key')
    const words = ['rotate', 'root', '--out-key', old, ...pub('cyd'), '--prepare', fleet.path('root-3')]
    await fleet.done('trust', ...words, ...places())
    await signAway('ada', 'root-3')
    await refused(
      ['trust', 'submit', fleet.path('root-3'), ...places()],
      'E_SIGNATURES',
      /1 more of the root keys of version 2 .*; 1 more of the root keys of version 3/,
    )
    await signAway('bob', 'root-3')
    await fleet.done('trust', 'submit', fleet.path('root-3'), ...places())
    await trust('rotate', 'lab', '--out-key', id('cyd').slice(0, 12), ...pub('dan'))
    await agree(NODE)
    // What ada and bob have signed goes on; what the key that is gone signs does not.
    const held = await holdings(NODE)
    expect([held.rootVersion, held.roles.map(({ role }) => role)]).toEqual([3, [PUBLISHER, 'lab']])
    await prepareTool(second, 2, 'tool-2', 'ada')
    expect((await signAway('cyd', 'tool-2')).err).toMatch(/is not one of the role "lab".*\[E_KEY\]/)
  })

  it('throws out a publisher, and what it installed stays', async () => {
    await trust('revoke', PUBLISHER)
    await agree(NODE)
    expect((await holdings(NODE)).roles.map(({ role }) => role)).toEqual(['lab'])
    const words = ['publish', fleet.path('artifact'), '--name', PATH, '--to', 'true', ...places()]
    await refused(words, 'E_PATH', /no role of this mesh may announce "acme\/agent"/)
    const current = fleet.path(NODE, 'installed', PATH, 'current', FILE)
    expect((await readFile(current)).equals(agent.bytes)).toBe(true)
  })

  it('cuts off a node', async () => {
    thief = await nodeId(THIEF)
    await fleet.done('trust', 'revoke', THIEF, ...places())
    for (const name of [NODE, OPERATOR])
      await fleet.until(
        `${name} cut it off`,
        BOUND,
        async () => !(await linksOf(name)).some(({ node }) => node === thief),
      )
    await fleet.until('it hears so', BOUND, async () => (await fleet.client(THIEF).status()).revoked !== null)
    const { nodes } = await fleet.client(NODE).nodes({ zones: [NORTH] })
    expect(nodes.some(({ node }) => node === thief)).toBe(false)
    await fleet.stop(THIEF, 'SIGTERM')
  })

  it('gives a site to its owner, who enrols and vetoes there, and is refused elsewhere', async () => {
    const delegate = ['delegate-zone', SOUTH, ...pub('site-owner')]
    await fleet.done('trust', ...delegate, '--prepare', fleet.path('root-4'), ...places())
    for (const name of ['cyd', 'bob']) await signAway(name, 'root-4')
    await fleet.done('trust', 'submit', fleet.path('root-4'), ...places())
    await agree(NODE)
    // Documents, no secrets; and their own key.
    await cp(fleet.path('mesh', 'root'), fleet.path('site', 'root'), { recursive: true })
    await mkdir(fleet.path('site', 'keys'))
    await copyFile(keyFile('site-owner'), fleet.path('site', 'keys', 'enrol.key'))
    const site = ['--mesh', fleet.path('site')]
    const invite = (zone: string) => ['invite', '--zone', zone, '--via', via, ...site]
    const via = await fleet.address(NODE)
    await fleet.add(SITE, await fleet.done(...invite(SOUTH)))
    await refused(invite(NORTH), 'E_ZONE', /uk\/north/)
    await committed(fleet, SITE, first, BOUND, TOOL)
    const veto = (zone: string) => [
      'trust',
      'policy',
      '--zone',
      zone,
      '--veto',
      `${TOOL}@2`,
      ...site,
      '--data',
      fleet.path(SITE),
    ]
    await fleet.done(...veto(SOUTH))
    await refused(veto(NORTH), 'E_ZONE', /uk\/north/)
    await agree(NODE, SITE)

    await signAway('dan', 'tool-2')
    expect((await submitTool('tool-2')).status).toBe(0)
    await committed(fleet, NODE, second, BOUND, TOOL)
    await reaches(SITE, TOOL, ({ counter, here }) => counter === 2 && here?.reason === 'vetoed')
    const current = fleet.path(SITE, 'installed', TOOL, 'current', FILE)
    expect((await readFile(current)).equals(first.bytes)).toBe(true)
  })

  it('takes back a node that was off during all of it, which ends as the others are', async () => {
    await fleet.start(LATE)
    await agree(NODE, SITE, LATE)
    const held = await holdings(LATE)
    expect([held.rootVersion, held.roles.map(({ role, version }) => [role, version])]).toEqual([4, [['lab', 2]]])
    expect(held.statements.join()).toContain(thief)
    await committed(fleet, LATE, second, BOUND, TOOL)
    // What was revoked before it came back never arrived there.
    expect(await releaseAt(fleet, LATE, PATH)).toBeUndefined()
  })
})

/** Network code, and ours that would load it, among all that a command had loaded at its end. */
async function modulesOf(run: (options: RunOptions) => Promise<Outcome>): Promise<string[]> {
  const list = fleet.path('modules.json')
  const env = { NODE_OPTIONS: `--import ${watcher}`, PIMESH_TEST_MODULES: list }
  expect((await run({ env })).status).toBe(0)
  const modules = JSON.parse(await readFile(list, 'utf8')) as string[]
  expect(modules.some((one) => one.endsWith(join('dist', 'pimesh.js')))).toBe(true)
  const network = /(^|[\s/:])(net|tls|dns|dgram|http|https|http2|quic|undici|inspector)(\/|$)|libp2p|daemon|commands-/
  return modules.filter((name) => network.test(name))
}
