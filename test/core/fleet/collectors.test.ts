import { describe, expect, it } from 'vitest'
import { type CollectorTrouble, seriesId } from '../../../src/core/fleet/named-values.ts'
import { flagNames } from '../../../src/core/fleet/record.ts'
import { limits } from '../../../src/core/limits.ts'
import { LittleMesh, type Member } from '../trust/little-mesh.ts'

const trouble = (code: CollectorTrouble['code'], reason: string) => ({ collector: 'room', code, reason })
const told = (node: Member) => node.events.filter(({ type }) => type === 'collector')
const flagged = (node: Member) => flagNames(node.records.at(-1)?.flags ?? 0).includes('collectors')

describe('custom collectors', () => {
  it('in trouble are one event for each change and a flag in the record (clause FLAGS)', () => {
    const mesh = new LittleMesh()
    const node = mesh.add('node')
    const at = (...troubles: CollectorTrouble[]) => {
      node.troubles = troubles
      mesh.run(2 * limits.recordPeriodMax)
    }
    at()
    expect([told(node), flagged(node)]).toEqual([[], false])
    const hangs = trouble('hangs', 'it was ended after 10 s')
    at(hangs)
    at({ ...hangs, reason: 'it was ended after 11 s' })
    expect([told(node), flagged(node)]).toEqual([[{ type: 'collector', collector: 'room', trouble: hangs }], true])
    const floods = trouble('floods', 'it printed too much')
    at(floods)
    expect(told(node)).toHaveLength(2)
    at()
    expect(told(node).at(-1)).toEqual({ type: 'collector', collector: 'room', trouble: undefined })
    expect([told(node).length, flagged(node)]).toEqual([3, false])
  })
})

describe('the id of a series', () => {
  it('is its name and labels with the escapes of the text format', () => {
    expect(seriesId({ name: 'node_load1', labels: [] })).toBe('node_load1')
    const labels = [
      ['a', '1'],
      ['path', 'C:\\"x"\n'],
    ] as const
    expect(seriesId({ name: 'x', labels })).toBe('x{a="1",path="C:\\\\\\"x\\"\\n"}')
  })
})
