// What a benchmark asks of whoever distributes a file in a laboratory, ours and others alike: to be ready, to hand the file out, and to
// say when each node had all of it. What went over the wires, CPU and memory are measured from outside, for everybody the same way.
import type { Network } from '../network.ts'

/** Where everybody competes: the publisher has the file, all nodes want it. */
export interface Field {
  network: Network
  /** Names of nodes of the network. */
  publisher: string
  nodes: readonly string[]
  file: { path: string; hash: string; bytes: number }
}

/** A node that has all of it. Moments are of performance.now(). */
export interface Arrival {
  /** When the last piece was there and checked, as far as whoever fetched it checks. */
  at: number
  /** When it was in use; absent for who only fetches. */
  inUseAt?: number
  path: string
}

export interface Delivery {
  /** When the nodes were first told that there is something to fetch. */
  began: number
  /** By the name of the node. */
  arrivals: ReadonlyMap<string, Arrival>
  /** Bytes of the file alone, as who moved them counted: into each node over its site's wire, and out of the publisher. */
  payload?: { into: ReadonlyMap<string, number>; out: number }
}

/** All that runs, ready and with nothing to do yet. */
export interface Stand {
  /** The main process of each node, the publisher among them, by name; some are there only once there is something to do. */
  processes: ReadonlyMap<string, number>
  /** Resolves when every node has the file. Rejects when one does not within `bound` ms. */
  deliver(bound: number): Promise<Delivery>
}

export interface Entry {
  /** One sentence about why it cannot take part on this machine; undefined when it can. */
  missing(): Promise<string | undefined>
  /** Starts it everywhere. All of it ends with the network. */
  prepare(field: Field): Promise<Stand>
}
