// Making a patch: an artifact as changes of another one, as a stream. Invariant: what is described makes the artifact of the base: at
// the end it is applied once, as a node will, and the result is hashed.
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { constants as zlib, zstdCompressSync } from 'node:zlib'
import { Failure } from '../../core/failure.ts'
import { limits } from '../../core/limits.ts'
import { blocks } from '../../ports/files.ts'
import { InstructionWriter, type Step } from '../../wire/instructions.ts'
import { encodeSegmentHeader, giveBack, PACKED_MAX, PATCH_MAGIC, patched } from '../../wire/patch.ts'
import { Source } from '../source.ts'
import { type Described, describe, placed, writeBytes } from '../written.ts'
import { Fingerprints } from './fingerprints.ts'
import { isLike, type Tools } from './likeness.ts'
import { BETTER, Matcher } from './match.ts'

export interface PatchOptions {
  /** The artifact, and what is known of it already. */
  file: string
  artifact: { hash: string; length: number }
  /** The file that it is a change of, and what a person calls it. */
  base: string
  name?: string
  /** Folder for the patch; made when missing. */
  into: string
  /** Bytes of the base and then of the artifact that were looked at, and how many there are. */
  progress?: ((done: number, total: number) => void) | undefined
  signal: AbortSignal
}

export interface Patch extends Described {
  /** The file with the patch, in `into`, named by its hash. */
  path: string
}

type Bytes = AsyncGenerator<Uint8Array, void, undefined>

const PARAMS = {
  [zlib.ZSTD_c_compressionLevel]: limits.patchLevel,
  [zlib.ZSTD_c_windowLog]: limits.patchWindowLog,
  // Tables for a megabyte, as long as instructions nearly always are, and not for the window: 6 MB instead of 32, for a thousandth more bytes.
  [zlib.ZSTD_c_hashLog]: 19,
  [zlib.ZSTD_c_chainLog]: 20,
}
/** Of a segment with more steps another list is made, with fewer, and the smaller one is taken: code rarely has half as many. */
const MANY_STEPS = 512

/**
 * Streams: memory does not grow with the files (about 60 MB).
 * @returns undefined when the base has nothing of the artifact (likeness.ts)
 * @throws Failure E_ARTIFACT (one of the files is none, or cannot be read), E_ARTIFACT_CHANGED (one of them changed), E_DISK_FULL,
 * E_DATA_WRITE; the signal's reason. E_ARTIFACT too when base and artifact are the same bytes. Nothing new is left in `into` then.
 */
export async function makePatch(options: PatchOptions): Promise<Patch | undefined> {
  const { file, artifact, base, name = base, progress, signal } = options
  return await Source.use(base, 'base', (old) =>
    Source.use(file, 'artifact', async (source) => {
      if (source.length !== artifact.length) throw source.changed()
      const total = old.length + source.length
      const { fingerprints, hash } = await lookAt(old, signal, (done) => progress?.(done, total))
      if (hash === artifact.hash) throw sameBytes(name, file)
      const [matcher, writer] = [new Matcher(), new InstructionWriter(limits.patchSegmentBytes)]
      const range = Buffer.allocUnsafeSlow(Math.min(old.length, limits.patchRangeBytes))
      const tools = { fingerprints, matcher, writer, range }
      if (!(await isLike(source, old, { ...tools, signal }))) return undefined
      return await write({ source, old, baseHash: hash, ...tools }, options)
    }),
  )
}

interface Parts extends Tools {
  source: Source
  old: Source
  baseHash: string
}

async function write(parts: Parts, { artifact, into, progress, signal }: PatchOptions): Promise<Patch> {
  const { source, old, baseHash } = parts
  const total = old.length + source.length
  return await placed(into, async (temporary) => {
    const segments = segmentsOf(source.read(signal), (done) => progress?.(old.length + done, total))
    await writeBytes(temporary, patchBytes(segments, parts))
    await old.checkUnchanged()
    await source.checkUnchanged()
    if ((await resultOf(temporary, old, signal)) !== artifact.hash) throw source.changed()
    return await describe(temporary, { type: 'zstd-patch', base: baseHash }, signal)
  })
}

function sameBytes(base: string, file: string): Failure {
  return new Failure(
    'E_ARTIFACT',
    `${base} has the same bytes as ${file}: leave it out of --patch-from, nothing has changed`,
  )
}

async function lookAt(
  old: Source,
  signal: AbortSignal,
  progress: (done: number) => void,
): Promise<{ fingerprints: Fingerprints; hash: string }> {
  const fingerprints = new Fingerprints(old.length)
  const hash = createHash('sha256')
  let done = 0
  for await (const block of old.read(signal)) {
    hash.update(block)
    fingerprints.add(block)
    done += block.length
    progress(done)
  }
  return { fingerprints, hash: hash.digest('hex') }
}

/** The bytes cut into segments, each valid until the next one is asked for. */
async function* segmentsOf(bytes: AsyncIterable<Uint8Array>, progress: (done: number) => void): Bytes {
  const segment = Buffer.allocUnsafeSlow(limits.patchSegmentBytes)
  let [filled, done] = [0, 0]
  for await (const block of bytes) {
    for (let at = 0; at < block.length; ) {
      const part = block.subarray(at, at + segment.length - filled)
      segment.set(part, filled)
      filled += part.length
      at += part.length
      if (filled < segment.length) continue
      yield segment
      done += filled
      progress(done)
      filled = 0
    }
  }
  if (filled > 0) yield segment.subarray(0, filled)
  progress(done + filled)
}

async function* patchBytes(segments: AsyncIterable<Uint8Array>, { old, fingerprints, range, ...tools }: Parts): Bytes {
  yield PATCH_MAGIC
  const into = new SegmentMaker(tools)
  const margin = (limits.patchRangeBytes - limits.patchSegmentBytes) / 2
  let guess = -margin
  for await (const segment of segments) {
    const at = fingerprints.rangeFor(segment, guess)
    if ((await old.readAt(range, at)) < range.length) throw old.changed()
    yield* into.make(segment, range, at)
    guess = at + segment.length
  }
}

class SegmentMaker {
  readonly #matcher: Matcher
  readonly #writer: InstructionWriter

  constructor({ matcher, writer }: Pick<Tools, 'matcher' | 'writer'>) {
    this.#matcher = matcher
    this.#writer = writer
  }

  *make(segment: Uint8Array, range: Uint8Array, at: number): Generator<Uint8Array, void, undefined> {
    const steps = this.#matcher.match(segment, range)
    let made = this.#packed(steps, segment, range)
    if (steps.length > MANY_STEPS) {
      const fewer = this.#packed(this.#matcher.match(segment, range, BETTER.text), segment, range)
      const [better, worse] = fewer.frame.length < made.frame.length ? [fewer, made] : [made, fewer]
      giveBack(worse.frame)
      made = better
    }
    const { plain, frame } = made
    const lengths = { made: segment.length, reach: range.length, plain, packed: frame.length }
    yield encodeSegmentHeader({ ...lengths, at })
    yield frame
    giveBack(frame)
  }

  #packed(steps: readonly Step[], segment: Uint8Array, range: Uint8Array): { plain: number; frame: Uint8Array } {
    const instructions = this.#writer.write(steps, range, segment)
    const plain = instructions.length
    // One buffer that fits, whatever comes of it.
    const chunkSize = plain + PACKED_MAX - limits.patchPlainBytes
    // Not in a thread: each of the four would keep what it took for this, and nothing else is done meanwhile.
    return { plain, frame: zstdCompressSync(instructions, { params: PARAMS, pledgedSrcSize: plain, chunkSize }) }
  }
}

/** Hex SHA-256 of what a node gets. */
async function resultOf(path: string, old: Source, signal: AbortSignal): Promise<string> {
  const file = await open(path, 'r')
  try {
    const hash = createHash('sha256')
    const base = { read: (into: Uint8Array, position: number) => old.readAt(into, position) }
    for await (const block of patched(blocks(file, signal), base)) hash.update(block)
    return hash.digest('hex')
  } finally {
    await file.close()
  }
}
