// Progress: how far an encoding has come here, and what is known of the copies of others.
import type { Pause } from './budgets.ts'
import type { ArtifactProblem } from './messages.ts'

/** Bytes of verified pieces that came since the daemon started, by whom they came from. */
export interface Sources {
  /** Members on the same LAN: nothing went over the site's wire. */
  site: number
  /** Members elsewhere, but for the next. */
  members: number
  /** Members that had it first, as the announcement says. */
  publisher: number
}

export interface Progress {
  pieces: number
  have: number
  /** Bytes of the pieces that are here, and of the whole encoding. */
  bytes: number
  totalBytes: number
  bytesPerSecond: number
  /** Linked peers that hold pieces of it. */
  providers: number
  /** Peers that told us that they hold all of it. */
  copies: number
  /** Pieces of it that the linked peer has that has most. */
  most: number
  came: Readonly<Sources>
  problem: FetchProblem | undefined
}

/** Why nothing comes: the disk, the budgets of this node, or nobody within reach has it. */
export type FetchProblem = ArtifactProblem | { code: 'paused'; pause: Pause } | 'noProvider'
