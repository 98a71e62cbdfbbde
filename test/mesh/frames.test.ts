// Frames: whatever the chunks, the same messages come out, and none that is longer than it may be takes memory.
import fc from 'fast-check'
import { Uint8ArrayList } from 'uint8arraylist'
import { describe, expect, test } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
import { FrameReader, framePrefix } from '../../src/mesh/frames.ts'

/** Everything that comes out when these bytes arrive in parts of these lengths. */
function readIn(parts: readonly number[], bytes: Uint8Array, maxBytes: number): Uint8Array[] {
  const [reader, unread, out] = [new FrameReader(), new Uint8ArrayList(), [] as Uint8Array[]]
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = parts[turn % parts.length] as number
    unread.append(bytes.subarray(at, at + length))
    at += length
    for (let next = reader.next(unread, maxBytes); next !== undefined; next = reader.next(unread, maxBytes))
      out.push(next)
  }
  return out
}

const framed = (messages: readonly Uint8Array[]) =>
  new Uint8ArrayList(...messages.flatMap((message) => [framePrefix(message.length), message])).subarray()

describe('FrameReader', () => {
  test('gives the messages that were framed, in whatever parts they come', () => {
    const message = fc.uint8Array({ maxLength: 2 * limits.pieceControlBytes })
    const parts = fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), parts, (messages, lengths) => {
        expect(readIn(lengths, framed(messages), 2 * limits.pieceControlBytes)).toEqual(messages)
      }),
    )
  })

  test('long messages share a buffer, which goes when none may come any more', () => {
    const reader = new FrameReader()
    const length = limits.pieceControlBytes + 1
    const next = (mark: number) => {
      const bytes = framed([new Uint8Array(length).fill(mark)])
      return reader.next(new Uint8ArrayList(bytes), length) as Uint8Array
    }
    const first = next(1)
    const second = next(2)
    expect([first[0], second[0], second.length]).toEqual([2, 2, length])
    reader.trim(length)
    expect(next(3).buffer).toBe(first.buffer)
    reader.trim(length - 1)
    expect(next(4).buffer).not.toBe(first.buffer)
    expect(first[0]).toBe(3)
  })

  test('a short message is a copy of its own', () => {
    const bytes = framed([Uint8Array.of(1, 2, 3)])
    const message = new FrameReader().next(new Uint8ArrayList(bytes), 3)
    bytes.fill(9)
    expect(message).toEqual(Uint8Array.of(1, 2, 3))
    expect(message?.buffer.byteLength).toBe(3)
  })

  test.each([
    [127, [127]],
    [128, [0x80, 1]],
    [16_384, [0x80, 0x80, 1]],
    [4_194_368, [0xc0, 0x80, 0x80, 2]],
  ])('a length of %i is %j', (length, prefix) => {
    expect([...framePrefix(length)]).toEqual(prefix)
    const reader = new FrameReader()
    expect(reader.next(new Uint8ArrayList(framePrefix(length)), length)).toBeUndefined()
    expect(reader.within).toBe(true)
    expect(() => new FrameReader().next(new Uint8ArrayList(framePrefix(length)), length - 1)).toThrow(/at most/)
  })

  test('an endless length is refused at its fourth byte', () => {
    const reader = new FrameReader()
    expect(reader.next(new Uint8ArrayList(Uint8Array.of(0xff, 0xff, 0xff)), 2 ** 30)).toBeUndefined()
    expect(() => reader.next(new Uint8ArrayList(Uint8Array.of(0xff)), 2 ** 30)).toThrow(Failure)
  })
})
