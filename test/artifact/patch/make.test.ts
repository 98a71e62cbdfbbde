import { createHash, randomBytes } from 'node:crypto'
import { appendFile, mkdir, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { makePatch, type Patch } from '../../../src/artifact/patch/make.ts'
import { BETTER, Matcher } from '../../../src/artifact/patch/match.ts'
import { limits } from '../../../src/core/limits.ts'
import { blocks, readAll } from '../../../src/ports/files.ts'
import { decoded } from '../../../src/wire/encodings.ts'

const MIB = 1_048_576
const signal = new AbortController().signal
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

let folder: string
let [base, file, into] = ['', '', '']
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pimesh-patch-'))
  base = join(folder, 'base')
  file = join(folder, 'file')
  into = join(folder, 'into')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** What is in the folder for patches, which need not be there. */
const made = () => readdir(into).catch(() => [])

async function tried(
  old: Uint8Array,
  fresh: Uint8Array,
  progress?: (done: number) => void,
  stop = signal,
): Promise<Patch | undefined> {
  await writeFile(base, old)
  await writeFile(file, fresh)
  const artifact = { hash: sha256(fresh), length: fresh.length }
  return await makePatch({ file, artifact, base, into, signal: stop, progress })
}

async function patch(...words: Parameters<typeof tried>): Promise<Patch> {
  const made = await tried(...words)
  if (made === undefined) throw new Error('no patch is made of what is like its base')
  return made
}

/** What a node makes of it. */
async function applied({ path }: Patch, length: number): Promise<Buffer> {
  const [encoded, old] = [await open(path), await open(base)]
  try {
    const parts: Uint8Array[] = []
    const reader = { read: (bytes: Uint8Array, position: number) => readAll(old, bytes, position) }
    for await (const block of decoded('zstd-patch', blocks(encoded, undefined), length, reader))
      parts.push(Uint8Array.from(block))
    return Buffer.concat(parts)
  } finally {
    await encoded.close()
    await old.close()
  }
}

/** Bytes like those of a program: what was compiled anew has the same instructions and other addresses. */
function program(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed
  for (let at = 0; at + 4 <= length; at += 4) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes.writeUInt32LE(state, at)
  }
  return bytes
}

function readdressed(bytes: Buffer, every: number): Buffer {
  const changed = Buffer.from(bytes)
  for (let at = 0; at < changed.length; at += every) changed[at] = (changed[at] as number) + 16
  return changed
}

describe('a patch that is made', () => {
  it('makes the new file of the old one, whatever was changed', async () => {
    const edit = fc.record({
      at: fc.nat(60_000),
      cut: fc.nat(4_000),
      paste: fc.oneof(fc.uint8Array({ maxLength: 2_000 }), fc.constant(new Uint8Array(700))),
    })
    await fc.assert(
      fc.asyncProperty(fc.nat(60_000), fc.array(edit, { maxLength: 6 }), fc.nat(), async (length, edits, seed) => {
        const old = program(seed, length + 1)
        let fresh = Buffer.from(old)
        for (const { at, cut, paste } of edits)
          fresh = Buffer.concat([fresh.subarray(0, at), paste, fresh.subarray(at + cut)])
        if (fresh.length === 0 || fresh.equals(old)) fresh = Buffer.concat([fresh, Buffer.from('x')])
        const made = await patch(old, fresh)
        expect((await applied(made, fresh.length)).equals(fresh)).toBe(true)
        expect(made.encoding).toMatchObject({
          type: 'zstd-patch',
          base: sha256(old),
          sha256: sha256(await readFile(made.path)),
        })
      }),
      { numRuns: 25 },
    )
  })

  it('says nearly nothing of what only has other addresses in it', async () => {
    const old = program(1, 3 * MIB)
    const fresh = readdressed(old, 40)
    const made = await patch(old, fresh)
    // One byte in forty is another: exact matches alone would be 75,000 of them.
    expect(made.encoding.length).toBeLessThan(10_000)
    expect((await applied(made, fresh.length)).equals(fresh)).toBe(true)
  })

  it('finds what has moved by more than a range, in either direction', async () => {
    const old = program(2, 6 * MIB)
    const inserted = Buffer.concat([old.subarray(0, 100_000), randomBytes(2.5 * MIB), old.subarray(100_000)])
    const made = await patch(old, inserted)
    expect(made.encoding.length).toBeLessThan(2.55 * MIB)
    expect((await applied(made, inserted.length)).equals(inserted)).toBe(true)
    const swapped = Buffer.concat([old.subarray(4 * MIB + 333), old.subarray(0, 4 * MIB + 333)])
    const turned = await patch(old, swapped)
    expect(turned.encoding.length).toBeLessThan(60_000)
    expect((await applied(turned, swapped.length)).equals(swapped)).toBe(true)
  })

  it('works where text was edited all over', async () => {
    const words = Array.from({ length: 3_000 }, (_, index) => `word${(index * 7_919) % 4_096} `)
    const textOf = (turn: number) =>
      Buffer.from(Array.from({ length: 60_000 }, (_, at) => words[(at * at + turn * at) % 3_000]).join(''))
    const made = await patch(textOf(3), textOf(4))
    expect((await applied(made, textOf(4).length)).equals(textOf(4))).toBe(true)
  })

  it('has fewer and longer steps where that is shorter, and only there', async () => {
    const steps = vi.spyOn(Matcher.prototype, 'match')
    onTestFinished(() => steps.mockRestore())
    const lines = Array.from({ length: 12_000 }, (_, at) => `line ${at}: the ${sha256(Buffer.from(`${at % 999}`))}\n`)
    const edited = lines.map((line, at) => (at % 7 === 0 ? line : line.replace(/ the (....)/, ` a ${at % 31} $1`)))
    const fresh = Buffer.from(edited.join(''))
    const made = await patch(Buffer.from(lines.join('')), fresh)
    expect((await applied(made, fresh.length)).equals(fresh)).toBe(true)
    expect(steps.mock.calls.map(([, , better]) => better)).toContain(BETTER.text)
    steps.mockClear()
    await patch(program(7, MIB), readdressed(program(7, MIB), 40))
    expect(steps.mock.calls.map(([, , better]) => better)).toEqual([undefined])
  })

  it('works with a base of one byte, of zeros, or that is part of what is new', async () => {
    for (const old of [program(3, 200_000), Buffer.from('x'), Buffer.alloc(2 * MIB)]) {
      const fresh = Buffer.concat([randomBytes(70_000), old, Buffer.alloc(100_000), program(4, 5_000)])
      const made = await patch(old, fresh)
      expect((await applied(made, fresh.length)).equals(fresh)).toBe(true)
    }
  })

  it('tells how far it is, and leaves nothing when it is stopped', async () => {
    const told: number[] = []
    const [old, fresh] = [program(5, 2 * MIB), program(5, MIB)]
    await patch(old, fresh, (done) => told.push(done))
    expect(told).toEqual([...told].sort((a, b) => a - b))
    expect(told.at(-1)).toBe(3 * MIB)
    const artifact = { hash: sha256(fresh), length: fresh.length }
    const stop = new AbortController()
    const stopped = makePatch({ file, artifact, base, into, signal: stop.signal, progress: () => stop.abort() })
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
    expect(await made()).toHaveLength(1)
  })
})

describe('a patch from a base without likeness', () => {
  // Three times what the samples are, so that trying all of it is far more work than looking.
  const length = 3 * limits.patchSamples * limits.patchSampleBytes
  const fresh = randomBytes(length)

  /** Bytes of each thing that was looked for in the base. */
  function looks(): number[] {
    const match = vi.spyOn(Matcher.prototype, 'match')
    onTestFinished(() => match.mockRestore())
    const bytes: number[] = []
    match.mockImplementation((segment) => {
      bytes.push(segment.length)
      return [{ from: 0, copied: 0, fresh: segment.length }]
    })
    return bytes
  }

  it('is given up after some samples, before a segment of it is made', async () => {
    const bytes = looks()
    const told: number[] = []
    expect(await tried(randomBytes(MIB), fresh, (done) => told.push(done))).toBeUndefined()
    expect(bytes).toEqual(Array(limits.patchSamples).fill(limits.patchSampleBytes))
    expect(told.at(-1)).toBe(MIB)
    expect(await made()).toEqual([])
  })

  it('is made where a tenth of the artifact is like it, wherever that is', async () => {
    const stretch = Math.ceil((1 - limits.patchShare) * length)
    for (const at of [0, 0.31, 0.55, 0.9].map((share) => Math.floor(share * length))) {
      const stop = new AbortController()
      const isMade = (done: number) => {
        if (done > stretch) stop.abort()
      }
      await expect(tried(fresh.subarray(at, at + stretch), fresh, isMade, stop.signal)).rejects.toThrow('aborted')
    }
  })

  it('is made without a look where looking is as much work', async () => {
    const bytes = looks()
    const short = fresh.subarray(0, 2 * MIB)
    await patch(randomBytes(MIB), short)
    expect(bytes).toEqual([MIB, MIB])
  })
})

describe('what is no base, or changes', () => {
  const old = program(6, 2 * MIB)
  const fresh = readdressed(old, 4_000)

  it('is refused with the bytes of the artifact', async () => {
    await expect(patch(old, old)).rejects.toMatchObject({
      code: 'E_ARTIFACT',
      message: expect.stringMatching(/has the same bytes as .*: leave it out of --patch-from/),
    })
    expect(await made()).toEqual([])
  })

  it.each([
    ['nothing', async () => rm(base), /there is no file .*: check the path/],
    [
      'a folder',
      async () => {
        await rm(base)
        await mkdir(base)
      },
      /is a folder: a patch is made from the single file/,
    ],
    ['empty', async () => truncate(base, 0), /is empty: there is nothing to patch from/],
  ] as const)('is refused: %s', async (_, change, sentence) => {
    await writeFile(base, old)
    await writeFile(file, fresh)
    await change()
    const artifact = { hash: sha256(fresh), length: fresh.length }
    await expect(makePatch({ file, artifact, base, into, signal })).rejects.toMatchObject({
      code: 'E_ARTIFACT',
      message: expect.stringMatching(sentence),
    })
    expect(await made()).toEqual([])
  })

  it.each(['base', 'artifact'])('is refused when the %s changes meanwhile', async (which) => {
    await writeFile(base, old)
    await writeFile(file, fresh)
    const artifact = { hash: sha256(fresh), length: fresh.length }
    let changed: Promise<void> | undefined
    const progress = () => {
      changed ??= appendFile(which === 'base' ? base : file, 'more')
    }
    await expect(makePatch({ file, artifact, base, into, signal, progress })).rejects.toMatchObject({
      code: 'E_ARTIFACT_CHANGED',
      message: expect.stringContaining(which === 'base' ? base : file),
    })
    await changed
    expect(await made()).toEqual([])
  })

  it('is refused when the artifact is not any more what was encoded as a whole', async () => {
    await writeFile(base, old)
    await writeFile(file, fresh)
    const patched = makePatch({
      file,
      artifact: { hash: sha256(Buffer.from('another')), length: fresh.length },
      base,
      into,
      signal,
    })
    await expect(patched).rejects.toMatchObject({ code: 'E_ARTIFACT_CHANGED' })
    expect((await stat(file)).size).toBe(old.length)
    expect(limits.patchSegmentBytes).toBeLessThan(old.length)
  })
})
