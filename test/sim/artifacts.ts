// The files of encodings on a machine that fails as disks do: a write takes time and may find the disk full, a kill leaves each
// write under way done, undone or torn, a power cut does the same to what was finished but not synced, and bits flip.
import { toHex } from '../../src/core/bytes.ts'
import type { Millis } from '../../src/core/env.ts'
import type { ArtifactProblem } from '../../src/core/swarm/messages.ts'
import type { Encoding } from '../../src/core/trust/announcement.ts'
import { type Content, flipped, nominalLength } from './content.ts'
import { sha256 } from './crypto.ts'
import type { Prng } from './prng.ts'
import type { EventQueue } from './queue.ts'

export interface FileFaults {
  /** Mean time of one piece read or written, exponential. A sync takes five times as long. */
  delayMean: Millis
  delayMax: Millis
}

type Done<T> = (outcome: T | ArtifactProblem) => void

interface Stored {
  bytes: Uint8Array
  synced: boolean
}

interface File {
  encoding: Encoding
  pieceList: Uint8Array
  /** In order of index once filled. */
  pieces: Map<number, Stored>
}

interface Write {
  file: File
  index: number
  bytes: Uint8Array
}

export class SimArtifacts {
  readonly #queue: EventQueue
  readonly #prng: Prng
  readonly #faults: FileFaults
  readonly #files = new Map<string, File>()
  /** Encodings that this process prepared; others can be neither read nor written. */
  readonly #open = new Set<string>()
  #underWay = new Set<Write>()
  /** Number of the process: nobody hears of what an earlier one began. */
  #run = 0
  /** No byte more fits. */
  full = false

  constructor(queue: EventQueue, prng: Prng, faults: FileFaults) {
    this.#queue = queue
    this.#prng = prng
    this.#faults = faults
  }

  /** As ports/artifacts has it; `done` gets the pieces that are there, as a bitfield. */
  prepare(encoding: Encoding, pieceList: Uint8Array, done: Done<Uint8Array>): void {
    this.#later(1, () => {
      const file = this.#files.get(encoding.hash) ?? { encoding, pieceList, pieces: new Map() }
      const have = bitfield(file)
      const missing = encoding.length - bytesOf(file)
      if (this.full && missing > 0) return done({ code: 'diskFull', missing })
      this.#files.set(encoding.hash, file)
      this.#open.add(encoding.hash)
      done(have)
    })
  }

  write(encoding: string, index: number, bytes: Uint8Array, done: Done<undefined>): void {
    const file = this.#opened(encoding)
    if (file === undefined) return this.#later(0, () => done(notPrepared(encoding)))
    const write = { file, index, bytes: bytes.slice() }
    this.#underWay.add(write)
    this.#later(1, () => {
      this.#underWay.delete(write)
      if (this.full) return done({ code: 'diskFull', missing: nominalLength(bytes) })
      file.pieces.set(index, { bytes: write.bytes, synced: false })
      done(undefined)
    })
  }

  /** `done` gets the piece, or `corrupt` when it is not what the piece list says. */
  read(encoding: string, index: number, done: Done<Uint8Array>): void {
    this.#later(1, () => {
      const file = this.#opened(encoding)
      if (file === undefined) return done(notPrepared(encoding))
      const piece = file.pieces.get(index)
      if (piece === undefined || !isRight(file, index, piece.bytes))
        return done({ code: 'corrupt', detail: `piece ${index} is not what was written` })
      done(piece.bytes)
    })
  }

  sync(encoding: string, done: Done<undefined>): void {
    const file = this.#opened(encoding)
    const loose = [...(file?.pieces.values() ?? [])]
    this.#later(5, () => {
      if (file === undefined) return done(notPrepared(encoding))
      for (const piece of loose) piece.synced = true
      done(undefined)
    })
  }

  /** Takes a whole encoding at once, synced: a publisher waits for that before it goes on. */
  import({ encoding, pieceList, pieces }: Content): void {
    const stored = pieces.map((bytes, index) => [index, { bytes, synced: true }] as const)
    this.#files.set(encoding.hash, { encoding, pieceList, pieces: new Map(stored) })
    this.#open.add(encoding.hash)
  }

  forget(encoding: string): void {
    this.#files.delete(encoding)
    this.#open.delete(encoding)
  }

  /** Removes everything but these encodings. */
  sweep(keep: ReadonlySet<string>): void {
    for (const hash of [...this.#files.keys()]) if (!keep.has(hash)) this.forget(hash)
  }

  /** What is on disk at a piece's place. */
  stored(encoding: string, index: number): Uint8Array | undefined {
    return this.#files.get(encoding)?.pieces.get(index)?.bytes
  }

  /** True when what is there is the piece. */
  holds(encoding: string, index: number): boolean {
    const file = this.#files.get(encoding)
    const piece = file?.pieces.get(index)
    return file !== undefined && piece !== undefined && isRight(file, index, piece.bytes)
  }

  /** True when all of it is there; `durable`: and a power cut could take none of it. */
  whole(encoding: string, { durable }: { durable: boolean }): boolean {
    const file = this.#files.get(encoding)
    if (file === undefined || file.pieces.size < file.pieceList.length / 32) return false
    return [...file.pieces].every(([index, { bytes, synced }]) => (synced || !durable) && isRight(file, index, bytes))
  }

  /** The piece list of an encoding that is there as a whole; undefined for any other. */
  pieceList({ hash }: Encoding): Uint8Array | undefined {
    return this.whole(hash, { durable: false }) ? this.#files.get(hash)?.pieceList : undefined
  }

  /** What lies at the places of all pieces; undefined while one is missing. */
  contents(encoding: string): Uint8Array[] | undefined {
    const file = this.#files.get(encoding)
    if (file === undefined || file.pieces.size < file.pieceList.length / 32) return undefined
    return [...file.pieces].sort(([a], [b]) => a - b).map(([, { bytes }]) => bytes)
  }

  /** A bit of one stored piece is another from now on, unless it is one that must not be lost. */
  flip(prng: Prng, mayLose: (encoding: string, index: number) => boolean = () => true): void {
    const file = prng.pick([...this.#files.values()])
    const [index, piece] = prng.pick([...(file?.pieces ?? [])]) ?? []
    if (file === undefined || piece === undefined || index === undefined) return
    if (mayLose(file.encoding.hash, index)) piece.bytes = flipped(piece.bytes)
  }

  /** The process ends. */
  crash(kind: 'killed' | 'powerCut' | 'left'): void {
    this.#run++
    for (const { file, index, bytes } of this.#underWay) {
      const landed = kind === 'left' ? bytes : this.#remains(bytes)
      if (landed !== undefined && !this.full) file.pieces.set(index, { bytes: landed, synced: false })
    }
    this.#underWay = new Set()
    this.#open.clear()
    for (const file of this.#files.values()) this.#settle(file, kind)
  }

  #settle(file: File, kind: 'killed' | 'powerCut' | 'left'): void {
    for (const [index, piece] of file.pieces) {
      const left = kind !== 'powerCut' || piece.synced ? piece.bytes : this.#remains(piece.bytes)
      if (left === undefined) file.pieces.delete(index)
      // A kill leaves it to the system, which writes it within half a minute: a power cut may still come first.
      else file.pieces.set(index, { bytes: left, synced: piece.synced || kind === 'powerCut' })
    }
  }

  /** What is left of a write that was not waited for. */
  #remains(bytes: Uint8Array): Uint8Array | undefined {
    const draw = this.#prng.real()
    if (draw < 0.4) return bytes
    return draw < 0.7 ? undefined : flipped(bytes)
  }

  #opened(encoding: string): File | undefined {
    return this.#open.has(encoding) ? this.#files.get(encoding) : undefined
  }

  #later(factor: number, run: () => void): void {
    const { delayMean, delayMax } = this.#faults
    const delay = Math.min(delayMax, Math.ceil(this.#prng.exponential(delayMean * factor)))
    const started = this.#run
    this.#queue.after(delay, () => {
      if (this.#run === started) run()
    })
  }
}

/** True when an outcome is a problem. */
export function isProblem<T>(outcome: T | ArtifactProblem): outcome is ArtifactProblem {
  return typeof outcome === 'object' && outcome !== null && 'code' in outcome
}

function notPrepared(encoding: string): ArtifactProblem {
  return { code: 'ioError', detail: `encoding ${encoding.slice(0, 8)} was not prepared` }
}

function isRight(file: File, index: number, bytes: Uint8Array): boolean {
  const listed = file.pieceList.subarray(32 * index, 32 * index + 32)
  return toHex(sha256(bytes)) === toHex(listed)
}

function bytesOf(file: File): number {
  return [...file.pieces.values()].reduce((sum, { bytes }) => sum + nominalLength(bytes), 0)
}

/** The pieces that are there and right; wrong ones are forgotten. */
function bitfield(file: File): Uint8Array {
  const bits = new Uint8Array(Math.ceil(file.pieceList.length / 32 / 8))
  for (const [index, { bytes }] of [...file.pieces]) {
    if (isRight(file, index, bytes)) bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7))
    else file.pieces.delete(index)
  }
  return bits
}
