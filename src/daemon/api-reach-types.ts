// How a node is reached, as the local API tells it: a part of GET /v1/status, and the path of a row of GET /v1/nodes.

/** How the link with a node goes. */
export interface PathJson {
  /** lan, direct, punched or relayed (docs/reachability.md). */
  route: 'lan' | 'direct' | 'punched' | 'relayed'
  /** The relay, and what people call it; null on every other route. */
  via: { node: string; name: string | null } | null
  /** Of the last pulse over it that was answered; null before the first. */
  roundTripMs: number | null
  /** Since that answer, a minute at most while the link works; null before the first. An older daemon does not say. */
  roundTripAgeMs?: number | null
}

/** GET /v1/pulse/<node id>?timeoutMs=N: whether anything gets to a linked node now. Nobody is dialled for it. */
export interface PulseJson {
  schema: 'pimesh.pulse/1'
  node: string
  /** Null: there is no link, or nothing came back in time. */
  roundTripMs: number | null
}

export interface ReachJson {
  /** What this node's NAT does with its connections: none, plain, random or unknown (docs/reachability.md). */
  nat: 'none' | 'plain' | 'random' | 'unknown'
  /** Where members outside reached this node when they tried; empty: nowhere, or nobody has tried yet. */
  public: string[]
  /** How members outside see the connections of this node. */
  observed: string[]
  /** Members that take in what is sent to this node through them. */
  relays: { node: string; name: string | null; addresses: string[]; ageMs: number }[]
  /** Members that were asked to, and do not: full, refused or lost. `ageMs`: since the first of these refusals in a row. */
  refusals: { node: string; name: string | null; why: 'full' | 'refused' | 'lost'; detail: string; ageMs: number }[]
  /** Whether this node does that for others. */
  offers: boolean
  /** What it does as a relay: bytes are those of both ways, `refused` what its budgets did not allow, both since start. */
  relaying: { reservations: number; circuits: number; bytes: number; refused: number }
  /** How long it has been looking for a link to the outside of its LAN; null: it has one, or nobody out there could not be dialled. */
  searchingMs: number | null
  /** Members that could not be dialled, the latest first, and why. `ageMs`: since the first failure in a row. */
  unreachable: {
    node: string
    name: string | null
    reason: string
    tries: number
    ageMs: number
  }[]
}

/** An address with the id of the node that is reached there, as `--via` and an announcement's origin take it. */
export function withNode(address: string, node: string): string {
  return /\/p2p\/\w+$/.test(address) ? address : `${address}/p2p/${node}`
}
