// One node that fetches an encoding from honest providers and from liars, to all of which it is linked, in virtual time: what liars
// cost is a ratio of two such runs.
import type { Millis } from '../../../src/core/env.ts'
import { HOUR } from '../../../src/core/limits.ts'
import { type TestEncoding, testEncoding } from './encodings.ts'
import type { Manners, TestNode } from './test-node.ts'
import { World } from './world.ts'

export interface FetchScene {
  pieces: number
  /** Providers that have it all and give it. */
  honest: number
  liars: readonly Manners[]
  seed?: number
  /** Of each provider, bytes per second. */
  uplink?: number
}

export interface Fetched {
  world: World
  wanted: TestEncoding
  node: TestNode
  time: Millis
  /** Pieces that came and were not kept. */
  waste: number
}

/** Resolves when the node has it; rejects when it does not within six hours. */
export async function fetchFrom(scene: FetchScene): Promise<Fetched> {
  const wanted = testEncoding('a', scene.pieces)
  const world = new World(scene.seed ?? 1, [wanted])
  for (let i = 0; i < scene.honest; i++) world.seed(`seed${i}`, wanted).uplink = scene.uplink ?? 1_250_000
  scene.liars.forEach((manners, i) => {
    world.add(`liar${i}`, manners)
  })
  const others = world.random.shuffled([...world.nodes.keys()])
  world.add('node')
  for (const other of others) world.link('node', other)
  world.want('node', wanted)
  const time = await world.run(6 * HOUR, () => world.has('node', wanted))
  if (!world.has('node', wanted)) throw new Error(`the node has not all of it after ${time} ms`)
  const node = world.node('node')
  return { world, wanted, node, time, waste: node.arrivals - scene.pieces }
}

/** How many times as long the worst of some seeds takes with these liars as without them. */
export async function slowedBy(scene: FetchScene, seeds = 5): Promise<number> {
  let worst = 0
  for (let seed = 1; seed <= seeds; seed++) {
    const clean = await fetchFrom({ ...scene, liars: [], seed })
    const { time } = await fetchFrom({ ...scene, seed })
    worst = Math.max(worst, time / clean.time)
  }
  return worst
}
