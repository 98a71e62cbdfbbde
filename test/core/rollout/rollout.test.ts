import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import type { InstallProblem } from '../../../src/core/rollout/states.ts'
import { announced, encodingOf, PATH, releaseOf, roleOf, World } from './world.ts'

const release = releaseOf(2)
const full: InstallProblem = { reason: 'diskFull', detail: 'the disk is full: free 7 bytes', missing: 7 }

/** The world in which the first step or write of this kind is under way. */
function until(step: string, world = new World()): World {
  if (world.current.length === 0) world.announce(announced([release]))
  world.arrive(release)
  for (let turn = 0; turn < 20; turn++) {
    const [pending] = world.pending
    if (pending !== undefined && pending.step === step) return world
    world.finish()
  }
  throw new Error(`no ${step}`)
}

describe('rollout', () => {
  it('fetches only what is on its way in the journal, and keeps all that is announced', () => {
    const world = new World()
    const elsewhere = releaseOf(1, { path: 'acme/other', to: 'false' })
    world.announce(announced([release, elsewhere]))
    expect([...world.wanted]).toEqual([])
    world.finish()
    expect([...world.wanted]).toEqual([encodingOf(`${PATH}/2`).hash])
    expect(new Set(world.kept)).toEqual(new Set([release, elsewhere].map(({ encodings }) => encodings[0]?.hash)))
    expect(world.rollout.stateOf(elsewhere.hash)).toBeUndefined()
  })

  it('goes on keeping what a role said last, while a new epoch keeps it silent, and drops it with the role', () => {
    const world = new World()
    const kept = release.encodings.map(({ hash }) => hash)
    world.announce(announced([release]))
    world.lapsed = [release]
    world.announce()
    world.run()
    expect(world.kept).toEqual(kept)
    world.crash(true)
    expect([world.kept, [...world.wanted], world.journal()?.underway]).toEqual([kept, [], undefined])
    world.lapsed = []
    world.announce(announced([releaseOf(3)]))
    expect(world.kept).not.toContain(kept[0])
    world.announce()
    world.run()
    expect(world.kept).toEqual([])
  })

  it('of a mirror fetches nothing for an announcement that is not in force', () => {
    const world = new World({ mirror: true })
    world.lapsed = [release]
    world.announce()
    expect([world.kept, [...world.wanted]]).toEqual([release.encodings.map(({ hash }) => hash), []])
  })

  it('T04 installs a lower counter in a new epoch and of another role, and nothing older within one', () => {
    const world = new World()
    world.announce(announced([releaseOf(9)]))
    world.run()
    const installed = () => world.journal()?.installed
    expect(installed()).toMatchObject({ role: 'role', epoch: 1, counter: 9 })
    world.floors.clear()
    world.announce(announced([releaseOf(8)]))
    world.run()
    expect(installed()).toMatchObject({ epoch: 1, counter: 9 })
    const [second] = [roleOf('role', { epoch: 2 })]
    world.roles.splice(0, 1, second)
    world.announce(announced([releaseOf(3)], { role: second }))
    world.run()
    expect(installed()).toMatchObject({ role: 'role', epoch: 2, counter: 3 })
    const other = roleOf('other')
    world.roles.splice(0, 1, other)
    world.announce(announced([releaseOf(1)], { role: other }))
    world.crash(true)
    world.run()
    expect(installed()).toMatchObject({ role: 'other', epoch: 1, counter: 1 })
  })

  it('drops a release that is withdrawn, never begins it, and keeps it where it is in use (clause ANN 18)', () => {
    const withdrawn = releaseOf(2, { name: 'withdrawn', to: 'false', withdraws: release.hash })
    const said = { ...withdrawn, artifact: release.artifact, encodings: release.encodings }
    for (const step of ['stage', 'switch']) {
      const world = until(step)
      if (step === 'switch') world.finish({ reason: 'notWritable', detail: 'read-only' })
      world.announce(announced([said]))
      world.run()
      expect([world.journal()?.installed, world.journal()?.underway, world.inUse.size]).toEqual([
        undefined,
        undefined,
        0,
      ])
    }
    const world = new World()
    world.announce(announced([release]))
    world.run()
    world.announce(announced([said]))
    world.crash(true)
    world.run()
    expect(world.inUse.get(PATH)?.release).toBe(release.hash)
    expect(world.rollout.stateOf(release.hash)).toMatchObject({ state: 'committed' })
    world.announce(announced([releaseOf(1)]))
    world.run()
    expect(world.inUse.get(PATH)?.release).toBe(release.hash)
  })

  it('evaluates a selector once, however often something changes', () => {
    const world = new World()
    for (const counter of [2, 3, 4]) world.announce(announced([releaseOf(counter)]))
    world.run()
    expect(world.evaluations).toBe(1)
    for (let i = 0; i < 2 * limits.selectorCache; i++) world.announce(announced([releaseOf(5, { to: `${i}` })]))
    world.evaluations = 0
    world.announce(announced([releaseOf(6)]))
    expect(world.evaluations).toBe(1)
  })

  it('keeps what is on its way before what others say of the same encoding', () => {
    const world = new World()
    const [encoding] = release.encodings
    if (encoding === undefined) throw new Error('no encoding')
    const liar = releaseOf(1, { path: 'acme/z', to: 'false', encodings: [{ ...encoding, pieceList: '00' }] })
    world.announce(announced([release, liar]))
    world.finish()
    expect(world.lists).toEqual([encoding.pieceList])
  })

  it('goes on when the encoding is complete, and says so', () => {
    const world = new World()
    world.announce(announced([release]))
    expect(world.rollout.stateOf(release.hash)).toMatchObject({ state: 'announced', reason: undefined })
    world.finish()
    expect(world.rollout.stateOf(release.hash)).toMatchObject({ state: 'fetching' })
    expect(world.rollout.reports()).toMatchObject([{ release8: release.hash.slice(0, 16), percent: 25 }])
    world.run()
    expect(world.events()).toEqual(
      ['fetching', 'verified', 'staged', 'switched', 'healthy', 'committed'].map((state) => `${PATH}@2.0 ${state}`),
    )
    expect(world.rollout.reports()).toMatchObject([{ state: 'committed', percent: 100 }])
  })

  it('waits again for an encoding that was complete before a restart, until it is proven to be so', () => {
    const world = until('stage')
    world.complete.clear()
    world.crash(false)
    expect(world.pending).toEqual([])
    expect([...world.wanted]).toEqual([encodingOf(`${PATH}/2`).hash])
    world.run()
    expect(world.journal()?.installed?.release).toBe(release.hash)
  })

  it('mirrors: fetches every encoding, and installs only what names it', () => {
    const world = new World({ mirror: true })
    const both = [encodingOf('whole'), encodingOf('packed')]
    world.announce(announced([releaseOf(1, { to: 'false', encodings: both })]))
    expect([...world.wanted]).toEqual(both.map(({ hash }) => hash))
    world.run()
    expect([world.steps(), world.rollout.entries(), world.rollout.reports()]).toEqual([[], [], []])
  })

  it('only keeps, on an operator`s peer, whatever its settings and its selectors say', () => {
    const world = new World({ isNode: false, mirror: true })
    world.announce(announced([release]))
    world.run()
    expect(world.kept).toEqual([encodingOf(`${PATH}/2`).hash])
    expect([...world.wanted, ...world.steps()]).toEqual([])
    expect([world.rollout.selected(release), world.rollout.stateOf(release.hash)]).toEqual([false, undefined])
  })

  it('keeps no more journals than it may, and says so of the others', () => {
    const world = new World()
    const crowd = Array.from({ length: limits.installPaths + 1 }, (_, at) => releaseOf(1, { path: `acme/p${at}` }))
    world.announce(announced(crowd))
    expect(world.rollout.size).toBe(limits.installPaths)
    expect(world.rollout.stateOf(crowd.at(-1)?.hash ?? '')?.detail).toContain('no room')
    world.announce()
    for (let turn = 0; turn < crowd.length; turn++) world.finish()
    for (let turn = 0; turn < crowd.length; turn++) world.finish()
    world.announce(announced(crowd.slice(-1)))
    expect(world.rollout.size).toBe(1)
  })
})

describe('a disk in trouble', () => {
  it('keeps its place with the reason, tells it once, and tries again every while', () => {
    const world = until('stage')
    world.rollout.takeChanged()
    world.effects = []
    for (let turn = 0; turn < 3; turn++) {
      world.finish(full)
      expect(world.rollout.stateOf(release.hash)).toEqual({
        state: 'verified',
        reason: 'diskFull',
        detail: full.detail,
      })
      expect(world.rollout.deadline()).toBe(world.now + limits.diskRetry)
      expect(world.rollout.takeChanged()).toBe(turn === 0)
      expect(world.pending).toEqual([])
      world.wait()
    }
    expect(world.events()).toEqual([`${PATH}@2.0 verified`])
    world.finish()
    expect(world.rollout.stateOf(release.hash)?.reason).toBeUndefined()
    world.run()
    expect(world.inUse.get(PATH)?.release).toBe(release.hash)
  })

  it('unpacks anew when the switch finds nothing to switch to', () => {
    const world = until('switch')
    world.staged.clear()
    world.finish()
    expect(world.rollout.stateOf(release.hash)).toMatchObject({ state: 'staged', reason: 'ioError' })
    expect(world.pending).toEqual([])
    world.complete.clear()
    world.wanted.clear()
    world.wait()
    expect([...world.wanted]).toEqual([encodingOf(`${PATH}/2`).hash])
    world.run()
    expect(world.steps()).toEqual(['stage 2.0', 'switch 2.0', 'stage 2.0', 'switch 2.0', 'tidy 2.0'])
    expect(world.journal()?.installed?.release).toBe(release.hash)
  })

  it('gives up what cannot be unpacked anew: the staged one is gone, and so is the announcement', () => {
    for (const crash of [false, true]) {
      const world = until('switch')
      world.staged.clear()
      if (crash) world.crash(false)
      world.finish()
      world.complete.clear()
      world.announce()
      world.run()
      expect(world.journal()).toMatchObject({ installed: undefined, underway: undefined })
    }
  })

  it('writes an edge again that did not reach the journal', () => {
    const world = new World()
    world.announce(announced([release]))
    world.finish({ reason: 'ioError', detail: '' })
    expect(world.rollout.stateOf(release.hash)).toMatchObject({ state: 'announced', reason: 'ioError' })
    expect(world.wanted.size).toBe(0)
    world.run()
    expect(world.journal()?.installed?.release).toBe(release.hash)
  })

  it('does not keep a newer release waiting, nor bind a node to one that was withdrawn', () => {
    for (const step of ['stage', 'switch']) {
      const world = until(step)
      world.finish({ reason: 'notWritable', detail: 'read-only' })
      const newer = releaseOf(3)
      world.announce(announced([newer]))
      expect(world.pending.map(({ entries }) => entries?.[0]?.underway?.release)).toEqual([newer.hash])
      world.run()
      expect(
        world
          .steps()
          .filter((it) => it.startsWith('switch'))
          .at(-1),
      ).toBe('switch 3.0')
      world.announce(announced([release, releaseOf(4)]))
    }
  })

  it('of the swarm is told too', () => {
    const problems = [
      [{ code: 'diskFull', missing: 7 }, 'diskFull'],
      [{ code: 'notWritable', detail: 'read-only' }, 'notWritable'],
      [{ code: 'corrupt', detail: 'flipped' }, 'ioError'],
      [{ code: 'ioError', detail: 'EIO' }, 'ioError'],
      ['noProvider', 'noProvider'],
      [{ code: 'paused', pause: { why: 'month' } }, 'pausedMonth'],
      [{ code: 'paused', pause: { why: 'hours', opens: 1320 } }, 'pausedHours'],
      [{ code: 'paused', pause: { why: 'clock' } }, 'pausedHours'],
      [{ code: 'paused', pause: { why: 'hot', below: 75 } }, 'pausedHot'],
    ] as const
    for (const [problem, reason] of problems) {
      const world = new World()
      world.downloadProblem = problem
      world.announce(announced([release]))
      world.finish()
      expect(world.rollout.stateOf(release.hash)).toMatchObject({ state: 'fetching', reason })
      expect(world.rollout.reports()).toMatchObject([{ state: 'fetching', reason }])
      world.downloadProblem = undefined
      world.wait()
      expect(world.rollout.stateOf(release.hash)).toMatchObject({ state: 'fetching', reason: undefined })
    }
  })

  it('with a file that cannot be unpacked has the file looked at again before the next try', () => {
    const world = until('stage')
    world.finish({ reason: 'ioError', detail: 'not what was fetched' })
    expect(world.doubted).toEqual([encodingOf(`${PATH}/2`).hash])
    world.wait()
    expect([world.pending, [...world.wanted]]).toEqual([[], world.doubted])
    world.run()
    expect(world.journal()?.installed?.release).toBe(release.hash)
  })

  it('that fails again and again is left alone for longer each time, up to a bound, until something is done', () => {
    const world = until('stage')
    const pauses: number[] = []
    for (let turn = 0; turn < 9; turn++) {
      world.finish({ reason: 'ioError', detail: 'EIO' })
      world.arrive(release)
      const due = world.rollout.deadline() ?? 0
      pauses.push((due - world.now) / limits.diskRetry)
      world.now = due
      world.arrive(release)
      expect(world.pending).toHaveLength(1)
    }
    const longest = limits.installRetryMax / limits.diskRetry
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, longest, longest])
    expect(world.journal()?.failed).toEqual([])
    world.run()
    expect(world.journal()?.installed?.release).toBe(release.hash)
    const newer = releaseOf(3)
    world.announce(announced([newer]))
    world.arrive(newer)
    until('switch', world).finish({ reason: 'ioError', detail: 'EIO' })
    expect(world.rollout.deadline()).toBe(world.now + limits.diskRetry)
  })

  it('asks again for a download that the swarm had no room for', () => {
    const world = new World()
    world.announce(announced([release]))
    world.finish()
    world.wanted.clear()
    world.wait()
    expect(world.wanted.size).toBe(1)
    const asked = world.wants
    for (let step = 0; step < 5; step++) world.rollout.check(world.now + step)
    expect(world.wants, 'not at every step: it costs a look at every peer').toBe(asked)
  })

  it('that cannot tidy does not hold anything up, and tidies later', () => {
    const world = until('tidy')
    world.finish(full)
    expect(world.rollout.stateOf(release.hash)).toMatchObject({ state: 'committed', reason: undefined })
    expect(world.pending).toEqual([])
    world.wait()
    expect(world.steps().slice(-2)).toEqual(['tidy 2.0', 'tidy 2.0'])
    world.finish(full)
    const newer = releaseOf(3)
    world.announce(announced([newer]))
    world.arrive(newer)
    expect(world.pending).toHaveLength(1)
    world.run()
    expect(world.steps().slice(-1)).toEqual(['tidy 3.0'])
  })
})

describe('what must not be installed', () => {
  it('is an artifact that is not the announced one: failed for good, over restarts', () => {
    const world = until('stage')
    const detail = 'it has another SHA-256'
    world.finish({ reason: 'badArtifact', detail })
    world.run()
    expect(world.rollout.stateOf(release.hash)).toEqual({ state: 'failed', reason: 'badArtifact', detail })
    expect(world.kept).toContain(encodingOf(`${PATH}/2`).hash)
    world.crash(true)
    world.run()
    expect(world.steps()).toEqual(['stage 2.0', 'tidy 2.0'])
    expect(world.rollout.stateOf(release.hash)).toMatchObject({ state: 'failed', reason: 'badArtifact' })
    expect(world.rollout.reports()).toMatchObject([{ state: 'failed', reason: 'badArtifact', percent: 0 }])
    world.announce(announced([releaseOf(2, { name: 'another hash', artifact: release.artifact })]))
    world.run()
    expect(world.journal()?.installed?.counter).toBe(2)
  })

  it('is an encoding whose pieces are right, twice, and whose SHA-256 is not the announced one', () => {
    const world = until('stage')
    const mismatch: InstallProblem = { reason: 'ioError', detail: 'has to be hashed again', mismatch: true }
    const again = () => {
      world.arrive(release)
      world.now = world.rollout.deadline() ?? 0
      world.arrive(release)
      expect(world.pending).toMatchObject([{ step: 'stage' }])
    }
    const standing = () => world.rollout.stateOf(release.hash)
    // A disk that changed the file, or fails otherwise, is not the publisher.
    world.finish(mismatch)
    world.findDamage(release)
    again()
    world.finish(mismatch)
    again()
    world.finish({ reason: 'ioError', detail: 'EIO' })
    again()
    world.finish(mismatch)
    expect(standing()).toMatchObject({ state: 'verified', reason: 'ioError' })
    again()
    world.finish(mismatch)
    world.run()
    const detail = expect.stringMatching(/not the announced SHA-256 .*: its publisher must sign it anew$/)
    expect(standing()).toEqual({ state: 'failed', reason: 'badArtifact', detail })
    world.crash(true)
    world.run()
    expect(standing()).toMatchObject({ state: 'failed', reason: 'badArtifact' })
  })

  it('is what does not name this node, nor what a frozen or expired announcement says (T10, T24)', () => {
    for (const [changes, reason] of [
      [{ frozen: true }, 'frozen'],
      [{ expired: true }, 'expired'],
    ] as const) {
      const world = new World()
      world.announce(announced([release], changes))
      world.announce(announced([release], changes))
      expect(world.rollout.stateOf(release.hash)).toMatchObject({ state: 'announced', reason })
      expect([world.events(), world.pending, world.rollout.deadline()]).toEqual([
        [`${PATH}@2.0 announced`],
        [],
        undefined,
      ])
      world.announce(announced([release]))
      world.run()
      expect(world.journal()?.installed?.release).toBe(release.hash)
    }
  })

  it('is what may have expired and is not newer than what is installed (T29)', () => {
    const world = new World()
    world.announce(announced([release]))
    world.run()
    const twin = releaseOf(2, { name: 'twin', artifact: release.artifact })
    for (const role of [roleOf('role'), roleOf('role', { epoch: 2 })]) {
      world.announce(announced([twin], { role, unsure: true }))
      const standing = world.rollout.stateOf(twin.hash)
      expect(standing?.reason).toBe(role.epoch === 1 ? 'clockUnknown' : undefined)
      // What is installed needs no excuse.
      world.announce(announced([release], { role, unsure: true }))
      expect(world.rollout.stateOf(release.hash)).toMatchObject({ state: 'committed', reason: undefined })
    }
    const next = releaseOf(3)
    world.announce(announced([next], { unsure: true }))
    world.run()
    expect(world.journal()?.installed?.release).toBe(next.hash)
  })

  it('is what was begun before its role was frozen: it stays where it is', () => {
    const world = until('stage')
    world.announce(announced([release], { frozen: true }))
    world.finish()
    expect(world.rollout.stateOf(release.hash)).toMatchObject({ state: 'verified', reason: 'frozen' })
    world.run()
    expect(world.inUse.size).toBe(0)
    world.announce(announced([release]))
    world.run()
    expect(world.inUse.get(PATH)?.release).toBe(release.hash)
  })

  it('is not even fetched any longer while its role is frozen, also after a restart, and goes on afterwards (T24)', () => {
    const world = new World()
    world.announce(announced([release]))
    world.finish()
    expect([world.journal()?.underway?.state, world.wanted.size]).toEqual(['fetching', 1])
    const frozen = announced([release], { frozen: true })
    world.announce(frozen)
    expect([world.wanted.size, world.kept]).toEqual([0, [encodingOf(`${PATH}/2`).hash]])
    world.crash(false)
    world.run()
    expect(world.wanted.size).toBe(0)
    expect(world.rollout.stateOf(release.hash)).toMatchObject({ state: 'fetching', reason: 'frozen' })
    world.announce(announced([release]))
    world.run()
    expect(world.inUse.get(PATH)?.release).toBe(release.hash)
  })

  it('is not fetched when its role is frozen while its first edge is being written (T24)', () => {
    const world = new World()
    world.announce(announced([release]))
    expect([world.pending.length, world.journal()]).toEqual([1, undefined])
    world.announce(announced([release], { frozen: true }))
    world.run()
    expect([world.journal()?.underway?.state, world.wanted.size]).toEqual(['fetching', 0])
  })

  it('is an older one, also when only the journal remembers (T08)', () => {
    const world = new World()
    world.announce(announced([release]))
    world.run()
    world.floors.clear()
    world.announce(announced([releaseOf(1)]))
    world.run()
    expect(world.rollout.stateOf(releaseOf(1).hash)).toMatchObject({ state: 'announced', reason: 'oldCounter' })
    expect(world.inUse.get(PATH)?.release).toBe(release.hash)
  })

  it('is what a newer pimesh is needed for: failed, and tried by that newer one', () => {
    const world = new World()
    const ahead = releaseOf(5, { unsupported: 'the installer "deb"', installer: undefined })
    world.announce(announced([ahead]))
    const standing = {
      state: 'failed',
      reason: 'unsupported',
      detail: 'it needs a newer pimesh for the installer "deb"',
    }
    expect(world.rollout.stateOf(ahead.hash)).toEqual(standing)
    expect([world.events(), world.pending]).toEqual([[`${PATH}@5.0 failed`], []])
    world.announce(announced([{ ...ahead, to: 'false' }]))
    expect(world.rollout.stateOf(ahead.hash)).toBeUndefined()
  })
})
