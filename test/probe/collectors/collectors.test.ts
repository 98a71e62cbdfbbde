// Text files, and what becomes of several collectors together.
import { execFileSync } from 'node:child_process'
import { existsSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { NamedValue } from '../../../src/core/fleet/named-values.ts'
import { limits } from '../../../src/core/limits.ts'
import { CustomCollectors } from '../../../src/probe/collectors/collectors.ts'
import { combine } from '../../../src/probe/collectors/gathered.ts'
import { TextFiles } from '../../../src/probe/collectors/text-files.ts'
import { CollectorFolder, CollectorPlatform } from './bench.ts'

let folder: CollectorFolder
beforeEach(() => {
  folder = new CollectorFolder()
})
afterEach(() => folder.dispose())

async function read(platform = new CollectorPlatform(), clockTrusted = false) {
  const files = new TextFiles(folder.path, platform)
  await files.settled()
  const look = async () => {
    files.look(clockTrusted)
    await files.settled()
    return files.gathered()
  }
  return { files, look, platform, gathered: files.gathered() }
}

const value = (name: string, more: Partial<NamedValue> = {}): NamedValue => {
  return { name, labels: [], unit: '1', kind: 'gauge', value: 1, ...more }
}

describe('text files', () => {
  it('are read when they are new or another, and only *.prom', async () => {
    folder.file('a.prom', 'x 1\n')
    folder.file('b.txt', 'y 1\n')
    folder.file('.c.prom', 'z 1\n')
    const { gathered, look } = await read()
    expect(gathered).toMatchObject([{ collector: 'a.prom', values: [{ name: 'x', value: 1 }] }])
    folder.file('a.prom', 'x 22\n')
    expect(await look()).toMatchObject([{ values: [{ value: 22 }] }])
  })

  it.each<[string, (it: CollectorFolder) => void, string, string]>([
    ['a link', (it) => symlinkSync('/etc/hostname', join(it.path, 'a.prom')), 'refused', 'is a link'],
    ['a pipe', (it) => execFileSync('mkfifo', [join(it.path, 'a.prom')]), 'refused', 'is no file'],
    ['too long', (it) => it.file('a.prom', 'x'.repeat(limits.collectorOutputBytes + 1)), 'floods', 'more than 128 kB'],
    ['endless', (it) => it.file('a.prom', '\n'.repeat(2e7)), 'floods', 'more than 128 kB'],
    ['garbage', (it) => it.file('a.prom', new Uint8Array([0, 255, 10])), 'malformed', 'not UTF-8'],
  ])('that are %s are refused', async (_, make, code, reason) => {
    make(folder)
    const { gathered } = await read()
    expect(gathered).toEqual([
      { collector: 'a.prom', values: [], trouble: { code, reason: expect.stringContaining(reason) } },
    ])
  })

  it('that nobody writes any more keep their values and are told to be stale', async () => {
    folder.file('a.prom', 'x 1\n')
    const { look, platform, gathered } = await read()
    expect(gathered[0]?.trouble).toBeUndefined()
    platform.time += limits.textFileStale
    expect(await look()).toMatchObject([{ values: [{ name: 'x' }], trouble: { code: 'stale' } }])
    folder.file('a.prom', 'x 11\n')
    expect((await look())[0]?.trouble).toBeUndefined()
  })

  it('that were old at the start are stale where the clock can be believed', async () => {
    utimesSync(folder.file('a.prom', 'x 1\n'), 1_000, 1_000)
    const platform = new CollectorPlatform()
    platform.wall = () => 1_000_000 + limits.textFileStale
    const believing = new TextFiles(folder.path, platform)
    await believing.settled()
    expect(believing.gathered()[0]?.trouble).toBeUndefined()
    expect(believing.written()).toEqual([['a.prom', 1_000]])
    believing.look(true)
    await believing.settled()
    expect(believing.gathered()[0]?.trouble?.code).toBe('stale')
  })

  it('that are too many, or whose folder is not there, are told of', async () => {
    for (let i = 0; i <= limits.collectors; i++) folder.file(`${i}.prom`, `x${i} 1\n`)
    const { gathered, look } = await read()
    expect(gathered).toHaveLength(limits.collectors + 1)
    expect(gathered.at(-1)?.trouble).toMatchObject({ code: 'tooMany', reason: expect.stringContaining('33 files') })
    folder.dispose()
    expect(await look()).toMatchObject([
      { trouble: { code: 'refused', reason: expect.stringContaining('is not there') } },
    ])
  })
})

describe('several collectors', () => {
  const none = () => false

  it('may share a name with other labels; of one series the first in order of name keeps it', () => {
    const north = value('t', { labels: [['wall', 'north']] })
    const south = value('t', { labels: [['wall', 'south']] })
    const both = [
      { collector: 'b', values: [value('mine'), north] },
      { collector: 'a', values: [north] },
      { collector: 'c', values: [south] },
    ]
    const { values, troubles } = combine(both, none)
    expect(values).toEqual([north, south])
    expect(troubles).toEqual([
      { collector: 'b', code: 'duplicate', reason: 'it gives t as a does: choose another name, or add a label' },
    ])
  })

  it('may not disagree of what kind a metric is', () => {
    const all = [
      { collector: 'a', values: [value('t')] },
      { collector: 'b', values: [value('t', { kind: 'counter', labels: [['a', '1']] })] },
    ]
    expect(combine(all, none).troubles).toEqual([
      { collector: 'b', code: 'duplicate', reason: 'it gives t as counter, and a as gauge: choose another name' },
    ])
  })

  it('may not give what pimesh gives, nor more than all together may', () => {
    const many = (collector: string) => {
      const values = Array.from({ length: limits.collectorSeries }, (_, i) => value(`${collector}${i}`))
      return { collector, values }
    }
    const { values, troubles } = combine([many('c'), many('b'), many('a')], none)
    expect(values).toHaveLength(limits.collectorSeriesAll)
    expect(troubles).toMatchObject([{ collector: 'c', code: 'tooMany' }])
    const ours = combine([{ collector: 'a', values: [value('up')] }], (name) => name === 'up')
    expect(ours).toMatchObject({
      values: [],
      troubles: [{ code: 'duplicate', reason: expect.stringContaining('up, which pimesh') }],
    })
  })

  it('are reported each with what is taken of it', async () => {
    folder.file('a.prom', 'x 1\ny 2\n')
    folder.file('b.prom', 'x 1\n')
    const programs = new CollectorFolder()
    programs.script('c', 'echo "z 1"')
    const config = { folder: programs.path, period: limits.collectorPeriod, timeLimit: limits.collectorTimeout }
    const custom = new CustomCollectors(
      { textfiles: folder.path, programs: config, isOurs: none },
      new CollectorPlatform(),
    )
    await custom.settled()
    expect(custom.reports()).toMatchObject([
      { collector: 'a.prom', series: 2, trouble: undefined },
      { collector: 'b.prom', series: 0, trouble: { code: 'duplicate' } },
      { collector: 'c', series: 1, trouble: undefined },
    ])
    expect(custom.sample(false)).toMatchObject({
      values: [{ name: 'x' }, { name: 'y' }, { name: 'z' }],
      troubles: [{}],
    })
    custom.close()
    programs.dispose()
    expect(existsSync(programs.path)).toBe(false)
  })
})
