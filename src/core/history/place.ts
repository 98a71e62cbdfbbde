// When a block was, by how long ago. Within this run the monotonic clock says it to the millisecond. Of earlier runs only labels of the
// wall clock tell, and only where somebody vouched for that clock then and somebody does now. Invariant: blocks stay in order of
// (run, second) whatever the labels say; where they contradict it, or say nothing, what lies between two runs is of unknown length.
import type { Millis } from '../env.ts'
import { limits, SECOND } from '../limits.ts'
import type { Block, BlockHead } from './block.ts'

/** What the keeper of blocks knows of time now. */
export interface KeeperClock {
  run: number
  now: Millis
  /** When this run began, on the same clock. */
  since: Millis
  /** Undefined while nobody vouches for it. */
  wall: Millis | undefined
}

export interface PlacedBlock<Head extends BlockHead = Block> {
  block: Head
  /** A row at second t was `base - t x 1 s` ago. */
  base: Millis
  /** False: at least so long ago, and after what came before; how much longer nobody knows. */
  certain: boolean
}

/** @param blocks in order of (run, second). */
export function placed<Head extends BlockHead>(blocks: readonly Head[], clock: KeeperClock): PlacedBlock<Head>[] {
  const result: PlacedBlock<Head>[] = []
  /** Nothing of an earlier run is younger than this. */
  let floor = clock.now - clock.since
  for (let end = blocks.length; end > 0; ) {
    const { run } = blocks[end - 1] as Head
    let begin = end
    while (begin > 0 && blocks[begin - 1]?.run === run) begin--
    const ofRun = blocks.slice(begin, end)
    const { base, certain } = run === clock.run ? { base: clock.now, certain: true } : placeRun(ofRun, clock, floor)
    result.unshift(...ofRun.map((block) => ({ block, base, certain })))
    floor = Math.max(floor, base - (ofRun[0] as Head).first * SECOND)
    end = begin
  }
  return result
}

/** An earlier run is placed by the newest label that was vouched for, and as a whole: within it the monotonic clock is right. */
function placeRun(blocks: readonly BlockHead[], clock: KeeperClock, floor: Millis): { base: Millis; certain: boolean } {
  const last = (blocks.at(-1) as BlockHead).last
  const atLeast = floor + last * SECOND
  const label = blocks.findLast(({ trusted }) => trusted)
  if (label === undefined || clock.wall === undefined) return { base: atLeast, certain: false }
  const base = clock.wall - label.wall + label.first * SECOND
  if (base >= atLeast) return { base, certain: true }
  return { base: atLeast, certain: atLeast - base <= limits.historyOverlap }
}
