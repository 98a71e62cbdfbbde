import { describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { MessageWriter } from '../../src/wire/protobuf.ts'
import { decodePunch, encodePunch } from '../../src/wire/punch.ts'

const protocolFailure = expect.objectContaining({ code: 'E_PROTOCOL' })
const addresses = ['/ip4/203.0.113.7/tcp/40001', '/ip6/2001:db8::7/tcp/40001']

describe('messages about a path (clause PUNCH 2)', () => {
  it('come back as they were sent', () => {
    for (const kind of ['offer', 'answer'] as const) {
      expect(decodePunch(encodePunch({ kind, addresses }))).toEqual({ kind, addresses })
    }
    for (const kind of ['go', 'dial', 'ready', 'busy'] as const) {
      expect(decodePunch(encodePunch({ kind, addresses: [] }))).toEqual({ kind, addresses: [] })
    }
    expect([...encodePunch({ kind: 'go', addresses: [] })]).toEqual([8, 3])
  })

  it('carry so many addresses, of so many characters, within their bound', () => {
    const longest = `/dns/${'x'.repeat(limits.addressLength - 5)}`
    const bytes = encodePunch({ kind: 'offer', addresses: [longest, ...Array(9).fill(longest)] })
    expect(bytes.length).toBeLessThanOrEqual(limits.punchBytes)
    expect(decodePunch(bytes).addresses).toEqual(Array(limits.punchAddresses).fill(longest))
  })

  it('are refused without a kind, of an unknown one, with addresses where none belong, with too many, or too long', () => {
    const with2 = (writer: MessageWriter, count: number) => writer.texts(2, Array(count).fill(addresses[0])).finish()
    for (const bytes of [
      new Uint8Array(0),
      new MessageWriter().uint(1, 7).finish(),
      with2(new MessageWriter().uint(1, 3), 1),
      with2(new MessageWriter().uint(1, 1), limits.punchAddresses + 1),
      with2(new MessageWriter().uint(1, 1), 50),
      new MessageWriter().uint(1, 1).texts(2, ['not an address']).finish(),
      new Uint8Array(limits.punchBytes + 1),
    ]) {
      expect(() => decodePunch(bytes)).toThrow(protocolFailure)
    }
  })
})
