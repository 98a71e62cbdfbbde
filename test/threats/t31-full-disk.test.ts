// T31: the disk is full, or fails, at each write and sync of a download and of an import, one after the other: that is said for what it
// is, no piece that was written is lost or written twice, and it completes when the disk has room. On files, and with the real swarm in memory.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HOUR, limits, SECOND } from '../../src/core/limits.ts'
import type { ArtifactProblem } from '../../src/core/swarm/messages.ts'
import { testEncoding } from '../core/swarm/encodings.ts'
import { World } from '../core/swarm/world.ts'
import { bundled, run } from '../install/processes.ts'
import type { Told } from './failing-disk.ts'

describe('T31 a disk that fails once, at each thing that is done to it', () => {
  let base: string
  let child: string
  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'pimesh-t31-'))
    child = await bundled(join(import.meta.dirname, 'failing-disk.ts'), base)
  })
  afterAll(() => rm(base, { recursive: true, force: true }))

  it.each([
    ['ENOSPC', 'diskFull'],
    ['EDQUOT', 'diskFull'],
    ['EIO', 'ioError'],
    ['EROFS', 'notWritable'],
  ] as const)(
    'with %s',
    async (code, expected) => {
      const { status, out } = await run(child, [join(base, code), code], [], 120_000)
      expect(status, out).toBe(0)
      const all = out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Told)
      const last = all.pop()
      expect(last).toMatchObject({ problems: [], right: true, tidy: true })
      for (const told of all) {
        const { nth, failed, problems, twice, right, tidy } = told
        expect({ nth, failed, codes: problems.map((problem) => problem.code), twice, right, tidy }).toEqual({
          nth,
          failed,
          codes: [expected],
          twice: [],
          right: true,
          tidy: true,
        })
        const [problem] = problems as [ArtifactProblem]
        if (problem.code === 'diskFull') expect(problem.missing).toBeGreaterThanOrEqual(limits.pieceBytesMin)
      }
      const count = (what: string) => all.filter(({ failed }) => failed === what).length
      expect([count('write'), count('half a write')]).toEqual([7, 7])
      for (const what of ['open', 'truncate', 'datasync', 'rename', 'sync artifacts'])
        expect(count(what), what).toBeGreaterThan(0)
    },
    150_000,
  )
})

describe('T31 a swarm whose disk is full', () => {
  it('at each write of a download completes when there is room, and asks for no piece twice that was written', async () => {
    const PIECES = 12
    for (let nth = 0; nth <= PIECES; nth++) {
      const wanted = testEncoding('t31', PIECES)
      const world = new World(1, [wanted])
      world.seed('publisher', wanted)
      const node = world.add('node')
      world.linkAll()
      const fill = () => {
        node.diskProblem = { code: 'diskFull', missing: 1 }
        world.queue.after(5 * SECOND, () => {
          node.diskProblem = undefined
        })
      }
      let writes = 0
      world.onDisk = (which, what) => {
        if (which === node && what === 'write' && ++writes === nth) fill()
      }
      if (nth === 0) fill()
      world.want('node', wanted)
      const time = await world.run(HOUR, () => world.has('node', wanted))
      expect(world.has('node', wanted), `full after ${nth} writes`).toBe(true)
      expect(new Set(node.writes).size).toBe(PIECES)
      expect(node.writes.length).toBe(PIECES)
      expect(time).toBeLessThan(2 * limits.diskRetry)
    }
  })
})
