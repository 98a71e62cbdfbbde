// The subject of a selector: what may be said of one node. Names are clause CEL of docs/protocol.md.
import type { NodeId } from '../env.ts'

export interface Subject {
  node: NodeId
  name: string
  zone: string
  labels: Readonly<Record<string, string>>
  /** null where the machine does not say: an expression that needs it does not match. */
  model: string | null
  os: string | null
  kernel: string | null
  arch: string | null
  cpus: number | null
}
