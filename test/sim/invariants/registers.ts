// What each node holds of the publishers, kept up by what it writes, so that I17 (all who can hear of each other hold the
// same) costs nothing per step.
import type { Change, Ticket } from '../../../src/core/events.ts'
import type { SavedPublishers } from '../../../src/core/machines.ts'
import type { AnnouncementDocument } from '../../../src/core/trust/announcement.ts'

/** A register as text: `1.4 <hash>`, with the rival's hash after it when there is one. */
type Held = Map<string, { held: string; rival: string }>

interface State {
  held: Held
  pending: Map<Ticket, readonly Change[]>
}

export class Registers {
  readonly #states = new Map<number, State>()

  started(node: number, { announcements }: SavedPublishers): void {
    const state: State = { held: new Map(), pending: new Map() }
    for (const change of announcements) apply(state.held, { type: 'announcement', ...change })
    this.#states.set(node, state)
  }

  writes(node: number, ticket: Ticket, changes: readonly Change[]): void {
    const own = changes.filter(({ type }) => type === 'announcement' || type === 'forgetAnnouncement')
    if (own.length > 0) this.#states.get(node)?.pending.set(ticket, own)
  }

  /** The node was told that a batch is on the disk. Returns the announcements that it holds now. */
  persisted(node: number, ticket: Ticket): AnnouncementDocument[] {
    const state = this.#states.get(node)
    const changes = state?.pending.get(ticket) ?? []
    for (const change of changes) apply((state as State).held, change)
    state?.pending.delete(ticket)
    return changes.flatMap((change) => (change.type === 'announcement' ? [change.announcement] : []))
  }

  failed(node: number, ticket: Ticket): void {
    this.#states.get(node)?.pending.delete(ticket)
  }

  /** True when both sides of an equivocation are on its disk. */
  frozen(node: number, role: string): boolean {
    return (this.#states.get(node)?.held.get(role)?.rival ?? '') !== ''
  }

  /** The register of a role; empty when there is none. */
  of(node: number, role: string): string {
    const register = this.#states.get(node)?.held.get(role)
    return register === undefined ? '' : `${register.held} ${register.rival}`.trimEnd()
  }
}

function apply(held: Held, change: Change): void {
  if (change.type === 'forgetAnnouncement') {
    const register = held.get(change.role)
    if (register !== undefined) register[change.side] = ''
  } else if (change.type === 'announcement') {
    const { signed, hash } = change.announcement
    const register = held.get(signed.role) ?? { held: '', rival: '' }
    register[change.side] = `${signed.epoch}.${signed.version} ${hash}`
    held.set(signed.role, register)
  }
}

/** The register that all must come to hold of these announcements: the newest, with its rival when there are two of them. */
export function joined(documents: readonly { epoch: number; version: number; hash: string }[]): string {
  const sorted = [...documents].sort((a, b) => b.epoch - a.epoch || b.version - a.version || (a.hash < b.hash ? -1 : 1))
  const [first] = sorted
  if (first === undefined) return ''
  const newest = sorted.filter(({ epoch, version }) => epoch === first.epoch && version === first.version)
  const texts = newest.slice(0, 2).map(({ epoch, version, hash }) => `${epoch}.${version} ${hash}`)
  return texts.join(' ')
}
