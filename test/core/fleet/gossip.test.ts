import { expect, it } from 'vitest'
import type { Ticket } from '../../../src/core/events.ts'
import { Alerts } from '../../../src/core/fleet/alerts.ts'
import { RecordGossip } from '../../../src/core/fleet/gossip.ts'
import { Heartbeat } from '../../../src/core/fleet/heartbeat.ts'
import { View } from '../../../src/core/fleet/view.ts'
import { limits } from '../../../src/core/limits.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { Self } from '../../../src/core/self.ts'
import { Refusals } from '../../../src/core/trust/refusals.ts'
import { Roster } from '../../../src/core/trust/roster.ts'
import { StatementKeeper } from '../../../src/core/trust/statement-keeper.ts'
import { env, inviteOf, MESH, membershipOf, NOW, ROOT } from '../../fixtures/documents.ts'
import { envelope, record, T } from './helpers.ts'

const TOPIC = 'topic'
const author = membershipOf({ node: 'author' })

function setUp() {
  const out = new Outbox()
  const self = new Self(
    MESH,
    membershipOf({ node: 'host', invite: inviteOf({ seats: 1, founding: true }) }),
    ROOT,
    NOW,
    0,
  )
  const [view, roster, refusals] = [new View(self.node, out), new Roster(out, () => false), new Refusals(out)]
  const heartbeat = new Heartbeat(
    env,
    out,
    TOPIC,
    { incarnation: 0 },
    { minimum: T, installs: () => [], refused: () => undefined },
  )
  const statements = new StatementKeeper(env, out, self, refusals, [])
  const parts = { env, out, self, roster, view, heartbeat, alerts: new Alerts(out), refusals, statements, topic: TOPIC }
  const gossip = new RecordGossip({ ...parts, heardOf: () => undefined })
  const unsigned = { ...envelope('body'), mesh8: self.mesh8, membership: author.id }
  /** Whom a record of the unknown author made us ask who that is. */
  const askedFor = (from: string, counter: number, now: number) => {
    gossip.heard(counter as Ticket, from, TOPIC, unsigned, record(1, counter), now)
    return out.drain().flatMap((effect) => (effect.type === 'ask' ? [effect.peer] : []))
  }
  return { gossip, roster, refusals, view, askedFor }
}

it('asks every forwarder who an unknown author is, each again after a while, however often records come', () => {
  const { askedFor } = setUp()
  expect(askedFor('liar', 1, 0)).toEqual(['liar'])
  expect(askedFor('honest', 2, 1)).toEqual(['honest'])
  const asked: number[] = []
  for (let now = 2; now <= 2 * limits.requestTimeout; now += limits.requestTimeout / 5) {
    asked.push(askedFor('liar', 3 + now, now).length)
  }
  expect(asked.reduce((sum, each) => sum + each)).toBe(1)
})

it('counts why a record that waited for its author is refused after all', () => {
  const { gossip, roster, refusals, view, askedFor } = setUp()
  askedFor('honest', 1, 0)
  roster.add(author, { persist: false, proven: true })
  gossip.unpark(author, 10)
  expect(refusals.all()).toEqual({ unknownMembership: 1, badSignature: 1 })
  expect(view.size).toBe(0)
})
