// Sight: how one member sees another, for "seen by": whether it is linked and how, when it last heard it, and who its witnesses are.
import type { Millis, NodeId } from '../env.ts'
import { limits } from '../limits.ts'
import type { Book } from '../links/book.ts'
import type { Links } from '../links/links.ts'
import type { Route } from '../links/paths.ts'
import type { Watchdog } from '../links/watchdog.ts'
import type { QueryRequest, QueryResponse } from '../protocols.ts'
import type { Self } from '../self.ts'
import type { Membership } from '../trust/documents.ts'
import type { ReporterContact } from './digest.ts'
import { contactsOf } from './reporter-contacts.ts'
import type { Status } from './rows.ts'
import { NO_COUNTS } from './serving.ts'
import type { View } from './view.ts'
import type { Witnesses } from './witnesses.ts'

export interface Sight {
  status: Status
  /** Since the newest record was heard. */
  age: Millis
  /** How the link with it goes; undefined without one. */
  route: Route | undefined
  /** Of the last pulse that was answered; undefined before the first, and without a link. */
  roundTrip: Millis | undefined
  /** Its witnesses by this view, nearest first: whom to ask as well. */
  witnesses: readonly NodeId[]
  /** Where these are found, as far as is known. */
  contacts?: readonly ReporterContact[]
}

interface Parts {
  self: Pick<Self, 'isNode' | 'zone'>
  view: Pick<View, 'status' | 'silence'>
  links: Pick<Links, 'get'>
  watchdog: Pick<Watchdog, 'roundTrip'>
  witnesses: Pick<Witnesses, 'of'>
  book: Pick<Book, 'get'>
}

/** How this node sees a member of its zone; undefined for one that it does not know. */
export function sightOf(
  { view, links, watchdog, witnesses, book }: Parts,
  node: NodeId,
  now: Millis,
): Sight | undefined {
  const [status, age] = [view.status(node), view.silence(node, now)]
  if (status === undefined || age === undefined) return undefined
  const link = links.get(node)
  const roundTrip = link && watchdog.roundTrip(node)?.time
  const named = witnesses.of(node, now).slice(0, limits.witnesses)
  const seen = { status, age, route: link?.route, roundTrip }
  return { ...seen, witnesses: named, contacts: contactsOf(named, book) }
}

/** The answer to a question for one: zone-mates and operators are told, as they are of rows (clause ANSWERS 1). */
export function answerSight(
  parts: Parts,
  asker: Membership | undefined,
  { zone, about }: Pick<QueryRequest, 'zone' | 'about'>,
  now: Millis,
): QueryResponse {
  const { self } = parts
  const answer = { counts: NO_COUNTS, rows: [], more: false }
  const isOperator = asker?.invite.signed.capabilities.includes('operator') === true
  if (!self.isNode || zone !== self.zone) return { ...answer, refused: 'otherZone' }
  if (asker?.claims.zone !== zone && !isOperator) return { ...answer, refused: 'forbidden' }
  const sight = about === undefined ? undefined : sightOf(parts, about, now)
  return { ...answer, refused: undefined, ...(sight && { sight }) }
}
