// The gate's two keepers. A daemon's asks the core whom to admit; a joining node's admits whoever claims the mesh of its
// invite, because it has no root yet to judge by: what it learns is verified before anything is written.

import type { NodeId } from '../core/env.ts'
import type { Admission, RefusalCode } from '../core/events.ts'
import { Failure } from '../core/failure.ts'
import type { Countersignature, Membership } from '../core/trust/documents.ts'
import type { GateKeeper } from '../ports/links.ts'
import {
  type Credential,
  encodeCredential,
  encodeGateReply,
  parseCredential,
  parseGateReply,
} from '../wire/credential.ts'
import { countersign, withCountersignature } from '../wire/membership.ts'

export interface MemberGateOptions {
  mesh: string
  node: NodeId
  sign: (bytes: Uint8Array) => Uint8Array
  /** What we show now. */
  own: () => Membership
  /** The membership of who countersigned it. */
  witness?: () => Membership | undefined
  admit: (remote: NodeId, shown: Credential | undefined, replaces: boolean) => Promise<Admission>
  /** Our membership came back countersigned. */
  countersigned: (membership: Membership) => void
  /** A member refused us. */
  refused: (remote: NodeId, code: RefusalCode | undefined) => void
}

/** The keeper of a node that has joined. */
export function memberGate(options: MemberGateOptions): GateKeeper {
  const { mesh, node, sign } = options
  return {
    credential: () => encodeCredential({ mesh, membership: options.own(), witness: options.witness?.() }),
    async judge(remote, bytes, { replaces }) {
      const admission = await options.admit(remote, tryParse(bytes), replaces)
      if (!admission.admitted) return { admitted: false, reply: refusal(admission.code, admission.takenSeats) }
      const due = admission.countersign
      return {
        admitted: true,
        reply: admittance(due && countersign({ ...due, by: node, byMembership: options.own().id }, sign)),
      }
    },
    answered(remote, bytes) {
      const reply = parseGateReply(bytes)
      if (!reply.admitted) options.refused(remote, reply.code)
      else if (reply.countersignature !== undefined) {
        options.countersigned(withCountersignature(options.own(), reply.countersignature))
      }
      return reply.admitted
    },
  }
}

/** What a joining node met at the gate. */
export interface Meeting {
  /** The membership that the member showed. */
  host: Membership | undefined
  /** The mesh that it claims. */
  mesh: string | undefined
  refusal: { code: RefusalCode | undefined; takenSeats: readonly number[] } | undefined
  /** Our membership as the member gave it back: countersigned. Nobody has checked that yet. */
  countersigned: Membership | undefined
  /** Our membership was shown: our seat may be taken. */
  shown: boolean
}

/**
 * The keeper of a node that is joining `mesh` with `own`. What happened is in `meeting`.
 * @param showing called before our membership is shown: from then on the seat may be taken
 */
export function joiningGate(
  mesh: string,
  own: Membership,
  showing: () => void = () => undefined,
): { keeper: GateKeeper; meeting: Meeting } {
  const meeting: Meeting = {
    ...{ host: undefined, mesh: undefined, refusal: undefined, countersigned: undefined },
    shown: false,
  }
  const keeper: GateKeeper = {
    credential() {
      showing()
      meeting.shown = true
      return encodeCredential({ mesh, membership: own })
    },
    async judge(_remote, bytes) {
      const shown = tryParse(bytes)
      meeting.mesh = shown?.mesh
      meeting.host = shown?.membership
      if (shown?.mesh === mesh && shown.membership !== undefined) {
        return { admitted: true, reply: admittance(undefined) }
      }
      return { admitted: false, reply: refusal('foreignMesh', []) }
    },
    answered(_remote, bytes) {
      const reply = parseGateReply(bytes)
      if (!reply.admitted) meeting.refusal = { code: reply.code, takenSeats: reply.takenSeats }
      else if (reply.countersignature !== undefined)
        meeting.countersigned = withCountersignature(own, reply.countersignature)
      return reply.admitted
    },
  }
  return { keeper, meeting }
}

function admittance(countersignature: Countersignature | undefined): Uint8Array {
  return encodeGateReply({ admitted: true, code: undefined, takenSeats: [], countersignature })
}

function refusal(code: RefusalCode, takenSeats: readonly number[]): Uint8Array {
  return encodeGateReply({ admitted: false, code, takenSeats, countersignature: undefined })
}

function tryParse(bytes: Uint8Array): ReturnType<typeof parseCredential> | undefined {
  try {
    return parseCredential(bytes)
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}
