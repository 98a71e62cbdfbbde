// T20: what no honest peer sends over a stream of pieces, to a node that serves and to one that fetches: odd bitfields, pieces that
// do not exist, pieces nobody asked for, the same request twice, lengths that the peer chose, and frames of anything. The stream is
// closed and the reason counted, and the next stream is served as if nothing had been.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { bitfieldBytes, emptyBits, fullBits, setBit } from '../../src/core/swarm/bitfield.ts'
import type { PieceMessage } from '../../src/core/swarm/messages.ts'
import { pieceCount } from '../../src/core/swarm/pieces.ts'
import { sha256 } from '../../src/keys/ed25519.ts'
import { framePrefix } from '../../src/mesh/frames.ts'
import { encodePieceMessage } from '../../src/wire/pieces.ts'
import { MessageWriter } from '../../src/wire/protobuf.ts'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import { Hostile } from './hostile.ts'
import type { Heard, Lane } from './lane.ts'
import { announce, artifactOf, installed, PATH, publish, reaches, releaseFor, targetsFor } from './publishing.ts'

/** More than may wait for one peer; the last one short enough for a frame without a request. */
const served = artifactOf('served', 24 * limits.pieceBytesMin + 100)
const PIECES = 25
const { hash } = served.encoding
const SPARE_BITS = fullBits(PIECES).with(-1, 0xff)

let fleet: Fleet
let member: Member
let hostile: Hostile

beforeAll(async () => {
  fleet = await Fleet.create()
  member = await fleet.found('member')
  await fleet.join('hostile', fleet.token({ through: [member] }))
  hostile = await Hostile.start(fleet.data('hostile'))
  await hostile.dial(member)
  const document = announce(fleet, { releases: { [PATH]: releaseFor(served) } })
  await publish(member, document, { targets: targetsFor(fleet), artifacts: [served] })
  await reaches(member, 'committed', 1)
})
afterAll(closeFleets)

/** A new link: what was held against the old one is no pause for the next stream. */
async function relink(): Promise<void> {
  await hostile.hangUp(member)
  await hostile.dial(member)
}

function pieceOf({ bytes, encoding }: typeof served, index: number): Uint8Array {
  return bytes.subarray(index * encoding.pieceLength, (index + 1) * encoding.pieceLength)
}

/** A well-behaved request on a new stream is answered by the right bytes. */
async function expectServed(): Promise<void> {
  await relink()
  const lane = await hostile.lane(member)
  lane.say({ type: 'request', encoding: hash, index: PIECES - 1 })
  const isPiece = (message: Heard) => message.type === 'data' && message.index === PIECES - 1
  const data = await lane.hears('the piece', isPiece)
  expect('bytes' in data && sha256(data.bytes)).toEqual(sha256(pieceOf(served, PIECES - 1)))
  lane.close()
}

/** Exactly one refusal more, for this reason. */
async function expectCounted(before: Readonly<Record<string, number>>, code: string): Promise<void> {
  await hostile.settle(member)
  expect((await member.status()).refusals).toEqual({ ...before, [code]: (before[code] ?? 0) + 1 })
}

interface Attack {
  what: string
  code: string
  attack: (lane: Lane) => unknown
}

const attacks: Attack[] = [
  {
    what: 'a bitfield that is too short',
    code: 'malformed',
    attack: (lane) => lane.say({ type: 'bitfield', encoding: hash, bits: fullBits(PIECES - 8), wants: true }),
  },
  {
    what: 'a bitfield that is too long',
    code: 'malformed',
    attack: (lane) => lane.say({ type: 'bitfield', encoding: hash, bits: emptyBits(limits.pieces), wants: true }),
  },
  {
    what: 'a bitfield with spare bits',
    code: 'malformed',
    attack: (lane) => lane.say({ type: 'bitfield', encoding: hash, bits: SPARE_BITS, wants: false }),
  },
  {
    what: 'a piece gained that does not exist',
    code: 'malformed',
    attack: (lane) => lane.say({ type: 'have', encoding: hash, index: PIECES }),
  },
  {
    what: 'a request for a piece that does not exist',
    code: 'malformed',
    attack: (lane) => lane.say({ type: 'request', encoding: hash, index: limits.pieces - 1 }),
  },
  {
    what: 'a piece that nobody asked for',
    code: 'unasked',
    attack: (lane) => lane.give(hash, PIECES - 1, pieceOf(served, PIECES - 1)),
  },
  {
    what: 'a piece of something that nobody knows',
    code: 'unasked',
    attack: (lane) => lane.give('0'.repeat(64), 0, new Uint8Array(100)),
  },
  {
    what: 'the same request twice',
    code: 'tooOften',
    attack: (lane) => {
      for (const index of [0, 1, 2, 3, 3]) lane.say({ type: 'request', encoding: hash, index })
    },
  },
  {
    what: 'a request again while its piece is under way',
    code: 'tooOften',
    attack: (lane) => {
      lane.stream.pause() // it cannot be through: a piece and its frame are more than the window of a stream
      for (const index of [0, 0]) lane.say({ type: 'request', encoding: hash, index })
    },
  },
  {
    what: 'requests for more than may wait, and does not read',
    code: 'tooOften',
    attack: (lane) => {
      lane.stream.pause()
      for (let index = 0; index < PIECES - 1; index++) lane.say({ type: 'request', encoding: hash, index })
    },
  },
  {
    what: 'one bitfield after the other',
    code: 'tooOften',
    attack: (lane) => {
      const bits = emptyBits(PIECES)
      // Around the border of two minutes twice as many may come.
      for (let i = 0; i <= 2 * limits.bitfieldsPerMinute; i++)
        lane.say({ type: 'bitfield', encoding: hash, bits, wants: i % 2 === 0 })
    },
  },
  {
    what: 'messages that change nothing, one after the other',
    code: 'tooOften',
    attack: (lane) => tooOften(lane, { type: 'refuse', encoding: hash, index: 0 }),
  },
  {
    what: 'requests for what is not here, one after the other',
    code: 'tooOften',
    attack: async (lane) => {
      // Some at a time, since each is answered: who does not read is closed for that.
      while (lane.isOpen) {
        const answered = lane.heard.length
        tooOften(lane, { type: 'request', encoding: '0'.repeat(64), index: 0 }, limits.pieceSendsQueued / 2)
        await until('answers', () => !lane.isOpen || lane.heard.length - answered >= limits.pieceSendsQueued / 2)
      }
    },
  },
]

/** Around the border of two minutes twice as many may come. */
function tooOften(lane: Lane, message: PieceMessage, times = 2 * limits.pieceIdleMessages + 1): void {
  const bytes = encodePieceMessage(message)
  const frame = Buffer.concat([framePrefix(bytes.length), bytes])
  lane.stream.send(Buffer.concat(Array.from({ length: times }, () => frame)))
}

test.each(attacks)(
  'T20 it sends $what: closed and counted, and the next stream is served',
  async ({ code, attack }) => {
    await relink()
    const { refusals } = await member.status()
    const lane = await hostile.lane(member)
    await attack(lane)
    await lane.closed
    await expectCounted(refusals, code)
    await expectServed()
  },
)

const have = encodePieceMessage({ type: 'have', encoding: hash, index: 0 })
const garbage: [what: string, frame: Uint8Array][] = [
  ['noise', sha256(Buffer.from('noise'))],
  ['noise as long as a message may be', Buffer.alloc(limits.pieceControlBytes, sha256(Buffer.from('noise')))],
  ['a frame of nothing', new Uint8Array(0)],
  ['a message that is cut off', have.subarray(0, -4)],
  ['a message with a byte behind it', Buffer.concat([have, Uint8Array.of(0)])],
  [
    'an index above every bound',
    new MessageWriter().uint(1, 2).bytes(2, Buffer.from(hash, 'hex')).uint(3, 4_096).finish(),
  ],
  [
    'an index of 53 bits',
    new MessageWriter()
      .uint(1, 3)
      .bytes(2, Buffer.from(hash, 'hex'))
      .uint(3, 2 ** 53 - 1)
      .finish(),
  ],
  ['a hash of one byte', new MessageWriter().uint(1, 3).bytes(2, Uint8Array.of(1)).finish()],
]

test.each(garbage)('T20 it sends %s: closed, and the next stream is served', async (_what, frame) => {
  await relink()
  const lane = await hostile.lane(member)
  lane.frame(frame)
  await lane.closed
  await expectServed()
})

test('T20 frames of anything are counted', async () => {
  const before = await member.refused('malformed')
  for (const [, frame] of garbage) {
    await relink()
    const lane = await hostile.lane(member)
    lane.frame(frame)
    await lane.closed
  }
  await hostile.settle(member)
  expect(await member.refused('malformed')).toBe(before + garbage.length)
})

test('T20 what a newer version may say, and answers to questions that nobody asked, are borne', async () => {
  await relink()
  const { refusals } = await member.status()
  const lane = await hostile.lane(member)
  lane.frame(new MessageWriter().uint(1, 99).bytes(2, Buffer.from(hash, 'hex')).finish())
  for (const type of ['refuse', 'cancel'] as const) lane.say({ type, encoding: hash, index: 4_095 })
  lane.say({ type: 'bitfield', encoding: '0'.repeat(64), bits: Uint8Array.of(255), wants: true })
  lane.say({ type: 'request', encoding: '0'.repeat(64), index: 0 })
  await lane.hears('no', ({ type, encoding }) => type === 'refuse' && encoding === '0'.repeat(64))
  lane.say({ type: 'request', encoding: hash, index: PIECES - 1 })
  await lane.hears('the piece', ({ type }) => type === 'data')
  await hostile.settle(member)
  expect((await member.status()).refusals).toEqual(refusals)
})

test('T20 a node that fetches closes whoever sends it other pieces than it asked for, and completes', async () => {
  const wanted = artifactOf('wanted', 3 * limits.pieceBytesMin)
  const { encoding, list } = wanted
  const count = pieceCount(encoding.length, encoding.pieceLength)
  hostile.tricks.pieceLists = new Map([[encoding.pieceList, list]])
  await publish(member, announce(fleet, { version: 2, releases: { [PATH]: releaseFor(wanted, { counter: 2 }) } }))

  const oddBits = emptyBits(8 * (bitfieldBytes(count) + 1))
  setBit(oddBits, count)
  const answers: [code: string, answer: (lane: Lane, index: number) => void][] = [
    ['unasked', (lane, index) => lane.give(encoding.hash, (index + 1) % count, pieceOf(wanted, (index + 1) % count))],
    ['unasked', (lane, index) => lane.give(hash, index, pieceOf(wanted, index))],
    ['malformed', (lane) => lane.say({ type: 'bitfield', encoding: encoding.hash, bits: oddBits, wants: false })],
    ['malformed', (lane) => lane.say({ type: 'have', encoding: encoding.hash, index: count })],
  ]
  for (const [code, answer] of answers) {
    await relink()
    const lane = await asked(encoding.hash, count)
    const { refusals } = await member.status()
    answer(lane, indexAsked(lane))
    await lane.closed
    await expectCounted(refusals, code)
  }

  await relink()
  const lane = await asked(encoding.hash, count)
  const { refusals } = await member.status()
  const first = indexAsked(lane)
  lane.onHeard = (message) => {
    if (message.type === 'request') lane.give(encoding.hash, message.index, pieceOf(wanted, message.index))
  }
  lane.give(encoding.hash, first, pieceOf(wanted, first).subarray(0, 7)) // a length of its own choice: a bad piece
  await reaches(member, 'committed', 2)
  await expectCounted(refusals, 'badPiece')
  expect(await installed(member)).toBe(wanted.hash)
})

/** A stream that the member opened, on which it asked for a piece after it was told that all are here. */
async function asked(encoding: string, count: number): Promise<Lane> {
  const lane = await until('a stream of pieces', () => hostile.lanes.find(({ isOpen }) => isOpen))
  await lane.hears('a bitfield', (message) => message.type === 'bitfield' && message.encoding === encoding)
  lane.say({ type: 'bitfield', encoding, bits: fullBits(count), wants: false })
  await lane.hears('a request', ({ type }) => type === 'request')
  return lane
}

const indexAsked = ({ heard }: Lane): number =>
  heard.flatMap((message) => (message.type === 'request' ? message.index : []))[0]!

test('T20 after all that others are served', async () => {
  const other = await fleet.add('other', member)
  await reaches(other, 'committed', 2)
  expect(await installed(other)).toBe(await installed(member))
})
