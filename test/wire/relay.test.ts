import { describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { MessageWriter } from '../../src/wire/protobuf.ts'
import {
  decodeCaller,
  decodeRelayAnswer,
  decodeRelayRequest,
  encodeCaller,
  encodeRelayAnswer,
  encodeRelayRequest,
} from '../../src/wire/relay.ts'

const protocolFailure = expect.objectContaining({ code: 'E_PROTOCOL' })
const peer = '12D3KooWRBty73UNWs9sx7CLx4HpvAjFx9hh5m1nYWzZzSD9EyTm'
const addresses = ['/ip4/203.0.113.7/tcp/31415', '/dns4/relay.example/tcp/443']

describe('messages of a relay (clause RELAY 2)', () => {
  it('come back as they were sent', () => {
    for (const request of [{ type: 'reserve' } as const, { type: 'connect', peer } as const]) {
      expect(decodeRelayRequest(encodeRelayRequest(request))).toEqual(request)
    }
    for (const status of ['ok', 'full', 'refused', 'absent'] as const) {
      expect(decodeRelayAnswer(encodeRelayAnswer({ status, addresses }))).toEqual({ status, addresses })
    }
    expect(decodeCaller(encodeCaller(peer))).toBe(peer)
    expect([...encodeRelayRequest({ type: 'reserve' })]).toEqual([])
    expect([...encodeRelayAnswer({ status: 'full', addresses: [] })]).toEqual([8, 2])
  })

  it('fit their bound with the most and longest addresses', () => {
    const longest = `/dns/${'x'.repeat(limits.addressLength - 5)}`
    const bytes = encodeRelayAnswer({ status: 'ok', addresses: Array(20).fill(longest) })
    expect(bytes.length).toBeLessThanOrEqual(limits.relayMessageBytes)
    expect(decodeRelayAnswer(bytes).addresses.length).toBe(limits.addressesPerContact)
  })

  it('of a newer version: a status that is not known counts as refused, and more fields are skipped', () => {
    const newer = new MessageWriter().uint(1, 9).uint(7, 1).finish()
    expect(decodeRelayAnswer(newer)).toEqual({ status: 'refused', addresses: [] })
    expect(decodeRelayRequest(new MessageWriter().uint(5, 1).finish())).toEqual({ type: 'reserve' })
  })

  it('are refused when they name nobody, no node, no status, no address, or are too long', () => {
    const nobody = new MessageWriter().text(1, 'nobody').finish()
    expect(() => decodeRelayRequest(nobody)).toThrow(protocolFailure)
    expect(() => decodeCaller(nobody)).toThrow(protocolFailure)
    expect(() => decodeCaller(new Uint8Array(0))).toThrow(protocolFailure)
    expect(() => decodeRelayAnswer(new Uint8Array(0))).toThrow(protocolFailure)
    const junk = new MessageWriter().uint(1, 1).texts(2, ['not an address']).finish()
    expect(() => decodeRelayAnswer(junk)).toThrow(protocolFailure)
    for (const decode of [decodeRelayRequest, decodeRelayAnswer, decodeCaller]) {
      expect(() => decode(new Uint8Array(limits.relayMessageBytes + 1))).toThrow(protocolFailure)
    }
  })
})
