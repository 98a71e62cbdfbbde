// Releases and publishers, as the local API tells them: GET /v1/releases, GET /v1/publishers, and what an install report is in both.
// All others import them from api-types.ts.
import type { AgeMs, NodesJson, ZoneJson } from './api-types.ts'

/** What a release has come to on one node, as its own record says. */
export interface InstallJson {
  node: string
  name: string
  zone: string
  /** announced, fetching, verified, staged, switched, healthy, committed, rolledBack or failed. */
  state: string
  /** Why it waits or failed (docs/protocol.md, INSTALL); null when nothing is wrong. */
  reason: string | null
  /** How much of the encoding is there, 0..100. */
  percent: number
  /** Since the node that answered heard the record. */
  ageMs: AgeMs
  /** up, late, down or left. */
  status: string
  /** Of the bytes that came since its daemon started, the part over the LAN or from others than the publisher, 0..100; null: not known. Absent in an older daemon. */
  peersPercent?: number | null
  /** The form it takes or took, and how many bytes fewer than the whole that has; null: not known. Absent in an older daemon. */
  form?: { type: string; bytes: number; savedBytes: number } | null
}

/** What the release has come to on the node that was asked; more is known of it than a record says. */
export interface InstallHereJson {
  state: string
  reason: string | null
  /** A sentence for a person when something is wrong. */
  detail: string | null
  percent: number
  bytes: number
  totalBytes: number
  /** Verified bytes per second over the last seconds; 0 when nothing moves. */
  bytesPerSecond: number
  /** Linked members that have pieces of it, and how many of them have all. */
  providers: number
  copies: number
  /** How much of it the linked member has that has most, 0..100. */
  best: number
  /** How many bytes fewer than the whole the patch has that it comes as, or came; absent when it comes whole. */
  savedBytes?: number
  /** Path of what is in use; null before the switch. */
  installedAt: string | null
  /** Whom its pieces came from since the daemon started; absent when none came, and in an older daemon. */
  sources?: SourcesJson
  /** Why nothing of it goes to or comes from other sites now; `lan`: nor over the LAN. Absent when it does, and in an older daemon. */
  paused?: { detail: string; lan: boolean }
}

/** Bytes of pieces, by whom they came from. */
export interface SourcesJson {
  /** Members on the same LAN, so that nothing went over the site's wire. */
  site: number
  /** Members elsewhere, but for the next. */
  members: number
  /** Members that had it first, as the announcement says. */
  publisher: number
}

export interface ReleaseJson {
  /** path@version */
  release: string
  path: string
  version: string
  counter: number
  /** Hex SHA-256 that names the release. */
  hash: string
  role: string
  epoch: number
  roleVersion: number
  /** RFC 3339. */
  expires: string
  /** Provably expired: nobody begins to install it. */
  expired: boolean
  /** expired, valid or unknown on the node that was asked; absent in an older daemon. */
  expiry?: string
  /** refuse or warn: what its role wants while a node is stale. */
  whenStale?: string
  /** Its role signed two different announcements of one version. */
  frozen: boolean
  /** The selector. */
  to: string
  installer: string | null
  /** What a newer pimesh is needed for; null when nothing. */
  unsupported: string | null
  /** Its publisher took it back: `nodes` are those that have it in use all the same. Absent otherwise. */
  withdrawn?: boolean
  /** What comes into use together with it; `release` is null for one that its role does not announce. Absent from older daemons. */
  requires?: { hash: string; release: string | null }[]
  artifact: { hash: string; bytes: number }
  encoding: { type: string; hash: string; bytes: number; pieces: number } | null
  /** Whether the selector names the node that was asked; null for an operator's peer. */
  selected: boolean | null
  here: InstallHereJson | null
  /** Every node that says something about it, but for those that left. */
  nodes: InstallJson[]
  /** Nodes whose records have no room for it: they speak of other releases first, so what they have is not known. */
  unsaid: number
}

/** GET /v1/releases?zone=/a&timeoutMs=5000: current releases, with what the nodes of these zones say of them. `zone=` alone (empty): only what is known here. */
export interface ReleasesJson {
  schema: 'pimesh.releases/1'
  releases: ReleaseJson[]
  /** Roles that ended themselves, so that nothing of theirs is announced; absent when none did. */
  ended?: string[]
  /** What nodes have in use of releases that are announced no more: the first 8 bytes of their hash, and how many nodes. Absent: nothing. */
  earlier?: { release8: string; nodes: number }[]
  /** Those that were asked; none when nobody was. Absent from older daemons. */
  zones?: ZoneJson[]
  /** Of the node that was asked: fresh, stale or unproven; absent in an older daemon. */
  freshness?: string
  completeness: NodesJson['completeness']
}

/** GET /v1/publishers: what a publisher builds on. Documents are canonical JSON as text. */
export interface PublishersJson {
  schema: 'pimesh.publishers/1'
  mesh: string
  /** This peer's own addresses with /p2p/ID. */
  addresses: string[]
  /** Members it is linked to now. */
  linked: number
  /** The newest that is held, whether it holds under the root or waits for new targets keys: what is signed next follows it. */
  targets: string | null
  /** No older targets are ever in force: version 0 when none were known; absent in an older daemon, which tells targets in force only. */
  targetsFloor?: { epoch: number; version: number }
  roles: { role: string; epoch: number; version: number; frozen: boolean; announcement: string }[]
  /** Highest counter accepted per path. */
  counters: Record<string, number>
}

/** PUT /v1/encodings/HASH?type=zstd&length=N&pieceLength=N&pieceList=HASH with the bytes as body: answers {}. E_ARTIFACT, E_DISK_FULL. */
