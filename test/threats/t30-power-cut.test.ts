// T30 (transfer), in memory with the real machines: the process is killed, or power goes, after each write of a piece, each sync and
// each write of the journal, one after the other. It completes afterwards, and asks for no piece again that the disk still has.
import { describe, expect, it } from 'vitest'
import { HOUR, limits, MINUTE } from '../../src/core/limits.ts'
import { testEncoding } from '../core/swarm/encodings.ts'
import { Sites } from '../core/swarm/sites.ts'
import type { DiskStep } from '../core/swarm/test-node.ts'
import { World } from '../core/swarm/world.ts'

/** Long ones, so that a sync comes after every eighth. */
const PIECES = 20
const BETWEEN_SYNCS = limits.syncBytesWritten / limits.pieceBytesMax

interface Cut {
  /** Whether the download was over before. */
  over: boolean
  what: DiskStep | undefined
  /** Pieces that were on the disk before and after the cut, and that were written after it. */
  before: number[]
  left: number[]
  again: number[]
}

/** A download whose machine stops after its `nth` step on the disk. @param lost what power takes */
async function cutAt(nth: number, lost: 'nothing' | 'unsynced'): Promise<Cut> {
  const wanted = testEncoding('t30', PIECES, limits.pieceBytesMax)
  const { hash, pieceList } = wanted.encoding
  const world = new World(1, [wanted])
  world.seed('publisher', wanted)
  const node = world.add('node')
  world.linkAll()
  let [steps, cut] = [0, undefined as DiskStep | undefined]
  world.onDisk = (which, what) => {
    if (which !== node || cut !== undefined || ++steps < nth) return
    cut = what
    world.kill(node)
  }
  world.want('node', wanted)
  await world.run(HOUR, () => cut !== undefined || world.has('node', wanted))
  await world.run(1)
  const disk = () => [...(node.disk.get(hash) ?? [])].sort((a, b) => a - b)
  const before = disk()
  if (cut === undefined) return { over: true, what: cut, before, left: before, again: [] }
  if (lost === 'unsynced') {
    node.disk.set(hash, new Set(node.durable.get(hash)))
    // What the journal says is not synced before the whole file is: all of it may be gone.
    node.saved.holdings.delete(hash)
    node.saved.lists.delete(pieceList)
  }
  const left = disk()
  node.writes.length = 0
  world.start(node)
  world.linkAll()
  world.want('node', wanted)
  await world.run(10 * MINUTE, () => world.has('node', wanted))
  expect(world.has('node', wanted), `step ${nth}`).toBe(true)
  const again = node.writes.map((name) => Number(name.split(' ')[1])).sort((a, b) => a - b)
  return { over: false, what: cut, before, left, again }
}

describe('T30 power cut: a download that is stopped after each step of its disk', () => {
  it.each(['nothing', 'unsynced'] as const)(
    'completes, and fetches only what is gone, when %s is lost',
    async (lost) => {
      const seen: Cut[] = []
      for (let nth = 1; ; nth++) {
        const cut = await cutAt(nth, lost)
        if (cut.over) break
        const { before, left, again } = cut
        const missing = Array.from({ length: PIECES }, (_, index) => index).filter((index) => !left.includes(index))
        expect(again, `step ${nth}`).toEqual(missing)
        expect(before.length - left.length, `step ${nth}`).toBeLessThan(
          lost === 'nothing' ? 1 : BETWEEN_SYNCS + limits.requestsPerPeer + 1,
        )
        seen.push(cut)
      }
      const count = (what: DiskStep) => seen.filter((cut) => cut.what === what).length
      expect(count('write')).toBe(PIECES)
      expect(count('sync')).toBeGreaterThanOrEqual(PIECES / BETWEEN_SYNCS)
      expect(count('journal')).toBeGreaterThanOrEqual(4)
      if (lost === 'unsynced') expect(seen.some(({ before, left }) => left.length < before.length)).toBe(true)
    },
  )
})

describe('a publisher that dies', () => {
  it('in the moment in which each piece is out once leaves enough: all sites complete without it', async () => {
    for (const seed of [1, 2, 3]) {
      const sites = new Sites({ sites: 3, nodes: 4, pieces: 64, exchange: true, seed })
      const { world, wanted } = sites
      const out = () =>
        new Set(sites.all.flatMap((name) => [...(world.node(name).disk.get(wanted.encoding.hash) ?? [])]))
      let given = Number.POSITIVE_INFINITY
      world.onDisk = () => {
        const publisher = world.node('publisher')
        if (!publisher.up || out().size < wanted.hashes.length) return
        given = sites.published
        world.queue.after(0, () => world.kill(publisher))
      }
      const time = await sites.run()
      expect(world.node('publisher').up).toBe(false)
      expect(given).toBeLessThan(1.3)
      expect(time).toBeLessThan(2 * sites.bound)
      expect(Math.max(...sites.copies)).toBeLessThanOrEqual(1.05)
    }
  })
})
