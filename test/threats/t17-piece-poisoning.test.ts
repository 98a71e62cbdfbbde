// T17: two of the four peers of each node claim every piece and send it with a flipped bit. Each node bans each of them by its second bad piece, what
// they cost stays below 5 % of the pieces, and the file that everybody installs is right. Nobody asks them for another release either.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { NodeId } from '../../src/core/env.ts'
import { limits } from '../../src/core/limits.ts'
import { fullBits } from '../../src/core/swarm/bitfield.ts'
import { pieceCount } from '../../src/core/swarm/pieces.ts'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import { Hostile } from './hostile.ts'
import {
  type Artifact,
  announce,
  artifactOf,
  installed,
  PATH,
  publish,
  reaches,
  releaseFor,
  targetsFor,
} from './publishing.ts'

const PIECES = 120
const WASTE = 0.05

let fleet: Fleet
let publisher: Member
let nodes: Member[]
let liars: Liar[]

/** Claims to hold all, and flips a bit of what it gives. */
class Liar {
  readonly hostile: Hostile
  /** How many pieces it gave to whom. */
  readonly given = new Map<NodeId, number>()

  constructor(hostile: Hostile, artifacts: readonly Artifact[]) {
    this.hostile = hostile
    hostile.onLane = (lane) => {
      lane.onHeard = (message) => {
        const artifact = artifacts.find(({ encoding }) => encoding.hash === message.encoding)
        if (artifact === undefined) return
        const { encoding, bytes } = artifact
        const { hash, length, pieceLength } = encoding
        if (message.type === 'bitfield')
          lane.say({ type: 'bitfield', encoding: hash, bits: fullBits(pieceCount(length, pieceLength)), wants: false })
        if (message.type !== 'request') return
        this.given.set(lane.peer, (this.given.get(lane.peer) ?? 0) + 1)
        const piece = bytes.slice(message.index * pieceLength, (message.index + 1) * pieceLength)
        const at = message.index % piece.length
        piece[at] = (piece[at] as number) ^ 1
        lane.give(hash, message.index, piece)
      }
    }
  }
}

const large = artifactOf('large', PIECES * limits.pieceBytesMin - 1)
const small = artifactOf('small')

beforeAll(async () => {
  fleet = await Fleet.create()
  publisher = await fleet.found('publisher')
  nodes = await Promise.all(['n1', 'n2'].map((name) => fleet.add(name, publisher)))
  liars = await Promise.all(
    ['l1', 'l2'].map(async (name) => {
      await fleet.join(name, fleet.token({ through: [publisher] }))
      return new Liar(await Hostile.start(fleet.data(name)), [large, small])
    }),
  )
  for (const node of nodes) {
    for (const { hostile } of liars) await hostile.dial(node)
    await until('all links', async () => (await node.status()).links.length === nodes.length + liars.length)
  }
})
afterAll(closeFleets)

test('T17 each node bans each liar by its second bad piece, and ends with the right file', async () => {
  const before = await Promise.all(nodes.map(bytesIn))
  const document = announce(fleet, { releases: { [PATH]: releaseFor(large) } })
  await publish(publisher, document, { targets: targetsFor(fleet), artifacts: [large] })
  for (const node of nodes) await reaches(node, 'committed', 1)

  for (const [i, node] of nodes.entries()) {
    expect(await installed(node)).toBe(large.hash)
    expect(await node.refused('badPiece')).toBe(limits.badPieces * liars.length)
    expect(node.logged('providerBanned')).toHaveLength(liars.length)
    for (const { given } of liars) expect(given.get(node.id)).toBe(limits.badPieces)
    expect((await bytesIn(node)) - (before[i] as number)).toBeLessThan((1 + WASTE) * large.bytes.length)
  }
})

test('T17 nobody asks them for another release, and they are still given what they ask for', async () => {
  const document = announce(fleet, { version: 2, releases: { [PATH]: releaseFor(small, { counter: 2 }) } })
  const asked = liars.map(({ given }) => new Map(given))
  const [node] = nodes as [Member]
  const { hostile } = liars[0]!
  hostile.tricks.pieceLists = new Map([[small.encoding.pieceList, small.list]])
  // Nobody but a liar claims to have it.
  await publish(publisher, document)
  for (const each of nodes) await reaches(each, 'fetching', 2)
  const lane = await hostile.lane(node)
  lane.say({ type: 'bitfield', encoding: small.encoding.hash, bits: fullBits(1), wants: true })
  lane.say({ type: 'have', encoding: small.encoding.hash, index: 0 })
  for (let i = 0; i < 3; i++) await hostile.settle(node)
  expect(hostile.asked).not.toContainEqual({
    peer: node.id,
    request: { type: 'pieceList', hash: small.encoding.pieceList },
  })

  await publish(publisher, document, { artifacts: [small] })
  for (const each of nodes) await reaches(each, 'committed', 2)
  lane.say({ type: 'request', encoding: small.encoding.hash, index: 0 })
  await lane.hears('the piece', ({ type }) => type === 'data')
  expect(lane.heard.filter(({ type }) => type === 'request')).toEqual([])
  expect(liars.map(({ given }) => given)).toEqual(asked)
})

async function bytesIn(node: Member): Promise<number> {
  return (await node.status()).traffic.bytesIn
}
