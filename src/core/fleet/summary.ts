// The fleet summary: the figures of all zones, made by a reporter below `/` and handed down to every node; and what a node shows of the fleet.
import type { Millis, NodeId } from '../env.ts'
import type { Digest } from './digest.ts'
import type { Figures } from './figures.ts'

export interface Summary {
  /** The day that its maker takes it to be. */
  day: number
  /** Since it was made, when it was sent: whoever passes it on adds how long it was held. */
  made: Millis
  /** Of its oldest part, when it was sent. */
  age: Millis
  figures: Figures
}

/** A zone that spoke to a reporter once, as its disk keeps it. */
export interface SavedZone {
  zone: string
  leaf: boolean
  heardWall: Millis
}

/** A child of an inner zone, as one of its reporters heard of it. */
export interface FleetChild {
  zone: string
  leaf: boolean
  /** Undefined when it is only known from an earlier run, or by name. */
  digest: Digest | undefined
  /** Who signed it. */
  by: NodeId | undefined
  /** Since it was heard, plus that of its oldest part; undefined without a digest. */
  age: Millis | undefined
  /** Nobody speaks for it: its nodes are in no count. */
  dark: boolean
}

/** An inner zone whose children this node listens to. */
export interface FleetLevel {
  zone: string
  /** How this node speaks for it further up. */
  part: 'active' | 'standby' | 'none'
  /** Between two digests of one child. */
  period: Millis
  children: readonly FleetChild[]
}

/** What a person may ask a node about the fleet; ages are of the moment it was taken at. */
export interface FleetView {
  /** The newest summary, made here or handed down; `by` says who signed it, ages include how long it was held here. */
  summary: (Summary & { by: NodeId }) | undefined
  /** Of our own zone, from our own view; undefined on an operator's peer. */
  own: Figures | undefined
  /** Who reports for our own zone, as this node sees it. */
  reporters: { active: NodeId | undefined; standby: NodeId | undefined }
  part: 'active' | 'standby' | 'none'
  /** Those that this node listens to, the innermost first; none on a plain node. */
  levels: readonly FleetLevel[]
}
