import { describe, expect, it } from 'vitest'
import { limits } from '../../../src/core/limits.ts'
import { emptyBits, fullBits, setBit } from '../../../src/core/swarm/bitfield.ts'
import { Alone } from './alone.ts'
import { testEncoding } from './encodings.ts'

const [A, B] = [testEncoding('a', 10), testEncoding('b', 4)]
const named = (...encodings: (typeof A)[]) => new Map(encodings.map(({ encoding }) => [encoding.hash, encoding]))
const saved = (...encodings: (typeof A)[]) => ({
  holdings: encodings.map(({ encoding, hashes }) => ({ encoding: encoding.hash, bits: fullBits(hashes.length) })),
  pieceLists: encodings.map(({ encoding, list }) => ({ hash: encoding.pieceList, list })),
})
const bits = (size: number, ...held: number[]) => {
  const set = emptyBits(size)
  for (const index of held) setBit(set, index)
  return set
}

describe('what this node keeps', () => {
  it('looks at the files of earlier runs one after the other, and claims nothing before', () => {
    const alone = new Alone(saved(A, B))
    alone.step((swarm) => swarm.keep(named(A, B), 0))
    expect(alone.of('artifactPrepare')).toHaveLength(1)
    alone.meets('p')
    alone.holds('p', A, emptyBits(10), true)
    expect(alone.said('bitfield')).toEqual([])
    expect(alone.swarm.isComplete(A.encoding.hash)).toBe(false)
    const first = alone.prepared(fullBits(10))
    expect(alone.said('bitfield', first)).toMatchObject([{ peer: 'p', message: { bits: fullBits(10), wants: false } }])
    expect(alone.of('artifactPrepare')).toHaveLength(2)
    alone.syncs()
    expect(alone.swarm.isComplete(A.encoding.hash)).toBe(true)
  })

  it('removes what no release names any more, from disk and journal', () => {
    const alone = new Alone(saved(A, B))
    const effects = alone.step((swarm) => swarm.keep(named(A), 0))
    expect(alone.of('artifactForget', effects)).toEqual([{ type: 'artifactForget', encoding: B.encoding.hash }])
    expect(alone.of('persist', effects)[0]?.changes).toEqual([
      { type: 'forgetHolding', encoding: B.encoding.hash },
      { type: 'forgetPieceList', hash: B.encoding.pieceList },
    ])
    const none = alone.step((swarm) => swarm.keep(named(), 0))
    expect(alone.of('artifactForget', none)).toEqual([{ type: 'artifactForget', encoding: A.encoding.hash }])
    expect(alone.swarm.sizes()).toMatchObject({ holdings: 0, tickets: 0 })
    expect(alone.step((swarm) => swarm.keep(named(), 0))).toEqual([])
  })

  it('ends a download that is not named any more, and everything that was under way', () => {
    const alone = new Alone()
    alone.fetches(A, 'p')
    const { index } = alone.requests()[0] as { index: number }
    const kept = alone.sends('p', A, index)
    const effects = alone.step((swarm) => swarm.keep(named(), alone.now))
    expect(alone.said('cancel', effects).length).toBeGreaterThan(0)
    expect(alone.swarm.sizes()).toMatchObject({ holdings: 0, downloads: 0, tickets: 0, requestBytes: 0 })
    expect(alone.keeps(kept)).toEqual([])
    const late = alone.requests().at(-1)
    alone.sends('p', A, late?.index as number)
    expect(alone.refusals).toEqual([])
    expect(alone.swarm.progress(A.encoding.hash)).toBeUndefined()
  })

  it('keeps what was brought in until a release had time to name it', () => {
    const alone = new Alone()
    alone.step((swarm) => swarm.imported(A.encoding, A.list, 0))
    expect(alone.last('persist')).toMatchObject({
      sync: true,
      changes: [{ type: 'pieceList' }, { type: 'holding', bits: fullBits(10) }],
    })
    expect(alone.swarm.isComplete(A.encoding.hash)).toBe(true)
    expect(alone.swarm.pieceList(A.encoding.pieceList)).toEqual(A.list)
    expect(alone.step((swarm) => swarm.keep(named(), 1))).toEqual([])
    alone.step((swarm) => swarm.keep(named(A), 2))
    expect(
      alone.of(
        'artifactForget',
        alone.step((swarm) => swarm.keep(named(), 3)),
      ),
    ).toHaveLength(1)

    alone.step((swarm) => swarm.imported(B.encoding, B.list, 4))
    const late = alone.step((swarm) => swarm.keep(named(), 4 + limits.importNamed))
    expect(alone.of('artifactForget', late)).toEqual([{ type: 'artifactForget', encoding: B.encoding.hash }])
  })

  it('ends a download when the file is brought in', () => {
    const alone = new Alone()
    alone.fetches(A, 'p')
    alone.sends('p', A, alone.requests()[0]?.index as number)
    alone.step((swarm) => swarm.imported(A.encoding, A.list, alone.now))
    expect(alone.swarm.isComplete(A.encoding.hash)).toBe(true)
    expect(alone.swarm.sizes()).toMatchObject({ downloads: 0, requestBytes: 0 })
  })

  it('holds only so many encodings', () => {
    const alone = new Alone()
    const many = Array.from({ length: limits.encodingsKept + 9 }, (_, i) => testEncoding(`e${i}`, 1))
    alone.step((swarm) => swarm.keep(named(...many), 0))
    expect(alone.swarm.sizes().holdings).toBe(limits.encodingsKept)
  })

  it('gives what is named first its place, also when all are taken, and removes the last', () => {
    const alone = new Alone()
    const many = Array.from({ length: limits.encodingsKept }, (_, i) => testEncoding(`e${i}`, 1))
    alone.step((swarm) => swarm.keep(named(...many), 0))
    const effects = alone.step((swarm) => swarm.keep(named(A, ...many), 0))
    const last = many.at(-1)?.encoding.hash
    expect(alone.of('artifactForget', effects)).toEqual([{ type: 'artifactForget', encoding: last }])
    alone.wants(A, ...many)
    expect(alone.swarm.progress(A.encoding.hash)).toMatchObject({ have: 0 })
    expect(alone.swarm.sizes()).toMatchObject({ holdings: limits.encodingsKept, downloads: limits.encodingsKept })
  })

  it('makes room for what is wanted among what is neither complete nor wanted, the last first', () => {
    const alone = new Alone()
    const many = Array.from({ length: limits.encodingsKept }, (_, i) => testEncoding(`e${i}`, 1))
    for (const all of [[...many].reverse(), many]) alone.step((swarm) => swarm.keep(named(...all), 0))
    const last = many.at(-1) as typeof A
    const want = ({ encoding }: typeof A) =>
      alone.step((swarm) => swarm.want({ encoding, release8: 'aa', origin: [], decoded: 1 }, 0))
    for (const each of many.slice(3)) want(each)
    const [first, second, complete] = many as [typeof A, typeof A, typeof A]
    alone.step((swarm) => swarm.imported(complete.encoding, complete.list, 0))
    expect(alone.of('artifactForget', want(A))).toMatchObject([{ encoding: second.encoding.hash }])
    want(first)
    expect(alone.swarm.progress(A.encoding.hash)).toMatchObject({ have: 0 })
    want(B)
    expect(alone.swarm.progress(B.encoding.hash)).toBeUndefined()
    expect(alone.swarm.progress(last.encoding.hash)).toBeDefined()
  })

  it('always has room for what this machine brings in, whatever rank the release gets', () => {
    const alone = new Alone()
    const many = Array.from({ length: limits.encodingsKept }, (_, i) => testEncoding(`e${i}`, 1))
    alone.wants(...many)
    alone.step((swarm) => swarm.imported(A.encoding, A.list, 0))
    for (const all of [named(...many), named(...many, A), named(...many, A)]) {
      alone.step((swarm) => swarm.keep(all, 1))
      expect(alone.swarm.isComplete(A.encoding.hash)).toBe(true)
      expect(alone.swarm.sizes().holdings).toBe(limits.encodingsKept)
    }
    alone.step((swarm) => swarm.keep(named(...many), 2))
    expect(alone.swarm.isComplete(A.encoding.hash)).toBe(false)
  })

  it('finds a piece list while any encoding with it is kept', () => {
    const alone = new Alone()
    const twin = { ...A, encoding: { ...A.encoding, hash: B.encoding.hash } }
    for (const { encoding, list } of [A, twin]) alone.step((swarm) => swarm.imported(encoding, list, 0))
    alone.step((swarm) => swarm.keep(named(A, twin), 0))
    alone.step((swarm) => swarm.keep(named(twin), 0))
    expect(alone.swarm.pieceList(A.encoding.pieceList)).toEqual(A.list)
    alone.step((swarm) => swarm.keep(named(), 0))
    expect(alone.swarm.pieceList(A.encoding.pieceList)).toBeUndefined()
  })
})

describe('a download and its disk', () => {
  it('saves that it began before any piece is there', () => {
    const alone = new Alone()
    alone.wants(A)
    alone.meets('p')
    alone.holds('p', A)
    const effects = alone.lists(A)
    expect(alone.of('persist', effects)).toMatchObject([
      {
        sync: false,
        changes: [
          { type: 'pieceList', list: A.list },
          { type: 'holding', bits: emptyBits(10) },
        ],
      },
    ])
    expect(alone.of('artifactPrepare', effects)).toMatchObject([
      { encoding: A.encoding, pieceList: A.list, decoded: 7 },
    ])
  })

  it('asks for nothing that is on the disk, whatever the journal said', () => {
    const alone = new Alone(saved(A))
    alone.wants(A)
    alone.meets('p')
    alone.holds('p', A)
    alone.prepared(bits(10, 0, 1, 2, 3, 4, 5, 6))
    alone.serves(A, alone.requests())
    expect(
      alone
        .requests()
        .map(({ index }) => index)
        .sort(),
    ).toEqual([7, 8, 9])
  })

  it('syncs after so many bytes, after so long, and at the end, and is complete only then', () => {
    const long = testEncoding('long', 300)
    const alone = new Alone()
    alone.fetches(long, 'p')
    const queue = alone.requests()
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const effects = alone.sends(next.peer, long, next.index)
      queue.push(...alone.requests(effects), ...alone.requests(alone.keeps(effects)))
      if (alone.of('artifactSync').length === 1) break
    }
    const each = limits.syncBytesWritten / long.encoding.pieceLength
    expect(alone.of('pieceKeep')).toHaveLength(each)
    alone.syncs()
    const [next] = queue as [{ peer: string; index: number }]
    alone.keeps(alone.sends(next.peer, long, next.index))
    expect(alone.of('artifactSync', alone.wait(limits.syncPeriod))).toHaveLength(1)
    const saved = () => alone.of('persist').filter(({ changes }) => changes.some(({ type }) => type === 'holding'))
    const saves = saved().length
    alone.step((swarm) => swarm.persisted(saved().at(-1)?.ticket ?? 0, alone.now))
    alone.syncs(alone.of('artifactSync').slice(-1))
    expect(saved().length).toBeGreaterThan(saves)
  })

  it('is not complete when a piece was written after the last sync began', () => {
    const two = testEncoding('two', 2)
    const alone = new Alone()
    alone.fetches(two, 'p')
    const [first] = alone.requests() as [{ peer: string; index: number }]
    alone.keeps(alone.sends('p', two, first.index))
    const begun = alone.wait(limits.syncPeriod)
    alone.keeps(alone.sends('p', two, 1 - first.index))
    expect(alone.of('artifactSync', begun)).toHaveLength(1)
    const again = alone.syncs(begun)
    expect(alone.swarm.isComplete(two.encoding.hash)).toBe(false)
    alone.syncs(again)
    expect(alone.swarm.isComplete(two.encoding.hash)).toBe(true)
  })

  it('saves again what could not be saved', () => {
    const alone = new Alone()
    alone.wants(A)
    alone.meets('p')
    alone.holds('p', A)
    alone.lists(A)
    const { ticket } = alone.last('persist')
    alone.swarm.persistFailed(ticket, 0)
    expect(alone.of('persist', alone.wait(limits.diskRetry + 1))).toMatchObject([
      { changes: [{ type: 'pieceList' }, { type: 'holding' }] },
    ])
  })

  it('takes back its requests when a piece cannot be written, refuses others, and looks again later', () => {
    const alone = new Alone()
    alone.fetches(A, 'p')
    const { index } = alone.requests()[0] as { index: number }
    const effects = alone.sends('p', A, index)
    const { ticket } = alone.last('pieceKeep')
    const failed = alone.step((swarm) => swarm.failed(ticket, { code: 'diskFull', missing: 5 }, alone.now))
    expect(alone.said('cancel', failed)).toHaveLength(alone.requests(effects).length)
    expect(alone.swarm.sizes().requestBytes).toBe(0)
    expect(alone.swarm.progress(A.encoding.hash)?.problem).toEqual({ code: 'diskFull', missing: 5 })
    expect(alone.of('artifactPrepare', alone.wait(limits.diskRetry - 1))).toEqual([])
    expect(alone.of('artifactPrepare', alone.wait(2))).toHaveLength(1)
  })
})

describe('a piece list', () => {
  it('is believed only when it is the one that was signed', () => {
    const alone = new Alone()
    alone.wants(A)
    alone.meets('liar')
    alone.holds('liar', A)
    alone.lists({ ...A, list: B.list })
    expect(alone.refusals).toEqual(['badPiece'])
    expect(alone.of('artifactPrepare')).toEqual([])
    alone.meets('honest')
    alone.holds('honest', A)
    expect(alone.last('ask')).toMatchObject({ peer: 'honest', body: { type: 'pieceList', hash: A.encoding.pieceList } })
    alone.lists(A)
    expect(alone.of('artifactPrepare')).toHaveLength(1)
  })

  it('is asked of more and more peers while nobody answers', () => {
    const alone = new Alone()
    alone.wants(A)
    const peers = Array.from({ length: 30 }, (_, i) => `p${i}`)
    alone.meets(...peers)
    for (const peer of peers) alone.holds(peer, A)
    const out = [1, 1, 2, 4]
    for (const [i, count] of out.entries()) {
      const effects = i === 0 ? alone.effects : alone.wait(limits.pieceListHedge)
      expect(alone.of('ask', effects)).toHaveLength(count)
    }
    expect(alone.of('ask', alone.wait(limits.pieceListHedge))).toEqual([])
    const { ticket } = alone.last('ask')
    expect(alone.swarm.askFailed(ticket, alone.now)).toBe(true)
    expect(alone.swarm.askFailed(ticket, alone.now)).toBe(false)
    expect(
      alone.of(
        'ask',
        alone.step(() => undefined),
      ),
    ).toHaveLength(1)
  })

  it('is asked again of the only one who has it, a second after it failed', () => {
    const alone = new Alone()
    alone.wants(A)
    alone.meets('p')
    alone.holds('p', A)
    const { ticket } = alone.last('ask')
    alone.step((swarm) => swarm.askFailed(ticket, alone.now))
    expect(alone.of('ask', alone.wait(limits.pieceListHedge - 1))).toEqual([])
    expect(alone.of('ask', alone.wait(1))).toMatchObject([{ peer: 'p' }])
  })

  it('that does not fit the length is the mistake of the publisher: no peer is to blame', () => {
    const odd = { ...A, encoding: { ...A.encoding, length: A.encoding.length * 2 } }
    const alone = new Alone()
    alone.wants(odd)
    alone.meets('p')
    alone.holds('p', odd, fullBits(20))
    alone.lists(A)
    expect(alone.refusals).toEqual([])
    expect(alone.swarm.progress(A.encoding.hash)?.problem).toMatchObject({ code: 'corrupt' })
  })
})
