// Noise: what is quicker here is byte for byte what it was, talks to noise as it comes, and lets no flipped bit through.
import type { Socket } from 'node:net'
import { noise, pureJsCrypto } from '@chainsafe/libp2p-noise'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { MessageStream, Upgrader } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddrConnectionPair } from '@libp2p/utils'
import fc from 'fast-check'
import { Uint8ArrayList } from 'uint8arraylist'
import { describe, expect, test } from 'vitest'
import { gather, NoiseFrames, swiftCrypto, swiftNoise } from '../../src/mesh/noise.ts'
import { failureOf } from './nodes.ts'

const KEY = new Uint8Array(32).fill(7)
const NONCE = new Uint8Array(12).fill(9)
const NONE = new Uint8Array(0)

/** Bytes that are not all alike. */
const pattern = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) % 256)

/** The same bytes as a list of parts of these lengths. */
function inParts(bytes: Uint8Array, lengths: readonly number[]): Uint8ArrayList {
  const list = new Uint8ArrayList()
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length] as number
    list.append(bytes.subarray(at, at + length))
    at += length
  }
  return list
}

const someLengths = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 4 })

describe('swiftCrypto', () => {
  test('seals and opens what the reference in JavaScript does, however the bytes lie in memory', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 65_519 }),
        someLengths,
        fc.uint8Array({ maxLength: 32 }),
        (length, parts, ad) => {
          const plain = pattern(length)
          const sealed = pureJsCrypto.chaCha20Poly1305Encrypt(plain, NONCE, ad, KEY).subarray()
          expect(
            swiftCrypto.chaCha20Poly1305Encrypt(inParts(plain, parts) as never, NONCE, ad, KEY).subarray(),
          ).toEqual(sealed)
          const opened = swiftCrypto.chaCha20Poly1305Decrypt(inParts(sealed, parts) as never, NONCE, ad, KEY)
          expect(new Uint8Array(opened.subarray())).toEqual(plain)
        },
      ),
      { numRuns: 30 },
    )
  })

  test.each([0, 1_199, 1_200, 65_519])('a flipped bit in %d bytes, or in their tag, is refused', (length) => {
    const sealed = pureJsCrypto.chaCha20Poly1305Encrypt(pattern(length), NONCE, NONE, KEY).subarray()
    for (const at of new Set([0, length >> 1, length, sealed.length - 1])) {
      const bad = sealed.slice()
      bad[at] = (bad[at] as number) ^ 1
      const open = () => swiftCrypto.chaCha20Poly1305Decrypt(inParts(bad, [1_000]) as never, NONCE, NONE, KEY)
      expect(open).toThrow()
    }
  })
})

test('NoiseFrames gives the frames that were sent, in whatever parts they come', () => {
  const frames = fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 6 })
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 4 }), (sent, parts) => {
      const bytes = new Uint8ArrayList(
        ...sent.flatMap((frame) => [Uint8Array.of(frame.length >> 8, frame.length & 255), frame]),
      ).subarray()
      const [reader, got] = [new NoiseFrames(), [] as Uint8Array[]]
      for (const part of inParts(bytes, parts)) for (const frame of reader.next(part)) got.push(frame.slice())
      expect(got).toEqual(sent)
    }),
  )
})

async function componentsOf() {
  const privateKey = await generateKeyPair('Ed25519')
  const upgrader = { getStreamMuxers: () => new Map() } as unknown as Upgrader
  return { privateKey, peerId: peerIdFromPrivateKey(privateKey), logger: defaultLogger(), upgrader }
}

/** Resolves with so many bytes that come on a stream. */
function read(stream: MessageStream, count: number): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>()
  const list = new Uint8ArrayList()
  stream.addEventListener('message', ({ data }) => {
    list.append(data)
    if (list.byteLength >= count) resolve(list.slice())
  })
  return promise
}

describe('swiftNoise', () => {
  test.each(['inbound', 'outbound'] as const)('speaks with noise as it comes, %s, both ways', async (direction) => {
    const [here, there] = [await componentsOf(), await componentsOf()]
    const [own, far] = multiaddrConnectionPair()
    const [ours, theirs] = [swiftNoise(here), noise()(there)]
    const [us, them] = await Promise.all(
      direction === 'inbound'
        ? [ours.secureInbound(own), theirs.secureOutbound(far)]
        : [ours.secureOutbound(own), theirs.secureInbound(far)],
    )
    expect(us.remotePeer.equals(there.peerId)).toBe(true)
    const long = pattern(300_000)
    const arrived = [read(us.connection, long.length), read(them.connection, long.length)]
    for (const { connection } of [us, them]) {
      connection.send(long.subarray(0, 5))
      connection.send(new Uint8ArrayList(long.subarray(5, 17), long.subarray(17)))
    }
    for (const bytes of await Promise.all(arrived)) expect(bytes).toEqual(long)
  })

  test.each([0, 15, 16, 2_000])('%d bytes that nobody sealed end the connection', async (length) => {
    const [here, there] = [await componentsOf(), await componentsOf()]
    const [own, far] = multiaddrConnectionPair()
    const [us] = await Promise.all([swiftNoise(here).secureInbound(own), noise()(there).secureOutbound(far)])
    const closed = new Promise((resolve) => us.connection.addEventListener('close', ({ error }) => resolve(error)))
    far.send(Uint8Array.of(length >> 8, length & 255, ...pattern(length)))
    expect(await closed).toBeInstanceOf(Error)
    expect(us.connection.status).toBe('aborted')
  })

  test('a handshake that comes to nothing rejects', async () => {
    const [own, far] = multiaddrConnectionPair()
    const failed = failureOf(swiftNoise(await componentsOf()).secureInbound(own))
    far.send(Uint8Array.of(0, 32, ...pattern(32)))
    far.abort(new Error('gone'))
    expect(await failed).toBeInstanceOf(Error)
  })
})

test('all parts of what is sent go to the socket between one cork and its end, and its last word on room counts', () => {
  const done: string[] = []
  const socket = {
    cork: () => done.push('cork'),
    write: ({ length }: Uint8Array) => done.push(`write ${length}`) < 4,
    uncork: () => done.push('uncork'),
  } as unknown as Socket
  const connection = { socket, sendData: () => ({ sentBytes: 0, canSendMore: true }) }
  gather(connection as unknown as MessageStream)
  const send = connection.sendData as unknown as (data: Uint8ArrayList) => object
  const list = new Uint8ArrayList(new Uint8Array(2), new Uint8Array(9), new Uint8Array(16))
  expect(send(list)).toEqual({ sentBytes: 27, canSendMore: false })
  expect(done).toEqual(['cork', 'write 2', 'write 9', 'write 16', 'uncork'])
})
