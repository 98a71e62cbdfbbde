import { expect, it } from 'vitest'
import type { Input } from '../../src/core/events.ts'
import { Directing } from '../../src/daemon/directing.ts'
import { NO_DIRECTORY } from '../mesh/quiet.ts'

it('feeds back what the directory found and how many were told, under the ticket that asked', async () => {
  const provider = { node: 'n', addresses: ['/ip4/203.0.113.7/tcp/1'] }
  const fed: Input[] = []
  const asked: unknown[] = []
  const directory = {
    ...NO_DIRECTORY,
    serve: (on: boolean) => void asked.push(on),
    withdraw: (key: string) => void asked.push(key),
    find: async (key: string) => (key === 'e' ? [provider] : []),
    provide: async (_key: string, addresses: readonly string[]) => addresses.length,
  }
  const { promise: all, resolve } = Promise.withResolvers<void>()
  const feed = (input: Input) => {
    fed.push(input)
    if (fed.length === 2) resolve()
  }
  const directing = new Directing(directory, { feed, signal: new AbortController().signal })
  directing.perform({ type: 'directoryServe', on: true })
  directing.perform({ type: 'directoryWithdraw', encoding: 'gone' })
  directing.perform({ type: 'directoryFind', ticket: 7, encoding: 'e' })
  directing.perform({ type: 'directoryProvide', ticket: 8, encoding: 'e', addresses: ['a', 'b'] })
  await all
  expect(asked).toEqual([true, 'gone'])
  expect(fed).toContainEqual({ type: 'directoryFound', ticket: 7, providers: [provider] })
  expect(fed).toContainEqual({ type: 'directoryProvided', ticket: 8, servers: 2 })
})
