// Pieces, artifact files and installations of one simulated machine: what daemon/transfers.ts does, in virtual time and through
// the real codecs. A hostile machine's core is as honest as any other; what it sends is spoilt here.
import { toHex } from '../../src/core/bytes.ts'
import type { NodeId } from '../../src/core/env.ts'
import type { Effect, Input, Ticket } from '../../src/core/events.ts'
import { Failure } from '../../src/core/failure.ts'
import type { SavedArtifacts } from '../../src/core/machines.ts'
import { emptyBits } from '../../src/core/swarm/bitfield.ts'
import type { ArtifactProblem } from '../../src/core/swarm/messages.ts'
import { decodePieceMessage, encodePieceData, encodePieceMessage } from '../../src/wire/pieces.ts'
import type { SavedState } from '../../src/wire/state.ts'
import { isProblem, SimArtifacts } from './artifacts.ts'
import { flipped, nominalLength } from './content.ts'
import { sha256 } from './crypto.ts'
import { SimInstaller } from './installer.ts'
import type { Prng } from './prng.ts'
import type { Surroundings } from './surroundings.ts'

type OfType<T extends Effect['type']> = Extract<Effect, { type: T }>
const TRANSFERS = [
  'piecesOpen',
  'piecesClose',
  'piecesExpect',
  'pieceSay',
  'pieceServe',
  'pieceKeep',
  'pieceDrop',
  'artifactPrepare',
  'artifactSync',
  'artifactForget',
  'install',
] as const
export type TransferEffect = OfType<(typeof TRANSFERS)[number]>

/** A machine that sends junk sends this beside a piece, one time in so many. */
const GARBAGE = 0.2

interface Arrival {
  bytes: Uint8Array
  /** The next message of that peer may come. */
  freed: () => void
}

interface Owner {
  index: number
  junk: boolean
  prng: Prng
  /** Number of the process: what an earlier one began does not concern it. */
  run: () => number
  feed: (input: Input) => void
}

export class SimTransfers {
  readonly artifacts: SimArtifacts
  readonly installer: SimInstaller
  readonly #world: Surroundings
  readonly #owner: Owner
  #arrivals = new Map<Ticket, Arrival>()
  #arrival: Ticket = 0

  constructor(world: Surroundings, owner: Owner) {
    this.#world = world
    this.#owner = owner
    const { queue, scenario, publisher, watch } = world
    this.artifacts = new SimArtifacts(queue, owner.prng.fork('artifacts'), scenario.files)
    this.installer = new SimInstaller({
      queue,
      prng: owner.prng.fork('installer'),
      faults: scenario.files,
      artifacts: this.artifacts,
      contentOf: (encoding) => publisher.contents.get(encoding),
      changed: (path, before, after) => watch.inUse(owner.index, path, before, after),
    })
  }

  /**
   * A process starts: files that its state knows nothing of go, and what was handed in just before a crash is found again.
   * @returns what it has, as daemon/found.ts says it.
   */
  open({ artifacts, publishers, installs }: SavedState): SavedArtifacts {
    const announced = publishers.announcements.flatMap(({ announcement }) =>
      announcement.signed.releases.flatMap(({ encodings }) => encodings),
    )
    const held = artifacts.holdings.map(({ encoding }) => encoding)
    const underway = installs.flatMap((entry) => entry.underway?.encoding.hash ?? [])
    this.artifacts.sweep(new Set([...held, ...announced.map(({ hash }) => hash), ...underway]))
    const known = new Set(artifacts.pieceLists.map(({ hash }) => hash))
    const found = announced.flatMap((encoding) => {
      const list = known.has(encoding.pieceList) ? undefined : this.artifacts.pieceList(encoding)
      return list === undefined ? [] : [{ encoding, list }]
    })
    const lists = found.map(({ encoding, list }) => ({ hash: encoding.pieceList, list }))
    const more = found.filter(({ encoding }) => !held.includes(encoding.hash))
    const holdings = more.map(({ encoding, list }) => ({ encoding: encoding.hash, bits: emptyBits(list.length / 32) }))
    const pieceLists = [...artifacts.pieceLists, ...lists]
    return { ...artifacts, holdings: [...artifacts.holdings, ...holdings], pieceLists }
  }

  /** The bytes of an arrival that waits. */
  bytesOf(arrival: Ticket): Uint8Array | undefined {
    return this.#arrivals.get(arrival)?.bytes
  }

  /** A message of a peer's stream. What does not parse is core's to refuse; what only newer versions know is passed over. */
  arrived(peer: number, bytes: Uint8Array, next: () => void): void {
    const from = this.#world.nodeOf(peer)
    let message: ReturnType<typeof decodePieceMessage>
    try {
      message = decodePieceMessage(bytes)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      this.#owner.feed({ type: 'pieceMessage', peer: from, message: undefined })
      return next()
    }
    if (message === undefined) return next()
    if (message.type !== 'data') {
      this.#owner.feed({ type: 'pieceMessage', peer: from, message })
      return next()
    }
    const { encoding, index, bytes: piece } = message
    const arrival = ++this.#arrival
    this.#arrivals.set(arrival, { bytes: piece, freed: next })
    const [hash, length] = [toHex(sha256(piece)), nominalLength(piece)]
    const data = { type: 'data', encoding, index, arrival, length, hash } as const
    this.#owner.feed({ type: 'pieceMessage', peer: from, message: data })
  }

  /** The process ended. */
  crash(kind: 'killed' | 'powerCut' | 'left'): void {
    this.#arrivals = new Map()
    this.#world.flows.crash(this.#owner.index)
    this.artifacts.crash(kind)
    this.installer.crash()
  }

  perform(effect: TransferEffect): void {
    const { flows } = this.#world
    const { index, feed } = this.#owner
    switch (effect.type) {
      case 'piecesOpen':
        return flows.open(index, this.#number(effect.peer))
      case 'piecesClose':
        return flows.close(index, this.#number(effect.peer))
      case 'piecesExpect':
        return flows.expect(index, this.#number(effect.peer), effect.maxBytes)
      case 'pieceSay': {
        const bytes = encodePieceMessage(effect.message)
        return flows.send(index, this.#number(effect.peer), bytes, bytes.length)
      }
      case 'pieceServe':
        return this.#serve(effect)
      case 'pieceKeep':
        return this.#keep(effect)
      case 'pieceDrop':
        return this.#world.queue.after(0, () => this.#free(effect.arrival))
      case 'artifactPrepare': {
        const { ticket, encoding, pieceList } = effect
        return this.artifacts.prepare(encoding, pieceList, (have) =>
          isProblem(have) ? this.#failed(ticket, have) : feed({ type: 'artifactPrepared', ticket, have }),
        )
      }
      case 'artifactSync':
        return this.artifacts.sync(effect.encoding, (problem) =>
          problem ? this.#failed(effect.ticket, problem) : feed({ type: 'artifactSynced', ticket: effect.ticket }),
        )
      case 'artifactForget':
        return this.artifacts.forget(effect.encoding)
      case 'install':
        return this.installer.step(effect.step, effect.job, (problem) =>
          feed({ type: 'installStepped', ticket: effect.ticket, problem }),
        )
    }
  }

  #serve({ ticket, peer, encoding, index }: OfType<'pieceServe'>): void {
    const { feed, junk, run } = this.#owner
    this.artifacts.read(encoding, index, (piece) => {
      if (isProblem(piece)) return feed({ type: 'pieceServed', ticket, problem: piece })
      const bytes = encodePieceData(encoding, index, junk ? flipped(piece) : piece)
      const length = bytes.length - piece.length + nominalLength(piece)
      const started = run()
      this.#world.flows.send(this.#owner.index, this.#number(peer), bytes, length, () => {
        if (run() === started) feed({ type: 'pieceServed', ticket, problem: undefined })
      })
      if (junk) this.#garbage(peer, encoding)
    })
  }

  /** What no honest machine sends: bytes that do not parse, a piece that nobody asked for, an index that does not exist. */
  #garbage(peer: NodeId, encoding: string): void {
    const { prng, index } = this.#owner
    if (!prng.chance(GARBAGE)) return
    const bytes = prng.pick([
      prng.bytes(40),
      encodePieceData(encoding, 0, prng.bytes(16)),
      encodePieceMessage({ type: 'have', encoding, index: 4_000 }),
      encodePieceMessage({ type: 'bitfield', encoding, bits: prng.bytes(9), wants: true }),
    ]) as Uint8Array
    this.#world.flows.send(index, this.#number(peer), bytes, bytes.length)
  }

  #keep({ ticket, arrival, encoding, index }: OfType<'pieceKeep'>): void {
    const held = this.#arrivals.get(arrival)
    if (held === undefined) return
    this.artifacts.write(encoding, index, held.bytes, (problem) => {
      this.#free(arrival)
      if (problem) this.#failed(ticket, problem)
      else this.#owner.feed({ type: 'pieceKept', ticket })
    })
  }

  #free(arrival: Ticket): void {
    const held = this.#arrivals.get(arrival)
    this.#arrivals.delete(arrival)
    held?.freed()
  }

  #failed(ticket: Ticket, problem: ArtifactProblem): void {
    this.#owner.feed({ type: 'artifactFailed', ticket, problem })
  }

  #number(node: NodeId): number {
    return this.#world.indexOf(node)
  }
}

/** True for what this file performs. */
export function isTransfer(effect: Effect): effect is TransferEffect {
  return (TRANSFERS as readonly string[]).includes(effect.type)
}
