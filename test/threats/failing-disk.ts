// Another process for t31-full-disk.test.ts: a download and an import on a disk that fails once, at the n-th thing that is done to it:
// before a file is made, gets its length, or is synced, before a write, and when half of one is done. For every n until nothing fails.
// Prints one JSON line for each: what failed, what was said of it, and what is there in the end.
import fs, { type FileHandle, readdir } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { basename, join } from 'node:path'
import { openArtifacts } from '../../src/artifact/store.ts'
import type { ArtifactProblem } from '../../src/core/swarm/messages.ts'
import { ArtifactFailure } from '../../src/ports/disk-failure.ts'
import { encodingOf, piecesIn, someBytes } from '../contracts/artifacts.ts'

export interface Told {
  nth: number
  /** The thing that failed; undefined: there were fewer. */
  failed: string | undefined
  problems: ArtifactProblem[]
  /** Of the download: pieces that were there after the failure, and were written again nevertheless. */
  twice: number[]
  /** Every piece, read again, is right; every name in the folder is one of the two. */
  right: boolean
  tidy: boolean
}

type Call = (...args: unknown[]) => Promise<unknown>
type Calls = Record<string, Call>

const [folder = '', code = 'ENOSPC'] = process.argv.slice(2)
const signal = new AbortController().signal
let [count, nth, failed] = [0, 0, undefined as string | undefined]

function pass(what: string): boolean {
  count += 1
  if (count === nth) failed = what
  return count === nth
}

function failure(syscall: string): Error {
  return Object.assign(new Error(`${code}: for a test, ${syscall}`), { code, syscall, errno: -1 })
}

const paths = new WeakMap<object, string>()
const calls = fs as unknown as Calls
for (const name of ['mkdir', 'rename']) {
  const real = calls[name] as Call
  calls[name] = async (...args) => {
    if (pass(name)) throw failure(name)
    return await real(...args)
  }
}
const open = calls.open as Call
calls.open = async (...args) => {
  const makes = typeof args[1] === 'number' && (args[1] & fs.constants.O_CREAT) !== 0
  if (makes && pass('open')) throw failure('open')
  const handle = (await open(...args)) as FileHandle
  paths.set(handle, String(args[0]))
  return handle
}
const sample = await fs.open(process.execPath)
const handles = Object.getPrototypeOf(sample) as Calls
await sample.close()
for (const name of ['truncate', 'datasync', 'sync']) {
  const real = handles[name] as Call
  handles[name] = async function (this: object, ...args) {
    const what = `${name} ${basename(paths.get(this) ?? '')}`.replace(/ [0-9a-f]{64}/, '')
    if (pass(what)) throw failure(name)
    return await real.apply(this, args)
  }
}
const write = handles.write as Call
handles.write = async function (this: object, ...args) {
  if (pass('write')) throw failure('write')
  const [bytes, offset, length, position] = args as [Uint8Array, number, number, number]
  if (pass('half a write')) {
    await write.call(this, bytes, offset, length >> 1, position)
    throw failure('write')
  }
  return await write.apply(this, args)
}
syncBuiltinESMExports()

const bytes = someBytes(5_000)
const { encoding, pieceList } = encodingOf(bytes)
const whole = someBytes(3_000, 2)
const imported = encodingOf(whole)
const piece = (index: number) => bytes.slice(index * 1_024, (index + 1) * 1_024)

async function* chunks() {
  yield whole.slice(0, 2_000)
  yield whole.slice(2_000)
}

/** As core goes on after a failure: from the beginning, with what the disk says is there. */
async function run(): Promise<Told> {
  const artifacts = await openArtifacts({ folder: join(folder, `${nth}`, 'artifacts') })
  const problems: ArtifactProblem[] = []
  const written: number[] = []
  const twice: number[] = []
  const again = async (work: () => Promise<void>): Promise<void> => {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof ArtifactFailure)) throw error
        problems.push(error.problem)
      }
    }
  }
  await again(async () => {
    const have = piecesIn(await artifacts.prepare(encoding, pieceList, { decoded: 0, signal }))
    for (const index of written) if (!have.includes(index)) throw new Error(`piece ${index} is lost`)
    for (const index of [3, 0, 4, 1, 2]) {
      if (have.includes(index)) continue
      if (written.includes(index)) twice.push(index)
      await artifacts.write(encoding.hash, index, piece(index))
      written.push(index)
    }
    await artifacts.sync(encoding.hash)
  })
  await again(async () => void (await artifacts.import(imported.encoding, chunks(), { signal })))
  let right = true
  for (const [of, from] of [
    [encoding, bytes],
    [imported.encoding, whole],
  ] as const)
    for (let index = 0; index * 1_024 < of.length; index++) {
      const read = await artifacts.read(of.hash, index)
      right &&= Buffer.from(read).equals(from.slice(index * 1_024, (index + 1) * 1_024))
    }
  await artifacts.close()
  const names = await readdir(join(folder, `${nth}`, 'artifacts'))
  const tidy = names.sort().join() === [encoding.hash, imported.encoding.hash].sort().join()
  return { nth, failed, problems, twice, right, tidy }
}

for (nth = 1; ; nth++) {
  count = 0
  failed = undefined
  const told = await run()
  process.stdout.write(`${JSON.stringify(told)}\n`)
  if (told.failed === undefined) break
}
