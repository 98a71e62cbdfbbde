import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { underwayOf } from '../../../src/core/rollout/journal.ts'
import { type PathView, reportsOf } from '../../../src/core/rollout/reports.ts'
import type { Installed, UnderwayState } from '../../../src/core/rollout/states.ts'
import { releaseOf } from './world.ts'

const by = { role: 'role', epoch: 1 }
const nothing = { choice: undefined, trouble: undefined, failure: undefined, committed: 0 }

function committed(path: string, order: number): PathView {
  const { hash: release, counter, version, artifact } = releaseOf(1, { path })
  const installed: Installed = { ...by, release, counter, version, artifact: artifact.hash }
  return { ...nothing, entry: { path, installed, underway: undefined, failed: [] }, committed: order }
}

function coming(path: string, state: UnderwayState, name?: string): PathView {
  const release = underwayOf({ ...by, release: releaseOf(2, name === undefined ? { path } : { path, name }) })
  return {
    ...nothing,
    entry: { path, installed: undefined, underway: release && { ...release, state }, failed: [] },
  }
}

const shortOf = (counter: number, path: string) => releaseOf(counter, { path }).hash.slice(0, 16)
const supply = (percent: number, peers?: number) => ({ percentOf: () => percent, peersOf: () => peers })
const statesOf = (views: readonly PathView[]) => reportsOf(views, supply(40)).map(({ state }) => state)

describe('what a record says of releases', () => {
  it('is what is under way first, then what waits or failed, then what was committed last', () => {
    const selected = { ...by, release: releaseOf(1, { path: 'd' }), selected: true, unsure: false }
    const held: PathView = {
      ...nothing,
      entry: { path: 'd', installed: undefined, underway: undefined, failed: [] },
      choice: { ...selected, hold: 'frozen' },
    }
    const views = [committed('a', 1), committed('b', 3), held, coming('c', 'fetching')]
    expect(statesOf(views)).toEqual(['fetching', 'announced', 'committed', 'committed'])
    expect(reportsOf([committed('a', 1), committed('b', 3)], supply(0))[0]?.release8).toBe(shortOf(1, 'b'))
  })

  it('is at most so much as a record holds', () => {
    const views = Array.from({ length: 9 }, (_, at) => committed(`p${at}`, at))
    expect(reportsOf([...views, coming('c', 'staged')], supply(0))).toHaveLength(limits.recordInstalls)
    expect(statesOf([...views, coming('c', 'staged')])[0]).toBe('staged')
  })

  it('is the version in use beside the one on its way', () => {
    const both: PathView = committed('a', 1)
    const views = [{ ...both, entry: { ...both.entry, underway: coming('a', 'fetching').entry.underway } }]
    expect(reportsOf(views, supply(40))).toMatchObject([
      { release8: shortOf(2, 'a'), state: 'fetching', reason: undefined, percent: 40 },
      { release8: shortOf(1, 'a'), state: 'committed', reason: undefined, percent: 100 },
    ])
  })

  it('is why it waits', () => {
    const trouble = { reason: 'notWritable' as const, detail: 'read-only' }
    expect(reportsOf([{ ...coming('a', 'verified'), trouble }], supply(0))).toMatchObject([
      { state: 'verified', reason: 'notWritable', percent: 100 },
    ])
    const release = releaseOf(2, { path: 'a' })
    const held = {
      ...coming('a', 'verified'),
      trouble,
      choice: { ...by, release, selected: true, unsure: false, hold: 'frozen' as const },
    }
    expect(reportsOf([held], supply(0))).toMatchObject([{ state: 'verified', reason: 'frozen' }])
  })

  it('leaves out what failed and is announced no more', () => {
    const { entry } = committed('a', 1)
    const failed = [{ release: releaseOf(7).hash, reason: 'badArtifact' as const }]
    expect(statesOf([{ ...nothing, entry: { ...entry, failed } }])).toEqual(['committed'])
  })
})

describe('how its bytes came', () => {
  const HASHES = ['e0e1', 'a0a1', 'b0b1'].map((digits) => digits.padEnd(64, '0')) as [string, string, string]
  const announced = releaseOf(1, { path: 'a' })
  const encoding = announced.encodings[0]!
  const encodings = HASHES.map((hash, at) => ({
    ...{ ...encoding, hash, length: 1_000 - 300 * at },
    ...(at > 0 && { base: `${at}`.repeat(64) }),
  }))
  const release = { ...announced, encodings }
  const choice = { ...by, release, selected: true, unsure: false, hold: undefined }
  const inUse = (saved?: number): PathView => {
    const { entry } = committed('a', 1)
    const installed = { ...entry.installed!, release: release.hash, ...(saved !== undefined && { saved }) }
    return { ...nothing, choice, entry: { ...entry, installed } }
  }
  const peersOf = (hashes: readonly string[]) => hashes.length
  const told = (view: PathView) => {
    const [report] = reportsOf([view], { percentOf: () => 40, peersOf })
    return [report?.encoding2, report?.peers]
  }

  it('is told of the whole, and of the patch that saved so much', () => {
    expect([undefined, 300, 600, 5].map((saved) => told(inUse(saved)))).toEqual([
      ['e0e1', 3],
      ['a0a1', 3],
      ['b0b1', 3],
      [undefined, 3],
    ])
  })

  it('of what is announced no more is told while it is on its way', () => {
    const { underway } = coming('c', 'fetching').entry
    expect(told(coming('c', 'fetching'))).toEqual([underway?.encoding.hash.slice(0, 4), 1])
    expect(told(committed('c', 1))).toEqual([undefined, 0])
  })
})
