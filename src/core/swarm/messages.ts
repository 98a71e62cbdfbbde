// The messages of /pimesh/pieces/1: one long-lived stream per pair of linked members carries them both ways.
import type { Ticket } from '../events.ts'

/** What goes out: bytes of pieces travel beside core, which sees only their hash. */
export type PieceMessage =
  /**
   * I hold these pieces of that encoding. `wants`: and I want the others, so tell me yours and what you gain.
   * `bits`: bit i of byte i >> 3 (least significant first) is piece i; as long as the piece list says.
   */
  | { type: 'bitfield'; encoding: string; bits: Uint8Array; wants: boolean }
  /** I gained this piece. */
  | { type: 'have'; encoding: string; index: number }
  | { type: 'request'; encoding: string; index: number }
  /** I don't wait for it any more. */
  | { type: 'cancel'; encoding: string; index: number }
  /** I can't give you this piece (now): ask somebody else. */
  | { type: 'refuse'; encoding: string; index: number }
  /** To the mates on my LAN: I am fetching this piece from outside, so wait for mine. `passOn`: I am not linked with all of them. */
  | { type: 'claim'; encoding: string; index: number; passOn: boolean }
  /** I am not fetching it any more, and don't have it. */
  | { type: 'unclaim'; encoding: string; index: number }
  /** I was asked for this piece for the first time, by another: ask me for others first. */
  | { type: 'given'; encoding: string; index: number }
  /** A mate of mine claims it: I shall have it from there. */
  | { type: 'passed'; encoding: string; index: number }

/** What comes in: the same, and data, whose bytes the driver keeps under `arrival` until they are kept or dropped. */
export type PieceArrival =
  | PieceMessage
  | {
      type: 'data'
      encoding: string
      index: number
      arrival: Ticket
      /** Bytes. */
      length: number
      /** Hex SHA-256 of the bytes. */
      hash: string
    }

/** Why an artifact's bytes could not be written, read or prepared. */
export type ArtifactProblem =
  /** `missing`: bytes that must become free. */
  | { code: 'diskFull'; missing: number }
  | { code: 'notWritable'; detail: string }
  /** What is on disk is not what was written. */
  | { code: 'corrupt'; detail: string }
  | { code: 'ioError'; detail: string }
