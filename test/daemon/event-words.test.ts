import { describe, expect, it } from 'vitest'
import type { InstallState } from '../../src/core/rollout/states.ts'
import { eventWords } from '../../src/daemon/event-words.ts'

describe('the words for an installation', () => {
  it.each<[InstallState, string | undefined, string, string]>([
    ['verified', undefined, 'info', 'acme/fl@1 is verified'],
    ['verified', 'the disk is full', 'warn', 'acme/fl@1 is held up at verified: the disk is full'],
    ['announced', 'it has expired', 'warn', 'acme/fl@1 is held up at announced: it has expired'],
    ['failed', 'it is not what was signed', 'warn', 'acme/fl@1 is failed: it is not what was signed'],
    ['rolledBack', undefined, 'warn', 'acme/fl@1 is rolledBack'],
  ])('%s, %s', (state, detail, level, text) => {
    const event = { type: 'install', name: 'acme/fl@1', state, detail } as const
    expect(eventWords(event, (node) => node)).toEqual({ level, text })
  })
})

describe('the words for a network that lets nothing out', () => {
  it('say so once, and when that is over', () => {
    const words = (event: Parameters<typeof eventWords>[0]) => eventWords(event, (node) => node)
    expect(words({ type: 'cutOff', since: 0 })).toMatchObject({
      level: 'warn',
      text: expect.stringContaining('goes on'),
    })
    expect(words({ type: 'wayOut', after: 90_000 })).toEqual({
      ...{ level: 'info', text: 'a member outside is linked again, after 90 s' },
    })
  })
})

describe('the words for budgets', () => {
  it('say why nothing goes, and when that is over', () => {
    const words = (event: Parameters<typeof eventWords>[0]) => eventWords(event, (node) => node)
    expect(words({ type: 'paused', pause: { why: 'hours', opens: 1_320 } })).toEqual({
      level: 'info',
      text: 'releases are neither fetched nor served: nothing comes from or goes to other sites outside of swarm.hours: it goes on at 22:00',
    })
    expect(words({ type: 'paused', pause: { why: 'hot', below: 80 } }).text).toMatch(
      /the board is too hot .* below 80 °C$/,
    )
    expect(words({ type: 'wentOn', after: 480 * 60_000 }).text).toMatch(/again, after 8 h$/)
    expect(words({ type: 'wentOn', after: 90_000 }).text).toMatch(/again, after 90 s$/)
  })
})

describe('the words for zones that are dark', () => {
  const words = (event: Parameters<typeof eventWords>[0]) => eventWords(event, (node) => node)
  it('name them, and say how many there are in all', () => {
    expect(words({ type: 'zoneDark', zones: ['/uk/a'], dark: 1 })).toEqual({
      level: 'warn',
      text: '/uk/a is dark: nobody speaks for it, and its nodes are in no count',
    })
    expect(words({ type: 'zoneDark', zones: ['/uk/a', '/us'], dark: 12 }).text).toBe(
      '/uk/a, /us are dark: nobody speaks for them, and their nodes are in no count; 12 zones are dark in all',
    )
  })

  it('say when they are back', () => {
    expect(words({ type: 'zoneBack', zones: ['/uk/a'], after: 240_000, dark: 0 })).toEqual({
      ...{ level: 'info', text: '/uk/a is heard again, after 4 min' },
    })
    expect(words({ type: 'zoneBack', zones: ['/uk/a', '/us'], after: 240_000, dark: 1 }).text).toBe(
      '/uk/a, /us are heard again, after 4 min; 1 zone is dark still',
    )
  })
})
