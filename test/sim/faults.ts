// What goes wrong and when: crashes, clock steps, broken links and partitions, drawn from the seed before they happen.
// Each is a Poisson process over all machines, so that its rate is the scenario's whatever the size of the world.
import type { Millis } from '../../src/core/env.ts'
import { HOUR, MINUTE, SECOND } from '../../src/core/limits.ts'
import type { Network } from './network.ts'
import type { Prng } from './prng.ts'
import type { EventQueue } from './queue.ts'
import type { Partition, Scenario } from './scenario.ts'
import type { SimNode } from './sim-node.ts'
import type { Watchman } from './watch.ts'
import type { Ways } from './ways.ts'

interface Parts {
  scenario: Scenario
  queue: EventQueue
  network: Network
  nodes: readonly SimNode[]
  watch: Watchman
  ways: Ways
  prng: Prng
}

/** Puts all faults of the scenario into the queue. */
export function scheduleFaults(parts: Parts): void {
  const { scenario, queue, network, nodes, prng, watch } = parts
  const end = scenario.minutes * MINUTE
  const quiet = Math.max(0, end - scenario.quietSeconds * SECOND)
  const poisson = (label: string, perNodeHour: number, happen: (node: SimNode, draws: Prng) => void) => {
    const draws = prng.fork(label)
    if (perNodeHour <= 0) return
    const mean = HOUR / (perNodeHour * nodes.length)
    let at: Millis = scenario.startSeconds * SECOND
    for (at += draws.exponential(mean); at < quiet; at += draws.exponential(mean)) {
      queue.at(Math.ceil(at), () => happen(draws.pick(nodes) as SimNode, draws))
    }
  }
  poisson('crashes', scenario.crashesPerNodeHour, (node, draws) => crash(node, parts, draws, quiet))
  poisson('clocks', scenario.clockStepsPerNodeHour, (node) => stepClock(node, watch, queue))
  poisson('breaks', scenario.breaksPerLinkHour * 3, (node) => network.breakOne(node.id.index))
  poisson('full', scenario.fullPerNodeHour, (node, draws) => fill(node, scenario, queue, draws, quiet))
  poisson('flips', scenario.flipsPerNodeHour, (node, draws) => flip(node, nodes, draws))
  if (parts.ways.on) breakPaths(parts, quiet)
  for (const [index, partition] of scenario.partitions.entries()) part(partition, parts, prng.fork(`part ${index}`))
  queue.at(quiet, () => calm(parts))
}

function crash(node: SimNode, { scenario, queue }: Parts, draws: Prng, quiet: Millis): void {
  if (!node.alive()) return
  const chance = draws.real()
  if (chance < scenario.goodbyes) node.leave()
  else node.crash(draws.chance(scenario.powerCuts) ? 'powerCut' : 'killed')
  const { min, max } = scenario.downSeconds
  const back = queue.now + draws.int(min * SECOND, max * SECOND)
  // Whoever is down when the quiet begins comes back then: the end is judged with everybody there.
  queue.at(Math.max(queue.now, Math.min(back, quiet)), () => node.start())
}

/** The disk has no room for artifacts until somebody frees some. */
function fill(node: SimNode, { fullSeconds }: Scenario, queue: EventQueue, draws: Prng, quiet: Millis): void {
  const { artifacts } = node.transfers
  artifacts.full = true
  const until = queue.now + draws.int(fullSeconds.min * SECOND, fullSeconds.max * SECOND)
  queue.at(Math.max(queue.now, Math.min(until, quiet)), () => {
    artifacts.full = false
  })
}

/** A bit of a stored piece flips; not of the last copy that others can get, which nobody could replace: a machine that sends junk gives none. */
function flip(node: SimNode, nodes: readonly SimNode[], draws: Prng): void {
  const others = nodes.filter((other) => other !== node && !other.away && other.id.hostile !== 'junk')
  node.transfers.artifacts.flip(draws, (encoding, index) =>
    others.some((other) => other.transfers.artifacts.holds(encoding, index)),
  )
}

function stepClock(node: SimNode, watch: Watchman, queue: EventQueue): void {
  node.stepWall()
  watch.steadiness.clock(node.id.index, node.clockLies(), queue.now)
}

function part(partition: Partition, { queue, network, nodes, watch }: Parts, draws: Prng): void {
  const { at, until, share, zones } = partition
  queue.at(at * SECOND, () => {
    const there = (node: SimNode) => (zones === undefined ? draws.chance(share ?? 0) : zones.includes(node.zone))
    const far = new Set(nodes.filter(there).map((node) => node.id.index))
    const heal = network.part(far, partition.oneWay ?? false)
    const cut = watch.torn(far)
    watch.reaching?.disturbed(1)
    queue.at(until * SECOND, () => {
      heal()
      watch.healed(cut, at * SECOND)
      watch.reaching?.disturbed(-1)
    })
  })
}

/** WAN addresses change, uplinks are cut, relays die: each zone, and the relays, by itself. */
function breakPaths({ scenario, queue, network, nodes, ways, watch, prng }: Parts, quiet: Millis): void {
  const { renumbersPerZoneHour, cutsPerZoneHour, cutSeconds, relayDeathsPerHour } = scenario.paths
  const draws = prng.fork('paths')
  const zones = [...watch.zones()].filter(([, members]) => !members.some((index) => ways.isPublic(index)))
  const often = (perHour: number, happen: () => void) => {
    if (perHour <= 0) return
    let at: Millis = scenario.startSeconds * SECOND
    for (at += draws.exponential(HOUR / perHour); at < quiet; at += draws.exponential(HOUR / perHour)) {
      queue.at(Math.ceil(at), () => {
        happen()
        watch.reaching?.disturbed()
      })
    }
  }
  for (const [zone, members] of zones) {
    const inside = new Set(members)
    often(renumbersPerZoneHour, () => ways.renumber(zone, inside))
    often(cutsPerZoneHour, () => {
      const heal = network.part(inside, false)
      watch.reaching?.disturbed(1)
      queue.at(Math.min(queue.now + cutSeconds * SECOND, Math.max(queue.now, quiet)), () => {
        heal()
        watch.reaching?.disturbed(-1)
      })
    })
  }
  often(relayDeathsPerHour, () => {
    const relay = draws.pick(nodes.filter((node) => node.alive() && ways.isPublic(node.id.index)))
    relay?.crash(draws.chance(scenario.powerCuts) ? 'powerCut' : 'killed')
    queue.at(queue.now + draws.int(SECOND, 20 * SECOND), () => relay?.start())
  })
}

/** Nothing new breaks from now on, and clocks show the truth. */
function calm({ nodes, watch, queue }: Parts): void {
  for (const node of nodes) if (!node.clock.trusted) stepClock(node, watch, queue)
  watch.quiet()
}
