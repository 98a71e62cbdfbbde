// A file that goes through the laboratory: published at one node for some others, until they have it in use.
import { PUBLISHER } from '../lab/daemons.ts'
import type { Lab } from '../lab/lab.ts'
import { makeArtifact, sha256 } from './artifact.ts'

export interface Sent {
  /** `lab/NAME@VERSION` */
  release: string
  hash: string
  /** Of performance.now(), when the announcement was in force at its publisher. */
  began: number
}

/** Publishes random bytes for the nodes that a selector names. Resolves when they are announced. */
export async function send(
  { daemons }: Lab,
  { from, to, name, bytes }: { from: string; to: string; name: string; bytes: number },
): Promise<Sent> {
  const file = daemons.path('artifact')
  const hash = await makeArtifact(file, bytes)
  const release = `${PUBLISHER}/${name}`
  const places = ['--mesh', daemons.path('mesh'), '--data', daemons.path(from)]
  const terms = ['--to', to, '--installer', 'file', '--no-wait']
  await daemons.pimesh(from, 'publish', file, '--name', release, ...terms, ...places)
  return { release, hash, began: await announcedAt(daemons, from) }
}

/** When the last announcement of a publisher came in force there, of performance.now(). */
export async function announcedAt(daemons: Lab['daemons'], publisher: string): Promise<number> {
  const { events } = await daemons.client(publisher).events()
  const announced = events.findLast(({ type }) => type === 'announced')
  if (announced === undefined) throw new Error(`${publisher} announced nothing`)
  return performance.now() - announced.ageMs
}

/** When it happened, in ms since the announcement: some of the file was there, all of it, and it was in use. */
export interface Arrival {
  firstByteMs?: number
  verifiedMs?: number
  installedMs?: number
}

/** Waits until a node has it in use, and notes in `arrival` how far it came. Rejects when it does not within `bound` ms. */
export async function arrives(
  { daemons }: Lab,
  node: string,
  { release, hash, began }: Sent,
  bound: number,
  arrival: Arrival = {},
): Promise<Arrival> {
  const path = await daemons.until(`${node} has ${release} in use`, bound, async () => {
    const answer = await daemons
      .client(node)
      .releases({ local: true })
      .catch(() => undefined) // too busy for a moment
    const here = answer?.releases.find((each) => each.release === release)?.here
    if (here == null) return undefined
    if (here.state === 'failed' || here.state === 'rolledBack') throw new Error(`${node}: ${here.detail ?? here.state}`)
    if (here.bytes > 0) arrival.firstByteMs ??= performance.now() - began
    if (here.percent === 100) arrival.verifiedMs ??= performance.now() - began
    return here.state === 'committed' && (here.installedAt ?? undefined)
  })
  arrival.installedMs = performance.now() - began
  if ((await sha256(path)) !== hash) throw new Error(`${node} has another file in use than was published`)
  return arrival
}
