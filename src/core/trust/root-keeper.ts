// The root keeper: holds every root version, fetches newer ones from whoever has them, and puts a new one in force only
// when it is on disk. Invariant: the version in force never falls, and never lies below the floor.
import type { Env, NodeId } from '../env.ts'
import type { RefusalCode, Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Hello } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { RootDocument } from './documents.ts'
import { walkRoots } from './roots.ts'

export class RootKeeper {
  readonly #env: Env
  readonly #out: Outbox
  readonly #self: Self
  readonly #roots: RootDocument[]
  readonly #floor: number
  /** Accepted, being written. */
  #pending: { ticket: Ticket; roots: readonly RootDocument[]; submission: Ticket | undefined } | undefined

  constructor(env: Env, out: Outbox, self: Self, roots: readonly RootDocument[], floor: number) {
    this.#env = env
    this.#out = out
    this.#self = self
    this.#roots = [...roots]
    this.#floor = floor
  }

  /** The versions from `version` on that we serve, as many as fit one answer. */
  from(version: number): RootDocument[] {
    const chosen: RootDocument[] = []
    let bytes = 0
    for (const root of this.#roots) {
      if (root.signed.version < version) continue
      bytes += root.raw.length + 8
      if (bytes > limits.syncBytes) break
      chosen.push(root)
    }
    return chosen
  }

  /** A peer told which root it holds: a newer one is asked for. An older one is its own affair: it hears of ours. */
  offered(peer: NodeId, hello: Pick<Hello, 'rootVersion'>): void {
    const { version } = this.#self.root.signed
    if (hello.rootVersion <= version || this.#pending !== undefined) return
    const body = { type: 'roots' as const, from: version + 1 }
    this.#out.emit({ type: 'ask', ticket: this.#out.ticket(), peer, protocol: 'sync', body })
  }

  arrived(peer: NodeId, roots: readonly RootDocument[]): void {
    if (roots.length === 0 || this.#pending !== undefined) return
    const { problem } = this.#take(roots, undefined)
    if (problem !== undefined) this.#out.event({ type: 'rootRefused', peer, detail: problem })
  }

  /** Handed in on this machine: answered when the newest of them is in force, or refused. */
  rooted(ticket: Ticket, roots: readonly RootDocument[]): void {
    const refused = this.#pending === undefined ? this.#handedIn(ticket, roots) : 'tooOften'
    if (refused !== 'accepted') this.#out.emit({ type: 'submission', ticket, refused })
  }

  #handedIn(ticket: Ticket, roots: readonly RootDocument[]): 'accepted' | RefusalCode | undefined {
    const newest = Math.max(0, ...roots.map(({ signed }) => signed.version))
    if (roots.some(({ hash }) => hash === this.#self.root.hash) && newest === this.#self.root.signed.version)
      return undefined
    if (newest <= this.#self.root.signed.version) return 'oldVersion'
    const { problem, isTaken } = this.#take(roots, ticket)
    return isTaken && problem === undefined ? 'accepted' : 'badSignature'
  }

  /** Walks as far as the roots lead, and writes what was accepted. What is handed in is taken whole or not at all. */
  #take(
    roots: readonly RootDocument[],
    submission: Ticket | undefined,
  ): { problem: string | undefined; isTaken: boolean } {
    const terms = { mesh: this.#self.mesh, floor: { version: this.#floor } }
    const walk = walkRoots(this.#self.root, roots, terms, this.#env)
    const { problem } = walk
    const isFull = this.#roots.length + walk.accepted.length > limits.rootVersions
    const isBroken = submission !== undefined && problem !== undefined
    if (walk.accepted.length === 0 || isFull || isBroken) return { problem, isTaken: false }
    const time = Math.max(this.#self.time.bound, ...walk.accepted.map(({ signed }) => signed.issued))
    const changes = walk.accepted.map((root) => ({ type: 'root' as const, root }))
    const ticket = this.#out.persist([...changes, { type: 'timeBound', time }], true)
    this.#pending = { ticket, roots: walk.accepted, submission }
    return { problem, isTaken: true }
  }

  /** True when a new root is in force now. */
  persisted(ticket: Ticket): boolean {
    if (this.#pending?.ticket !== ticket) return false
    for (const root of this.#pending.roots) {
      this.#roots.push(root)
      this.#self.root = root
      this.#out.event({ type: 'rootAccepted', version: root.signed.version })
    }
    this.#answer(undefined)
    return true
  }

  /** Not on disk, so not in force: the next hello asks again. */
  persistFailed(ticket: Ticket): void {
    if (this.#pending?.ticket === ticket) this.#answer('diskFailed')
  }

  /** Nothing is being written any more: whoever handed it in is told. */
  #answer(refused: RefusalCode | undefined): void {
    const ticket = this.#pending?.submission
    this.#pending = undefined
    if (ticket !== undefined) this.#out.emit({ type: 'submission', ticket, refused })
  }
}
