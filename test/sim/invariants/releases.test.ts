// Each checker of releases fed with a history that breaks its invariant, and with the nearest one that does not.
import { describe, expect, it } from 'vitest'
import type { Change } from '../../../src/core/events.ts'
import { limits, MINUTE } from '../../../src/core/limits.ts'
import type { SavedPublishers } from '../../../src/core/machines.ts'
import type { AnnouncementDocument, Release } from '../../../src/core/trust/announcement.ts'
import { namedScenario } from '../scenario.ts'
import { boundsOf } from './bounds.ts'
import { Delivery, type Due } from './delivery.ts'
import { Floors } from './floors.ts'
import { Installing } from './installing.ts'
import { PieceCare } from './piece-care.ts'
import { joined, Registers } from './registers.ts'

const PATH = 'acme/agent'

function release(counter: number, change: Partial<Release> = {}): Release {
  const artifact = { hash: `artifact ${counter}`, length: 1 }
  return { hash: `release ${counter}`, path: PATH, counter, artifact, to: '', ...change } as Release
}

const job = ({ hash, path, counter, artifact }: Release) => ({ path, release: hash, counter, artifact })
const version = ({ hash, counter, artifact }: Release) => ({ release: hash, counter, artifact: artifact.hash })

/** Releases 1 to 3 were signed; of the fourth only another artifact; node 9 is named by none. */
function installing() {
  const other = release(3, { hash: 'other 3', artifact: { hash: 'other', length: 1 } })
  const signed = [release(1), release(2), release(3), other]
  return new Installing({
    announcement: (hash) => hash === 'signed',
    release: (hash) => signed.find((candidate) => candidate.hash === hash),
    selects: (_release, node) => node !== 9,
  })
}

describe('I10: nothing unsigned and nothing older', () => {
  it('reports an announcement that nobody signed', () => {
    expect(installing().accepts('signed')).toBeUndefined()
    expect(installing().accepts('forged')).toMatchObject({ invariant: 'I10' })
  })

  it('reports a step for what was not signed as it is', () => {
    const checker = installing()
    expect(checker.asks(0, 'stage', job(release(1)), false)).toBeUndefined()
    const wrong = [
      release(4),
      release(1, { counter: 2 }),
      release(1, { path: 'acme/kernel' }),
      release(1, { artifact: { hash: 'evil', length: 1 } }),
    ]
    for (const one of wrong) {
      expect(checker.asks(0, 'stage', job(one), false)).toMatchObject({ invariant: 'I10' })
      expect(checker.asks(0, 'switch', job(one), false)).toMatchObject({ invariant: 'I10' })
      expect(checker.asks(0, 'tidy', job(one), false)).toBeUndefined()
    }
  })

  it('reports a switch below what was accepted, but not one that was asked for before that', () => {
    const checker = installing()
    expect(checker.asks(0, 'switch', job(release(1)), false)).toBeUndefined()
    checker.floor(0, PATH, 2)
    checker.floor(0, PATH, 1)
    expect(checker.asks(0, 'switch', job(release(1)), false)).toBeUndefined()
    expect(checker.asks(1, 'switch', job(release(1)), false)).toBeUndefined()
    expect(checker.asks(0, 'switch', job(release(2)), false)).toBeUndefined()
    checker.floor(2, PATH, 2)
    expect(checker.asks(2, 'switch', job(release(1)), false)).toEqual({
      invariant: 'I10',
      detail: 'installs acme/agent 1 after it accepted 2',
    })
  })

  it('lets a run finish first what it finds staged in its journal', () => {
    const checker = installing()
    const entry = (state: string) => ({ path: PATH, underway: { release: 'release 1', state }, failed: [] }) as never
    for (const [node, state] of ['verified', 'staged'].entries()) {
      checker.floor(node, PATH, 2)
      checker.started(node, [entry(state)])
    }
    expect(checker.asks(0, 'switch', job(release(1)), false)).toMatchObject({ invariant: 'I10' })
    expect(checker.asks(1, 'switch', job(release(1)), false)).toBeUndefined()
  })

  it('reports what is in use after a newer one, or as another artifact of the same counter', () => {
    const checker = installing()
    expect(checker.inUse(0, PATH, undefined, version(release(3)))).toBeUndefined()
    expect(checker.inUse(1, PATH, undefined, version(release(2)))).toBeUndefined()
    expect(checker.inUse(0, PATH, version(release(3)), version(release(2)))?.detail).toBe(
      'installed acme/agent 2 after 3',
    )
    expect(checker.inUse(1, PATH, undefined, version(release(3)))).toBeUndefined()
    const twin = { release: 'other 3', counter: 3, artifact: 'other' }
    expect(checker.inUse(1, PATH, version(release(3)), twin)?.detail).toBe('installed two artifacts as acme/agent 3')
    expect(checker.inUse(1, PATH, twin, version(release(4)))?.invariant).toBe('I10')
    expect(checker.inUse(1, 'acme/kernel', undefined, version(release(1)))?.invariant).toBe('I10')
  })
})

describe('I12: there is always something whole in use', () => {
  it('reports nothing, and half of something', () => {
    const checker = installing()
    const half = { ...version(release(1)), artifact: undefined }
    expect(checker.inUse(0, PATH, undefined, half)).toMatchObject({ invariant: 'I12' })
    expect(checker.inUse(0, PATH, undefined, undefined)).toBeUndefined()
    expect(checker.inUse(0, PATH, version(release(1)), undefined)).toMatchObject({ invariant: 'I12' })
  })
})

describe('I15: who is not named installs nothing', () => {
  it('reports the first step', () => {
    expect(installing().asks(9, 'stage', job(release(1)), false)).toMatchObject({ invariant: 'I15' })
    expect(installing().asks(8, 'stage', job(release(1)), false)).toBeUndefined()
  })
})

describe('I18: what must not begin', () => {
  it('reports a release of a frozen role, unless it was begun before', () => {
    const checker = installing()
    expect(checker.asks(0, 'stage', job(release(1)), false)).toBeUndefined()
    expect(checker.asks(0, 'stage', job(release(1)), true)).toBeUndefined()
    expect(checker.asks(0, 'switch', job(release(1)), true)).toBeUndefined()
    expect(checker.asks(0, 'stage', job(release(2)), true)).toMatchObject({ invariant: 'I18' })
    expect(checker.asks(1, 'stage', job(release(1)), true)).toMatchObject({ invariant: 'I18' })
  })

  it('reports a release that is on disk as failed for good', () => {
    const checker = installing()
    const entry = { path: PATH, installed: undefined, underway: undefined, failed: [{ release: 'release 1' }] }
    checker.started(0, [])
    checker.writes(0, 1, [{ type: 'install', entry: entry as never }])
    expect(checker.asks(0, 'stage', job(release(1)), false)).toBeUndefined()
    checker.persisted(0, 1)
    expect(checker.asks(0, 'stage', job(release(1)), false)).toMatchObject({ invariant: 'I18' })
    expect(checker.asks(1, 'stage', job(release(1)), false)).toBeUndefined()
    checker.writes(1, 1, [{ type: 'install', entry: entry as never }])
    checker.started(1, [])
    checker.persisted(1, 1)
    expect(checker.asks(1, 'stage', job(release(1)), false)).toBeUndefined()
  })
})

const roleFloor = (version: number, epoch = 1): Change => ({
  type: 'roleFloor',
  floor: { role: 'acme', epoch, version },
})
const floor = (counter: number, epoch = 1) => ({ role: 'acme', epoch, path: PATH, counter, artifact: 'x' })
const pathFloor = (counter: number, epoch = 1): Change => ({ type: 'pathFloor', floor: floor(counter, epoch) })
const forget: Change = { type: 'forgetPathFloor', role: 'acme', path: PATH }
const targetsFloor = (version: number): Change => ({ type: 'targetsFloor', version })

function saved(role: [number, number], counter: number, targetsVersion = 0): SavedPublishers {
  const [epoch, version] = role
  return {
    targets: undefined,
    targetsFloor: targetsVersion,
    announcements: [],
    roleFloors: version === 0 ? [] : [{ role: 'acme', epoch, version }],
    pathFloors: counter === 0 ? [] : [floor(counter)],
  }
}

describe('I11: floors never fall', () => {
  it('reports a write below the one before', () => {
    const floors = new Floors()
    floors.started(0, saved([1, 2], 5))
    expect(floors.writes(0, 1, [roleFloor(3), pathFloor(5)])).toBeUndefined()
    expect(floors.writes(0, 2, [pathFloor(4)])).toBe(
      'wrote floor 1.4 of path acme/agent of role acme after floor 1.5 of path acme/agent of role acme',
    )
    expect(floors.writes(0, 3, [roleFloor(1, 2)])).toBeUndefined()
    expect(floors.writes(0, 4, [roleFloor(9)])).toBe('wrote floor 1.9 of role acme after floor 2.1 of role acme')
    expect(floors.writes(0, 5, [{ type: 'incarnation', incarnation: 1 }])).toBeUndefined()
    expect(floors.writes(1, 1, [roleFloor(1)])).toBeUndefined()
  })

  it('lets a newer epoch of the role, and nothing else, void the floor of a path', () => {
    const floors = new Floors()
    floors.started(0, saved([1, 2], 5))
    expect(floors.writes(0, 1, [forget])).toContain('wrote floor 0.0 of path acme/agent')
    floors.started(1, saved([1, 2], 5))
    expect(floors.writes(1, 1, [forget, roleFloor(1, 2)])).toBeUndefined()
    floors.persisted(1, 1)
    expect(floors.writes(1, 2, [pathFloor(1, 2)])).toBeUndefined()
    expect(floors.started(1, saved([2, 1], 0))).toBeUndefined()
  })

  it('lets a write that was refused be made again', () => {
    const floors = new Floors()
    floors.writes(0, 1, [roleFloor(2)])
    floors.persisted(0, 1)
    floors.writes(0, 2, [roleFloor(4)])
    floors.failed(0, 2)
    expect(floors.writes(0, 3, [roleFloor(3)])).toBeUndefined()
    floors.failed(0, 3)
    expect(floors.writes(0, 4, [roleFloor(1)])).toContain('after floor 1.2')
  })

  it('reports a start below what was acted on; what was only asked for may be gone', () => {
    const floors = new Floors()
    floors.started(0, saved([1, 0], 0))
    floors.writes(0, 1, [roleFloor(2), pathFloor(3), targetsFloor(1)])
    expect(floors.persisted(0, 1)).toEqual([floor(3)])
    floors.writes(0, 2, [roleFloor(4)])
    expect(floors.started(0, saved([1, 2], 3, 1))).toBeUndefined()
    expect(floors.started(0, saved([1, 4], 3, 1))).toBeUndefined()
    expect(floors.started(0, saved([1, 1], 3, 1))).toContain('floor 1.1 of role acme after it had acted on floor 1.2')
    expect(floors.started(0, saved([1, 2], 0, 1))).toContain('floor 0.0 of path acme/agent')
    expect(floors.started(0, saved([2, 1], 0, 1))).toBeUndefined()
    expect(floors.started(0, saved([1, 2], 3))).toContain('floor 0.0 of targets')
    expect(floors.persisted(0, 2)).toEqual([])
  })
})

describe('I13 and I14: pieces', () => {
  const care = new PieceCare({
    isPiece: (encoding, index, bytes) => encoding === 'known' && bytes[0] === index,
    holds: (node, _encoding, index) => node === 0 && index === 1,
  })

  it('are kept when they are right', () => {
    expect(care.keeps('known', 3, Uint8Array.of(3))).toBeUndefined()
    expect(care.keeps('known', 3, Uint8Array.of(4))).toContain('something else as piece 3')
    expect(care.keeps('other', 3, Uint8Array.of(3))).toContain('something else')
    expect(care.keeps('known', 3, undefined)).toContain('did not arrive')
  })

  it('are asked for when they are not there', () => {
    expect(care.asks(0, 'known', 1)).toContain('which it has on disk')
    expect(care.asks(0, 'known', 2)).toBeUndefined()
    expect(care.asks(1, 'known', 1)).toBeUndefined()
    expect(care.asked).toBeGreaterThanOrEqual(3)
  })
})

function announcement(version: number, hash: string): AnnouncementDocument {
  return { hash, signed: { role: 'acme', epoch: 1, version } } as AnnouncementDocument
}
const taken = (side: 'held' | 'rival', version: number, hash: string): Change => ({
  type: 'announcement',
  side,
  announcement: announcement(version, hash),
})

describe('the registers of nodes', () => {
  it('are what is on disk, and what was read from it', () => {
    const registers = new Registers()
    registers.started(0, saved([1, 0], 0))
    expect(registers.of(0, 'acme')).toBe('')
    registers.writes(0, 1, [taken('held', 1, 'b')])
    expect(registers.of(0, 'acme')).toBe('')
    expect(registers.persisted(0, 1)).toEqual([announcement(1, 'b')])
    expect(registers.of(0, 'acme')).toBe('1.1 b')
    registers.writes(0, 2, [taken('held', 1, 'a'), taken('rival', 1, 'b')])
    registers.persisted(0, 2)
    expect(registers.of(0, 'acme')).toBe('1.1 a 1.1 b')
    expect([registers.frozen(0, 'acme'), registers.frozen(0, 'beta'), registers.frozen(1, 'acme')]).toEqual([
      true,
      false,
      false,
    ])
    registers.writes(0, 3, [taken('held', 2, 'c'), { type: 'forgetAnnouncement', side: 'rival', role: 'acme' }])
    registers.failed(0, 3)
    registers.persisted(0, 3)
    expect(registers.of(0, 'acme')).toBe('1.1 a 1.1 b')
    registers.started(0, { ...saved([1, 0], 0), announcements: [{ side: 'held', announcement: announcement(2, 'c') }] })
    expect([registers.of(0, 'acme'), registers.frozen(0, 'acme')]).toEqual(['1.2 c', false])
  })

  it('join to the newest, and to the two lowest of one version', () => {
    const one = { epoch: 1, version: 1, hash: 'z' }
    expect(joined([])).toBe('')
    expect(joined([one, { ...one, version: 3, hash: 'y' }])).toBe('1.3 y')
    expect(
      joined([
        { ...one, version: 9 },
        { epoch: 2, version: 1, hash: 'a' },
      ]),
    ).toBe('2.1 a')
    const three = ['c', 'a', 'b'].map((hash) => ({ ...one, hash }))
    expect(joined(three)).toBe('1.1 a 1.1 b')
    expect(joined([...three].reverse())).toBe('1.1 a 1.1 b')
  })
})

describe('I16 and I17: what should be there is there in time', () => {
  function delivery() {
    const clock = { now: 0 }
    const reports: string[] = []
    const report = (invariant: string, node: number, detail: string) => reports.push(`${invariant} ${node} ${detail}`)
    const allowed = { I16: 10 * MINUTE, I17: 5 * MINUTE }
    return { clock, reports, delivery: new Delivery({ now: () => clock.now, round: MINUTE, allowed, report }) }
  }
  const due = (change: Partial<Due> = {}): Due => {
    return { invariant: 'I16', node: 3, what: 'r', from: MINUTE, met: false, instead: 'has nothing', ...change }
  }

  it('reports once whoever waited for longer than is allowed', () => {
    const { clock, reports, delivery: checker } = delivery()
    clock.now = 11 * MINUTE
    checker.look([due(), due({ node: 4, from: 2 * MINUTE })])
    expect([reports, checker.complete]).toEqual([[], false])
    clock.now++
    checker.look([due(), due({ node: 4, from: 2 * MINUTE })])
    checker.look([due()])
    expect(reports).toEqual(['I16 3 has nothing 10 rounds of hello after everything was whole'])
  })

  it('allows announcements their own time', () => {
    const { clock, reports, delivery: checker } = delivery()
    clock.now = 7 * MINUTE
    checker.look([due({ invariant: 'I17' }), due()])
    expect(reports).toEqual(['I17 3 has nothing 6 rounds of hello after everything was whole'])
  })

  it('counts rounds until all is there, each once', () => {
    const { clock, reports, delivery: checker } = delivery()
    checker.look([])
    expect(checker.complete).toBe(true)
    clock.now = 3.5 * MINUTE
    checker.look([due({ met: true }), due({ node: 4 })])
    clock.now = 9 * MINUTE
    checker.look([due({ met: true }), due({ node: 4, from: 8.5 * MINUTE, met: true })])
    expect(checker.stats).toMatchObject({ settled: 2, slowestRounds: 3, allowedRounds: 10 })
    expect([reports, checker.complete]).toEqual([[], true])
  })
})

describe('the bounds of releases', () => {
  it('grow with loss, hops and what a disk refuses', () => {
    const scenario = namedScenario('release-small')
    const base = boundsOf(scenario)
    expect(base.installation).toBeGreaterThan(base.spread)
    expect(boundsOf({ ...scenario, loss: 0.2 }).spread).toBeGreaterThan(base.spread)
    expect(boundsOf({ ...scenario, nodes: 240, zones: 30 }).spread).toBeGreaterThan(base.spread)
    const worse = boundsOf({ ...scenario, disk: { ...scenario.disk, failShare: 0.1 } })
    expect(worse.installation).toBeGreaterThan(base.installation)
    const clean = boundsOf({ ...scenario, loss: 0, zones: 1, partitions: [] })
    expect(clean.spread).toBeLessThan(5 * limits.helloPeriod)
  })

  it('fit the quiet of every scenario with releases', () => {
    for (const name of ['release', 'release-small', 'release-hour']) {
      const scenario = namedScenario(name)
      expect(boundsOf(scenario).installation).toBeLessThan(scenario.quietSeconds * 1_000)
    }
  })
})
