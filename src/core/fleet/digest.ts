// A digest: what a reporter says of its zone to the reporters beside it. That of a leaf zone is made of its view, that of an inner zone of
// its children's digests. Order of one reporter's digests of a zone: (incarnation, counter), as records have it (protocol clause DIGEST).
import type { Millis, NodeId } from '../env.ts'
import type { Figures } from './figures.ts'

/** Where a reporter of the zone can be reached. */
export interface ReporterContact {
  node: NodeId
  /** At most limits.digestAddresses. */
  addresses: readonly string[]
}

export interface Digest {
  zone: string
  /** True: of the members of that leaf zone. False: of all zones below it. */
  leaf: boolean
  incarnation: number
  counter: number
  /** The day that the reporter takes it to be, as days since 1970 (clause REPORTER). */
  day: number
  /** The next one comes within this time. */
  promise: Millis
  /** Age of the oldest part when it was sent; 0 for a leaf zone. */
  age: Millis
  figures: Figures
  /** 16 bytes, hex: of the members' (node, incarnation, counter), or of the children's (zone, incarnation, counter). */
  commitment: string
  /** Active and standby, at most limits.digestContacts. */
  contacts: readonly ReporterContact[]
}

/** What tells the children of an inner zone apart: a zone may be a leaf and have zones below it. */
export function childKey({ zone, leaf }: Pick<Digest, 'zone' | 'leaf'>): string {
  return leaf ? zone : `${zone}/*`
}

/** Negative, zero or positive as `a` is older than, the same as or newer than `b`; of one reporter and one zone. */
export function compareDigests(
  a: Pick<Digest, 'incarnation' | 'counter'>,
  b: Pick<Digest, 'incarnation' | 'counter'>,
): number {
  return a.incarnation - b.incarnation || a.counter - b.counter
}
