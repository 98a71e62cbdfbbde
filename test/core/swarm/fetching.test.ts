import { describe, expect, it } from 'vitest'
import { HOUR, limits, MINUTE, SECOND } from '../../../src/core/limits.ts'
import { emptyBits, setBit } from '../../../src/core/swarm/bitfield.ts'
import type { PieceMessage } from '../../../src/core/swarm/messages.ts'
import { pieceBytes } from '../../../src/core/swarm/pieces.ts'
import { Alone, pieceMessageBytes } from './alone.ts'
import { JUNK, testEncoding } from './encodings.ts'

const WANTED = testEncoding('a', 100)
const HASH = WANTED.encoding.hash
const bitsOf = (...held: number[]) => {
  const bits = emptyBits(WANTED.hashes.length)
  for (const index of held) setBit(bits, index)
  return bits
}

/** `peers` hold everything; the first gave a piece already and has its full share of requests. */
function proven(...peers: string[]) {
  const alone = new Alone()
  const effects = alone.fetches(WANTED, ...peers)
  const first = alone.requests(effects).find(({ peer }) => peer === peers[0])
  const given = alone.sends(peers[0] as string, WANTED, first?.index as number)
  alone.keeps(given)
  return alone
}

describe('asking for pieces', () => {
  it('tells the driver the longest message before it asks, and takes it back when nothing may come any more', () => {
    const alone = new Alone()
    const effects = alone.fetches(WANTED, 'p')
    const order = effects.map((effect) => effect.type).filter((type) => type === 'piecesExpect' || type === 'pieceSay')
    expect(order.indexOf('piecesExpect')).toBeLessThan(order.lastIndexOf('pieceSay'))
    expect(alone.last('piecesExpect').maxBytes).toBe(pieceMessageBytes(WANTED))
    alone.serves(WANTED, alone.requests())
    expect(alone.last('piecesExpect').maxBytes).toBe(limits.pieceControlBytes)
    alone.syncs()
    expect(alone.swarm.isComplete(HASH)).toBe(true)
  })

  it('counts whom the bytes came from: over the LAN, from those that had it first, and from others', () => {
    const few = testEncoding('few', 9)
    const linked = ['mate', 'first', 'far'].map((peer) => ({
      ...{ peer, zone: '/a', address: '', direction: 'outbound' as const, since: 0 },
      route: peer === 'mate' ? ('lan' as const) : ('direct' as const),
    }))
    const get = (name: string) => linked.find(({ peer }) => peer === name)
    const alone = new Alone(undefined, { links: { all: () => linked.values(), get, wantFor: () => undefined } })
    alone.fetches(few, 'mate', 'first', 'far')
    const origin = ['/ip4/44.1.1.1/tcp/1/p2p/far/p2p-circuit/p2p/first']
    alone.step((swarm) => swarm.want({ encoding: few.encoding, release8: 'aa', origin, decoded: 7 }, 0))
    const given = { site: 0, members: 0, publisher: 0 }
    const is = { mate: 'site', first: 'publisher', far: 'members' } as const
    let asked = alone.requests()
    while (asked.length > 0) {
      const effects = asked.flatMap(({ peer, index }) => {
        given[is[peer as keyof typeof is]] += pieceBytes(few.encoding, index)
        const sent = alone.sends(peer, few, index)
        return [...sent, ...alone.keeps(sent)]
      })
      asked = alone.requests(effects)
    }
    const { came, bytes } = alone.swarm.progress(few.encoding.hash)!
    expect(came).toEqual(given)
    expect(came.site + came.members + came.publisher).toBe(bytes)
    expect([came.site, came.publisher, came.members].every((part) => part > 0)).toBe(true)
  })

  it('asks a stranger for one piece, and for more when it gave one', () => {
    const alone = new Alone()
    expect(alone.requests(alone.fetches(WANTED, 'p'))).toHaveLength(1)
    expect(alone.requests(proven('p').effects)).toHaveLength(1 + limits.requestsPerPeer)
  })

  it('asks many strangers only for half of what may be in flight', () => {
    const alone = new Alone()
    const peers = Array.from({ length: 40 }, (_, i) => `p${i}`)
    alone.fetches(WANTED, ...peers)
    const half = limits.requestBytes / WANTED.encoding.pieceLength / 2
    expect(alone.requests()).toHaveLength(half)
  })

  it('asks for the rarest piece first', () => {
    const alone = new Alone()
    alone.fetches(WANTED, 'busy')
    alone.meets('other')
    const everywhere = Array.from({ length: 50 }, (_, i) => i)
    alone.says('other', { type: 'bitfield', encoding: HASH, bits: bitsOf(...everywhere), wants: true })
    alone.sends('busy', WANTED, alone.requests()[0]?.index as number)
    for (const { index } of alone.requests().slice(2)) expect(index).toBeGreaterThanOrEqual(50)
  })

  it('fetches the longest pieces too, one after the other when the budget holds no more', () => {
    const long = testEncoding('long', 6, limits.pieceBytesMax)
    const alone = new Alone()
    alone.fetches(long, 'p', 'q')
    alone.serves(long, alone.requests())
    alone.syncs()
    expect(alone.swarm.isComplete(long.encoding.hash)).toBe(true)
  })

  it('moves on when a request takes too long and another peer has the piece, and takes the late one all the same', () => {
    const alone = new Alone()
    alone.fetches(WANTED, 'slow', 'quick')
    const [first] = alone.requests()
    const lapse = alone.wait(limits.requestPatienceMin + 1)
    expect(alone.said('cancel', lapse).map(({ peer }) => peer)).toContain('slow')
    const late = alone.sends('slow', WANTED, first?.index as number)
    expect(alone.of('pieceKeep', late)).toHaveLength(1)
    expect(alone.refusals).toEqual([])
  })

  it.each(['refuses', 'never sends'])('gets one encoding of a peer that %s another', (manner) => {
    const [x, y] = [testEncoding('x', 10), testEncoding('y', 10)]
    const alone = new Alone()
    alone.wants(x, y)
    alone.meets('p')
    for (const each of [x, y]) alone.holds('p', each)
    for (const { ticket, body } of alone.of('ask')) {
      const { list } = [x, y].find(({ encoding }) => 'hash' in body && encoding.pieceList === body.hash) as typeof x
      alone.step((swarm) => swarm.listArrived(ticket, 'p', list, 0))
    }
    for (const { ticket } of alone.of('artifactPrepare'))
      alone.step((swarm) => swarm.prepared(ticket, emptyBits(10), 0))
    let said = alone.said('request')
    alone.now += 1
    alone.says('p', { type: 'have', encoding: y.encoding.hash, index: 0 })
    const end = limits.lonePatience + limits.requestPatienceMax + 10 * SECOND
    while (alone.now < end && alone.swarm.progress(y.encoding.hash)?.have !== 10) {
      const effects = said.flatMap(({ message }) => {
        if (message.type !== 'request') return []
        const { encoding, index } = message
        if (encoding === x.encoding.hash)
          return manner === 'refuses' ? alone.says('p', { type: 'refuse', encoding, index }) : []
        const given = alone.sends('p', y, index)
        return [...given, ...alone.keeps(given)]
      })
      said = alone.said('request', [...effects, ...alone.wait(10)])
    }
    expect(alone.swarm.progress(y.encoding.hash)?.have).toBe(10)
    if (manner === 'refuses') expect(alone.now).toBeLessThan(10 * SECOND)
  })

  it('waits longer for a longer piece', () => {
    const long = testEncoding('long', 6, limits.pieceBytesMax)
    const scale = limits.pieceBytesMax / limits.pieceBytesMin
    const alone = new Alone()
    alone.fetches(long, 'p', 'q')
    const first = alone.requests()
    expect(alone.said('cancel', alone.wait(scale * limits.requestPatienceMin - 1))).toEqual([])
    expect(alone.said('cancel', alone.wait(2))).toHaveLength(1)
    const { peer, index } = first[0] as { peer: string; index: number }
    expect(alone.of('pieceKeep', alone.sends(peer, long, index))).toHaveLength(1)
    expect(alone.refusals).toEqual([])
  })

  it('waits for the only holder of long pieces as many times longer', () => {
    const long = testEncoding('long', 6, limits.pieceBytesMax)
    const alone = new Alone()
    alone.fetches(long, 'p')
    alone.wait((limits.pieceBytesMax / limits.pieceBytesMin) * limits.lonePatience - 1)
    expect(alone.said('cancel')).toEqual([])
  })

  it('holds no more of late pieces, when they are long, than it may hold in flight', () => {
    const long = testEncoding('long', 60, limits.pieceBytesMax)
    const alone = new Alone()
    alone.fetches(long, ...Array.from({ length: 20 }, (_, i) => `p${i}`))
    const longest = new Map<string, number>()
    let seen = 0
    while (alone.now < HOUR) {
      alone.wait(10 * SECOND)
      for (const effect of alone.effects.slice(seen)) {
        if (effect.type === 'piecesExpect') longest.set(effect.peer, effect.maxBytes)
        if (effect.type === 'piecesClose') longest.delete(effect.peer)
      }
      seen = alone.effects.length
      const wide = [...longest.values()].filter((bytes) => bytes > limits.pieceControlBytes)
      expect(wide.length * limits.pieceBytesMax).toBeLessThanOrEqual(limits.requestBytes)
      expect(alone.swarm.sizes().requestBytes).toBeLessThanOrEqual(limits.requestBytes)
    }
    expect(new Set(alone.requests().map(({ peer }) => peer)).size).toBeGreaterThan(4)
  })

  it('takes a late piece without holding more than it may, and asks for another later instead', () => {
    const alone = new Alone()
    const piece = alone.requests(alone.fetches(WANTED, 'late'))[0]?.index as number
    alone.meets('quick', 'other')
    const others = WANTED.hashes.map((_, index) => index).filter((index) => index !== piece)
    const first = alone.requests(alone.holds('quick', WANTED, bitsOf(...others)))
    alone.holds('other', WANTED, bitsOf(piece))
    const asked = alone.requests(alone.wait(limits.requestPatienceMin))
    expect(asked.map(({ peer }) => peer)).toEqual(['other'])
    alone.says('other', { type: 'refuse', encoding: HASH, index: piece })
    // The disk is slow: all that comes waits to be written, until no more may be asked for.
    const queue = [...first]
    const inFlight = () => alone.swarm.sizes().requestBytes
    for (let next = queue.shift(); next !== undefined && inFlight() < limits.requestBytes; next = queue.shift())
      queue.push(...alone.requests(alone.sends('quick', WANTED, next.index)))
    expect(inFlight()).toBe(limits.requestBytes)
    const effects = alone.sends('late', WANTED, piece)
    expect(alone.of('pieceKeep', effects)).toHaveLength(1)
    expect(alone.said('cancel', effects)).toHaveLength(1)
    expect(inFlight()).toBe(limits.requestBytes)
  })

  it('blames nobody for the time in which this machine slept', () => {
    const alone = proven('p', 'q')
    const sleep = 5 * MINUTE
    alone.now += sleep
    const effects = alone.step((swarm) => swarm.forgive(sleep))
    expect(alone.said('cancel', effects)).toEqual([])
    expect(alone.said('cancel', alone.wait(limits.requestPatienceMin - 1))).toEqual([])
    expect(alone.said('cancel', alone.wait(2)).length).toBeGreaterThan(0)
  })

  it('waits longer for the only one who has it', () => {
    const alone = new Alone()
    alone.fetches(WANTED, 'only')
    alone.wait(limits.lonePatience - 1)
    expect(alone.said('cancel')).toEqual([])
    alone.wait(2)
    expect(alone.said('cancel')).toHaveLength(1)
  })

  it('ignores a late piece that is here already, and only then cuts off who sends it once more', () => {
    const alone = new Alone()
    alone.fetches(WANTED, 'slow', 'quick')
    const { index } = alone.requests()[0] as { index: number }
    alone.wait(limits.requestPatienceMin + 1)
    alone.keeps(alone.sends('slow', WANTED, index))
    expect(alone.refusals).toEqual([])
    const again = alone.sends('slow', WANTED, index)
    expect(alone.of('pieceDrop', again)).toHaveLength(1)
    expect(alone.of('piecesClose', again)).toMatchObject([{ peer: 'slow' }])
    expect(alone.refusals).toEqual(['unasked'])
  })

  it('asks another at once when a peer refuses, and the refuser later again', () => {
    const alone = new Alone()
    alone.fetches(WANTED, 'p', 'q')
    const { peer, index } = alone.requests()[0] as { peer: string; index: number }
    const refused = alone.says(peer, { type: 'refuse', encoding: HASH, index })
    expect(alone.requests(refused).every((request) => request.peer !== peer || request.index !== index)).toBe(true)
    const later = alone.wait(limits.requestPatienceMin)
    expect(alone.requests(later).map((request) => request.peer)).toContain(peer)
  })

  it('does not ask a peer for what it refused, until it had time to get it', () => {
    const single = testEncoding('single', 1)
    const alone = new Alone()
    alone.fetches(single, 'p')
    alone.says('p', { type: 'refuse', encoding: single.encoding.hash, index: 0 })
    expect(alone.requests(alone.wait(limits.requestPatienceMin - 1))).toEqual([])
    expect(alone.requests(alone.wait(2))).toEqual([{ peer: 'p', index: 0 }])
  })

  it('asks ever more rarely who lets every request lapse', () => {
    const alone = new Alone()
    alone.fetches(WANTED, 'liar', 'other')
    const end = alone.now + 10 * MINUTE
    while (alone.now < end) {
      // It gives what it was asked for back as soon as nobody waits any more.
      for (const { peer, message } of alone.said('cancel', alone.wait(SECOND))) {
        if (peer === 'liar') alone.says('liar', { ...message, type: 'refuse' } as PieceMessage)
      }
    }
    const asked = alone.requests().filter(({ peer }) => peer === 'liar').length
    expect(asked).toBeGreaterThan(5)
    expect(asked).toBeLessThan(13)
  })

  it('closes a stream over which nothing comes at all, and opens another after a pause', () => {
    const alone = new Alone()
    alone.fetches(WANTED, 'dead', 'quick')
    const effects = alone.wait(limits.lonePatience + limits.requestPatienceMax)
    expect(alone.of('piecesClose', effects).map(({ peer }) => peer)).toContain('dead')
    expect(alone.of('piecesOpen', effects).map(({ peer }) => peer)).toContain('dead')
  })

  it('T17: a sender of bad pieces gets one request after the first, and none after the second', () => {
    const alone = proven('p', 'q')
    const asked = alone.requests().filter(({ peer }) => peer === 'p')
    const bad = (i: number) => alone.sends('p', WANTED, asked[i]?.index as number, JUNK)
    expect(alone.of('pieceKeep', bad(1))).toEqual([])
    expect(alone.refusals).toEqual(['badPiece'])
    const second = bad(2)
    expect(alone.of('piecesClose', second)).toMatchObject([{ peer: 'p' }])
    expect(alone.of('event', second)).toMatchObject([{ event: { type: 'providerBanned', peer: 'p', encoding: HASH } }])
    alone.step((swarm) => swarm.closed('p', alone.now))
    const later = [...alone.wait(5 * limits.pieceRestMax), ...alone.meets('p'), ...alone.holds('p', WANTED)]
    expect(alone.requests(later).filter(({ peer }) => peer === 'p')).toEqual([])
    expect(alone.of('piecesOpen', later).filter(({ peer }) => peer === 'p')).toEqual([])
  })

  it('in the endgame lets a quick peer take over what a slow one was asked for, and takes the request back', () => {
    const small = testEncoding('small', 3)
    const alone = new Alone()
    alone.fetches(small, 'slow', 'quick')
    const slow = alone.requests().find(({ peer }) => peer === 'slow')
    const quick = alone.requests().filter(({ peer }) => peer === 'quick')
    alone.now += 10
    alone.serves(small, quick)
    const effects = alone.wait(limits.endgamePatienceMin + 1)
    expect(alone.requests(effects)).toEqual([{ peer: 'quick', index: slow?.index }])
    const given = alone.sends('quick', small, slow?.index as number)
    expect(alone.said('cancel', given).map(({ peer }) => peer)).toEqual(['slow'])
    alone.syncs(alone.keeps(given))
    expect(alone.swarm.isComplete(small.encoding.hash)).toBe(true)
  })

  it('is not fooled by a hash that belongs to another piece', () => {
    const alone = new Alone()
    alone.fetches(WANTED, 'p')
    const { index } = alone.requests()[0] as { index: number }
    const effects = alone.sends('p', WANTED, index, WANTED.hashes[(index + 1) % 100])
    expect(alone.of('pieceKeep', effects)).toEqual([])
    expect(alone.refusals).toEqual(['badPiece'])
  })

  it('keeps what is in flight within its bounds while the disk is slow', () => {
    const alone = new Alone()
    const peers = Array.from({ length: 20 }, (_, i) => `p${i}`)
    const queue = alone.requests(alone.fetches(WANTED, ...peers))
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      queue.push(...alone.requests(alone.sends(next.peer, WANTED, next.index)))
      expect(alone.swarm.sizes().requestBytes).toBeLessThanOrEqual(limits.requestBytes)
    }
    const written = limits.requestBytes / WANTED.encoding.pieceLength
    expect(alone.of('pieceKeep')).toHaveLength(written)
    const freed = alone.keeps(alone.of('pieceKeep').slice(0, 3))
    expect(alone.requests(freed)).toHaveLength(3)
  })

  it('T20: cuts off who sends what nobody asked for, and lets it come back only after a pause', () => {
    const alone = new Alone()
    alone.fetches(WANTED, 'p')
    const unasked = (alone.requests()[0]?.index as number) ^ 1
    const effects = alone.sends('p', WANTED, unasked)
    expect(alone.of('pieceDrop', effects)).toHaveLength(1)
    expect(alone.of('piecesClose', effects)).toHaveLength(1)
    expect(alone.of('piecesClose', alone.meets('p'))).toHaveLength(1)
    alone.wait(2 * SECOND)
    expect(alone.of('piecesClose', alone.meets('p'))).toEqual([])
  })

  it('takes nothing from who has no stream', () => {
    const alone = new Alone()
    alone.wants(WANTED)
    expect(alone.of('pieceDrop', alone.sends('nobody', WANTED, 0))).toHaveLength(1)
    expect(alone.swarm.sizes().peers).toBe(0)
  })
})
