// Bytes of pieces that came and went since the daemon started, by whom they were exchanged with and how the link went then: so that
// a person sees what a site's thin wire carried and what its nodes gave each other. Payload only, whether it was of use or not.
import type { NodeId } from '../core/env.ts'
import type { Route } from '../core/links/paths.ts'
import type { PieceBytesJson, PieceTrafficJson } from './api-types.ts'

/** The link with a peer at this moment; `mate`: it is of our own zone. Undefined where it has just closed. */
type LinkOf = (peer: NodeId) => { route: Route; mate: boolean } | undefined

export class PieceTraffic {
  readonly #linkOf: LinkOf
  readonly #from = nothing()
  readonly #to = nothing()

  constructor(linkOf: LinkOf) {
    this.#linkOf = linkOf
  }

  received(peer: NodeId, bytes: number): void {
    this.#add(this.#from, peer, bytes)
  }

  sent(peer: NodeId, bytes: number): void {
    this.#add(this.#to, peer, bytes)
  }

  json(): PieceTrafficJson {
    const copy = ({ mates, others }: PieceBytesJson) => ({ mates: { ...mates }, others: { ...others } })
    return { from: copy(this.#from), to: copy(this.#to) }
  }

  /** What came last over a link that is closed already counts as relayed: nothing says that it was not. */
  #add(bytesOf: PieceBytesJson, peer: NodeId, bytes: number): void {
    const { route, mate } = this.#linkOf(peer) ?? { route: 'relayed', mate: false }
    bytesOf[mate ? 'mates' : 'others'][route] += bytes
  }
}

function nothing(): PieceBytesJson {
  const none = () => ({ lan: 0, direct: 0, punched: 0, relayed: 0 })
  return { mates: none(), others: none() }
}
