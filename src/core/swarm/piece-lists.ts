// Piece lists: asked of those that hold pieces, and believed only when their hash is the one that the publisher signed. While no
// answer comes the questions go to more peers, each time to as many again: silent ones must not hold up a download for long.
import { toHex } from '../bytes.ts'
import type { Env, Millis, NodeId } from '../env.ts'
import type { Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Download } from './download.ts'
import type { Downloads } from './downloads.ts'
import type { Peer } from './peers.ts'

interface Parts {
  env: Pick<Env, 'sha256'>
  out: Outbox
  peers: ReadonlyMap<NodeId, Peer>
  downloads: Downloads
}

export class PieceLists {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /**
   * Asks one peer more, and while nobody answers each second as many again. Those that were asked in vain are asked again when
   * no other is left, a second after the last of them failed.
   */
  ask(download: Download, now: Millis): void {
    const { listAsks, listAsked } = download
    for (const [ticket, until] of listAsks) if (now >= until) listAsks.delete(ticket)
    if (listAsks.size > 0 && now < download.listAskAt) return
    if (listAsks.size === 0 && now >= download.listRetryAt && !this.#hasOther(download)) listAsked.clear()
    let room = Math.min(limits.pieceListAsks - listAsks.size, Math.max(1, listAsks.size))
    for (const peer of this.#parts.peers.values()) {
      if (room <= 0) break
      if (!mayHaveList(peer, download) || listAsked.has(peer.node)) continue
      if (listAsked.size < limits.pieceStreams) listAsked.add(peer.node)
      this.#send(download, peer, now)
      room -= 1
    }
    download.listAskAt = now + limits.pieceListHedge
  }

  /** A question was answered, or failed: another may be asked at once. @returns of which download it was */
  answered(ticket: Ticket, now: Millis): Download | undefined {
    for (const download of this.#parts.downloads.all()) {
      if (!download.listAsks.delete(ticket)) continue
      download.listAskAt = now
      download.listRetryAt = now + limits.pieceListHedge
      return download
    }
    return undefined
  }

  /** Takes a list. @returns false when it is not the one that was asked for */
  take({ holding }: Download, list: Uint8Array, now: Millis): boolean {
    if (holding.list !== undefined) return true
    if (toHex(this.#parts.env.sha256(list)) !== holding.encoding.pieceList) return false
    if (list.length === 32 * holding.pieces) holding.listed(list, now)
    else holding.unusable(now)
    return true
  }

  /** Somebody was not asked yet. */
  #hasOther(download: Download): boolean {
    for (const peer of this.#parts.peers.values())
      if (mayHaveList(peer, download) && !download.listAsked.has(peer.node)) return true
    return false
  }

  #send(download: Download, { node }: Peer, now: Millis): void {
    const ticket = this.#parts.out.ticket()
    const body = { type: 'pieceList' as const, hash: download.holding.encoding.pieceList }
    download.listAsks.set(ticket, now + 2 * limits.requestTimeout)
    this.#parts.out.emit({ type: 'ask', ticket, peer: node, protocol: 'sync', body })
  }
}

/** Who holds pieces has hashed them. */
function mayHaveList({ shares }: Peer, { hash }: Download): boolean {
  return (shares.get(hash)?.count ?? 0) > 0
}
