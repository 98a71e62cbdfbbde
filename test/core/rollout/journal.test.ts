// Every edge of a journal, with the power going before, while and after each write and each step.
import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { jobOf, underwayOf, withFailure } from '../../../src/core/rollout/journal.ts'
import { announced, encodingOf, floorOf, PATH, patchOf, releaseOf, roleOf, World } from './world.ts'

const [old, fresh, newer] = [releaseOf(1), releaseOf(2), releaseOf(3)]

/** A node with the old version in use, to which the fresh one was announced and has arrived. */
function upgrading(): World {
  const world = new World()
  world.announce(announced([old]))
  world.run()
  world.effects = []
  world.announce(announced([fresh]))
  world.arrive(fresh)
  return world
}

const WAY = [
  'write fetching',
  'write verified',
  'stage',
  'write staged',
  'switch',
  'write switched',
  'write healthy',
  'write committed',
  'tidy',
] as const

function nameOf(pending: World['pending'][number] | undefined): string | undefined {
  if (pending === undefined) return undefined
  return pending.entries === undefined ? pending.step : `write ${pending.entries[0]?.underway?.state ?? 'committed'}`
}

/** The world when `what` is under way. */
function until(what: (typeof WAY)[number]): World {
  const world = upgrading()
  while (nameOf(world.pending[0]) !== what) if (world.finish() === undefined) throw new Error(`${what} never comes`)
  return world
}

describe('the journal of one path', () => {
  it('goes one edge at a time, each on disk before what rests on it', () => {
    const world = upgrading()
    const way: (string | undefined)[] = []
    while (world.pending.length > 0) way.push(nameOf(world.finish()))
    expect(way).toEqual(WAY)
    expect(world.journal()).toMatchObject({ installed: { release: fresh.hash, counter: 2 }, underway: undefined })
    expect(world.inUse.get(PATH)?.release).toBe(fresh.hash)
  })

  for (const what of WAY) {
    for (const done of [false, true]) {
      it(`survives power that goes at "${what}", which ${done ? 'reached' : 'did not reach'} the disk`, () => {
        const world = until(what)
        world.crash(done)
        const inUse = world.inUse.get(PATH)?.release
        const after = WAY.indexOf(what) + (done ? 1 : 0) > WAY.indexOf('switch')
        expect(inUse, 'old before the switch, new after it, never neither').toBe(after ? fresh.hash : old.hash)
        world.run()
        expect(world.journal()?.installed?.release).toBe(fresh.hash)
        expect(world.inUse.get(PATH)?.release).toBe(fresh.hash)
      })

      it(`and again at every moment of the redo after "${what}" ${done ? 'reached' : 'did not reach'} the disk`, () => {
        for (let second = 0; second < WAY.length; second++) {
          const world = until(what)
          world.crash(done)
          for (let turn = 0; turn < second; turn++) world.finish()
          world.crash(!done)
          expect([old.hash, fresh.hash]).toContain(world.inUse.get(PATH)?.release)
          world.run()
          expect(world.inUse.get(PATH)?.release).toBe(fresh.hash)
        }
      })

      it(`ends in one version when the release is withdrawn over a crash at "${what}" (${done})`, () => {
        const world = until(what)
        world.current = []
        world.crash(done)
        world.run()
        const point = WAY.indexOf('write staged') + (done ? 0 : 1)
        const expected = WAY.indexOf(what) >= point ? fresh.hash : old.hash
        expect(world.inUse.get(PATH)?.release).toBe(expected)
        expect(world.journal()).toMatchObject({ installed: { release: expected }, underway: undefined })
      })
    }
  }

  it('finishes a switch that may have happened although the release was withdrawn: the journal suffices', () => {
    const world = until('switch')
    world.announce()
    world.run()
    expect(world.journal()?.installed?.release).toBe(fresh.hash)
  })

  it('finishes it also when doing it again fails at first: nothing says that it did not happen', () => {
    for (const reason of ['diskFull', 'notWritable', 'ioError', 'badArtifact'] as const) {
      const world = until('switch')
      world.crash(true)
      world.announce()
      world.finish({ reason, detail: '' })
      expect(world.rollout.stateOf(fresh.hash)).toMatchObject({ state: 'staged', reason })
      world.run()
      expect(world.journal()).toMatchObject({ installed: { release: fresh.hash }, underway: undefined })
    }
  })

  describe('when what may be in use was withdrawn or replaced, is damaged, and nobody gives it again', () => {
    const broken = { reason: 'ioError', detail: 'the disk did not answer' } as const
    /** The redo of the switch fails, and unpacking anew finds the encoding damaged too. */
    function fail(world: World, how: { mute?: boolean } = {}): World {
      expect(nameOf(world.finish(broken, how))).toBe('switch')
      world.wait()
      expect(nameOf(world.finish(broken))).toBe('stage')
      return world
    }

    it('knows that it is in use, and begins what replaces it after it', () => {
      for (const next of [[], [newer]]) {
        const world = until('switch')
        world.crash(true)
        world.announce(announced(next))
        fail(world)
        while (world.finish() === undefined) world.wait()
        expect(world.journal()).toMatchObject({ installed: { release: old.hash }, underway: { state: 'switched' } })
        world.run()
        const expected = (next[0] ?? fresh).hash
        expect(world.journal()).toMatchObject({ installed: { release: expected }, underway: undefined })
        expect(world.inUse.get(PATH)?.release).toBe(expected)
      }
    })

    it('drops it when the old version is in use, and begins what replaces it', () => {
      for (const next of [[], [newer]]) {
        const world = until('switch')
        world.crash(false)
        world.announce(announced(next))
        fail(world).run()
        const expected = (next[0] ?? old).hash
        expect(world.journal()).toMatchObject({ installed: { release: expected }, underway: undefined })
        expect(world.inUse.get(PATH)?.release).toBe(expected)
        expect(world.events()).not.toContain('acme/agent@2.0 switched')
      }
    })

    it('asks the disk again until it says which version is in use', () => {
      for (const done of [true, false]) {
        const world = until('switch')
        world.crash(done)
        world.announce()
        fail(world, { mute: true })
        for (let time = 0; time < 3; time++) {
          while (world.pending.length === 0) world.wait()
          expect(nameOf(world.finish(broken, { mute: true }))).toBe('switch')
          expect(world.journal()?.underway).toMatchObject({ release: fresh.hash, state: 'staged' })
        }
        while (world.pending.length === 0) world.wait()
        world.finish(broken)
        world.run()
        const expected = (done ? fresh : old).hash
        expect(world.journal()).toMatchObject({ installed: { release: expected }, underway: undefined })
        expect(world.inUse.get(PATH)?.release).toBe(expected)
      }
    })
  })

  it('finishes a switch that failed behind its rename although the release was withdrawn, and drops one that failed before it', () => {
    for (const reason of ['diskFull', 'notWritable', 'ioError'] as const)
      for (const late of [true, false]) {
        const world = until('switch')
        world.announce()
        world.finish({ reason, detail: '' }, { late })
        world.run()
        const expected = (late ? fresh : old).hash
        expect(world.journal()).toMatchObject({ installed: { release: expected }, underway: undefined })
        expect(world.inUse.get(PATH)?.release).toBe(expected)
      }
  })

  it('drops a release that is withdrawn before its switch was asked for, and what it left', () => {
    for (const what of ['write fetching', 'write verified', 'stage', 'write staged'] as const) {
      const world = until(what)
      world.announce()
      world.run()
      expect(world.journal()).toMatchObject({ installed: { release: old.hash }, underway: undefined })
      expect(world.inUse.get(PATH)?.release).toBe(old.hash)
      expect(world.staged.size, what).toBe(0)
    }
  })

  it('turns to a newer release at the next edge before the switch, and after the switch otherwise', () => {
    for (const what of WAY) {
      const world = until(what)
      world.announce(announced([newer]))
      world.run()
      const first = WAY.indexOf(what) < WAY.indexOf('switch') ? [] : ['switch 2.0']
      expect(world.steps().filter((step) => step.startsWith('switch'))).toEqual([...first, 'switch 3.0'])
      expect(world.journal()?.installed?.release).toBe(newer.hash)
    }
  })

  it('does again what is in use already when the database was lost', () => {
    const world = upgrading()
    world.run()
    world.wipe()
    expect(world.inUse.get(PATH)?.release).toBe(fresh.hash)
    world.run()
    expect(world.journal()?.installed?.release).toBe(fresh.hash)
    expect(world.inUse.get(PATH)?.release).toBe(fresh.hash)
  })

  it('tidies up what was given up for a newer one, also when power went in between', () => {
    for (const crash of [false, true]) {
      const world = until('write staged')
      world.announce(announced([newer]))
      world.finish()
      expect(nameOf(world.pending[0])).toBe('write fetching')
      if (crash) world.crash(true)
      else world.finish()
      expect(nameOf(world.pending[0])).toBe('tidy')
      world.finish()
      expect([world.staged.size, world.journal()?.underway?.state]).toEqual([0, 'fetching'])
    }
  })

  it('drops what a floor has passed by: it can never go on', () => {
    const world = until('stage')
    world.floors.set(floorOf(roleOf('role'), PATH), { counter: 3, artifact: newer.artifact.hash })
    world.announce(announced([fresh]))
    world.run()
    expect(world.journal()).toMatchObject({ installed: { release: old.hash }, underway: undefined })
    expect(world.rollout.stateOf(fresh.hash)).toMatchObject({ state: 'announced', reason: 'oldCounter' })
  })

  it('tidies up what a crash after the commit left', () => {
    const world = until('tidy')
    world.crash(false)
    expect(world.steps().filter((step) => step === 'tidy 2.0')).toHaveLength(2)
    world.run()
    expect(world.staged.size).toBe(0)
  })
})

describe('an entry', () => {
  const underway = underwayOf({ release: fresh, role: 'role', epoch: 1 })

  it('remembers what failed for good, the newest of them', () => {
    const failed = Array.from({ length: limits.failedReleases }, (_, at) => ({
      release: releaseOf(100 + at).hash,
      reason: 'badArtifact' as const,
    }))
    const entry = { path: PATH, installed: undefined, underway, failed }
    const after = underway && withFailure(entry, underway)
    expect(after?.underway).toBeUndefined()
    expect(after?.failed).toEqual([...failed.slice(1), { release: fresh.hash, reason: 'badArtifact' }])
  })

  it('has all that a job needs', () => {
    const { hash: release, path, counter, version, artifact, installer } = fresh
    const encoding = { type: 'zstd', hash: fresh.encodings[0]?.hash, sha256: fresh.encodings[0]?.sha256 }
    expect(underway && jobOf(path, underway)).toEqual({
      path,
      release,
      counter,
      version,
      artifact,
      encoding,
      installer,
    })
  })
})

describe('a patch', () => {
  const whole = encodingOf('patched')
  const patched = releaseOf(2, { name: 'patched', encodings: [patchOf('patched', old.artifact.hash), whole] })
  const noPatch = { reason: 'ioError', detail: 'what it changes is damaged', noPatch: true } as const

  function patching(): World {
    const world = new World()
    world.announce(announced([old]))
    world.run()
    world.effects = []
    world.announce(announced([patched]))
    world.arrive(patched)
    return world
  }

  /** Until the patch is being applied. */
  function staging(): World {
    const world = patching()
    while (nameOf(world.pending[0]) !== 'stage') world.finish()
    return world
  }

  it('is taken where its base is installed, and the whole everywhere else', () => {
    const world = patching()
    expect(nameOf(world.finish())).toBe('write fetching')
    expect(world.journal()?.underway?.encoding).toMatchObject({ type: 'zstd-patch', base: old.artifact.hash })
    world.run()
    expect(world.journal()).toMatchObject({ installed: { release: patched.hash, saved: 180 }, underway: undefined })
    const fresh = new World()
    fresh.announce(announced([patched]))
    fresh.finish()
    expect(fresh.journal()?.underway?.encoding).toEqual({ type: 'zstd', hash: whole.hash, sha256: whole.sha256 })
    fresh.run()
    expect(fresh.journal()?.installed).not.toHaveProperty('saved')
  })

  it('that nobody has any more is waited for, then the whole is asked for beside it, and what comes first is taken', () => {
    for (const first of ['patch', 'whole']) {
      const world = new World()
      world.announce(announced([old]))
      world.run()
      world.announce(announced([patched]))
      world.finish()
      world.downloadProblem = 'noProvider'
      const patch = patched.encodings[0]?.hash ?? ''
      const until = world.now + limits.patchPatience
      while (world.now < until) {
        expect(world.wanted).not.toContain(whole.hash)
        world.wait()
      }
      world.wait()
      expect(world.wanted).toContain(whole.hash)
      expect(world.wanted).toContain(patch)
      world.complete.add(first === 'patch' ? patch : whole.hash)
      world.wait()
      if (first === 'whole') expect(world.pending[0]?.entries?.[0]?.underway?.encoding.hash).toBe(whole.hash)
      world.finish()
      if (first === 'patch') expect(world.wanted).not.toContain(whole.hash)
      world.run()
      expect(world.journal()).toMatchObject({ installed: { release: patched.hash }, failed: [] })
      expect(world.journal()?.installed?.saved).toBe(first === 'patch' ? 180 : undefined)
    }
  })

  it('that makes nothing gives way to the whole encoding at once, also across a crash, and says why', () => {
    for (const crash of [undefined, false, true]) {
      const world = staging()
      world.finish(noPatch)
      expect(nameOf(world.pending[0])).toBe('write fetching')
      if (crash === undefined) world.finish()
      else world.crash(crash)
      world.run()
      expect(world.journal()).toMatchObject({ installed: { release: patched.hash }, underway: undefined })
      expect(world.journal()?.failed).toEqual([])
      const said = world.effects.flatMap((effect) => (effect.type === 'event' ? [effect.event] : []))
      if (crash === undefined) expect(said).toContainEqual(expect.objectContaining({ detail: noPatch.detail }))
    }
  })

  it('that was signed wrongly does not fail the release', () => {
    const world = staging()
    const mismatch = { reason: 'ioError', detail: 'not what was signed', mismatch: true } as const
    world.finish(mismatch)
    world.arrive(patched)
    world.wait()
    while (nameOf(world.pending[0]) !== 'stage') if (world.finish() === undefined) world.wait()
    world.badPatches.add(patched.encodings[0]?.hash ?? '')
    world.finish(mismatch)
    world.run()
    expect(world.journal()).toMatchObject({ installed: { release: patched.hash }, failed: [] })
  })

  /** The switch happened and nobody knows, what was staged is damaged, and the patch is being applied again. */
  function restaging(): World {
    const world = staging()
    while (nameOf(world.pending[0]) !== 'switch') world.finish()
    world.finish({ reason: 'ioError', detail: 'damaged' }, { late: true, mute: true })
    world.wait()
    while (nameOf(world.pending[0]) !== 'stage') if (world.finish() === undefined) world.wait()
    return world
  }

  it('is applied anew when what was staged is damaged, and gives way without forgetting that a switch may have happened', () => {
    const world = restaging()
    world.finish(noPatch)
    expect(world.pending[0]?.entries?.[0]?.underway).toMatchObject({ state: 'staged', encoding: { hash: whole.hash } })
    world.announce(announced([newer]))
    world.finish()
    // What may be in use is finished first.
    expect(world.journal()?.underway?.release).toBe(patched.hash)
    expect(nameOf(world.pending[0])).not.toBe('write fetching')
    world.run()
    expect(world.journal()).toMatchObject({ installed: { release: newer.hash }, underway: undefined })
  })

  it('is not applied again and again when it makes nothing and nobody announces the release any more', () => {
    const world = restaging()
    world.announce(announced([newer]))
    world.finish(noPatch)
    expect(nameOf(world.pending[0])).toBe('switch')
    world.run()
    expect(world.journal()).toMatchObject({ installed: { release: newer.hash }, underway: undefined })
  })
})
