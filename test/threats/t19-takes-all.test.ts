// T19: a member takes all and gives none: it asks the publisher for one piece after the other, over and over, with as many requests
// as anybody may have, and comes back with a new stream when that is of use. It gets what the publisher allows each member,
// whatever it does; an honest node beside it gets its own part, and the release.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { pieceCount } from '../../src/core/swarm/pieces.ts'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import { Hostile } from './hostile.ts'
import type { Lane } from './lane.ts'
import { announce, artifactOf, installed, PATH, publish, reaches, releaseFor, targetsFor } from './publishing.ts'

const PIECES = 16
/** Bytes a second. On loopback, where all of this is, without a bound it would get a hundred times as much. */
const EACH = 1_000_000
/** Requests that it has out: as many as an honest peer, twice. */
const GREED = 2 * limits.requestsPerPeer
/** It opens a new stream after so many pieces. */
const PIECES_OF_A_STREAM = 5

let fleet: Fleet
let publisher: Member
let node: Member
let taker: Hostile

const artifact = artifactOf('wanted', PIECES * limits.pieceBytesMin)
const { encoding } = artifact

beforeAll(async () => {
  fleet = await Fleet.create()
  publisher = await fleet.found('publisher', `[swarm]\nlan = true\neach = "${EACH / 1_000} kB/s"\n`)
  node = await fleet.add('node', publisher)
  await fleet.join('taker', fleet.token({ through: [publisher] }))
  taker = await Hostile.start(fleet.data('taker'))
  await taker.dial(publisher)
  await until('both links', async () => (await publisher.status()).links.length === 2)
})
afterAll(closeFleets)

/** Takes pieces until the signal comes. Resolves with the bytes that it got. */
async function takeAll(done: AbortSignal): Promise<number> {
  let got = 0
  while (!done.aborted) {
    const lane = await taker.lane(publisher)
    got += await takeSome(lane, done)
    lane.close()
  }
  return got
}

async function takeSome(lane: Lane, done: AbortSignal): Promise<number> {
  let [asked, pieces, got] = [0, 0, 0]
  const enough = Promise.withResolvers<void>()
  const ask = () =>
    lane.say({
      type: 'request',
      encoding: encoding.hash,
      index: asked++ % pieceCount(encoding.length, encoding.pieceLength),
    })
  lane.onHeard = (message) => {
    if (message.type !== 'data') return
    got += message.bytes.length
    pieces += 1
    if (pieces >= PIECES_OF_A_STREAM || done.aborted) enough.resolve()
    else ask()
  }
  while (asked < GREED) ask()
  await Promise.race([enough.promise, lane.closed, new Promise((resolve) => done.addEventListener('abort', resolve))])
  return got
}

test('T19 who takes all and gives none gets the upload budget of one member, and an honest node has the release', async () => {
  const document = announce(fleet, { releases: { [PATH]: releaseFor(artifact) } })
  const since = performance.now()
  await publish(publisher, document, { targets: targetsFor(fleet), artifacts: [artifact] })
  const done = new AbortController()
  const taking = takeAll(done.signal)
  await reaches(node, 'committed', 1)
  done.abort()
  const got = await taking
  const allowed = (EACH * (performance.now() - since)) / 1_000 + EACH + limits.pieceBytesMin

  expect(got).toBeGreaterThan(PIECES_OF_A_STREAM * limits.pieceBytesMin)
  expect(got).toBeLessThanOrEqual(allowed)
  expect(await installed(node)).toBe(artifact.hash)
  const { budgets } = await publisher.status()
  expect(budgets).toMatchObject({ each: EACH, lan: true, paused: null })
  expect(budgets?.month.up).toBeGreaterThanOrEqual(artifact.bytes.length + got)
})
