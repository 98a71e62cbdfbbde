// I19: whoever has heard that a node is revoked has no row of it, no link to it and admits it nowhere from then on, through restarts;
// and once nothing new breaks, every member that runs has heard of it within bounds.spread.
import type { Millis } from '../../../src/core/env.ts'
import { SECOND } from '../../../src/core/limits.ts'
import type { StatementDocument } from '../../../src/core/trust/statement.ts'
import type { Report } from './detection.ts'

/** A link that was being opened while its end was being decided is closed by then. */
const GRACE: Millis = 2 * SECOND

export interface RevocationStats {
  /** Revoked nodes, times that one of them was turned away, and members that have heard of one. */
  revoked: number
  turnedAway: number
  heard: number
  /** The slowest of those after everything was whole, in rounds of hello; and what is allowed. */
  slowestRounds: number
  allowedRounds: number
}

/** A machine as this looks at it. */
export interface Member {
  index: number
  /** From when its time counts: it runs since then. */
  started: Millis
}

interface Parts {
  now: () => Millis
  round: Millis
  allowed: Millis
  linked: (member: number, revoked: number) => boolean
  shows: (member: number, revoked: number) => boolean
  report: Report
}

export class Revocation {
  readonly stats: RevocationStats
  readonly #p: Parts
  /** Version of the statement that names each revoked node first; undefined until a member has it in force. */
  readonly #revoked = new Map<number, { version: number; since: Millis | undefined }>()
  /** The newest statement that each member has in force on its disk, and since when in this run. */
  readonly #known = new Map<number, { version: number; since: Millis }>()
  readonly #settled = new Set<string>()
  readonly #reported = new Set<string>()
  #quietSince: Millis | undefined
  #open = 0

  constructor(parts: Parts) {
    this.#p = parts
    const allowedRounds = Math.ceil(parts.allowed / parts.round)
    this.stats = { revoked: 0, turnedAway: 0, heard: 0, slowestRounds: 0, allowedRounds }
  }

  /** True when all that run had heard of all at the last look. */
  get complete(): boolean {
    return this.#open === 0
  }

  isRevoked(node: number): boolean {
    return this.#revoked.has(node)
  }

  /** The statement of this version, which is being handed in, revokes the node. */
  revokes(node: number, version: number): void {
    this.stats.revoked++
    this.#revoked.set(node, { version, since: undefined })
    this.#open++
  }

  /** A process begins with these statements on its disk. */
  started(member: number, statements: readonly StatementDocument[]): void {
    const version = Math.max(0, ...statements.map(({ signed }) => signed.version))
    const before = this.#known.get(member)?.version ?? 0
    if (version < before) this.#p.report('I19', member, `knows of ${version} revocations, and knew of ${before}`)
    this.#hears(member, version)
  }

  /** A statement of this version is in force there. */
  accepted(member: number, version: number): void {
    this.#hears(member, version)
  }

  /** A member has judged what another one showed at its gate. */
  judged(member: number, remote: number, admitted: boolean): void {
    if (!this.#knows(member, remote)) return
    if (admitted) this.#p.report('I19', member, `admits #${remote}, which it knows to be revoked`)
    else this.stats.turnedAway++
  }

  /** Nothing new breaks from now on. */
  quiet(): void {
    this.#quietSince = this.#p.now()
  }

  /** Looks at the members that run; call about once a virtual second. */
  look(members: readonly Member[]): void {
    this.#open = 0
    for (const [node, { since }] of this.#revoked)
      for (const member of members) {
        if (this.isRevoked(member.index)) continue
        if (this.#knows(member.index, node)) this.#cutOff(member, node, since)
        else this.#wait(member, node, since)
      }
  }

  #cutOff({ index, started }: Member, node: number, since: Millis | undefined): void {
    const key = `${index} ${node}`
    const { linked, shows, now, round } = this.#p
    if (shows(index, node)) this.#once(key, index, `has a row of #${node}, which it knows to be revoked`)
    const heard = this.#known.get(index)?.since ?? 0
    if (now() - heard >= GRACE && linked(index, node))
      this.#once(key, index, `has a link to #${node}, which it knows to be revoked`)
    if (this.#settled.has(key)) return
    this.#settled.add(key)
    this.stats.heard++
    const from = this.#from(started, since)
    const rounds = from === undefined ? 0 : Math.ceil(Math.max(0, now() - from) / round)
    this.stats.slowestRounds = Math.max(this.stats.slowestRounds, rounds)
  }

  #wait({ index, started }: Member, node: number, since: Millis | undefined): void {
    this.#open++
    const from = this.#from(started, since)
    const waited = from === undefined ? 0 : this.#p.now() - from
    if (waited <= this.#p.allowed) return
    const rounds = Math.floor(waited / this.#p.round)
    this.#once(
      `${index} ${node}`,
      index,
      `has not heard that #${node} is revoked ${rounds} rounds of hello after everything was whole`,
    )
  }

  /** From when on a member could hear of it; undefined while something may still break, or nobody has it in force. */
  #from(started: Millis, since: Millis | undefined): Millis | undefined {
    if (this.#quietSince === undefined || since === undefined) return undefined
    return Math.max(this.#quietSince, since, started)
  }

  #hears(member: number, version: number): void {
    const before = this.#known.get(member)
    const now = this.#p.now()
    this.#known.set(member, { version: Math.max(version, before?.version ?? 0), since: now })
    for (const revoked of this.#revoked.values()) if (revoked.version <= version) revoked.since ??= now
  }

  #knows(member: number, node: number): boolean {
    const named = this.#revoked.get(node)
    return named !== undefined && (this.#known.get(member)?.version ?? 0) >= named.version
  }

  #once(key: string, member: number, detail: string): void {
    if (this.#reported.has(key)) return
    this.#reported.add(key)
    this.#p.report('I19', member, detail)
  }
}
