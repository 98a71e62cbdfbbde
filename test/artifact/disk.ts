// Another process for disk.test.ts, which sees a disk that is full or read-only: what the store says, as a JSON line per step.
import { readdir, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openArtifacts } from '../../src/artifact/store.ts'
import { ArtifactFailure } from '../../src/ports/disk-failure.ts'
import { encodingOf, piecesIn, someBytes } from '../contracts/artifacts.ts'

const [scenario, folder = ''] = process.argv.slice(2)
const PIECE = 262_144
const signal = new AbortController().signal
const bytes = someBytes(8 * PIECE)
const { encoding, pieceList } = encodingOf(bytes, PIECE)
const artifacts = await openArtifacts({ folder: join(folder, 'artifacts') })
const piece = (index: number) => bytes.slice(index * PIECE, (index + 1) * PIECE)
const prepare = async () => piecesIn(await artifacts.prepare(encoding, pieceList, { decoded: 1_000, signal }))

async function tell(name: string, step: Promise<unknown>): Promise<void> {
  const outcome = await step.then(
    (value) => ({ value }),
    (error: unknown) => {
      if (error instanceof ArtifactFailure) return { problem: error.problem, message: error.message }
      throw error
    },
  )
  process.stdout.write(`${JSON.stringify({ name, ...outcome })}\n`)
}

async function fill(pad: string, leave: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  await writeFile(pad, Buffer.alloc(bavail * bsize - leave, 1))
}

const pad = join(folder, 'pad')
if (scenario === 'small') {
  await tell('prepare', prepare())
  await tell('names', readdir(join(folder, 'artifacts')))
} else if (scenario === 'full') {
  await tell('prepare', prepare())
  await artifacts.write(encoding.hash, 0, piece(0))
  await fill(pad, PIECE + 8_192)
  await tell('write what fits', artifacts.write(encoding.hash, 5, piece(5)))
  await tell('write until it is full', artifacts.write(encoding.hash, 6, piece(6)))
  await tell('prepare again', prepare())
  await rm(pad)
  await tell('prepare with room', prepare())
  await tell('write with room', artifacts.write(encoding.hash, 6, piece(6)))
  await tell(
    'read',
    artifacts.read(encoding.hash, 6).then((read) => Buffer.from(read).equals(piece(6))),
  )
  const other = someBytes(PIECE * 2, 2)
  const filling = async function* () {
    yield other.slice(0, 1_000)
    await fill(pad, PIECE)
    yield other.slice(1_000)
  }
  await tell('import', artifacts.import(encodingOf(other, PIECE).encoding, filling(), { signal }))
  await tell('names', readdir(join(folder, 'artifacts')))
} else {
  await tell('prepare', prepare())
  await tell('import', artifacts.import(encoding, (async function* () {})(), { signal }))
  await tell('forget', artifacts.forget(encoding.hash))
  await tell('sweep', artifacts.sweep(new Set()))
}
