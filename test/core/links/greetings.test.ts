import { describe, expect, it } from 'vitest'
import { View } from '../../../src/core/fleet/view.ts'
import { limits, MINUTE } from '../../../src/core/limits.ts'
import { Book } from '../../../src/core/links/book.ts'
import type { Entry } from '../../../src/core/links/book-entry.ts'
import { Greetings } from '../../../src/core/links/greetings.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import type { Hello } from '../../../src/core/protocols.ts'
import { Self } from '../../../src/core/self.ts'
import { EMPTY_VECTOR } from '../../../src/core/trust/announcement.ts'
import { env, MESH, membershipOf, NOW, nodeOf, ROOT } from '../../fixtures/documents.ts'

function setUp(reports: (node: string) => number = () => 0) {
  const out = new Outbox()
  const self = new Self(MESH, membershipOf(), ROOT, NOW, 0)
  const book = new Book(self.node, self.zone)
  const greetings = new Greetings(env, out, self, {
    book,
    view: new View(self.node, out),
    vector: () => EMPTY_VECTOR,
    statements: () => undefined,
    reports,
  })
  const know = (zone: string, count: number) => {
    for (let i = 0; i < count; i++) {
      book.hearsay({ node: nodeOf(`${zone}${i}`), zone, addresses: ['/ip4/10.0.0.1/tcp/1'], age: 0, serves: true }, 0)
    }
  }
  const asks = () =>
    out.drain().flatMap((effect) => (effect.type === 'ask' && effect.protocol === 'hello' ? [effect] : []))
  const hellos = (): Hello[] => asks().map(({ body }) => body)
  const closed = () =>
    out.drain().flatMap((effect) => (effect.type === 'close' ? [`${effect.peer} ${effect.reason}`] : []))
  /** Runs to the next hello, which fails after its time, and returns when that was. */
  const fail = (peer: string): number => {
    const at = greetings.deadline() as number
    greetings.check(at)
    const [ask] = asks()
    if (ask === undefined) throw new Error('no hello')
    const over = at + limits.requestTimeout
    for (let due = at; due < over; due = greetings.deadline() as number) greetings.check(due)
    asks()
    greetings.failed(peer, ask.ticket, at + limits.requestTimeout)
    return at + limits.requestTimeout
  }
  const answer = (peer: string, zone: string | undefined): Hello => {
    greetings.answer(1, peer, zone, 0)
    const [reply] = out.drain()
    if (reply?.type !== 'reply' || reply.protocol !== 'hello') throw new Error('no hello')
    return reply.body
  }
  return { greetings, book, know, asks, hellos, closed, fail, answer, zone: self.zone }
}

describe('greetings (clause GREETING)', () => {
  it('are said by the side that dialled: at once, after 2, 4, 8 ... s, and then once a minute', () => {
    const { greetings, hellos } = setUp()
    greetings.linked('in', 'inbound', 0)
    greetings.linked('out', 'outbound', 0)
    const heard = () => greetings.heard('in', greetings.deadline() as number)
    const times: number[] = []
    for (let at = greetings.deadline(); at !== undefined && times.length < 9; at = greetings.deadline()) {
      heard()
      greetings.check(at)
      expect(hellos()).toHaveLength(1)
      times.push(Math.round(at / 1000))
    }
    expect(times).toEqual([0, 2, 6, 14, 30, 62, 122, 182, 242])
    greetings.unlinked('out')
    greetings.unlinked('in')
    greetings.check(1e9)
    expect(greetings.deadline()).toBeUndefined()
  })

  it('are said over the new path by who dialled that one, when a link moves', () => {
    const { greetings, hellos } = setUp()
    greetings.linked('was in', 'inbound', 0)
    greetings.linked('was out', 'outbound', 0)
    for (let i = 0; i < 8; i++) greetings.check(greetings.deadline() as number)
    hellos()
    greetings.moved('was in', 'outbound', 100_000)
    greetings.moved('was out', 'inbound', 100_000)
    greetings.check(100_000)
    expect(hellos()).toHaveLength(1)
    greetings.check(100_000 + 2 * limits.helloPause)
    expect(hellos()).toHaveLength(1)
  })

  it('come soon again when the node has lost its zone-mates', () => {
    const { greetings, hellos } = setUp()
    greetings.linked('out', 'outbound', 0)
    for (let i = 0; i < 9; i++) greetings.check(greetings.deadline() as number)
    hellos()
    greetings.alone(299_000)
    expect(greetings.deadline()).toBe(299_000)
  })

  it('tell several members of each other zone, so that an operator does not hang on one', () => {
    const { know, answer, zone } = setUp()
    know(zone, 6)
    know('/b', 4)
    const { contacts } = answer('operator', '/')
    expect(contacts.filter((contact) => contact.zone === zone)).toHaveLength(limits.contactsPerZone)
    expect(contacts.filter((contact) => contact.zone === '/b')).toHaveLength(limits.contactsPerZone)
    expect(new Set(contacts.map((contact) => contact.node)).size).toBe(contacts.length)
  })

  it('tell a newcomer first of some that relay, however many zones there are', () => {
    const { book, know, answer, zone } = setUp()
    know(zone, 40)
    for (let i = 0; i < 200; i++) know(`/z${i}`, 1)
    const relays = ['/z150', '/z180'].map((other) => book.inZone(other)[0] as Entry)
    for (const { node, zone: other = '', addresses } of relays) {
      book.firstHand(node, other, { addresses, serves: true, reach: { relays: true, nat: 'none' } }, 0)
    }
    const { contacts } = answer('newcomer', zone)
    expect(
      contacts
        .filter((contact) => contact.relays)
        .map(({ node }) => node)
        .sort(),
    ).toEqual(relays.map(({ node }) => node).sort())
    expect(contacts.length).toBeLessThanOrEqual(limits.helloContacts)
    expect(new Set(contacts.map(({ node }) => node)).size).toBe(contacts.length)
  })

  it('tell who reports for our zone, in the first one and again to whom reports itself', () => {
    const reporters = [nodeOf('/home3'), nodeOf('/home7')]
    const { greetings, book, answer, zone } = setUp((node) => (reporters.includes(node) ? 1 : 0))
    for (let i = 0; i < 20; i++)
      book.hearsay({ node: nodeOf(`/home${i}`), zone, addresses: ['/ip4/10.0.0.1/tcp/1'], age: 0, serves: true }, 0)
    const others = Array.from({ length: 200 }, (_, i) => `/z${i}`)
    for (const other of others)
      book.hearsay({ node: nodeOf(other), zone: other, addresses: ['/ip4/10.0.0.1/tcp/1'], age: 0, serves: true }, 0)
    const named = (hello: Hello) => hello.contacts.filter(({ node }) => reporters.includes(node))
    const [plain, sibling] = ['/z1', '/z2'].map(nodeOf) as [string, string]
    for (const peer of [plain, sibling]) {
      greetings.linked(peer, 'inbound', 0)
      expect(named(answer(peer, '/z1')).map(({ reports }) => reports)).toEqual([1, 1])
    }
    book.firstHand(
      sibling,
      '/z2',
      { addresses: ['/ip4/10.0.0.1/tcp/1'], serves: true, reach: { relays: false, nat: 'none', reports: 1 } },
      0,
    )
    expect(named(answer(sibling, '/z2'))).toHaveLength(1)
    expect(answer(sibling, '/z2').contacts).toHaveLength(limits.helloContactsLater)
  })

  it('tell a zone-mate the zone first, never of itself, and all other zones in time', () => {
    const { greetings, know, answer, zone } = setUp()
    greetings.linked(nodeOf(`${zone}3`), 'inbound', 0)
    know(zone, 40)
    for (let i = 0; i < 100; i++) know(`/z${i}`, 1)
    const peer = nodeOf(`${zone}3`)
    const first = answer(peer, zone)
    expect(first.contacts.filter((contact) => contact.zone === zone)).toHaveLength(limits.helloContacts / 2)
    expect(first.contacts.some((contact) => contact.node === peer)).toBe(false)
    const seen = new Set(first.contacts.map((contact) => contact.zone))
    const others = new Set<string>()
    for (let i = 0; i < 100; i++) {
      const later = answer(peer, zone)
      expect(later.contacts.length).toBeLessThanOrEqual(limits.helloContactsLater)
      for (const contact of later.contacts) seen.add(contact.zone)
      for (const contact of later.contacts) if (contact.zone === zone) others.add(contact.node)
    }
    expect(seen.size).toBe(101)
    // By lot, not the freshest one again and again.
    expect(others.has(first.contacts[0]?.node ?? '')).toBe(false)
  })
})

describe('a link over which nothing comes', () => {
  it('is closed by who dialled after two hellos in a row that failed, within the bound', () => {
    const { greetings, closed, fail } = setUp()
    greetings.linked('out', 'outbound', 0)
    const first = fail('out')
    expect(closed()).toEqual([])
    const second = fail('out')
    expect(second).toBeLessThanOrEqual(first + limits.helloPause + limits.requestTimeout)
    expect(closed()).toEqual(['out silent'])
  })

  it('is noticed as soon when hello had become rare', () => {
    const { greetings, asks, closed, fail } = setUp()
    greetings.linked('out', 'outbound', 0)
    let alive = 0
    for (let i = 0; i < 9; i++) {
      alive = greetings.deadline() as number
      greetings.check(alive)
      const [ask] = asks()
      greetings.heard('out', alive)
      greetings.answered('out', ask?.ticket as number)
    }
    fail('out')
    const noticed = fail('out')
    expect(closed()).toEqual(['out silent'])
    expect(noticed - alive).toBeLessThanOrEqual(
      1.1 * limits.helloPeriod + 2 * limits.requestTimeout + limits.helloPause,
    )
  })

  it('is not one whose hello failed once, or while other things came', () => {
    const { greetings, asks, closed, fail } = setUp()
    greetings.linked('out', 'outbound', 0)
    for (let i = 0; i < 5; i++) {
      fail('out')
      greetings.check(greetings.deadline() as number)
      greetings.answered('out', asks()[0]?.ticket as number)
    }
    for (let i = 0; i < 5; i++) {
      const at = greetings.deadline() as number
      greetings.check(at)
      greetings.heard('out', at + 1)
      greetings.failed('out', asks()[0]?.ticket as number, at + limits.requestTimeout)
    }
    expect(closed()).toEqual([])
  })

  it('is closed by who was dialled after three periods of hello', () => {
    const { greetings, closed } = setUp()
    greetings.linked('in', 'inbound', 0)
    greetings.heard('in', 1_000)
    greetings.check(limits.linkSilence)
    expect(closed()).toEqual([])
    expect(greetings.deadline()).toBe(1_000 + limits.linkSilence)
    greetings.check(1_000 + limits.linkSilence)
    expect(closed()).toEqual(['in silent'])
  })

  it('is not one that this process slept through', () => {
    const { greetings, closed } = setUp()
    greetings.linked('in', 'inbound', 0)
    greetings.forgive(10 * limits.linkSilence)
    greetings.check(10 * limits.linkSilence)
    expect(closed()).toEqual([])
  })
})

describe('what a hello teaches', () => {
  const hello = (addresses: string[], contacts: Hello['contacts'] = []): Hello => ({
    rootVersion: 1,
    rootHash: '',
    zone: '/b',
    serves: true,
    addresses,
    contacts,
    yours: undefined,
    vector: EMPTY_VECTOR,
  })

  it('is nothing more of others from who says too many in a minute, whether or not it linked anew', () => {
    const { greetings, book } = setUp()
    const contact = (i: number) => ({ node: `n${i}`, zone: `/z${i}`, addresses: ['/a'], age: 0, serves: true })
    for (let i = 0; i < limits.hellosLearnt + 10; i++) {
      greetings.linked('talker', 'inbound', i)
      greetings.learn('talker', '/b', hello(['/a'], [contact(i)]), i)
      greetings.unlinked('talker')
    }
    expect(book.zones()).toHaveLength(1 + limits.hellosLearnt)
    // A relay that was started anew tells first that it does not relay, and soon that it does.
    greetings.learn('talker', '/b', { ...hello(['/b']), reach: { relays: true, nat: 'none' } }, 45)
    expect(book.get('talker')).toMatchObject({ relays: true, addresses: ['/b'] })
    greetings.learn('other', '/c', hello(['/a']), 50)
    greetings.learn('talker', '/b', hello(['/a'], [contact(99)]), MINUTE)
    expect(book.get('other')).toBeDefined()
    expect(book.get('n99')).toBeDefined()
  })

  it('and whom it was told to, is remembered of no more members than there may be', () => {
    const { greetings, answer, zone } = setUp()
    for (let i = 0; i < limits.memberships + 100; i++) {
      greetings.learn(`n${i}`, '/b', hello(['/a']), i)
      answer(`n${i}`, zone)
    }
    expect(greetings.size).toBe(limits.memberships)
    greetings.learn('last', '/b', hello(['/a']), 10 * MINUTE)
    expect(greetings.size).toBe(1)
  })
})
