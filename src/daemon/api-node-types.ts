// The local API's JSON about one node beyond its row: by whom it is seen, and what it measures beside its record.
import type { SeriesJson } from './api-history-types.ts'
import type { PathJson } from './api-reach-types.ts'
import type { AgeMs, NodeJson } from './api-types.ts'

/** How one member sees the node. */
export interface SightJson {
  node: string
  /** Null: its membership is not known here. */
  name: string | null
  /** False: it was asked for who the witnesses are. */
  witness: boolean
  /** Null: it does not know the node. */
  status: NodeJson['status'] | null
  /** Since it heard the node's newest record. */
  ageMs: AgeMs
  /** How its link with the node goes; null: it has none. */
  route: PathJson['route'] | null
  /** Of the last pulse over that link; null: none was answered yet. */
  roundTripMs: number | null
}

export interface SeenJson {
  /** Those that answered, witnesses first. */
  by: SightJson[]
  completeness: {
    /** Witnesses that answered, and that there are. */
    answered: number
    known: number
    /** False as well when nobody named the witnesses of a node that is not alone in its zone. */
    complete: boolean
    silent: { node: string; name: string | null }[]
  }
}

/** Values that are in no record: what the probe finds on this board, and custom collectors. Only the node itself keeps them. */
export interface BesideJson {
  /** In order of name. */
  series: SeriesJson[]
  /** False: the node did not answer, or not in time. */
  complete: boolean
}
