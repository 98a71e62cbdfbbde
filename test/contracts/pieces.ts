// What core may expect of Pieces, checked on every implementation: test/mesh/pieces.test.ts runs it on real libp2p nodes.
import { afterEach, describe, expect, test } from 'vitest'
import type { NodeId } from '../../src/core/env.ts'
import { limits } from '../../src/core/limits.ts'
import type { PieceEvents, Pieces } from '../../src/ports/pieces.ts'

export interface PiecesNetwork {
  pieces: readonly Pieces[]
  ids: readonly NodeId[]
  /** Ends the link between two nodes; resolves when both have noticed. */
  cut(a: number, b: number): Promise<void>
  link(a: number, b: number): Promise<void>
  /** Resolves after some more time of the implementation: bytes under way have had a chance to move. */
  beat(): Promise<void>
  close(): Promise<void>
}

/** A network of started nodes; `links` are pairs of their indices. The events are set before there is a link. */
export type MakePieces = (
  count: number,
  links: readonly (readonly [number, number])[],
  events: (node: number) => PieceEvents,
) => Promise<PiecesNetwork>

const LONG = limits.pieceBytesMin + limits.pieceFrameBytes
/** Bytes that may be on their way to one who does not read, and what a test sends to see it. */
const MOST_IN_FLIGHT = 2 * 1_048_576
const ALL_IN_FLIGHT = 10 * 1_048_576
/** Beats after which nothing that was on its way is still to come. */
const QUIET = 30

const open: PiecesNetwork[] = []

export function piecesContract(name: string, make: MakePieces): void {
  const network = async (count: number, links: readonly (readonly [number, number])[]) => {
    const inboxes = Array.from({ length: count }, () => new Inbox())
    const net = await make(count, links, (node) => (inboxes[node] as Inbox).events)
    open.push(net)
    const place = new Place(net, inboxes)
    return place
  }
  const pair = () => network(2, [[0, 1]])

  describe(`pieces on ${name}`, () => {
    afterEach(() => Promise.all(open.splice(0).map((each) => each.close())))

    test('a stream is told to both sides once, and carries hundreds of messages in order both ways', async () => {
      const place = await pair()
      await place.open(0, 1)
      place.open(1, 0)
      place.open(0, 1)
      const [a, b] = [numbered(400, 1), numbered(400, 2)]
      await Promise.all([place.sendAll(0, 1, a), place.sendAll(1, 0, b)])
      await place.until(() => place.got(1, 0).length === 400 && place.got(0, 1).length === 400)
      expect([place.got(1, 0), place.got(0, 1)]).toEqual([a, b])
      expect([place.told(0, 1), place.told(1, 0)]).toEqual([['opened'], ['opened']])
    })

    test('two that open at the same time have one stream, and neither hears of another', async () => {
      for (let delay = 0; delay < 4; delay++) {
        const place = await pair()
        const [first, second] = delay % 2 === 0 ? [0, 1] : [1, 0]
        place.net.pieces[first]?.open(place.id(second))
        for (let i = 0; i < delay >> 1; i++) await place.net.beat()
        place.net.pieces[second]?.open(place.id(first))
        await place.until(() => place.told(0, 1).length > 0 && place.told(1, 0).length > 0)
        const sent = numbered(50, delay)
        await Promise.all([place.sendAll(0, 1, sent), place.sendAll(1, 0, sent)])
        await place.until(() => place.got(1, 0).length === 50 && place.got(0, 1).length === 50)
        await place.quiet()
        expect([place.got(1, 0), place.got(0, 1)]).toEqual([sent, sent])
        expect([place.told(0, 1), place.told(1, 0)]).toEqual([['opened'], ['opened']])
      }
    })

    test('a message above the bound is not delivered and closes the stream; the bound can be raised and lowered', async () => {
      const place = await pair()
      await place.open(0, 1)
      place.net.pieces[1]?.expect(place.id(0), LONG)
      await place.send(0, 1, bytesOf(LONG, 1))
      await place.until(() => place.got(1, 0).length === 1)
      place.net.pieces[1]?.expect(place.id(0), 10)
      await place.send(0, 1, bytesOf(10, 2))
      await place.until(() => place.got(1, 0).length === 2)
      void place.send(0, 1, bytesOf(11, 3)).catch(() => undefined)
      await place.until(() => place.told(0, 1).length === 2 && place.told(1, 0).length === 2)
      expect([place.told(0, 1), place.told(1, 0)]).toEqual([
        ['opened', 'closed'],
        ['opened', 'closed'],
      ])
      expect(place.got(1, 0).length).toBe(2)
    })

    test('without a call the bound is that of a message without a piece, also after the stream was opened anew', async () => {
      const place = await pair()
      for (let round = 1; round <= 2; round++) {
        await place.open(0, 1)
        await place.send(0, 1, bytesOf(limits.pieceControlBytes, round))
        await place.until(() => place.got(1, 0).length === round)
        place.net.pieces[0]?.expect(place.id(1), LONG) // says nothing about what the other side reads
        void place.send(0, 1, bytesOf(limits.pieceControlBytes + 1, round)).catch(() => undefined)
        await place.until(() => place.told(0, 1).length === 2 * round && place.told(1, 0).length === 2 * round)
      }
      expect(place.got(1, 0).length).toBe(2)
    })

    test('the longest messages arrive whole, both ways at once', async () => {
      const place = await pair()
      await place.open(0, 1)
      const longest = bytesOf(limits.pieceBytesMax + limits.pieceFrameBytes, 5)
      place.net.pieces[0]?.expect(place.id(1), longest.length)
      place.net.pieces[1]?.expect(place.id(0), longest.length)
      await Promise.all([place.sendAll(0, 1, [longest, longest]), place.sendAll(1, 0, [longest, longest])])
      await place.until(() => place.got(1, 0).length === 2 && place.got(0, 1).length === 2)
      for (const got of [...place.got(0, 1), ...place.got(1, 0)]) expect(Buffer.compare(got, longest)).toBe(0)
    })

    test.each([LONG, LONG >> 2])(
      'a handler that waits stops the sender, and loses nothing: %i bytes',
      async (length) => {
        const place = await pair()
        await place.open(0, 1)
        place.net.pieces[1]?.expect(place.id(0), LONG)
        let release = place.inbox(1).hold()
        const sent = Array.from({ length: Math.ceil(ALL_IN_FLIGHT / length) }, (_, i) => bytesOf(length, i))
        let taken = 0
        const all = Promise.all(sent.map((bytes) => place.send(0, 1, bytes).then(() => taken++)))
        for (let handled = 0; handled < 4; handled++) {
          await place.until(() => place.got(1, 0).length === handled + 1)
          await place.quiet()
          expect(taken * length).toBeLessThan(handled * length + MOST_IN_FLIGHT)
          expect(place.got(1, 0).length).toBe(handled + 1)
          const next = place.inbox(1).hold()
          release()
          release = next
        }
        place.inbox(1).release()
        release()
        await all
        await place.until(() => place.got(1, 0).length === sent.length)
        expect(place.got(1, 0).every((bytes, i) => Buffer.compare(bytes, sent[i] as Uint8Array) === 0)).toBe(true)
      },
    )

    test('who waits for one peer goes on hearing another, and talks to both', async () => {
      const place = await network(3, [
        [0, 1],
        [2, 1],
      ])
      await place.open(0, 1)
      await place.open(2, 1)
      const release = place.inbox(1).hold(place.id(0))
      await place.sendAll(0, 1, numbered(2, 1))
      await place.sendAll(2, 1, numbered(20, 2))
      await place.sendAll(1, 0, numbered(5, 3))
      await place.until(() => place.got(1, 2).length === 20 && place.got(0, 1).length === 5)
      expect(place.got(1, 0).length).toBe(1)
      place.inbox(1).release()
      release()
      await place.until(() => place.got(1, 0).length === 2)
    })

    test('close is told to both sides, ends what is being sent, and a stream can be opened again by either', async () => {
      const place = await pair()
      for (const [round, opener] of [0, 1, 0].entries()) {
        await place.open(opener, 1 - opener)
        const [ours, theirs] = numbered(2, round)
        await place.send(0, 1, ours as Uint8Array)
        await place.send(1, 0, theirs as Uint8Array)
        await place.until(() => place.got(0, 1).length === round + 1 && place.got(1, 0).length === round + 1)
        place.inbox(1).hold()
        const late = Array.from({ length: 20 }, () => place.send(0, 1, bytesOf(limits.pieceControlBytes, 9)))
        place.net.pieces[round % 2]?.close(place.id(1 - (round % 2)))
        await Promise.allSettled(late)
        await expect(place.send(round % 2, 1 - (round % 2), bytesOf(1, 1))).rejects.toThrow()
        await place.until(() => [place.told(0, 1), place.told(1, 0)].every((told) => told.length === 2 * (round + 1)))
        place.inbox(1).forget()
      }
      const rounds = ['opened', 'closed', 'opened', 'closed', 'opened', 'closed']
      expect([place.told(0, 1), place.told(1, 0)]).toEqual([rounds, rounds])
    })

    test('a stream that is closed while it is being opened is told of once', async () => {
      const place = await pair()
      place.net.pieces[0]?.open(place.id(1))
      place.net.pieces[0]?.close(place.id(1))
      await place.until(() => place.told(0, 1).length > 0)
      await place.quiet()
      expect(place.told(0, 1)).toEqual(['closed'])
      expect(place.told(1, 0)).toEqual(place.told(1, 0).length === 0 ? [] : ['opened', 'closed'])
      await place.open(0, 1)
      await place.send(1, 0, bytesOf(3, 3))
      await place.until(() => place.got(0, 1).length === 1)
    })

    test('whatever is opened and closed when, each side hears of one stream after the other, and of its end', async () => {
      const place = await pair()
      const chance = shuffler(7)
      for (let step = 0; step < 200; step++) {
        const [node, peer] = chance() < 0.5 ? [0, 1] : [1, 0]
        if (chance() < 0.6) place.net.pieces[node]?.open(place.id(peer))
        else place.net.pieces[node]?.close(place.id(peer))
        for (let beats = Math.floor(chance() * 6); beats > 0; beats--) await place.net.beat()
      }
      await place.quiet()
      for (const node of [0, 1]) place.net.pieces[node]?.close(place.id(1 - node))
      const ended = () => [place.told(0, 1), place.told(1, 0)].every((told) => told.at(-1) !== 'opened')
      await place.until(ended)
      await place.quiet()
      for (const told of [place.told(0, 1), place.told(1, 0)]) {
        expect(told.some((what, i) => what === 'opened' && told[i + 1] !== 'closed')).toBe(false)
        expect(told).toContain('opened')
      }
      await place.open(0, 1)
      await place.send(0, 1, bytesOf(3, 3))
      await place.until(() => place.got(1, 0).length > 0)
    })

    test('a link that is lost closes the stream once on both sides; a new link has a new one', async () => {
      const place = await pair()
      await place.open(0, 1)
      place.net.pieces[1]?.expect(place.id(0), LONG)
      place.inbox(1).hold()
      const sent = Array.from({ length: 20 }, () => place.send(0, 1, bytesOf(LONG, 4)))
      await place.until(() => place.got(1, 0).length === 1)
      await place.net.cut(0, 1)
      const outcomes = await Promise.allSettled(sent)
      expect(outcomes.at(-1)?.status).toBe('rejected')
      await place.until(() => place.told(0, 1).length === 2 && place.told(1, 0).length === 2)
      place.inbox(1).forget()
      await place.net.link(1, 0)
      await place.open(1, 0)
      await place.send(0, 1, bytesOf(3, 6))
      await place.until(() => place.got(1, 0).length === 1)
      const twice = ['opened', 'closed', 'opened']
      expect([place.told(0, 1), place.told(1, 0)]).toEqual([twice, twice])
    })

    test('without a link open ends in one closed, and send rejects', async () => {
      const place = await network(2, [])
      place.net.pieces[0]?.open(place.id(1))
      expect(place.told(0, 1)).toEqual([])
      await expect(place.send(0, 1, bytesOf(1, 1))).rejects.toThrow()
      await place.until(() => place.told(0, 1).length > 0)
      await place.quiet()
      expect([place.told(0, 1), place.told(1, 0)]).toEqual([['closed'], []])
      place.net.pieces[0]?.close(place.id(1))
      place.net.pieces[0]?.expect(place.id(1), 1)
      await place.quiet()
      expect(place.told(0, 1)).toEqual(['closed'])
    })
  })
}

/** What one node was told, by peer. */
class Inbox {
  readonly told = new Map<NodeId, ('opened' | 'closed')[]>()
  readonly got = new Map<NodeId, Uint8Array[]>()
  #held: { peer: NodeId | undefined; promise: Promise<void> } | undefined

  readonly events: PieceEvents = {
    opened: (peer) => this.#add(this.told, peer, 'opened'),
    closed: (peer) => this.#add(this.told, peer, 'closed'),
    message: async (peer, bytes) => {
      this.#add(this.got, peer, bytes.slice())
      if (this.#held !== undefined && (this.#held.peer ?? peer) === peer) await this.#held.promise
    },
  }

  /** From now on handlers wait, until what it returns is called. */
  hold(peer?: NodeId): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#held = { peer, promise }
    return resolve
  }

  /** From now on handlers do not wait. */
  release(): void {
    this.#held = undefined
  }

  /** And what came of messages of 5 bytes or more is forgotten. */
  forget(): void {
    this.release()
    for (const list of this.got.values()) while (list.length > 0 && (list.at(-1)?.length ?? 0) > 4) list.pop()
  }

  #add<T>(lists: Map<NodeId, T[]>, peer: NodeId, what: T): void {
    lists.set(peer, [...(lists.get(peer) ?? []), what])
  }
}

class Place {
  readonly net: PiecesNetwork
  readonly #inboxes: readonly Inbox[]

  constructor(net: PiecesNetwork, inboxes: readonly Inbox[]) {
    this.net = net
    this.#inboxes = inboxes
  }

  id(node: number): NodeId {
    return this.net.ids[node] as NodeId
  }

  inbox(node: number): Inbox {
    return this.#inboxes[node] as Inbox
  }

  told(node: number, about: number): readonly string[] {
    return this.inbox(node).told.get(this.id(about)) ?? []
  }

  got(node: number, from: number): readonly Uint8Array[] {
    return this.inbox(node).got.get(this.id(from)) ?? []
  }

  /** Opens, and resolves when both were told. */
  async open(node: number, peer: number): Promise<void> {
    this.net.pieces[node]?.open(this.id(peer))
    await this.until(() => this.told(node, peer).at(-1) === 'opened' && this.told(peer, node).at(-1) === 'opened')
  }

  send(node: number, peer: number, bytes: Uint8Array): Promise<void> {
    return (this.net.pieces[node] as Pieces).send(this.id(peer), bytes)
  }

  async sendAll(node: number, peer: number, messages: readonly Uint8Array[]): Promise<void> {
    const sent = Promise.all(messages.map((bytes) => this.send(node, peer, bytes)))
    let over = false
    const end = sent.then(() => {
      over = true
    })
    while (!over) await Promise.race([end, this.net.beat()])
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await this.net.beat()
  }

  async quiet(): Promise<void> {
    for (let i = 0; i < QUIET; i++) await this.net.beat()
  }
}

/** Short messages that can be told apart. */
function numbered(count: number, mark: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => Uint8Array.of(mark, i >> 8, i & 255))
}

function bytesOf(length: number, mark: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (mark + i + (i >> 8)) & 255
  return bytes
}

/** Numbers in [0, 1), the same for each seed (mulberry32). */
function shuffler(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
