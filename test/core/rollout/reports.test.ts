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
const statesOf = (views: readonly PathView[]) => reportsOf(views, () => 40).map(({ state }) => state)

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
    expect(reportsOf([committed('a', 1), committed('b', 3)], () => 0)[0]?.release8).toBe(shortOf(1, 'b'))
  })

  it('is at most so much as a record holds', () => {
    const views = Array.from({ length: 9 }, (_, at) => committed(`p${at}`, at))
    expect(reportsOf([...views, coming('c', 'staged')], () => 0)).toHaveLength(limits.recordInstalls)
    expect(statesOf([...views, coming('c', 'staged')])[0]).toBe('staged')
  })

  it('is the version in use beside the one on its way', () => {
    const both: PathView = committed('a', 1)
    const views = [{ ...both, entry: { ...both.entry, underway: coming('a', 'fetching').entry.underway } }]
    expect(reportsOf(views, () => 40)).toEqual([
      { release8: shortOf(2, 'a'), state: 'fetching', reason: undefined, percent: 40 },
      { release8: shortOf(1, 'a'), state: 'committed', reason: undefined, percent: 100 },
    ])
  })

  it('is why it waits', () => {
    const trouble = { reason: 'notWritable' as const, detail: 'read-only' }
    expect(reportsOf([{ ...coming('a', 'verified'), trouble }], () => 0)).toMatchObject([
      { state: 'verified', reason: 'notWritable', percent: 100 },
    ])
    const release = releaseOf(2, { path: 'a' })
    const held = {
      ...coming('a', 'verified'),
      trouble,
      choice: { ...by, release, selected: true, unsure: false, hold: 'frozen' as const },
    }
    expect(reportsOf([held], () => 0)).toMatchObject([{ state: 'verified', reason: 'frozen' }])
  })

  it('leaves out what failed and is announced no more', () => {
    const { entry } = committed('a', 1)
    const failed = [{ release: releaseOf(7).hash, reason: 'badArtifact' as const }]
    expect(statesOf([{ ...nothing, entry: { ...entry, failed } }])).toEqual(['committed'])
  })
})
