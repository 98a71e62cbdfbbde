// The messages of /pimesh/pieces/1 as bytes (clause PIECES). A piece is copied neither when it is sent nor when it is read.
import { concat, toHex } from '../core/bytes.ts'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { PieceMessage } from '../core/swarm/messages.ts'
import { hexBytes, MessageReader, MessageWriter } from './protobuf.ts'

/** Numbers on the wire are places in this list, from 1: append only. */
const KINDS = [
  'bitfield',
  'have',
  'request',
  'cancel',
  'refuse',
  'data',
  'claim',
  'unclaim',
  'given',
  'passed',
] as const

const HASH_BYTES = 32
const BITS_BYTES = limits.pieces / 8
/** Tag of field 6, length-delimited. */
const DATA_TAG = 6 * 8 + 2

/** A piece that came: `bytes` is a view of the message. */
export interface PieceData {
  type: 'data'
  encoding: string
  index: number
  bytes: Uint8Array
}

/** Throws E_PROTOCOL when the encoding is no SHA-256. */
export function encodePieceMessage(message: PieceMessage): Uint8Array {
  const { type, encoding } = message
  if (type === 'claim') return frame(type, encoding, message.index).bool(5, message.passOn).finish()
  if (type !== 'bitfield') return frame(type, encoding, message.index).finish()
  return frame('bitfield', encoding, 0).bytes(4, message.bits).bool(5, message.wants).finish()
}

/** A message with the bytes of a piece. Throws E_PROTOCOL when the encoding is no SHA-256 or the piece too long. */
export function encodePieceData(encoding: string, index: number, bytes: Uint8Array): Uint8Array {
  return concat([encodePieceHead(encoding, index, bytes.length), bytes])
}

/**
 * What stands before the bytes of a piece in its message, at most limits.pieceFrameBytes. Throws E_PROTOCOL when the encoding is
 * no SHA-256 or the piece too long.
 */
export function encodePieceHead(encoding: string, index: number, length: number): Uint8Array {
  if (length > limits.pieceBytesMax) throw new Failure('E_PROTOCOL', `a piece of ${length} bytes cannot be sent`)
  return concat([frame('data', encoding, index).finish(), Uint8Array.of(DATA_TAG, ...varint(length))])
}

/**
 * Reads one message; undefined for a kind that only newer versions know. What belongs to another kind of message must not
 * be there. Throws E_PROTOCOL.
 */
export function decodePieceMessage(bytes: Uint8Array): PieceMessage | PieceData | undefined {
  const reader = new MessageReader(bytes, 'a message about pieces', limits.pieceBytesMax + limits.pieceFrameBytes)
  const kind = reader.uint(1)
  const type = KINDS[kind - 1]
  const [encodingBytes, index] = [reader.optionalBytes(2, HASH_BYTES, HASH_BYTES), reader.uint(3, limits.pieces - 1)]
  const bits = reader.optionalBytes(4, 1, BITS_BYTES)
  const wants = reader.bool(5)
  const data = reader.optionalBytes(6, 1, limits.pieceBytesMax)
  reader.end()
  if (type !== 'data' && bytes.length > limits.pieceControlBytes) reader.refuse('it is longer than one without a piece')
  if (kind === 0) reader.refuse('its kind is missing')
  if (type === undefined) return undefined
  const encoding = encodingBytes === undefined ? reader.refuse('its encoding is missing') : toHex(encodingBytes)
  if (type === 'bitfield' ? bits === undefined || index > 0 : bits !== undefined || (wants && type !== 'claim'))
    reader.refuse(`its fields are not those of "${type}"`)
  if ((data !== undefined) !== (type === 'data')) reader.refuse(`its fields are not those of "${type}"`)
  if (type === 'bitfield') return { type, encoding, bits: new Uint8Array(bits ?? []), wants }
  if (type === 'claim') return { type, encoding, index, passOn: wants }
  return type === 'data' ? { type, encoding, index, bytes: data as Uint8Array } : { type, encoding, index }
}

function frame(type: (typeof KINDS)[number], encoding: string, index: number): MessageWriter {
  const message = new MessageWriter().uint(1, KINDS.indexOf(type) + 1)
  return message.bytes(2, hexBytes(encoding, HASH_BYTES, "encoding's hash")).uint(3, index)
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
}
