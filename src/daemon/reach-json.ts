// How this node is reached, as the local API's JSON.
import type { NodeId } from '../core/env.ts'
import type { NodeCore } from '../core/node.ts'
import type { LinkSnapshot } from '../core/reaching.ts'
import type { Relaying } from '../ports/links.ts'
import type { PathJson, ReachJson } from './api-reach-types.ts'

export function pathJson({ route, via, roundTrip }: LinkSnapshot, nameOf: NameOf, now: number): PathJson {
  const relay = via === undefined ? null : { node: via, name: nameOf(via) }
  if (roundTrip === undefined) return { route, via: relay, roundTripMs: null, roundTripAgeMs: null }
  const { time, measured } = roundTrip
  return { route, via: relay, roundTripMs: time, roundTripAgeMs: Math.round(now - measured) }
}

/** Node id -> path, of all that this node is linked with. */
export function pathsJson(core: NodeCore, now: number): ReadonlyMap<NodeId, PathJson> {
  return new Map(core.snapshot().links.map((link) => [link.peer, pathJson(link, nameIn(core), now)]))
}

export function reachJson(core: NodeCore, relaying: Relaying, now: number): ReachJson {
  const { reach, unreachable } = core.snapshot()
  const nameOf = nameIn(core)
  const ageMs = (since: number) => Math.round(now - since)
  return {
    nat: reach.nat,
    public: [...reach.reachable],
    observed: [...reach.observed],
    relays: reach.reservations.map(({ relay, addresses, since }) => {
      return { node: relay, name: nameOf(relay), addresses: [...addresses], ageMs: ageMs(since) }
    }),
    refusals: reach.waiting.map(({ relay, why, detail, since }) => {
      return { node: relay, name: nameOf(relay), why, detail, ageMs: ageMs(since) }
    }),
    offers: reach.offers,
    relaying: { ...relaying },
    searchingMs: reach.searchingSince === undefined ? null : ageMs(reach.searchingSince),
    unreachable: unreachable.map(({ node, reason, tries, since }) => {
      return { node, name: nameOf(node), reason, tries, ageMs: ageMs(since) }
    }),
  }
}

type NameOf = (node: NodeId) => string | null

function nameIn(core: NodeCore): NameOf {
  return (node) => core.membershipOf(node)?.claims.name ?? null
}
