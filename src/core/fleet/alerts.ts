// Alerts: what a person should look at, one per kind and node, bounded, each with the time it was raised.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { AlertKind } from './rows.ts'

export interface Alert {
  kind: AlertKind
  node: NodeId
  detail: string
  raised: Millis
}

export class Alerts {
  readonly #out: Outbox
  readonly #alerts = new Map<string, Alert>()
  #changes = 0

  constructor(out: Outbox) {
    this.#out = out
  }

  /** Raises an alert once; a repetition changes nothing, so that a noisy cause makes one line. */
  raise(kind: AlertKind, node: NodeId, detail: string, now: Millis): void {
    const key = `${kind} ${node}`
    if (this.#alerts.has(key)) return
    if (this.#alerts.size >= limits.alerts) this.#alerts.delete(this.#alerts.keys().next().value as string)
    this.#alerts.set(key, { kind, node, detail, raised: now })
    this.#changes += 1
    this.#out.event({ type: 'alert', kind, node, detail })
  }

  /** What it was raised for is over. */
  lower(kind: AlertKind, node: NodeId): void {
    if (this.#alerts.delete(`${kind} ${node}`)) this.#changes += 1
  }

  /** Grows whenever an alert is raised or is over: what only follows from them holds until then. */
  get changes(): number {
    return this.#changes
  }

  /** Kinds raised about one node. */
  of(node: NodeId): AlertKind[] {
    return [...this.#alerts.values()].filter((alert) => alert.node === node).map((alert) => alert.kind)
  }

  get size(): number {
    return this.#alerts.size
  }

  all(): readonly Alert[] {
    return [...this.#alerts.values()]
  }
}
