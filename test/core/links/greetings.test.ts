import { describe, expect, it } from 'vitest'
import type { Effect } from '../../../src/core/events.ts'
import { View } from '../../../src/core/fleet/view.ts'
import { limits } from '../../../src/core/limits.ts'
import { Book } from '../../../src/core/links/book.ts'
import { Greetings } from '../../../src/core/links/greetings.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import type { Hello } from '../../../src/core/protocols.ts'
import { Self } from '../../../src/core/self.ts'
import { env, MESH, membershipOf, NOW, nodeOf, ROOT } from '../../fixtures/documents.ts'

function setUp() {
  const out = new Outbox()
  const self = new Self(MESH, membershipOf(), ROOT, NOW, 0)
  const book = new Book(self.node, self.zone)
  const greetings = new Greetings(env, out, self, book, new View(self.node, out))
  const know = (zone: string, count: number) => {
    for (let i = 0; i < count; i++) {
      book.hearsay({ node: nodeOf(`${zone}${i}`), zone, addresses: ['/ip4/10.0.0.1/tcp/1'], age: 0, serves: true }, 0)
    }
  }
  const hellos = (): Hello[] =>
    out.drain().flatMap((effect: Effect) => (effect.type === 'ask' && effect.protocol === 'hello' ? [effect.body] : []))
  const answer = (peer: string, zone: string | undefined): Hello => {
    greetings.answer(1, peer, zone, 0)
    const [reply] = out.drain()
    if (reply?.type !== 'reply' || reply.protocol !== 'hello') throw new Error('no hello')
    return reply.body
  }
  return { greetings, know, hellos, answer, zone: self.zone }
}

describe('greetings', () => {
  it('are said by the side that dialled: at once, after 2, 4, 8 ... s, and then once a minute', () => {
    const { greetings, hellos } = setUp()
    greetings.linked('in', 'inbound', 0)
    greetings.linked('out', 'outbound', 0)
    const times: number[] = []
    for (let at = greetings.deadline(); at !== undefined && times.length < 9; at = greetings.deadline()) {
      greetings.check(at)
      expect(hellos()).toHaveLength(1)
      times.push(Math.round(at / 1000))
    }
    expect(times).toEqual([0, 2, 6, 14, 30, 62, 122, 182, 242])
    greetings.unlinked('out')
    greetings.check(1e9)
    expect(greetings.deadline()).toBeUndefined()
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

  it('tell a zone-mate the zone first, never of itself, and all other zones in time', () => {
    const { know, answer, zone } = setUp()
    know(zone, 40)
    for (let i = 0; i < 100; i++) know(`/z${i}`, 1)
    const peer = nodeOf(`${zone}3`)
    const first = answer(peer, zone)
    expect(first.contacts.filter((contact) => contact.zone === zone)).toHaveLength(limits.helloContacts / 2)
    expect(first.contacts.some((contact) => contact.node === peer)).toBe(false)
    const seen = new Set(first.contacts.map((contact) => contact.zone))
    for (let i = 0; i < 30; i++) {
      const later = answer(peer, zone)
      expect(later.contacts.length).toBeLessThanOrEqual(limits.helloContactsLater)
      for (const contact of later.contacts) seen.add(contact.zone)
    }
    expect(seen.size).toBe(101)
  })
})
