// The gate: on a pair of streams without noise for what must hold byte by byte, and between real nodes for the rest.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { ConnectionEncrypter, MessageStream, MultiaddrConnection, PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { lpStream, multiaddrConnectionPair } from '@libp2p/utils'
import { afterEach, describe, expect, test } from 'vitest'
import { Failure } from '../../src/core/failure.ts'
import { limits } from '../../src/core/limits.ts'
import { Gate } from '../../src/mesh/gate.ts'
import { Pairing } from '../../src/mesh/pairing.ts'
import type { GateKeeper } from '../../src/ports/links.ts'
import { failureOf, startNode, stopNodes, wordKeeper } from './nodes.ts'

const bytes = (value: string) => new TextEncoder().encode(value)
const newPeer = async () => peerIdFromPrivateKey(await generateKeyPair('Ed25519'))

describe('on the stream (clause LINK 2)', () => {
  async function setUp(keeper: GateKeeper = wordKeeper('member'), options: { remote?: PeerId; timeout?: number } = {}) {
    const [self, remote] = [await newPeer(), options.remote ?? (await newPeer())]
    const [far, near] = multiaddrConnectionPair()
    const secured = async (connection: MessageStream) => ({ connection, remotePeer: remote })
    const noNoise: ConnectionEncrypter = { protocol: 'none', secureInbound: secured, secureOutbound: secured }
    const pairing = new Pairing(self.toString())
    const timeout = options.timeout ?? limits.gateTimeout
    const gate = new Gate(noNoise, { nodeId: self.toString(), keeper, pairing, timeout })
    return { gate, far, near, frames: lpStream(far) }
  }

  test('both admit: the stream is handed on', async () => {
    const { gate, near, frames } = await setUp()
    const passed = gate.secureInbound(near)
    expect((await frames.read()).slice()).toEqual(bytes('member'))
    await frames.writeV([bytes('member'), bytes('welcome')])
    expect((await frames.read()).slice()).toEqual(bytes('welcome'))
    expect((await passed).connection).toBe(near)
  })

  test('who proves its key a second time and shows nothing there does not end the handshake that it goes on with', async () => {
    const { gate, near, frames } = await setUp()
    const passed = gate.secureInbound(near)
    const [far, other] = multiaddrConnectionPair()
    const silent = failureOf(gate.secureInbound(other))
    await lpStream(far).read()
    await frames.writeV([bytes('member'), bytes('welcome')])
    expect((await passed).connection).toBe(near)
    far.abort(new Error('the other one was faster'))
    expect(await silent).toBeInstanceOf(Error)
  })

  test.each([1, 100, 40_000])('%d bytes that follow the gate at once are not lost', async (count) => {
    const { gate, near, far } = await setUp()
    const passed = gate.secureInbound(near)
    const early = Uint8Array.from({ length: count }, (_, i) => i % 251)
    far.send(Uint8Array.of(6, ...bytes('member'), 7, ...bytes('welcome'), ...early.subarray(0, count / 2)))
    far.send(early.subarray(count / 2))
    const { connection } = await passed
    expect(await readExactly(connection, count)).toEqual(early)
  })

  test('a remote with our own key is refused before anything is shown', async () => {
    const self = await newPeer()
    const { gate, near, far } = await setUp(undefined, { remote: self })
    const own = new Gate(
      { protocol: '', secureInbound: async (connection) => ({ connection, remotePeer: self }), secureOutbound: never },
      { nodeId: self.toString(), keeper: wordKeeper('member'), pairing: new Pairing(self.toString()), timeout: 1_000 },
    )
    expect(gate.protocol).toBe('/pimesh/noise/1')
    const closed = ended(far)
    expect(await failureOf(own.secureInbound(near))).toMatchObject({ code: 'E_REFUSED' })
    expect(await closed).toBe(0)
  })

  test.each([
    ['a length above the bound', Uint8Array.of(0xff, 0xff, 0x03)],
    ['a length that never ends', new Uint8Array(12).fill(0xff)],
    ['more than may wait', new Uint8Array(limits.gateBufferBytes + limits.gateMessageBytes + 10)],
  ])('%s ends it without waiting', async (_what, junk) => {
    const { gate, near, far } = await setUp(undefined, { timeout: 3_600_000 })
    const passed = failureOf(gate.secureInbound(near))
    const closed = ended(far)
    far.send(junk)
    expect(await passed).toBeInstanceOf(Error)
    await closed
  })

  test('a peer that closes, one that is silent, and a keeper that never answers all end in a rejection', async () => {
    const closing = await setUp()
    const first = failureOf(closing.gate.secureInbound(closing.near))
    await closing.far.close()
    expect(await first).toBeInstanceOf(Error)
    const silent = await setUp(undefined, { timeout: 20 })
    const closed = ended(silent.far)
    expect(await failureOf(silent.gate.secureOutbound(silent.near))).toMatchObject({ name: 'TimeoutError' })
    await closed
    const slow = await setUp({ ...wordKeeper('member'), judge: never }, { timeout: 20 })
    slow.far.send(Uint8Array.of(6, ...bytes('member')))
    expect(await failureOf(slow.gate.secureInbound(slow.near))).toMatchObject({ name: 'TimeoutError' })
  })

  test('a refusal of ours reaches the peer, with our reply, before the end', async () => {
    const { gate, near, far, frames } = await setUp(wordKeeper('member', 'expired'))
    const refused = failureOf(gate.secureInbound(near))
    await frames.writeV([bytes('stranger'), bytes('welcome')])
    await frames.read()
    expect((await frames.read()).slice()).toEqual(bytes('expired'))
    expect(await refused).toMatchObject({ code: 'E_REFUSED', message: expect.stringContaining('expired') })
    expect(far.status).not.toBe('open')
  })
})

describe('between nodes', () => {
  afterEach(stopNodes)

  test.each(['inbound', 'outbound'])(
    'refused by the %s side: no link on either, and the dialler knows why',
    async (side) => {
      const strict = wordKeeper('member', 'outsideGrant')
      const stranger: GateKeeper = {
        ...wordKeeper('stranger'),
        judge: async () => ({ admitted: true, reply: bytes('welcome') }),
        answered(_remote, reply) {
          throw new Failure('E_REFUSED', `refused: ${new TextDecoder().decode(reply)}`)
        },
      }
      const [dialler, listener] = [
        await startNode({ keeper: side === 'inbound' ? stranger : strict }),
        await startNode({ keeper: side === 'inbound' ? strict : stranger }),
      ]
      expect(await failureOf(dialler.dial(listener))).toMatchObject({
        code: 'E_REFUSED',
        message: expect.stringContaining('outsideGrant'),
      })
      expect(dialler.diary.of('connected').concat(listener.diary.of('connected'))).toEqual([])
      expect(dialler.libp2p.getConnections().concat(listener.libp2p.getConnections())).toEqual([])
    },
  )

  test('a keeper that fails or answers nonsense refuses, and the node lives on', async () => {
    const broken = { ...wordKeeper('member'), judge: () => Promise.reject(new Error('no disk')) }
    const [a, b] = [await startNode(), await startNode({ keeper: broken })]
    expect(await failureOf(a.dial(b))).toBeInstanceOf(Failure)
    const noReason = { ...wordKeeper('member'), answered: () => false }
    const c = await startNode({ keeper: noReason })
    expect(await failureOf(c.dial(a))).toMatchObject({ code: 'E_REFUSED' })
  })

  test('handshakes under way are bounded: who comes when all places are taken is closed at once', async () => {
    const node = await startNode({ gateTimeout: 2_000 })
    const [host, port] = [node.addresses[0]?.split('/')[2], Number(node.addresses[0]?.split('/')[4])]
    const open = async (at: number): Promise<Socket> => {
      const localAddress = `127.0.1.${1 + (at % HOSTS)}`
      const socket = connect({ host: host as string, port, localAddress })
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      return socket
    }
    const order: string[] = []
    const silent = await Promise.all(Array.from({ length: limits.handshakesAtOnce }, (_, at) => open(at)))
    const ends = silent.map((socket) => whenClosed(socket).then(() => order.push('silent')))
    const surplus = await open(HOSTS - 1)
    await whenClosed(surplus).then(() => order.push('surplus'))
    await Promise.all(ends)
    expect(order[0]).toBe('surplus')
    const member = await startNode()
    await member.dial(node)
  })

  test('a host with all its places taken by silent sockets keeps nobody else out, and gets in again itself', async () => {
    const node = await startNode({ gateTimeout: 2_000 })
    const port = Number(node.addresses[0]?.split('/')[4])
    const sockets = new Set<Socket>()
    const [ends, refused] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const tries = limits.handshakesAtOnce + limits.handshakesPerHost
    let closed = 0
    for (let i = 0; i < tries; i++) {
      const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.2.1' })
      sockets.add(socket.on('error', () => undefined))
      void whenClosed(socket).then(() => {
        closed++
        if (closed === tries - limits.handshakesPerHost) refused.resolve()
        if (closed === tries) ends.resolve()
      })
    }
    await refused.promise
    const member = await startNode()
    await member.dial(node)
    expect(closed, 'the silent ones still hold their places').toBe(tries - limits.handshakesPerHost)
    await ends.promise
    const again = connect({ host: '127.0.0.1', port, localAddress: '127.0.2.1' }).on('error', () => undefined)
    again.write('\u0013/multistream/1.0.0\n')
    await once(again, 'data')
    again.destroy()
  })

  test('links that are open count as no handshake', async () => {
    const node = await startNode()
    const members = await Promise.all(Array.from({ length: limits.handshakesPerHost + 2 }, () => startNode()))
    for (const member of members) await member.dial(node)
    await Promise.all(members.map(({ id }) => node.diary.until('connected', id)))
    expect(node.libp2p.getConnections()).toHaveLength(members.length)
  })
})

/** Enough hosts to take all places, none more than its own. */
const HOSTS = Math.ceil(limits.handshakesAtOnce / limits.handshakesPerHost) + 1

function whenClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.resume().on('close', () => resolve()))
}

function never(): Promise<never> {
  return new Promise(() => undefined)
}

/** Resolves with the bytes that arrived before the connection ended. */
function ended(connection: MultiaddrConnection): Promise<number> {
  return new Promise((resolve) => {
    let count = 0
    connection.addEventListener('message', ({ data }) => {
      count += data.byteLength
    })
    connection.addEventListener('close', () => resolve(count))
  })
}

function readExactly(stream: MessageStream, count: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = []
    stream.addEventListener('close', reject)
    stream.addEventListener('message', ({ data }) => {
      parts.push(data.slice())
      const whole = Buffer.concat(parts)
      if (whole.length >= count) resolve(new Uint8Array(whole))
    })
  })
}
