// The ledger: bytes of TCP payload that each node took in and sent out, by kind and by way, since it was last cleared.

/** `mention` is gossip about gossip: IHAVE, IWANT, GRAFT, IDONTWANT. `gate` is new connections. `question` is sync and query. */
export const KINDS = [
  'record',
  'vote',
  'digest',
  'summary',
  'announcement',
  'mention',
  'hello',
  'pulse',
  'question',
  'gate',
] as const
export type Kind = (typeof KINDS)[number]

/** What keeps a node in the mesh, whatever its metrics say. */
export const UPKEEP: readonly Kind[] = ['mention', 'hello', 'pulse', 'question', 'gate']

const KIND_AT = Object.fromEntries(KINDS.map((kind, at) => [kind, at])) as Record<Kind, number>

export interface Flow {
  in: number
  out: number
}

export class Ledger {
  readonly #bytes: Float64Array

  constructor(nodes: number) {
    this.#bytes = new Float64Array(nodes * KINDS.length * 4)
  }

  out(node: number, kind: Kind, bytes: number, wan: boolean): void {
    this.#bytes[(node * KINDS.length + KIND_AT[kind]) * 4 + (wan ? 3 : 1)]! += bytes
  }

  in(node: number, kind: Kind, bytes: number, wan: boolean): void {
    this.#bytes[(node * KINDS.length + KIND_AT[kind]) * 4 + (wan ? 2 : 0)]! += bytes
  }

  read(node: number, kind: Kind, wan: boolean): Flow {
    const at = (node * KINDS.length + KIND_AT[kind]) * 4 + (wan ? 2 : 0)
    return { in: this.#bytes[at] as number, out: this.#bytes[at + 1] as number }
  }

  /** Of all kinds. */
  total(node: number, wan: boolean): Flow {
    const total = { in: 0, out: 0 }
    for (const kind of KINDS) {
      const flow = this.read(node, kind, wan)
      total.in += flow.in
      total.out += flow.out
    }
    return total
  }

  clear(): void {
    this.#bytes.fill(0)
  }
}
