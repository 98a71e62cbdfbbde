// Duties: a quiet step does what is due by itself and no more, and hands over when anything else is due.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Duties, type Duty } from '../../src/core/duties.ts'

/** A duty that is due at these moments, one after the other, and what it did. */
function duty(...dues: number[]): Duty & { done: number[]; dues: number[] } {
  const done: number[] = []
  return {
    dues,
    done,
    deadline: () => dues[0],
    check(now) {
      if (dues[0] === undefined || dues[0] > now) return
      dues.shift()
      done.push(now)
    },
  }
}

it('a quiet step does what moves nobody else, in order, and leaves the rest alone', () => {
  const [view, watchdog, greetings] = [duty(50), duty(10, 30), duty(20)]
  const duties = new Duties([view, watchdog, greetings], [watchdog, greetings])
  expect([duties.next, duties.settleAlone(9), watchdog.done]).toEqual([10, true, []])
  expect([duties.settleAlone(25), watchdog.done, greetings.done, duties.next]).toEqual([true, [25], [25], 30])
  expect([duties.settleAlone(50), view.done, watchdog.done]).toEqual([false, [], [25]])
  duties.settle(50)
  expect([view.done, watchdog.done, duties.next]).toEqual([[50], [25, 50], undefined])
})

it('a deadline that an input moved counts once it was looked up, an earlier one before that is a defect', () => {
  const view = duty(50)
  const duties = new Duties([view], [])
  view.dues.unshift(5)
  expect([duties.isStale, duties.next]).toEqual([true, 50])
  duties.moved(view)
  expect([duties.isStale, duties.next, duties.settleAlone(5)]).toEqual([false, 5, false])
})

it('whatever is due, and whichever of it is alone, the next moment is that of the earliest deadline', () => {
  const sets = fc.array(fc.record({ due: fc.option(fc.nat(100), { nil: undefined }), alone: fc.boolean() }), {
    maxLength: 8,
  })
  fc.assert(
    fc.property(sets, fc.nat(100), (set, now) => {
      const all = set.map(({ due }) => duty(...(due === undefined ? [] : [due])))
      const duties = new Duties(
        all,
        all.filter((_, at) => set[at]?.alone),
      )
      if (!duties.settleAlone(now)) duties.settle(now)
      const left = all.flatMap((one) => one.deadline() ?? [])
      expect([duties.next, duties.isStale]).toEqual([left.length === 0 ? undefined : Math.min(...left), false])
      expect(left.every((due) => due > now)).toBe(true)
    }),
  )
})
