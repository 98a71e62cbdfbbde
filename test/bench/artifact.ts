// The file that is transferred: random bytes, so that nobody gains by compressing them; another one each time.
import { createHash, randomFillSync } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

/** Of a transfer: 256 MiB. */
export const BYTES = 256 * 2 ** 20

const BLOCK = 4 * 1024 * 1024

/** @returns its SHA-256, in hex. */
export async function makeArtifact(path: string, bytes: number): Promise<string> {
  const hash = createHash('sha256')
  const block = Buffer.alloc(BLOCK)
  const file = await open(path, 'w')
  try {
    for (let left = bytes; left > 0; left -= BLOCK) {
      const part = randomFillSync(block).subarray(0, Math.min(BLOCK, left))
      hash.update(part)
      await file.write(part)
    }
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

/** Of a file, in hex. */
export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
