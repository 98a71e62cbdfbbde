import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits, MINUTE } from '../../../src/core/limits.ts'
import { Book } from '../../../src/core/links/book.ts'

const ADDRESS = '/ip4/10.0.0.1/tcp/31415'
const contact = (node: string, zone: string | undefined, age = 0, addresses = [ADDRESS]) => ({
  node,
  zone,
  addresses,
  age,
  serves: true,
})

describe('the address book', () => {
  it('believes what a member says of itself over hearsay', () => {
    const book = new Book('self', '/a')
    book.firstHand('n', '/b', ['/ip4/1.1.1.1/tcp/1'], true, 1000)
    book.hearsay(contact('n', '/evil', 0), 1500)
    expect(book.get('n')).toMatchObject({ zone: '/b', addresses: ['/ip4/1.1.1.1/tcp/1'] })
  })

  it('takes newer hearsay over older, and about a node that was silent for long', () => {
    const book = new Book('self', '/a')
    book.hearsay(contact('n', '/b', 50_000, ['/ip4/1.1.1.1/tcp/1']), 60_000)
    book.hearsay(contact('n', '/b', 55_000, ['/ip4/2.2.2.2/tcp/1']), 60_000)
    expect(book.get('n')?.addresses).toEqual(['/ip4/1.1.1.1/tcp/1'])
    book.hearsay(contact('n', '/b', 0, ['/ip4/3.3.3.3/tcp/1']), 60_000)
    expect(book.get('n')?.addresses).toEqual(['/ip4/3.3.3.3/tcp/1'])
    book.firstHand('n', '/b', ['/ip4/4.4.4.4/tcp/1'], true, 61_000)
    book.hearsay(contact('n', '/b', 0, ['/ip4/5.5.5.5/tcp/1']), 61_000 + 10 * MINUTE)
    expect(book.get('n')?.addresses).toEqual(['/ip4/5.5.5.5/tcp/1'])
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
    book.hearsay(contact('n', undefined, 0), 20)
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
