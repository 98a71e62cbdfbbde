import { describe, expect, it } from 'vitest'
import { Alerts } from '../../../src/core/fleet/alerts.ts'
import { View } from '../../../src/core/fleet/view.ts'
import { limits } from '../../../src/core/limits.ts'
import { Book } from '../../../src/core/links/book.ts'
import { Greetings } from '../../../src/core/links/greetings.ts'
import { Links } from '../../../src/core/links/links.ts'
import { Outbox } from '../../../src/core/outbox.ts'
import { Self } from '../../../src/core/self.ts'
import { EMPTY_VECTOR } from '../../../src/core/trust/announcement.ts'
import { Gatekeeper } from '../../../src/core/trust/gatekeeper.ts'
import { Refusals } from '../../../src/core/trust/refusals.ts'
import { Rivals } from '../../../src/core/trust/rivals.ts'
import { Roster } from '../../../src/core/trust/roster.ts'
import { StatementKeeper } from '../../../src/core/trust/statement-keeper.ts'
import { env, inviteOf, MESH, membershipOf, NOW, nodeOf, ROOT } from '../../fixtures/documents.ts'

const PEER = nodeOf('peer')
const LINKED = 1_000
const LATER = LINKED + limits.addressDialTimeout
const shown = { membership: membershipOf({ node: 'peer' }), witness: undefined, mesh: MESH }

/** A node with a link to the peer, which shows up in the gate once more at `at`. */
function metAgain(at: number, replaces = false) {
  const out = new Outbox()
  const self = new Self(
    MESH,
    membershipOf({ node: 'host', invite: inviteOf({ seats: 1, founding: true }) }),
    ROOT,
    NOW,
    0,
  )
  const book = new Book(self.node, self.zone)
  const links = new Links(env, out, book, self)
  const greetings = new Greetings(env, out, self, {
    book,
    view: new View(self.node, out),
    vector: () => EMPTY_VECTOR,
    statements: () => undefined,
  })
  const alerts = new Alerts(out)
  const roster = new Roster(out, () => false)
  const refusals = new Refusals(out)
  const statements = new StatementKeeper(env, out, self, refusals, [])
  const rivals = new Rivals(links, greetings, new Gatekeeper(env, out, self, roster, { alerts, refusals }, statements))
  links.opened(
    { peer: PEER, zone: self.zone, address: '', direction: 'inbound', route: 'direct', since: LINKED },
    LINKED,
  )
  const effects = () => out.drain()
  rivals.judge(7, PEER, shown, at, replaces)
  const [first] = effects()
  const verdict = () => effects().flatMap((effect) => (effect.type === 'admit' ? [effect.admission] : []))
  return { rivals, alerts, first, verdict }
}

describe('a member that shows up although there is a link with it', () => {
  it('is turned away with an alert when the other end of that link answers', () => {
    const { rivals, alerts, first, verdict } = metAgain(LATER)
    if (first?.type !== 'ask') throw new Error('nobody was asked')
    expect(first).toMatchObject({ peer: PEER, protocol: 'hello' })
    rivals.answered(first.ticket, LATER + 10)
    expect(verdict()).toEqual([{ admitted: false, code: 'alreadyLinked', takenSeats: [] }])
    expect(alerts.of(PEER)).toEqual(['cloned'])
    expect(rivals.deadline()).toBeUndefined()
  })

  it('is judged, without an alert, when nobody answers in time, the question fails or that link ends', () => {
    const ends = [
      (rivals: Rivals) => rivals.check(rivals.deadline() as number),
      (rivals: Rivals, ticket: number) => rivals.failed(ticket, LATER + 10),
      (rivals: Rivals) => rivals.unlinked(PEER, LATER + 10),
    ]
    for (const end of ends) {
      const { rivals, alerts, first, verdict } = metAgain(LATER)
      if (first?.type !== 'ask') throw new Error('nobody was asked')
      expect(rivals.deadline()).toBe(LATER + limits.rivalTimeout)
      rivals.check(LATER + limits.rivalTimeout - 1)
      end(rivals, first.ticket)
      expect(verdict()).toMatchObject([{ admitted: true }])
      rivals.answered(first.ticket, LATER + 20)
      expect([verdict(), alerts.all(), rivals.deadline()]).toEqual([[], [], undefined])
    }
  })

  it('is judged at once while that link may come of a dial that crossed this one', () => {
    expect(metAgain(LATER - 1).rivals.deadline()).toBeUndefined()
  })

  it('is judged at once when both ends agreed to replace that link', () => {
    const { rivals, first } = metAgain(LATER, true)
    expect([first?.type === 'ask', rivals.deadline()]).toEqual([false, undefined])
  })
})
