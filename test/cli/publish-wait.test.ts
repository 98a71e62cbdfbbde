import { expect, it } from 'vitest'
import { waitForCopy } from '../../src/cli/publish/wait.ts'
import { budgetsJson } from './answers.ts'

it('a publisher whose own peer is paused hears it before the waiting', async () => {
  const notices: string[] = []
  const paused = { reason: 'month', detail: 'the budget is used up', ageMs: 60_000, resumesInMs: null, lan: false }
  const ends = {
    client: {
      status: async () => ({ node: 'n', budgets: budgetsJson({ paused }) }),
      releases: async () => ({ releases: [] }),
    },
    terminal: { notice: (text: string) => void notices.push(text) },
    signal: new AbortController().signal,
    progress: { say: () => undefined, end: () => undefined },
  }
  await waitForCopy(ends as unknown as Parameters<typeof waitForCopy>[0], { hash: 'h', encodings: [] })
  expect(notices[0]).toBe('this peer is paused since 1 min: the budget is used up; the LAN is free')
})
