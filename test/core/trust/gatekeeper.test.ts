import { beforeEach, describe, expect, it } from 'vitest'
import { Alerts } from '../../../src/core/fleet/alerts.ts'
import { DAY, HOUR } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { Self } from '../../../src/core/self.ts'
import type { Membership } from '../../../src/core/trust/documents.ts'
import { Gatekeeper } from '../../../src/core/trust/gatekeeper.ts'
import { Refusals } from '../../../src/core/trust/refusals.ts'
import { Roster } from '../../../src/core/trust/roster.ts'
import { StatementKeeper } from '../../../src/core/trust/statement-keeper.ts'
import {
  env,
  inviteOf,
  keyOf,
  MESH,
  membershipOf,
  met,
  NOW,
  nodeOf,
  ROOT,
  rootOf,
  signRoot,
  statementOf,
} from '../../fixtures/documents.ts'

const INVITE = inviteOf()
const OTHER_INVITE = inviteOf({ key: keyOf('other-invite').publicKey, expires: NOW + 40 * HOUR })
const LONG_AFTER = NOW + 30 * DAY
const host = membershipOf({ node: 'host', invite: inviteOf({ seats: 1, founding: true }) })

/** A gatekeeper whose clock shows `wall`, and which has met nobody. */
function gateAt(wall: number) {
  const out = new Outbox()
  const self = new Self(MESH, host, ROOT, wall, 0)
  const roster = new Roster(out, () => false)
  const alerts = new Alerts(out)
  const refusals = new Refusals(out)
  const statements = new StatementKeeper(env, out, self, refusals, [])
  const gatekeeper = new Gatekeeper(env, out, self, roster, { alerts, refusals }, statements)
  const judge = (remote: string, membership: Membership | undefined, witness?: Membership, mesh = MESH) => {
    gatekeeper.judge(1, nodeOf(remote), { membership, witness, mesh }, 0)
    const admit = out.drain().find((effect) => effect.type === 'admit')
    if (admit === undefined) throw new Error('no answer')
    return admit.admission
  }
  const code = (...shown: Parameters<typeof judge>) => {
    const admission = judge(...shown)
    return admission.admitted ? 'admitted' : admission.code
  }
  return { self, gatekeeper, roster, alerts, statements, out, judge, code }
}

describe('the gatekeeper', () => {
  let gate: ReturnType<typeof gateAt>
  beforeEach(() => {
    gate = gateAt(NOW + HOUR)
  })

  it('admits a newcomer and countersigns it with the time', () => {
    const newcomer = membershipOf()
    expect(gate.judge('node', newcomer)).toEqual({
      admitted: true,
      countersign: { membership: newcomer.id, at: NOW + HOUR },
    })
  })

  it('does not countersign what is countersigned, nor with a clock that says nothing', () => {
    expect(gate.judge('node', met(membershipOf(), 'host', NOW + 1))).toEqual({ admitted: true, countersign: undefined })
    expect(gateAt(0).judge('node', membershipOf())).toEqual({ admitted: true, countersign: undefined })
  })

  it('refuses who shows nothing, another mesh, or the membership of somebody else', () => {
    expect(gate.code('node', undefined)).toBe('noMembership')
    expect(gate.code('node', membershipOf(), undefined, 'ff'.repeat(32))).toBe('foreignMesh')
    expect(gate.code('thief', membershipOf())).toBe('wrongNode')
  })

  it('refuses a newcomer on a taken seat and names the taken ones; known sharers raise an alert', () => {
    expect(gate.code('node', membershipOf({ invite: INVITE }))).toBe('admitted')
    const second = membershipOf({ node: 'second', invite: INVITE })
    expect(gate.judge('second', second)).toEqual({ admitted: false, code: 'seatTaken', takenSeats: [0] })
    expect(gate.alerts.all()).toEqual([])
    expect(gate.code('second', met(second, 'host', NOW + 1))).toBe('admitted')
    expect(
      gate.alerts
        .all()
        .map(({ kind, node }) => [kind, node])
        .sort(),
    ).toEqual(
      [
        ['seatShared', nodeOf('node')],
        ['seatShared', nodeOf('second')],
      ].sort(),
    )
  })

  it('knows a member again without asking for proof', () => {
    const member = met(membershipOf(), 'host', NOW + 1)
    expect(gate.code('node', member)).toBe('admitted')
    expect(gate.code('node', member)).toBe('admitted')
    expect(gate.roster.size).toBe(1)
  })
})

describe('a membership that somebody passed on', () => {
  it('does not decide which membership is that of a node, the gate does', () => {
    const gate = gateAt(NOW + HOUR)
    const mine = membershipOf({ invite: INVITE })
    const slander = membershipOf({ invite: OTHER_INVITE, by: 'other-invite', claims: { seat: 3 } })
    gate.gatekeeper.take(slander, 0)
    expect(gate.roster.byNode(nodeOf('node'))?.id).toBe(slander.id)
    expect(gate.code('node', mine)).toBe('admitted')
    expect(gate.roster.byNode(nodeOf('node'))?.id).toBe(mine.id)
    gate.gatekeeper.take(slander, 0)
    expect(gate.roster.byNode(nodeOf('node'))?.id).toBe(mine.id)
  })

  it('does not open the gate to who has nobody to vouch for it', () => {
    const gate = gateAt(LONG_AFTER)
    const forged = met(membershipOf({ invite: INVITE }), 'invented', NOW + HOUR)
    expect(gate.gatekeeper.problemOf(forged, 0)).toBeUndefined()
    gate.gatekeeper.take(forged, 0)
    expect(gate.code('node', forged)).toBe('badCountersignature')
  })
})

describe('a new root', () => {
  it('strikes off whom it does not cover: their enrol key is gone, or their epoch over', () => {
    for (const next of [rootOf({ version: 2, enrol: ['other'] }), rootOf({ version: 2, enrolment: { epoch: 2 } })]) {
      const gate = gateAt(NOW + HOUR)
      expect(gate.code('node', membershipOf())).toBe('admitted')
      gate.self.root = signRoot(next, ['root'])
      expect(gate.gatekeeper.strikeOff()).toEqual([nodeOf('node')])
      expect(gate.roster.byNode(nodeOf('node'))).toBeUndefined()
      expect(gate.code('node', membershipOf())).toBe('unknownEnroller')
    }
  })

  it('leaves members of a retired enrol key in peace', () => {
    const gate = gateAt(NOW + HOUR)
    expect(gate.code('node', membershipOf())).toBe('admitted')
    gate.self.root = signRoot(rootOf({ version: 2, enrol: ['other'], retired: ['enrol'] }), ['root'])
    expect(gate.gatekeeper.strikeOff()).toEqual([])
    expect(gate.code('node', membershipOf())).toBe('admitted')
  })
})

describe('the gatekeeper after an invite has ended', () => {
  const gate = gateAt(LONG_AFTER)
  const witness = membershipOf({ node: 'witness', invite: OTHER_INVITE, by: 'other-invite' })
  const vouched = met(membershipOf({ invite: INVITE }), 'witness', NOW + HOUR, witness.id)

  it('refuses who used it too late', () => {
    expect(gate.code('node', membershipOf({ invite: INVITE }))).toBe('inviteExpired')
    expect(gate.code('node', met(membershipOf({ invite: INVITE }), 'witness', NOW + 9 * DAY, witness.id))).toBe(
      'inviteExpired',
    )
  })

  it('does not take the word of a countersigner that nobody knows', () => {
    expect(gate.code('node', vouched)).toBe('badCountersignature')
  })

  it('takes the word of one whose membership is shown and holds', () => {
    expect(gate.code('node', vouched, witness)).toBe('admitted')
  })

  it('does not take it from another membership than the one that countersigned', () => {
    const stranger = membershipOf({ node: 'stranger', invite: OTHER_INVITE, by: 'other-invite' })
    expect(gateAt(LONG_AFTER).code('node', vouched, stranger)).toBe('badCountersignature')
  })

  it('does not let the holder of a token vouch for itself from the same seat', () => {
    const accomplice = membershipOf({ node: 'accomplice', invite: INVITE })
    const forged = met(membershipOf({ invite: INVITE }), 'accomplice', NOW + HOUR, accomplice.id)
    expect(gateAt(LONG_AFTER).code('node', forged, accomplice)).toBe('badCountersignature')
  })

  it('does not take it from a membership that does not hold', () => {
    const forgedWitness = membershipOf({
      node: 'witness',
      invite: OTHER_INVITE,
      by: 'other-invite',
      claims: { zone: '/elsewhere' },
    })
    const shown = met(membershipOf({ invite: INVITE }), 'witness', NOW + HOUR, forgedWitness.id)
    expect(gateAt(LONG_AFTER).code('node', shown, forgedWitness)).toBe('badCountersignature')
  })
})

describe('a revoked node (clause STATEMENT 7)', () => {
  /** A gate at which a statement with these nodes and invites is in force. */
  function gateWith(changes: Parameters<typeof statementOf>[0]) {
    const gate = gateAt(NOW + HOUR)
    const member = membershipOf({ invite: INVITE })
    expect(gate.code('node', member)).toBe('admitted')
    gate.statements.stated(1, statementOf(changes))
    for (const effect of gate.out.drain()) if (effect.type === 'persist') gate.statements.persisted(effect.ticket)
    return { ...gate, member }
  }
  const byNode = { nodes: new Map([[nodeOf('node'), NOW + DAY]]) }
  const byInvite = { invites: new Map([[INVITE.hash, NOW + DAY]]) }

  it('is struck off, and does not come back, also with another membership', () => {
    for (const changes of [byNode, byInvite]) {
      const { gatekeeper, roster, code, member } = gateWith(changes)
      expect(gatekeeper.strikeOff()).toEqual([nodeOf('node')])
      expect(roster.byNode(nodeOf('node'))).toBeUndefined()
      expect(code('node', member)).toBe('revoked')
      expect(gatekeeper.problemOf(member, 0)).toBe('revoked')
    }
    const again = membershipOf({ invite: OTHER_INVITE, by: 'other-invite' })
    expect(gateWith(byNode).code('node', again)).toBe('revoked')
    expect(gateWith(byInvite).code('node', again)).toBe('admitted')
  })

  it('with its invite revoked takes all seats with it, and nobody joins any more', () => {
    const newcomer = membershipOf({ node: 'new', invite: INVITE, claims: { seat: 1 } })
    expect(gateWith(byInvite).code('new', newcomer)).toBe('revoked')
    expect(gateWith(byNode).code('new', newcomer)).toBe('admitted')
  })

  it('costs no signature check', () => {
    const { member } = gateWith(byNode)
    const forged = { ...member, document: { ...member.document, signatures: [] }, raw: new Uint8Array(1) }
    expect(gateWith(byNode).code('node', forged)).toBe('revoked')
  })
})

describe('a membership that was prolonged (clause STATEMENT 6)', () => {
  it('counts after its own end until the new one', () => {
    const ended = membershipOf({ invite: inviteOf({ founding: true, seats: 1 }), claims: { expires: NOW + DAY } })
    const until = NOW + 40 * DAY
    const codeAt = (wall: number, prolonged: boolean) => {
      const gate = gateAt(wall)
      if (prolonged) gate.statements.stated(1, statementOf({ extensions: [{ zone: '/uk', invite: undefined, until }] }))
      for (const effect of gate.out.drain()) if (effect.type === 'persist') gate.statements.persisted(effect.ticket)
      return gate.code('node', ended)
    }
    expect(codeAt(NOW + 2 * DAY, false)).toBe('expired')
    expect(codeAt(NOW + 2 * DAY, true)).toBe('admitted')
    expect(codeAt(until, true)).toBe('expired')
  })
})
