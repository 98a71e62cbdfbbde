// What a node is composed of where history is concerned: what it keeps, and how it asks others for what they keep.
import type { Millis, NodeId } from '../env.ts'
import { promiseFor } from '../fleet/liveness.ts'
import type { HealthRecord } from '../fleet/record.ts'
import { contactsOf } from '../fleet/reporter-contacts.ts'
import type { View } from '../fleet/view.ts'
import type { Witnesses } from '../fleet/witnesses.ts'
import type { Book } from '../links/book.ts'
import type { Links } from '../links/links.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import { History } from './history.ts'
import { Inquiries } from './inquiries.ts'
import type { SavedBlock } from './node-history.ts'

interface Parts {
  out: Outbox
  self: Self
  view: Pick<View, 'present' | 'members'>
  witnesses: Pick<Witnesses, 'of' | 'isOf' | 'mayBeOf'>
  book: Pick<Book, 'get' | 'inZone'>
  links: Pick<Links, 'get' | 'wantFor'>
}

interface Setup {
  incarnation: number
  recordPeriodMin: Millis
  history?: readonly SavedBlock[]
  keepsHistory?: boolean
}

/** `history` is undefined where none is kept: an operator's peer has no values of its own and is nobody's witness. */
export function composeHistory(parts: Parts, setup: Setup, now: Millis) {
  const history = historyOf(parts, setup, now)
  const heardOf = (node: NodeId, record: HealthRecord, at: Millis, now: Millis) => history?.heard(node, record, at, now)
  return { history, heardOf, inquiries: new Inquiries({ ...parts, history }) }
}

function historyOf({ self, view, witnesses, book }: Parts, setup: Setup, now: Millis): History | undefined {
  if (!self.isNode || setup.keepsHistory !== true) return undefined
  const parts = {
    self,
    promise: () => promiseFor(Math.max(1, view.members()), setup.recordPeriodMin),
    isKeeperOf: (node: NodeId, at: Millis) => witnesses.isOf(node, self.node, at),
    keepersOf: (node: NodeId, at: Millis) => keepersOf({ view, witnesses }, node, at),
    contactsOf: (nodes: readonly NodeId[]) => contactsOf(nodes, book),
  }
  return new History(parts, setup.incarnation + 1, setup.history ?? [], now)
}

/** The witnesses of today, then whoever may have been one yesterday: the day moves them, and what was kept until midnight stays. */
function keepersOf({ view, witnesses }: Pick<Parts, 'view' | 'witnesses'>, node: NodeId, now: Millis): NodeId[] {
  const today = witnesses.of(node, now)
  const others = [...view.present()].map((entry) => entry.node).filter((member) => !today.includes(member))
  return [...today, ...others.filter((member) => witnesses.mayBeOf(node, member, now))]
}
