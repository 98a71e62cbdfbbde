// Store: the node's local state as ordered keys and values; a batch is written whole or not at all.

export interface StoreWrite {
  key: string
  /** undefined deletes. */
  value: Uint8Array | undefined
}

export interface Store {
  get(key: string): Promise<Uint8Array | undefined>
  /** All entries whose key starts with `prefix`, in order of key (UTF-8 bytes). */
  entries(prefix: string): Promise<{ key: string; value: Uint8Array }[]>
  /** Atomic. With `sync` it survives a power cut once resolved; without, it survives the end of the process. */
  write(batch: readonly StoreWrite[], options: { sync: boolean }): Promise<void>
  /** Waits for writes under way. Any later call rejects. */
  close(): Promise<void>
}
