// T02: a hostile member that does not stop. It sends more than was announced on a stream of pieces, asks and answers in a gigabyte,
// claims lengths that would have to be allocated, nests JSON 100,000 deep, and signs documents and records longer than any may be: each
// ends at its cap, memory stays, and the node goes on.

import { request } from 'node:http'
import { json } from 'node:stream/consumers'
import type { Stream } from '@libp2p/interface'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { PROTOCOLS, type ProtocolName } from '../../src/core/protocols.ts'
import { fullBits } from '../../src/core/swarm/bitfield.ts'
import { apiSocket } from '../../src/daemon/api-client.ts'
import { framePrefix } from '../../src/mesh/frames.ts'
import { canonicalBytes, type JsonObject, jsonOf } from '../../src/wire/canonical.ts'
import { decodeEnvelope } from '../../src/wire/envelope.ts'
import { encodeRecord } from '../../src/wire/record.ts'
import { encodeSigned, sha256Hex } from '../../src/wire/signed.ts'
import { keyOf } from '../fixtures/documents.ts'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import { forge, Hostile } from './hostile.ts'
import { flood, type Lane } from './lane.ts'
import { growthOf } from './memory.ts'
import {
  announce,
  artifactOf,
  head,
  holdings,
  installed,
  PATH,
  publish,
  reaches,
  releaseFor,
  targetsFor,
} from './publishing.ts'

const MIB = 1_048_576
const GIB = 1024 * MIB
/** Bytes that were on their way when a stream was cut: its window is 256 KiB. */
const UNDERWAY = MIB
const GROWTH = 16 * MIB
/** The largest length that four bytes can say. */
const LARGEST = 2 ** 28 - 1

const small = artifactOf('small')

let fleet: Fleet
let member: Member
let hostile: Hostile

beforeAll(async () => {
  fleet = await Fleet.create()
  member = await fleet.found('member')
  await fleet.join('hostile', fleet.token({ through: [member] }))
  hostile = await Hostile.start(fleet.data('hostile'))
  await hostile.dial(member)
  const document = announce(fleet, { releases: { [PATH]: releaseFor(small) } })
  await publish(member, document, { targets: targetsFor(fleet), artifacts: [small] })
  await reaches(member, 'committed', 1)
})
afterAll(closeFleets)

/** It answers, and hears the hostile member still: nothing of it broke, and the link stayed. */
async function goesOn(): Promise<void> {
  await hostile.settle(member)
  expect((await member.status()).links.map(({ node }) => node)).toEqual([hostile.id])
}

test.each(Object.keys(PROTOCOLS) as ProtocolName[])(
  'T02 %s: a question beyond its cap is cut off',
  async (protocol) => {
    // A length, a length beyond any number, and one that never ends.
    for (const [prefix, byte] of [
      [framePrefix(LARGEST), 0],
      [new Uint8Array(64).fill(255), 0],
      [new Uint8Array(64).fill(255), 255],
    ] as const) {
      const { result, bytes } = await growthOf(async () => {
        const stream = await hostile.stream(member, PROTOCOLS[protocol])
        stream.send(prefix)
        return flood(stream, GIB, byte)
      })
      expect(result).toBeLessThan(UNDERWAY)
      expect(bytes).toBeLessThan(GROWTH)
    }
    await goesOn()
  },
)

test('T02 sync: JSON that is nested deeper than any document is refused, from a peer and on the spot', async () => {
  const before = await holdings(member)
  for (const depth of [30_000, 100_000]) {
    const deep = Buffer.from(`{"signatures":[],"signed":${'['.repeat(depth)}${']'.repeat(depth)}}`)
    const announced = { role: 'acme', epoch: 1, version: 2, hash: 'd'.repeat(58) + String(depth).padStart(6, '0') }
    hostile.tricks.bodies = new Map([[announced.hash, deep]])
    const missing = await member.refused('malformed')
    const { bytes } = await growthOf(async () => {
      await hostile.sayHead(member, announced)
      await until('a refusal', async () => (await member.refused('malformed')) > missing)
      await expect(publish(member, { raw: deep } as never)).rejects.toMatchObject({ code: 'E_DOCUMENT' })
    })
    expect(bytes).toBeLessThan(GROWTH)
  }
  const nested = await post('['.repeat(100_000) + ']'.repeat(100_000))
  expect(nested).toMatchObject({ status: 400, body: { error: { code: 'E_USAGE' } } })
  expect(await holdings(member)).toEqual(before)
  await goesOn()
})

test('T02 sync: an announcement beyond its cap is refused, though its answer is within, from a peer and on the spot', async () => {
  const before = await holdings(member)
  const { signed } = jsonOf(announce(fleet, { version: 2 }).raw) as { signed: JsonObject }
  const long = { ...signed, note: 'x'.repeat(limits.announcementBytes) }
  const raw = encodeSigned(long, [keyOf('publisher')])
  const announced = { role: 'acme', epoch: 1, version: 2, hash: sha256Hex(canonicalBytes(long)) }
  hostile.tricks.bodies = new Map([[announced.hash, raw]])
  const malformed = await member.refused('malformed')
  await hostile.sayHead(member, announced)
  await until('a refusal', async () => (await member.refused('malformed')) > malformed)
  await expect(publish(member, { raw } as never)).rejects.toMatchObject({
    code: 'E_DOCUMENT',
    message: expect.stringContaining(`more than ${limits.announcementBytes}`),
  })
  expect(await holdings(member)).toEqual(before)
  await goesOn()
})

test('T02 sync: an answer beyond its cap is cut off', async () => {
  const document = announce(fleet, { version: 3 })
  const flooded = Promise.withResolvers<number>()
  const serve = (stream: Stream) => {
    stream.send(framePrefix(LARGEST))
    void flood(stream, GIB).then(flooded.resolve)
  }
  const before = await holdings(member)
  const missing = await member.refused('bodyMissing')
  const attack = async () => {
    await hostile.sayHead(member, head(document))
    return flooded.promise
  }
  const { result, bytes } = await hostile.servingRaw(serve, () => growthOf(attack))
  expect(result).toBeLessThan(UNDERWAY)
  expect(bytes).toBeLessThan(GROWTH)
  await until('a refusal', async () => (await member.refused('bodyMissing')) > missing)
  expect(await holdings(member)).toEqual(before)
  await goesOn()
})

/** A new link begins without a pause before the next stream. */
async function relink(): Promise<void> {
  await hostile.hangUp(member)
  await hostile.dial(member)
}

test('T02 pieces: what is longer than was announced is cut off, and the download goes on', async () => {
  const wanted = artifactOf('wanted', limits.pieceBytesMin + 1_000)
  const { encoding, bytes, list } = wanted
  const document = announce(fleet, { version: 4, releases: { [PATH]: releaseFor(wanted, { counter: 2 }) } })
  hostile.tricks.pieceLists = new Map([[encoding.pieceList, list]])
  await publish(member, document)

  for (const length of [LARGEST, limits.pieceBytesMax, limits.pieceBytesMin + limits.pieceFrameBytes + 1]) {
    const lane = await asked()
    const { result, bytes: growth } = await growthOf(async () => {
      lane.stream.send(framePrefix(length))
      return flood(lane.stream, GIB)
    })
    await lane.closed
    expect(result).toBeLessThan(UNDERWAY)
    expect(growth).toBeLessThan(GROWTH)
    await goesOn()
    await relink()
  }

  // Within what a frame may add, and yet longer than the piece.
  const lane = await asked()
  const bad = await member.refused('badPiece')
  const index = indexAsked(lane)
  lane.onHeard = (message) =>
    void (message.type === 'request' && lane.give(encoding.hash, message.index, piece(message.index)))
  lane.give(encoding.hash, index, Buffer.concat([piece(index), new Uint8Array(8)]))
  await until('a bad piece', async () => (await member.refused('badPiece')) > bad)
  await reaches(member, 'committed', 2)
  expect(await installed(member)).toBe(wanted.hash)

  function piece(index: number): Uint8Array {
    return bytes.subarray(index * encoding.pieceLength, (index + 1) * encoding.pieceLength)
  }

  /** A stream on which the member asked for a piece. */
  async function asked(): Promise<Lane> {
    const open = await until('a stream of pieces', () => hostile.lanes.find(({ isOpen }) => isOpen))
    await open.hears('a bitfield', ({ type }) => type === 'bitfield')
    open.say({ type: 'bitfield', encoding: encoding.hash, bits: fullBits(2), wants: false })
    await open.hears('a request', ({ type }) => type === 'request')
    return open
  }
})

const indexAsked = ({ heard }: Lane): number =>
  heard.findLast((message): message is Extract<typeof message, { type: 'request' }> => message.type === 'request')!
    .index

test('T02 pieces: a message without a piece is cut off at its cap', async () => {
  for (const length of [LARGEST, limits.pieceBytesMax, limits.pieceControlBytes + 1]) {
    await relink()
    const lane = await hostile.lane(member)
    const { result, bytes } = await growthOf(async () => {
      lane.stream.send(framePrefix(length))
      return flood(lane.stream, GIB)
    })
    await lane.closed
    expect(result).toBeLessThan(UNDERWAY)
    expect(bytes).toBeLessThan(GROWTH)
    await goesOn()
  }
})

test('T02 gossip: a record beyond its cap is not taken, and the same within it is', async () => {
  const body = encodeRecord({ incarnation: 1, counter: 1, promise: 10_000, flags: 0, metrics: [], installs: [] })
  const sealed = decodeEnvelope(hostile.seal({ body }))
  for (const most of [limits.recordBytes, limits.gossipMessageBytes])
    await hostile.say(member, member.zone, forge(sealed, {}, new Uint8Array(most)))
  await hostile.barrier(member)
  expect(await member.row(hostile.id)).toBeUndefined()
  await hostile.say(member, member.zone, sealed.raw)
  await member.seesStatus(hostile.id, 'up')
  await goesOn()
})

/** A submission to the local API, as text that no client of ours would send. */
function post(text: string): Promise<{ status: number | undefined; body: unknown }> {
  return new Promise((resolve, reject) => {
    const options = { socketPath: apiSocket(member.data), agent: false, method: 'POST', path: '/v1/announcements' }
    const asked = request(options, async (response) => {
      resolve({ status: response.statusCode, body: await json(response) })
    })
    asked.once('error', reject)
    asked.end(text)
  })
}
