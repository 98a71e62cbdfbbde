// A hole: knocking is repeated, ends in one connection, and stops; what is agreed before moves the link, with the gate in between.
// A switchboard stands for the two NATs: both ends dial it, and it joins them. What the kernel makes of two SYNs that cross is
// tried with two nodes in a network namespace, where root is at hand.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { promisify } from 'node:util'
import type { Connection, MultiaddrConnection, UpgraderOptions } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { type PunchOptions, punch, type Target } from '../../src/mesh/punch.ts'
import { PunchTalk } from '../../src/mesh/punch-talk.ts'
import { PUNCH_PROTOCOL } from '../../src/mesh/punching.ts'
import type { PortTcp } from '../../src/mesh/tcp.ts'
import type { GateKeeper } from '../../src/ports/links.ts'
import { failureOf, never, startNode, stopNodes, type TestNode, wordKeeper } from './nodes.ts'

const [EAST, WEST] = ['/ip4/192.0.2.1/tcp/1', '/ip4/192.0.2.2/tcp/1']
const targetsOf = (...addresses: string[]): Target[] =>
  addresses.map((address) => ({ address: multiaddr(address), localPort: 1 }))

describe('knocking (clause PUNCH 5)', () => {
  /** What an address does with a knock: an error, nothing until given up, or a socket. */
  type Answer = Error | 'silence' | 'socket'

  function setUp(answers: Record<string, Answer[]>, options: Partial<PunchOptions> = {}) {
    const knocks: string[] = []
    let waiting = 0
    const dialFrom = async (_port: number, address: Multiaddr, dial: Parameters<PortTcp['dialFrom']>[2]) => {
      knocks.push(address.toString())
      const [answer = 'silence'] = answers[address.toString()]?.splice(0, 1) ?? []
      if (answer instanceof Error) throw answer
      if (answer === 'socket') {
        const socket = { to: address.toString() } as unknown as MultiaddrConnection
        return dial.upgrader.upgradeOutbound(socket, dial)
      }
      waiting++
      await once(dial.signal, 'abort')
      waiting--
      throw new Error('given up')
    }
    const upgrade = async (socket: unknown) => socket as Connection
    const run = (...addresses: string[]) =>
      punch(targetsOf(...addresses), {
        tcp: { dialFrom } as unknown as PortTcp,
        role: 'outbound',
        upgrade,
        isFinal: () => false,
        signal: never(),
        ...options,
      })
    return { run, knocks, waiting: () => waiting }
  }

  const refused = () => new Error('ECONNREFUSED')

  test('a refusal is followed by another knock, until one is answered', async () => {
    const { run, knocks } = setUp({ [EAST]: [refused(), refused(), refused(), 'socket'] })
    expect(await run(EAST)).toMatchObject({ to: EAST })
    expect(knocks).toEqual(Array(4).fill(EAST))
  })

  test('silence is waited out: a second SYN is one that NATs take for invalid after those of both sides crossed', async () => {
    const { run, knocks } = setUp({ [EAST]: ['silence', 'socket'] })
    await failureOf(run(EAST))
    expect(knocks).toEqual([EAST])
  })

  test('one connection is left: the knocking elsewhere ends with the first', async () => {
    const { run, waiting } = setUp({ [EAST]: ['silence'], [WEST]: [refused(), 'socket'] })
    expect(await run(EAST, WEST)).toMatchObject({ to: WEST })
    expect(waiting()).toBe(0)
  })

  test.each([
    ['outbound', 1],
    ['inbound', 2],
  ] as const)(
    'who is %s upgrades %i of two connections at a time, and the next when that fails',
    async (role, most) => {
      let [underway, seen] = [0, 0]
      const upgrade = async (socket: MultiaddrConnection) => {
        seen = Math.max(seen, ++underway)
        await new Promise((resolve) => setImmediate(resolve))
        underway--
        if ((socket as unknown as { to: string }).to === EAST) throw new Error('closed by the peer')
        return socket as unknown as Connection
      }
      const { run } = setUp({ [EAST]: ['socket'], [WEST]: ['socket'] }, { role, upgrade })
      expect(await run(EAST, WEST)).toMatchObject({ to: WEST })
      expect(seen).toBe(most)
    },
  )

  test('it is over with the window, the signal, so many tries, or a refusal of the gate', async () => {
    const silent = setUp({}, { window: 30 })
    await failureOf(silent.run(EAST, WEST))
    const stop = new AbortController()
    const aborted = setUp({}, { signal: stop.signal })
    const running = failureOf(aborted.run(EAST, WEST))
    stop.abort(new Error('enough'))
    await running
    expect([silent.waiting(), aborted.waiting()]).toEqual([0, 0])
    const gate = new Error('refused')
    const final = setUp({ [EAST]: ['silence'], [WEST]: [gate, 'socket'] }, { isFinal: (error) => error === gate })
    expect(await failureOf(final.run(EAST, WEST))).toBe(gate)
    expect([final.knocks.length, final.waiting()]).toEqual([2, 0])
  })

  test('an upgrade that began goes on when the window is over, and no signal of the connecting reaches it', async () => {
    let began!: UpgraderOptions
    const upgrade = async (socket: MultiaddrConnection, options: UpgraderOptions) => {
      began = options
      await new Promise((resolve) => setTimeout(resolve, 60))
      return socket as unknown as Connection
    }
    const { run } = setUp({ [EAST]: ['socket'] }, { window: 20, upgrade })
    expect(await run(EAST)).toMatchObject({ to: EAST })
    expect(began.signal.aborted).toBe(true) // only now, with everything else
  })
})

describe('between nodes', () => {
  const open = new Set<Server | Socket>()

  afterEach(async () => {
    await stopNodes()
    for (const each of open) 'destroy' in each ? each.destroy() : each.close()
    open.clear()
  })

  /** Joins those who dial it, two by two. */
  async function switchboard(): Promise<string> {
    let first: Socket | undefined
    const server = createServer((socket) => {
      open.add(socket.on('error', () => undefined))
      const other = first
      first = other === undefined ? socket : undefined
      if (other === undefined) return
      other.pipe(socket).pipe(other)
      other.on('close', () => socket.destroy())
      socket.on('close', () => other.destroy())
    }).listen(0, '127.0.0.1')
    open.add(server)
    await once(server, 'listening')
    return `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`
  }

  const near = () => false

  /** Two nodes that a third links; it told each of an address where the other can knock. */
  async function setUp(keepers: { a?: GateKeeper; b?: GateKeeper } = {}, address?: string) {
    const nodes = [await startNode({ near }), await startNode({ near, ...(keepers.a && { keeper: keepers.a }) })]
    const b = await startNode({ near, ...(keepers.b && { keeper: keepers.b }) })
    const [witness, a] = nodes as [TestNode, TestNode]
    await a.dial(witness)
    await b.dial(witness)
    witness.mesh.links.offerRelay(true)
    const relayed = await b.mesh.links.reserve(witness.id, { signal: never() })
    await a.dial({ id: b.id, addresses: relayed })
    await b.diary.until('connected', a.id)
    const told = [a.diary.until('discovered', b.id), b.diary.until('discovered', a.id)]
    await Promise.all([...told, ...[a, b].map((node) => node.diary.until('discovered', witness.id))])
    const outside = multiaddr(address ?? (await switchboard()))
    for (const node of [a, b]) {
      const port = node.mappings.openings()[0]?.localPort as number
      node.mappings.told(linksOf(node, witness)[0] as Connection, port, outside, true)
    }
    return { a, b, witness }
  }

  const punchStream = (node: TestNode, peer: TestNode) =>
    (linksOf(node, peer)[0] as Connection).newStream([PUNCH_PROTOCOL], { signal: AbortSignal.timeout(5_000) })

  const linksOf = (node: TestNode, peer: TestNode) =>
    node.libp2p.getConnections().filter(({ remotePeer }) => remotePeer.toString() === peer.id)

  test('the link moves to the hole at both ends, without an end in between, and only one connection is left', async () => {
    const { a, b } = await setUp()
    await a.mesh.links.punch(b.id, { signal: never() })
    await Promise.all([a.diary.until('moved', b.id), b.diary.until('moved', a.id)])
    expect(a.diary.of('moved')).toMatchObject([{ peer: b.id, direction: 'outbound', route: 'punched' }])
    expect(b.diary.of('moved')).toMatchObject([{ peer: a.id, direction: 'inbound', route: 'punched' }])
    expect(a.diary.of('disconnected').concat(b.diary.of('disconnected'))).toEqual([])
    expect([linksOf(a, b).length, linksOf(b, a).length]).toEqual([1, 1])
    const gossips = () => a.libp2p.services.gossip.getPeers().some((peer) => peer.toString() === b.id)
    while (!gossips()) await new Promise((resolve) => setImmediate(resolve))
  })

  test('asked for from both ends at once it is one hole, and both learn that the link moved (clause PUNCH 4)', async () => {
    const { a, b } = await setUp()
    await Promise.all([a, b].map((node) => node.mesh.links.punch(node === a ? b.id : a.id, { signal: never() })))
    await Promise.all([a.diary.until('moved', b.id), b.diary.until('moved', a.id)])
    const [lower, higher] = a.id < b.id ? [a, b] : [b, a]
    expect(lower.diary.of('moved')).toMatchObject([{ direction: 'outbound' }])
    expect(higher.diary.of('moved')).toMatchObject([{ direction: 'inbound' }])
    expect([linksOf(a, b).length, linksOf(b, a).length]).toEqual([1, 1])
  })

  test('the gate stands in the hole: who is no member any more is refused there, and the link is as it was', async () => {
    const asked: boolean[] = []
    let revoked = false
    const keeper: GateKeeper = {
      ...wordKeeper('member'),
      judge: async (remote, shown, { replaces }) => {
        asked.push(replaces)
        const word = revoked ? wordKeeper('nobody', 'revoked') : wordKeeper('member')
        return word.judge(remote, shown, { replaces })
      },
    }
    const { a, b } = await setUp({ b: keeper })
    revoked = true
    expect(await failureOf(a.mesh.links.punch(b.id, { signal: never() }))).toMatchObject({ code: 'E_REFUSED' })
    expect(asked).toEqual([false, false, true])
    expect(a.diary.of('moved').concat(b.diary.of('moved'))).toEqual([])
    expect(linksOf(a, b).map(({ status }) => status)).toEqual(['open'])
  })

  test('a stranger who sits where a member knocks gets nothing: another key is nobody', async () => {
    const address = await switchboard()
    const { a, b } = await setUp({}, address)
    const stranger = await startNode({ near, keeper: wordKeeper('stranger') })
    const meant = failureOf(stranger.dial({ id: a.id, addresses: [address] })) // joined with whoever knocks first
    await a.mesh.links.punch(b.id, { signal: never() }) // goes on, as the next knocks find each other
    await meant
    expect(stranger.diary.of('connected')).toEqual([])
    expect(a.diary.of('connected').some(({ peer }) => peer === stranger.id)).toBe(false)
  })

  test('a link that goes by no relay has nothing to punch: refused at once, by who is asked as by who would ask (clause PUNCH 5)', async () => {
    const { a, b } = await setUp()
    await a.mesh.links.punch(b.id, { signal: never() })
    await Promise.all([a.diary.until('moved', b.id), b.diary.until('moved', a.id)])
    expect(await failureOf(a.mesh.links.punch(b.id, { signal: never() }))).toMatchObject({
      code: 'E_NO_MEMBER',
      message: expect.stringContaining('no relay'),
    })
    const talk = new PunchTalk(await punchStream(a, b), AbortSignal.timeout(5_000))
    await talk.say('offer', [EAST])
    expect(await failureOf(talk.hear('answer'))).not.toMatchObject({ code: 'E_PROTOCOL' })
    expect([linksOf(a, b).length, a.diary.of('moved').length, b.diary.of('moved').length]).toEqual([1, 1, 1])
  })

  test('T27 amplification: a member has another knock at no private address, no service below 1024, and only so often', async () => {
    const { a, b } = await setUp()
    /** What b says when a has it knock there. */
    const knocked = async (...addresses: string[]) => {
      const talk = new PunchTalk(await punchStream(a, b), AbortSignal.timeout(10_000))
      await talk.say('offer', addresses)
      await talk.hear('answer')
      await talk.say('go')
      await talk.ended()
    }
    let seen = 0
    const victim = createServer((socket) => {
      seen++
      socket.destroy()
    }).listen(0, '127.0.0.1')
    open.add(victim)
    await once(victim, 'listening')
    const { port } = victim.address() as AddressInfo
    await knocked(`/ip4/0.0.0.0/tcp/${port}`, `/ip6/::ffff:127.0.0.1/tcp/${port}`)
    const begun = performance.now()
    await knocked('/ip4/10.213.7.9/tcp/31415', '/ip4/100.64.0.9/tcp/31415', '/ip4/198.51.100.9/tcp/443')
    expect(performance.now() - begun).toBeLessThan(limits.punchWindow) // not one knock
    expect(seen).toBe(0)
    for (let times = 0; times < limits.punchesPerPeer; times++) b.punching.turns.take(a.id)
    await knocked(`/ip4/127.0.0.1/tcp/${port}`)
    expect(seen).toBe(0)
  })

  test('a second attempt is from a port that the first was not from, where the NAT keeps numbers, and knocks from where it told', async () => {
    const { a, b, witness } = await setUp()
    const port = b.mappings.openings()[0]?.localPort as number
    const seenAs = multiaddr(`/ip4/198.51.100.7/tcp/${port}`)
    b.mappings.told(linksOf(b, witness)[0] as Connection, port, seenAs, true)
    const from = new Set<number>()
    const other = createServer((socket) => {
      from.add(socket.remotePort ?? 0)
      socket.destroy()
    }).listen(0, '127.0.0.1')
    open.add(other)
    await once(other, 'listening')
    const attempt = async () => {
      from.clear()
      const talk = new PunchTalk(await punchStream(a, b), AbortSignal.timeout(10_000))
      await talk.say('offer', [`/ip4/127.0.0.1/tcp/${(other.address() as AddressInfo).port}`])
      const { addresses } = await talk.hear('answer')
      await talk.say('go')
      await talk.ended()
      return { told: new Set(addresses), from: new Set([...from].map((each) => `/ip4/198.51.100.7/tcp/${each}`)) }
    }
    const [first, second] = [await attempt(), await attempt()]
    expect(first.told).toContain(seenAs.toString())
    expect(first.from).toEqual(new Set([seenAs.toString()]))
    expect(second.told.size).toBe(1)
    expect(second.from).toEqual(second.told)
    expect(second.told).not.toContain(seenAs.toString())
  })

  test('T26 slowloris: who opens talks and says nothing keeps nobody from a hole', async () => {
    const { a, b } = await setUp()
    for (let members = 0; members < limits.punchesAtOnce / 2; members++) {
      const silent = await startNode({ near })
      await silent.dial(b)
      for (const stream of [await punchStream(silent, b), await punchStream(silent, b)]) stream.send(Uint8Array.of(9))
    }
    await a.mesh.links.punch(b.id, { signal: never() })
    await Promise.all([a.diary.until('moved', b.id), b.diary.until('moved', a.id)])
  })

  test('it is refused in words without a link, without an address, and where the peer names one of our own network', async () => {
    const { a, b } = await setUp()
    const [lone, other] = [await startNode(), await startNode()]
    const fails = (node: TestNode, peer: TestNode) => failureOf(node.mesh.links.punch(peer.id, { signal: never() }))
    expect(await fails(lone, other)).toMatchObject({ code: 'E_NO_MEMBER', message: expect.stringContaining('seen') })
    await lone.dial(other)
    await other.diary.until('connected', lone.id)
    expect(await fails(lone, other)).toMatchObject({
      code: 'E_NO_MEMBER',
      message: expect.stringContaining('no relay'),
    })
    const stranger = await startNode()
    expect(await fails(a, stranger)).toMatchObject({ code: 'E_NO_MEMBER', message: expect.stringContaining('no link') })
    await a.dial(other) // it cannot tell of an address: nobody told it of one
    expect(await fails(a, other)).toMatchObject({ code: 'E_NO_MEMBER' })
    expect(linksOf(a, other).length + linksOf(a, b).length).toBe(2)
  })

  test('a dial may take the place of a link when the peer agreed to that over it (clause PUNCH 6)', async () => {
    const { a, b } = await setUp()
    const addresses = b.addresses.map((address) => multiaddr(`${address}/p2p/${b.id}`))
    const dial = () => a.libp2p.dial(addresses, { force: true })
    expect(await failureOf(dial())).toBeInstanceOf(Error) // as ever, without asking
    await a.punching.replace(b.id, { signal: never() }, dial)
    await Promise.all([a.diary.until('moved', b.id), b.diary.until('moved', a.id)])
    expect(a.diary.of('disconnected').concat(b.diary.of('disconnected'))).toEqual([])
    expect([linksOf(a, b).length, linksOf(b, a).length]).toEqual([1, 1])
  })
})

const isRoot = process.getuid?.() === 0
test.skipIf(!isRoot)(
  'two SYNs that cross make one connection (in a network namespace)',
  { timeout: 30_000 },
  async () => {
    const script = new URL('./crossing-syns.ts', import.meta.url).pathname
    const { stdout } = await promisify(execFile)('unshare', ['--net', process.execPath, script])
    const ends = JSON.parse(stdout) as { moved: string[]; connections: number }[]
    expect(ends.map(({ connections }) => connections)).toEqual([1, 1])
    expect(ends.map(({ moved }) => moved.length)).toEqual([1, 1])
    expect(limits.punchTries).toBeGreaterThan(1)
  },
)
