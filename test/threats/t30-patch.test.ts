// T30, acceptance C6: SIGKILL at every write, sync and rename of a release that travels as a patch, enumerated, in the whole daemon: from
// the first edge of its journal over the pieces of the patch and the segments that are made of it to what is tidied up at last. What is
// in use is the old version or the new one, whole; who starts again ends with the new one, by the same patch.
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { type Artifact, PATH, sha256 } from '../e2e/releases.ts'
import { Lives } from './lives.ts'

/** Two segments, and a patch of two pieces. */
const KEPT = 800_000
const CHANGED = 300_000
const PLACE = `installed/${PATH}`

let lives: Lives
beforeAll(async () => {
  const next = (before: Artifact) => artifactOf(before.bytes.subarray(0, KEPT))
  lives = await Lives.begin(artifactOf(randomBytes(KEPT)), { next, patched: true, meant: /./ })
}, 180_000)
afterAll(() => lives?.dispose())

function artifactOf(kept: Uint8Array): Artifact {
  const bytes = Buffer.concat([kept, randomBytes(CHANGED)])
  return { bytes, hash: sha256(bytes) }
}

test('T30 a daemon that is killed at each thing that a patch does to its disk has the old version or the new one, and ends with that', async () => {
  const died: Record<'old' | 'new', string[]> = { old: [], new: [] }
  for (const at of await lives.all()) {
    const { isKilled, inUse } = await lives.live(at)
    if (isKilled) died[inUse].push(at)
    // What comes together is written to the journal of pieces together, and so once less than in the first life.
    else expect(at).toMatch(/^batch(ed)? holding/)
  }
  expect(await lives.live('nothing')).toMatchObject({ isKilled: false, inUse: 'new' })
  const [file, staging] = ['artifacts/HASH', `${PLACE}/.staging-HASH`]
  const written = (path: string, at: number) => [`write ${path} ${at} #1`, `half ${path} ${at} #1`]
  const pieces = [0, limits.pieceBytesMin].flatMap((at) => written(file, at))
  const segments = [0, limits.patchSegmentBytes].flatMap((at) => written(`${staging}/agent.bin`, at))
  const syncs = [`datasync ${file}`, 'sync artifacts', `sync ${staging}/agent.bin`, `sync ${staging}`]
  const edges = ['batch', 'batched'].flatMap((edge) => [1, 2, 3].map((nth) => `${edge} install/${PATH} #${nth}`))
  const switches = ['.previous', 'current'].map((name) => `rename ${PLACE}/.link-new ${PLACE}/${name}`)
  const once = [...syncs, ...switches, `rename ${staging} ${PLACE}/VERSION-0`].map((name) => `${name} #1`)
  expect(died.old).toEqual(expect.arrayContaining([...pieces, ...segments, ...once, ...edges]))
  const tidied = [`rename ${PLACE}/VERSION-2 ${PLACE}/.removed-VERSION-2 #1`, `rm ${PLACE}/.removed-VERSION-2 #1`]
  const ends = ['batch', 'batched'].flatMap((edge) => [4, 5, 6].map((nth) => `${edge} install/${PATH} #${nth}`))
  expect(died.new).toEqual(expect.arrayContaining([`sync ${PLACE} #2`, ...ends, ...tidied]))
}, 1_800_000)
