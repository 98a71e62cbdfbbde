import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openArtifacts } from '../../src/artifact/store.ts'
import { limits } from '../../src/core/limits.ts'
import { artifactsContract, encodingOf, piecesIn, someBytes } from '../contracts/artifacts.ts'

const never = () => new AbortController().signal

/** Turns one bit of a file. */
async function flip(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, offset)
  byte[0] = (byte[0] as number) ^ 1
  await file.write(byte, 0, 1, offset)
  await file.close()
}

artifactsContract('files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pimesh-artifacts-'))
  let free = Number.MAX_SAFE_INTEGER
  return {
    open: () => openArtifacts({ folder: join(folder, 'artifacts'), free: async () => free }),
    flip: (encoding, offset) => flip(join(folder, 'artifacts', encoding), offset),
    names: () => readdir(join(folder, 'artifacts')).catch(() => []),
    setFree: (bytes) => {
      free = bytes
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
})

describe('artifacts in files', () => {
  let base: string
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'pimesh-artifacts-'))
  })
  afterEach(() => rm(base, { recursive: true, force: true }))

  const bytes = someBytes(10_000)
  const { encoding, pieceList } = encodingOf(bytes)
  const path = () => join(base, encoding.hash)
  const piece = (index: number) => bytes.slice(index * encoding.pieceLength, (index + 1) * encoding.pieceLength)
  const options = () => ({ decoded: 0, signal: never() })
  const failure = (code: string, detail: RegExp) => ({
    problem: { code, detail: expect.stringMatching(detail) },
    message: expect.stringMatching(detail),
  })

  it('have their whole length from the first moment, take no room before they are written, and are nobody else’s', async () => {
    const length = 64 * 1_048_576
    const large = { ...encoding, length, pieceLength: limits.pieceBytesMin }
    const artifacts = await openArtifacts({ folder: base })
    await artifacts.prepare(large, new Uint8Array(256 * 32), options())
    const { size, blocks, mode } = await stat(path())
    expect({ size, mode: mode & 0o137 }).toEqual({ size: length, mode: 0 })
    expect(blocks).toBeLessThan(64)
    expect(artifacts.path(large.hash)).toBe(path())
    await artifacts.close()
  })

  it.each([0, 1, 3_000, 10_001])('go on with a file of %d bytes that a crash left', async (size) => {
    await writeFile(path(), Buffer.concat([bytes, Buffer.from('x')]).subarray(0, size))
    const artifacts = await openArtifacts({ folder: base })
    const have = piecesIn(await artifacts.prepare(encoding, pieceList, options()))
    expect(have).toEqual(Array.from({ length: size > 10_000 ? 10 : Math.floor(size / 1_024) }, (_, index) => index))
    expect((await stat(path())).size).toBe(10_000)
    await artifacts.close()
  })

  it('keep a few files open, however many there are', async () => {
    const artifacts = await openArtifacts({ folder: base })
    const all = Array.from({ length: 3 * limits.artifactFilesOpen }, (_, seed) => encodingOf(someBytes(2_000, seed)))
    for (const each of all) await artifacts.prepare(each.encoding, each.pieceList, options())
    const write = (seed: number) => artifacts.write(all[seed]!.encoding.hash, 0, someBytes(2_000, seed).slice(0, 1_024))
    await Promise.all(all.map((_, seed) => write(seed)))
    const opened = async () => {
      const names = await readdir('/proc/self/fd')
      const links = await Promise.all(names.map((name) => stat(`/proc/self/fd/${name}`).catch(() => undefined)))
      const inodes = new Set(
        await Promise.all(all.map(async (each) => (await stat(join(base, each.encoding.hash))).ino)),
      )
      return links.filter((link) => link !== undefined && inodes.has(link.ino)).length
    }
    expect(await opened()).toBe(limits.artifactFilesOpen)
    await artifacts.close()
    expect(await opened()).toBe(0)
  })

  it('are written to the file that is there, also when somebody removed the one before', async () => {
    const artifacts = await openArtifacts({ folder: base })
    await artifacts.prepare(encoding, pieceList, options())
    await artifacts.write(encoding.hash, 0, piece(0))
    await rm(path())
    expect([...(await artifacts.prepare(encoding, pieceList, options()))].every((byte) => byte === 0)).toBe(true)
    for (let index = 0; index < pieceList.length / 32; index++)
      await artifacts.write(encoding.hash, index, piece(index))
    expect(await readFile(path())).toEqual(Buffer.from(bytes))
    await artifacts.close()
  })

  it('sweep away what an interrupted import left, and leave alone what is not theirs', async () => {
    const other = 'f'.repeat(64)
    for (const name of [`${encoding.hash}.new`, `${other}.new`, other, 'notes.txt'])
      await writeFile(join(base, name), '')
    await mkdir(join(base, 'lost+found'))
    const artifacts = await openArtifacts({ folder: base })
    await artifacts.prepare(encoding, pieceList, options())
    await artifacts.sweep(new Set([encoding.hash]))
    expect((await readdir(base)).sort()).toEqual([encoding.hash, 'lost+found', 'notes.txt'].sort())
    await artifacts.close()
  })

  it('are not reached through a link', async () => {
    await writeFile(join(base, 'elsewhere'), 'precious')
    await symlink(join(base, 'elsewhere'), path())
    const artifacts = await openArtifacts({ folder: base })
    await expect(artifacts.prepare(encoding, pieceList, options())).rejects.toMatchObject(failure('ioError', /ELOOP/))
    expect((await stat(join(base, 'elsewhere'))).size).toBe(8)
    await artifacts.close()
  })

  it('say that a folder cannot be made', async () => {
    await writeFile(join(base, 'file'), '')
    const artifacts = await openArtifacts({ folder: join(base, 'file', 'artifacts') })
    const clear = failure('notWritable', /cannot be written: make it writable.* \(ENOTDIR\)$/)
    await expect(artifacts.prepare(encoding, pieceList, options())).rejects.toMatchObject(clear)
    await artifacts.close()
  })

  it('are stopped in the middle of a scan', async () => {
    const large = someBytes(4 * limits.fileBlockBytes)
    const each = encodingOf(large, limits.fileBlockBytes)
    await writeFile(join(base, each.encoding.hash), large)
    const artifacts = await openArtifacts({ folder: base })
    const stop = new AbortController()
    const prepared = artifacts.prepare(each.encoding, each.pieceList, { decoded: 0, signal: stop.signal })
    queueMicrotask(() => setImmediate(() => stop.abort(new Error('enough'))))
    await expect(prepared).rejects.toThrow('enough')
    await artifacts.close()
  })
})
