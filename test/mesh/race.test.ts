// A race between addresses: preference, head starts, and what is left behind.
import { afterEach, expect, test, vi } from 'vitest'
import { race } from '../../src/mesh/race.ts'
import { failureOf, never } from './nodes.ts'

afterEach(() => vi.useRealTimers())

const candidates = (...names: string[]) => names.map((what) => ({ what, headStart: 250 }))
const options = { signal: never(), timeout: 5_000 }

/** Each hangs until it is aborted, except those that are said to work or fail. */
function attempts(outcomes: Record<string, 'works' | 'fails'>) {
  const begun: string[] = []
  const aborted: string[] = []
  const attempt = (name: string, signal: AbortSignal) => {
    begun.push(name)
    if (outcomes[name] === 'works') return Promise.resolve(name)
    if (outcomes[name] === 'fails') return Promise.reject(new Error(name))
    return new Promise<string>((_, reject) =>
      signal.addEventListener('abort', () => {
        aborted.push(name)
        reject(signal.reason)
      }),
    )
  }
  return { attempt, begun, aborted }
}

test('one that hangs costs those behind it a head start, not a dial: a site that lets out nothing but 443 is dialled once', async () => {
  vi.useFakeTimers()
  const { attempt, begun, aborted } = attempts({ port443: 'works' })
  const won = race(candidates('lan', 'port31415', 'port443', 'relay'), attempt, options)
  await vi.advanceTimersByTimeAsync(499)
  expect(begun).toEqual(['lan', 'port31415'])
  await vi.advanceTimersByTimeAsync(1)
  expect(await won).toBe('port443')
  expect(aborted).toEqual(['lan', 'port31415'])
  await vi.advanceTimersByTimeAsync(10_000)
  expect(begun).toEqual(['lan', 'port31415', 'port443'])
  expect(vi.getTimerCount()).toBe(0)
})

test('one that fails costs nothing, and when all have, each says why', async () => {
  vi.useFakeTimers()
  const { attempt, begun } = attempts({ a: 'fails', b: 'fails' })
  const failed = failureOf(race(candidates('a', 'b', 'c'), attempt, options))
  await vi.advanceTimersByTimeAsync(0)
  expect(begun).toEqual(['a', 'b', 'c'])
  await vi.advanceTimersByTimeAsync(5_000)
  expect(await failed).toMatchObject({ errors: [{ message: 'a' }, { message: 'b' }, { code: 'E_NO_MEMBER' }] })
})

test('who gives up ends all of it, and nobody wins of none', async () => {
  const giveUp = new AbortController()
  const { attempt, aborted } = attempts({})
  const failed = failureOf(race(candidates('a'), attempt, { signal: giveUp.signal, timeout: 5_000 }))
  giveUp.abort(new Error('enough'))
  expect(await failed).toMatchObject({ message: 'enough' })
  expect(aborted).toEqual(['a'])
  expect(await failureOf(race(candidates('a'), attempt, { signal: giveUp.signal, timeout: 1 }))).toMatchObject({
    message: 'enough',
  })
  expect(await failureOf(race([], attempt, options))).toMatchObject({ errors: [] })
})
