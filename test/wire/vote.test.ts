import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { decodeEnvelope, sealEnvelope, VOTE_KIND } from '../../src/wire/envelope.ts'
import { MessageWriter } from '../../src/wire/protobuf.ts'
import { decodeVote, encodeVote } from '../../src/wire/vote.ts'

const NODE = '12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA'
const VOTE = { node: NODE, incarnation: 3, counter: 17, voter: 9, met: true }
const incarnations = fc.integer({ min: 1, max: limits.incarnationMax })

describe('a vote (clause VOTE)', () => {
  it('comes back as it was', () => {
    const votes = fc.record({
      node: fc.constant(NODE),
      incarnation: incarnations,
      counter: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      voter: incarnations,
      met: fc.boolean(),
    })
    fc.assert(fc.property(votes, (vote) => void expect(decodeVote(encodeVote(vote))).toEqual(vote)))
  })

  it('fits its envelope with the largest numbers there are', () => {
    const largest = { ...VOTE, incarnation: limits.incarnationMax, counter: 2 ** 53 - 1, voter: limits.incarnationMax }
    const plain = { kind: VOTE_KIND, mesh8: '00'.repeat(8), membership: '00'.repeat(16), body: encodeVote(largest) }
    const sealed = sealEnvelope(plain, () => new Uint8Array(64))
    expect(decodeVote(decodeEnvelope(sealed).body)).toEqual(largest)
  })

  it('of another form is refused: no node, no order, too long', () => {
    const order = (message: MessageWriter) => message.uint(2, 1).uint(3, 1).uint(4, 1).finish()
    expect(() => decodeVote(order(new MessageWriter()))).toThrow('field 1 is missing')
    expect(() => decodeVote(order(new MessageWriter().text(1, 'nobody')))).toThrow('field 1 is not a node id')
    for (const missing of ['incarnation', 'counter', 'voter'])
      expect(() => decodeVote(encodeVote({ ...VOTE, [missing]: 0 }))).toThrow('is missing')
    expect(() => decodeVote(new Uint8Array(limits.voteBytes + 1))).toThrow('bytes')
  })

  it('with a field of a later version is still read', () => {
    const later = new MessageWriter().text(1, NODE).uint(2, 3).uint(3, 17).uint(4, 9).bool(5, true).uint(9, 1)
    expect(decodeVote(later.finish())).toEqual(VOTE)
  })
})
