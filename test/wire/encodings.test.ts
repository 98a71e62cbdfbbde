import { randomBytes } from 'node:crypto'
import { constants, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EncodingType } from '../../src/core/trust/announcement.ts'
import { decoded } from '../../src/wire/encodings.ts'

/** Blocks of these lengths in turn, all in one buffer, as a file is read. */
async function* inBlocks(bytes: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array, void, undefined> {
  const buffer = new Uint8Array(Math.max(...lengths))
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const part = bytes.subarray(at, at + (lengths[turn % lengths.length] as number))
    buffer.set(part)
    yield buffer.subarray(0, part.length)
    at += part.length
    buffer.fill(0xee)
  }
}

async function unpack(type: EncodingType, bytes: AsyncIterable<Uint8Array>, length: number): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const block of decoded(type, bytes, length)) parts.push(Uint8Array.from(block))
  return Buffer.concat(parts)
}

const damaged = { name: 'Failure', code: 'E_DOCUMENT' }

describe('decoding', () => {
  it('gives the artifact back, in whatever blocks the encoding comes', async () => {
    const artifact = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 5_000 }),
      fc.nat(300_000).map((n) => new Uint8Array(n + 1)),
    )
    const lengths = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(artifact, lengths, async (bytes, blocks) => {
        const zstd = zstdCompressSync(bytes)
        expect((await unpack('zstd', inBlocks(zstd, blocks), bytes.length)).equals(bytes)).toBe(true)
        expect((await unpack('identity', inBlocks(bytes, blocks), bytes.length)).equals(bytes)).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  it('T33 ends a bomb at the announced length', async () => {
    const bomb = zstdCompressSync(new Uint8Array(256 * 1_048_576))
    expect(bomb.length).toBeLessThan(30_000)
    let out = 0
    const decode = async () => {
      for await (const block of decoded('zstd', inBlocks(bomb, [4_096]), 100_000)) out += block.length
    }
    await expect(decode()).rejects.toMatchObject({
      ...damaged,
      message: expect.stringMatching(/more than the announced 100000/),
    })
    expect(out).toBeLessThanOrEqual(100_000)
  })

  it('refuses what needs a larger window than a node holds', async () => {
    const artifact = randomBytes(100_000)
    const large = zstdCompressSync(artifact, { params: { [constants.ZSTD_c_windowLog]: 24 } })
    // It is the window that this content needs which counts, not the one that the publisher asked for.
    expect((await unpack('zstd', inBlocks(large, [50_000]), 100_000)).equals(artifact)).toBe(true)
    const header = Buffer.from('28b52ffd0070', 'hex') // no content size, a window of 16 MiB
    const bomb = Buffer.concat([header, Buffer.from('010000', 'hex')])
    await expect(unpack('zstd', inBlocks(bomb, [9]), 1)).rejects.toMatchObject({
      ...damaged,
      message: expect.stringMatching(/windowTooLarge/),
    })
  })

  it.each([
    ['too short', zstdCompressSync(new Uint8Array(999))],
    ['cut off', zstdCompressSync(randomBytes(1_000)).subarray(0, -5)],
    ['nothing', new Uint8Array()],
    ['no zstd', new Uint8Array(50).fill(7)],
  ])('refuses what is %s', async (_, bytes) => {
    await expect(unpack('zstd', inBlocks(bytes, [100]), 1_000)).rejects.toMatchObject(damaged)
    await expect(unpack('identity', inBlocks(bytes.subarray(0, 900), [100]), 1_000)).rejects.toMatchObject(damaged)
  })

  it('passes on the error of its source', async () => {
    const failing = async function* () {
      yield zstdCompressSync(randomBytes(1_000)).subarray(0, 500)
      throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'read' })
    }
    for (const type of ['zstd', 'identity'] as const)
      await expect(unpack(type, failing(), 1_000)).rejects.toMatchObject({ code: 'EIO' })
  })

  it('asks for nothing more when nobody listens any more', async () => {
    const bytes = zstdCompressSync(randomBytes(1_000_000))
    let ended = false
    const source = async function* () {
      try {
        yield* inBlocks(bytes, [1_000])
      } finally {
        ended = true
      }
    }
    for await (const block of decoded('zstd', source(), 1_000_000)) if (block.length > 0) break
    expect(ended).toBe(true)
  })
})
