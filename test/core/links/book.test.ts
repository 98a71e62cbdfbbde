import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Change } from '../../../src/core/events.ts'
import { limits, MINUTE } from '../../../src/core/limits.ts'
import { Book } from '../../../src/core/links/book.ts'
import { type Entry, toContact } from '../../../src/core/links/book-entry.ts'
import type { Standing } from '../../../src/core/links/eviction.ts'

const ADDRESS = '/ip4/10.0.0.1/tcp/31415'
const contact = (node: string, zone: string | undefined, age = 0, addresses = [ADDRESS]) => ({
  node,
  zone,
  addresses,
  age,
  serves: true,
})

const nodeOf = (change: Change) =>
  change.type === 'contact' ? change.contact.node : change.type === 'forgetContact' ? change.node : undefined

describe('where a contact was dialled with success', () => {
  const [usual, web] = ['/ip4/5.5.5.5/tcp/31415', '/ip4/5.5.5.5/tcp/443']
  it('is written first, so that it is dialled first after a restart, and told to others as the node says', () => {
    const book = new Book('self', '/a')
    book.firstHand('n', '/b', { addresses: [usual, web], serves: true, reach: { relays: true, nat: 'none' } }, 0)
    book.flush(0, 0)
    book.worked('n', web)
    const [change] = book.flush(1, 1)
    if (change?.type !== 'contact') throw new Error('nothing was written')
    expect(change.contact).toMatchObject({ addresses: [web, usual], relays: true })
    expect(toContact(book.get('n') as Entry, 1).addresses).toEqual([usual, web])
    const next = new Book('self', '/a')
    next.restored(change.contact, 0)
    expect(next.get('n')).toMatchObject({ addresses: [web, usual], relays: true })
  })
})

describe('the address book', () => {
  it('keeps a place for who is said to report for a zone, although it was linked to others of it', () => {
    const book = new Book('self', '/a')
    const members = ['m0', 'm1', 'm2', 'm3']
    for (const [at, node] of members.entries()) book.firstHand(node, '/b', { addresses: [ADDRESS], serves: true }, at)
    for (const node of ['r0', 'r1', 'r2']) book.hearsay({ ...contact(node, '/b'), reports: 2 }, 1_000_000, 'teller')
    const held = () => book.inZone('/b').map(({ node }) => node)
    // Two of the three have a place, and no more: whoever invents reporters does not push out whom we met.
    expect(held()).toHaveLength(limits.contactsPerZone)
    expect(held().filter((node) => node.startsWith('r'))).toHaveLength(limits.reportersKept)
    expect(held()).toEqual(expect.arrayContaining(['m2', 'm3']))
    // One that says itself that it reports not is worth what any other is.
    const [first] = held().filter((node) => node.startsWith('r')) as [string]
    book.firstHand(first, '/b', { addresses: [ADDRESS], serves: true }, 2_000_000)
    book.hearsay({ ...contact('r3', '/b'), reports: 2 }, 3_000_000, 'another')
    expect(held()).toContain('r3')
  })

  it('takes over a restart who relays by its own word, not who others said does', () => {
    const book = new Book('self', '/a')
    book.firstHand('own', '/b', { addresses: [ADDRESS], serves: true, reach: { relays: true, nat: 'none' } }, 0)
    book.hearsay({ ...contact('told', '/c'), relays: true }, 0, 'liar')
    expect(book.get('told')?.relays).toBe(true)
    const next = new Book('self', '/a')
    for (const change of book.flush(0, 0)) if (change.type === 'contact') next.restored(change.contact, 0)
    expect([next.get('own')?.relays, next.get('told')?.relays]).toEqual([true, false])
  })

  it('believes what a member says of itself over hearsay', () => {
    const book = new Book('self', '/a')
    book.firstHand('n', '/b', { addresses: ['/ip4/1.1.1.1/tcp/1'], serves: true }, 1000)
    book.hearsay(contact('n', '/evil', 0), 1500)
    expect(book.get('n')).toMatchObject({ zone: '/b', addresses: ['/ip4/1.1.1.1/tcp/1'] })
  })

  it('takes from whoever is linked alone on how many topics of digests it is; of others the newest word counts', () => {
    const linked = new Set(['n'])
    const book = new Book('self', '/a', (node) => (linked.has(node) ? 'linked' : undefined))
    const reach = { relays: false, nat: 'none', reports: 1 } as const
    book.firstHand('n', '/b', { addresses: [ADDRESS], serves: true, reach }, 0)
    const { news } = book
    book.hearsay({ ...contact('n', '/b'), reports: 6 }, 2 * MINUTE, 'liar')
    book.hearsay(contact('n', '/b'), 4 * MINUTE, 'other')
    expect([book.get('n')?.reports, book.news]).toEqual([1, news])
    linked.delete('n')
    book.hearsay({ ...contact('n', '/b'), reports: 2 }, 6 * MINUTE, 'other')
    expect(book.get('n')?.reports).toBe(2)
  })

  it('takes hearsay for no newer than a period of hello, and adds what is new to what it knows', () => {
    const book = new Book('self', '/a')
    book.hearsay(contact('n', '/b', 90_000, ['/ip4/1.1.1.1/tcp/1']), 100_000)
    book.hearsay(contact('n', '/b', 95_000, ['/ip4/2.2.2.2/tcp/1']), 100_000)
    expect(book.get('n')?.addresses).toEqual(['/ip4/1.1.1.1/tcp/1'])
    book.hearsay(contact('n', '/evil', 0, ['/ip4/3.3.3.3/tcp/1']), 100_000)
    expect(book.get('n')).toMatchObject({ zone: '/b', addresses: ['/ip4/1.1.1.1/tcp/1', '/ip4/3.3.3.3/tcp/1'] })
    expect(book.get('n')?.seen).toBe(100_000 - limits.helloPeriod)
  })

  it('lets others add to what a member said of itself, never replace it, and tells it to nobody', () => {
    const book = new Book('self', '/a')
    book.firstHand('n', '/b', { addresses: ['/ip4/4.4.4.4/tcp/1'], serves: true }, 0)
    book.flush(0, 0)
    book.hearsay({ ...contact('n', '/evil', 0, ['/ip4/5.5.5.5/tcp/1']), serves: false }, 10 * MINUTE, 'evil')
    const entry = book.get('n') as Entry
    expect(entry).toMatchObject({ zone: '/b', serves: true, addresses: ['/ip4/4.4.4.4/tcp/1', '/ip4/5.5.5.5/tcp/1'] })
    expect(toContact(entry, 10 * MINUTE)).toMatchObject({ zone: '/b', addresses: ['/ip4/4.4.4.4/tcp/1'] })
    expect(book.flush(10 * MINUTE, 0)).toEqual([])
    book.hearsay(contact('n', '/b', 0, ['/ip4/6.6.6.6/tcp/1']), 20 * MINUTE, 'other')
    expect(book.get('n')?.addresses).toEqual(['/ip4/4.4.4.4/tcp/1', '/ip4/6.6.6.6/tcp/1'])
  })

  it('takes an address of the configuration over what the disk kept', () => {
    const book = new Book('self', '/a')
    book.restored(contact('n', '/b', 5, ['/ip4/1.1.1.1/tcp/1']), 0)
    book.restored(contact('n', undefined, 0, ['/ip4/2.2.2.2/tcp/1']), 10)
    expect(book.get('n')).toMatchObject({ zone: '/b', addresses: ['/ip4/2.2.2.2/tcp/1', '/ip4/1.1.1.1/tcp/1'] })
  })

  it('lists a zone once a member that answers for it is known', () => {
    const book = new Book('self', '/a')
    book.hearsay({ ...contact('op', '/'), serves: false }, 0)
    book.hearsay(contact('x', undefined), 0)
    expect(book.zones()).toEqual([])
    book.hearsay(contact('n', '/b'), 0)
    expect(book.zones()).toEqual(['/b'])
  })

  it('keeps a zone that was not told when a later word leaves it out', () => {
    const book = new Book('self', '/a')
    book.hearsay(contact('n', '/b', 10), 10)
    book.hearsay(contact('n', undefined, 0), 10 * MINUTE)
    expect(book.get('n')?.zone).toBe('/b')
  })

  it('writes what changed, once', () => {
    const book = new Book('self', '/a')
    book.hearsay(contact('n', '/b'), 0)
    expect(book.flush(0, 5)).toMatchObject([{ type: 'contact', contact: { node: 'n' }, wall: 5 }])
    book.hearsay(contact('n', '/b'), 10)
    expect(book.flush(10, 5)).toEqual([])
    book.touch('n', 2 * limits.contactRewrite)
    expect(book.flush(2 * limits.contactRewrite, 6)).toMatchObject([{ contact: { node: 'n', age: 0 }, wall: 6 }])
  })

  it('forgets on disk all the same what a write that failed was to forget, and what an earlier one brought there', () => {
    const book = new Book('self', '/a')
    for (const node of ['a', 'b']) book.hearsay(contact(node, '/b'), 0, 'teller')
    book.flush(1, 1)
    book.forget('a')
    expect(book.flush(2, 2).map(nodeOf)).toEqual(['a'])
    book.writeFailed()
    book.forget('b')
    expect(book.flush(3, 3).map(nodeOf).sort()).toEqual(['a', 'b'])
    expect(book.flush(4, 4)).toEqual([])
  })

  it('forgets on disk what was there, and has no work there with what others only said', () => {
    const book = new Book('self', '/a')
    book.restored(contact('kept', '/k'), 0)
    book.firstHand('spoke', '/b', { addresses: [ADDRESS], serves: true }, 0)
    book.hearsay(contact('told', '/c'), 0, 'teller')
    book.forget('told')
    book.forget('kept')
    expect(book.flush(1, 1).map((change) => [change.type, nodeOf(change)])).toEqual([
      ['forgetContact', 'kept'],
      ['contact', 'spoke'],
    ])
    book.hearsay(contact('later', '/c'), 2, 'teller')
    book.flush(3, 3)
    for (const node of ['spoke', 'later']) book.forget(node)
    // One that is back before the next flush is written, and not forgotten.
    book.hearsay(contact('later', '/d'), 4, 'teller')
    expect(book.flush(5, 5).map((change) => [change.type, nodeOf(change)])).toEqual([
      ['forgetContact', 'spoke'],
      ['contact', 'later'],
    ])
    expect(book.flush(6, 6)).toEqual([])
  })

  it('is thin while too few contacts are on disk to come back by', () => {
    const book = new Book('self', '/a')
    expect(book.thin).toBe(false)
    for (let i = 0; i < limits.contactsSecured; i++) book.hearsay(contact(`n${i}`, '/a'), 0)
    expect(book.thin).toBe(true)
    book.flush(0, 5)
    book.hearsay(contact('one more', '/a'), 0)
    expect(book.thin).toBe(false)
  })

  it('hands out again what did not reach the disk', () => {
    const book = new Book('self', '/a')
    book.hearsay(contact('n', '/b'), 0)
    book.flush(0, 5)
    book.writeFailed()
    expect(book.thin).toBe(true)
    expect(book.flush(1, 5)).toMatchObject([{ type: 'contact', contact: { node: 'n' } }])
  })

  it('stays within its bounds whatever it is told', () => {
    const words = fc.array(fc.record({ node: fc.nat(400), zone: fc.nat(40), age: fc.nat(100) }), {
      minLength: 300,
      maxLength: 600,
    })
    fc.assert(
      fc.property(words, (told) => {
        const book = new Book('self', '/z0')
        told.forEach(({ node, zone, age }, at) => {
          book.hearsay(contact(`n${node}`, `/z${zone}`, age), at + 100)
        })
        expect(book.inZone('/z0').length).toBeLessThanOrEqual(limits.contactsOfOwnZone)
        for (let zone = 1; zone <= 40; zone++)
          expect(book.inZone(`/z${zone}`).length).toBeLessThanOrEqual(limits.contactsPerZone)
        let listed = 0
        for (let zone = 0; zone <= 40; zone++) listed += book.inZone(`/z${zone}`).length
        expect(book.size).toBe(listed)
      }),
      { numRuns: 20 },
    )
  })
})

describe('a book that a member floods with inventions', () => {
  const standings = new Map<string, Standing>()
  const flooded = () => new Book('self', '/a', (node) => standings.get(node))
  const flood = (book: Book, by: string, count: number, zone: (i: number) => string, now: number) => {
    for (let i = 0; i < count; i++) book.hearsay(contact(`${by}${i}`, zone(i), 0), now, by)
  }
  const has = (book: Book, ...nodes: string[]) => nodes.filter((node) => book.get(node) !== undefined)
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`)

  it('keeps who is linked, who spoke itself and what the disk kept, and forgets none of them on disk', () => {
    const book = flooded()
    standings.set('linked', 'linked')
    book.hearsay(contact('linked', '/a', 0), 0, 'evil')
    for (const node of names('spoke', 10)) book.firstHand(node, '/a', { addresses: [ADDRESS], serves: true }, 0)
    for (const node of names('kept', 10)) book.restored(contact(node, '/a', 9 * limits.helloPeriod), 0)
    flood(book, 'evil', 300, () => '/a', 10 * MINUTE)
    const real = ['linked', ...names('spoke', 10), ...names('kept', 10)]
    expect(has(book, ...real)).toEqual(real)
    expect(book.inZone('/a')).toHaveLength(limits.contactsOfOwnZone)
    expect(book.inZone('/a')[0]?.node).toBe('linked')
    const forgotten = book.flush(10 * MINUTE, 0).filter(({ type }) => type === 'forgetContact')
    expect(forgotten.some((change) => change.type === 'forgetContact' && real.includes(change.node))).toBe(false)
  })

  it('takes the room from whoever said most', () => {
    const book = flooded()
    for (const node of names('honest', 8)) book.hearsay(contact(node, '/a', 50), 0, 'friend')
    flood(book, 'evil', 300, () => '/a', 10 * MINUTE)
    expect(has(book, ...names('honest', 8))).toHaveLength(8)
    book.hearsay(contact('late', '/a', 0), 20 * MINUTE, 'friend')
    expect(has(book, 'late')).toEqual(['late'])
  })

  it('takes the room of who is out of reach for long', () => {
    const book = flooded()
    for (const node of names('gone', limits.contactsOfOwnZone)) {
      book.firstHand(node, '/a', { addresses: [ADDRESS], serves: true }, 0)
      standings.set(node, 'doubted')
    }
    book.hearsay(contact('new', '/a', 0), MINUTE, 'friend')
    expect(has(book, 'new')).toEqual(['new'])
  })

  it('learns of real zones although invented ones filled it, and those of others stay', () => {
    const book = flooded()
    for (let i = 0; i < 20; i++) book.hearsay(contact(`f${i}`, `/friend${i}`, 0), 0, 'friend')
    flood(book, 'evil', limits.contactZones + 50, (i) => `/evil${i}`, 0)
    expect(book.zones().filter((zone) => zone.startsWith('/friend'))).toHaveLength(20)
    book.hearsay(contact('told', '/told', 0), 1, 'friend')
    book.firstHand('spoke', '/spoke', { addresses: [ADDRESS], serves: true }, 1)
    expect(book.zones()).toEqual(expect.arrayContaining(['/told', '/spoke']))
    expect(book.zones().length).toBeLessThanOrEqual(limits.contactZones)
    flood(book, 'evil', 900, (i) => `/more${i}`, 2)
    expect(book.zones()).toEqual(expect.arrayContaining(['/told', '/spoke']))
    expect(book.zones().filter((zone) => zone.startsWith('/friend'))).toHaveLength(20)
  })

  it('loses no node from its lists when there is no room for the zone it moves to', () => {
    const book = flooded()
    for (let i = 0; i < limits.contactZones + 1; i++)
      book.firstHand(`n${i}`, `/z${i}`, { addresses: [ADDRESS], serves: true }, i)
    for (let i = 0; i < 500; i++) {
      book.hearsay(contact(`x${i}`, '/z1', 0), i, 'evil')
      book.hearsay(contact(`x${i}`, '/new', 0), i + 1, 'evil')
      book.firstHand(`m${i}`, i % 2 === 0 ? '/z2' : '/new', { addresses: [ADDRESS], serves: true }, i)
      book.firstHand(`m${i}`, i % 2 === 0 ? '/new' : '/z2', { addresses: [ADDRESS], serves: true }, i + 1)
    }
    const listed = new Set([...book.all()].map(({ zone }) => zone))
    expect([...listed].reduce((sum, zone) => sum + book.inZone(zone).length, 0)).toBe(book.size)
    expect(book.size).toBeLessThan(limits.contactZones + 3 * limits.contactsPerZone)
  })

  it('forgets a zone with its last member', () => {
    const book = flooded()
    for (let i = 0; i < 2 * limits.contactZones; i++)
      book.firstHand('n', `/z${i}`, { addresses: [ADDRESS], serves: true }, i)
    expect(book.zones()).toEqual([`/z${2 * limits.contactZones - 1}`])
  })
})
