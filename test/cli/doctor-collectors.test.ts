import { describe, expect, it } from 'vitest'
import { collectorChecks } from '../../src/cli/doctor/collectors.ts'

describe('the check of custom collectors', () => {
  it('says nothing without any, and of an older daemon', () => {
    expect(collectorChecks([])).toEqual([])
    expect(collectorChecks(undefined)).toEqual([])
  })

  it('sums up what is fine, and has a line with advice for each that is not', () => {
    const hangs = { code: 'hangs', reason: 'it had not ended after 10 s: make it faster' }
    const garbage = { code: 'malformed', reason: 'line 2 of what it gives is no sample: "<html>"' }
    const stale = { code: 'stale', reason: 'it was not written for 30 h: look after what writes it' }
    const checks = collectorChecks([
      { name: 'a', series: 1, trouble: null },
      { name: 'b', series: 2, trouble: null },
      { name: 'c', series: 0, trouble: hangs },
      { name: 'd', series: 0, trouble: garbage },
      { name: 'e.prom', series: 3, trouble: stale },
    ])
    expect(checks.map(({ state, text, advice }) => [state, text, advice])).toEqual([
      ['ok', '2 collectors with 3 series', undefined],
      ['warn', 'c: it had not ended after 10 s; nothing of it is taken', 'make it faster'],
      [
        'warn',
        'd: line 2 of what it gives is no sample: "<html>"; nothing of it is taken',
        'run it by hand, as the user of the daemon, and look at what it prints',
      ],
      ['warn', 'e.prom: it was not written for 30 h; its values are still taken', 'look after what writes it'],
    ])
  })
})
