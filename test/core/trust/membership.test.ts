import { describe, expect, it } from 'vitest'
import type { Env } from '../../../src/core/env.ts'
import type { RefusalCode } from '../../../src/core/events.ts'
import { DAY, HOUR, limits, MINUTE, SECOND } from '../../../src/core/limits.ts'
import type { Membership } from '../../../src/core/trust/documents.ts'
import { judgeCountersignature, judgeMembership, type MembershipTerms } from '../../../src/core/trust/membership.ts'
import { leafZone } from '../../../src/core/zone.ts'
import { parseMembership } from '../../../src/wire/membership.ts'
import {
  env,
  flips,
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
} from '../../fixtures/documents.ts'

const TERMS: MembershipTerms = { mesh: MESH, root: ROOT, remote: undefined, wall: NOW }
const judge = (membership: Membership, terms: Partial<MembershipTerms> = {}, world: Env = env) =>
  judgeMembership(membership, { ...TERMS, ...terms }, world)

/** An Env that counts signature checks. */
function counting(): { world: Env; checks: () => number } {
  let checks = 0
  const verify: Env['verify'] = (...args) => {
    checks++
    return env.verify(...args)
  }
  return { world: { ...env, verify }, checks: () => checks }
}

const INVITE = inviteOf()
const AFTER = INVITE.signed.expires + 1

describe('a membership that belongs', () => {
  const underOtherRoots = (terms: Parameters<typeof rootOf>[0]) => signRoot(rootOf(terms), ['root'])
  it.each<[string, Membership, Partial<MembershipTerms>]>([
    ['a plain one', membershipOf(), {}],
    ['shown by its node', membershipOf(), { remote: nodeOf('node') }],
    ['the last seat', membershipOf({ claims: { seat: 3 } }), {}],
    ['at the end of its invite', membershipOf(), { wall: INVITE.signed.expires }],
    ['met in time, long after', met(membershipOf(), 'other', NOW), { wall: NOW + 600 * DAY }],
    [
      'founding, long after',
      membershipOf({ invite: inviteOf({ founding: true, seats: 1 }) }),
      { wall: NOW + 600 * DAY },
    ],
    ['expired, but our clock says nothing', membershipOf(), { wall: undefined }],
    [
      'invited by a key that is retired now',
      membershipOf(),
      { root: underOtherRoots({ enrol: ['new'], retired: ['enrol'] }) },
    ],
    ['invited under a newer epoch than ours', membershipOf({ invite: inviteOf({ epoch: 2 }) }), {}],
    [
      'invited within the zone of its key',
      membershipOf(),
      { root: underOtherRoots({ enrolment: { zones: new Map([[keyOf('enrol').keyId, '/uk']]) } }) },
    ],
  ])('%s', (_, membership, terms) => {
    expect(judge(membership, terms)).toBeUndefined()
  })

  it('in a site of cells only with the cell that follows from the node (clause H 1)', () => {
    const invite = inviteOf({ cells: 8 })
    expect(judge(membershipOf({ invite }))).toBeUndefined()
    const cells = Array.from({ length: 8 }, (_, cell) => `/uk/glasgow/~0${cell}`)
    const accepted = cells.filter((zone) => judge(membershipOf({ invite, claims: { zone } })) === undefined)
    expect(accepted).toEqual([leafZone(env, '/uk/glasgow', 8, nodeOf('node'))])
  })
})

describe('a membership that does not belong', () => {
  const enrolZone = (zone: string) =>
    signRoot(rootOf({ enrolment: { zones: new Map([[keyOf('enrol').keyId, zone]]) } }), ['root'])
  it.each<[RefusalCode, string, Membership, Partial<MembershipTerms>]>([
    ['foreignMesh', 'T23 of another mesh', membershipOf(), { mesh: '00'.repeat(32) }],
    [
      'foreignMesh',
      'T23 an invite of another mesh',
      membershipOf({ invite: inviteOf({ mesh: '00'.repeat(32) }), claims: { mesh: MESH } }),
      {},
    ],
    ['wrongNode', 'shown by another node', membershipOf(), { remote: nodeOf('thief') }],
    [
      'unknownEnroller',
      'invited by a key that the root does not list',
      membershipOf({ invite: inviteOf({}, 'stranger') }),
      {},
    ],
    ['unknownEnroller', 'invited by a key that may not enrol', membershipOf({ invite: inviteOf({}, 'root') }), {}],
    [
      'unknownEnroller',
      'invited under an epoch that was revoked',
      membershipOf(),
      { root: signRoot(rootOf({ enrolment: { epoch: 2 } }), ['root']) },
    ],
    [
      'unknownEnroller',
      'invited by a key that was removed',
      membershipOf(),
      { root: signRoot(rootOf({ enrol: ['new'] }), ['root']) },
    ],
    ['outsideGrant', 'in another zone', membershipOf({ claims: { zone: '/uk/london' } }), {}],
    ['outsideGrant', 'in a zone below', membershipOf({ claims: { zone: '/uk/glasgow/lab' } }), {}],
    ['outsideGrant', 'in a cell of a site without cells', membershipOf({ claims: { zone: '/uk/glasgow/~00' } }), {}],
    ['outsideGrant', 'on a seat beyond the invite', membershipOf({ claims: { seat: 4 } }), {}],
    [
      'outsideGrant',
      'longer than the invite allows',
      membershipOf({ claims: { expires: INVITE.signed.membershipExpires + SECOND } }),
      {},
    ],
    ['outsideGrant', 'naming another invite', membershipOf({ claims: { invite: '00'.repeat(32) } }), {}],
    ['outsideGrant', 'outside the zone of its enrol key', membershipOf(), { root: enrolZone('/nl') }],
    ['outsideGrant', 'beside the zone of its enrol key', membershipOf(), { root: enrolZone('/uk/glas') }],
    ['expired', 'at its end', met(membershipOf(), 'other', NOW), { wall: INVITE.signed.membershipExpires }],
    ['inviteExpired', 'never met, after its invite', membershipOf(), { wall: AFTER }],
    [
      'inviteExpired',
      'met after its invite',
      met(membershipOf(), 'other', AFTER + limits.clockSkew + SECOND),
      { wall: AFTER + DAY },
    ],
    ['badSignature', 'claims signed by another key', tampered((w) => sign(w.membership, 'thief')), {}],
    ['badSignature', 'an invite signed by another key', tampered((w) => sign(w.invite, 'thief')), {}],
    ['badCountersignature', 'met by itself', met(membershipOf(), 'node', NOW), {}],
  ])('%s: %s', (code, _, membership, terms) => {
    expect(judge(membership, terms)).toBe(code)
  })

  it('a countersignature of another membership or with another signature does not count', () => {
    const membership = membershipOf()
    const good = met(membership, 'other', NOW).countersignature!
    expect(judgeCountersignature(membership, good, undefined, env)).toBeUndefined()
    const other = met(membershipOf({ node: 'second' }), 'other', NOW).countersignature!
    expect(judgeCountersignature(membership, other, undefined, env)).toBe('badCountersignature')
    const forged = { ...good, signature: keyOf('thief').sign(good.signedBytes) }
    expect(judgeCountersignature(membership, forged, undefined, env)).toBe('badCountersignature')
  })

  it('who sits on the same seat cannot vouch for it, nor who shows another membership', () => {
    const twin = membershipOf({ node: 'twin' })
    const mate = membershipOf({ node: 'mate', claims: { seat: 1 } })
    const elsewhere = membershipOf({ node: 'far', invite: inviteOf({ key: keyOf('b').publicKey }), by: 'b' })
    const by = (name: string, shown: Membership) =>
      judge(met(membershipOf(), name, NOW, shown.id), { countersigner: shown })
    expect(by('twin', twin)).toBe('badCountersignature')
    expect(by('mate', mate)).toBeUndefined()
    expect(by('far', elsewhere)).toBeUndefined()
    expect(by('other', mate)).toBe('badCountersignature')
    expect(judge(met(membershipOf(), 'mate', NOW), { countersigner: mate })).toBe('badCountersignature')
  })

  it('clocks that differ by a few minutes agree whether an invite had expired', () => {
    const at = INVITE.signed.expires + 4 * MINUTE
    expect(judge(met(membershipOf(), 'other', at), { wall: at + HOUR })).toBeUndefined()
  })
})

describe('the price of a verdict', () => {
  it('is two signature checks, and one for a countersignature', () => {
    const plain = counting()
    judge(membershipOf(), {}, plain.world)
    const countersigned = counting()
    judge(met(membershipOf(), 'other', NOW), {}, countersigned.world)
    expect([plain.checks(), countersigned.checks()]).toEqual([2, 3])
  })

  it('is one for a forged invite, and nothing for what cheaper checks refuse', () => {
    const forged = counting()
    judge(
      tampered((w) => sign(w.invite, 'thief')),
      {},
      forged.world,
    )
    const cheap = counting()
    judge(membershipOf(), { mesh: '00'.repeat(32) }, cheap.world)
    judge(membershipOf({ claims: { seat: 4 } }), {}, cheap.world)
    judge(membershipOf(), { wall: AFTER }, cheap.world)
    judge(membershipOf({ invite: inviteOf({}, 'stranger') }), {}, cheap.world)
    expect([forged.checks(), cheap.checks()]).toEqual([1, 0])
  })
})

it('T01 a flip of any byte of a membership is never valid', () => {
  const membership = met(membershipOf(), 'other', NOW)
  expect(judge(parseMembership(membership.raw), { remote: nodeOf('node') })).toBeUndefined()
  for (const bytes of flips(membership.raw)) {
    const parsed = parsedOrNothing(bytes)
    if (parsed !== undefined && judge(parsed) === undefined)
      throw new Error(`accepted: ${Buffer.from(bytes).toString('latin1')}`)
  }
})

type Part = { signed: unknown; signatures: { sig: string }[] }

function parsedOrNothing(bytes: Uint8Array): Membership | undefined {
  try {
    return parseMembership(bytes)
  } catch (error) {
    expect(error).toMatchObject({ code: 'E_DOCUMENT' })
    return undefined
  }
}

function tampered(change: (whole: { membership: Part; invite: Part }) => void): Membership {
  const whole = JSON.parse(Buffer.from(membershipOf().raw).toString())
  change(whole)
  return parseMembership(Buffer.from(JSON.stringify(whole)))
}

/** Puts another key's signature under the id of the right key. */
function sign(part: Part, by: string): void {
  part.signatures[0]!.sig = Buffer.from(keyOf(by).sign(Buffer.from(JSON.stringify(part.signed)))).toString('hex')
}
