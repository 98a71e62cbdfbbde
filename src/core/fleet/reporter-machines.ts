// The machines by which a node takes part in the view of the whole fleet, wired together: a part of ../machines.ts.
import type { Env, Millis } from '../env.ts'
import { limits } from '../limits.ts'
import type { Book } from '../links/book.ts'
import type { Links } from '../links/links.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import type { Gatekeeper } from '../trust/gatekeeper.ts'
import type { Refusals } from '../trust/refusals.ts'
import type { Roster } from '../trust/roster.ts'
import type { StatementKeeper } from '../trust/statement-keeper.ts'
import type { Alerts } from './alerts.ts'
import { Authors } from './authors.ts'
import type { Day } from './day.ts'
import { DigestGossip } from './digest-gossip.ts'
import type { Heartbeat } from './heartbeat.ts'
import { Reporting } from './reporting.ts'
import type { SavedZone } from './summary.ts'
import type { View } from './view.ts'

interface Parts {
  env: Env
  out: Outbox
  self: Self
  view: View
  alerts: Alerts
  heartbeat: Heartbeat
  book: Book
  links: Links
  roster: Roster
  gatekeeper: Gatekeeper
  refusals: Refusals
  statements: StatementKeeper
  day: Day
  /** Of our leaf zone's records, and of digests of an inner zone's children. */
  topic: string
  topicOf: (mesh8: string, zone: string) => string
  /** Zones that earlier runs heard of. */
  zones: readonly SavedZone[]
  /** Shortest promise of our records. */
  minimum: Millis
}

export type Reporters = ReturnType<typeof composeReporters>

export function composeReporters(parts: Parts, now: Millis) {
  const { env, out, self, view, alerts, heartbeat, book, links, day, refusals, statements, topic, minimum, zones } =
    parts
  const most = self.isNode ? limits.digestAuthors : limits.queryMemberships
  const authors = new Authors(self, parts.roster, parts.gatekeeper, most)
  const topics = { digests: (zone: string) => parts.topicOf(self.mesh8, zone), records: topic }
  const reporting = new Reporting(
    { env, out, self, view, alerts, heartbeat, book, links, day, minimum, topics, zones },
    now,
  )
  const gap = minimum * limits.digestGapPromises
  const digests = new DigestGossip({ env, out, self, authors, reporting, refusals, statements, day, topic, gap })
  return { authors, reporting, digests }
}
