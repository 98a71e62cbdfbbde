// T30 (transfer), acceptance C6: SIGKILL at every write and sync of a download, enumerated, in the whole daemon. What is in use is never
// a wrong file; who starts again completes it, and fetches no piece again that was right on the disk. The daemon is the bundle as it
// is, with a killer loaded beside it. Each life completes what the one before it could not, and dies of the next release at the next point.
import { readFile, rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits, SECOND } from '../../src/core/limits.ts'
import { Fleet } from '../e2e/fleet.ts'
import {
  type Artifact,
  committed,
  initMesh,
  inUse,
  piecesOnDisk,
  publishQuickly,
  randomArtifact,
  releaseAt,
} from '../e2e/releases.ts'
import { identityOf } from '../fixtures/documents.ts'
import type { Orders } from './transfer-killer.ts'

const ZONE = '/t30/north'
const PROVIDER = 'provider'
const VICTIM = 'victim'
const KILLER = new URL('./transfer-killer.ts', import.meta.url).href
/** Three pieces: the last one is shorter. */
const BYTES = 2 * limits.pieceBytesMin + 100_000
const PIECES = 3

let fleet: Fleet
beforeAll(async () => {
  fleet = await Fleet.make()
  await initMesh(fleet)
  await fleet.add(PROVIDER, await fleet.invite(ZONE, '--first'))
  await fleet.add(VICTIM, await fleet.invite(ZONE, '--via', await fleet.address(PROVIDER)))
  await fleet.until('the two are linked', 30 * SECOND, async () => {
    return (await fleet.client(PROVIDER).status()).links.length === 1
  })
  await fleet.stop(VICTIM, 'SIGTERM')
}, 180_000)
afterAll(() => fleet?.dispose())

const TRACE = 'trace'
const COMPLETED = 'completed'
const lines = async (name: string): Promise<string[]> => {
  const text = await readFile(fleet.path(name), 'utf8').catch(() => '')
  return text.split('\n').filter((line) => line !== '')
}

/** A life that completes what the one before it could not, and dies of what the download of `next` does to the disk there. */
async function start(before: Artifact | undefined, next: Artifact, at: string): Promise<void> {
  for (const name of [TRACE, COMPLETED]) await rm(fleet.path(name), { force: true })
  const { hash, pieceList } = identityOf(next.bytes).encoding
  const done = before === undefined ? '' : identityOf(before.bytes).encoding.hash
  const traces = { trace: fleet.path(TRACE), completed: fleet.path(COMPLETED) }
  const orders: Orders = { encoding: hash, pieceList, at, before: done, ...traces }
  const env = { NODE_OPTIONS: `--import ${KILLER}`, KILLER_ORDERS: JSON.stringify(orders) }
  fleet.launch(VICTIM, 'up', { env })
  await fleet.until(`${VICTIM} answers and is linked`, 120 * SECOND, async () => {
    return (await fleet.answers(VICTIM)) && (await fleet.client(PROVIDER).status()).links.length > 0
  })
}

/** False when it lived, and has the release in use. */
async function dies(next: Artifact, at: string): Promise<boolean> {
  const { child, ended } = fleet.running(VICTIM)
  const end = await fleet.until(`"${at}" is reached, or it completes`, 120 * SECOND, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return 'dead'
    const release = await releaseAt(fleet, VICTIM).catch(() => undefined)
    return release?.artifact.hash === next.hash && release.here?.state === 'committed' && 'whole'
  })
  if (end === 'dead') expect(await ended).toMatchObject({ signal: 'SIGKILL' })
  else await fleet.stop(VICTIM, 'SIGTERM')
  return end === 'dead'
}

test('T30 a daemon that is killed at each write and sync of a download completes it, and fetches no right piece again', async () => {
  const all = Array.from({ length: PIECES }, (_, index) => index)
  // The first life lives, and says what there is to die of.
  const points = ['']
  const died: string[] = []
  let [before, inUseThen] = [undefined as Artifact | undefined, undefined as string | undefined]
  let missing: number[] = []
  for (const [lives, at] of points.entries()) {
    // Each of another length: its file is told by that.
    const next = randomArtifact(BYTES + lives)
    await start(before, next, at)
    if (before !== undefined) {
      await committed(fleet, VICTIM, before, 120 * SECOND)
      const again = (await lines(COMPLETED)).map((position) => Number(position) / limits.pieceBytesMin)
      expect(
        again.toSorted((a, b) => a - b),
        `after "${died.at(-1)}"`,
      ).toEqual(missing)
      inUseThen = before.hash
    }
    await publishQuickly(fleet, PROVIDER, next, `name == "${VICTIM}"`)
    if (await dies(next, at)) {
      expect((await lines(TRACE)).at(-1)).toBe(at)
      expect(await inUse(fleet, VICTIM), at).toBe(inUseThen)
      const right = await piecesOnDisk(fleet, VICTIM, next)
      missing = all.filter((index) => !right.has(index))
      died.push(at)
      before = next
    } else {
      // The journal may have been written once less than in the first life: what comes together is written together.
      expect(at).toMatch(/^(|journal #\d+|nothing)$/)
      if (at === '') points.push(...(await lines(TRACE)), 'nothing')
      inUseThen = next.hash
      before = undefined
    }
  }
  const pieces = all.flatMap((index) => [
    `write ${index * limits.pieceBytesMin} #1`,
    `half of ${index * limits.pieceBytesMin} #1`,
  ])
  const others = ['make #1', 'truncate #1', 'sync folder #1', 'datasync #1', 'journal #1', 'journal #2']
  expect(died).toEqual(expect.arrayContaining([...pieces, ...others]))
}, 900_000)
