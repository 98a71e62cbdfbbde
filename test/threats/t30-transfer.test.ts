// T30 (transfer), acceptance C6: SIGKILL at every write and sync of a download, enumerated, in the whole daemon. What is in use is never
// a wrong file; who starts again completes it, and fetches no piece again that was right on the disk.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { randomArtifact } from '../e2e/releases.ts'
import { Lives } from './lives.ts'

/** Three pieces: the last one is shorter. */
const BYTES = 2 * limits.pieceBytesMin + 100_000
const PIECES = 3

let lives: Lives
beforeAll(async () => {
  const meant = /^(?!.*\binstall)/
  lives = await Lives.begin(randomArtifact(BYTES), { next: () => randomArtifact(BYTES), patched: false, meant })
}, 180_000)
afterAll(() => lives?.dispose())

test('T30 a daemon that is killed at each write and sync of a download completes it, and fetches no right piece again', async () => {
  const died: string[] = []
  for (const at of await lives.all()) {
    const { isKilled, inUse } = await lives.live(at)
    if (isKilled) {
      expect(inUse, at).toBe('old')
      died.push(at)
      // What comes together is written to the journal together, and so once less than in the first life.
    } else expect(at).toMatch(/^batch(ed)? holding/)
  }
  expect(await lives.live('nothing')).toMatchObject({ isKilled: false })
  const file = 'artifacts/HASH'
  const positions = Array.from({ length: PIECES }, (_, index) => index * limits.pieceBytesMin)
  const pieces = positions.flatMap((at) => [`write ${file} ${at} #1`, `half ${file} ${at} #1`])
  const others = [`open ${file} #1`, `truncate ${file} #1`, `datasync ${file} #1`, 'sync artifacts #1']
  const notes = ['batch', 'batched'].flatMap((edge) => [`${edge} holding/HASH #1`, `${edge} holding/HASH #2`])
  expect(died).toEqual(expect.arrayContaining([...pieces, ...others, ...notes]))
}, 1_800_000)
