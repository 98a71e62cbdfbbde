import { describe, expect, it } from 'vitest'
import { HOUR, limits, MINUTE, SECOND } from '../../../src/core/limits.ts'
import { Book } from '../../../src/core/links/book.ts'
import type { Entry } from '../../../src/core/links/book-entry.ts'
import { Links } from '../../../src/core/links/links.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { testEnv } from '../env.ts'

const ZONE = '/a'
const RELAY = '12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2'

function setUp(isNode = true, inUse: (peer: string) => boolean = () => false, relays = () => false) {
  const out = new Outbox()
  const book = new Book('self', ZONE)
  const links = new Links(testEnv(), out, book, { zone: isNode ? ZONE : '/', isNode }, inUse, relays)
  const know = (zone: string | undefined, ...nodes: string[]) => {
    for (const node of nodes)
      book.restored({ node, zone, addresses: [`/ip4/127.0.0.1/tcp/1`], age: 0, serves: true }, 0)
  }
  /** What a member says of others. */
  const told = (zone: string, now: number, ...nodes: string[]) => {
    for (const node of nodes)
      book.hearsay({ node, zone, addresses: [`/ip4/203.0.113.7/tcp/443`], age: 0, serves: true }, now, 'evil')
  }
  const effects = () => out.drain()
  const dialled = () => effects().flatMap((effect) => (effect.type === 'dial' ? [effect.peer] : []))
  const open = (peer: string, zone: string, since = 0) =>
    links.opened({ peer, zone, address: '', direction: 'outbound', route: 'direct', since }, since)
  return { links, book, know, told, dialled, open, effects }
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

  it('dials who needs a relay by its own relays too', () => {
    const by = (relay: string) => `/ip4/203.0.113.7/tcp/443/p2p/${relay}/p2p-circuit`
    const out = new Outbox()
    const book = new Book('self', ZONE)
    const self = { zone: ZONE, isNode: true, addresses: ['/ip4/192.168.1.5/tcp/1', by('r1'), by('r2')] }
    const links = new Links(testEnv(), out, book, self)
    book.restored({ node: 'hidden', zone: ZONE, addresses: [by('r0'), by('r1')], age: 0, serves: true }, 0)
    book.restored({ node: 'open', zone: ZONE, addresses: ['/ip4/203.0.113.8/tcp/1'], age: 0, serves: true }, 0)
    links.check(0)
    const dials = out.drain().flatMap((effect) => (effect.type === 'dial' ? [[effect.peer, effect.addresses]] : []))
    expect(Object.fromEntries(dials)).toEqual({
      hidden: [by('r0'), by('r1'), by('r2')],
      open: ['/ip4/203.0.113.8/tcp/1'],
    })
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

  it('replaces a link at once that ended at an age at which nobody is sent away: it was the path, and a WAN address may change again', () => {
    const { links, know, open, dialled } = setUp()
    know(ZONE, 'mate0')
    const linkedFor = (age: number) => {
      open('mate0', ZONE, 0)
      links.closed('mate0', age)
      links.check(age)
      return dialled()
    }
    expect(linkedFor(limits.addressDialTimeout)).toEqual(['mate0'])
    expect(linkedFor(limits.surplusGrace - 1)).toEqual(['mate0'])
    expect(linkedFor(limits.surplusGrace)).toEqual([])
  })

  it.each(['first', 'last'])(
    'blames nobody for a young link that ended because its relay died, whose own link ends %s',
    (order) => {
      const { links, know, open, dialled } = setUp()
      know(ZONE, 'mate0')
      const circuit = `/ip4/5.5.5.5/tcp/1/p2p/${RELAY}/p2p-circuit`
      open(RELAY, '/b')
      links.opened(
        { peer: 'mate0', zone: ZONE, address: circuit, direction: 'outbound', route: 'relayed', since: 0 },
        0,
      )
      for (const peer of order === 'last' ? ['mate0', RELAY] : [RELAY, 'mate0']) links.closed(peer, SECOND)
      links.check(SECOND)
      expect(dialled()).toContain('mate0')
    },
  )

  it('takes a young link whose relay lives on for a failed dial', () => {
    const { links, know, open, dialled } = setUp()
    know(ZONE, 'mate0')
    open(RELAY, '/b')
    const address = `/ip4/5.5.5.5/tcp/1/p2p/${RELAY}/p2p-circuit`
    links.opened({ peer: 'mate0', zone: ZONE, address, direction: 'outbound', route: 'relayed', since: 0 }, 0)
    links.closed('mate0', SECOND)
    links.closed(RELAY, SECOND + limits.orphanGrace + 1)
    links.check(SECOND)
    expect(dialled()).not.toContain('mate0')
  })

  it('lets go whom it dialled for a question when that is long over, but for as many as it wants, and nobody else', () => {
    const busy = new Set(['c2'])
    const { links, book, know, open, effects } = setUp(true, (peer) => busy.has(peer))
    for (const peer of names('c', 5)) know(`/${peer}`, peer)
    open('b0', '/b')
    for (const peer of names('c', 4)) links.wantFor(book.get(peer) as Entry, 1)
    for (const [at, peer] of names('c', 5).entries()) open(peer, `/${peer}`, 2 + at)
    const closed = (now: number) => {
      effects()
      links.check(now)
      return effects().flatMap((effect) => (effect.type === 'close' ? [effect.peer] : []))
    }
    expect(closed(limits.passingLink)).toEqual([])
    // c0 is the second one that is wanted, c2 is of use, and c4 was not dialled for a question.
    expect(closed(limits.passingLink + 10_000)).toEqual(['c1', 'c3'])
    busy.clear()
    expect(closed(limits.passingLink + 20_000)).toContain('c2')
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

  it('shares what comes from outside with its zone-mates, and keeps it while it has few', () => {
    const { links, open, effects } = setUp()
    const others = names('b', limits.outsideLinksMax)
    for (const [i, other] of others.entries()) open(other, '/b', i)
    const closed = (now: number) => {
      links.soon(now)
      links.check(now)
      return effects().flatMap((effect) => (effect.type === 'close' ? [effect.peer] : []))
    }
    expect(closed(MINUTE)).toEqual([])
    for (const mate of names('mate', limits.mateLinksWanted)) open(mate, ZONE, MINUTE)
    expect(closed(MINUTE)).toEqual(others.slice(limits.outsideLinksShared))
  })

  it('leaves a member outside that has links enough alone for minutes, also when it looks for a way out, while it has mates that may have one', () => {
    const busy = new Set<string>()
    const { links, know, open, dialled } = setUp(true, (peer) => busy.has(peer))
    know('/b', 'b0')
    const sentAway = (now: number) => {
      open('b0', '/b', now)
      links.closed('b0', now + limits.surplusGrace)
      return now + limits.surplusGrace
    }
    const alone = sentAway(0)
    expect(links.maySeek('b0', alone + limits.seekBrief)).toBe(true)
    for (const mate of names('mate', limits.mateLinksWanted)) open(mate, ZONE, 0)
    const among = sentAway(MINUTE)
    dialled()
    expect(links.maySeek('b0', among + limits.surplusPause / 2 - 1)).toBe(false)
    links.check(among + limits.surplusPause / 2 - 1)
    expect(dialled()).toEqual([])
    expect(links.maySeek('b0', among + 1.5 * limits.surplusPause)).toBe(true)
    links.check(among + 1.5 * limits.surplusPause)
    expect(dialled()).toEqual(['b0'])
    // A reporter that is wanted, or a relay, is tried again as before.
    busy.add('b0')
    expect(links.maySeek('b0', sentAway(HOUR) + limits.seekBrief)).toBe(true)
  })

  it('keeps as many zone-mates as others while it relays: a zone may have many sites, whose nodes need a relay as well', () => {
    const { links, open, effects } = setUp(true, undefined, () => true)
    const [mates, others] = [names('mate', limits.mateLinksMax + 30), names('b', limits.relayLinksMax - 30)]
    for (const [i, mate] of mates.entries()) open(mate, ZONE, i)
    for (const [i, other] of others.entries()) open(other, '/b', 100 + i)
    const closed = (now: number) => {
      links.soon(now)
      links.check(now)
      return effects().flatMap((effect) => (effect.type === 'close' ? [effect.peer] : []))
    }
    expect(closed(MINUTE)).toEqual([])
    open('late', ZONE, MINUTE)
    expect(closed(MINUTE + limits.surplusGrace)).toEqual(['late'])
    for (const mate of mates.slice(0, limits.mateLinksMax)) links.closed(mate, 2 * MINUTE)
    expect(closed(3 * MINUTE)).toEqual([])
  })

  it('never dials itself, a linked peer, or one without addresses', () => {
    const { links, book, know, open, dialled } = setUp()
    know(ZONE, 'self', 'mate0')
    open('mate0', ZONE)
    book.firstHand('mute', ZONE, { addresses: [], serves: true }, 0)
    links.check(0)
    expect(dialled()).toEqual([])
  })
})

describe('a node that is told of invented contacts', () => {
  /** Tells of 48 more ten times a second, lets each dial fail at once, and returns how many dials were made in so many seconds. */
  function storm(seconds: number): number {
    const { links, told, dialled } = setUp()
    let dials = 0
    for (let now = 0; now < seconds * SECOND; now += 100) {
      told(ZONE, now, ...names(`fake${now}-`, 48))
      links.soon(now)
      links.check(now)
      for (let peers = dialled(); peers.length > 0; peers = dialled()) {
        dials += peers.length
        for (const peer of peers) links.failed(peer, now)
        links.check(now)
      }
    }
    return dials
  }

  it('dials a few at once and then one a second', () => {
    expect(storm(10)).toBeLessThanOrEqual(limits.strangerDials + 10)
    expect(storm(30)).toBeGreaterThan(limits.strangerDials + 20)
  })

  it('still dials at once whom it knows from the disk', () => {
    const { links, know, told, dialled } = setUp()
    told(ZONE, 0, ...names('fake', 48))
    for (let i = 0; i < limits.strangerDials; i++) {
      links.soon(0)
      links.check(0)
      for (const peer of dialled()) links.failed(peer, 0)
    }
    know(ZONE, 'mate')
    links.soon(0)
    links.check(0)
    expect(dialled()).toEqual(['mate'])
  })

  it('keeps the back-off of whom the address book forgot, of so many', () => {
    const { links, know, told, dialled, book } = setUp()
    for (let i = 0; i < 5; i++) links.failed('fake0', 0)
    expect(book.get('fake0')).toBeUndefined()
    links.check(0)
    told(ZONE, 1, 'fake0')
    know(ZONE, 'mate')
    links.soon(1)
    links.check(1)
    expect(dialled()).toEqual(['mate'])
    for (let i = 0; i < limits.dialPauses + 100; i++) links.failed(`other${i}`, 2)
    links.check(2)
    expect(links.pauses).toBe(limits.dialPauses)
  })
})

describe('dials whose outcome is never reported', () => {
  it('give their place back', () => {
    const { links, know, dialled } = setUp()
    know(ZONE, ...names('mate', 8))
    links.check(0)
    expect(dialled()).toHaveLength(limits.dialsAtOnce)
    links.check(limits.dialForgotten - 1)
    expect(dialled()).toEqual([])
    links.soon(limits.dialForgotten)
    links.check(limits.dialForgotten)
    expect(dialled()).toHaveLength(limits.dialsAtOnce)
  })
})

describe('what the address book weighs a contact by', () => {
  it('is whether it is linked, and whether dials go on failing', () => {
    const { links, open } = setUp()
    for (let i = 1; i < limits.dialsDoubted; i++) links.failed('mate', 0)
    expect(links.standing('mate')).toBeUndefined()
    links.failed('mate', 0)
    expect(links.standing('mate')).toBe('doubted')
    open('mate', ZONE)
    expect(links.standing('mate')).toBe('linked')
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

  it('closes the oldest links that a query left behind', () => {
    const { links, open, effects } = setUp(false)
    for (let i = 0; i < limits.operatorLinksMax + 3; i++) open(`n${i}`, `/z${i}`, i)
    links.check(1000)
    expect(effects().filter((effect) => effect.type === 'close')).toEqual([])
    links.soon(10_000)
    links.check(10_000)
    const closed = effects().flatMap((effect) => (effect.type === 'close' ? [effect.peer] : []))
    expect(closed).toEqual(['n0', 'n1', 'n2'])
  })

  it('spares those over which pieces travel', () => {
    const { links, open, effects } = setUp(false, (peer) => peer === 'n1')
    for (let i = 0; i < limits.operatorLinksMax + 3; i++) open(`n${i}`, `/z${i}`, i)
    links.check(10_000)
    const closed = effects().flatMap((effect) => (effect.type === 'close' ? [effect.peer] : []))
    expect(closed).toEqual(['n0', 'n2'])
  })

  it('starts from addresses whose zone nobody told', () => {
    const { links, know, dialled } = setUp(false)
    know(undefined, 'stranger')
    links.check(0)
    expect(dialled()).toEqual(['stranger'])
  })
})
