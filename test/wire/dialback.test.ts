import { describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { decodeDialback, decodeDialledBack, encodeDialback, encodeDialledBack } from '../../src/wire/dialback.ts'
import { MessageWriter } from '../../src/wire/protobuf.ts'

const protocolFailure = expect.objectContaining({ code: 'E_PROTOCOL' })

describe('messages of dialling back (clause DIALBACK 2)', () => {
  it('come back as they were sent, bounded', () => {
    expect(decodeDialback(encodeDialback([31415, 443, 65535]))).toEqual([31415, 443, 65535])
    expect(decodeDialback(encodeDialback([]))).toEqual([])
    expect(decodeDialback(encodeDialback([1, 2, 3, 4, 5, 6]))).toEqual([1, 2, 3, 4])
    const addresses = ['/ip4/203.0.113.7/tcp/443']
    expect(decodeDialledBack(encodeDialledBack(addresses))).toEqual(addresses)
    const longest = `/dns/${'x'.repeat(limits.addressLength - 5)}`
    expect(encodeDialledBack(Array(20).fill(longest)).length).toBeLessThanOrEqual(limits.dialbackBytes)
  })

  it('are refused with too many ports, ports of another size, no addresses, or too long', () => {
    const ports = new MessageWriter()
    for (let i = 0; i <= limits.dialbackPorts; i++) ports.bytes(1, Uint8Array.of(1, 2))
    expect(() => decodeDialback(ports.finish())).toThrow(protocolFailure)
    expect(() => decodeDialback(new MessageWriter().bytes(1, Uint8Array.of(1)).finish())).toThrow(protocolFailure)
    expect(() => decodeDialledBack(new MessageWriter().texts(1, ['no address']).finish())).toThrow(protocolFailure)
    for (const decode of [decodeDialback, decodeDialledBack]) {
      expect(() => decode(new Uint8Array(limits.dialbackBytes + 1))).toThrow(protocolFailure)
    }
  })
})
