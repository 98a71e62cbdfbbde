import { createHash } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FailureCode } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
import { canonicalBytes, jsonOf } from '../../src/wire/canonical.ts'
import { addressNode, encodeToken, parseToken, type Token } from '../../src/wire/token.ts'
import { inviteOf, MESH, nodeOf, ROOT, rootOf, seedOf, signRoot } from '../fixtures/documents.ts'

const ADDRESS = `/ip4/192.168.1.5/tcp/31415/p2p/${nodeOf('member')}`
const TOKEN: Token = {
  mesh: MESH,
  floor: { version: 1, hash: ROOT.hash },
  via: [ADDRESS, `/dns4/pi.example.org/tcp/31415/p2p/${nodeOf('second')}`],
  inviteSecret: seedOf('invite'),
  invite: inviteOf(),
  roots: [],
  floors: { targets: 0, roles: [] },
}
const TEXT = encodeToken(TOKEN)

function refusal(text: string): { code: FailureCode; message: string } {
  try {
    parseToken(text)
  } catch (error) {
    return error as { code: FailureCode; message: string }
  }
  throw new Error('it was accepted')
}

/** A token with a right checksum over whatever it holds. */
function packed(bytes: Uint8Array): string {
  const body = deflateRawSync(bytes)
  const check = createHash('sha256').update(body).digest().subarray(0, 4)
  return `pimesh1.${Buffer.concat([body, check]).toString('base64url')}`
}

describe('a token', () => {
  it('reads back what was written', () => {
    expect(parseToken(TEXT)).toEqual(TOKEN)
    const second = signRoot(rootOf({ version: 2 }), ['root'])
    const invite = inviteOf({ founding: true, seats: 1 })
    const founding = { ...TOKEN, via: [], invite, roots: [ROOT, second], floor: { version: 2, hash: second.hash } }
    expect(parseToken(encodeToken(founding))).toEqual(founding)
  })

  it('carries the floors of a mesh that has published, and has none in its bytes otherwise (clause TOKEN 6)', () => {
    const roles = [
      { role: 'acme', epoch: 2, version: 7 },
      { role: 'other', epoch: 1, version: 1 },
    ]
    const published = { ...TOKEN, floors: { targets: 3, roles } }
    expect(parseToken(encodeToken(published))).toEqual(published)
    const later = { ...TOKEN, floors: { targets: 3, targetsEpoch: 2, roles } }
    expect(parseToken(encodeToken(later))).toEqual(later)
    const first = { ...TOKEN, floors: { targets: 3, targetsEpoch: 1, roles } }
    expect(encodeToken(first)).toBe(encodeToken(published))
    const twice = { ...TOKEN, floors: { targets: 1, roles: [roles[0], roles[0]] as typeof roles } }
    const rotated = { ...TOKEN, floors: { targets: 3, roles: [{ role: 'acme', epoch: 2, rotation: 255, version: 7 }] } }
    expect(parseToken(encodeToken(rotated))).toEqual(rotated)
    const wrong = { ...TOKEN, floors: { targets: 3, roles: [{ role: 'acme', epoch: 2, rotation: 256, version: 7 }] } }
    expect(refusal(encodeToken(wrong)).code).toBe('E_TOKEN_DAMAGED')
    expect(refusal(encodeToken(twice)).code).toBe('E_TOKEN_DAMAGED')
    expect(TEXT.length).toBeLessThan(encodeToken(published).length)
  })

  it('is one line that survives white space of mail and terminals', () => {
    expect(TEXT).toMatch(/^pimesh1\.[A-Za-z0-9_-]+$/)
    expect(TEXT.length).toBeLessThan(1_500)
    const cuts = fc.array(fc.tuple(fc.nat(TEXT.length), fc.constantFrom(' ', '\n', '\r\n', '\t')), { maxLength: 8 })
    fc.assert(
      fc.property(cuts, (places) => {
        const broken = places.reduce((text, [at, space]) => text.slice(0, at) + space + text.slice(at), TEXT)
        expect(parseToken(broken)).toEqual(TOKEN)
      }),
    )
  })

  it('cut off anywhere is named damaged', () => {
    for (let length = 'pimesh1.'.length; length < TEXT.length; length++)
      expect(refusal(TEXT.slice(0, length))).toMatchObject({
        code: 'E_TOKEN_DAMAGED',
        message: expect.stringContaining('cut off'),
      })
  })

  it('with any character changed is named damaged', () => {
    for (let at = 0; at < TEXT.length; at++) {
      const other = TEXT[at] === 'A' ? 'B' : 'A'
      expect(refusal(TEXT.slice(0, at) + other + TEXT.slice(at + 1)).code).toBe('E_TOKEN_DAMAGED')
    }
    for (const extra of ['A', '=', '!', '.']) expect(refusal(TEXT + extra).code).toBe('E_TOKEN_DAMAGED')
  })

  it('that is something else is named so', () => {
    for (const text of ['', 'hello', 'https://example.org', TEXT.slice(1), TEXT.replace('1', '2')])
      expect(refusal(text)).toMatchObject({
        code: 'E_TOKEN_DAMAGED',
        message: expect.stringContaining('not a pimesh token'),
      })
  })

  it('that unpacks without end, or to nonsense, is refused', () => {
    expect(refusal(packed(new Uint8Array(100 * limits.tokenBytes))).message).toContain('cannot be unpacked')
    expect(refusal(packed(Buffer.from('nonsense'))).message).toContain('not JSON')
    expect(refusal(`pimesh1.${'A'.repeat(10 * limits.tokenBytes)}`).code).toBe('E_TOKEN_DAMAGED')
    const json = {
      mesh: MESH,
      root: { version: 1, hash: MESH },
      via: [],
      secret: '00'.repeat(32),
      invite: jsonOf(TOKEN.invite.raw),
    }
    expect(parseToken(packed(canonicalBytes(json))).via).toEqual([])
    for (const change of [
      { more: 1 },
      { via: ['/ip4/1.2.3.4/tcp/1'] },
      { mesh: '00'.repeat(32) },
      { root: {} },
      { roots: [{}] },
    ])
      expect(refusal(packed(canonicalBytes({ ...json, ...change }))).code).toBe('E_TOKEN_DAMAGED')
  })
})

it('an address names its node', () => {
  expect(addressNode(ADDRESS)).toBe(nodeOf('member'))
  expect(addressNode(`/ip6/fe80::1%eth0/tcp/1/p2p/${nodeOf('a')}`)).toBe(nodeOf('a'))
  const wrong = [
    '',
    'x',
    '/p2p/me',
    '/ip4/1.2.3.4/tcp/1',
    `${ADDRESS}/p2p-circuit`,
    `/ip4/1.2.3.4\n/p2p/${nodeOf('a')}`,
  ]
  for (const address of wrong) expect(addressNode(address)).toBeUndefined()
  expect(addressNode(`/dns4/${'a'.repeat(300)}/p2p/${nodeOf('a')}`)).toBeUndefined()
})
