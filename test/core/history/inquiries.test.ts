// Inquiries from another zone: the address book has a few contacts of it, and need not have those that keep a node's values.
import { expect, it } from 'vitest'
import { Inquiries } from '../../../src/core/history/inquiries.ts'
import { Book } from '../../../src/core/links/book.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import type { HistoryResponse } from '../../../src/core/protocols.ts'
import { decodeResponse, encodeResponse } from '../../../src/wire/messages.ts'
import { nodeOf } from '../../fixtures/documents.ts'

const ZONE = '/uk/a'
const [dead, guide, keeper, lost] = ['dead', 'guide', 'keeper', 'lost'].map(nodeOf) as [string, string, string, string]
const NOTHING: HistoryResponse = {
  ...{ refused: undefined, own: false, tier: 'minutes', names: [], blocks: [], more: false, keepers: [] },
}

it('dials a keeper that its own book does not have where the one who names it says, also over the wire', () => {
  const out = new Outbox()
  const book = new Book('me', '/')
  book.hearsay({ node: guide, zone: ZONE, addresses: ['/ip4/10.0.0.1/tcp/1'], age: 0, serves: true }, 0)
  const linked = new Set([guide])
  const dialled: { node: string; addresses: readonly string[] }[] = []
  const links = {
    get: (node: string) => linked.has(node) || undefined,
    wantFor: (entry: object) => dialled.push(entry as never),
  }
  const inquiries = new Inquiries({ out, self: { node: 'me' }, book, links, history: undefined } as never)
  const asks = () => new Map(out.drain().flatMap((one) => (one.type === 'ask' ? [[one.peer, one.ticket]] : [])))

  inquiries.start(1, { node: dead, zone: ZONE, tier: 'minutes', series: ['x'], since: 1_000, timeout: 5_000 }, 0)
  const contacts = [{ node: keeper, addresses: ['/ip4/10.0.0.3/tcp/1'] }]
  const named: HistoryResponse = { ...NOTHING, refused: 'notKept', keepers: [keeper, lost], contacts }
  const { body } = decodeResponse('history', encodeResponse({ protocol: 'history', body: named }))
  inquiries.answered(asks().get(guide) as number, guide, body as HistoryResponse, 1)
  expect(dialled).toMatchObject([{ node: keeper, addresses: ['/ip4/10.0.0.3/tcp/1'], zone: ZONE }])

  linked.add(keeper)
  inquiries.linked(keeper)
  inquiries.answered(asks().get(keeper) as number, keeper, NOTHING, 2)
  const [done] = out.drain().filter((effect) => effect.type === 'historyDone')
  expect(done?.answer.sources.map(({ by }) => by)).toEqual([keeper])
})

it('takes values of the tier that was asked for, or minutes; finer ones than anybody asked for are no answer', () => {
  const told = (tier: HistoryResponse['tier']) => {
    const out = new Outbox()
    const book = new Book('me', '/')
    book.hearsay({ node: guide, zone: ZONE, addresses: ['/ip4/10.0.0.1/tcp/1'], age: 0, serves: true }, 0)
    const links = { get: () => true, wantFor: () => undefined }
    const inquiries = new Inquiries({ out, self: { node: 'me' }, book, links, history: undefined } as never)
    // Nothing comes from the node itself, and others are asked beside it after a hedge.
    inquiries.start(1, { node: dead, zone: ZONE, tier: 'quarters', series: ['x'], since: 30, timeout: 5_000 }, 0)
    inquiries.check(4_000)
    const ask = out.drain().find((one) => one.type === 'ask' && one.peer === guide)
    if (ask?.type !== 'ask') throw new Error('nobody was asked')
    inquiries.answered(ask.ticket, guide, { ...NOTHING, tier }, 4_001)
    inquiries.check(5_000)
    const done = out.drain().find((effect) => effect.type === 'historyDone')
    return done?.type === 'historyDone' ? done.answer.sources.map((source) => source.tier) : undefined
  }
  expect([told('quarters'), told('minutes'), told('samples')]).toEqual([['quarters'], ['minutes'], []])
})

it('who names itself alone as the keeper is not taken at its word: another member of the zone is asked', () => {
  const out = new Outbox()
  const book = new Book('me', '/')
  for (const node of [guide, lost, keeper])
    book.hearsay({ node, zone: ZONE, addresses: ['/ip4/10.0.0.1/tcp/1'], age: 0, serves: true }, 0)
  const links = { get: (node: string) => node !== dead || undefined, wantFor: () => undefined }
  const inquiries = new Inquiries({ out, self: { node: 'me' }, book, links, history: undefined } as never)
  const asks = () => out.drain().flatMap((one) => (one.type === 'ask' ? [{ peer: one.peer, ticket: one.ticket }] : []))
  inquiries.start(1, { node: dead, zone: ZONE, tier: 'minutes', series: ['x'], since: 1_000, timeout: 5_000 }, 0)
  const [liar, second, ...more] = asks()
  expect([second === undefined, more]).toEqual([false, []])
  inquiries.answered(liar?.ticket as number, liar?.peer as string, { ...NOTHING, keepers: [liar?.peer as string] }, 1)
  const rest = [guide, lost, keeper].filter((node) => node !== liar?.peer && node !== second?.peer)
  expect(asks().map(({ peer }) => peer)).toEqual(rest)
})
