// Approach: how members are come by that are to be asked something. A link is used as it is; without one the member is dialled where our own
// address book says it is, else where those say that named it: the book of one zone need not have the members of another.
import type { Millis, NodeId } from '../env.ts'
import type { ReporterContact } from '../fleet/digest.ts'
import type { Book } from './book.ts'
import type { Entry } from './book-entry.ts'
import type { Links } from './links.ts'

interface Parts {
  book: Pick<Book, 'get'>
  links: Pick<Links, 'get' | 'wantFor'>
}

/** For one question: what is told because of it is forgotten with it. */
export class Approach {
  readonly #p: Parts
  readonly #told = new Map<NodeId, Entry>()

  constructor(parts: Parts) {
    this.#p = parts
  }

  /** Takes where members are found, as somebody told it. @param zone their leaf zone; undefined when that was not said. */
  hear(contacts: readonly ReporterContact[], zone: string | undefined, now: Millis): void {
    for (const contact of contacts) this.#told.set(contact.node, told(contact, zone, now))
  }

  /** Dials whoever is not linked. `linked`: it can be asked now; `dialled`: when its link opens; undefined: neither can be done. */
  reach(node: NodeId, now: Millis): 'linked' | 'dialled' | undefined {
    const { book, links } = this.#p
    if (links.get(node) !== undefined) return 'linked'
    const entry = book.get(node) ?? this.#told.get(node)
    if (entry === undefined || entry.addresses.length === 0) return undefined
    links.wantFor(entry, now)
    return 'dialled'
  }
}

/** Of a member that somebody told of: our own book need not have it. */
export function told({ node, addresses }: ReporterContact, zone: string | undefined, now: Millis): Entry {
  const nothing = { own: [], relays: false, nat: undefined, worked: undefined, by: undefined }
  return { node, zone, addresses, serves: true, seen: now, source: 'others', ...nothing }
}

/** Members of a leaf zone that answer others, those first that are linked: they answer soonest. */
export function servingIn(zone: string, book: Pick<Book, 'inZone'>, links: Pick<Links, 'get'>): NodeId[] {
  const serving = book.inZone(zone).filter((entry) => entry.serves)
  return linkedFirst(
    serving.map(({ node }) => node),
    links,
  )
}

/** In the same order otherwise. */
export function linkedFirst(nodes: readonly NodeId[], links: Pick<Links, 'get'>): NodeId[] {
  const isLinked = (node: NodeId) => links.get(node) !== undefined
  return [...nodes.filter(isLinked), ...nodes.filter((node) => !isLinked(node))]
}
