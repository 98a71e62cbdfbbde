// Presence: the machines that find out who of the zone is gone, wired together in two steps, as links need the first and the second
// needs links.
import type { Env, Millis, NodeId } from '../env.ts'
import type { Book } from '../links/book.ts'
import type { Links } from '../links/links.ts'
import type { Watching } from '../links/wanted.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import type { Refusals } from '../trust/refusals.ts'
import type { Roster } from '../trust/roster.ts'
import type { StatementKeeper } from '../trust/statement-keeper.ts'
import type { Alerts } from './alerts.ts'
import { Day } from './day.ts'
import { HealthOfSelf } from './health-of-self.ts'
import type { Heartbeat } from './heartbeat.ts'
import { News } from './news.ts'
import { Suspicion } from './suspicion.ts'
import { View } from './view.ts'
import { Votes } from './votes.ts'
import { Witnesses } from './witnesses.ts'

export interface Seeing {
  view: View
  news: News
  day: Day
  health: HealthOfSelf
  witnesses: Witnesses
}

/** What this node sees, how far it may trust that, and who watches whom. */
export function composeSeeing(parts: {
  env: Env
  out: Outbox
  self: Self
  alerts: Alerts
  localHealth: boolean
}): Seeing {
  const { env, out, self, alerts } = parts
  const news: News = new News({ out, alerts, missing: (now) => view.missing(now) })
  const [view, day] = [new View(self.node, out, (event, now) => news.changed(event, now)), new Day(self)]
  const isFlapping = (node: NodeId, now: Millis) => news.isFlapping(node, now)
  const witnesses = new Witnesses({ env, self, view, day, isFlapping, changes: () => alerts.changes })
  return { view, news, day, health: new HealthOfSelf(parts.localHealth), witnesses }
}

/** What the link policy has to know of it. */
export function watchingOf({ isNode, node }: Self, witnesses: Witnesses): Watching {
  return {
    wanted: (now: Millis) => (isNode ? witnesses.of(node, now) : []),
    keeps: (peer: NodeId, now: Millis) => isNode && witnesses.links(peer, now),
  }
}

/** Looking for who is silent, and saying so together. */
export function composeAccusing(parts: {
  seeing: Seeing
  env: Env
  out: Outbox
  self: Self
  roster: Roster
  statements: StatementKeeper
  refusals: Refusals
  links: Links
  book: Book
  heartbeat: Heartbeat
  topic: string
}): { votes: Votes; suspicion: Suspicion } {
  const { seeing, heartbeat, links, book, ...common } = parts
  const votes: Votes = new Votes({
    ...{ ...common, ...seeing },
    own: () => heartbeat,
    raised: (node, now) => suspicion.raised(node, now),
    accused: (byMost, now) => {
      if (byMost) seeing.health.contradicted(now)
      heartbeat.refute(now)
    },
  })
  const suspicion: Suspicion = new Suspicion({ ...common, ...seeing, links, book, votes })
  return { votes, suspicion }
}
