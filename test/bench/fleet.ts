// A zone of real daemons for benchmarks: bundled, joined by real invites, each a process of its own on loopback.
import type { ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type ApiClient, apiClient } from '../../src/daemon/api-client.ts'

const BIN = fileURLToPath(new URL('../../bin/pimesh.js', import.meta.url))
/** The flags of bin/pimesh.js's first line: what a person runs. */
const FLAGS = ['--max-semi-space-size=1', '--optimize-for-size']
const ZONE = '/bench/zone'
const POLL = 250
const BOUND = 180_000

export interface Member {
  pid: number
  client: ApiClient
}

export interface BenchFleet {
  members: readonly Member[]
  /** Every member sees all others up. */
  whole(): Promise<void>
  /** Every member's record has reached this counter. */
  counters(counter: number): Promise<void>
  /** Lets time pass: the measured window itself. */
  window(seconds: number): Promise<void>
  stop(): Promise<void>
}

/** @param flush seconds between two writes of the view. */
export async function startFleet(
  folder: string,
  nodes: number,
  flush: number,
  launch: typeof spawn,
): Promise<BenchFleet> {
  const children: ChildProcess[] = []
  const members: Member[] = []
  const start = async (index: number, token: string) => {
    const data = join(folder, `n${index}`)
    await run(launch, ['join', token, '--name', `n${index}`, '--seat', String(Math.max(0, index - 1)), '--data', data])
    const port = await freePort()
    await writeFile(
      join(data, 'pimesh.toml'),
      `listen = ["/ip4/127.0.0.1/tcp/${port}"]\n[discovery]\nmdns = false\n[state]\nflush = ${flush}\n[log]\nlevel = "warn"\n`,
    )
    const child = launch(process.execPath, [...FLAGS, BIN, 'up', '--data', data], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    children.push(child)
    const client = apiClient(data)
    await until(`n${index} answers`, () => client.status().then(Boolean, () => false))
    members.push({ pid: child.pid as number, client })
  }
  const stop = async () => {
    const ends = children.filter((child) => child.exitCode === null).map((child) => once(child, 'exit'))
    for (const child of children) child.kill('SIGTERM')
    await Promise.all(ends)
  }
  try {
    await enrol(folder, nodes, launch, start, members)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    members,
    whole: () =>
      each(members, async ({ client }) => (await client.status()).counts.up === nodes, `${nodes} nodes up everywhere`),
    counters: (counter) =>
      each(
        members,
        async ({ client }) => (await client.nodes()).nodes.every((node) => node.counter >= counter),
        `counters at ${counter}`,
      ),
    window: (seconds) => wait(seconds * 1000),
    stop,
  }
}

async function enrol(
  folder: string,
  nodes: number,
  launch: typeof spawn,
  start: (index: number, token: string) => Promise<void>,
  members: readonly Member[],
) {
  const mesh = join(folder, 'mesh')
  await run(launch, ['init', '--mesh', mesh])
  await start(0, await run(launch, ['invite', '--first', '--zone', ZONE, '--mesh', mesh]))
  const { listening, node } = await (members[0] as Member).client.status()
  const via = `${listening[0]}/p2p/${node}`
  const token = await run(launch, [
    'invite',
    '--zone',
    ZONE,
    '--seats',
    String(nodes - 1),
    '--via',
    via,
    '--mesh',
    mesh,
  ])
  for (let index = 1; index < nodes; index++) await start(index, token)
}

async function run(launch: typeof spawn, args: readonly string[]): Promise<string> {
  const child = launch(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout?.on('data', (chunk) => (out += chunk))
  child.stderr?.on('data', (chunk) => (err += chunk))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`pimesh ${args[0]} ended with ${code}: ${err}`)
  return out.trim()
}

async function each(
  members: readonly Member[],
  holds: (member: Member) => Promise<boolean>,
  what: string,
): Promise<void> {
  for (const member of members) await until(what, () => holds(member))
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + BOUND
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${BOUND / 1000} s: ${what}`)
    await wait(POLL)
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
