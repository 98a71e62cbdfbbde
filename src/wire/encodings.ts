// Encodings: how the bytes of an artifact come out of the form in which they travelled.
// Invariant: whatever the bytes say, no more come out than were announced, and unpacking holds one window (a zstd bomb ends here).
import type { Transform } from 'node:stream'
import { constants, createZstdDecompress } from 'node:zlib'
import { Failure } from '../core/failure.ts'
import { limits } from '../core/limits.ts'
import type { EncodingType } from '../core/trust/announcement.ts'
import { type Base, patched } from './patch.ts'

type Bytes = AsyncGenerator<Uint8Array, void, undefined>

/** Bytes that zstd gives at once: small, because each is a fresh buffer. */
const OUTPUT_BYTES = 65_536

/**
 * The artifact inside `encoded`, of which `length` bytes are expected. Whoever uses them still has to check their SHA-256. Blocks of
 * `encoded` are used up before the next one is asked for, and blocks that come out are valid until the next one is asked for.
 * @param base what a patch is applied to
 * @throws Failure E_DOCUMENT when they do not unpack, or not to `length` bytes; and what `encoded` throws.
 */
export async function* decoded(
  type: EncodingType,
  encoded: AsyncIterable<Uint8Array>,
  length: number,
  base?: Base,
): Bytes {
  let total = 0
  for await (const block of plain(type, encoded, base)) {
    total += block.length
    if (total > length) throw mismatch(`more than the announced ${length} bytes`)
    yield block
  }
  if (total < length) throw mismatch(`${total} bytes instead of the announced ${length}`)
}

function plain(type: EncodingType, encoded: AsyncIterable<Uint8Array>, base: Base | undefined) {
  if (type === 'identity') return encoded
  if (type === 'zstd') return unpacked(encoded)
  if (base === undefined) throw new TypeError('a patch is applied to its base')
  return patched(encoded, base)
}

async function* unpacked(encoded: AsyncIterable<Uint8Array>): Bytes {
  const params = { [constants.ZSTD_d_windowLogMax]: limits.zstdWindowLog }
  try {
    yield* through(createZstdDecompress({ params, chunkSize: OUTPUT_BYTES }), encoded)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (!/^Z(STD)?_/.test(code)) throw error
    throw mismatch(`no zstd that can be unpacked (${code})`, error)
  }
}

/** What comes out of `transform` for these blocks; each is used up before the next one is asked for. Ends `transform`. */
export async function* through(transform: Transform, blocks: AsyncIterable<Uint8Array>): Bytes {
  const fed = feed(transform, blocks)
  try {
    for await (const block of transform) yield block as Uint8Array
  } finally {
    transform.destroy()
    await fed
  }
}

/** Never rejects: its errors come out of `transform`. */
async function feed(transform: Transform, blocks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const block of blocks) {
      await usedUp(transform, block)
      if (transform.destroyed) return
    }
    transform.end()
  } catch (error) {
    transform.destroy(error instanceof Error ? error : new Error(String(error)))
  }
}

/** A transform that is destroyed does not call back for the block it works on. */
function usedUp(transform: Transform, block: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const done = () => resolve()
    transform.once('close', done)
    transform.write(block, () => {
      transform.off('close', done)
      done()
    })
  })
}

const mismatch = (found: string, cause?: unknown): Failure =>
  new Failure('E_DOCUMENT', `the encoding of this artifact holds ${found}`, { cause })
