// A bounded memory of results that are costly to make again: the least recently used one is dropped.

export class Recent<K, V> {
  readonly #max: number
  readonly #entries = new Map<K, V>()

  /** @param max how many results are kept. */
  constructor(max: number) {
    this.#max = max
  }

  /** The result for `key`, made by `make` when it is not remembered. What throws is not remembered. */
  get(key: K, make: (key: K) => V): V {
    if (this.#entries.has(key)) {
      const known = this.#entries.get(key) as V
      this.#entries.delete(key)
      this.#entries.set(key, known)
      return known
    }
    const made = make(key)
    this.#entries.set(key, made)
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#max) break
      this.#entries.delete(oldest)
    }
    return made
  }

  get size(): number {
    return this.#entries.size
  }
}
