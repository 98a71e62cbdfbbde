// Announcements, problems, crashes and restarts in any order: the models of world.ts check after every step that nothing comes
// out of order, that old or new is in use, and that nothing begins that may not. Here: all of it ends well.
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Current } from '../../../src/core/rollout/selection.ts'
import type { InstallReason } from '../../../src/core/rollout/states.ts'
import type { Release } from '../../../src/core/trust/announcement.ts'
import { announced, encodingOf, hashOf, patchOf, releaseOf, roleOf, World } from './world.ts'

const PATHS = ['acme/a', 'acme/b', 'acme/c']
const ROLES = ['role', 'second']

interface Said {
  path: string
  counter: number
  /** Another artifact under the same counter. */
  twin: boolean
  to: string
  able: boolean
  /** Paths before its own whose releases it requires; of each the one that is announced with it, or another one. */
  requires: readonly string[]
  amiss: boolean
  /** There is a patch against the artifact with this counter. */
  patchFrom: number | undefined
}

/** The releases of one announcement, beside `others` of it: the hash of each follows from all that it says. */
function make(role: string, said: readonly Said[], others: readonly Release[] = []): Release[] {
  const made: Release[] = []
  for (const one of [...said].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const { path, counter, twin, to, able, amiss, patchFrom } = one
    const artifact = `${path}/${counter}${twin ? '+' : ''}`
    const before = [...others, ...made].filter((other) => other.path < path && one.requires.includes(other.path))
    const named = before.map(({ hash }) => hash)
    const requires = amiss && named.length > 0 ? [...named, hashOf('rel', 'another')] : named
    const unsupported = able ? undefined : 'more'
    const name = createHash('sha256')
      .update(`${role} ${artifact} ${to} ${able} ${requires} ${patchFrom}`)
      .digest('hex')
      .slice(0, 24)
    const patches = patchFrom === undefined ? [] : [patchOf(name, hashOf('art', `${path}/${patchFrom}`))]
    const encodings = [...patches, encodingOf(name)]
    const kept = { hash: hashOf('art', artifact), length: 9 }
    const terms = { path, name, to, unsupported, requires, encodings, artifact: kept }
    made.push(releaseOf(counter, terms))
  }
  return made
}

const said = fc.record<Said>({
  path: fc.constantFrom(...PATHS),
  counter: fc.integer({ min: 1, max: 6 }),
  twin: fc.boolean(),
  to: fc.constantFrom('true', 'true', 'true', 'false'),
  able: fc.constantFrom(true, true, true, false),
  requires: fc.oneof(fc.constant([]), fc.subarray([...PATHS])),
  amiss: fc.constantFrom(false, false, false, false, false, true),
  patchFrom: fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: 6 })),
})
const often = fc.constantFrom(false, false, false, true)
const problems: readonly InstallReason[] = ['diskFull', 'notWritable', 'ioError', 'badArtifact']

const command = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('announce' as const),
      role: fc.constantFrom(...ROLES),
      releases: fc.uniqueArray(said, { selector: ({ path }) => path, maxLength: PATHS.length }),
      frozen: often,
      expired: often,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('replace' as const), role: fc.constantFrom(...ROLES), said }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('finish' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('run' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      reason: fc.constantFrom(...problems),
      late: often,
      mute: often,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('spoil' as const), late: often }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('arrive' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('crash' as const), done: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wipe' as const) }) },
)
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never

function newWorld(): World {
  const world = new World()
  world.roles.splice(0, 1, ...ROLES.map((name) => roleOf(name)))
  return world
}

function announce(world: World, name: string, announcement: Current): void {
  const others = world.current.filter(({ role }) => role.name !== name)
  const at = ({ role }: Current) => ROLES.indexOf(role.name)
  world.announce(...[...others, announcement].sort((a, b) => at(a) - at(b)))
}

function apply(world: World, it: Command): void {
  switch (it.do) {
    case 'announce': {
      const { role, releases, frozen, expired } = it
      return announce(world, role, announced(make(role, releases), { name: role, frozen, expired }))
    }
    case 'replace': {
      const { role, said } = it
      const before = world.current.find((one) => one.role.name === role)?.document.signed.releases ?? []
      const others = before.filter(({ path }) => path !== said.path)
      return announce(world, role, announced([...others, ...make(role, [said], others)], { name: role }))
    }
    case 'run':
      return world.run()
    case 'finish':
      world.finish()
      return
    case 'fail':
      world.finish({ reason: it.reason, detail: it.reason }, it)
      return
    case 'spoil':
      world.finish({ reason: 'ioError', detail: 'no patch', noPatch: true }, { late: it.late })
      return
    case 'arrive':
      return world.current
        .flatMap(({ document }) => document.signed.releases)
        .forEach((release) => {
          world.arrive(release)
        })
    case 'crash':
      return world.crash(it.done)
    case 'wait':
      return world.wait()
    case 'wipe':
      return world.wipe()
  }
}

/** What counts for a path, and whether it may be installed. */
function expectEnd(world: World, path: string): void {
  const releases = world.current.flatMap(({ document }) => document.signed.releases)
  const winner = releases.find((release) => release.path === path)
  const entry = world.journal(path)
  if (winner !== undefined && world.mayInstall(path, winner.hash)) {
    expect(entry).toMatchObject({ installed: { release: winner.hash, counter: winner.counter }, underway: undefined })
    expect(world.inUse.get(path)?.release).toBe(winner.hash)
    expect(world.rollout.stateOf(winner.hash)).toMatchObject({ state: 'committed', reason: undefined })
  } else if (entry?.underway !== undefined) {
    // What is held waits before the switch.
    expect(entry.underway.release).toBe(winner?.hash)
    expect(['fetching', 'verified', 'staged']).toContain(entry.underway.state)
    expect(['frozen', 'expired', 'requires']).toContain(world.rollout.stateOf(entry.underway.release)?.reason)
  }
}

describe('rollout, whatever happens', () => {
  it('never puts anything wrong in use, and ends with what is announced when the trouble ends', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60, size: 'max' }), (commands) => {
        const world = newWorld()
        for (const it of commands) apply(world, it)
        world.run()
        for (const path of PATHS) expectEnd(world, path)
        for (const entry of world.rollout.entries()) {
          if (world.disk.has(entry.path)) expect(entry).toEqual(world.disk.get(entry.path))
        }
        world.crash(true)
        world.run()
        for (const path of PATHS) expectEnd(world, path)
      }),
      { numRuns: 300 },
    )
  })
})
