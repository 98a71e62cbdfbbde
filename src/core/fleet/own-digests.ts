// What a reporter says of a zone: of its leaf zone what its view counts, of an inner zone what the children's digests add up to.
import type { Env, Millis } from '../env.ts'
import type { Book } from '../links/book.ts'
import type { Self } from '../self.ts'
import type { Alerts } from './alerts.ts'
import type { Day } from './day.ts'
import { childKey, type Digest } from './digest.ts'
import type { Figures } from './figures.ts'
import type { Level } from './level.ts'
import { reporterContacts } from './reporter-contacts.ts'
import type { Pair } from './reporters.ts'
import { commitmentTo, tally } from './tally.ts'
import type { View } from './view.ts'

interface Known {
  env: Env
  self: Self
  view: View
  alerts: Alerts
  book: Pick<Book, 'get'>
  day: Day
  /** Who reports for our own zone. */
  pair: Pair
}

/** A digest but for what tells it from others of one reporter. */
type Said = Omit<Digest, 'incarnation' | 'counter' | 'day' | 'promise'>

export function leafFigures({ self, view, alerts }: Pick<Known, 'self' | 'view' | 'alerts'>, now: Millis): Figures {
  return tally(self.zone, [...view.shown()], (node) => alerts.of(node), now)
}

/** Undefined while nobody is seen. */
export function leafDigest(known: Known, now: Millis): Said | undefined {
  const { env, self, view, book, pair } = known
  const members = [...view.shown()]
  if (members.length === 0) return undefined
  const orders = members.map(({ node, record }) => ({ name: node, ...record }))
  const [figures, contacts] = [leafFigures(known, now), reporterContacts(self, pair, book)]
  return { zone: self.zone, leaf: true, age: 0, figures, commitment: commitmentTo(env, orders), contacts }
}

/** Undefined while no child speaks. */
export function innerDigest(
  { env, self, book, day, pair }: Known,
  zone: string,
  level: Level,
  now: Millis,
): Said | undefined {
  const { figures, age, parts } = level.whole(day.at(now), now)
  if (parts.length === 0) return undefined
  const orders = parts.map((part) => ({ name: childKey(part), ...part }))
  const contacts = reporterContacts(self, pair, book)
  return { zone, leaf: false, age, figures, commitment: commitmentTo(env, orders), contacts }
}
