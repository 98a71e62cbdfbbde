// The gatekeeper: decides, for each secured connection, whether the other side belongs to this mesh.
// A stranger costs one signature check; a member that is known already costs none.
import { sameBytes } from '../bytes.ts'
import type { Env, Millis, NodeId } from '../env.ts'
import type { Admission, RefusalCode, Ticket } from '../events.ts'
import type { Alerts } from '../fleet/alerts.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import type { Membership } from './documents.ts'
import { judgeCountersignature, judgeMembership } from './membership.ts'
import type { Refusals } from './refusals.ts'
import type { Roster } from './roster.ts'

export class Gatekeeper {
  readonly #env: Env
  readonly #out: Outbox
  readonly #self: Self
  readonly #roster: Roster
  readonly #alerts: Alerts
  readonly #refusals: Refusals

  constructor(env: Env, out: Outbox, self: Self, roster: Roster, alerts: Alerts, refusals: Refusals) {
    this.#env = env
    this.#out = out
    this.#self = self
    this.#roster = roster
    this.#alerts = alerts
    this.#refusals = refusals
  }

  /** Judges what `remote` showed and answers the gate. */
  judge(
    ticket: Ticket,
    remote: NodeId,
    shown: Membership | undefined,
    claimedMesh: string | undefined,
    now: Millis,
  ): void {
    const code = this.#problem(remote, shown, claimedMesh, now)
    if (code !== undefined || shown === undefined) {
      const refusal = code ?? 'noMembership'
      this.#refusals.count(refusal, remote, 'gate', now)
      const takenSeats =
        refusal === 'seatTaken' && shown !== undefined ? this.#roster.takenSeats(shown.claims.invite, remote) : []
      this.#answer(ticket, { admitted: false, code: refusal, takenSeats })
      return
    }
    this.take(shown, now)
    const at = this.#self.wallAt(now)
    const due = shown.countersignature === undefined && at !== undefined
    this.#answer(ticket, { admitted: true, countersign: due ? { membership: shown.id, at } : undefined })
  }

  /** Why a membership that somebody passed on is not believed; undefined when it is. */
  problemOf(membership: Membership, now: Millis): RefusalCode | undefined {
    const held = this.#roster.byId(membership.id)
    if (held !== undefined && sameBytes(held.raw, membership.raw)) return this.#expired(membership, now)
    const { mesh, root } = this.#self
    const code = judgeMembership(membership, { mesh, root, remote: undefined, wall: this.#self.wallAt(now) }, this.#env)
    return code ?? this.#countersignatureProblem(membership)
  }

  /** Puts a checked membership on the roster, with an alert when its seat was taken by somebody else. */
  take(membership: Membership, now: Millis): void {
    const conflict = this.#roster.add(membership, { persist: true })
    if (conflict === undefined) return
    for (const node of conflict.nodes) {
      const other = conflict.nodes.find((candidate) => candidate !== node)
      this.#alerts.raise('seatShared', node, `seat ${conflict.seat} of one invite is also held by ${other}`, now)
    }
  }

  /** Our own membership came back countersigned: kept when that is right, and shown from then on. */
  countersigned(membership: Membership): void {
    const own = this.#self.membership
    if (own.countersignature !== undefined || membership.id !== own.id) return
    if (membership.countersignature === undefined || this.#countersignatureProblem(membership) !== undefined) return
    this.#self.membership = membership
    this.#roster.add(membership, { persist: true })
    this.#out.emit({ type: 'credential', membership })
  }

  #problem(
    remote: NodeId,
    shown: Membership | undefined,
    claimedMesh: string | undefined,
    now: Millis,
  ): RefusalCode | undefined {
    if (claimedMesh !== undefined && claimedMesh !== this.#self.mesh) return 'foreignMesh'
    if (shown === undefined) return 'noMembership'
    if (shown.claims.node !== remote) return 'wrongNode'
    const code = this.problemOf(shown, now)
    if (code !== undefined) return code
    const newcomer = shown.countersignature === undefined && this.#roster.byId(shown.id) === undefined
    const taken = newcomer && this.#roster.takenSeats(shown.claims.invite, remote).includes(shown.claims.seat)
    return taken ? 'seatTaken' : undefined
  }

  #expired(membership: Membership, now: Millis): RefusalCode | undefined {
    const wall = this.#self.wallAt(now)
    return wall !== undefined && wall > membership.claims.expires ? 'expired' : undefined
  }

  #countersignatureProblem(membership: Membership): RefusalCode | undefined {
    const { countersignature } = membership
    if (countersignature === undefined) return undefined
    return judgeCountersignature(
      membership,
      countersignature,
      this.#roster.byId(countersignature.byMembership),
      this.#env,
    )
  }

  #answer(ticket: Ticket, admission: Admission): void {
    this.#out.emit({ type: 'admit', ticket, admission })
  }
}
