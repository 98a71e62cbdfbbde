// pimesh as an entry of the benchmark of the swarm: the bundle in every node, one mesh, the publisher a member that is not selected.
// When something happened is taken from the daemons' own events, which carry their age: so asking seldom costs no precision.
import { setTimeout as wait } from 'node:timers/promises'
import type { PieceBytesJson, PieceTrafficJson } from '../../src/daemon/api-types.ts'
import { Daemons, PUBLISHER } from '../lab/daemons.ts'
import type { Arrival, Delivery, Entry, Field, Stand } from '../lab/opponents/entry.ts'
import { each } from '../lab/shell.ts'
import { announcedAt } from './lab-file.ts'
import { SwarmTrace, type TraceJson } from './swarm-trace.ts'

const RELEASE = `${PUBLISHER}/swarm@1`
const SETTLED_BOUND = 120_000
const STATUS_BOUND = 30_000
const LOOK = 1_000
const STARTS_AT_ONCE = 2

/** @param traced is given what each node held and when, where somebody asked for it: looking takes CPU of the nodes. */
export function pimesh(traced?: (trace: TraceJson) => void): Entry {
  return {
    missing: async () => undefined,
    prepare: (field) => prepare(field, traced),
  }
}

async function prepare(field: Field, traced: ((trace: TraceJson) => void) | undefined): Promise<Stand> {
  const daemons = new Daemons(field.network)
  await daemons.enrol()
  await each([field.publisher, ...field.nodes], (name) => daemons.start(name), STARTS_AT_ONCE)
  await Promise.all(field.nodes.map((name) => settled(field, daemons, name)))
  const processes = new Map([field.publisher, ...field.nodes].map((name) => [name, daemons.pid(name)]))
  return { processes, deliver: (bound) => deliver(field, daemons, { bound, traced }) }
}

/** A node that has been there for a while knows its zone-mates and has a way out. Nothing is asked that would make links. */
async function settled({ network, nodes }: Field, daemons: Daemons, name: string): Promise<void> {
  const zoneOf = (node: string) => network.site(network.node(node).site).zone
  const mates = nodes.filter((node) => zoneOf(node) === zoneOf(name))
  await daemons.until(`${name} hears of its zone-mates and has a way out`, SETTLED_BOUND, async () => {
    const client = daemons.client(name)
    const told = await Promise.all([client.nodes({ zones: [zoneOf(name)] }), client.status()]).catch(() => undefined)
    if (told === undefined) return false
    const [{ nodes: rows }, { links }] = told
    const heard = mates.every((mate) => rows.some((row) => row.name === mate && row.status === 'up'))
    return heard && links.some(({ zone }) => zone !== zoneOf(name))
  })
}

interface Terms {
  bound: number
  traced: ((trace: TraceJson) => void) | undefined
}

async function deliver(field: Field, daemons: Daemons, { bound, traced }: Terms): Promise<Delivery> {
  const { publisher, nodes, file, network } = field
  const before = await pieceTraffic(daemons, [publisher, ...nodes])
  const zones = new Set(nodes.map((name) => network.site(network.node(name).site).zone))
  const to = [...zones].map((zone) => `zone == "${zone}"`).join(' || ')
  const terms = ['--to', to, '--installer', 'file', '--no-wait']
  const places = ['--mesh', daemons.path('mesh'), '--data', daemons.path(publisher)]
  const trace = traced && new SwarmTrace(daemons, nodes, RELEASE)
  try {
    await daemons.pimesh(publisher, 'publish', file.path, '--name', RELEASE, ...terms, ...places)
    const began = await announcedAt(daemons, publisher)
    const entries = nodes.map(async (name) => [name, await arrives(daemons, name, began + bound)] as const)
    const arrivals = new Map(await Promise.all(entries))
    const after = await pieceTraffic(daemons, [publisher, ...nodes])
    const moved = new Map([...after].map(([name, traffic]) => [name, added(before.get(name), traffic)]))
    if (trace !== undefined) traced?.(await trace.json(began, arrivals, moved))
    const into = new Map(nodes.map((name) => [name, overTheWire((moved.get(name) as PieceTrafficJson).from)]))
    return { began, arrivals, payload: { into, out: overTheWire((moved.get(publisher) as PieceTrafficJson).to) } }
  } finally {
    await trace?.stop()
  }
}

/** Waits until a node has the release in use. Rejects when it is in trouble, or not done at a moment of performance.now(). */
async function arrives(daemons: Daemons, name: string, end: number): Promise<Arrival> {
  const at = new Map<string, number>()
  for (let seen = 0; !at.has('switched'); ) {
    if (performance.now() > end) throw new Error(`${name} has ${[...at.keys()].at(-1) ?? 'heard nothing of'} it`)
    await wait(LOOK)
    // One that is too busy for a moment is asked again.
    const { events } = await daemons
      .client(name)
      .events(seen)
      .catch(() => ({ events: [] }))
    const now = performance.now()
    for (const { seq, type, text, ageMs } of events) {
      seen = seq
      if (type !== 'install' || !text.startsWith(`${RELEASE} is `)) continue
      const state = text.slice(`${RELEASE} is `.length)
      if (state.includes(':') || state === 'failed') throw new Error(`${name} is in trouble: ${text}`)
      at.set(state, now - ageMs)
    }
  }
  const path = await daemons.until(`${name} says where it has ${RELEASE}`, STATUS_BOUND, async () => {
    const answer = await daemons
      .client(name)
      .releases({ local: true })
      .catch(() => undefined)
    return answer?.releases.find(({ release }) => release === RELEASE)?.here?.installedAt ?? undefined
  })
  return { at: at.get('verified') as number, inUseAt: at.get('switched') as number, path }
}

async function pieceTraffic(daemons: Daemons, names: readonly string[]): Promise<Map<string, PieceTrafficJson>> {
  const entries = names.map(async (name) => {
    const what = `${name} says what it counted of pieces`
    const client = daemons.client(name)
    const pieces = await daemons.until(what, STATUS_BOUND, async () => {
      return (await client.status().catch(() => undefined))?.pieces
    })
    return [name, pieces] as const
  })
  return new Map(await Promise.all(entries))
}

function added(before: PieceTrafficJson | undefined, after: PieceTrafficJson): PieceTrafficJson {
  const routes = (a: PieceBytesJson['mates'] | undefined, b: PieceBytesJson['mates']): PieceBytesJson['mates'] => ({
    lan: b.lan - (a?.lan ?? 0),
    direct: b.direct - (a?.direct ?? 0),
    punched: b.punched - (a?.punched ?? 0),
    relayed: b.relayed - (a?.relayed ?? 0),
  })
  const both = (a: PieceBytesJson | undefined, b: PieceBytesJson): PieceBytesJson => ({
    mates: routes(a?.mates, b.mates),
    others: routes(a?.others, b.others),
  })
  return { from: both(before?.from, after.from), to: both(before?.to, after.to) }
}

/** All but what went over a LAN. */
function overTheWire({ mates, others }: PieceBytesJson): number {
  return [mates, others].reduce((sum, { direct, punched, relayed }) => sum + direct + punched + relayed, 0)
}
