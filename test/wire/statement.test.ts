// The form of an enrolment statement (clause STATEMENT 1).
import { describe, expect, it } from 'vitest'
import { DAY, limits } from '../../src/core/limits.ts'
import { canonicalBytes, type JsonObject, jsonOf } from '../../src/wire/canonical.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { parseStatement, statementJson } from '../../src/wire/statement.ts'
import { flips, keyOf, NOW, nodeOf, statementOf } from '../fixtures/documents.ts'

const HASH = 'ab'.repeat(32)
const full = statementOf({
  nodes: new Map([[nodeOf('stolen'), NOW + 700 * DAY]]),
  invites: new Map([[HASH, NOW + 700 * DAY]]),
  extensions: [
    { zone: '/uk/glasgow', invite: undefined, until: NOW + 365 * DAY },
    { zone: undefined, invite: HASH, until: NOW + DAY },
  ],
  policies: [
    {
      zone: '/uk/glasgow',
      publishers: ['acme'],
      vetoes: [{ path: 'acme/agent', counter: 7 }],
      hours: { from: 22 * 60, to: 6 * 60 + 5 },
    },
  ],
})
const signed = jsonOf(full.signedBytes)
const resigned = (json: JsonObject, by = ['enrol']) => parseStatement(encodeSigned(json, by.map(keyOf)))
const refused = (changes: JsonObject, words: RegExp) =>
  expect(() => resigned({ ...signed, ...changes })).toThrow(
    expect.objectContaining({ code: 'E_DOCUMENT', message: expect.stringMatching(words) }),
  )

describe('an enrolment statement', () => {
  it('says what it was made of', () => {
    expect(parseStatement(full.raw)).toEqual(full)
    expect(full.signed.nodes.get(nodeOf('stolen'))).toBe(NOW + 700 * DAY)
    expect(full.signed.extensions[0]).toEqual({ zone: '/uk/glasgow', invite: undefined, until: NOW + 365 * DAY })
  })

  it('refuses what is not of its form', () => {
    refused({ _type: 'invite' }, /_type/)
    refused({ version: 0 }, /version/)
    refused({ epoch: 2 ** 31 }, /epoch/)
    refused({ enroller: 'key' }, /enroller/)
    refused({ revoked: { nodes: { pi: '2028-01-01T00:00:00Z' }, invites: {} } }, /nodes/)
    refused({ revoked: { nodes: {}, invites: { abc: '2028-01-01T00:00:00Z' } } }, /invites/)
    refused({ revoked: { nodes: { [nodeOf('a')]: 'never' }, invites: {} } }, /nodes/)
    refused({ extended: [{ until: '2026-12-01T00:00:00Z' }] }, /zone or an invite/)
    refused({ extended: [{ zone: '/uk', invite: HASH, until: '2026-12-01T00:00:00Z' }] }, /zone or an invite/)
    refused({ extended: [{ zone: 'uk', until: '2026-12-01T00:00:00Z' }] }, /zone/)
    refused({ extended: [{ zone: '/uk', until: '2028-07-01T00:00:00Z' }] }, /two years/)
  })

  it('states policies (clause STATEMENT 10), and knows no others', () => {
    const [policy] = signed.policies as [JsonObject]
    expect(policy).toMatchObject({ hours: '22:00-06:05', vetoes: [{ path: 'acme/agent', counter: 7 }] })
    for (const changes of [
      { zone: 'uk' },
      { publishers: ['A'] },
      { vetoes: [{ path: '/x', counter: 1 }] },
      { hours: '24:00-06:00' },
      { hours: '06:00-06:00' },
    ])
      refused(
        { policies: [{ ...policy, ...changes }] },
        new RegExp(Object.keys(changes)[0] === 'vetoes' ? 'path' : (Object.keys(changes)[0] as string)),
      )
    const { policies: _, ...older } = signed
    expect(resigned(older).signed.policies).toEqual([])
    const newer = resigned({ ...signed, policies: [{ ...policy, waves: 3 }] })
    expect(newer.signed.policies).toEqual(full.signed.policies)
    const next = statementJson({ ...newer.signed, version: 2 }, newer)
    expect(next.policies).toEqual([{ ...policy, waves: 3 }])
  })

  it('is bounded, and has exactly one signature', () => {
    const many = (count: number, name: (i: number) => string) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [name(i), '2028-01-01T00:00:00Z']))
    const hash = (i: number) => i.toString(16).padStart(64, '0')
    refused({ revoked: { nodes: {}, invites: many(limits.revokedInvites + 1, hash) } }, /invites/)
    expect(() => resigned(signed, [])).toThrow(/exactly one signature/)
    expect(() => resigned(signed, ['enrol', 'other'])).toThrow(/exactly one signature/)
    expect(() => parseStatement(new Uint8Array(limits.statementBytes + 1))).toThrow(/more than/)
  })

  it('of the most entries fits its bound', () => {
    const later = NOW + 700 * DAY
    const nodes = new Map(Array.from({ length: limits.revokedNodes }, (_, i) => [nodeOf(`node ${i}`), later]))
    const hash = (i: number) => i.toString(16).padStart(64, '0')
    const invites = new Map(Array.from({ length: limits.revokedInvites }, (_, i) => [hash(i), later]))
    const zone = (i: number) =>
      `/${['zone'.padEnd(29, '-') + String(i).padStart(3, '0'), ...Array(5).fill('z'.repeat(32))].join('/')}`
    const extensions = Array.from({ length: limits.extensions }, (_, i) => ({
      zone: zone(i),
      invite: undefined,
      until: later,
    }))
    expect(statementOf({ nodes, invites, extensions }).raw.length).toBeLessThan(limits.statementBytes)
  })

  it('keeps what a newer pimesh wrote, through the next one too', () => {
    const newer = resigned({
      ...signed,
      policy: { hours: '22-06' },
      revoked: { ...(signed.revoked as JsonObject), keys: {} },
    })
    expect(parseStatement(newer.raw)).toEqual(newer)
    const next = statementJson({ ...newer.signed, version: 2, nodes: new Map() }, newer)
    expect(next).toMatchObject({ version: 2, policy: { hours: '22-06' }, revoked: { nodes: {}, keys: {} } })
  })

  it('with any bit changed is another one or none', () => {
    for (const changed of flips(full.raw.slice(0, 400))) {
      const whole = new Uint8Array([...changed, ...full.raw.slice(400)])
      try {
        expect(parseStatement(whole)).not.toEqual(full)
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_DOCUMENT' })
      }
    }
    expect(canonicalBytes(jsonOf(full.raw))).toEqual(full.raw)
  })
})
