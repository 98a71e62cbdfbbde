// Hostile members that say they hold an artifact, each with its manners, and what members asked of them. For tests with real daemons.
import type { NodeId } from '../../src/core/env.ts'
import { fullBits } from '../../src/core/swarm/bitfield.ts'
import { pieceCount } from '../../src/core/swarm/pieces.ts'
import { framePrefix } from '../../src/mesh/frames.ts'
import { encodePieceData } from '../../src/wire/pieces.ts'
import { closeLater, type Fleet, type Member } from './fleet.ts'
import { Hostile } from './hostile.ts'
import type { Lane } from './lane.ts'
import type { Artifact } from './publishing.ts'

/** What comes of a request: a piece with a flipped bit; nothing; the piece at a byte a second; a refusal. */
export type Manners = 'flips' | 'silent' | 'drips' | 'refuses'

/** Claims to hold all of some artifacts. */
export class Provider {
  readonly hostile: Hostile
  readonly manners: Manners
  /** How many pieces each member asked it for. */
  readonly asked = new Map<NodeId, number>()
  readonly #artifacts: readonly Artifact[]

  private constructor(hostile: Hostile, manners: Manners, artifacts: readonly Artifact[]) {
    this.hostile = hostile
    this.manners = manners
    this.#artifacts = artifacts
    hostile.onLane = (lane) => this.#talk(lane)
  }

  /** Joins the mesh through a member; it has links with nobody yet. */
  static async join(
    fleet: Fleet,
    name: string,
    through: Member,
    manners: Manners,
    artifacts: readonly Artifact[],
  ): Promise<Provider> {
    await fleet.join(name, fleet.token({ through: [through] }))
    return new Provider(await Hostile.start(fleet.data(name)), manners, artifacts)
  }

  #talk(lane: Lane): void {
    lane.onHeard = (message) => {
      const artifact = this.#artifacts.find(({ encoding }) => encoding.hash === message.encoding)
      if (artifact === undefined) return
      const { hash, length, pieceLength } = artifact.encoding
      if (message.type === 'bitfield')
        lane.say({ type: 'bitfield', encoding: hash, bits: fullBits(pieceCount(length, pieceLength)), wants: false })
      if (message.type !== 'request') return
      this.asked.set(lane.peer, (this.asked.get(lane.peer) ?? 0) + 1)
      const piece = artifact.bytes.slice(message.index * pieceLength, (message.index + 1) * pieceLength)
      if (this.manners === 'refuses') lane.say({ type: 'refuse', encoding: hash, index: message.index })
      else if (this.manners === 'flips') lane.give(hash, message.index, flipped(piece, message.index))
      else if (this.manners === 'drips') drip(lane, encodePieceData(hash, message.index, piece))
    }
  }
}

function flipped(piece: Uint8Array, index: number): Uint8Array {
  const at = index % piece.length
  piece[at] = (piece[at] as number) ^ 1
  return piece
}

/** One byte of the message a second, until its stream is gone. */
function drip({ stream, closed }: Lane, message: Uint8Array): void {
  const bytes = Buffer.concat([framePrefix(message.length), message])
  let at = 0
  const next = () => {
    if (stream.status === 'open') stream.send(bytes.subarray(at, ++at))
  }
  const timer = setInterval(next, 1_000)
  next()
  void closed.then(() => clearInterval(timer))
  closeLater(async () => clearInterval(timer))
}
