// The second half of the demo: the operator publishes an artifact, and every node fetches, verifies and installs it.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { Failure } from '../../core/failure.ts'
import type { InstallHereJson } from '../../daemon/api-types.ts'
import { progressBar, progressText } from '../format/progress.ts'
import { bytes } from '../format/quantity.ts'
import type { Display } from './display.ts'
import { type Fleet, OPERATOR } from './fleet.ts'

/** The demo's publisher: its role may publish demo/... */
export const PUBLISHER = 'demo'
const BAR = 20

/** A file to deliver, and what people call it. */
export interface Artifact {
  path: string
  name: string
  bytes: number
}

export interface Delivery {
  release: string
  bytes: number
  /** From the start of `pimesh publish` to the last node's switch. */
  installedMs: number
  /** Hex SHA-256 of the artifact, and of all six files. */
  hash: string
}

/** How long all of it may take: preparing, six copies on one machine, hashing; at a tenth of what two cores do. */
function bound(size: number): number {
  return 60_000 + Math.ceil(size / 1_000)
}

/** Publishes `artifact` for every node of the demo and watches until all `nodes` have it in use. E_DEMO when one does not. */
export async function deliver(
  fleet: Fleet,
  display: Display,
  nodes: readonly string[],
  artifact: Artifact,
): Promise<Delivery> {
  const started = display.now()
  const hash = await sha256(artifact.path)
  const name = `${PUBLISHER}/${safeName(artifact.name)}@1`
  display.step(`the operator publishes ${artifact.name} (${bytes(artifact.bytes)}) for all nodes of the zone /demo`)
  const words = ['publish', artifact.path, '--name', name, '--to', 'zone.startsWith("/demo")', '--installer', 'file']
  const folders = ['--no-wait', '--mesh', fleet.path('mesh'), '--data', fleet.path(OPERATOR)]
  await fleet.command([...words, ...folders], { timeout: bound(artifact.bytes) })
  await installed(fleet, display, nodes, { name, bound: bound(artifact.bytes) })
  const installedMs = display.now() - started
  for (const node of nodes) await checkFile(fleet, node, name, hash)
  display.step(`all six installed files have the SHA-256 of the artifact: ${hash.slice(0, 16)}...`)
  return { release: name, bytes: artifact.bytes, installedMs, hash }
}

/** Draws every node's progress until each has switched; where nothing can be drawn, a line for each that has. */
async function installed(
  fleet: Fleet,
  display: Display,
  nodes: readonly string[],
  release: { name: string; bound: number },
): Promise<void> {
  const done = new Set<string>()
  await fleet.until(release.bound, async () => {
    const heres = await Promise.all(nodes.map((node) => progressOf(fleet, node, release.name)))
    for (const [at, here] of heres.entries()) {
      const node = nodes[at] as string
      if (here?.state === 'failed')
        throw new Failure('E_DEMO', `${node} could not install: ${here.detail ?? here.reason}`)
      if (here?.installedAt == null || done.has(node)) continue
      done.add(node)
      display.step(`${node} has it in use`)
    }
    display.lines(heres.map((here, at) => progressLine(nodes[at] as string, here)))
    const missing = nodes.filter((node) => !done.has(node))
    return missing.length === 0 ? undefined : `${missing.join(', ')} did not install ${release.name}`
  })
}

async function progressOf(fleet: Fleet, node: string, release: string): Promise<InstallHereJson | null | undefined> {
  const { releases } = await fleet.client(node).releases({ local: true })
  return releases.find((one) => one.release === release)?.here
}

function progressLine(node: string, here: InstallHereJson | null | undefined): string {
  if (here == null) return `  ${node}  has not heard of it yet`
  const bar = progressBar(here.totalBytes === 0 ? 0 : here.bytes / here.totalBytes, BAR)
  const amount = progressText({ done: here.bytes, total: here.totalBytes, rate: here.bytesPerSecond })
  return `  ${node}  ${bar} ${here.state}, ${amount}, ${here.providers} providers`
}

async function checkFile(fleet: Fleet, node: string, release: string, hash: string): Promise<void> {
  const here = await progressOf(fleet, node, release)
  const found = here?.installedAt == null ? undefined : await sha256(here.installedAt)
  if (found === hash) return
  throw new Failure('E_DEMO', `the file installed on ${node} is not the artifact: its SHA-256 is ${found ?? 'unknown'}`)
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/** A file's name as a segment of an artifact path. */
function safeName(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9._-]/g, '-')
  return /^[.]+$/.test(plain) ? 'artifact' : plain.slice(0, 64)
}
