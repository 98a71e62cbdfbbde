// Calls about one name follow each other; calls about different names don't wait for each other.

export class Turns {
  /** Settles when the last call of a name is done; names without one are not kept. */
  readonly #last = new Map<string, Promise<void>>()

  take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(name) ?? Promise.resolve()).then(work)
    const settled = result
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        if (this.#last.get(name) === settled) this.#last.delete(name)
      })
    this.#last.set(name, settled)
    return result
  }

  /** Resolves when all calls so far are done. */
  async idle(): Promise<void> {
    await Promise.all(this.#last.values())
  }
}
