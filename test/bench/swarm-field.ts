// The field of the benchmark of the swarm: sites of some nodes each behind a NAT on a thin wire, and a publisher on the internet; and
// what no distribution can beat there.
import type { Kind, SiteWords } from '../lab/description.ts'

/** Mbit/s. */
export const RATES = { siteUp: 10, siteDown: 50, publisherUp: 20, publisherDown: 100 }
export const PUBLISHER_SITE = 'pub'
export const PUBLISHER_NODE = 'pub-1'

/** `plain`: sites can reach each other through holes in their NATs. `random`: the publisher is all that they reach. */
export const FIELD_KINDS = ['plain', 'random'] as const
export type FieldKind = (typeof FIELD_KINDS)[number]

export interface Size {
  sites: number
  /** Of each site. */
  nodes: number
  kind: FieldKind
  bytes: number
}

export function sitesOf({ sites, nodes, kind }: Size): SiteWords[] {
  const { siteUp, siteDown, publisherUp, publisherDown } = RATES
  const rates = { up: siteUp, down: siteDown }
  return [
    { name: PUBLISHER_SITE, kind: 'open', nodes: 1, up: publisherUp, down: publisherDown },
    ...siteNames(sites).map((name) => ({ name, kind: kind satisfies Kind, nodes, ...rates })),
  ]
}

export function siteNames(sites: number): string[] {
  return Array.from({ length: sites }, (_, at) => `s${at + 1}`)
}

/**
 * Seconds that the last node waits at least, when every site gets each byte once. Between sites: the publisher sends all of it once, each
 * wire takes in all of it, and all copies come out of the wires there are. Without: the publisher sends every copy.
 */
export function boundSeconds({ sites, kind, bytes }: Size): number {
  const { siteUp, siteDown, publisherUp } = RATES
  const megabits = (bytes * 8) / 1e6
  if (kind === 'random') return Math.max((sites * megabits) / publisherUp, megabits / siteDown)
  const together = (sites * megabits) / (publisherUp + sites * siteUp)
  return Math.max(megabits / publisherUp, megabits / siteDown, together)
}

/** How long an entry may take, in ms: twice as long as a publisher that gives every node a copy of its own. */
export function patience({ sites, nodes, bytes }: Size): number {
  const megabits = (bytes * 8) / 1e6
  return 60_000 + (2_000 * sites * nodes * megabits) / RATES.publisherUp
}
