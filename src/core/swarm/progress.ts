// Progress: how far an encoding has come here, and what is known of the copies of others.
import type { Pause } from './budgets.ts'
import type { ArtifactProblem } from './messages.ts'

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
  problem: FetchProblem | undefined
}

/** Why nothing comes: the disk, the budgets of this node, or nobody within reach has it. */
export type FetchProblem = ArtifactProblem | { code: 'paused'; pause: Pause } | 'noProvider'
