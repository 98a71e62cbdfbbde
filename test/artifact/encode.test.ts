import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type EncodeOptions, encodeArtifact } from '../../src/artifact/encode.ts'
import type { EncodingType } from '../../src/core/trust/announcement.ts'
import { blocks } from '../../src/ports/files.ts'
import { decoded } from '../../src/wire/encodings.ts'
import { encodingOf } from '../contracts/artifacts.ts'

const never = () => new AbortController().signal
/** Seconds; whole ones can be put back exactly. */
const LONG_AGO = 1_000_000_000
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

let base: string
let file: string
let into: string
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'pimesh-encode-'))
  file = join(base, 'file')
  into = join(base, 'into')
})
afterEach(() => rm(base, { recursive: true, force: true }))

const encode = (more: Partial<EncodeOptions> = {}) => encodeArtifact({ file, into, signal: never(), ...more })
const left = () => readdir(into).catch(() => [])
const text = (length: number) => Buffer.from('how much is a mesh worth? '.repeat(1 + length / 26)).subarray(0, length)

/** What a node gets that unpacks the file of an encoding. */
async function unpacked(type: EncodingType, path: string, length: number): Promise<Buffer> {
  const source = await open(path)
  const parts: Uint8Array[] = []
  try {
    for await (const block of decoded(type, blocks(source, undefined), length)) parts.push(Uint8Array.from(block))
  } finally {
    await source.close()
  }
  return Buffer.concat(parts)
}

describe('encoding', () => {
  it.each([1, 1_000, 262_144, 700_001])(
    'makes zstd of %d bytes of text, or leaves them when that is no gain',
    async (length) => {
      const artifact = text(length)
      await writeFile(file, artifact)
      const result = await encode()
      expect(result.artifact).toEqual({ hash: sha256(artifact), length })
      const bytes = await readFile(result.path)
      expect(result.encoding.type).toBe(length === 1 ? 'identity' : 'zstd')
      expect({ ...result.encoding, type: 'identity' }).toEqual(encodingOf(bytes, 262_144).encoding)
      expect(Buffer.from(result.pieceList)).toEqual(Buffer.from(encodingOf(bytes, 262_144).pieceList))
      expect((await unpacked(result.encoding.type, result.path, length)).equals(artifact)).toBe(true)
      expect(await left()).toEqual([result.encoding.hash])
    },
  )

  it('leaves what does not become 3 % smaller as it is', async () => {
    const artifact = randomBytes(600_000)
    await writeFile(file, artifact)
    const { artifact: named, encoding, path } = await encode()
    expect(encoding).toMatchObject({ type: 'identity', sha256: named.hash, length: 600_000, pieceLength: 262_144 })
    expect((await readFile(path)).equals(artifact)).toBe(true)
    expect(await left()).toEqual([encoding.hash])
    await writeFile(file, Buffer.concat([artifact, text(20_000)]))
    expect((await encode()).encoding.type).toBe('zstd')
  })

  it('tells how far it is', async () => {
    await writeFile(file, text(1_000_000))
    const told: number[] = []
    await encode({ progress: (done, total) => void told.push(done, total) })
    const done = told.filter((_, index) => index % 2 === 0)
    expect(done).toEqual([...done].sort((a, b) => a - b))
    expect(done.length).toBeGreaterThan(2)
    expect(told.slice(-2)).toEqual([1_000_000, 1_000_000])
  })

  it('stops when it is told to, and leaves nothing', async () => {
    await writeFile(file, text(2_000_000))
    const stop = new AbortController()
    const reason = new Error('enough')
    await expect(encode({ signal: stop.signal, progress: () => stop.abort(reason) })).rejects.toBe(reason)
    expect(await left()).toEqual([])
  })

  it('follows a link to the artifact, as a shell does', async () => {
    await writeFile(join(base, 'real'), text(5_000))
    await symlink('real', file)
    expect((await encode()).artifact.length).toBe(5_000)
  })
})

describe('encoding refuses', () => {
  const refused = async (code: string, says: RegExp, more: Partial<EncodeOptions> = {}) => {
    await expect(encode(more)).rejects.toMatchObject({ name: 'Failure', code, message: expect.stringMatching(says) })
    expect(await left()).toEqual([])
  }
  const root = process.getuid?.() === 0

  it('what is not there', async () => {
    await refused('E_ARTIFACT', /^there is no file .*\/file: check the path$/)
    await writeFile(file, 'x')
    await refused('E_ARTIFACT', /^there is no file /, { file: join(file, 'below') })
  })

  it('a folder', async () => {
    await mkdir(file)
    await refused('E_ARTIFACT', /is a folder: publish a single file/)
  })

  it('a named pipe without waiting for it, and a device', async () => {
    execFileSync('mkfifo', [file])
    await refused('E_ARTIFACT', /is not a regular file/)
    await refused('E_ARTIFACT', /^\/dev\/null is not a regular file/, { file: '/dev/null' })
  })

  it('an empty file', async () => {
    await writeFile(file, '')
    await refused('E_ARTIFACT', /is empty: there is nothing to publish$/)
  })

  it('one that is longer than pieces can name', async () => {
    const handle = await open(file, 'w')
    await handle.truncate(17 * 2 ** 30)
    await handle.close()
    await refused('E_ARTIFACT', /is longer than 17179869184 bytes/)
  })

  it('one that its user may not read', async () => {
    await writeFile(file, 'x')
    await chmod(file, 0)
    await chmod(base, 0o755)
    if (!root) return await refused('E_ARTIFACT', /cannot be read \(EACCES\): give yourself the right to read it$/)
    // Root may read anything, so another user tries.
    const module = JSON.stringify(join(import.meta.dirname, '../../src/artifact/encode.ts'))
    const script = `import(${module}).then((m) => m.encodeArtifact({ file: ${JSON.stringify(file)}, into: '/nowhere', signal: AbortSignal.any([]) }))
      .catch((error) => console.log(error.code, error.message))`
    const out = execFileSync(process.execPath, ['-e', script], { uid: 65_534, gid: 65_534, encoding: 'utf8' })
    expect(out).toMatch(/^E_ARTIFACT .* cannot be read \(EACCES\): give yourself the right to read it\n$/)
  })

  it('a target that cannot be written', async () => {
    await writeFile(file, 'x')
    await refused('E_DATA_WRITE', /cannot be written \((ENOTDIR|EEXIST)\)/, { into: file })
  })

  describe('a file that changes while it is read:', () => {
    const artifacts = { text: text(1_000_000), noise: randomBytes(1_000_000) }
    const changes: [string, () => Promise<void>][] = [
      ['it grows', () => appendFile(file, 'more')],
      [
        'it shrinks',
        async () => {
          const handle = await open(file, 'r+')
          await handle.truncate(500_000)
          await handle.close()
        },
      ],
      [
        'a byte changes',
        async () => {
          const handle = await open(file, 'r+')
          await handle.write(Buffer.from([0]), 0, 1, 999_999)
          await handle.close()
        },
      ],
      [
        'a byte changes and its time is put back',
        async () => {
          const handle = await open(file, 'r+')
          await handle.write(Buffer.from([0]), 0, 1, 10)
          await handle.close()
          await utimes(file, LONG_AGO, LONG_AGO)
        },
      ],
    ]
    const cases = changes.flatMap(([what, change]) =>
      (['text', 'noise'] as const).map((kind) => ({ what, kind, change })),
    )

    it.each(cases)('$what ($kind)', async ({ kind, change }) => {
      await writeFile(file, artifacts[kind])
      await utimes(file, LONG_AGO, LONG_AGO)
      const gate = Promise.withResolvers<void>()
      let changed = false
      const progress = () => {
        if (changed) return
        changed = true
        gate.resolve()
      }
      // The file is longer than what is read at once, and the change is made when the first of it was read.
      const done = Promise.all([gate.promise.then(change), encode({ progress })])
      await expect(done).rejects.toMatchObject({
        code: 'E_ARTIFACT_CHANGED',
        message: expect.stringMatching(/changed while/),
      })
      expect(await left()).toEqual([])
    })
  })
})
