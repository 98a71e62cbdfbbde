// What a relay holds of a circuit whose receiver is slow, and what its rate and its budget do to one (clause RELAY 5).
import type { Stream } from '@libp2p/interface'
import { afterEach, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { boundedFrames } from '../../src/mesh/frames.ts'
import { CALL_PROTOCOL, RELAY_PROTOCOL } from '../../src/mesh/relay.ts'
import type { RelayAllowance } from '../../src/mesh/relay-budget.ts'
import { encodeRelayRequest } from '../../src/wire/relay.ts'
import { never, startNode, stopNodes } from './nodes.ts'

afterEach(stopNodes)

const CHUNK = 64 * 1024

/** A circuit as the relay's protocol makes it, without noise and a muxer on it: both ends do as they like. */
async function circuit(relayOptions: Partial<RelayAllowance> = {}) {
  const [relay, caller, called] = [await startNode({ relay: relayOptions }), await startNode(), await startNode()]
  const arrived = Promise.withResolvers<Stream>()
  await called.libp2p.unhandle(CALL_PROTOCOL)
  await called.libp2p.handle(CALL_PROTOCOL, async (stream) => {
    const frames = boundedFrames(stream, limits.relayMessageBytes, limits.relayEarlyBytes)
    await frames.read()
    arrived.resolve(frames.unwrap())
  })
  relay.mesh.links.offerRelay(true)
  await Promise.all([caller.dial(relay), called.dial(relay)])
  await called.mesh.links.reserve(relay.id, { signal: never() })
  const stream = (await caller.libp2p.getConnections()[0]?.newStream(RELAY_PROTOCOL)) as Stream
  const frames = boundedFrames(stream, limits.relayMessageBytes)
  await frames.write(encodeRelayRequest({ type: 'connect', peer: called.id }))
  await frames.read()
  return { relay, called, from: frames.unwrap(), to: await arrived.promise }
}

test('a receiver that does not read stops the sender, and the relay holds three windows at most; then all of it arrives', async () => {
  const { relay, from, to } = await circuit()
  to.pause()
  const total = 8 * 1024 * 1024
  let [sent, received, sum] = [0, 0, 0]
  const send = () => {
    while (sent < total) {
      const chunk = new Uint8Array(CHUNK).fill(sent / CHUNK)
      sent += CHUNK
      if (!from.send(chunk)) return
    }
  }
  from.addEventListener('drain', send)
  send()
  await settled(() => relay.mesh.links.relaying().bytes)
  const stuck = relay.mesh.links.relaying().bytes
  expect(stuck).toBeGreaterThanOrEqual(limits.streamWindow)
  expect(stuck).toBeLessThanOrEqual(3 * limits.streamWindow)
  expect(sent).toBeLessThan(5 * limits.streamWindow)
  const all = Promise.withResolvers<void>()
  to.addEventListener('message', ({ data }) => {
    received += data.byteLength
    for (const part of data instanceof Uint8Array ? [data] : data) sum += part[0] ?? 0
    if (received >= total) all.resolve()
  })
  to.resume()
  await all.promise
  expect(received).toBe(total)
  expect(sum).toBeGreaterThan(0)
  expect(relay.mesh.links.relaying().bytes).toBe(total)
})

test('a relay forwards no more in a second than it may', async () => {
  const { from, to } = await circuit({ rate: 200_000 })
  const begun = performance.now()
  const done = Promise.withResolvers<void>()
  let received = 0
  to.addEventListener('message', ({ data }) => {
    received += data.byteLength
    if (received >= 800_000) done.resolve()
  })
  for (let sent = 0; sent < 800_000; sent += 50_000) from.send(new Uint8Array(50_000))
  await done.promise
  // 200 kB at once, and the rest at 200 kB a second; the last of it, a window at most, is let through before it is paid for.
  expect(performance.now() - begun).toBeGreaterThan((1_000 * (800_000 - 200_000 - limits.streamWindow)) / 200_000)
})

test('T27 amplification: bytes of a relay are capped; when the portion is used up it ends its circuits and says it is full', async () => {
  const { relay, called, from, to } = await circuit({ monthly: 30 * 300_000 })
  const ended = new Promise<void>((resolve) => from.addEventListener('close', () => resolve()))
  let received = 0
  to.addEventListener('message', ({ data }) => {
    received += data.byteLength
  })
  const send = () => {
    while (from.status === 'open' && from.send(new Uint8Array(CHUNK)));
  }
  from.addEventListener('drain', send)
  send()
  await ended
  await called.diary.until('unreserved', relay.id)
  expect(called.diary.of('unreserved')).toMatchObject([{ why: 'full' }])
  expect(received).toBeLessThanOrEqual(300_000 + limits.streamWindow)
  expect(relay.mesh.links.relaying()).toMatchObject({ reservations: 0, circuits: 0 })
  expect(relay.mesh.links.relaying().bytes).toBeLessThanOrEqual(300_000 + limits.streamWindow)
  expect(relay.mesh.links.relaying().refused).toBeGreaterThan(0)
  const again = called.mesh.links.reserve(relay.id, { signal: never() })
  await expect(again).rejects.toMatchObject({ code: 'E_RELAY_FULL' })
})

/** Resolves when the figure has not changed for some turns of the loop, a few milliseconds each. */
async function settled(figure: () => number): Promise<void> {
  for (let [last, same] = [-1, 0]; same < 20; ) {
    await new Promise((resolve) => setTimeout(resolve, 10))
    same = figure() === last ? same + 1 : 0
    last = figure()
  }
}
