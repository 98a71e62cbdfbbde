// Suspicion: a witness asks twice before it says that a node is gone, and blames itself before it blames others (clause WITNESS).
import { describe, expect, it } from 'vitest'
import type { Effect } from '../../../src/core/events.ts'
import { HealthOfSelf } from '../../../src/core/fleet/health-of-self.ts'
import { Suspicion } from '../../../src/core/fleet/suspicion.ts'
import { View } from '../../../src/core/fleet/view.ts'
import { limits } from '../../../src/core/limits.ts'
import type { Entry } from '../../../src/core/links/book-entry.ts'
import type { Link } from '../../../src/core/links/links.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { envelope, goodbye, record, T } from './helpers.ts'

const P = limits.probeTimeout

/** `a` is watched by `self`; `b` is another zone-mate, watched by others. Both are linked. */
function setUp({ watches = ['a'] } = {}) {
  const out = new Outbox()
  const [view, health] = [new View('self', out), new HealthOfSelf(true)]
  const links = new Map<string, Link>()
  const link = (peer: string) => {
    links.set(peer, { peer, zone: '/z', since: 0, address: '/x', direction: 'outbound', route: 'lan' })
    suspicion.linked(peer, 0)
  }
  const cast: string[] = []
  const dialled: string[] = []
  const suspicion: Suspicion = new Suspicion({
    ...{ out, view, health },
    self: { node: 'self', zone: '/z', isNode: true },
    links: {
      get: (peer) => links.get(peer),
      mates: () => [...links.values()],
      all: () => links.values(),
      want: ({ node }) => dialled.push(node),
    },
    book: { get: (node) => ({ node, addresses: ['/x'] }) as unknown as Entry },
    witnesses: {
      isOf: (node, _, _now, places = limits.witnesses) => watches.includes(node) || places > limits.witnesses,
    },
    votes: { cast: (node, met) => cast.push(`${node} ${met}`) },
  })
  for (const node of ['self', 'a', 'b']) view.accept(node, record(1, 1), envelope(node), 0)
  for (const node of ['a', 'b']) link(node)
  const unlink = (peer: string, now: number) => {
    links.delete(peer)
    suspicion.unlinked(peer, now)
  }
  const pulsed = () =>
    out.drain().flatMap((effect: Effect) => (effect.type === 'pulse' ? [`${effect.peer} ${effect.timeout}`] : []))
  const at = (now: number) => {
    view.check(now)
    suspicion.check(now)
  }
  return { view, health, suspicion, cast, dialled, unlink, pulsed, at }
}

describe('a witness', () => {
  it('dials a node whose link ended twice, a second apart, and votes when both fail', () => {
    const { suspicion, unlink, dialled, cast, at } = setUp()
    unlink('a', 1_000)
    expect(dialled).toEqual(['a'])
    suspicion.heard('b', 1_010)
    suspicion.dialFailed('a', 1_020)
    expect(suspicion.deadline()).toBe(1_000 + limits.probePause)
    at(1_000 + limits.probePause)
    expect(dialled).toEqual(['a', 'a'])
    expect(cast).toEqual([])
    suspicion.dialFailed('a', 2_010)
    expect(cast).toEqual(['a true'])
  })

  it('pulses a linked node that missed its promise by half, and votes within five seconds', () => {
    const { suspicion, cast, at, pulsed } = setUp()
    at(1.5 * T)
    expect(pulsed()).toEqual([`b ${P}`, `a ${P}`])
    suspicion.heard('b', 1.5 * T + 5)
    suspicion.pulseMissed('a', 1.5 * T + P)
    at(1.5 * T + P)
    suspicion.pulseMissed('a', 1.5 * T + 2 * P)
    expect(cast).toEqual(['a true'])
    expect(2 * P).toBeLessThanOrEqual(5_000)
  })

  it('ends its suspicion by whatever comes from the node: an answer, a message, a link', () => {
    for (const clear of ['heard', 'linked'] as const) {
      const { suspicion, unlink, cast, at } = setUp()
      unlink('a', 1_000)
      suspicion.heard('b', 1_001)
      suspicion.dialFailed('a', 1_002)
      suspicion[clear]('a', 1_500)
      at(9_000)
      suspicion.dialFailed('a', 9_001)
      expect([cast, suspicion.size]).toEqual([[], 0])
    }
  })

  it('looks for nobody that said goodbye, that is not its to watch, or that is gone already', () => {
    const { view, suspicion, unlink, dialled, at } = setUp()
    unlink('b', 100)
    expect(suspicion.size).toBe(0)
    view.accept('a', goodbye(1, 2), envelope('bye'), 200)
    unlink('a', 210)
    expect([suspicion.size, dialled]).toEqual([0, []])
    at(3 * T)
    expect(dialled).toEqual([])
  })

  it('that hears nobody else blames itself, and looks again later', () => {
    const { suspicion, unlink, cast, at, dialled } = setUp()
    unlink('a', 0)
    suspicion.dialFailed('a', 10)
    at(limits.probePause)
    suspicion.dialFailed('a', limits.probePause + 10)
    expect(cast).toEqual([])
    const again = limits.probePause + 10 + limits.suspectAgain
    expect(suspicion.deadline()).toBe(again)
    at(again)
    suspicion.heard('b', again)
    suspicion.dialFailed('a', again)
    at(again + limits.probePause)
    suspicion.dialFailed('a', again + limits.probePause)
    expect([dialled.length, cast]).toEqual([4, ['a true']])
  })

  it('that doubts itself waits longer for answers and does not vote', () => {
    const { health, suspicion, at, pulsed, cast } = setUp()
    health.wokeLate(3 * limits.lateWake, 1.5 * T)
    at(1.5 * T)
    expect(pulsed()).toContain(`a ${4 * P}`)
    suspicion.heard('b', 1.5 * T)
    at(1.5 * T + 4 * P + limits.pulseLate)
    suspicion.heard('b', 1.5 * T + 4 * P + limits.pulseLate)
    at(3 * T - 1)
    expect(cast).toEqual([])
  })

  it('that looks at the clock too late asks again instead of counting a failure: the answer may wait to be read', () => {
    const { health, suspicion, at, pulsed, cast } = setUp()
    at(1.5 * T)
    suspicion.heard('b', 1.5 * T)
    pulsed()
    const late = 1.5 * T + P + 3_000
    suspicion.pulseMissed('a', late)
    expect(pulsed()).toEqual([expect.stringContaining('a ')])
    expect(health.level(late)).toBeGreaterThan(1)
    expect(cast).toEqual([])
  })

  it('takes the missed pulse of another for none of its own', () => {
    const { suspicion, at, pulsed, cast } = setUp()
    at(1.5 * T)
    suspicion.heard('b', 1.5 * T)
    suspicion.pulseMissed('a', 1.5 * T + 10)
    at(1.5 * T + limits.probePause)
    expect(pulsed().filter((pulse) => pulse.startsWith('a'))).toHaveLength(1)
    expect(cast).toEqual([])
  })

  it('looks, too, when another votes and it may be a witness by another view', () => {
    const { suspicion, dialled, pulsed } = setUp()
    suspicion.raised('b', 100)
    expect([suspicion.size, dialled]).toEqual([1, []])
    expect(pulsed()).toEqual([`a ${P}`, `b ${P}`])
  })

  it('learns that it was wrong when the node speaks on, and not when it has started again', () => {
    for (const [next, level] of [
      [record(1, 2), 2],
      [record(2, 1), 1],
    ] as const) {
      const { view, health, suspicion, unlink, at, cast } = setUp()
      unlink('a', 0)
      suspicion.heard('b', 1)
      suspicion.dialFailed('a', 2)
      at(limits.probePause)
      suspicion.dialFailed('a', limits.probePause)
      expect(cast).toEqual(['a true'])
      view.accept('a', next, envelope('next'), limits.probePause + 1)
      at(limits.probePause + 1)
      expect(health.level(limits.probePause + 1)).toBe(level)
    }
  })

  it('does not vote when the node was heard by way of others meanwhile', () => {
    const { view, suspicion, unlink, at, cast } = setUp()
    unlink('a', 0)
    suspicion.heard('b', 1)
    suspicion.dialFailed('a', 2)
    view.accept('a', record(1, 2), envelope('next'), 500)
    at(limits.probePause)
    expect([suspicion.size, cast]).toEqual([0, []])
  })

  it('says so once of one record, whoever else votes, and looks again when a newer one came', () => {
    const { view, suspicion, unlink, cast, at } = setUp()
    const fails = (now: number) => {
      suspicion.heard('b', now + 1)
      suspicion.dialFailed('a', now + 2)
      at(now + limits.probePause)
      suspicion.dialFailed('a', now + limits.probePause + 1)
    }
    unlink('a', 1_000)
    fails(1_000)
    expect([cast, suspicion.size]).toEqual([['a true'], 0])
    suspicion.raised('a', 3_000)
    expect(suspicion.size).toBe(0)
    view.accept('a', record(1, 2), envelope('a'), 4_000)
    suspicion.raised('a', 5_000)
    expect(suspicion.size).toBe(1)
    fails(5_000)
    expect(cast).toEqual(['a true', 'a true'])
  })

  it('looks for so many at once and no more, however many are said to be gone', () => {
    const { view, suspicion } = setUp()
    for (let i = 0; i < 3 * limits.suspects; i++) {
      view.accept(`n${i}`, record(1, 1), envelope(`n${i}`), 0)
      suspicion.raised(`n${i}`, 10)
    }
    expect(suspicion.size).toBe(limits.suspects)
  })

  it('is no better off for an answer that came too late', () => {
    const { suspicion, health, at } = setUp()
    health.wokeLate(2 * limits.lateWake, 1.5 * T)
    const before = health.level(1.5 * T)
    at(1.5 * T)
    suspicion.heard('a', 1.5 * T + P * before + 1)
    expect([suspicion.size, health.level(1.5 * T + P * before + 1)]).toEqual([0, before])
    const timely = setUp()
    timely.health.wokeLate(2 * limits.lateWake, 1.5 * T)
    timely.at(1.5 * T)
    timely.suspicion.heard('a', 1.5 * T + P)
    expect(timely.health.level(1.5 * T + P)).toBe(before - 1)
  })
})
