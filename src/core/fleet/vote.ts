// A vote: a witness says, under its signature, that a node did not answer it twice, and which record of that node it heard last.
import type { NodeId } from '../env.ts'

export interface Vote {
  /** Who is gone. */
  node: NodeId
  /** The order of the newest record of the node that the voter holds: a newer one makes the vote void. */
  incarnation: number
  counter: number
  /** The voter's own incarnation. */
  voter: number
  /** The voter had a link with the node in this run: who never reached it cannot tell that it is gone. */
  met: boolean
}
