// One try of two nodes to reach each other. Both daemons were killed and are started in one moment with the state that they had, as
// after a power cut; the first try is their first start ever. What happened is asked of their own APIs.
import { setTimeout as pause } from 'node:timers/promises'
import { wireCounts } from '../lab/counters.ts'
import type { Lab } from '../lab/lab.ts'
import { type Arrival, arrives, send } from './lab-file.ts'
import { linkOf } from './lab-looks.ts'

export const BYTES = 16 * 2 ** 20
/** Records go to the members of one zone. */
export const ZONE = '/lab/reach'

const LOOK = 50
const GOSSIP_BOUND = 30_000
/** A relayed link has so long to become direct before the file is published. */
const SETTLE_BOUND = 5_000
const TRANSFER_BOUND = 30_000

/** Times in ms, null where it did not happen. */
export interface Try {
  /** From the start until both had heard the other's new record. */
  gossipMs: number | null
  /** From when a link between them was there until it was not relayed. */
  directMs: number | null
  /** At the end: lan, direct, punched, relayed, `linked` where the daemon does not tell, or none. */
  route: string
  /** Name of the relay. */
  via: string | null
  /** From when the announcement was in force at its publisher, until the first piece was verified and until all was installed. */
  firstByteMs: number | null
  transferMs: number | null
  relayBytes: number | null
  failure: string | null
}

type Pair = readonly [publisher: string, receiver: string]

export async function tryPair(lab: Lab, pair: Pair, number: number): Promise<Try> {
  const result: Try = {
    gossipMs: null,
    directMs: null,
    route: 'none',
    via: null,
    firstByteMs: null,
    transferMs: null,
    relayBytes: null,
    failure: null,
  }
  try {
    await Promise.all(pair.map((name) => lab.daemons.kill(name)))
    const began = performance.now()
    await Promise.all(pair.map((name) => lab.daemons.start(name)))
    await heardEachOther(lab, pair)
    result.gossipMs = performance.now() - began
    result.directMs = await settled(lab, pair)
    await transfer(lab, pair, number, result)
  } catch (error) {
    result.failure = (error as Error).message
  }
  Object.assign(result, await pathOf(lab, pair))
  return result
}

async function heardEachOther(lab: Lab, [a, b]: Pair): Promise<void> {
  const hears = async (one: string, other: string) => {
    const { incarnation } = await lab.daemons.client(other).status()
    await lab.daemons.until(`${one} hears of ${other} by gossip`, GOSSIP_BOUND, async () => {
      const { nodes } = await lab.daemons.client(one).nodes({ zones: [ZONE] })
      const row = nodes.find(({ name }) => name === other)
      return row?.status === 'up' && row.incarnation === incarnation
    })
  }
  await Promise.all([hears(a, b), hears(b, a)])
}

/** How long after it had opened the link was not relayed; null when there is none, or it stays on its relay. */
async function settled(lab: Lab, pair: Pair): Promise<number | null> {
  const end = performance.now() + SETTLE_BOUND
  let opened: number | undefined
  while (performance.now() < end) {
    const now = performance.now()
    const link = await linkOf(lab, ...pair)
    if (link !== undefined) opened ??= now - link.ageMs
    if (link?.path !== undefined && link.path.route !== 'relayed') return now - (opened ?? now)
    await pause(LOOK)
  }
  return null
}

/** Publishes at one for the other, and waits until that has it in use. */
async function transfer(lab: Lab, [publisher, receiver]: Pair, number: number, result: Try): Promise<void> {
  const before = await relayed(lab)
  const to = `name == "${receiver}"`
  const sent = await send(lab, { from: publisher, to, name: `reach@${number}`, bytes: BYTES })
  const arrival: Arrival = {}
  try {
    await arrives(lab, receiver, sent, TRANSFER_BOUND, arrival)
  } finally {
    result.firstByteMs = arrival.firstByteMs ?? null
    result.transferMs = arrival.installedMs ?? null
  }
  result.relayBytes = (await relayed(lab)) - before
}

/** Bytes that public members have sent so far. */
async function relayed({ network }: Lab): Promise<number> {
  const counts = await wireCounts(network)
  const open = network.plan.nodes.filter(({ site }) => site === 'pub')
  return open.reduce((sum, { name }) => sum + (counts.get(name)?.up.bytes ?? 0), 0)
}

async function pathOf(lab: Lab, pair: Pair): Promise<Pick<Try, 'route' | 'via'>> {
  const link = await linkOf(lab, ...pair)
  if (link === undefined) return { route: 'none', via: null }
  return { route: link.path?.route ?? 'linked', via: link.path?.via?.name ?? null }
}
