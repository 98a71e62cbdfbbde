import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RefusalCode } from '../../src/core/events.ts'
import { HOUR, limits } from '../../src/core/limits.ts'
import type { Invite } from '../../src/core/trust/documents.ts'
import { canonicalBytes, type JsonObject, jsonOf } from '../../src/wire/canonical.ts'
import { encodeCredential, encodeGateReply, parseCredential, parseGateReply } from '../../src/wire/credential.ts'
import { inviteJson, parseInvite } from '../../src/wire/invite.ts'
import { countersign, parseMembership, withCountersignature } from '../../src/wire/membership.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { inviteOf, keyOf, MESH, membershipOf, met, NOW, nodeOf } from '../fixtures/documents.ts'

const refused = expect.objectContaining({ code: 'E_DOCUMENT' })

describe('the invite (clause INVITE)', () => {
  const grants = fc.record<Partial<Invite>>({
    zone: fc.constantFrom('/uk', '/nl/pcx', '/a/b/c/d/e/f'),
    cells: fc.integer({ min: 1, max: limits.cells }),
    labels: fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/), fc.stringMatching(/^[ -~]{1,64}$/), {
      maxKeys: 9,
    }),
    capabilities: fc.constantFrom(['node'], ['operator'], ['node', 'operator']),
    seats: fc.integer({ min: 1, max: limits.inviteSeats }),
    epoch: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  })

  it('reads back what was written', () => {
    fc.assert(
      fc.property(grants, (changes) => {
        const invite = inviteOf(changes)
        expect({ ...invite.signed, labels: { ...invite.signed.labels } }).toMatchObject({ ...changes, mesh: MESH })
        expect(parseInvite(invite.raw)).toEqual(invite)
      }),
      { numRuns: 50 },
    )
  })

  it.each<[string, JsonObject]>([
    ['an unknown field', { admin: true }],
    ['an unknown capability', { capabilities: ['root'] }],
    ['no capability', { capabilities: [] }],
    ['a zone that is none', { zone: '/UK' }],
    ['a zone with a cell', { zone: '/uk/~01' }],
    ['a node in zone /', { zone: '/' }],
    ['cells in zone /', { zone: '/', capabilities: ['operator'], cells: 2 }],
    ['no seat', { seats: 0 }],
    ['too many seats', { seats: limits.inviteSeats + 1 }],
    ['a founding invite with two seats', { founding: true, seats: 2 }],
    ['a label key that is no identifier', { labels: { 'a-b': 'c' } }],
    ['a label that forges the screen', { labels: { a: 'x\u009b2J' } }],
    ['a label that turns text around', { labels: { a: 'x\u202ey' } }],
    ['an empty label', { labels: { a: '' } }],
    ['a label that is no text', { labels: { a: 1 } }],
    ['a short key', { key: '00' }],
    ['another type', { _type: 'membership' }],
  ])('refuses %s', (_, change) => {
    const signed = { ...inviteJson(inviteOf().signed), ...change }
    expect(() => parseInvite(encodeSigned(signed, [keyOf('enrol')]))).toThrow(refused)
  })

  it('has exactly one signature', () => {
    const signed = inviteJson(inviteOf().signed)
    expect(() => parseInvite(encodeSigned(signed, []))).toThrow('exactly one')
    expect(() => parseInvite(encodeSigned(signed, [keyOf('enrol'), keyOf('root')]))).toThrow('exactly one')
  })
})

describe('the membership (clause MEMBER)', () => {
  it('reads back what was written, with and without a countersignature', () => {
    const plain = membershipOf()
    expect(parseMembership(plain.raw)).toEqual(plain)
    const countersigned = met(plain, 'other', NOW + 1_500)
    expect(parseMembership(countersigned.raw)).toEqual(countersigned)
    expect(countersigned.id).toBe(plain.id)
    expect(countersigned.countersignature?.at).toBe(NOW + 1_000)
    expect(plain.id).toMatch(/^[0-9a-f]{32}$/)
  })

  it('takes another countersignature in place of the first, and none of another membership', () => {
    const again = met(met(membershipOf(), 'one', NOW), 'two', NOW)
    expect(parseMembership(again.raw).countersignature?.by).toBe(nodeOf('two'))
    const foreign = met(membershipOf({ node: 'else' }), 'one', NOW).countersignature
    expect(() => withCountersignature(membershipOf(), foreign!)).toThrow('another membership')
  })

  it.each<[string, (whole: { membership: { signed: JsonObject; signatures: JsonObject[] } } & JsonObject) => void]>([
    ['an unknown field', (w) => Object.assign(w, { labels: {} })],
    ['labels of its own', (w) => Object.assign(w.membership.signed, { labels: { a: 'b' } })],
    ['a node that is none', (w) => Object.assign(w.membership.signed, { node: 'me' })],
    ['a name with a space', (w) => Object.assign(w.membership.signed, { name: 'a b' })],
    ['a zone that is none', (w) => Object.assign(w.membership.signed, { zone: 'uk' })],
    ['a seat beyond all invites', (w) => Object.assign(w.membership.signed, { seat: limits.inviteSeats })],
    ['no signature', (w) => w.membership.signatures.pop()],
    [
      'a keyid that is not its invite key',
      (w) => Object.assign(w.membership.signatures[0]!, { keyid: keyOf('x').keyId }),
    ],
    ['an empty countersignature', (w) => Object.assign(w, { countersignature: {} })],
    ['no invite', (w) => delete w.invite],
  ])('refuses %s', (_, change) => {
    const whole = jsonOf(membershipOf().raw)
    change(whole as never)
    expect(() => parseMembership(canonicalBytes(whole))).toThrow(refused)
  })

  it('at its largest still fits, so that no invite makes memberships that are refused', () => {
    const labels = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`k${'x'.repeat(60)}${i}`, 'v'.repeat(64)]))
    const zone = `/${Array.from({ length: 6 }, () => 'z'.repeat(32)).join('/')}`
    const invite = inviteOf({ labels, zone, cells: 99, seats: 1024 })
    expect(invite.raw.length).toBeGreaterThan(limits.inviteBytes - 150)
    const membership = membershipOf({ invite, node: 'n'.repeat(32), claims: { seat: 1023 } })
    const whole = met(membership, 'other', NOW)
    const slack = limits.inviteBytes - invite.raw.length
    expect(whole.raw.length + slack).toBeLessThanOrEqual(limits.membershipBytes)
    expect(parseMembership(whole.raw).id).toBe(membership.id)
  })
})

describe('the gate (clause GATE)', () => {
  it('shows a credential with and without a membership', () => {
    const membership = met(membershipOf(), 'other', NOW)
    expect(parseCredential(encodeCredential({ mesh: MESH, membership }))).toEqual({ mesh: MESH, membership })
    const stranger = { mesh: MESH, membership: undefined }
    expect(parseCredential(encodeCredential(stranger))).toEqual(stranger)
  })

  it('answers with a verdict', () => {
    const statement = { membership: 'ab'.repeat(16), by: nodeOf('a'), byMembership: 'cd'.repeat(16), at: NOW + HOUR }
    const countersignature = countersign(statement, keyOf('a').sign)
    const replies = [
      { admitted: true, code: undefined, takenSeats: [], countersignature },
      { admitted: true, code: undefined, takenSeats: [], countersignature: undefined },
      { admitted: false, code: 'seatTaken' as RefusalCode, takenSeats: [0, 3, 1023], countersignature: undefined },
    ]
    for (const reply of replies) expect(parseGateReply(encodeGateReply(reply))).toEqual(reply)
    const takenSeats = Array.from({ length: limits.inviteSeats }, (_, seat) => seat)
    const longest = encodeGateReply({ admitted: false, code: 'seatTaken', takenSeats, countersignature })
    expect(parseGateReply(longest).takenSeats).toEqual(takenSeats)
  })

  it('ignores what newer nodes add, and refuses what is malformed', () => {
    const later = canonicalBytes({ admitted: false, code: 'tooWet', later: 1 })
    expect(parseGateReply(later)).toMatchObject({ admitted: false, code: undefined })
    expect(parseGateReply(canonicalBytes({ admitted: false, code: 'toString' })).code).toBeUndefined()
    for (const wrong of [
      { admitted: 1 },
      { admitted: true, takenSeats: [-1] },
      { admitted: true, countersignature: {} },
    ])
      expect(() => parseGateReply(canonicalBytes(wrong))).toThrow(refused)
    expect(() => parseCredential(canonicalBytes({ mesh: 'me' }))).toThrow(refused)
    expect(() => parseCredential(canonicalBytes({ mesh: MESH, membership: {} }))).toThrow(refused)
    expect(() => parseCredential(new Uint8Array(limits.gateMessageBytes + 1))).toThrow('more than')
  })

  it('never fails but with E_DOCUMENT, whatever a stranger sends', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          for (const parse of [parseCredential, parseGateReply, parseMembership]) {
            try {
              parse(bytes)
            } catch (error) {
              expect(error).toEqual(refused)
            }
          }
        },
      ),
    )
  })
})
