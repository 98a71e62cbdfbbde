// The composition of the swarm: which machines there are, and which of them knows which.
import type { Env, Millis, NodeId } from '../env.ts'
import type { View } from '../fleet/view.ts'
import type { Book } from '../links/book.ts'
import type { Links } from '../links/links.ts'
import type { SavedArtifacts } from '../machines.ts'
import type { Outbox } from '../outbox.ts'
import type { Self } from '../self.ts'
import type { Refusals } from '../trust/refusals.ts'
import { Bans } from './bans.ts'
import { type Allowance, Budgets } from './budgets.ts'
import { Cache, type CacheBudgets } from './cache.ts'
import type { Directory } from './directory.ts'
import { DiskReports } from './disk-reports.ts'
import { Downloads } from './downloads.ts'
import { Exchange } from './exchange.ts'
import { Fetching } from './fetching.ts'
import { Forwards } from './forwards.ts'
import { Library } from './library.ts'
import type { Usage } from './month.ts'
import { Nursing } from './nursing.ts'
import { PieceLists } from './piece-lists.ts'
import { Providers } from './providers.ts'
import { Reception } from './reception.ts'
import { Serving } from './serving.ts'
import { Sharing } from './sharing.ts'
import { Spare, type SpareActs } from './spare.ts'
import { Streams } from './streams.ts'

export interface SwarmParts {
  env: Pick<Env, 'random' | 'sha256'>
  out: Outbox
  self: Pick<Self, 'node' | 'zone'> & Partial<Pick<Self, 'isNode' | 'localAt'>>
  links: Pick<Links, 'all' | 'get' | 'wantFor'>
  book: Pick<Book, 'inZone' | 'outside' | 'get'>
  view: Pick<View, 'rows'>
  refusals: Pick<Refusals, 'count'>
  directory: Pick<Directory, 'search' | 'named' | 'has' | 'lost' | 'over'>
  /** What it may take, and what it took of the month; without, there is no bound. */
  allowance?: Allowance
  usage?: Usage | undefined
  /** What may be here although this node does not need it; nothing unless another is said. */
  cache?: CacheBudgets
  /** Whether members outside can dial this node, which may then fetch for them. */
  isOpen?: () => boolean
}

/** What only the swarm itself can do. */
interface Acts extends SpareActs {
  /** It is to look again then. */
  wake(at: Millis | undefined): void
}

export function compose(parts: SwarmParts, saved: SavedArtifacts, acts: Acts, now: Millis) {
  const { env, out, refusals, links, directory, isOpen = () => false } = parts
  const cache = new Cache(parts.cache ?? { old: 0, forwarded: 0 }, saved.cached ?? [])
  const library = new Library(out, saved, cache)
  const [bans, downloads, streams] = [new Bans(), new Downloads(), new Streams(parts)]
  const { peers } = streams
  const forwards = new Forwards({ cache, library, downloads, links, peers, isOpen })
  const spare = new Spare({ cache, forwards, library, downloads }, acts)
  const isNear = (node: NodeId) => peers.get(node)?.near === true
  const budgets = budgetsOf(parts, isNear, now)
  const serving = new Serving(out, isNear, budgets)
  const sharing = new Sharing({ env, self: parts.self, out, bans, peers, view: parts.view })
  const exchange = new Exchange({ out, bans, peers, downloads, sharing, budgets })
  const fetching = new Fetching({ out, refusals, bans, peers, downloads, sharing, budgets })
  const all = { out, refusals, bans, library, spare, downloads, serving, streams, exchange, fetching, budgets }
  const reception = new Reception(all, (at) => acts.wake(at))
  const [lists, providers] = [new PieceLists({ env, out, peers, downloads }), new Providers(parts)]
  const nursing = new Nursing({ ...all, lists, providers, directory }, (node, at) =>
    reception.close(streams.open(node), at),
  )
  const disk = new DiskReports({ ...all, reception, directory }, (at) => acts.wake(at))
  return { ...all, reception, nursing, disk }
}

function budgetsOf({ out, self, allowance = {}, usage }: SwarmParts, isNear: (node: NodeId) => boolean, now: Millis) {
  const localAt = (at: Millis) => self.localAt?.(at)
  return new Budgets({ out, isNear, localAt, asksForSamples: self.isNode === false }, allowance, usage, now)
}
