// A torrent of one file, made here, so that all clients get the same one whatever tools they bring.
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'

/** As long as the pieces of pimesh are for files up to a gigabyte. */
const PIECE_LENGTH = 256 * 1024

type Bencoded = number | string | Uint8Array | { [key: string]: Bencoded }

/** @returns the bytes of a .torrent file (BEP 3) with one tracker. */
export async function torrentOf(path: string, tracker: string): Promise<Uint8Array> {
  const hashes: Uint8Array[] = []
  const file = await open(path)
  try {
    const piece = Buffer.alloc(PIECE_LENGTH)
    const { size: length } = await file.stat()
    for (let at = 0; at < length; at += PIECE_LENGTH) {
      const { bytesRead } = await file.read(piece, 0, PIECE_LENGTH, at)
      hashes.push(createHash('sha1').update(piece.subarray(0, bytesRead)).digest())
    }
    const pieces = Buffer.concat(hashes)
    return bencode({ announce: tracker, info: { length, name: basename(path), 'piece length': PIECE_LENGTH, pieces } })
  } finally {
    await file.close()
  }
}

/** Keys come out in order, as they have to. */
export function bencode(value: Bencoded): Buffer {
  if (typeof value === 'number') return Buffer.from(`i${value}e`)
  if (typeof value === 'string') return bencode(Buffer.from(value))
  if (value instanceof Uint8Array) return Buffer.concat([Buffer.from(`${value.length}:`), value])
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  const parts = entries.flatMap(([key, inner]) => [bencode(key), bencode(inner)])
  return Buffer.concat([Buffer.from('d'), ...parts, Buffer.from('e')])
}
