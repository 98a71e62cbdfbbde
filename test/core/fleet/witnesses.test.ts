import { describe, expect, it } from 'vitest'
import { FLAG } from '../../../src/core/fleet/record.ts'
import { View } from '../../../src/core/fleet/view.ts'
import { Witnesses } from '../../../src/core/fleet/witnesses.ts'
import { limits } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { testEnv } from '../env.ts'
import { envelope, record, T } from './helpers.ts'

const DAY = 20_500

function zone(size: number, self = 'n0') {
  const view = new View(self, new Outbox())
  const members = Array.from({ length: size }, (_, i) => `n${i}`)
  for (const member of members) view.accept(member, record(1, limits.witnessSettled), envelope(member), 0)
  const clock = { day: DAY }
  const flapping = new Set<string>()
  const witnesses = new Witnesses({
    ...{ env: testEnv(), self: { node: self }, view },
    day: { at: () => clock.day },
    isFlapping: (node) => flapping.has(node),
    changes: () => flapping.size,
  })
  return { view, members, witnesses, clock, flapping }
}

/** A member that has been there for a while. */
const SETTLED = limits.witnessSettled

describe('the witnesses of a node', () => {
  it('are three others, the same in every view that holds the same members', () => {
    const [one, other] = [zone(25), zone(25, 'n7')]
    for (const node of one.members) {
      const chosen = one.witnesses.of(node, 0)
      expect(chosen).toHaveLength(limits.witnesses)
      expect(chosen).not.toContain(node)
      expect(other.witnesses.of(node, 0)).toEqual(chosen)
      for (const member of one.members) expect(one.witnesses.isOf(node, member, 0)).toBe(chosen.includes(member))
    }
  })

  it('are all others in a zone of two to four', () => {
    for (const size of [2, 3, 4]) {
      const { witnesses, members } = zone(size)
      expect(witnesses.of('n0', 0).toSorted()).toEqual(members.slice(1))
    }
    expect(zone(1).witnesses.of('n0', 0)).toEqual([])
  })

  it('are others for oneself as well once the day is over, though nothing else has changed', () => {
    const { witnesses, clock } = zone(100)
    const today = witnesses.of('n0', 0)
    expect(witnesses.of('n0', 0)).toEqual(today)
    clock.day += 1
    const tomorrow = witnesses.of('n0', 0)
    expect(tomorrow).not.toEqual(today)
    expect(zone(100, 'n7').witnesses.of('n0', 0)).toEqual(today)
  })

  it('are nobody who is about to go: neither by others nor by itself', () => {
    const { view, witnesses, members } = zone(4)
    for (const node of ['n0', 'n3']) view.accept(node, record(1, SETTLED + 1, { flags: FLAG.leaving }), envelope(), 1)
    for (const node of members) expect(witnesses.of(node, 1)).toEqual(['n1', 'n2'].filter((one) => one !== node))
  })

  it('spread over the zone: nobody watches more than a few', () => {
    const { witnesses, members } = zone(100)
    const watched = members.map((member) => members.filter((node) => witnesses.of(node, 0).includes(member)).length)
    expect(Math.max(...watched)).toBeLessThanOrEqual(12)
  })

  it('T41 are others the next day, whatever id somebody ground for today', () => {
    const { witnesses, members, clock } = zone(100)
    const today = members.map((node) => witnesses.of(node, 0))
    clock.day += 1
    const kept = members.flatMap((node, i) => witnesses.of(node, 0).filter((member) => today[i]?.includes(member)))
    expect(kept.length).toBeLessThan(members.length / 3)
  })

  it('are taken from who is up and fit: not from who is late, isolated or slow', () => {
    const { view, witnesses } = zone(25)
    const [first, second, third, fourth, fifth, sixth] = orderOf('n0')
    view.accept(first, record(1, SETTLED + 1, { flags: FLAG.slow }), envelope(), 0)
    view.accept(second, record(1, SETTLED + 1, { flags: FLAG.isolated }), envelope(), 0)
    for (let i = 1; i < 25; i++) if (`n${i}` !== third) view.accept(`n${i}`, record(1, SETTLED + 2), envelope(), T)
    view.accept(first, record(1, SETTLED + 3, { flags: FLAG.slow }), envelope(), T)
    view.accept(second, record(1, SETTLED + 3, { flags: FLAG.isolated }), envelope(), T)
    view.check(2.5 * T)
    expect(witnesses.of('n0', 2.5 * T)).toEqual([fourth, fifth, sixth])
  })

  it('are not taken from who started a moment ago, unless there are too few others', () => {
    const { view, witnesses } = zone(25)
    const [first, second, third, fourth] = orderOf('n0')
    view.accept(first, record(2, 1), envelope(), 1)
    expect(witnesses.of('n0', 1)).toEqual([second, third, fourth])
    expect(witnesses.isOf('n0', first, 1)).toBe(false)
    const small = zone(3)
    small.view.accept('n1', record(2, 1), envelope(), 1)
    expect(small.witnesses.of('n0', 1)).toEqual(['n2', 'n1'])
  })

  it('are not taken from who comes and goes', () => {
    const { witnesses, flapping } = zone(25)
    const [first, second, third, fourth] = orderOf('n0')
    flapping.add(first)
    expect(witnesses.of('n0', 1)).toEqual([second, third, fourth])
    flapping.delete(first)
    expect(witnesses.of('n0', 1)).toEqual([first, second, third])
  })

  it('may be the first five in another view, and those of the day before or after; nobody else', () => {
    const { witnesses, clock } = zone(50)
    const order = orderOf('n0', 50)
    expect(order.slice(0, 5).every((member) => witnesses.mayBeOf('n0', member, 0))).toBe(true)
    const three = [DAY - 1, DAY, DAY + 1].flatMap((day) => {
      clock.day = day
      return [...Array(50).keys()].map((i) => `n${i}`).filter((member) => witnesses.isOf('n0', member, 0, 5))
    })
    clock.day = DAY
    for (let i = 1; i < 50; i++) expect(witnesses.mayBeOf('n0', `n${i}`, 0)).toBe(three.includes(`n${i}`))
    expect(witnesses.mayBeOf('n0', 'n0', 0)).toBe(false)
  })
})

/** All others, nearest first. */
function orderOf(node: string, size = 25): [string, string, string, string, string, string, ...string[]] {
  const { witnesses, members } = zone(size)
  const places = (member: string) => members.findIndex((_, i) => witnesses.isOf(node, member, 0, i + 1))
  const others = members.filter((member) => member !== node)
  return others.sort((a, b) => places(a) - places(b)) as ReturnType<typeof orderOf>
}
