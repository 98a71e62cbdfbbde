// Sight: who may ask how a member is seen, and what is told (clause QUERY 6).
import { describe, expect, it } from 'vitest'
import { answerSight } from '../../../src/core/fleet/sight.ts'
import { View } from '../../../src/core/fleet/view.ts'
import type { Entry } from '../../../src/core/links/book-entry.ts'
import type { Link } from '../../../src/core/links/links.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import {
  decodeQueryRequest,
  decodeQueryResponse,
  encodeQueryRequest,
  encodeQueryResponse,
} from '../../../src/wire/query.ts'
import { inviteOf, membershipOf, nodeOf } from '../../fixtures/documents.ts'
import { envelope, record } from './helpers.ts'

const ZONE = '/uk/glasgow'
const [seen, witness] = [nodeOf('seen'), nodeOf('witness')]

function setUp(linked = true) {
  const view = new View('self', new Outbox())
  view.accept(seen, record(1, 1), envelope(), 1_000)
  const link = { route: 'relayed' } as Link
  return {
    self: { isNode: true, zone: ZONE },
    view,
    links: { get: () => (linked ? link : undefined) },
    watchdog: { roundTrip: () => (linked ? { time: 12.5, measured: 0 } : undefined) },
    witnesses: { of: () => [witness] },
    book: { get: () => ({ addresses: ['/ip4/10.0.0.7/tcp/31415'] }) as unknown as Entry },
  }
}

const mate = membershipOf({ node: 'mate' })
const stranger = membershipOf({ node: 'far', invite: inviteOf({ zone: '/nl/delft' }), claims: { zone: '/nl/delft' } })
const question = { zone: ZONE, about: seen }

describe('how a member is seen', () => {
  it('is told with its link, round trip, age and witnesses, also over the wire', () => {
    const answer = answerSight(setUp(), mate, question, 5_000)
    const contacts = [{ node: witness, addresses: ['/ip4/10.0.0.7/tcp/31415'] }]
    const sight = { status: 'up', age: 4_000, route: 'relayed', roundTrip: 12.5, witnesses: [witness], contacts }
    expect(answer).toMatchObject({ refused: undefined, sight })
    expect(decodeQueryResponse(encodeQueryResponse(answer)).sight).toEqual(sight)
    const asked = { ...question, want: 'sight', after: undefined } as const
    expect(decodeQueryRequest(encodeQueryRequest(asked))).toEqual(asked)
  })

  it('says so when there is no link, and nothing of a node that is not known', () => {
    const answer = answerSight(setUp(false), mate, question, 5_000)
    expect(decodeQueryResponse(encodeQueryResponse(answer)).sight).toMatchObject({
      route: undefined,
      roundTrip: undefined,
    })
    expect(answerSight(setUp(), mate, { zone: ZONE, about: witness }, 5_000).sight).toBeUndefined()
  })

  it('is for zone-mates and operators, of who is asked for its own zone', () => {
    expect(answerSight(setUp(), stranger, question, 0).refused).toBe('forbidden')
    expect(answerSight(setUp(), undefined, question, 0).refused).toBe('forbidden')
    expect(answerSight(setUp(), mate, { ...question, zone: '/nl/delft' }, 0).refused).toBe('otherZone')
  })
})
