import { describe, expect, it } from 'vitest'
import { type Machine, Network, SILENCE } from './network.ts'
import { Prng } from './prng.ts'
import { EventQueue } from './queue.ts'
import { Traffic } from './traffic.ts'

const DELAY = { min: 5, mean: 20, max: 200 }

class FakeMachine implements Machine {
  up = true
  readonly log: string[] = []
  alive(): boolean {
    return this.up
  }
  linked(peer: number, _address: string, direction: string): void {
    this.log.push(`linked ${peer} ${direction}`)
  }
  unlinked(peer: number): void {
    this.log.push(`unlinked ${peer}`)
  }
  moved(peer: number, _address: string, direction: string): void {
    this.log.push(`moved ${peer} ${direction}`)
  }
}

function world(machines: number, loss = 0) {
  const queue = new EventQueue()
  const traffic = new Traffic()
  const network = new Network(queue, new Prng(1), { loss, delay: DELAY }, traffic)
  const all = Array.from({ length: machines }, () => new FakeMachine())
  for (const machine of all) network.add(machine)
  return { queue, traffic, network, all }
}

describe('the faulty network', () => {
  it('links both ends once, and carries within its delays', async () => {
    const { queue, network, all, traffic } = world(2)
    network.open(0, 1, 'x')
    network.open(1, 0, 'x')
    expect([all[0]?.log, all[1]?.log]).toEqual([['linked 1 outbound'], ['linked 0 inbound']])
    const at: number[] = []
    for (let i = 0; i < 200; i++) network.send(0, 1, 'hello', 10, () => at.push(queue.now))
    await queue.run(DELAY.max)
    expect(at.length).toBe(200)
    expect(Math.min(...at)).toBeGreaterThanOrEqual(DELAY.min)
    expect([traffic.messages.hello, traffic.bytesOut.hello, traffic.bytesIn.hello]).toEqual([200, 2_000, 2_000])
  })

  it('delivers out of order and loses about the share it is told to', async () => {
    const { queue, network, traffic } = world(2, 0.2)
    network.open(0, 1, 'x')
    const order: number[] = []
    for (let i = 0; i < 1_000; i++) network.send(0, 1, 'gossip', 1, () => order.push(i))
    await queue.run(1_000)
    expect(order).not.toEqual([...order].sort((a, b) => a - b))
    expect(order.length + traffic.lost).toBe(1_000)
    expect(Math.abs(traffic.lost - 200)).toBeLessThan(50)
  })

  it('tells the other end of a kill soon, of a power cut after a silence', async () => {
    const { queue, network, all } = world(3)
    network.open(0, 1, 'x')
    network.open(0, 2, 'x')
    network.crash(1, false)
    network.crash(2, true)
    await queue.run(DELAY.max)
    expect(all[0]?.log).toContain('unlinked 1')
    expect(all[0]?.log).not.toContain('unlinked 2')
    await queue.run(SILENCE.max + 1)
    expect(all[0]?.log).toContain('unlinked 2')
  })

  it('resets who sends to a machine that came back without knowing the link', async () => {
    const { queue, network, all } = world(2)
    network.open(0, 1, 'x')
    network.crash(1, true)
    network.send(0, 1, 'hello', 1, () => expect.unreachable())
    await queue.run(DELAY.max)
    expect(all[0]?.log).toContain('unlinked 1')
  })

  it('cuts both ways or one way, breaks the links in between, and heals', async () => {
    const { queue, network, all } = world(3)
    for (const [a, b] of [
      [0, 1],
      [1, 2],
      [0, 2],
    ] as const)
      network.open(a, b, 'x')
    const heal = network.part(new Set([2]), true)
    expect([network.cut(2, 0), network.cut(0, 2), network.severed(0, 2), network.severed(0, 1)]).toEqual([
      true,
      false,
      true,
      false,
    ])
    network.send(2, 0, 'hello', 1, () => expect.unreachable())
    let heard = 0
    network.send(0, 2, 'hello', 1, () => heard++)
    await queue.run(SILENCE.max + 1)
    expect(heard).toBe(1)
    expect(all[2]?.log).toEqual(expect.arrayContaining(['unlinked 0', 'unlinked 1']))
    expect(all[1]?.log).not.toContain('unlinked 0')
    heal()
    expect(network.severed(0, 2)).toBe(false)
  })

  it('closes what is left of a link at the end that was not told, before the other dials anew', () => {
    const { network, all } = world(2)
    network.open(0, 1, 'x')
    network.crash(1, true)
    network.open(1, 0, 'y')
    expect(all[0]?.log).toEqual(['linked 1 outbound', 'unlinked 1', 'linked 1 inbound'])
  })

  it('says how long an end believed in a dead link, closed or not, and forgives what works again', async () => {
    const { queue, network } = world(3)
    network.open(0, 1, 'x')
    network.open(0, 2, 'x')
    const heal = network.part(new Set([1]), false)
    await queue.run(5_000)
    expect(network.slowestNotice()).toBe(5_000)
    heal()
    expect(network.slowestNotice()).toBe(0)
    network.crash(2, true)
    await queue.run(8_000)
    network.close(0, 2)
    await queue.run(20_000)
    expect(network.slowestNotice()).toBe(3_000)
  })

  it('keeps a link that a short partition did not outlast', async () => {
    const { queue, network, all } = world(2)
    network.open(0, 1, 'x')
    network.part(new Set([1]), false)()
    await queue.run(2 * SILENCE.max)
    expect(all[0]?.log).toEqual(['linked 1 outbound'])
  })
})
