// Where the time of a transfer goes: one transfer from one daemon to one, both run from their sources under V8's sampling profiler,
// and the samples of their main threads counted by library. What runs in other threads (files, a part of garbage collection) is not
// seen, and a thread that waits for a core counts as busy: so these are shares to compare, not CPU.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BYTES, makeArtifact } from './artifact.ts'
import { deliverByPimesh } from './fetch-pimesh.ts'
import { startFleet } from './fleet.ts'
import type { Report } from './main.ts'

interface CallFrame {
  functionName: string
  url: string
}

interface ProfileNode {
  id: number
  callFrame: CallFrame
  children?: number[]
}

/** What `node --cpu-prof` writes; times in microseconds of the machine's monotonic clock. */
interface CpuProfile {
  nodes: ProfileNode[]
  startTime: number
  samples: number[]
  timeDeltas: number[]
}

/** What of Node's own code has a name of its own in the table; everything else of it counts for whoever called it. */
const NODE_PARTS: readonly [RegExp, string][] = [
  [/^node:internal\/crypto\/hash/, 'SHA-256 (node:crypto)'],
  [/^node:internal\/crypto\/(cipher|keys|util)/, 'ChaCha20-Poly1305 (node:crypto)'],
  [/^node:internal\/fs|^node:fs/, 'files (node:fs)'],
  [/^node:(net|internal\/stream_base_commons|internal\/streams)/, 'sockets (node:net)'],
]

export async function benchProfile(say: (line: string) => void): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'pimesh-bench-'))
  try {
    const path = join(folder, 'artifact')
    const file = { path, hash: await makeArtifact(path, BYTES) }
    say('joining and starting, from the sources')
    const flags = (name: string) => ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${name}.cpuprofile`]
    const fleet = await startFleet(folder, { nodes: 1, flush: 600, operator: true, flags, source: true, launch: spawn })
    const { operator } = fleet
    let window: { from: number; to: number }
    try {
      if (operator === undefined) throw new Error('there is no operator')
      await fleet.whole()
      say('transferring')
      const transfer = await deliverByPimesh({ fleet, operator }, file, 1)
      window = { from: microseconds(transfer.began), to: microseconds(transfer.began + transfer.seconds * 1000) }
    } finally {
      await fleet.stop()
    }
    const shares = {
      sender: await sharesOf(join(folder, 'operator.cpuprofile'), window),
      receiver: await sharesOf(join(folder, 'n0.cpuprofile'), window),
    }
    return { json: { bench: 'profile', node: process.version, bytes: BYTES, shares }, table: tableOf(shares) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A moment of performance.now() on the clock of profiles. */
function microseconds(moment: number): number {
  return Number(process.hrtime.bigint()) / 1000 + (moment - performance.now()) * 1000
}

type Shares = Record<string, number>

/** Share of the busy time between two moments, by library; the largest first. */
async function sharesOf(path: string, { from, to }: { from: number; to: number }): Promise<Shares> {
  const profile = JSON.parse(await readFile(path, 'utf8')) as CpuProfile
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const parents = new Map(profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)))
  const names = new Map(profile.nodes.map((node) => [node.id, nameOf(node, parents)]))
  const times = new Map<string, number>()
  let at = profile.startTime
  profile.samples.forEach((sample, index) => {
    at += profile.timeDeltas[index] as number
    const name = names.get(sample) as string
    if (at < from || at > to || nodes.get(sample)?.callFrame.functionName === '(idle)') return
    times.set(name, (times.get(name) ?? 0) + (profile.timeDeltas[index + 1] ?? 0))
  })
  const busy = [...times.values()].reduce((sum, time) => sum + time, 0)
  const sorted = [...times].sort((a, b) => b[1] - a[1])
  return Object.fromEntries(sorted.map(([name, time]) => [name, time / busy]))
}

/** The library that a sample counts for: of the function itself, or else of the nearest caller that has one. */
function nameOf(node: ProfileNode, parents: ReadonlyMap<number, ProfileNode>): string {
  const { functionName } = node.callFrame
  if (functionName === '(garbage collector)') return 'garbage collection'
  for (let at: ProfileNode | undefined = node; at !== undefined; at = parents.get(at.id)) {
    const name = libraryOf(at.callFrame.url)
    if (name !== undefined) return name
  }
  return 'Node itself'
}

function libraryOf(url: string): string | undefined {
  for (const [pattern, name] of NODE_PARTS) if (pattern.test(url)) return name
  const library = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1]
  if (library !== undefined) return library
  const own = /\/src\/([a-z]+)\//.exec(url)?.[1]
  return own === undefined ? undefined : `pimesh ${own}`
}

/** Whatever takes a hundredth on either side. */
function tableOf({ sender, receiver }: { sender: Shares; receiver: Shares }): string[] {
  const names = [...new Set([...Object.keys(sender), ...Object.keys(receiver)])]
  const sum = (name: string) => (sender[name] ?? 0) + (receiver[name] ?? 0)
  const shown = names.filter((name) => Math.max(sender[name] ?? 0, receiver[name] ?? 0) >= 0.01)
  const percent = (share: number | undefined) => `${((share ?? 0) * 100).toFixed(1)} %`
  return [
    ['share of busy time'.padEnd(36), 'sender'.padStart(10), 'receiver'.padStart(10)].join(''),
    ...shown
      .sort((a, b) => sum(b) - sum(a))
      .map((name) =>
        [`  ${name}`.padEnd(36), percent(sender[name]).padStart(10), percent(receiver[name]).padStart(10)].join(''),
      ),
  ]
}
