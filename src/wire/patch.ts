// A patch: an artifact as changes of another one, its base, segment by segment (clause PATCH). Each segment names the range of the
// base that it is made from, so that applying holds one range and one segment, wherever in the base the bytes are.
// Invariant: whatever a patch says, memory is bounded by the limits here, and nothing is read outside of the base.
import { promisify } from 'node:util'
import { constants, zstdDecompress } from 'node:zlib'
import { limits } from '../core/limits.ts'
import { badPatch, follow } from './instructions.ts'

/** The file that a patch changes. */
export interface Base {
  /** Fills `into` from `position`. @returns how many bytes there were: fewer when the base ends. */
  read(into: Uint8Array, position: number): Promise<number>
}

/** What one segment says of itself before its instructions. */
export interface SegmentHeader {
  /** Bytes of the artifact that it makes. */
  made: number
  /** Where its range begins in the base, and how many bytes it has. */
  at: number
  reach: number
  /** Bytes of the instructions, and of the zstd frame that they travel in. */
  plain: number
  packed: number
}

export const PATCH_MAGIC = Buffer.from('pimesh\x00\x01', 'latin1')
export const SEGMENT_HEADER_BYTES = 28
/** zstd may make what it cannot compress a little longer. */
export const PACKED_MAX = limits.patchPlainBytes + 16_384
/** For a later version: this one knows no flags. */
const FLAGS = 0
const HALF = 2 ** 32
/** Larger than any pool that Node cuts buffers from. */
const GIVEN_BACK = 65_536

const unpack = promisify(zstdDecompress)

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES)
  const words = [FLAGS, header.made, header.at % HALF, Math.floor(header.at / HALF), header.reach, header.plain]
  ;[...words, header.packed].forEach((word, index) => {
    bytes.writeUInt32LE(word, 4 * index)
  })
  return bytes
}

/**
 * The artifact that the patch in `encoded` makes of `base`: blocks that are valid until the next one is asked for. Whoever uses them
 * has to check length and SHA-256.
 * @throws Failure E_DOCUMENT when it is no patch to this base; what `encoded` and `base` throw.
 */
export async function* patched(
  encoded: AsyncIterable<Uint8Array>,
  base: Base,
): AsyncGenerator<Uint8Array, void, undefined> {
  const input = new Input(encoded)
  try {
    const magic = await input.take(PATCH_MAGIC.length)
    if (!magic?.equals(PATCH_MAGIC)) throw badPatch('no patch that this pimesh knows')
    const range = Buffer.allocUnsafeSlow(limits.patchRangeBytes)
    const segment = Buffer.allocUnsafeSlow(limits.patchSegmentBytes)
    for (;;) {
      const bytes = await input.take(SEGMENT_HEADER_BYTES)
      if (bytes === undefined) return
      const header = readHeader(bytes)
      const frame = await input.take(header.packed)
      if (frame === undefined) throw badPatch('less than it announces')
      const source = range.subarray(0, header.reach)
      if ((await base.read(source, header.at)) < header.reach) throw badPatch('a range outside of its base')
      const made = segment.subarray(0, header.made)
      const instructions = await unpacked(frame, header.plain)
      follow(instructions, source, made)
      giveBack(instructions)
      yield made
    }
  } finally {
    await input.end()
  }
}

function readHeader(bytes: Buffer): SegmentHeader {
  const [flags, made, low, high, reach, plain, packed] = Array.from({ length: 7 }, (_, index) =>
    bytes.readUInt32LE(4 * index),
  ) as [number, number, number, number, number, number, number]
  const fits = made >= 1 && made <= limits.patchSegmentBytes && reach <= limits.patchRangeBytes
  if (!fits || plain > limits.patchPlainBytes || packed > PACKED_MAX || flags !== FLAGS || high >= HALF / 4_096)
    throw badPatch('a segment beyond its bounds')
  return { made, at: high * HALF + low, reach, plain, packed }
}

async function unpacked(frame: Uint8Array, plain: number): Promise<Uint8Array> {
  const options = {
    params: { [constants.ZSTD_d_windowLogMax]: limits.patchWindowLog },
    maxOutputLength: Math.max(1, plain),
    // One buffer that fits, instead of many that do not: a full one would be followed by an empty one as long.
    chunkSize: plain + 64,
  }
  const instructions = await unpack(frame, options).catch((cause: unknown) => {
    throw badPatch('instructions that cannot be unpacked', cause)
  })
  if (instructions.length !== plain) throw badPatch('instructions of another length')
  return instructions
}

/** Gives back the memory of what zstd made and is used up: the collector waits for tens of megabytes of it. A small one shares its memory with others. */
export function giveBack({ buffer, byteOffset }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && buffer.byteLength > GIVEN_BACK) buffer.transfer(0)
}

/** Blocks, taken apart anew. What is taken is valid until the next is. */
class Input {
  readonly #blocks: AsyncIterator<Uint8Array>
  readonly #buffer = Buffer.allocUnsafeSlow(PACKED_MAX)
  #block: Uint8Array = new Uint8Array()

  constructor(blocks: AsyncIterable<Uint8Array>) {
    this.#blocks = blocks[Symbol.asyncIterator]()
  }

  /** undefined when nothing is left. @throws Failure E_DOCUMENT when there is something, and not enough. */
  async take(count: number): Promise<Buffer | undefined> {
    let have = 0
    while (have < count) {
      if (this.#block.length === 0) {
        const { done, value } = await this.#blocks.next()
        if (done) break
        this.#block = value
      }
      const part = this.#block.subarray(0, count - have)
      this.#buffer.set(part, have)
      this.#block = this.#block.subarray(part.length)
      have += part.length
    }
    if (have === 0) return undefined
    if (have < count) throw badPatch('less than it announces')
    return this.#buffer.subarray(0, count)
  }

  async end(): Promise<void> {
    await this.#blocks.return?.()
  }
}
