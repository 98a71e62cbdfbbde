// What is here although this node does not need it, as bytes on disk (clause STATE): enough to serve it once no release names it.
import { toHex } from '../core/bytes.ts'
import type { Cached, CacheKind } from '../core/swarm/cache.ts'
import { ENCODING_BYTES_MAX, pieceLengthFor } from '../core/swarm/pieces.ts'
import { hexBytes, MessageReader, MessageWriter } from './protobuf.ts'
import { encodingOf } from './release.ts'

const HASH_BYTES = 32
/** Two hashes and three numbers, with their tags. */
const CACHED_BYTES = 2 * HASH_BYTES + 40
const KINDS: readonly CacheKind[] = ['old', 'forwarded']

/** The value for what is cached; the hash of the encoding is the key's. */
export function encodeCached({ encoding, kind, order }: Cached): Uint8Array {
  return new MessageWriter()
    .bytes(1, hexBytes(encoding.sha256, HASH_BYTES, 'SHA-256'))
    .uint(2, encoding.length)
    .bytes(3, hexBytes(encoding.pieceList, HASH_BYTES, 'piece list'))
    .uint(4, KINDS.indexOf(kind) + 1)
    .uint(5, order)
    .finish()
}

/** Throws E_PROTOCOL for a value that is none, or that is another's. */
export function decodeCached(bytes: Uint8Array, hash: string): Cached {
  const reader = new MessageReader(bytes, 'a cached encoding', CACHED_BYTES)
  const hash32 = (field: number) => toHex(reader.bytes(field, HASH_BYTES, HASH_BYTES))
  const sha256 = hash32(1)
  const length = reader.uint(2, ENCODING_BYTES_MAX)
  const pieceList = hash32(3)
  const kind = KINDS[reader.uint(4) - 1]
  const order = reader.uint(5)
  reader.end()
  if (kind === undefined || length === 0) return reader.refuse('it says of nothing why it is kept')
  const described = { sha256, length, pieceLength: pieceLengthFor(length), pieceList }
  if (encodingOf({ ...described, type: 'identity' }).hash !== hash) return reader.refuse('it is of another encoding')
  return { encoding: { hash, ...described }, kind, order }
}
