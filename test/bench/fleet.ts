// Zones of real daemons for benchmarks: bundled, joined by real invites, each a process of its own on loopback; and, if wanted,
// an operator's peer that is attached to them and publishes.

import type { ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type ApiClient, apiClient } from '../../src/daemon/api-client.ts'
import { FLAGS } from '../fixtures/flags.ts'

const BIN = fileURLToPath(new URL('../../bin/pimesh.js', import.meta.url))
const SOURCE = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const ZONE = '/bench/zone'
const OPERATOR = 'operator'
const POLL = 250
const BOUND = 180_000

export interface Member {
  pid: number
  data: string
  zone: string
  client: ApiClient
}

export interface BenchFleet {
  /** Without the operator. */
  members: readonly Member[]
  operator: Member | undefined
  /** Every member sees all others of its zone up. */
  whole(): Promise<void>
  /** Every member's record has reached this counter. */
  counters(counter: number): Promise<void>
  /** Lets time pass: the measured window itself. */
  window(seconds: number): Promise<void>
  /** The operator publishes a file for all nodes; resolves when the command has ended. */
  publish(file: string, name: string): Promise<void>
  stop(): Promise<void>
}

interface Options {
  /** All of them; they are dealt round the zones. */
  nodes: number
  /** One unless others are said. */
  zones?: readonly string[]
  /** Seconds between two writes of the view. */
  flush: number
  operator?: boolean
  /** Flags of Node for the daemon of this name, beside those that everybody has. */
  flags?: (name: string) => readonly string[]
  /** Daemons are run from the sources, not from the bundle, as what counts their streams needs. */
  source?: boolean
  launch: typeof spawn
}

export async function startFleet(folder: string, options: Options): Promise<BenchFleet> {
  const { nodes, zones = [ZONE], launch } = options
  const children: ChildProcess[] = []
  const members: Member[] = []
  const start: Start = (name, zone, token, seat) =>
    startMember(folder, { name, zone, token, seat, ...options }, children)
  const stop = async () => {
    const ends = children.filter((child) => child.exitCode === null).map((child) => once(child, 'exit'))
    for (const child of children) child.kill('SIGTERM')
    await Promise.all(ends)
  }
  let operator: Member | undefined
  try {
    operator = await enrol(folder, options, start, members)
  } catch (error) {
    await stop()
    throw error
  }
  const folders = ['--mesh', join(folder, 'mesh'), '--data', join(folder, OPERATOR)]
  return {
    members,
    operator,
    whole: () =>
      each(
        members,
        async ({ client, zone }) => (await client.status()).counts.up === membersOf(zones, zone, nodes),
        'all of its zone up at every node',
      ),
    counters: (counter) =>
      each(
        members,
        async ({ client }) => (await client.nodes()).nodes.every((node) => node.counter >= counter),
        `counters at ${counter}`,
      ),
    window: (seconds) => wait(seconds * 1000),
    publish: async (file, name) => {
      const words = ['publish', file, '--name', name, '--to', 'true', '--installer', 'file', '--no-wait']
      await run(launch, [...words, ...folders])
    },
    stop,
  }
}

type Start = (name: string, zone: string, token: string, seat: number | undefined) => Promise<Member>

/** How many of `nodes` are in a zone when they are dealt round. */
function membersOf(zones: readonly string[], zone: string, nodes: number): number {
  return Math.ceil((nodes - zones.indexOf(zone)) / zones.length)
}

/** Joins and starts one peer; resolves when it answers. */
async function startMember(
  folder: string,
  own: Options & { name: string; zone: string; token: string; seat: number | undefined },
  children: ChildProcess[],
): Promise<Member> {
  const { name, zone, token, seat, flush, flags, source, launch } = own
  const data = join(folder, name)
  const seats = seat === undefined ? [] : ['--seat', String(seat)]
  await run(launch, ['join', token, '--name', name, ...seats, '--data', data])
  const port = await freePort()
  await writeFile(
    join(data, 'pimesh.toml'),
    `listen = ["/ip4/127.0.0.1/tcp/${port}"]\n[discovery]\nmdns = false\n[state]\nflush = ${flush}\n[log]\nlevel = "warn"\n`,
  )
  const verb = name === OPERATOR ? 'attach' : 'up'
  const node = [...FLAGS, ...(flags?.(name) ?? []), source ? SOURCE : BIN]
  const child = launch(process.execPath, [...node, verb, '--data', data], { stdio: ['ignore', 'ignore', 'inherit'] })
  children.push(child)
  const client = apiClient(data)
  await until(`${name} answers`, () => client.status().then(Boolean, () => false))
  return { pid: child.pid as number, data, zone, client }
}

/** The mesh, its first node, the others by that one's address, and the operator. */
async function enrol(
  folder: string,
  { nodes, zones = [ZONE], operator, launch }: Options,
  start: Start,
  members: Member[],
): Promise<Member | undefined> {
  const mesh = join(folder, 'mesh')
  const [first] = zones as [string]
  await run(launch, ['init', '--name', 'bench', '--mesh', mesh])
  const founding = await run(launch, ['invite', '--first', '--zone', first, '--mesh', mesh])
  members.push(await start('n0', first, founding, undefined))
  const { listening, node } = await (members[0] as Member).client.status()
  const invite = (zone: string, ...more: string[]) =>
    run(launch, ['invite', '--zone', zone, ...more, '--via', `${listening[0]}/p2p/${node}`, '--mesh', mesh])
  const tokens = new Map<string, string>()
  for (const zone of zones) tokens.set(zone, await invite(zone, '--seats', String(membersOf(zones, zone, nodes))))
  for (let index = 1; index < nodes; index++) {
    const zone = zones[index % zones.length] as string
    members.push(await start(`n${index}`, zone, tokens.get(zone) as string, Math.floor(index / zones.length)))
  }
  return operator ? await start(OPERATOR, '/', await invite('/'), undefined) : undefined
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
