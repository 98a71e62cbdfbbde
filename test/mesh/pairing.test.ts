// Pairing: of handshakes with one peer that are under way at once, at most one ends in a link, seen from either node.
import type { Connection, MessageStream } from '@libp2p/interface'
import { describe, expect, test } from 'vitest'
import { Pairing } from '../../src/mesh/pairing.ts'
import { failureOf } from './nodes.ts'

const [LOW, HIGH] = ['a', 'b']

function connectionTo(peer: string): Connection & { aborted: boolean } {
  const connection = { remotePeer: { toString: () => peer }, status: 'open', aborted: false }
  const abort = () => Object.assign(connection, { aborted: true, status: 'aborted' })
  return Object.assign(connection, { abort }) as unknown as Connection & { aborted: boolean }
}

const superfluous = { code: 'E_REFUSED', message: expect.stringContaining('another link') }

test('the deciding node lets its own dial go first, and drops the other when that led to a link', async () => {
  const pairing = new Pairing(LOW)
  const theirs = pairing.enter(HIGH, 'inbound')
  const ours = pairing.enter(HIGH, 'outbound')
  const waiting = failureOf(theirs.commit())
  await ours.commit()
  pairing.opened(connectionTo(HIGH))
  ours.leave()
  expect(await waiting).toMatchObject(superfluous)
})

test('when its own dial fails after all, the other goes on', async () => {
  const pairing = new Pairing(LOW)
  const theirs = pairing.enter(HIGH, 'inbound')
  const ours = pairing.enter(HIGH, 'outbound')
  const waiting = theirs.commit()
  ours.leave()
  await waiting
})

test('whom it has admitted already is not dropped for its own dial', async () => {
  const pairing = new Pairing(LOW)
  const theirs = pairing.enter(HIGH, 'inbound')
  await theirs.commit()
  const ours = pairing.enter(HIGH, 'outbound')
  const waiting = failureOf(ours.commit())
  pairing.opened(connectionTo(HIGH))
  theirs.leave()
  expect(await waiting).toMatchObject(superfluous)
  ours.leave()
  await pairing.settled(HIGH)
})

test('the other node lets both go on, as it cannot know what the deciding one does', async () => {
  const pairing = new Pairing(HIGH)
  const [theirs, ours] = [pairing.enter(LOW, 'inbound'), pairing.enter(LOW, 'outbound')]
  await theirs.commit()
  await ours.commit()
})

test('a peer that dials anew is meant by its newer dial; we never dial twice, nor whom we have a link with', () => {
  const pairing = new Pairing(HIGH)
  const older = pairing.enter(LOW, 'inbound')
  const newer = pairing.enter(LOW, 'inbound')
  expect([older.signal.aborted, newer.signal.aborted]).toEqual([true, false])
  pairing.enter(LOW, 'outbound')
  expect(() => pairing.enter(LOW, 'outbound')).toThrow('another link')
  pairing.opened(connectionTo('c'))
  expect(() => pairing.enter('c', 'outbound')).toThrow('another link')
})

test('only a link that was open before the peer dialled is stale', async () => {
  const pairing = new Pairing(HIGH)
  const stale = connectionTo(LOW)
  pairing.opened(stale)
  const turn = pairing.enter(LOW, 'inbound')
  await turn.commit()
  await turn.displace()
  expect(stale.aborted).toBe(true)
  const crossing = pairing.enter('c', 'inbound')
  const fresh = connectionTo('c')
  pairing.opened(fresh)
  expect(await failureOf(crossing.commit())).toMatchObject(superfluous)
  await crossing.displace()
  expect(fresh.aborted).toBe(false)
})

test('a link is replaced only while both want that: the old one closes when the new one is through, at either end', async () => {
  const pairing = new Pairing(HIGH)
  const old = connectionTo(LOW)
  pairing.opened(old)
  expect(pairing.enter(LOW, 'inbound').replaces).toBe(false)
  await pairing.replacing(LOW, async () => {
    for (const direction of ['outbound', 'inbound'] as const) {
      const turn = pairing.enter(LOW, direction)
      expect([turn.replaces, pairing.linked(LOW)]).toEqual([true, true])
      await turn.commit()
      expect(old.aborted).toBe(direction === 'inbound') // closed by the turn before
      await turn.displace()
      expect(old.aborted).toBe(true)
      turn.leave()
    }
    await pairing.replacing(LOW, async () => undefined) // asked for from both ends at once
    expect(pairing.enter(LOW, 'outbound').replaces).toBe(true)
  })
  expect(() => pairing.enter(LOW, 'outbound')).toThrow('another link')
})

test('of two that would replace one link only the first does, and one may still open when the old one is gone', async () => {
  const pairing = new Pairing(HIGH)
  const [old, fresh] = [connectionTo(LOW), connectionTo(LOW)]
  pairing.opened(old)
  await pairing.replacing(LOW, async () => {
    const [ours, theirs] = [pairing.enter(LOW, 'outbound'), pairing.enter(LOW, 'inbound')]
    await ours.commit()
    await ours.displace()
    pairing.closed(old)
    pairing.opened(fresh)
    expect(await failureOf(theirs.commit())).toMatchObject(superfluous)
    await theirs.displace()
    expect(fresh.aborted).toBe(false)
  })
  const lone = pairing.enter('c', 'inbound')
  const gone = connectionTo('d')
  pairing.opened(gone)
  const turn = pairing.enter('d', 'inbound')
  pairing.closed(gone)
  await Promise.all([lone.commit(), turn.commit()])
})

describe('a link that moves', () => {
  /** The old connection has closed while a new one is in the gate. */
  async function move() {
    const pairing = new Pairing(HIGH)
    const lost: string[] = []
    pairing.onLost((peer) => lost.push(peer))
    const old = connectionTo(LOW)
    pairing.opened(old)
    return pairing.replacing(LOW, async () => {
      const turn = pairing.enter(LOW, 'inbound')
      await turn.commit()
      const reported = pairing.closed(old) // by the other end
      await turn.displace()
      return { pairing, turn, lost, reported }
    })
  }

  test('goes on over the new connection, and nobody hears that the old one closed', async () => {
    const { pairing, turn, lost, reported } = await move()
    const stream = new EventTarget()
    turn.leave(stream as MessageStream)
    const fresh = connectionTo(LOW)
    expect([reported, pairing.opened(fresh)]).toEqual([false, 'moved'])
    expect(pairing.closed(fresh)).toBe(true)
    stream.dispatchEvent(new Event('close'))
    expect(lost).toEqual([])
    expect(pairing.opened(connectionTo(LOW))).toBe('first')
  })

  test('is gone when the new one fails, in the gate or behind it', async () => {
    const inGate = await move()
    inGate.turn.leave()
    expect(inGate.lost).toEqual([LOW])
    const behind = await move()
    const stream = new EventTarget()
    behind.turn.leave(stream as MessageStream)
    expect(behind.lost).toEqual([])
    stream.dispatchEvent(new Event('close'))
    expect(behind.lost).toEqual([LOW])
    expect(behind.pairing.opened(connectionTo(LOW))).toBe('first')
  })
})

test('a link is open from its first connection to its last, and one that is closed already never counts', () => {
  const pairing = new Pairing(HIGH)
  const [first, second] = [connectionTo(LOW), connectionTo(LOW)]
  expect([pairing.opened(first), pairing.opened(second)]).toEqual(['first', undefined])
  expect([pairing.closed(first), pairing.linked(LOW), pairing.closed(second)]).toEqual([false, true, true])
  expect([pairing.closed(second), pairing.linked(LOW)]).toEqual([false, false])
  const dead = connectionTo(LOW)
  dead.abort(new Error('gone'))
  expect([pairing.opened(dead), pairing.linked(LOW)]).toEqual([undefined, false])
})
