import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { MessageReader, MessageWriter } from '../../src/wire/protobuf.ts'

const reader = (...bytes: number[]) => new MessageReader(Uint8Array.from(bytes), 'a test', 100)
const readThenEnd = (field: number, ...bytes: number[]) => {
  const message = reader(...bytes)
  message.uint(field)
  message.end()
}
const protocolFailure = expect.objectContaining({ code: 'E_PROTOCOL' })

describe('a message (clause PB)', () => {
  it('comes back as it was written', () => {
    const anyUint = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 127, 128, 2 ** 32, 2 ** 53 - 1))
    const anyText = fc.string({ unit: 'grapheme', maxLength: 20 })
    fc.assert(
      fc.property(
        anyUint,
        fc.uint8Array(),
        anyText,
        fc.array(anyText),
        fc.array(anyUint),
        (uint, bytes, text, texts, packed) => {
          const filled = texts.filter((item) => item !== '')
          const message = new MessageWriter()
            .uint(1, uint)
            .bytes(2, bytes)
            .text(3, text)
            .texts(20, filled)
            .packed(300, packed)
            .bool(301, true)
            .finish()
          const read = new MessageReader(message, 'a test', 10_000)
          expect(read.uint(1)).toBe(uint)
          expect(read.bytes(2, 0, 1_000)).toEqual(bytes)
          expect(read.text(3, 1_000)).toBe(text)
          expect(read.texts(20, 1_000, 1_000)).toEqual(filled)
          expect(read.packed(300, packed.length, 1_000)).toEqual(packed)
          expect(read.bool(301)).toBe(true)
          read.end()
          expect(read.position).toBe(message.length)
        },
      ),
    )
  })

  it('skips fields that nobody asks for, of every wire type', () => {
    const message = reader(0x08, 0x01, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1a, 2, 9, 9, 0x1a, 0, 0x25, 1, 2, 3, 4, 0x28, 7)
    expect(message.uint(5)).toBe(7)
    message.end()
  })

  it('gives the default for what is absent', () => {
    const message = reader(0x28, 7)
    expect([message.uint(1), message.text(2, 9), message.list(3, 9, 0, 9), message.optionalBytes(4, 0, 9)]).toEqual([
      0,
      '',
      [],
      undefined,
    ])
    expect(message.uint(5)).toBe(7)
  })

  it.each([
    ['more bytes than allowed', () => new MessageReader(new Uint8Array(101), 'a test', 100)],
    ['a field twice', () => readThenEnd(1, 0x08, 1, 0x08, 2)],
    ['fields out of order', () => readThenEnd(2, 0x10, 1, 0x08, 2)],
    ['a varint with padding', () => reader(0x08, 0x81, 0x00).uint(1)],
    ['2^53', () => reader(0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10).uint(1)],
    ['a varint of more than eight bytes', () => reader(0x08, 255, 255, 255, 255, 255, 255, 255, 255, 1).uint(1)],
    ['a skipped varint without an end', () => reader(0x08, ...Array(11).fill(255)).end()],
    ['a number above its bound', () => reader(0x08, 8).uint(1, 7)],
    ['a length above its bound', () => reader(0x0a, 3, 1, 2, 3).bytes(1, 0, 2)],
    ['a length below its bound', () => reader(0x0a, 1, 1).bytes(1, 2, 2)],
    ['a length beyond the end', () => reader(0x0a, 3, 1, 2).bytes(1, 0, 9)],
    ['a skipped length beyond the end', () => reader(0x0a, 3, 1, 2).end()],
    ['a skipped fixed number beyond the end', () => reader(0x0d, 3, 1, 2).end()],
    ['more of a repeated field than allowed', () => reader(0x0a, 0, 0x0a, 0, 0x0a, 0).list(1, 2, 0, 9)],
    ['a missing field', () => reader(0x10, 0).bytes(1, 0, 9)],
    ['another wire type', () => reader(0x08, 0).bytes(1, 0, 9)],
    ['a group', () => reader(0x0b, 0x0b, 0x0c, 0x0c).end()],
    ['field number 0', () => reader(0x00, 0).end()],
    ['a field number of 2^29', () => reader(0x80, 0x80, 0x80, 0x80, 0x10, 0).end()],
    ['text that is not UTF-8', () => reader(0x0a, 1, 0xff).text(1, 9)],
    ['too few packed numbers', () => reader(0x0a, 1, 1).packed(1, 2, 9)],
    ['too many packed numbers', () => reader(0x0a, 2, 1, 1).packed(1, 1, 9)],
    ['a packed number across the end', () => reader(0x0a, 1, 0x80, 0x10, 0x01).packed(1, 1, 9)],
  ])('refuses %s', (_name, read) => {
    expect(read).toThrow(protocolFailure)
  })

  it('does not write a number that has no place on the wire', () => {
    for (const value of [-1, 1.5, Number.NaN, 2 ** 53]) {
      expect(() => new MessageWriter().uint(1, value)).toThrow(Failure)
      expect(() => new MessageWriter().packed(1, [value])).toThrow(Failure)
    }
  })

  it('rounds spans and holds them within bounds', () => {
    const written = new MessageWriter().millis(1, 1.6).millis(2, -5).millis(3, 1e300).finish()
    const read = new MessageReader(written, 'a test', 100)
    expect([read.uint(1), read.uint(2), read.uint(3)]).toEqual([2, 0, Number.MAX_SAFE_INTEGER])
  })
})
