// Downloads and their turns: a few are active, the others wait in order. One that nobody has, or whose disk is full, must not
// keep the others waiting: while there are any, it gives up its turn when nothing moved for a time, and goes to the end.
import type { Millis } from '../env.ts'
import { limits } from '../limits.ts'
import type { Download } from './download.ts'

/** The turn of a download that nobody has: it searches once, half as long again after providerSearchPeriod at the latest. */
const TURN_ALONE = 2 * limits.providerSearchPeriod

export class Downloads {
  /** In the order of their turns. */
  readonly #all = new Map<string, Download>()
  #alarm: Millis | undefined

  get size(): number {
    return this.#all.size
  }

  get(hash: string): Download | undefined {
    return this.#all.get(hash)
  }

  all(): IterableIterator<Download> {
    return this.#all.values()
  }

  *active(): IterableIterator<Download> {
    for (const download of this.#all.values()) if (download.active) yield download
  }

  add(download: Download): void {
    this.#all.set(download.hash, download)
  }

  /** Done, or not wanted any more. */
  remove(hash: string): void {
    const download = this.#all.get(hash)
    if (download !== undefined) download.active = false
    this.#all.delete(hash)
  }

  /** When turn() is next needed, unless something happens before. */
  deadline(): Millis | undefined {
    return this.#alarm
  }

  /**
   * Ends turns and begins others.
   * @returns those whose turn begins now
   */
  turn(now: Millis): Download[] {
    let waiting = 0
    this.#alarm = undefined
    for (const download of this.#all.values()) {
      const { retryAt } = download.holding
      if (mayMove(download, now)) waiting += download.active ? 0 : 1
      else this.#wake(retryAt)
    }
    for (const download of [...this.active()]) {
      const patience = download.hasProvider ? limits.requestPatienceMax : TURN_ALONE
      const busy = download.holding.phase === 'preparing' || download.holding.isFull
      const end = mayMove(download, now) ? download.movedAt + patience : now
      if (busy) continue
      if (now < end) this.#wake(waiting > 0 ? end : undefined)
      else if (waiting > 0 || !mayMove(download, now)) this.#toBack(download)
    }
    return this.#begin(now)
  }

  #begin(now: Millis): Download[] {
    let places = limits.downloadsAtOnce - [...this.active()].length
    const begun: Download[] = []
    for (const download of this.#all.values()) {
      if (places <= 0) break
      if (download.active || !mayMove(download, now)) continue
      download.begin(now)
      begun.push(download)
      places -= 1
    }
    return begun
  }

  #toBack(download: Download): void {
    download.active = false
    this.#all.delete(download.hash)
    this.#all.set(download.hash, download)
  }

  #wake(at: Millis | undefined): void {
    if (at !== undefined) this.#alarm = Math.min(this.#alarm ?? at, at)
  }
}

/** False while its disk failed and is not to be tried again yet. */
function mayMove({ holding }: Download, now: Millis): boolean {
  return holding.phase !== 'failed' || now >= holding.retryAt
}
