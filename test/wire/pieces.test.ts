import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import type { PieceMessage } from '../../src/core/swarm/messages.ts'
import { ENCODING_BYTES_MAX, pieceBytes, pieceCount, pieceLengthFor } from '../../src/core/swarm/pieces.ts'
import { decodePieceMessage, encodePieceData, encodePieceMessage } from '../../src/wire/pieces.ts'
import { MessageWriter } from '../../src/wire/protobuf.ts'
import { anyHash } from './samples.ts'

const protocolFailure = expect.objectContaining({ code: 'E_PROTOCOL' })
const ENCODING = 'ab'.repeat(32)
const anyIndex = fc.nat(limits.pieces - 1)

const anyPieceMessage: fc.Arbitrary<PieceMessage> = fc.oneof(
  fc.record({
    type: fc.constant('bitfield' as const),
    encoding: anyHash,
    bits: fc.uint8Array({ minLength: 1, maxLength: limits.pieces / 8 }),
    wants: fc.boolean(),
  }),
  fc.record({
    type: fc.constantFrom(...(['have', 'request', 'cancel', 'refuse', 'unclaim', 'given', 'passed'] as const)),
    encoding: anyHash,
    index: anyIndex,
  }),
  fc.record({ type: fc.constant('claim' as const), encoding: anyHash, index: anyIndex, passOn: fc.boolean() }),
)

describe('messages about pieces (clause PIECES 3)', () => {
  it('come back as they were sent, within the bound of what is read before a piece was asked for', () => {
    fc.assert(
      fc.property(anyPieceMessage, (message) => {
        const bytes = encodePieceMessage(message)
        expect(bytes.length).toBeLessThanOrEqual(limits.pieceControlBytes)
        expect(decodePieceMessage(bytes)).toEqual(message)
      }),
    )
  })

  it('carry a piece without copying it when it is read', () => {
    fc.assert(
      fc.property(anyHash, anyIndex, fc.uint8Array({ minLength: 1, maxLength: 300 }), (encoding, index, piece) => {
        const message = encodePieceData(encoding, index, piece)
        const read = decodePieceMessage(message)
        expect(read).toEqual({ type: 'data', encoding, index, bytes: piece })
        expect((read as { bytes: Uint8Array }).bytes.buffer).toBe(message.buffer)
      }),
    )
  })

  it('frame the longest piece within the bound', () => {
    const piece = new Uint8Array(limits.pieceBytesMax).fill(7)
    const message = encodePieceData(ENCODING, limits.pieces - 1, piece)
    expect(message.length).toBeLessThanOrEqual(limits.pieceBytesMax + limits.pieceFrameBytes)
    expect(decodePieceMessage(message)).toMatchObject({ index: limits.pieces - 1, bytes: { length: piece.length } })
    expect(() => encodePieceData(ENCODING, 0, new Uint8Array(limits.pieceBytesMax + 1))).toThrow(protocolFailure)
  })

  it('keep no view of what a bitfield came in', () => {
    const bytes = encodePieceMessage({ type: 'bitfield', encoding: ENCODING, bits: Uint8Array.of(1), wants: true })
    const read = decodePieceMessage(bytes) as { bits: Uint8Array }
    bytes.fill(0)
    expect(read.bits).toEqual(Uint8Array.of(1))
  })

  it('of a kind that only newer versions know are read as nothing', () => {
    expect(decodePieceMessage(new MessageWriter().uint(1, 11).bytes(2, new Uint8Array(32)).finish())).toBeUndefined()
    expect(decodePieceMessage(new MessageWriter().uint(1, 200).bytes(9, new Uint8Array(9)).finish())).toBeUndefined()
  })

  const start = (kind: number) => new MessageWriter().uint(1, kind).bytes(2, new Uint8Array(32))
  it.each([
    ['that are empty', new MessageWriter()],
    ['without a kind', start(0).uint(3, 1)],
    ['without an encoding', new MessageWriter().uint(1, 2).uint(3, 1)],
    ['with an encoding of 31 bytes', new MessageWriter().uint(1, 2).bytes(2, new Uint8Array(31))],
    ['with an index beyond every piece list', start(3).uint(3, limits.pieces)],
    ['with an index of 2^53-1', start(3).uint(3, Number.MAX_SAFE_INTEGER)],
    ['with a bitfield that is missing', start(1)],
    ['with a bitfield that is empty', start(1).bytes(4, new Uint8Array())],
    ['with a bitfield that is too long', start(1).bytes(4, new Uint8Array(limits.pieces / 8 + 1))],
    ['with a bitfield of one piece', start(1).uint(3, 1).bytes(4, new Uint8Array(1))],
    ['with a bitfield in a request', start(3).bytes(4, new Uint8Array(1))],
    ['with a wish in a have', start(2).bool(5, true)],
    ['with a piece in a request', start(3).bytes(6, new Uint8Array(1))],
    ['with a piece that is missing', start(6)],
    ['with an empty piece', start(6).bytes(6, new Uint8Array())],
    ['with a piece in a bitfield', start(1).bytes(4, new Uint8Array(1)).bytes(6, new Uint8Array(1))],
    ['that are longer than they need to be', start(2).bytes(9, new Uint8Array(limits.pieceControlBytes))],
  ])('T20 are refused %s', (_name, message) => {
    expect(() => decodePieceMessage(message.finish())).toThrow(protocolFailure)
  })
})

describe('pieces (clause PIECES 1)', () => {
  it('are few enough, as short as they may be, and make up the whole', () => {
    const anyLength = fc.oneof(fc.integer({ min: 1, max: 2 ** 31 }), fc.integer({ min: 1, max: ENCODING_BYTES_MAX }))
    fc.assert(
      fc.property(anyLength, (length) => {
        const pieceLength = pieceLengthFor(length)
        const count = pieceCount(length, pieceLength)
        expect(count).toBeLessThanOrEqual(limits.pieces)
        expect(pieceLength === limits.pieceBytesMin || pieceCount(length, pieceLength / 2) > limits.pieces).toBe(true)
        const encoding = { length, pieceLength }
        const last = pieceBytes(encoding, count - 1)
        expect(last).toBeGreaterThan(0)
        expect((count - 1) * pieceLength + last).toBe(length)
        expect([pieceBytes(encoding, count), pieceBytes(encoding, -1)]).toEqual([0, 0])
      }),
    )
  })

  it('have the lengths of the design', () => {
    const MIB = 2 ** 20
    expect([1, 2 ** 30, 2 ** 30 + 1, 4 * 2 ** 30, 2 ** 34].map(pieceLengthFor)).toEqual(
      [0.25, 0.25, 0.5, 1, 4].map((mib) => mib * MIB),
    )
    expect(ENCODING_BYTES_MAX).toBe(2 ** 34)
  })
})
