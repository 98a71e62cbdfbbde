import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventQueue } from './queue.ts'

describe('virtual time', () => {
  it('runs by time, and at one time in the order of insertion', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }), async (times) => {
        const queue = new EventQueue()
        const ran: [number, number][] = []
        for (const [index, at] of times.entries()) queue.at(at, () => ran.push([queue.now, index]))
        await queue.run(20)
        const sorted = times
          .map((at, index): [number, number] => [at, index])
          .sort((a, b) => a[0] - b[0] || a[1] - b[1])
        expect(ran).toEqual(sorted)
      }),
    )
  })

  it('runs by time whatever is put in meanwhile, near or far', async () => {
    const delay = fc.double({ min: 0, max: 100, noNaN: true })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(delay, fc.array(delay, { maxLength: 3 })), { maxLength: 40 }),
        async (plan) => {
          const queue = new EventQueue()
          const [ran, due]: [number[], number[]] = [[], []]
          const put = (at: number, then: readonly number[]) => {
            due.push(at)
            queue.at(at, () => {
              expect(queue.now).toBe(at)
              ran.push(at)
              for (const more of then) put(at + more, [])
            })
          }
          for (const [at, then] of plan) put(at, then)
          for (const until of [3, 30, 200]) {
            await queue.run(until)
            expect(queue.size).toBe(due.length - ran.length)
            expect(ran).toEqual(due.filter((at) => at <= until).sort((a, b) => a - b))
          }
        },
      ),
    )
  })

  it('stops at the given time and goes on from there', async () => {
    const queue = new EventQueue()
    const ran: number[] = []
    for (const at of [5, 15]) queue.at(at, () => ran.push(at))
    await queue.run(10)
    expect([ran, queue.now, queue.size]).toEqual([[5], 10, 1])
    expect(() => queue.at(9, () => undefined)).toThrow('before 10')
    await queue.run(15)
    expect(ran).toEqual([5, 15])
  })

  it('waits for an action that returns a promise', async () => {
    const queue = new EventQueue()
    const ran: string[] = []
    queue.at(1, async () => {
      await Promise.resolve()
      ran.push('slow')
    })
    queue.at(1, () => ran.push('next'))
    await queue.run(1)
    expect(ran).toEqual(['slow', 'next'])
  })

  it('stands still once halted, even if something always happens now', async () => {
    const queue = new EventQueue()
    let turns = 0
    const spin = () => {
      if (++turns === 100) queue.halt()
      queue.after(0, spin)
    }
    queue.at(3, spin)
    await queue.run(10)
    expect([turns, queue.now]).toEqual([100, 3])
  })
})
