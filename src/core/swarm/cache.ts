// The cache: encodings that are on this disk although this node does not need them. `old` ones were named by a release and are no
// more: who comes late, or goes back to that version, has them from here. `forwarded` ones were fetched for members that cannot
// reach each other. Each kind has its own budget; whoever was asked for longest ago goes first.
// Invariant: what is cached is never what a release of this node needs, and each kind stays within its budget.
import type { Change } from '../events.ts'
import type { Encoding } from '../trust/announcement.ts'

export type CacheKind = 'old' | 'forwarded'

/** An encoding as it is served: how it is unpacked concerns nobody here. */
export type CachedEncoding = Pick<Encoding, 'hash' | 'sha256' | 'length' | 'pieceLength' | 'pieceList'>

export interface Cached {
  encoding: CachedEncoding
  kind: CacheKind
  /** The higher, the later it came or was last asked for. */
  order: number
}

/** Bytes. */
export type CacheBudgets = Readonly<Record<CacheKind, number>>

export class Cache {
  readonly #budgets: CacheBudgets
  /** By hash; the one that goes first comes first. */
  readonly #entries = new Map<string, Cached>()
  /** What was asked for since its order was last written. */
  readonly #moved = new Set<string>()
  #order = 0

  /** @param saved what earlier runs wrote, perhaps under other budgets */
  constructor(budgets: CacheBudgets, saved: readonly Cached[]) {
    this.#budgets = budgets
    for (const cached of [...saved].sort((a, b) => a.order - b.order)) {
      this.#entries.set(cached.encoding.hash, cached)
      this.#order = Math.max(this.#order, cached.order)
    }
  }

  get size(): number {
    return this.#entries.size
  }

  kindOf(hash: string): CacheKind | undefined {
    return this.#entries.get(hash)?.kind
  }

  /** In the order in which they would go. */
  all(kind: CacheKind): CachedEncoding[] {
    return [...this.#entries.values()].flatMap((cached) => (cached.kind === kind ? [cached.encoding] : []))
  }

  budget(kind: CacheKind): number {
    return this.#budgets[kind]
  }

  /** Bytes on the disk: files have their whole length from the beginning. */
  bytes(kind: CacheKind): number {
    return this.all(kind).reduce((sum, { length }) => sum + length, 0)
  }

  /**
   * What has to go so that so many bytes more of a kind fit its budget; undefined when they don't.
   * @param mayGo false of what is in use now
   */
  roomFor(kind: CacheKind, bytes: number, mayGo: (hash: string) => boolean): string[] | undefined {
    const over = this.bytes(kind) + bytes - this.#budgets[kind]
    const going = this.#first(over, this.all(kind), mayGo)
    return going.bytes >= over ? going.hashes : undefined
  }

  /** What goes when the disk itself has to have so many bytes more; less when there is not so much. */
  toFree(bytes: number, mayGo: (hash: string) => boolean): string[] {
    const all = [...this.#entries.values()].map(({ encoding }) => encoding)
    return this.#first(bytes, all, mayGo).hashes
  }

  /** It is cached from now on. */
  add({ hash, sha256, length, pieceLength, pieceList }: CachedEncoding, kind: CacheKind): Change {
    this.#order += 1
    const cached = { encoding: { hash, sha256, length, pieceLength, pieceList }, kind, order: this.#order }
    this.#entries.delete(hash)
    this.#entries.set(hash, cached)
    this.#moved.delete(hash)
    return { type: 'cached', cached }
  }

  /** It is needed here, or gone. @returns what is to be written, if it was cached */
  drop(hash: string): Change[] {
    this.#moved.delete(hash)
    return this.#entries.delete(hash) ? [{ type: 'forgetCached', encoding: hash }] : []
  }

  /** Somebody asked for a piece of it. */
  asked(hash: string): void {
    const cached = this.#entries.get(hash)
    if (cached === undefined) return
    this.#order += 1
    this.#entries.delete(hash)
    this.#entries.set(hash, { ...cached, order: this.#order })
    this.#moved.add(hash)
  }

  /** What was asked for lately: written with the next change, as it would cost a write for each question and is lost without harm. */
  moved(): Change[] {
    const cached = [...this.#moved].flatMap((hash) => this.#entries.get(hash) ?? [])
    this.#moved.clear()
    return cached.map((each) => ({ type: 'cached', cached: each }))
  }

  #first(bytes: number, from: readonly CachedEncoding[], mayGo: (hash: string) => boolean) {
    const hashes: string[] = []
    let freed = 0
    for (const { hash, length } of from) {
      if (freed >= bytes) break
      if (!mayGo(hash)) continue
      hashes.push(hash)
      freed += length
    }
    return { hashes, bytes: freed }
  }
}
