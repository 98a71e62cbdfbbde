// Whom a node wants links to beside the few that every node wants: who watches it, and whom it reports to.
import type { Millis, NodeId } from '../env.ts'
import type { Wish } from '../fleet/siblings.ts'

/** Who watches whom in our zone. */
export interface Watching {
  /** Members that watch us. */
  wanted: (now: Millis) => readonly NodeId[]
  /** True for a member that watches us, or that we watch: our link is not surplus. */
  keeps: (peer: NodeId, now: Millis) => boolean
}

/** Who watches whom comes before others; of `wishes`, whom a reporter wants, `inUse` says who stays linked. */
export interface Wanted {
  watching?: Watching
  wishes?: () => readonly Wish[]
}
