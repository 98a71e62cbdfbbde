// The directory on real nodes: the contract of the port, and what it does to hostile members and with their answers (clause DIRECTORY).
import { setTimeout as after } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { type LengthPrefixedStream, lpStream } from '@libp2p/utils'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { DIRECTORY_PROTOCOL } from '../../src/mesh/directory.ts'
import { directoryContract } from '../contracts/directory.ts'
import { ASK, addProvider, answerOf, KEY, message, multihash, peerInfo } from './directory-messages.ts'
import { never, startNode, stopNodes, type TestNode } from './nodes.ts'

afterEach(stopNodes)

directoryContract('libp2p', async (count) => {
  const nodes = await Promise.all(Array.from({ length: count }, () => startNode()))
  return {
    directories: nodes.map(({ mesh }) => mesh.directory),
    ids: nodes.map(({ id }) => id),
    addresses: nodes.map(({ addresses }) => addresses),
    kill: async (node) => nodes[node]?.mesh.stop(),
    close: async () => undefined,
  }
})

describe('a server of the directory', () => {
  test('ends streams of what is no question, crashes at none, and answers the next one', async () => {
    const [server, member] = await linkedPair()
    const broken = [
      Uint8Array.of(),
      Uint8Array.from({ length: 300 }, (_, i) => (i * 167) % 256),
      message({ type: 9 }),
      message({ type: ASK }),
      message({ type: ASK, key: Uint8Array.of(1, 2, 3) }),
      message({ type: 0, key: multihash(KEY), record: Uint8Array.of(10, 1, 1) }),
      message({ type: 1, key: new TextEncoder().encode('/pk/x') }),
      message({ type: 2, key: multihash(KEY) }),
      message({ type: 2, key: multihash(KEY), providers: [Uint8Array.of(10, 2, 255, 255)] }),
      message({ type: 2, key: multihash(KEY), providers: [peerInfo(member.id, [Uint8Array.of(4, 1)])] }),
      message({ type: 4 }),
    ]
    for (const bytes of broken) await (await streamTo(server, member)).write(bytes)
    for (const bytes of broken) (await rawTo(server, member)).send(bytes)
    expect(server.directory.kept).toBe(0)
    expect(answerOf(await ask(server, member))).toEqual({ providers: 0 })
  })

  test('keeps a provider only on its own word', async () => {
    const [server, member, other] = [...(await linkedPair()), await startNode()]
    await tell(server, member, addProvider(KEY, other.id, other.addresses))
    expect(server.directory.kept).toBe(0)
    await tell(server, member, addProvider(KEY, member.id, member.addresses))
    expect(server.directory.kept).toBe(1)
  })

  test('keeps a bounded number of one member, and nothing that is longer than a record', async () => {
    const [server, member] = await linkedPair()
    for (let n = 0; n < limits.directoryPerMember + 10; n++) {
      await tell(server, member, addProvider(n.toString(16).padStart(64, '0'), member.id, member.addresses))
    }
    expect(server.directory.kept).toBe(limits.directoryPerMember)
    const long = addProvider(
      'ff'.repeat(32),
      member.id,
      Array.from({ length: 999 }, () => member.addresses[0] as string),
    )
    await expect(ask(server, member, long)).rejects.toThrow()
    expect(server.directory.kept).toBe(limits.directoryPerMember)
  })

  test('who asks on without end is answered no more than its turns', async () => {
    const [server, member] = await linkedPair()
    let answers = 0
    const start = performance.now()
    for (let n = 0; n < limits.directoryTurns + 40; n++)
      answers += await ask(server, member).then(
        () => 1,
        () => 0,
      )
    const earned = Math.ceil((performance.now() - start) / limits.directoryTurnPeriod)
    expect(answers).toBeGreaterThanOrEqual(limits.directoryTurns)
    expect(answers).toBeLessThanOrEqual(limits.directoryTurns + earned)
  })
})

describe('who asks the directory', () => {
  test('is told by a liar of a thousand others: it dials a bounded number of them, and comes to a bounded number', async () => {
    const [liar, asker] = [await startNode(), await startNode()]
    const others = await Promise.all(Array.from({ length: 6 }, () => startNode()))
    const real = others.map(({ id, addresses }) => peerInfo(id, addresses))
    const many = Array.from({ length: 40 }, () => real).flat()
    let asked = 0
    await lies(liar, async (frames) => {
      asked += 1
      await frames.write(message({ type: ASK, closer: many, providers: many }))
    })
    for (const other of others) await lies(other, async (frames) => void (await frames.write(new Uint8Array(0))))
    asker.mesh.directory.servers([{ node: liar.id, addresses: liar.addresses }])
    const found = await asker.mesh.directory.find(KEY, { signal: never() })
    expect(asked).toBe(1)
    expect(new Set(found.map(({ node }) => node)).size).toBe(found.length)
    expect(found.length).toBeLessThanOrEqual(limits.directoryProviders)
    expect(asker.diary.of('visited').length).toBeLessThanOrEqual(limits.directoryDials)
  })

  test('is told by a quick liar of sixteen others: whom a slower, honest server names is found, at its own address', async () => {
    const [liar, honest, asker] = [await startNode(), await startNode(), await startNode()]
    const provider = await startNode()
    const others = await Promise.all(
      Array.from({ length: limits.directoryProviders }, () => generateKeyPair('Ed25519')),
    )
    const junk = Array.from({ length: limits.addressesPerContact }, (_, n) => `/ip4/127.0.0.1/tcp/${n + 1}`)
    const invented = others.map((key) => peerInfo(peerIdFromPrivateKey(key).toString(), junk))
    await lies(liar, async (frames) => {
      const providers = [...invented.slice(1), peerInfo(provider.id, junk)]
      await frames.write(message({ type: ASK, providers }))
    })
    await lies(honest, async (frames) => {
      await after(300)
      await frames.write(message({ type: ASK, providers: [peerInfo(provider.id, provider.addresses)] }))
    })
    asker.mesh.directory.servers([liar, honest].map(({ id, addresses }) => ({ node: id, addresses })))
    const found = await asker.mesh.directory.find(KEY, { signal: never() })
    expect(found.find(({ node }) => node === provider.id)?.addresses).toContain(provider.addresses[0])
  })

  test('hears of each server that it dialled, so that its link is let go', async () => {
    const [server, asker] = [await startNode(), await startNode()]
    server.mesh.directory.serve(true)
    asker.mesh.directory.servers([{ node: server.id, addresses: server.addresses }])
    await asker.mesh.directory.find(KEY, { signal: never() })
    expect(asker.diary.of('visited').map(({ peer }) => peer)).toEqual([server.id])
    await asker.mesh.directory.find(KEY, { signal: never() })
    expect(asker.diary.of('visited')).toHaveLength(1)
  })

  test('takes no answer that is too long, and no answer at all: it comes to nobody, and leaves the server alone', async () => {
    const [long, mute, asker] = [await startNode(), await startNode(), await startNode({ requestTimeout: 500 })]
    let asked = 0
    await lies(long, async (frames) => {
      asked += 1
      await frames.write(new Uint8Array(2 * limits.directoryAnswerBytes))
    })
    asker.mesh.directory.servers([long].map(({ id, addresses }) => ({ node: id, addresses })))
    expect(await asker.mesh.directory.find(KEY, { signal: never() })).toEqual([])
    expect(await asker.mesh.directory.find(KEY, { signal: never() })).toEqual([])
    expect(asked).toBe(1)
    await lies(mute, () => new Promise(() => undefined))
    asker.mesh.directory.servers([mute].map(({ id, addresses }) => ({ node: id, addresses })))
    const signal = AbortSignal.timeout(1_000)
    expect(await asker.mesh.directory.find(KEY, { signal })).toEqual([])
  })
})

test('nothing of kad-dht works in the background: no timer of it is armed while it serves and nobody asks', async () => {
  const armed: string[] = []
  const note = (name: string, original: (...args: never[]) => unknown) =>
    vi.spyOn(globalThis, name as 'setTimeout').mockImplementation(((...args: never[]) => {
      if (new Error().stack?.includes('kad-dht')) armed.push(name)
      return original(...args)
    }) as never)
  const spies = [note('setTimeout', setTimeout as never), note('setInterval', setInterval as never)]
  try {
    const [server, member] = await linkedPair()
    expect(answerOf(await ask(server, member))).toEqual({ providers: 0 })
    expect(armed).toEqual([])
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
})

/** A server, and a member that is linked to it. */
async function linkedPair(): Promise<[TestNode, TestNode]> {
  const [server, member] = [await startNode(), await startNode()]
  server.mesh.directory.serve(true)
  await member.dial(server)
  await server.diary.until('connected', member.id)
  // Its mode is changed once it is loaded, which a question of its own waits for.
  await server.mesh.directory.find(KEY, { signal: never() })
  return [server, member]
}

async function rawTo(server: TestNode, member: TestNode) {
  const [connection] = member.libp2p.getConnections().filter((each) => each.remotePeer.toString() === server.id)
  if (connection === undefined) throw new Error('there is no link')
  return connection.newStream([DIRECTORY_PROTOCOL])
}

async function streamTo(server: TestNode, member: TestNode) {
  return lpStream(await rawTo(server, member))
}

/** Sends one message, and resolves with the answer. */
async function ask(server: TestNode, member: TestNode, bytes = message({ type: ASK, key: multihash(KEY) })) {
  const stream = await streamTo(server, member)
  await stream.write(bytes)
  const answer = (await stream.read({ signal: AbortSignal.timeout(5_000) })).slice()
  await stream.unwrap().close()
  return answer
}

/** Sends one message that has no answer, and resolves when it was taken: the next question on that stream is answered. */
async function tell(server: TestNode, member: TestNode, bytes: Uint8Array): Promise<void> {
  const stream = await streamTo(server, member)
  await stream.write(bytes)
  await stream.write(message({ type: ASK, key: multihash(KEY) }))
  await stream.read({ signal: AbortSignal.timeout(5_000) })
  await stream.unwrap().close()
}

/** A member that answers questions of the directory in its own way. */
async function lies(node: TestNode, answer: (frames: LengthPrefixedStream) => Promise<void>): Promise<void> {
  await node.libp2p.handle(DIRECTORY_PROTOCOL, async (stream) => {
    const frames = lpStream(stream)
    await frames.read().catch(() => undefined)
    await answer(frames).catch(() => undefined)
  })
}
