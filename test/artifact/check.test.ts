// An encoding that travelled outside the mesh is what was announced, or refused.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkEncoding } from '../../src/artifact/check.ts'
import { type Encoded, encodeArtifact } from '../../src/artifact/encode.ts'

const options = { signal: new AbortController().signal }
let base: string
let encoded: Encoded
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'pimesh-check-'))
  await writeFile(join(base, 'file'), Buffer.alloc(700_000, 'some text '))
  encoded = await encodeArtifact({ file: join(base, 'file'), into: base, ...options })
})
afterEach(() => rm(base, { recursive: true, force: true }))

const refused = (text: string) =>
  expect.objectContaining({ code: 'E_ARTIFACT', message: expect.stringContaining(text) })

describe('an encoding from elsewhere', () => {
  it('is what was announced', async () => {
    const drawn: number[] = []
    const progress = (done: number) => void drawn.push(done)
    expect(await checkEncoding(encoded.path, encoded, { ...options, progress })).toBe(true)
    expect(drawn.at(-1)).toBe(700_000)
    expect(await checkEncoding(join(base, 'none'), encoded, options)).toBe(false)
  })

  it('is refused with a byte changed, cut off, or a folder in its place', async () => {
    const bytes = await readFile(encoded.path)
    const wrong = refused('is not the encoding that is announced')
    bytes[9]! ^= 1
    await writeFile(encoded.path, bytes)
    await expect(checkEncoding(encoded.path, encoded, options)).rejects.toThrow(wrong)
    await writeFile(encoded.path, bytes.subarray(0, -1))
    await expect(checkEncoding(encoded.path, encoded, options)).rejects.toThrow(wrong)
    await expect(checkEncoding(base, encoded, options)).rejects.toThrow(wrong)
    await expect(checkEncoding(join(encoded.path, 'below'), encoded, options)).rejects.toThrow(refused('ENOTDIR'))
  })

  it('is refused when another artifact is inside, or more or less of it', async () => {
    const { artifact, encoding } = encoded
    const wrong = refused('does not hold the artifact that is announced: do not sign it')
    const others = [
      { ...artifact, hash: '0'.repeat(64) },
      { ...artifact, length: 699_999 },
      { ...artifact, length: 700_001 },
    ]
    for (const other of others)
      await expect(checkEncoding(encoded.path, { artifact: other, encoding }, options)).rejects.toThrow(wrong)
  })

  it('is left when somebody has enough of it', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(checkEncoding(encoded.path, encoded, { signal })).rejects.toThrow('enough')
  })
})
