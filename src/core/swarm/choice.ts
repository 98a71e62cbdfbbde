// The choice: what a peer is asked for next, over all downloads, and when to look again when that is nothing now.
import type { Millis } from '../env.ts'
import { limits } from '../limits.ts'
import type { Budgets } from './budgets.ts'
import type { Download } from './download.ts'
import type { InFlight } from './in-flight.ts'
import type { Peer, Share } from './peers.ts'
import { pieceScale } from './pieces.ts'
import type { Sharing } from './sharing.ts'

interface Parts {
  downloads: { active(): Iterable<Download> }
  sharing: Pick<Sharing, 'isShared' | 'mayAsk' | 'choose' | 'deadline'>
  budgets: Pick<Budgets, 'fetchAt'>
  inFlight: Pick<InFlight, 'fits'>
}

export class Choice {
  readonly #parts: Parts
  /** Something may be due then. */
  readonly #wake: (at: Millis | undefined) => void

  constructor(parts: Parts, wake: (at: Millis | undefined) => void) {
    this.#parts = parts
    this.#wake = wake
  }

  /** False while the budget of downloads is overdrawn, or paused: then the end of that is waited for. */
  isAffordable(peer: Peer, now: Millis): boolean {
    const at = this.#parts.budgets.fetchAt(peer.near, now)
    if (at !== undefined && at <= now) return true
    this.#wake(at)
    return false
  }

  /** 'full': there is something to ask for, and no room in the budget. */
  next(peer: Peer, now: Millis): { download: Download; index: number } | 'full' | undefined {
    const { sharing, inFlight } = this.#parts
    for (const { download, share } of this.#offered(peer)) {
      if (now < share.restUntil) {
        this.#wake(share.restUntil)
        continue
      }
      if (!inFlight.fits(download.holding.encoding.pieceLength, !peer.proven)) return 'full'
      const shared = sharing.isShared(download, peer, now)
      if (shared && !sharing.mayAsk(download, peer, now)) {
        this.#wake(sharing.deadline())
        continue
      }
      const index = sharing.choose(download, peer, share, now)
      if (index !== undefined) return { download, index }
      this.#wake(sharing.deadline())
      if (!shared) this.#wake(download.overdueAt(peer, share))
      if (share.avoid !== undefined) this.#wake(share.avoidUntil)
    }
    return undefined
  }

  /** Wakes when the peer may be asked for something that it may not be asked for now, or is asked for too long. */
  wakeFor(peer: Peer, now: Millis): void {
    if (peer.stream !== 'open') return
    for (const request of peer.requests) {
      this.#wake(request.due)
      // What a mate said that it holds was left to it before it was asked the first time: it may turn out to be slow.
      const slowAt = request.asked + limits.matePatience * pieceScale(request.bytes) + 1
      if (peer.near && request.trial && slowAt > now) this.#wake(slowAt)
    }
    if (peer.restUntil > now) this.#wake(peer.restUntil)
    if (peer.room(now, false) > 0) this.isAffordable(peer, now)
    for (const download of this.#parts.downloads.active()) {
      const share: Share | undefined = peer.shares.get(download.hash)
      if (share?.avoid !== undefined && share.avoidUntil > now) this.#wake(share.avoidUntil)
      if (share !== undefined && share.restUntil > now) this.#wake(share.restUntil)
      const alone = share !== undefined && !this.#parts.sharing.isShared(download, peer, now)
      const overdue = alone ? download.overdueAt(peer, share) : undefined
      if (overdue !== undefined && overdue > now && peer.room(now, false) > 0) this.#wake(overdue)
    }
  }

  /** What a peer has of active downloads. First those of which it refused nothing lately: the others must not starve them. */
  #offered(peer: Peer): { download: Download; share: Share }[] {
    const willing: { download: Download; share: Share }[] = []
    const unwilling: typeof willing = []
    for (const download of this.#parts.downloads.active()) {
      const share = peer.shares.get(download.hash)
      if (share === undefined || share.count === 0 || !download.holding.isReady) continue
      if (share.avoid === undefined) willing.push({ download, share })
      else unwilling.push({ download, share })
    }
    return [...willing, ...unwilling]
  }
}
