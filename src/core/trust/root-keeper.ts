// The root keeper: holds every root version, fetches newer ones from whoever has them, and puts a new one in force only
// when it is on disk. Invariant: the version in force never falls, and never lies below the floor.
import type { Env, Millis, NodeId } from '../env.ts'
import type { RefusalCode, Ticket } from '../events.ts'
import { limits } from '../limits.ts'
import type { Outbox } from '../outbox.ts'
import type { Hello } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { RootDocument } from './documents.ts'
import { type RootWalk, walkRoots } from './roots.ts'
import { documentSubject, type Watch } from './watch.ts'

export class RootKeeper {
  readonly #env: Env
  readonly #out: Outbox
  readonly #self: Self
  readonly #watch: Watch
  readonly #roots: RootDocument[]
  readonly #floor: number
  /** Accepted, being written. */
  #pending:
    | { ticket: Ticket; roots: readonly RootDocument[]; from: NodeId | undefined; submission: Ticket | undefined }
    | undefined

  constructor(
    { env, out, self, watch }: { env: Env; out: Outbox; self: Self; watch: Watch },
    roots: readonly RootDocument[],
    floor: number,
  ) {
    this.#env = env
    this.#out = out
    this.#self = self
    this.#watch = watch
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

  arrived(peer: NodeId, roots: readonly RootDocument[], now: Millis): void {
    if (roots.length === 0 || this.#pending !== undefined) return
    const { problem } = this.#take(roots, { from: peer, submission: undefined }, now)
    if (problem !== undefined) this.#out.event({ type: 'rootRefused', peer, detail: problem })
  }

  /** Handed in on this machine: answered when the newest of them is in force, or refused. */
  rooted(ticket: Ticket, roots: readonly RootDocument[], now: Millis): void {
    const refused = this.#pending === undefined ? this.#handedIn(ticket, roots, now) : 'tooOften'
    if (refused !== 'accepted') this.#out.emit({ type: 'submission', ticket, refused })
  }

  #handedIn(ticket: Ticket, roots: readonly RootDocument[], now: Millis): 'accepted' | RefusalCode | undefined {
    const newest = Math.max(0, ...roots.map(({ signed }) => signed.version))
    if (roots.some(({ hash }) => hash === this.#self.root.hash) && newest === this.#self.root.signed.version)
      return undefined
    if (newest <= this.#self.root.signed.version) return 'oldVersion'
    const { problem, isTaken } = this.#take(roots, { from: undefined, submission: ticket }, now)
    return isTaken && problem === undefined ? 'accepted' : 'badSignature'
  }

  /** Walks as far as the roots lead, and writes what was accepted. What is handed in is taken whole or not at all. */
  #take(
    roots: readonly RootDocument[],
    { from, submission }: { from: NodeId | undefined; submission: Ticket | undefined },
    now: Millis,
  ): { problem: string | undefined; isTaken: boolean } {
    const terms = { mesh: this.#self.mesh, floor: { version: this.#floor } }
    const walk = walkRoots(this.#self.root, roots, terms, this.#env)
    this.#note(walk, from, now)
    const isFull = this.#roots.length + walk.accepted.length > limits.rootVersions
    const problem = isFull ? `no more than ${limits.rootVersions} versions of a root are held` : walk.problem
    const isBroken = submission !== undefined && problem !== undefined
    if (walk.accepted.length === 0 || isFull || isBroken) return { problem, isTaken: false }
    const time = Math.max(this.#self.time.bound, ...walk.accepted.map(({ signed }) => signed.issued))
    const changes = walk.accepted.map((root) => ({ type: 'root' as const, root }))
    const ticket = this.#out.persist([...changes, { type: 'timeBound', time }], true)
    this.#pending = { ticket, roots: walk.accepted, from, submission }
    return { problem, isTaken: true }
  }

  #note({ refused }: RootWalk, from: NodeId | undefined, now: Millis): void {
    if (refused === undefined) return
    const { code, document } = refused
    const unknown = { kind: 'root', role: undefined, epoch: undefined, version: undefined, hash: undefined } as const
    this.#watch.refused(document === undefined ? unknown : documentSubject('root', document), from, code, now)
    // Where the root keys signed two roots of one version, half of the members are honestly wrong.
    if (code === 'badSignature' && from !== undefined) this.#watch.blamed(from, 'doubt', now)
  }

  /** True when a new root is in force now. */
  persisted(ticket: Ticket, now: Millis): boolean {
    if (this.#pending?.ticket !== ticket) return false
    const { roots, from } = this.#pending
    for (const root of roots) {
      this.#watch.accepted(documentSubject('root', root), from, now)
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
