// Artifacts: the files that pieces are written to and served from. A piece is written once, at its place.
import type { Encoding } from '../core/trust/announcement.ts'

/** Every method rejects with ArtifactFailure for what a disk does; nothing else is expected. */
export interface Artifacts {
  /**
   * Makes room for an encoding, or opens what an earlier run left of it, and answers which pieces are there: each was
   * hashed again against `pieceList` (concatenated 32-byte hashes). diskFull when the rest would not fit beside what other
   * encodings were promised; then nothing is made.
   * @param decoded bytes that unpacking will need beside it, until `unpacked`.
   */
  prepare(
    encoding: Encoding,
    pieceList: Uint8Array,
    options: { decoded: number; signal: AbortSignal },
  ): Promise<Uint8Array>
  /** Writes a piece at its place. Survives the end of the process once resolved, a power cut once synced. */
  write(encoding: string, index: number, bytes: Uint8Array): Promise<void>
  /**
   * Reads a piece of a prepared encoding and hashes it again: corrupt when it is not what the piece list says. Reads it into what
   * `room` gives, which must have the length that it is asked for.
   */
  read(encoding: string, index: number, room?: (length: number) => Uint8Array): Promise<Uint8Array>
  /** Waits until all that was written so far is on the disk. */
  sync(encoding: string): Promise<void>
  /** What was to come out of it has come out: no room is kept for that any longer. */
  unpacked(encoding: string): void
  /** The file of an encoding whose pieces are all there. */
  path(encoding: string): string
  /**
   * Takes a whole encoding from this machine. Rejects, leaving nothing, when the bytes are not `encoding`.
   * @returns the piece list.
   */
  import(encoding: Encoding, bytes: AsyncIterable<Uint8Array>, options: { signal: AbortSignal }): Promise<Uint8Array>
  /** Removes what there is of an encoding. Idempotent. */
  forget(encoding: string): Promise<void>
  /** Removes everything but these encodings: what no journal knows of. @returns of which of them there is anything. */
  sweep(keep: ReadonlySet<string>): Promise<string[]>
  /** The piece list of an encoding that is there as a whole, by reading all of it; undefined for any other. */
  pieceList(encoding: Encoding): Promise<Uint8Array | undefined>
  close(): Promise<void>
}
