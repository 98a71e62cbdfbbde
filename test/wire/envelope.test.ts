import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concat, utf8 } from '../../src/core/bytes.ts'
import { limits } from '../../src/core/limits.ts'
import { decodeEnvelope, sealEnvelope } from '../../src/wire/envelope.ts'
import { MessageWriter } from '../../src/wire/protobuf.ts'

const mesh8 = '0123456789abcdef'
const membership = '00112233445566778899aabbccddeeff'
/** Not a signature, but different for every input, as one is. */
const sign = (bytes: Uint8Array) => new Uint8Array(createHash('sha512').update(bytes).digest())
const body = Uint8Array.of(1, 2, 3)
const sealed = sealEnvelope({ kind: 'rec', mesh8, membership, body }, sign)
const protocolFailure = expect.objectContaining({ code: 'E_PROTOCOL' })

describe('an envelope (clause ENV)', () => {
  it('comes back as it was sealed, with what was signed', () => {
    const anyKind = fc.stringMatching(/^[a-z]{1,8}$/)
    fc.assert(
      fc.property(anyKind, fc.uint8Array({ maxLength: 200 }), (kind, anyBody) => {
        const bytes = sealEnvelope({ kind, mesh8, membership, body: anyBody }, sign)
        const envelope = decodeEnvelope(bytes)
        expect(envelope).toMatchObject({ kind, mesh8, membership, body: anyBody, raw: bytes })
        expect(envelope.signature).toEqual(sign(envelope.signedBytes))
      }),
    )
  })

  it('has these bytes, so that a change of the format is seen', () => {
    const head = '0a03726563' + '12080123456789abcdef' + '1a1000112233445566778899aabbccddeeff' + '2203010203' + '2a40'
    expect(Buffer.from(sealed).toString('hex').slice(0, head.length)).toBe(head)
    expect(Buffer.from(decodeEnvelope(sealed).signedBytes).toString('latin1').slice(0, 12)).toBe('pimesh/1/rec')
  })

  it('binds kind, mesh, membership and body to the signature', () => {
    const signedOf = (bytes: Uint8Array) => Buffer.from(decodeEnvelope(bytes).signedBytes).toString('hex')
    const others = [
      { kind: 'dig', mesh8, membership, body },
      { kind: 'rec', mesh8: 'ff'.repeat(8), membership, body },
      { kind: 'rec', mesh8, membership: 'ff'.repeat(16), body },
      { kind: 'rec', mesh8, membership, body: Uint8Array.of(1, 2, 4) },
    ].map((fields) => signedOf(sealEnvelope(fields, sign)))
    expect(new Set([...others, signedOf(sealed)]).size).toBe(5)
  })

  it('keeps unknown fields behind the signature in raw, and out of what was signed', () => {
    const extended = concat([sealed, new MessageWriter().text(9, 'later').finish()])
    const envelope = decodeEnvelope(extended)
    expect(envelope.raw).toEqual(extended)
    expect(envelope.signedBytes).toEqual(decodeEnvelope(sealed).signedBytes)
  })

  it('owns its bytes: the buffer it came in may be used again', () => {
    const buffer = Buffer.from(sealed)
    const envelope = decodeEnvelope(buffer)
    buffer.fill(0)
    expect(envelope.raw).toEqual(sealed)
    expect(envelope.body).toEqual(body)
  })

  it('refuses what is larger than its kind may be', () => {
    const large = (kind: string, bytes: number) => {
      const frame = { mesh8: new Uint8Array(8), membership: new Uint8Array(16), signature: new Uint8Array(64) }
      return new MessageWriter()
        .text(1, kind)
        .bytes(2, frame.mesh8)
        .bytes(3, frame.membership)
        .bytes(4, new Uint8Array(bytes))
        .bytes(5, frame.signature)
        .finish()
    }
    expect(() => decodeEnvelope(large('rec', limits.recordBytes))).toThrow(protocolFailure)
    expect(decodeEnvelope(large('dig', limits.recordBytes)).kind).toBe('dig')
    expect(() => decodeEnvelope(large('dig', limits.gossipMessageBytes))).toThrow(protocolFailure)
    const fields = { kind: 'rec', mesh8, membership, body: new Uint8Array(limits.recordBytes) }
    expect(() => sealEnvelope(fields, sign)).toThrow(protocolFailure)
  })

  it.each([
    ['no kind', utf8('')],
    ['an upper-case kind', utf8('REC')],
    ['a kind of nine letters', utf8('abcdefghi')],
  ])('refuses %s', (_name, kind) => {
    const rest = sealed.subarray(5)
    expect(() => decodeEnvelope(concat([new MessageWriter().bytes(1, kind).finish(), rest]))).toThrow(protocolFailure)
    const bad = { kind: new TextDecoder().decode(kind), mesh8, membership, body }
    expect(() => sealEnvelope(bad, sign)).toThrow(protocolFailure)
  })

  it('refuses every truncation', () => {
    for (let length = 0; length < sealed.length; length++)
      expect(() => decodeEnvelope(sealed.subarray(0, length))).toThrow(protocolFailure)
  })

  it('is not sealed with ids or signatures of another length', () => {
    expect(() => sealEnvelope({ kind: 'rec', mesh8: 'abcd', membership, body }, sign)).toThrow(protocolFailure)
    expect(() => sealEnvelope({ kind: 'rec', mesh8, membership: 'no hex', body }, sign)).toThrow(protocolFailure)
    expect(() => sealEnvelope({ kind: 'rec', mesh8, membership, body }, () => new Uint8Array(63))).toThrow(
      protocolFailure,
    )
  })
})
