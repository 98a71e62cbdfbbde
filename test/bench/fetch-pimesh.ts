// One transfer by pimesh: an operator's peer publishes a file, and every node of a fleet fetches, verifies and installs it.
// When something happened is taken from the daemons' own events, which carry their age: so asking seldom costs no precision.
import { setTimeout as wait } from 'node:timers/promises'
import type { ApiClient } from '../../src/daemon/api-client.ts'
import { sha256 } from './artifact.ts'
import type { BenchFleet, Member } from './fleet.ts'
import { CpuWatch, processReading } from './processes.ts'
import type { Transfer } from './transfer.ts'

/** Each look takes a daemon about a millisecond. */
const LOOK = 250
const BOUND = 180_000

/** Moments of performance.now(). */
interface Times {
  verified: number
  installed: number
}

/** Publishes the file of `hash` as `bench/artifact@VERSION`, and waits until all nodes of the fleet have committed it. */
export async function deliverByPimesh(
  { fleet, operator }: { fleet: BenchFleet; operator: Member },
  file: { path: string; hash: string },
  version: number,
): Promise<Transfer> {
  const name = `bench/artifact@${version}`
  const pids = [operator, ...fleet.members].map(({ pid }) => pid)
  const before = await Promise.all(fleet.members.map(({ client }) => lastEvent(client)))
  const watch = new CpuWatch(pids)
  try {
    const started = performance.now()
    await fleet.publish(file.path, name)
    const began = await announcedAt(operator.client)
    const all = await Promise.all(fleet.members.map(({ client }, at) => timesOf(client, name, before[at] as number)))
    watch.stop()
    for (const { client } of fleet.members) await check(client, name, file.hash)
    const verified = Math.max(...all.map((times) => times.verified))
    const installed = Math.max(...all.map((times) => times.installed))
    const [sender, ...receivers] = pids.map((pid) => processReading(pid).peakRssBytes)
    return {
      began,
      seconds: (verified - began) / 1000,
      installedSeconds: (installed - began) / 1000,
      cpuSeconds: watch.between(began, verified) / 1000,
      wholeSeconds: (verified - started) / 1000,
      wholeCpuSeconds: watch.between(started, verified) / 1000,
      installedCpuSeconds: watch.between(began, installed) / 1000,
      senderPeakRssBytes: sender as number,
      receiverPeakRssBytes: receivers,
    }
  } finally {
    watch.stop()
  }
}

async function lastEvent(client: ApiClient): Promise<number> {
  return (await client.events()).events.at(-1)?.seq ?? 0
}

/** When the newest announcement that was handed in came into force. */
async function announcedAt(client: ApiClient): Promise<number> {
  const { events } = await client.events()
  const announced = events.findLast(({ type }) => type === 'announced')
  if (announced === undefined) throw new Error('the operator announced nothing')
  return performance.now() - announced.ageMs
}

/** Waits until a node has committed a release. Rejects when it is in trouble. */
async function timesOf(client: ApiClient, name: string, after: number): Promise<Times> {
  const end = performance.now() + BOUND
  const at = new Map<string, number>()
  let seen = after
  while (!at.has('committed')) {
    if (performance.now() > end) throw new Error(`${name} is not installed within ${BOUND / 1000} s`)
    await wait(LOOK)
    const { events } = await client.events(seen)
    const now = performance.now()
    for (const { seq, type, text, ageMs } of events) {
      seen = seq
      if (type !== 'install' || !text.startsWith(`${name} is `)) continue
      const state = text.slice(`${name} is `.length)
      if (state.includes(':') || state === 'failed') throw new Error(`a node is in trouble: ${text}`)
      at.set(state, now - ageMs)
    }
  }
  return { verified: at.get('verified') as number, installed: at.get('switched') as number }
}

async function check(client: ApiClient, name: string, hash: string): Promise<void> {
  const { releases } = await client.releases({ local: true })
  const path = releases.find(({ release }) => release === name)?.here?.installedAt
  if (path == null || (await sha256(path)) !== hash) throw new Error(`what is installed of ${name} is not the artifact`)
}
