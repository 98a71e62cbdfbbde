// Linking: what core asks of links, at the port, and what is fed back.
import { expect, test } from 'vitest'
import type { Input } from '../../src/core/events.ts'
import { Linking } from '../../src/daemon/linking.ts'
import { NO_LINKS } from '../mesh/quiet.ts'

test('a pulse has all the time that core gave it, also when that is no whole number of milliseconds', async () => {
  const { promise: fed, resolve: feed } = Promise.withResolvers<Input>()
  const pulse = (_peer: string, { signal }: { signal: AbortSignal }) =>
    new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const linking = new Linking({ ...NO_LINKS, pulse }, { feed, signal: new AbortController().signal })
  const began = performance.now()
  linking.perform({ type: 'pulse', peer: 'far', timeout: 60.75 })
  expect(await fed).toEqual({ type: 'pulseMissed', peer: 'far' })
  expect(performance.now() - began).toBeGreaterThanOrEqual(55)
})
