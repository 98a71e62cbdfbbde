// What goes wrong in the benchmark of recovery, one case at a time: which laboratory it needs, what happens there, and what is measured.
import { setTimeout as pause } from 'node:timers/promises'
import type { SiteWords } from '../lab/description.ts'
import { changeWanAddress, move, plug, pull } from '../lab/faults.ts'
import type { Lab } from '../lab/lab.ts'
import { linkOf, whole } from './lab-looks.ts'

const ZONE = '/lab/both'
/** The laboratory names so many public members in its invites, which die for good in the case of `restart`. */
const NAMED = ['pub-1', 'pub-2']
const WHOLE_BOUND = 60_000

/** The nodes of two sites. */
export type Pair = readonly [a: string, b: string]

/** Moments of performance.now(): just before it went wrong, and when all was there again. */
export interface Fault {
  began: number
  over: number
  /** When a case tells by itself how long it took, not by exchanges of the pair. */
  wholeMs?: number
}

export interface Case {
  what: string
  /** Counted from the last good exchange, or from when all is there again. */
  from: 'last' | 'back'
  barSeconds: number
  /** Both NATs keep the port: the link is direct before it goes wrong. */
  direct: boolean
  sites: (tries: number) => SiteWords[]
  /** Measured one after the other; what goes wrong with one leaves the others alone. */
  pairs: (tries: number) => Pair[]
  /** Before the tries of a round: what lasts, and may be shared by all pairs. */
  before?: (lab: Lab, pairs: readonly Pair[], settings: { cableSeconds: number }) => Promise<void>
  fault: (lab: Lab, pair: Pair, number: number) => Promise<Fault>
  /** Brings back what the next try needs. */
  after?: (lab: Lab) => Promise<void>
}

const one = (): Pair[] => [['a-1', 'b-1']]
const publics = (nodes: number): SiteWords => ({ name: 'pub', kind: 'open', nodes, zone: '/lab/pub' })
const homes = (kind: 'plain' | 'random'): SiteWords[] => [
  { name: 'a', kind, zone: ZONE },
  { name: 'b', kind, zone: ZONE },
]
/** So many sites at once lose their cables: each is plugged in by itself, after all that time. */
const CABLES = 5

export const cases: Record<string, Case> = {
  relay: {
    what: 'relay of the link killed, another there',
    from: 'last',
    barSeconds: 1,
    direct: false,
    // Ports that nobody foresees: the link stays with its relay.
    sites: () => [publics(2), ...homes('random')],
    pairs: one,
    async fault(lab, [a, b]) {
      const via = (await linkOf(lab, a, b))?.path?.via?.name ?? 'pub-1'
      const began = performance.now()
      await lab.daemons.kill(via)
      return { began, over: performance.now() }
    },
    after: startPublics,
  },
  'only-relay': {
    what: 'the only relay restarted',
    from: 'back',
    barSeconds: 3,
    direct: false,
    sites: () => [publics(1), ...homes('random')],
    pairs: one,
    async fault(lab) {
      const began = performance.now()
      await lab.daemons.kill('pub-1')
      await lab.daemons.start('pub-1')
      return { began, over: performance.now() }
    },
  },
  wan: {
    what: 'WAN address changed, by turns at either site',
    from: 'last',
    barSeconds: 5,
    direct: true,
    sites: () => [publics(2), ...homes('plain')],
    pairs: one,
    async fault(lab, _pair, number) {
      const began = performance.now()
      await changeWanAddress(lab.network, number % 2 === 0 ? 'a' : 'b')
      return { began, over: performance.now() }
    },
  },
  move: {
    what: "node carried to another zone's LAN, and back",
    from: 'last',
    barSeconds: 10,
    direct: true,
    sites: () => [publics(2), ...homes('plain'), { name: 'c', kind: 'plain' }],
    pairs: one,
    async fault(lab, [, b]) {
      const began = performance.now()
      await move(lab.network, b, lab.network.node(b).site === 'b' ? 'c' : 'b')
      return { began, over: performance.now() }
    },
  },
  cable: {
    what: "a site's cable out for long",
    from: 'back',
    barSeconds: 5,
    direct: true,
    sites: (tries) => [
      publics(2),
      ...count(Math.min(CABLES, tries)).flatMap((at): SiteWords[] => [
        { name: `a${at}`, kind: 'plain', zone: `${ZONE}${at}` },
        { name: `b${at}`, kind: 'plain', zone: `${ZONE}${at}` },
      ]),
    ],
    pairs: (tries) => count(Math.min(CABLES, tries)).map((at) => [`a${at}-1`, `b${at}-1`]),
    async before({ network }, pairs, { cableSeconds }) {
      for (const [, b] of pairs) await pull(network, network.node(b).site)
      await pause(cableSeconds * 1000)
    },
    async fault({ network }, [, b]) {
      const began = performance.now()
      await plug(network, network.node(b).site)
      return { began, over: performance.now() }
    },
  },
  restart: {
    what: 'everything restarted at once, those of the invite gone for good',
    from: 'last',
    barSeconds: 20,
    direct: true,
    sites: () => [publics(4), ...homes('plain'), { name: 'c', kind: 'random' }],
    pairs: one,
    async fault(lab) {
      const left = lab.nodes().filter((name) => !NAMED.includes(name))
      const began = performance.now()
      await lab.daemons.restartAll(left)
      await whole(lab, left, WHOLE_BOUND)
      const over = performance.now()
      return { began, over, wholeMs: over - began }
    },
  },
}

async function startPublics(lab: Lab): Promise<void> {
  await Promise.all(lab.nodes('pub').map((name) => lab.daemons.start(name)))
}

function count(to: number): number[] {
  return Array.from({ length: to }, (_, at) => at + 1)
}
