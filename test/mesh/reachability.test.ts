// Whether members can dial a node from outside, as they find out for it (clause DIALBACK).
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { Dialback } from '../../src/mesh/dialback.ts'
import type { Pairing } from '../../src/mesh/pairing.ts'
import { Reachability } from '../../src/mesh/reachability.ts'
import { failureOf, startNode, stopNodes, type TestNode } from './nodes.ts'

afterEach(stopNodes)

/** As if this machine were the world. */
const outside = { near: () => false }

describe('a node that others can dial', () => {
  test('hears it of the first member that it is linked with, at the port where it listens, and the link stays one', async () => {
    const [node, member] = [await startNode(outside), await startNode(outside)]
    await node.dial(member)
    while (node.diary.of('reachable').length === 0) await node.diary.next()
    expect(node.diary.of('reachable')).toEqual([{ type: 'reachable', addresses: node.addresses }])
    expect(node.libp2p.getConnections().length).toBe(1)
    expect(member.libp2p.getConnections().length).toBe(1)
    expect([...node.diary.of('disconnected'), ...member.diary.of('disconnected')]).toEqual([])
    expect(node.diary.of('connected').length).toBe(1)
    await node.mesh.links.pulse(member.id, { signal: AbortSignal.timeout(5_000) })
  })

  test('tells so at once after a restart, and no longer when nobody finds it', async () => {
    await inFakeTime(async () => {
      const here = '/ip4/198.51.100.7/tcp/31415'
      const { reachability, told, asked } = tested([[], []], [here])
      reachability.presume([here, '/ip4/203.0.113.7/tcp/31415'])
      expect(told).toEqual([[here]])
      reachability.changed()
      await vi.advanceTimersByTimeAsync(limits.reachDelay + (limits.reachMisses - 1) * limits.reachRecheck)
      expect(asked).toHaveLength(2 * limits.reachMisses)
      expect(told).toEqual([[here], []])
      reachability.stop()
    })
  })

  test('tells what its owner announces for that port, and nothing of a port that does not answer', async () => {
    const [first] = [await startNode(outside)]
    const port = first.addresses[0]?.split('/').at(-1)
    await first.mesh.stop()
    const announce = [`/dns4/pi.example/tcp/${port}`, '/dns4/pi.example/tcp/1']
    const node = await startNode({ ...outside, announce, listen: [`/ip4/127.0.0.1/tcp/${port}`] })
    const member = await startNode(outside)
    expect(node.mesh.listening(), 'loopback is of use to nobody else').toEqual([])
    await node.dial(member)
    while (node.diary.of('reachable').length === 0) await node.diary.next()
    expect(node.diary.of('reachable')[0]?.addresses).toEqual([
      `/dns4/pi.example/tcp/${port}`,
      `/ip4/127.0.0.1/tcp/${port}`,
    ])
  })
})

describe('who dials back', () => {
  test('is not fooled by another node, or by something else, at that port', async () => {
    const [node, member, other] = [await startNode(outside), await startNode(outside), await startNode(outside)]
    const junk = createServer((socket) => socket.on('error', () => undefined).end('220 hello\r\n'))
    await new Promise<void>((resolve) => junk.listen(0, '127.0.0.1', resolve))
    await node.dial(member)
    const { port } = junk.address() as { port: number }
    const ports = [Number(other.addresses[0]?.split('/').at(-1)), port, 1, Number(node.addresses[0]?.split('/').at(-1))]
    expect(await ask(node, member, ports)).toEqual(node.addresses)
    junk.close()
  })

  test('does it for nobody on its own network, nor over a relay: it could not tell', async () => {
    const [node, member] = [await startNode(outside), await startNode()]
    await node.dial(member)
    expect(await failureOf(ask(node, member, [1]))).toBeInstanceOf(Error)
  })

  test('T27 amplification: it dials nothing but the address of who asks, a few ports of it, and reads no more than that', async () => {
    const [node, member] = [await startNode(outside), await startNode(outside)]
    await node.dial(member)
    const connection = node.libp2p.getConnections()[0]
    const stream = await connection?.newStream('/pimesh/dialback/1')
    stream?.send(new Uint8Array(limits.dialbackBytes * 4).fill(0x0a))
    await new Promise((resolve) => stream?.addEventListener('close', resolve))
    expect(await ask(node, member, [1, 2, 3, 4, 5, 6])).toEqual([])
  })
})

describe('who dials back is not worn out', () => {
  test('one member asks some times at once, and no more (T27 amplification)', async () => {
    const [node, member] = [await startNode(outside), await startNode(outside)]
    await node.dial(member)
    let answered = 0
    for (let times = 0; times <= limits.dialbacksPerPeer; times++)
      await ask(node, member, [1]).then(
        () => answered++,
        () => 0,
      )
    expect(answered).toBeGreaterThan(0)
    expect(answered).toBeLessThanOrEqual(limits.dialbacksPerPeer)
    expect(await failureOf(ask(node, member, [1]))).toBeInstanceOf(Error)
  })

  test('whoever opens a question and does not say it keeps nobody else from an answer (T26 slowloris)', async () => {
    const member = await startNode(outside)
    for (let silent = 0; silent < limits.dialbacksAtOnce; silent++) {
      const node = await startNode({ ...outside, listen: [] })
      await node.dial(member)
      const stream = await node.libp2p.getConnections()[0]?.newStream('/pimesh/dialback/1')
      stream?.send(Uint8Array.of(9))
    }
    const honest = await startNode(outside)
    await honest.dial(member)
    expect(await ask(honest, member, [Number(honest.addresses[0]?.split('/').at(-1))])).toEqual(honest.addresses)
  })

  test('a node that stops gives up what it dials', async () => {
    const swallowed = createServer((socket) => sockets.push(socket.on('error', () => undefined)))
    const sockets: Socket[] = []
    await new Promise<void>((resolve) => swallowed.listen(0, '127.0.0.1', resolve))
    const [node, member] = [await startNode({ ...outside, listen: [] }), await startNode(outside)]
    await node.dial(member)
    const dialled = once(swallowed, 'connection')
    void ask(node, member, [(swallowed.address() as AddressInfo).port]).catch(() => undefined)
    await dialled
    const closed = once(sockets[0] as Socket, 'close')
    const begun = performance.now()
    sockets[0]?.resume()
    await member.mesh.stop()
    await closed
    expect(performance.now() - begun).toBeLessThan(limits.dialbackTimeout / 2)
    swallowed.close()
  })
})

describe('the verdict', () => {
  const open = ['/ip4/203.0.113.7/tcp/31415']

  test('is what two say, or one alone; of three the most', async () => {
    for (const answers of [[open], [open, open], [open, undefined], [open, open, []]]) {
      const { reachability, told, first } = tested(answers)
      reachability.changed()
      await first
      reachability.stop()
      expect(told).toEqual([open])
    }
  })

  test('stays when members cannot dial back for once, until they could not so often; at once when our network changed', async () => {
    await inFakeTime(async () => {
      const answers: (readonly string[])[] = [open, open]
      const { reachability, told, asked } = tested(answers)
      const test = async (pause: number) => {
        const before = asked.length
        await vi.advanceTimersByTimeAsync(pause)
        expect(asked.length).toBe(before + 2)
      }
      reachability.changed()
      await test(limits.reachDelay)
      answers.fill([])
      reachability.changed()
      await test(limits.reachDelay)
      for (let misses = 2; misses < limits.reachMisses; misses++) await test(limits.reachRecheck)
      expect(told).toEqual([open])
      await test(limits.reachRecheck)
      expect(told).toEqual([open, []])
      answers.fill(open)
      await test(limits.reachRetry)
      answers.fill([])
      reachability.networkChanged()
      await test(limits.reachDelay)
      expect(told).toEqual([open, [], open, []])
      reachability.stop()
    })
  })

  test('that nothing is open is asked for again at doubling pauses: whoever dialled back may have been starting itself', async () => {
    await inFakeTime(async () => {
      const answers: (readonly string[])[] = [[], []]
      const { reachability, told, next } = tested(answers)
      reachability.changed()
      await next(limits.reachDelay)
      let pause: number = limits.reachRetry
      for (; pause < limits.reachPeriod; pause *= 2) await next(pause)
      await next(limits.reachPeriod)
      reachability.networkChanged()
      await next(limits.reachDelay)
      await next(limits.reachRetry)
      expect(told).toEqual([])
      answers.fill(open)
      await next(2 * limits.reachRetry)
      expect(told).toEqual([open])
      await next(limits.reachPeriod)
      reachability.stop()
    })
  })

  test('that nothing is open is asked for again as soon however many links opened meanwhile', async () => {
    await inFakeTime(async () => {
      const { reachability, next } = tested([[]])
      for (let links = 0; links < 5; links++) {
        reachability.opened({ remoteAddr: multiaddr(open[0] as string) } as Connection)
        await next(limits.reachDelay)
      }
      await next(limits.reachRetry)
      reachability.stop()
    })
  })

  test('of one family is asked for again also when another is open', async () => {
    await inFakeTime(async () => {
      const six = '/ip6/2001:db8::7/tcp/31415'
      const { reachability, told, next } = tested([[]], ['/ip4/10.0.0.1/tcp/31415'], [[six]])
      reachability.changed()
      await next(limits.reachDelay)
      expect(told).toEqual([[six]])
      await next(limits.reachRetry)
      reachability.stop()
    })
  })

  test('of two who disagree is asked for again soon, and in the end like any other', async () => {
    await inFakeTime(async () => {
      const answers: (readonly string[])[] = [open, []]
      const { reachability, told, asked } = tested(answers)
      reachability.changed()
      await vi.advanceTimersByTimeAsync(limits.reachDelay + limits.reachMisses * limits.reachRecheck)
      expect(asked).toHaveLength(2 * limits.reachMisses)
      expect(told).toEqual([])
      answers.fill(open)
      await vi.advanceTimersByTimeAsync(limits.reachRetry)
      expect(told).toEqual([open])
      reachability.stop()
    })
  })

  test('on what changes while members try is asked for anew, soon after', async () => {
    await inFakeTime(async () => {
      const { reachability, asked } = tested([open, open])
      reachability.changed()
      vi.advanceTimersByTime(limits.reachDelay) // the test begins
      reachability.changed()
      await vi.advanceTimersByTimeAsync(2 * limits.reachDelay)
      expect(asked).toHaveLength(4)
      reachability.stop()
    })
  })

  test('is the same whatever else a member says: what is no address of the world is not heard', async () => {
    const junk = ['/nonsense/tcp/31415', '/ip4/300.1.1.1/tcp/31415', '/ip4/0.0.0.0/tcp/31415']
    const { reachability, told, first } = tested([[...junk, ...open]])
    reachability.changed()
    await first
    reachability.stop()
    expect(told).toEqual([open])
  })

  test('is never an address that many networks have', async () => {
    const { reachability, told, first } = tested([[...open, '/ip4/100.64.0.9/tcp/31415', '/ip4/10.0.0.1/tcp/31415']])
    reachability.changed()
    await first
    reachability.stop()
    expect(told).toEqual([open])
  })
})

function ask(node: TestNode, member: TestNode, ports: readonly number[]): Promise<string[]> {
  const parts = { libp2p: node.libp2p, near: () => false } as unknown as ConstructorParameters<typeof Dialback>[0]
  const connection = node.libp2p.getConnections().find(({ remotePeer }) => remotePeer.toString() === member.id)
  if (connection === undefined) throw new Error('not linked')
  return new Dialback(parts).ask(connection, ports)
}

/** Timers run when they are told to, and pauses are as short as they get. */
async function inFakeTime(work: () => Promise<void>): Promise<void> {
  vi.useFakeTimers()
  const random = vi.spyOn(Math, 'random').mockReturnValue(0)
  try {
    await work()
  } finally {
    random.mockRestore()
    vi.useRealTimers()
  }
}

/** Members that answer as they are told, over IPv6 those in `six`; links on hosts 198.51.100.1, .2 and so on. */
function tested(
  answers: readonly (readonly string[] | undefined)[],
  listening: readonly string[] = ['/ip4/10.0.0.1/tcp/31415'],
  six: readonly (readonly string[])[] = [],
) {
  const told: (readonly string[])[] = []
  const asked: number[] = []
  const link = (address: string) => ({ remoteAddr: { toString: () => address } })
  const connections = [
    ...answers.map((_, host) => link(`/ip4/198.51.100.${host}/tcp/1`)),
    ...six.map((_, host) => link(`/ip6/2001:db8::${host}/tcp/1`)),
  ]
  const dialback = {
    canTell: () => true,
    ask: async (connection: (typeof connections)[number]) => {
      const host = connections.indexOf(connection)
      asked.push(host)
      const answer = host < answers.length ? answers[host] : six[host - answers.length]
      if (answer === undefined) throw new Error('no answer')
      return [...answer]
    },
  }
  const told1 = Promise.withResolvers<void>()
  const reachability = new Reachability({
    pairing: { connections: () => connections } as unknown as Pairing,
    dialback: dialback as unknown as Dialback,
    listening: () => listening,
    announce: [],
    reachable: (addresses) => {
      told.push(addresses)
      told1.resolve()
    },
  })
  /** The next test of each family comes after so long, and not before; in fake time. */
  const next = async (pause: number) => {
    const before = asked.length
    await vi.advanceTimersByTimeAsync(pause - 1)
    expect(asked).toHaveLength(before)
    await vi.advanceTimersByTimeAsync(1)
    expect(asked).toHaveLength(before + Math.min(2, answers.length) + six.length)
  }
  return { reachability, told, asked, next, first: told1.promise }
}
