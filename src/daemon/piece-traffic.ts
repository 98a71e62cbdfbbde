// Bytes of pieces that came and went since the daemon started, by whom they were exchanged with and how the link went then: so that
// a person sees what a site's thin wire carried and what its nodes gave each other. Payload only, whether it was of use or not.
import type { NodeId } from '../core/env.ts'
import { limits } from '../core/limits.ts'
import type { Route } from '../core/links/paths.ts'
import type { PieceBytesJson, PieceTrafficJson, SourcesJson } from './api-types.ts'

/** The link with a peer at this moment; `mate`: it is of our own zone. Undefined where it has just closed. */
type LinkOf = (peer: NodeId) => { route: Route; mate: boolean } | undefined

export class PieceTraffic {
  readonly #linkOf: LinkOf
  readonly #from = nothing()
  readonly #to = nothing()
  /** Bytes of each encoding that came, by whom they came from; the encoding that came last is last. */
  readonly #sources = new Map<string, Map<NodeId, { bytes: number; lan: number }>>()

  constructor(linkOf: LinkOf) {
    this.#linkOf = linkOf
  }

  /** @param encoding hex hash */
  received(peer: NodeId, bytes: number, encoding: string): void {
    this.#add(this.#from, peer, bytes)
    const sources = this.#sources.get(encoding) ?? new Map<NodeId, { bytes: number; lan: number }>()
    this.#sources.delete(encoding)
    this.#sources.set(encoding, sources)
    const source = sources.get(peer) ?? { bytes: 0, lan: 0 }
    source.bytes += bytes
    if (this.#linkOf(peer)?.route === 'lan') source.lan += bytes
    if (sources.size < limits.pieceStreams) sources.set(peer, source)
    for (const oldest of this.#sources.keys())
      if (this.#sources.size > limits.encodingsKept) this.#sources.delete(oldest)
  }

  /** Whom the pieces of an encoding came from since the daemon started; undefined when none came. @param origin who had it first */
  sourcesOf(encoding: string, origin: ReadonlySet<NodeId>): SourcesJson | undefined {
    const sources = this.#sources.get(encoding)
    if (sources === undefined) return undefined
    const json = { site: 0, members: 0, publisher: 0 }
    for (const [node, { bytes, lan }] of sources) {
      json.site += lan
      json[origin.has(node) ? 'publisher' : 'members'] += bytes - lan
    }
    return json
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
