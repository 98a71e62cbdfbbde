// The muxer: credit comes back in halves of a window and not for every frame, and nobody waits for it in vain.
import type { MessageStream, MultiaddrConnection, Stream } from '@libp2p/interface'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { afterEach, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { boundedYamux } from '../../src/mesh/muxer.ts'

const WINDOW_UPDATE = 1
const PART = limits.streamWindow / 8
const open: MultiaddrConnection[] = []

afterEach(() => {
  for (const connection of open.splice(0)) connection.abort(new Error('the test is over'))
})

/** A stream between two muxers, and the credit that its receiving end gives, beside what opens and answers. */
async function pair() {
  const [near, far] = multiaddrConnectionPair()
  open.push(near, far)
  const updates: number[] = []
  watch(far, updates)
  const [sender, receiver] = [near, far].map((end) => boundedYamux()().createStreamMuxer(end))
  const arrived = new Promise<Stream>((resolve) => {
    receiver?.addEventListener('stream', ({ detail }) => resolve(detail), { once: true })
  })
  const out = (await sender?.createStream()) as Stream
  out.send(Uint8Array.of(0))
  return { out, into: await arrived, updates }
}

function watch(connection: MessageStream, updates: number[]): void {
  const send = connection.send.bind(connection)
  connection.send = (data) => {
    const head = data.subarray(0, 12)
    if (head[1] === WINDOW_UPDATE && head[3] === 0)
      updates.push(new DataView(head.buffer, head.byteOffset).getUint32(8))
    return send(data)
  }
}

/** Resolves when so many bytes came. */
function until(stream: Stream, count: number): Promise<void> {
  let got = 0
  return new Promise((resolve) => {
    stream.addEventListener('message', ({ data }) => {
      got += data.byteLength
      if (got >= count) resolve()
    })
  })
}

async function sendAll(stream: Stream, parts: number): Promise<void> {
  for (let i = 0; i < parts; i++) {
    stream.send(new Uint8Array(PART))
    while (stream.writableNeedsDrain) await new Promise(setImmediate)
  }
}

test('the other side gets credit for half a window at once, and never runs out of it', async () => {
  const { out, into, updates } = await pair()
  const before = updates.length
  const all = until(into, 1 + 40 * PART)
  await Promise.all([sendAll(out, 40), all])
  const later = updates.slice(before)
  expect(later.length).toBeGreaterThan(0)
  expect(later.length).toBeLessThanOrEqual(40 / 4)
  for (const credit of later) expect(credit).toBeGreaterThanOrEqual(limits.streamWindow / 2)
})

test('who paused gives credit when it goes on, so that what was held goes on as well', async () => {
  const { out, into } = await pair()
  const all = until(into, 1 + 20 * PART)
  into.pause()
  const sent = sendAll(out, 20)
  while (!out.writableNeedsDrain) await new Promise(setImmediate)
  into.resume()
  await Promise.all([sent, all])
})
