// Acceptance E5, at a node: a folder that cannot be written and a disk that fills up in mid-download. Both are said with what is
// wrong and what is missing, here and to the fleet; nothing is lost, and the node goes on by itself when it can.
import { execFileSync } from 'node:child_process'
import { mkdir, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits, SECOND } from '../../src/core/limits.ts'
import { Fleet } from './fleet.ts'
import { Line } from './line.ts'
import { committed, initMesh, MIB, PATH, PUBLISHER, publish, randomArtifact, releaseAt } from './releases.ts'

const ZONE = '/e2e/north'
const PROVIDER = 'provider'
/** Its folder for releases would be below a file. */
const BLOCKED = 'blocked'
const BLOCKED_PATH = `${PUBLISHER}/map`
/** Its artifacts are on a small disk of their own. */
const FULL = 'full'
const DISK = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs -o size=48m tmpfs "$0" && exec "$@"'] as const
const NAMESPACES = process.getuid?.() === 0 && succeeds([...DISK, tmpdir(), 'true'])
/** The next try, and what it takes. */
const RETRIED = limits.diskRetry + 30 * SECOND

const small = randomArtifact(300_000)
let fleet: Fleet
let line: Line
beforeAll(async () => {
  fleet = await Fleet.make()
  line = await Line.make()
  await initMesh(fleet)
  const first = await fleet.invite(ZONE, '--first')
  await fleet.prepare(PROVIDER)
  line.leadsTo(fleet.port(PROVIDER))
  await fleet.add(PROVIDER, first, 'up', { extra: `announce = ["${line.address}"]` })
  const token = await fleet.invite(ZONE, '--seats', '2', '--via', await fleet.address(PROVIDER))
  await writeFile(fleet.path('wall'), 'a file is where a folder should be')
  const install = `[install]\nroot = "${fleet.path('wall', 'installed')}"`
  // Neither listens, so that neither has anybody but the provider.
  await fleet.add(BLOCKED, token, 'up', { extra: install, listens: false })
  await fleet.prepare(FULL, { listens: false })
  await fleet.done('join', token, '--name', FULL, '--data', fleet.path(FULL))
  await mkdir(fleet.path(FULL, 'artifacts'))
  await publish(fleet, PROVIDER, small, `name == "${BLOCKED}"`, BLOCKED_PATH)
  await fleet.until('it is fetched', 30 * SECOND, async () => {
    return (await releaseAt(fleet, BLOCKED, BLOCKED_PATH))?.here?.percent === 100
  })
})
afterAll(async () => {
  await fleet?.dispose()
  await line?.close()
})

/** What the fleet is told of a node's troubles with a path: the line of `pimesh releases` and the report. */
async function told(name: string, path: string) {
  const words = ['releases', path, '--data', fleet.path(PROVIDER)]
  const answer = await fleet.json<{ releases: { nodes: { name: string; state: string; reason: string | null }[] }[] }>(
    ...words,
  )
  const report = answer.releases[0]?.nodes.find((node) => node.name === name)
  return { text: await fleet.done(...words), report }
}

describe.concurrent('a release', () => {
  it('whose folder cannot be written waits, says so, and is installed when it can', async () => {
    await fleet.until('the fleet is told why', 30 * SECOND, async () => {
      return (await told(BLOCKED, BLOCKED_PATH)).report?.reason === 'notWritable'
    })
    const { text, report } = await told(BLOCKED, BLOCKED_PATH)
    expect(report).toMatchObject({ state: 'verified', reason: 'notWritable' })
    expect(text).toMatch(/blocked .* verified .* not writable$/m)
    const here = await fleet.done('releases', BLOCKED_PATH, '--data', fleet.path(BLOCKED))
    expect(here).toMatch(/here +verified \(.*\/wall.* cannot be written: make it writable .* \(ENOTDIR\)\)/)
    await rm(fleet.path('wall'))
    await committed(fleet, BLOCKED, small, RETRIED, BLOCKED_PATH)
  }, 120_000)

  it.skipIf(!NAMESPACES)(
    'whose disk fills up says how much is missing, and goes on with what it has',
    async () => {
      await fleet.start(FULL, 'up', { by: [...DISK, fleet.path(FULL, 'artifacts')] })
      const artifact = randomArtifact(12 * MIB)
      await fleet.until('it is linked', 30 * SECOND, async () => {
        return (await fleet.client(FULL).status()).links.length === 1
      })
      const before = line.carried
      const some = line.carry(5 * MIB)
      await publish(fleet, PROVIDER, artifact, `name == "${FULL}"`)
      await some
      await fillUp()
      line.open()
      const here = await fleet.until('it says what is wrong', 30 * SECOND, async () => {
        const release = await releaseAt(fleet, FULL)
        return release?.here?.reason === 'diskFull' && release.here
      })
      const absent = artifact.bytes.length - here.bytes
      const needed = absent + artifact.bytes.length + limits.diskReserve
      expect(here).toMatchObject({ state: 'fetching', installedAt: null })
      expect(here.detail).toBe(`the disk is full: ${needed} bytes more are needed; it goes on when there is space`)
      expect(here.bytes).toBeGreaterThan(2 * MIB)
      await fleet.until('the fleet is told why', 30 * SECOND, async () => {
        const { report, text } = await told(FULL, PATH)
        return report?.reason === 'diskFull' && /full .* fetching .* disk full$/m.test(text)
      })

      await rm(filler())
      await committed(fleet, FULL, artifact, RETRIED)
      // What was on its way when the disk was full is asked for again; what was on the disk is not.
      const lost = limits.requestsPerPeer * limits.pieceBytesMin
      expect(line.carried - before).toBeLessThan(artifact.bytes.length + lost + MIB / 2)
    },
    120_000,
  )
})

/** A file beside the artifacts, on the disk that only the daemon sees. */
function filler(): string {
  return `/proc/${fleet.running(FULL).child.pid}/root${fleet.path(FULL, 'artifacts', 'filler')}`
}

async function fillUp(): Promise<void> {
  const file = await open(filler(), 'w')
  try {
    for (;;) await file.write(Buffer.alloc(64 * 1_024))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  } finally {
    await file.close()
  }
}

function succeeds([program = '', ...args]: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore', timeout: 30 * SECOND })
    return true
  } catch {
    return false
  }
}
