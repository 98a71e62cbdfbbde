// One swarm whose peers are played by the test: it says what they send, and looks at what the swarm wants done.
import { createHash } from 'node:crypto'
import type { Millis, NodeId } from '../../../src/core/env.ts'
import type { Effect, Ticket } from '../../../src/core/events.ts'
import { limits } from '../../../src/core/limits.ts'
import type { Entry } from '../../../src/core/links/book-entry.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { emptyBits, fullBits } from '../../../src/core/swarm/bitfield.ts'
import type { SwarmParts } from '../../../src/core/swarm/composition.ts'
import type { PieceArrival, PieceMessage } from '../../../src/core/swarm/messages.ts'
import { Swarm } from '../../../src/core/swarm/swarm.ts'
import { noDirectory } from './directories.ts'
import { JUNK, type TestEncoding } from './encodings.ts'

type Of<T extends Effect['type']> = Extract<Effect, { type: T }>

export class Alone {
  now: Millis = 0
  readonly out = new Outbox()
  readonly effects: Effect[] = []
  readonly refusals: string[] = []
  readonly dialled: Entry[] = []
  readonly links = new Set<NodeId>()
  readonly contacts: Entry[] = []
  readonly swarm: Swarm
  #arrival = 1_000_000

  constructor(
    saved: ConstructorParameters<typeof Swarm>[1] = { holdings: [], pieceLists: [] },
    parts: Partial<SwarmParts> = {},
  ) {
    const linkOf = (peer: NodeId) => ({
      peer,
      zone: '/a',
      address: '',
      direction: 'outbound' as const,
      route: 'direct' as const,
      since: 0,
    })
    this.swarm = new Swarm(
      {
        env: { random: () => 0.5, sha256: (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest()) },
        out: this.out,
        self: { node: 'self', zone: '/a' },
        links: {
          all: () => [...this.links].map(linkOf).values(),
          get: (peer) => (this.links.has(peer) ? linkOf(peer) : undefined),
          wantFor: (entry) => void this.dialled.push(entry),
        },
        book: {
          inZone: (zone) => this.contacts.filter((entry) => entry.zone === zone),
          outside: () => this.contacts.filter((entry) => entry.zone !== '/a'),
          get: (node) => this.contacts.find((entry) => entry.node === node),
        },
        view: { rows: () => [] },
        refusals: { count: (code) => void this.refusals.push(code) },
        directory: noDirectory(),
        ...parts,
      },
      saved,
    )
  }

  /** One step; returns what it brought. */
  step(change: (swarm: Swarm) => void): Effect[] {
    change(this.swarm)
    this.swarm.check(this.now)
    const effects = this.out.drain()
    this.effects.push(...effects)
    return effects
  }

  /** Lets time go on, waking the swarm when it wants to be. */
  wait(time: Millis): Effect[] {
    const end = this.now + time
    const effects: Effect[] = []
    for (let steps = 0; (this.swarm.deadline() ?? end) < end; steps++) {
      if (steps > 10_000) throw new Error('the swarm spins')
      this.now = Math.max(this.now, this.swarm.deadline() as Millis)
      effects.push(...this.step(() => undefined))
    }
    this.now = end
    effects.push(...this.step(() => undefined))
    return effects
  }

  of<T extends Effect['type']>(type: T, effects: readonly Effect[] = this.effects): Of<T>[] {
    return effects.filter((effect): effect is Of<T> => effect.type === type)
  }

  last<T extends Effect['type']>(type: T): Of<T> {
    const effect = this.of(type).at(-1)
    if (effect === undefined) throw new Error(`there was no ${type}`)
    return effect
  }

  said(
    type: PieceMessage['type'],
    effects: readonly Effect[] = this.effects,
  ): { peer: NodeId; message: PieceMessage }[] {
    return this.of('pieceSay', effects).filter(({ message }) => message.type === type)
  }

  requests(effects: readonly Effect[] = this.effects): { peer: NodeId; index: number }[] {
    return this.said('request', effects).map(({ peer, message }) => ({
      peer,
      index: (message as { index: number }).index,
    }))
  }

  wants(...wanted: TestEncoding[]): Effect[] {
    return this.step((swarm) => {
      swarm.keep(new Map(wanted.map(({ encoding }) => [encoding.hash, encoding])), this.now)
      for (const { encoding } of wanted) {
        swarm.want({ encoding, release8: 'aa', origin: [], decoded: 7 }, this.now)
      }
    })
  }

  /** A linked peer with an open stream. */
  meets(...peers: NodeId[]): Effect[] {
    return peers.flatMap((peer) => {
      this.links.add(peer)
      return [
        ...this.step((swarm) => swarm.linked(peer, this.now)),
        ...this.step((swarm) => swarm.opened(peer, this.now)),
      ]
    })
  }

  /** Undefined: what does not parse. */
  says(peer: NodeId, message: PieceArrival | undefined): Effect[] {
    return this.step((swarm) => swarm.message(peer, message, this.now))
  }

  /** The peer tells that it holds all, or these pieces. */
  holds(peer: NodeId, { encoding, hashes }: TestEncoding, bits = fullBits(hashes.length), wants = false): Effect[] {
    return this.says(peer, { type: 'bitfield', encoding: encoding.hash, bits, wants })
  }

  /** Answers the newest question for a piece list. */
  lists({ list }: TestEncoding): Effect[] {
    const { ticket, peer } = this.last('ask')
    return this.step((swarm) => swarm.listArrived(ticket, peer, list, this.now))
  }

  prepared(have: Uint8Array): Effect[] {
    const { ticket } = this.last('artifactPrepare')
    return this.step((swarm) => swarm.prepared(ticket, have, this.now))
  }

  /** A download that is ready to fetch from `peers`, which hold everything. */
  fetches(wanted: TestEncoding, ...peers: NodeId[]): Effect[] {
    this.wants(wanted)
    const [first, ...others] = peers
    if (first === undefined) throw new Error('somebody has to hold it')
    this.meets(first)
    this.holds(first, wanted)
    this.lists(wanted)
    const effects = this.prepared(emptyBits(wanted.hashes.length))
    for (const peer of others) {
      this.meets(peer)
      effects.push(...this.holds(peer, wanted))
    }
    return effects
  }

  sends(peer: NodeId, { encoding, hashes }: TestEncoding, index: number, hash = hashes[index] ?? JUNK): Effect[] {
    this.#arrival += 1
    const length = encoding.pieceLength
    return this.says(peer, { type: 'data', encoding: encoding.hash, index, arrival: this.#arrival, length, hash })
  }

  /** The disk wrote what it was to keep. */
  keeps(effects: readonly Effect[]): Effect[] {
    return this.of('pieceKeep', effects).flatMap(({ ticket }) => this.step((swarm) => swarm.kept(ticket, this.now)))
  }

  syncs(effects: readonly Effect[] = this.effects): Effect[] {
    return this.of('artifactSync', effects).flatMap(({ ticket }) =>
      this.step((swarm) => swarm.synced(ticket, this.now)),
    )
  }

  /** Answers requests of these effects, and those that follow, until there are none. */
  serves(wanted: TestEncoding, requests: { peer: NodeId; index: number }[]): void {
    const queue = [...requests]
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      this.now += 1
      const effects = this.sends(next.peer, wanted, next.index)
      queue.push(...this.requests(effects), ...this.requests(this.keeps(effects)))
    }
  }

  /** Tickets of effects of a kind. */
  tickets(type: 'pieceServe' | 'pieceKeep'): Ticket[] {
    return this.of(type).map(({ ticket }) => ticket)
  }
}

/** Longest message with a piece of this encoding. */
export const pieceMessageBytes = ({ encoding }: TestEncoding): number => encoding.pieceLength + limits.pieceFrameBytes
