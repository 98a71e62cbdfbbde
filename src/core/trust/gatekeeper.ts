// The gatekeeper: decides, for each secured connection, whether the other side belongs to this mesh.
// A stranger costs one signature check; a member that is known already costs none.
import { sameBytes } from '../bytes.ts'
import type { Env, Millis, NodeId } from '../env.ts'
import type { Admission, RefusalCode, Ticket } from '../events.ts'
import type { Alerts } from '../fleet/alerts.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import type { Membership } from './documents.ts'
import { judgeCountersignature, judgeMembership, needsWitness, stillEnrolled } from './membership.ts'
import type { Refusals } from './refusals.ts'
import type { Roster } from './roster.ts'
import type { StatementKeeper } from './statement-keeper.ts'

/** What enrol keys took back and prolonged. */
export type Amendments = Pick<StatementKeeper, 'revokes' | 'endOf'>

/** What the other side of a connection showed; undefined where it showed nothing that parses. */
export interface Shown {
  membership: Membership | undefined
  /** The membership of whoever countersigned it. */
  witness: Membership | undefined
  mesh: string | undefined
}

export class Gatekeeper {
  readonly #env: Env
  readonly #out: Outbox
  readonly #self: Self
  readonly #roster: Roster
  readonly #alerts: Alerts
  readonly #refusals: Refusals
  readonly #statements: Amendments
  readonly #isDropped: (node: NodeId, now: Millis) => boolean

  /**
   * @param told where alerts and refusals go.
   * @param isDropped true for a member that is kept out for a while, whatever it shows.
   */
  constructor(
    env: Env,
    out: Outbox,
    self: Self,
    roster: Roster,
    told: { alerts: Alerts; refusals: Refusals },
    statements: Amendments,
    isDropped: (node: NodeId, now: Millis) => boolean = () => false,
  ) {
    this.#env = env
    this.#out = out
    this.#self = self
    this.#roster = roster
    this.#alerts = told.alerts
    this.#refusals = told.refusals
    this.#statements = statements
    this.#isDropped = isDropped
  }

  /** Judges what `remote` showed and answers the gate. */
  judge(ticket: Ticket, remote: NodeId, shown: Shown, now: Millis): void {
    const { membership } = shown
    const code = this.#problem(remote, shown, now)
    if (code !== undefined || membership === undefined) {
      const refusal = code ?? 'noMembership'
      this.#refusals.count(refusal, remote, 'gate', now)
      const invite = refusal === 'seatTaken' ? membership?.claims.invite : undefined
      const takenSeats = invite === undefined ? [] : this.#roster.takenSeats(invite, remote)
      this.#answer(ticket, { admitted: false, code: refusal, takenSeats })
      return
    }
    this.#take(membership, true, now)
    const at = this.#self.wallAt(now)
    const due = membership.countersignature === undefined && at !== undefined
    this.#answer(ticket, { admitted: true, countersign: due ? { membership: membership.id, at } : undefined })
  }

  /** Refuses a second machine with the key of a member that answers on its link. */
  turnAway(ticket: Ticket, remote: NodeId, now: Millis): void {
    this.#refusals.count('alreadyLinked', remote, 'gate', now)
    const detail = 'another machine showed the key of this node while this one answered on its link'
    this.#alerts.raise('cloned', remote, detail, now)
    this.#answer(ticket, { admitted: false, code: 'alreadyLinked', takenSeats: [] })
  }

  /** Why a membership that somebody passed on is not believed; undefined when it is. */
  problemOf(membership: Membership, now: Millis): RefusalCode | undefined {
    if (this.#statements.revokes(membership)) return 'revoked'
    const held = this.#roster.byId(membership.id)
    if (held !== undefined && sameBytes(held.raw, membership.raw)) return this.#expired(membership, now)
    return this.#judged(membership, this.#self.wallAt(now))
  }

  /** The membership of who countersigned ours, to show beside it. */
  witness(): Membership | undefined {
    return this.#countersigner(this.#self.membership)
  }

  /** Puts a checked membership that somebody passed on onto the roster. */
  take(membership: Membership, now: Millis): void {
    this.#take(membership, false, now)
  }

  /** Another root or statement is in force: whoever does not belong here under it is struck off. Returns those nodes. */
  strikeOff(): NodeId[] {
    const { root, node } = this.#self
    const belongs = (one: Membership) => stillEnrolled(one, root, this.#env) && !this.#statements.revokes(one)
    const uncovered = [...this.#roster.all()].filter((membership) => !belongs(membership))
    const others = uncovered.filter(({ claims }) => claims.node !== node)
    for (const { id } of others) this.#roster.remove(id)
    return others.map(({ claims }) => claims.node)
  }

  /** Our own membership came back countersigned: kept when that is right, and shown from then on. */
  countersigned(membership: Membership): void {
    const own = this.#self.membership
    if (own.countersignature !== undefined || membership.id !== own.id) return
    const { countersignature } = membership
    if (countersignature === undefined) return
    const witness = this.#countersigner(membership)
    if (judgeCountersignature(membership, countersignature, witness, this.#env) !== undefined) return
    this.#self.membership = membership
    this.#roster.add(membership, { persist: true, proven: true })
    this.#out.emit({ type: 'credential', membership })
  }

  #take(membership: Membership, proven: boolean, now: Millis): void {
    const conflict = this.#roster.add(membership, { persist: true, proven })
    if (conflict === undefined) return
    for (const node of conflict.nodes) {
      const other = conflict.nodes.find((candidate) => candidate !== node)
      this.#alerts.raise('seatShared', node, `seat ${conflict.seat} of one invite is also held by ${other}`, now)
    }
  }

  #problem(remote: NodeId, shown: Shown, now: Millis): RefusalCode | undefined {
    const { membership, witness, mesh } = shown
    if (mesh !== undefined && mesh !== this.#self.mesh) return 'foreignMesh'
    if (membership === undefined) return 'noMembership'
    if (membership.claims.node !== remote) return 'wrongNode'
    if (this.#isDropped(remote, now)) return 'misbehaved'
    const met = this.#roster.isProven(membership.id)
    const code = this.problemOf(membership, now) ?? (met ? undefined : this.#unvouched(membership, witness, now))
    if (code !== undefined) return code
    const newcomer = membership.countersignature === undefined && !met
    const taken = newcomer && this.#roster.takenSeats(membership.claims.invite, remote).includes(membership.claims.seat)
    return taken ? 'seatTaken' : undefined
  }

  /** Once its invite has ended, a membership that is new to us rests on a countersigner who belongs here. */
  #unvouched(membership: Membership, witness: Membership | undefined, now: Millis): RefusalCode | undefined {
    const { countersignature } = membership
    if (countersignature === undefined || !needsWitness(membership, this.#self.wallAt(now))) return undefined
    if (this.#countersigner(membership) !== undefined) return undefined
    // Judged as of then: who vouched may have left, or its own invite ended, since.
    if (witness === undefined || this.#judged(witness, countersignature.at) !== undefined) return 'badCountersignature'
    return judgeCountersignature(membership, countersignature, witness, this.#env)
  }

  #judged(membership: Membership, wall: Millis | undefined): RefusalCode | undefined {
    const { mesh, root } = this.#self
    const countersigner = this.#countersigner(membership)
    const terms = { mesh, root, remote: undefined, wall, countersigner, ends: this.#statements.endOf(membership) }
    return judgeMembership(membership, terms, this.#env)
  }

  #countersigner({ countersignature }: Membership): Membership | undefined {
    return countersignature === undefined ? undefined : this.#roster.byId(countersignature.byMembership)
  }

  #expired(membership: Membership, now: Millis): RefusalCode | undefined {
    const wall = this.#self.wallAt(now)
    return wall !== undefined && wall >= this.#statements.endOf(membership) ? 'expired' : undefined
  }

  #answer(ticket: Ticket, admission: Admission): void {
    this.#out.emit({ type: 'admit', ticket, admission })
  }
}
