// Bundles (clause BUNDLE): what requires others comes into use with them or not at all, whatever is missing, replaced or interrupted.
import { describe, expect, it } from 'vitest'
import type { Release } from '../../../src/core/trust/announcement.ts'
import { announced, releaseOf, roleOf, World } from './world.ts'

const [AGENT, LIB, MODEL] = ['acme/agent', 'acme/lib', 'acme/model']
const lib = releaseOf(1, { path: LIB })
const model = releaseOf(1, { path: MODEL })
const agent = releaseOf(1, { path: AGENT, requires: [lib.hash, model.hash] })
const BUNDLE = [agent, lib, model]

const inUse = (world: World) => BUNDLE.filter(({ path, hash }) => world.inUse.get(path)?.release === hash)
const says = (world: World, release: Release) => world.rollout.stateOf(release.hash)

/** All that can go on does, but what these releases need does not arrive. */
function runWithout(world: World, ...withheld: readonly Release[]): World {
  for (let turn = 0; turn < 60; turn++) {
    for (const release of BUNDLE.filter((one) => !withheld.includes(one))) world.arrive(release)
    world.finish()
  }
  return world
}

function worldOf(...releases: readonly Release[]): World {
  const world = new World()
  world.announce(announced(releases))
  return world
}

describe('a bundle', () => {
  it('comes into use by one write, what is required first', () => {
    const world = worldOf(...BUNDLE)
    world.run()
    expect(inUse(world)).toEqual(BUNDLE)
    const batches = world.effects.flatMap((effect) => (effect.type === 'persist' ? [effect.changes.length] : []))
    expect(batches.filter((length) => length > 1)).toEqual([3])
    const switched = world.effects.flatMap((it) => (it.type === 'install' && it.step === 'switch' ? [it.job.path] : []))
    expect(switched.at(-1)).toBe(AGENT)
  })

  it('T12 is not in use in part while any one member of it is withheld, and says what it waits for', () => {
    for (const withheld of BUNDLE) {
      const world = runWithout(worldOf(...BUNDLE), withheld)
      expect(inUse(world)).toEqual([])
      for (const other of BUNDLE.filter((one) => one !== withheld)) {
        const detail = `waiting for ${withheld.path}@1.0, with which it comes into use together`
        expect(says(world, other)).toEqual({ state: 'verified', reason: 'requires', detail })
      }
      expect(says(world, withheld)?.state).toBe('fetching')
      expect(world.events().filter((line) => line.endsWith('verified')).length).toBeGreaterThanOrEqual(2)
      world.run()
      expect(inUse(world)).toEqual(BUNDLE)
      expect(says(world, agent)).toMatchObject({ state: 'committed', reason: undefined })
    }
  })

  it('T12 is in use as a whole or not at all after a crash at any write and step', () => {
    for (const done of [true, false])
      for (let at = 0; at < 40; at++) {
        const world = worldOf(...BUNDLE)
        for (const release of BUNDLE) world.arrive(release)
        for (let i = 0; i < at; i++) world.finish()
        world.crash(done)
        const decided = world.journal(AGENT)?.underway?.state
        const isDecided = decided === undefined ? world.inUse.has(AGENT) : !['fetching', 'verified'].includes(decided)
        // From now on nobody has any piece, and the role says something else.
        world.complete.clear()
        world.announce(announced([releaseOf(9, { path: 'acme/other', to: 'false' })]))
        for (let i = 0; i < 40; i++) world.finish()
        expect(inUse(world)).toEqual(isDecided ? BUNDLE : [])
      }
  })

  it('is finished once it was decided, also when a disk fails and something else is announced', () => {
    const world = worldOf(...BUNDLE)
    for (const release of BUNDLE) world.arrive(release)
    while (world.pending[0]?.step !== 'switch') world.finish()
    const [first] = world.pending
    world.finish({ reason: 'notWritable', detail: 'read-only' })
    const newer = BUNDLE.map(({ path }) => releaseOf(2, { path, to: path === first?.job?.path ? 'true' : 'false' }))
    world.announce(announced(newer))
    world.crash(false)
    for (const release of BUNDLE) expect(world.journal(release.path)?.underway?.release).toBe(release.hash)
    world.run()
    expect(BUNDLE.map(({ path }) => world.inUse.get(path)?.counter).sort()).toEqual([1, 1, 2])
  })

  it('is finished before what replaces a part of it, which then waits', () => {
    const world = worldOf(...BUNDLE)
    for (const release of BUNDLE) world.arrive(release)
    while (world.pending[0]?.step !== 'switch') world.finish()
    const newer = releaseOf(2, { path: LIB })
    world.announce(announced([agent, newer, model]))
    world.run()
    expect(inUse(world)).toEqual(BUNDLE)
    expect(says(world, newer)).toEqual({
      ...{ state: 'announced', reason: 'requires' },
      detail: 'acme/agent@1.0 is in use and requires acme/lib@1.0: it waits for another acme/agent',
    })
  })

  it.each([
    [
      'another version of a part is announced',
      'which its role does not announce',
      [releaseOf(2, { path: LIB }), model],
    ],
    ['a part is announced no more', 'which its role does not announce', [model]],
    ['a part is not for this node', 'not for this node', [releaseOf(1, { path: LIB, to: 'false' }), model]],
  ])('T07 waits as a whole, and begins nothing, while %s', (_, why, others) => {
    const required = [...others.map(({ hash }) => hash), lib.hash]
    const release = releaseOf(1, { path: AGENT, requires: required })
    const world = worldOf(release, ...others)
    world.run()
    expect(world.inUse.has(AGENT)).toBe(false)
    expect(says(world, release)).toMatchObject({ state: 'announced', reason: 'requires' })
    expect(says(world, release)?.detail).toContain(why)
    expect(world.inUse.has(MODEL)).toBe(false)
    const detail = 'it comes into use together with acme/agent@1.0, which cannot'
    expect(says(world, model)).toEqual({ state: 'announced', reason: 'requires', detail })
  })

  it('waits while another role decides about the path of a part, and names no release of another role', () => {
    const world = new World()
    world.roles.splice(0, 1, roleOf('first', { paths: [LIB] }), roleOf('role'))
    const others = releaseOf(7, { path: LIB })
    world.announce(
      announced([others], { name: 'first', role: world.roles[0] as never }),
      announced([agent, lib, model]),
    )
    world.run()
    expect(says(world, agent)?.detail).toContain('another role decides about that path')
    expect(world.inUse.get(LIB)?.release).toBe(others.hash)
    const foreign = releaseOf(2, { path: AGENT, requires: [others.hash] })
    world.announce(announced([others], { name: 'first', role: world.roles[0] as never }), announced([foreign]))
    world.run()
    expect(says(world, foreign)).toMatchObject({ state: 'announced', reason: 'requires' })
  })

  it('comes into use by one write although a part of it was as good as in use, and was given up for a release that went again', () => {
    const world = new World()
    world.roles.splice(0, 1, roleOf('first'), roleOf('second'))
    const [app, other] = [releaseOf(1, { path: AGENT, requires: [lib.hash] }), releaseOf(2, { path: LIB })]
    const second = announced([lib, app], { name: 'second' })
    world.announce(announced([lib], { name: 'second' }))
    world.arrive(lib)
    for (const done of ['fetching', 'verified', 'unpacked'])
      expect([done, world.finish()]).not.toEqual([done, undefined])
    world.announce(announced([other], { name: 'first' }), second)
    world.finish()
    expect(world.journal(LIB)?.underway).toMatchObject({ release: lib.hash, state: 'staged' })
    world.announce(second)
    world.run()
    expect([LIB, AGENT].map((path) => world.inUse.get(path)?.release)).toEqual([lib.hash, app.hash])
    const batches = world.effects.flatMap((effect) => (effect.type === 'persist' ? [effect.changes.length] : []))
    expect(batches.filter((length) => length > 1)).toEqual([2])
  })

  it('does not wait for what cannot come into use when the part that links them was as good as in use', () => {
    const world = worldOf(lib)
    world.arrive(lib)
    while (world.pending[0]?.entries?.[0]?.underway?.state !== 'staged') world.finish()
    const app = releaseOf(1, { path: AGENT, requires: [lib.hash] })
    const lacking = releaseOf(1, { path: MODEL, requires: [lib.hash, releaseOf(7).hash] })
    world.announce(announced([app, lacking, lib]))
    expect(says(world, lib)).toMatchObject({ reason: 'requires' })
    world.run()
    expect([LIB, AGENT, MODEL].map((path) => world.inUse.get(path)?.release)).toEqual([lib.hash, app.hash, undefined])
    expect(says(world, lacking)?.detail).toContain('which its role does not announce')
  })

  it('waits as a whole when a part of it failed here for good', () => {
    const world = worldOf(...BUNDLE)
    for (const release of BUNDLE) world.arrive(release)
    for (let turn = 0; turn < 60; turn++) {
      const { step, job } = world.pending[0] ?? {}
      const isBad = step === 'stage' && job?.path === LIB
      world.finish(isBad ? { reason: 'badArtifact', detail: 'not what was signed' } : undefined)
    }
    expect(inUse(world)).toEqual([])
    expect(says(world, lib)).toMatchObject({ state: 'failed', reason: 'badArtifact' })
    expect(says(world, agent)?.detail).toBe('it comes into use together with acme/lib@1.0, which cannot')
  })

  it('T07 keeps what it requires in use until another release of it is announced, and takes both then', () => {
    const world = worldOf(...BUNDLE)
    world.run()
    const newer = releaseOf(2, { path: LIB })
    world.announce(announced([agent, newer, model]))
    world.run()
    expect(inUse(world)).toEqual(BUNDLE)
    const next = releaseOf(2, { path: AGENT, requires: [newer.hash] })
    world.announce(announced([next, newer, model]))
    world.run()
    expect([AGENT, LIB, MODEL].map((path) => world.inUse.get(path)?.counter)).toEqual([2, 2, 1])
  })

  it('keeps what it requires in use while another role has its path by now, until the release of that one is in use', () => {
    const world = new World()
    world.roles.splice(0, 1, roleOf('first'), roleOf('second'))
    world.announce(announced(BUNDLE, { name: 'second' }))
    world.run()
    const [newer, others] = [releaseOf(2, { path: LIB }), releaseOf(1, { path: AGENT, name: 'another agent' })]
    world.announce(announced([others], { name: 'first' }), announced([agent, newer, model], { name: 'second' }))
    expect(says(world, newer)).toMatchObject({ state: 'announced', reason: 'requires' })
    while (world.journal(AGENT)?.installed?.release !== others.hash) {
      expect(world.journal(LIB)).toMatchObject({ installed: { release: lib.hash }, underway: undefined })
      world.arrive(others)
      world.finish()
    }
    world.run()
    expect(world.inUse.get(LIB)?.release).toBe(newer.hash)
  })

  it('lets what it required go when its role announces it no more', () => {
    const world = worldOf(...BUNDLE)
    world.run()
    const newer = releaseOf(2, { path: LIB })
    world.announce(announced([newer, model]))
    world.run()
    expect(world.inUse.get(LIB)?.counter).toBe(2)
  })

  it('is of one when all that it requires is in use', () => {
    const world = worldOf(lib, model)
    world.run()
    world.announce(announced(BUNDLE))
    world.run()
    expect(inUse(world)).toEqual(BUNDLE)
  })
})
