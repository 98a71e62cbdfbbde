// Transfers between streams, disk and installer, with ports that the test holds in its hands.
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Input } from '../../src/core/events.ts'
import type { InstallJob } from '../../src/core/rollout/states.ts'
import { PieceTraffic } from '../../src/daemon/piece-traffic.ts'
import { Transfers } from '../../src/daemon/transfers.ts'
import type { Artifacts } from '../../src/ports/artifacts.ts'
import { ArtifactFailure, InstallFailure } from '../../src/ports/disk-failure.ts'
import type { Installer } from '../../src/ports/installer.ts'
import type { PieceEvents, Pieces } from '../../src/ports/pieces.ts'
import { decodePieceMessage, encodePieceData, encodePieceMessage } from '../../src/wire/pieces.ts'

const ENCODING = 'ab'.repeat(32)
const BYTES = Uint8Array.from([1, 2, 3])
/** BYTES where they are wanted. */
function into(room: ((length: number) => Uint8Array) | undefined): Uint8Array {
  const bytes = (room as (length: number) => Uint8Array)(BYTES.length)
  bytes.set(BYTES)
  return bytes
}

const job: InstallJob = {
  path: 'acme/agent',
  release: 'cd'.repeat(32),
  counter: 1,
  version: '1',
  artifact: { hash: 'ef'.repeat(32), length: 3 },
  encoding: { type: 'identity', hash: ENCODING, sha256: ENCODING },
  installer: { type: 'file', file: 'agent', executable: false },
}

async function stand(
  artifacts: Partial<Artifacts> = {},
  installer: Partial<Installer> = {},
  piecePorts: Partial<Pieces> = {},
) {
  const [fed, closed, sent, defects]: [Input[], string[], Uint8Array[], string[]] = [[], [], [], []]
  let events!: PieceEvents
  const pieces: Pieces = {
    onEvents: async (given) => {
      events = given
    },
    open: () => undefined,
    expect: () => undefined,
    send: async (_peer, bytes) => void sent.push(bytes),
    close: (peer) => void closed.push(peer),
    ...piecePorts,
  }
  const ports = { pieces, artifacts: artifacts as Artifacts, installer: installer as Installer }
  const waiting: ((input: Input) => boolean)[] = []
  const feed = (input: Input) => {
    fed.push(input)
    for (const [at, wake] of [...waiting.entries()].reverse()) if (wake(input)) waiting.splice(at, 1)
  }
  const next = <T extends Input['type']>(type: T) =>
    new Promise<Extract<Input, { type: T }>>((resolve) => {
      waiting.push((input) => {
        if (input.type !== type) return false
        resolve(input as Extract<Input, { type: T }>)
        return true
      })
    })
  const abort = new AbortController()
  const onDefect = (detail: string) => void defects.push(detail)
  const traffic = new PieceTraffic((peer) => (peer === 'gone' ? undefined : { route: 'lan', mate: peer === 'peer' }))
  const transfers = new Transfers(ports, { feed, traffic, onDefect, signal: abort.signal })
  await transfers.attach()
  return { transfers, traffic, events, fed, closed, sent, defects, next, abort }
}

/** Feeds a piece and tells whether the peer may send on. */
function arrive(events: PieceEvents) {
  const state = { mayGoOn: false }
  const read = events.message('peer', encodePieceData(ENCODING, 7, BYTES)).then(() => {
    state.mayGoOn = true
  })
  return { state, read }
}

describe('transfers', () => {
  it('give core the hash of a piece, and hold the peer until its bytes are on disk', async () => {
    const written = Promise.withResolvers<void>()
    const { transfers, events, fed, next } = await stand({ write: () => written.promise })
    const { state, read } = arrive(events)
    const message = fed.find((input) => input.type === 'pieceMessage')?.message
    if (message?.type !== 'data') throw new Error('no piece reached core')
    const hash = createHash('sha256').update(BYTES).digest('hex')
    expect(message).toMatchObject({ encoding: ENCODING, index: 7, length: 3, hash })
    const kept = next('pieceKept')
    transfers.perform({ type: 'pieceKeep', ticket: 5, arrival: message.arrival, encoding: ENCODING, index: 7 })
    await Promise.resolve()
    expect(state.mayGoOn).toBe(false)
    written.resolve()
    expect(await kept).toEqual({ type: 'pieceKept', ticket: 5 })
    await read
  })

  it('count pieces by whom they are exchanged with and how: the bytes of the pieces alone', async () => {
    const { transfers, traffic, events, next } = await stand({ read: async (_encoding, _index, room) => into(room) })
    for (const peer of ['peer', 'peer', 'stranger', 'gone'])
      void events.message(peer, encodePieceData(ENCODING, 7, BYTES))
    const served = next('pieceServed')
    transfers.perform({ type: 'pieceServe', ticket: 1, peer: 'peer', encoding: ENCODING, index: 7 })
    await served
    const none = { lan: 0, direct: 0, punched: 0, relayed: 0 }
    expect(traffic.json()).toEqual({
      from: { mates: { ...none, lan: 6 }, others: { ...none, lan: 3, relayed: 3 } },
      to: { mates: { ...none, lan: 3 }, others: none },
    })
  })

  it('let the peer go on when core drops the piece', async () => {
    const { transfers, events, fed } = await stand()
    const { read } = arrive(events)
    const message = fed.find((input) => input.type === 'pieceMessage')?.message
    if (message?.type !== 'data') throw new Error('no piece reached core')
    transfers.perform({ type: 'pieceDrop', arrival: message.arrival })
    await read
  })

  it('tell what the disk said of a piece, and let the peer go on', async () => {
    const full = new ArtifactFailure({ code: 'diskFull', missing: 9 }, 'full')
    const { transfers, events, fed, next } = await stand({ write: () => Promise.reject(full) })
    const { read } = arrive(events)
    const message = fed.find((input) => input.type === 'pieceMessage')?.message
    if (message?.type !== 'data') throw new Error('no piece reached core')
    const failed = next('artifactFailed')
    transfers.perform({ type: 'pieceKeep', ticket: 6, arrival: message.arrival, encoding: ENCODING, index: 7 })
    expect(await failed).toEqual({ type: 'artifactFailed', ticket: 6, problem: { code: 'diskFull', missing: 9 } })
    await read
  })

  it.each([
    ['bytes of anything', Uint8Array.from([1, 2, 3, 4])],
    ['an empty message', new Uint8Array(0)],
  ])('tell core that %s came, which does not parse, and leave to it what becomes of the peer', async (_what, bytes) => {
    const { events, fed, closed, defects } = await stand()
    await events.message('peer', bytes)
    const told = { type: 'pieceMessage', peer: 'peer', message: undefined }
    expect({ closed, fed, defects }).toEqual({ closed: [], fed: [told], defects: [] })
  })

  it('send a piece that was read and hashed, and nothing that was not', async () => {
    const corrupt = new ArtifactFailure({ code: 'corrupt', detail: 'piece 8' }, 'piece 8')
    const read: Artifacts['read'] = async (_encoding, index, room) =>
      index === 7 ? into(room) : Promise.reject(corrupt)
    const { transfers, sent, next } = await stand({ read })
    const good = next('pieceServed')
    transfers.perform({ type: 'pieceServe', ticket: 1, peer: 'peer', encoding: ENCODING, index: 7 })
    expect(await good).toEqual({ type: 'pieceServed', ticket: 1, problem: undefined })
    expect(sent.map((bytes) => decodePieceMessage(bytes))).toEqual([
      { type: 'data', encoding: ENCODING, index: 7, bytes: BYTES },
    ])
    const bad = next('pieceServed')
    transfers.perform({ type: 'pieceServe', ticket: 2, peer: 'peer', encoding: ENCODING, index: 8 })
    expect(await bad).toMatchObject({ ticket: 2, problem: { code: 'corrupt' } })
    expect(sent).toHaveLength(1)
  })

  it('read the next piece into the buffer of one that is out, and into another while the first is not, or may not be', async () => {
    const sends: PromiseWithResolvers<void>[] = []
    const buffers: unknown[] = []
    const send = (_peer: string, bytes: Uint8Array) => {
      buffers.push(bytes.buffer)
      const sending = Promise.withResolvers<void>()
      sends.push(sending)
      return sending.promise
    }
    const read: Artifacts['read'] = async (_encoding, _index, room) => into(room)
    const { transfers, next } = await stand({ read }, {}, { send })
    const serve = async (ticket: number, out: (sending: PromiseWithResolvers<void>) => void) => {
      const served = next('pieceServed')
      transfers.perform({ type: 'pieceServe', ticket, peer: 'peer', encoding: ENCODING, index: 7 })
      while (sends.length < ticket) await new Promise(setImmediate)
      out(sends[ticket - 1] as PromiseWithResolvers<void>)
      await served
    }
    const first = serve(1, () => undefined)
    while (sends.length < 1) await new Promise(setImmediate)
    await serve(2, ({ resolve }) => resolve())
    sends[0]?.resolve()
    await first
    await serve(3, ({ reject }) => reject(new Error('closed')))
    await serve(4, ({ resolve }) => resolve())
    await serve(5, ({ resolve }) => resolve())
    expect(buffers[1]).not.toBe(buffers[0])
    expect([buffers[0], buffers[1]]).toContain(buffers[2])
    expect(buffers[3]).not.toBe(buffers[2])
    expect(buffers[4]).toBe(buffers[3])
  })

  it('pass control messages both ways', async () => {
    const { transfers, events, fed, sent } = await stand()
    const have = { type: 'have', encoding: ENCODING, index: 3 } as const
    await events.message('peer', encodePieceMessage(have))
    expect(fed).toEqual([{ type: 'pieceMessage', peer: 'peer', message: have }])
    transfers.perform({ type: 'pieceSay', peer: 'peer', message: have })
    expect(sent.map((bytes) => decodePieceMessage(bytes))).toEqual([have])
  })

  it('run each step of an installation and tell what went wrong', async () => {
    const steps: string[] = []
    const installer = {
      stage: async (_job: InstallJob, { encoded }: { encoded: string }) => void steps.push(`stage ${encoded}`),
      switch: () => Promise.reject(new InstallFailure({ reason: 'notWritable', detail: 'read-only' })),
    }
    const unpacked = (encoding: string) => void steps.push(`unpacked ${encoding}`)
    const { transfers, next } = await stand({ path: (encoding) => `/artifacts/${encoding}`, unpacked }, installer)
    const staged = next('installStepped')
    transfers.perform({ type: 'install', ticket: 1, step: 'stage', job })
    expect(await staged).toEqual({ type: 'installStepped', ticket: 1, problem: undefined })
    expect(steps).toEqual([`stage /artifacts/${ENCODING}`, `unpacked ${ENCODING}`])
    const switched = next('installStepped')
    transfers.perform({ type: 'install', ticket: 2, step: 'switch', job })
    expect(await switched).toMatchObject({ ticket: 2, problem: { reason: 'notWritable', detail: 'read-only' } })
  })

  it('do not wait for a peer that does not read when they stop', async () => {
    const sending = Promise.withResolvers<void>()
    const send = () => {
      sending.resolve()
      return new Promise<never>(() => undefined)
    }
    const { transfers, fed } = await stand({ read: async (_encoding, _index, room) => into(room) }, {}, { send })
    transfers.perform({ type: 'pieceServe', ticket: 1, peer: 'peer', encoding: ENCODING, index: 7 })
    await sending.promise
    await transfers.stop()
    expect(fed).toEqual([])
  })

  it('wait for what is being written when they stop, before its bytes may be used again', async () => {
    const written = Promise.withResolvers<void>()
    const { transfers, events, fed } = await stand({ write: () => written.promise })
    const { state, read } = arrive(events)
    const message = fed.find((input) => input.type === 'pieceMessage')?.message
    if (message?.type !== 'data') throw new Error('no piece reached core')
    transfers.perform({ type: 'pieceKeep', ticket: 5, arrival: message.arrival, encoding: ENCODING, index: 7 })
    const stopped = transfers.stop().then(() => 'stopped')
    // More turns than a stop without anything to wait for takes.
    for (let turn = 0; turn < 50; turn++) await Promise.resolve()
    expect([state.mayGoOn, await Promise.race([stopped, 'waits'])]).toEqual([false, 'waits'])
    written.resolve()
    expect(await stopped).toBe('stopped')
    await read
  })

  it('end the hashing of a file when the daemon stops', async () => {
    const signals: (AbortSignal | undefined)[] = []
    const installer: Partial<Installer> = {
      stage: async (_job, { signal }) => void signals.push(signal),
      switch: async (_job, options) => void signals.push(options?.signal),
    }
    const { transfers, next, abort } = await stand({ path: () => '' }, installer)
    for (const step of ['stage', 'switch'] as const) {
      const stepped = next('installStepped')
      transfers.perform({ type: 'install', ticket: 1, step, job })
      await stepped
    }
    expect(signals).toEqual([abort.signal, abort.signal])
  })

  it('free every peer when they stop', async () => {
    const { transfers, events } = await stand()
    const { read } = arrive(events)
    await transfers.stop()
    await read
  })
})
