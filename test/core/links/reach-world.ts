// A node's paths by themselves: links, address book and reach, with time that a test lets pass.
import type { Effect } from '../../../src/core/events.ts'
import { Book } from '../../../src/core/links/book.ts'
import type { Greetings } from '../../../src/core/links/greetings.ts'
import { Links } from '../../../src/core/links/links.ts'
import { type NatKind, type Route, relayOf } from '../../../src/core/links/paths.ts'
import { Reach, type RelayMode } from '../../../src/core/links/reach.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { Self } from '../../../src/core/self.ts'
import { MESH, membershipOf, NOW, ROOT } from '../../fixtures/documents.ts'
import { testEnv } from '../env.ts'

export type OfType<T extends Effect['type']> = Extract<Effect, { type: T }>

export function reachWorld({ relay = 'auto' as RelayMode, announce = [] as readonly string[] } = {}) {
  const out = new Outbox()
  const self = new Self(MESH, membershipOf(), ROOT, NOW, 0)
  const book = new Book(self.node, self.zone)
  const links: Links = new Links(
    testEnv(),
    out,
    book,
    self,
    (peer) => reach.holds(peer),
    () => reach.offers,
  )
  const spread: number[] = []
  const greetings = { spread: (now: number) => spread.push(now) } as unknown as Greetings
  const inUse = () => false
  const reach: Reach = new Reach({ env: testEnv(), out, self, book, links, greetings, inUse, relay, announce }, 0)
  const effects: { effect: Effect; at: number }[] = []
  const take = (now: number) => {
    for (const effect of out.drain()) effects.push({ effect, at: now })
  }
  /** One step: what happened, and then all that is due, at this time. */
  const step = (now: number, happened: () => void = () => undefined) => {
    happened()
    links.check(now)
    reach.check(now)
    take(now)
  }
  /** Wakes the machines whenever they want it, until then. */
  const run = (from: number, until: number) => {
    let now = from
    step(now)
    for (let steps = 0; ; steps++) {
      if (steps > 100_000)
        throw new Error(`a deadline stays in the past: ${links.deadline()} ${reach.deadline()} at ${now}`)
      const due = Math.max(now, Math.min(links.deadline() ?? until, reach.deadline() ?? until))
      if (due >= until) break
      now = due === now ? due + 1 : due
      step(now)
    }
    return until
  }
  const of = <T extends Effect['type']>(type: T) =>
    effects.flatMap(({ effect, at }) => (effect.type === type ? [{ ...(effect as OfType<T>), at }] : []))
  const know = (
    node: string,
    addresses: string[],
    { zone = '/b', relays = false, nat }: { zone?: string; relays?: boolean; nat?: NatKind } = {},
  ) => book.firstHand(node, zone, { addresses, serves: true, reach: { relays, nat: nat ?? 'unknown' } }, 0)
  const link = (
    peer: string,
    now: number,
    { route = 'direct' as Route, zone = '/b', address = `/ip4/9.9.9.9/tcp/1` } = {},
  ) =>
    step(now, () => {
      const path = { address, direction: 'outbound', route } as const
      links.opened({ peer, zone, ...path, since: now }, now)
      reach.opened(peer, path, now)
    })
  const unlink = (peer: string, now: number) =>
    step(now, () => {
      if (links.closed(peer, now)) reach.closed(peer, now)
    })
  return { out, self, book, links, reach, spread, effects, step, run, of, know, link, unlink, relayOf }
}
