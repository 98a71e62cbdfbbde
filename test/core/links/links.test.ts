import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { Book } from '../../../src/core/links/book.ts'
import { Links } from '../../../src/core/links/links.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { testEnv } from '../env.ts'

const ZONE = '/a'

function setUp(isNode = true) {
  const out = new Outbox()
  const book = new Book('self', ZONE)
  const links = new Links(testEnv(), out, book, { zone: isNode ? ZONE : '/', isNode })
  const know = (zone: string | undefined, ...nodes: string[]) => {
    for (const node of nodes) book.hearsay({ node, zone, addresses: [`/ip4/127.0.0.1/tcp/1`], age: 0, serves: true }, 0)
  }
  const effects = () => out.drain()
  const dialled = () => effects().flatMap((effect) => (effect.type === 'dial' ? [effect.peer] : []))
  const open = (peer: string, zone: string, since = 0) =>
    links.opened({ peer, zone, address: '', direction: 'outbound', since }, since)
  return { links, book, know, dialled, open, effects }
}
const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`)

describe('the link policy of a node', () => {
  it('dials zone-mates and two outside, never more at once than the bound', () => {
    const { links, know, dialled } = setUp()
    know(ZONE, ...names('mate', 20))
    know('/b', 'b0', 'b1')
    links.check(0)
    expect(dialled()).toHaveLength(limits.dialsAtOnce)
  })

  it('stops dialling when it has enough', () => {
    const { links, know, dialled, open } = setUp()
    know(ZONE, ...names('mate', 20))
    know('/b', ...names('b', 4))
    for (const mate of names('mate', limits.mateLinksWanted)) open(mate, ZONE)
    for (const other of names('b', limits.outsideLinksWanted)) open(other, '/b')
    links.check(0)
    expect(dialled()).toEqual([])
  })

  it('replaces a lost link by another contact', () => {
    const { links, know, dialled, open } = setUp()
    know(ZONE, ...names('mate', limits.mateLinksWanted + 1))
    for (const mate of names('mate', limits.mateLinksWanted)) open(mate, ZONE)
    links.check(0)
    expect(dialled()).toEqual([])
    links.closed('mate0', 10)
    links.check(10)
    expect(dialled()).toHaveLength(1)
  })

  it('waits longer after each failure, up to the bound', () => {
    const { links, know, dialled } = setUp()
    know(ZONE, 'mate0')
    let now = 0
    const pauses: number[] = []
    links.check(now)
    dialled()
    for (let failures = 1; failures <= 14; failures++) {
      links.failed('mate0', now)
      const from = now
      for (links.check(now); dialled().length === 0; links.check(now)) now = links.deadline() as number
      pauses.push(now - from)
    }
    expect(pauses[0]).toBeLessThan(2 * limits.linkCheckPeriod)
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(limits.dialBackoffMax)
    expect(pauses.at(-1)).toBeLessThanOrEqual(limits.dialBackoffMax * 1.5 + limits.linkCheckPeriod * 1.25)
  })

  it('takes a link that ends soon for a failed dial, and waits longer each time; a link that lasted is replaced at once', () => {
    const { links, know, open, dialled } = setUp()
    know(ZONE, 'mate0')
    const pauses: number[] = []
    let now = 0
    for (let times = 1; times <= 8; times++) {
      open('mate0', ZONE, now)
      links.closed('mate0', now + 1)
      const from = now
      for (links.check(now); dialled().length === 0; links.check(now))
        now = Math.max(links.deadline() as number, now + 1)
      pauses.push(now - from)
    }
    expect(pauses[0]).toBeGreaterThanOrEqual(limits.dialBackoffMin / 2)
    expect(pauses.at(-1)).toBeGreaterThan(2 ** 7 * limits.dialBackoffMin * 0.5)
    open('mate0', ZONE, now)
    links.closed('mate0', now + limits.linkProven)
    links.check(now + limits.linkProven)
    expect(dialled()).toEqual(['mate0'])
  })

  it('closes the newest links above the bound and does not dial them again soon', () => {
    const { links, know, open, effects } = setUp()
    const mates = names('mate', limits.mateLinksMax + 2)
    know(ZONE, ...mates)
    for (const [i, mate] of mates.entries()) open(mate, ZONE, i)
    links.check(100)
    expect(effects().filter((effect) => effect.type === 'close')).toEqual([])
    links.check(100 + limits.surplusGrace)
    const closed = effects().flatMap((effect) => (effect.type === 'close' ? [effect.peer] : []))
    expect(closed).toEqual(mates.slice(limits.mateLinksMax))
  })

  it('never dials itself, a linked peer, or one without addresses', () => {
    const { links, book, know, open, dialled } = setUp()
    know(ZONE, 'self', 'mate0')
    open('mate0', ZONE)
    book.firstHand('mute', ZONE, [], true, 0)
    links.check(0)
    expect(dialled()).toEqual([])
  })
})

describe("the link policy of an operator's peer", () => {
  it('spreads its links over zones', () => {
    const { links, know, dialled, open } = setUp(false)
    know('/a', 'a0', 'a1')
    know('/b', 'b0', 'b1')
    open('a0', '/a')
    links.check(0)
    expect(['b0', 'b1']).toContain(dialled()[0])
  })

  it('starts from addresses whose zone nobody told', () => {
    const { links, know, dialled } = setUp(false)
    know(undefined, 'stranger')
    links.check(0)
    expect(dialled()).toEqual(['stranger'])
  })
})
