import { describe, expect, it } from 'vitest'
import { limits, SECOND } from '../../src/core/limits.ts'
import { Flows } from './flows.ts'
import { Network } from './network.ts'
import { Prng } from './prng.ts'
import { EventQueue } from './queue.ts'
import { Traffic } from './traffic.ts'

const RATE = 1_000_000
const PIECE = 250_000

/** Machines that write down what they hear; `hold` keeps messages of a machine unread. */
function world(size: number, loss = 0) {
  const [queue, prng] = [new EventQueue(), new Prng(1)]
  const network = new Network(queue, prng, { loss, delay: { min: 5, mean: 20, max: 200 } }, new Traffic())
  const flows = new Flows(queue, network, prng, { loss, uploadRate: RATE })
  const heard = Array.from({ length: size }, () => [] as string[])
  const held: (() => void)[] = []
  const runs = heard.map(() => 1)
  let hold = false
  for (const [node, lines] of heard.entries()) {
    network.add({
      alive: () => runs[node] !== 0,
      linked: () => undefined,
      moved: () => undefined,
      unlinked: (peer) => {
        if (flows.unlinked(node, peer)) lines.push(`closed ${peer}`)
      },
    })
    flows.add({
      run: () => runs[node] as number,
      piecesOpened: (peer) => lines.push(`opened ${peer}`),
      piecesClosed: (peer) => lines.push(`closed ${peer}`),
      pieceArrived: (peer, bytes, next) => {
        lines.push(`${peer}:${bytes[0]} ${Math.round(queue.now)}`)
        if (hold) held.push(next)
        else next()
      },
    })
    flows.expect(node, 0, limits.pieceBytesMax)
  }
  const said = (node: number) => (heard[node] as string[]).map((line) => line.split(' ')[0])
  const say = (from: number, to: number, word: number, length = 10) => flows.send(from, to, Uint8Array.of(word), length)
  const holding = (yes: boolean) => {
    hold = yes
  }
  const release = () => {
    for (const next of held.splice(0)) next()
  }
  return { queue, network, flows, heard, said, say, holding, release, runs }
}

describe('a stream of pieces between two machines', () => {
  it('opens for both, carries messages in order and closes for both', async () => {
    const { queue, network, flows, heard, said, say } = world(2, 0.3)
    network.open(0, 1, '')
    flows.open(0, 1)
    await queue.run(5_000)
    expect(heard).toEqual([['opened 1'], ['opened 0']])
    for (let word = 0; word < 50; word++) say(0, 1, word)
    say(1, 0, 7)
    await queue.run(10_000)
    expect(said(1).slice(1)).toEqual(Array.from({ length: 50 }, (_, word) => `0:${word}`))
    expect(said(0)).toEqual(['opened', '1:7'])
    flows.close(1, 0)
    await queue.run(11_000)
    expect([heard[0]?.at(-1), heard[1]?.at(-1)]).toEqual(['closed 1', 'closed 0'])
  })

  it('is one, when both open it at once', async () => {
    const { queue, network, flows, heard, said, say } = world(2)
    network.open(0, 1, '')
    flows.open(0, 1)
    flows.open(1, 0)
    await queue.run(1_000)
    expect(heard).toEqual([['opened 1'], ['opened 0']])
    say(1, 0, 3)
    await queue.run(2_000)
    expect(said(0)).toEqual(['opened', '1:3'])
  })

  it('takes as long as the uplink takes, shared by all who are served', async () => {
    const { queue, network, flows, heard, say } = world(3)
    for (const peer of [1, 2]) network.open(0, peer, '')
    for (const peer of [1, 2]) flows.open(0, peer)
    await queue.run(1_000)
    for (const peer of [1, 2]) flows.expect(peer, 0, PIECE)
    for (const peer of [1, 2]) say(0, peer, peer, PIECE)
    await queue.run(5_000)
    const arrived = [1, 2].map((node) => Number(heard[node]?.at(-1)?.split(' ')[1]))
    expect(arrived[0]).toBeGreaterThanOrEqual(1_250)
    expect(arrived[1]).toBeGreaterThanOrEqual(1_500)
    expect(arrived[1]).toBeLessThan(1_800)
    expect(network.traffic.bytesIn.data).toBe(2 * PIECE)
  })

  it('closes when a message is longer than expected', async () => {
    const { queue, network, flows, heard, say } = world(2)
    network.open(0, 1, '')
    flows.open(0, 1)
    await queue.run(1_000)
    flows.expect(1, 0, PIECE)
    say(0, 1, 1, PIECE + 1)
    await queue.run(3_000)
    expect(heard).toEqual([
      ['opened 1', 'closed 1'],
      ['opened 0', 'closed 0'],
    ])
  })

  it('hands over the next message when the one before was read, and tells the sender', async () => {
    const { queue, network, flows, said, holding, release } = world(2)
    network.open(0, 1, '')
    flows.open(0, 1)
    await queue.run(1_000)
    holding(true)
    let read = 0
    for (const word of [1, 2]) flows.send(0, 1, Uint8Array.of(word), 10, () => read++)
    await queue.run(2_000)
    expect([said(1), read]).toEqual([['opened', '0:1'], 1])
    release()
    await queue.run(3_000)
    expect([said(1), read]).toEqual([['opened', '0:1', '0:2'], 2])
  })

  it('stands still behind a partition, and goes on after it', async () => {
    const { queue, network, flows, said, say } = world(2)
    network.open(0, 1, '')
    flows.open(0, 1)
    await queue.run(1_000)
    const heal = network.part(new Set([1]), false)
    say(0, 1, 1)
    await queue.run(10_000)
    expect(said(1)).toEqual(['opened'])
    heal()
    await queue.run(40_000)
    expect(said(1)).toEqual(['opened', '0:1'])
  })

  it('is given up when it stands still for too long', async () => {
    const { queue, network, flows, said, say } = world(2)
    network.open(0, 1, '')
    flows.open(0, 1)
    await queue.run(1_000)
    network.part(new Set([1]), false)
    say(0, 1, 1)
    await queue.run(2_000 + 2 * limits.requestPatienceMax)
    expect(said(0)).toEqual(['opened', 'closed'])
  })

  it('ends with its link, and with its process without a word to it', async () => {
    const { queue, network, flows, heard, runs } = world(3)
    for (const peer of [1, 2]) network.open(0, peer, '')
    for (const peer of [1, 2]) flows.open(0, peer)
    await queue.run(1_000)
    network.close(1, 0)
    await queue.run(2_000)
    expect([heard[0]?.at(-1), heard[1]?.at(-1)]).toEqual(['closed 1', 'closed 0'])
    runs[2] = 0
    flows.crash(2)
    network.crash(2, false)
    await queue.run(3_000)
    expect([heard[0]?.at(-1), heard[2]]).toEqual(['closed 2', ['opened 0']])
  })

  it('frees whoever waits for a message that will never arrive', async () => {
    const { queue, network, flows, holding } = world(2)
    network.open(0, 1, '')
    flows.open(0, 1)
    await queue.run(1_000)
    holding(true)
    let freed = 0
    for (let i = 0; i < 3; i++) flows.send(0, 1, Uint8Array.of(i), 10, () => freed++)
    await queue.run(2_000)
    flows.close(0, 1)
    flows.send(0, 1, Uint8Array.of(9), 10, () => freed++)
    await queue.run(2_001)
    expect(freed).toBe(4)
  })

  it('cannot be opened without a link, nor when nobody answers', async () => {
    const { queue, network, flows, heard } = world(2)
    flows.open(0, 1)
    await queue.run(1_000)
    expect(heard[0]).toEqual(['closed 1'])
    network.open(0, 1, '')
    network.part(new Set([1]), false)
    flows.open(0, 1)
    await queue.run(1_000 + limits.requestTimeout + SECOND)
    expect(heard).toEqual([['closed 1', 'closed 1'], []])
  })
})
