// T15 for votes on who is gone: hostile members say of a node that lives that it is gone, under their own names and under those of
// others; they say again what was said when it was true, and members of other zones and strangers join in. In the simulator at scale:
// real cores, real codecs, and a node that all of this is about and that goes on as before.
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { NodeId } from '../../src/core/env.ts'
import type { Verdict } from '../../src/core/events.ts'
import type { Vote } from '../../src/core/fleet/vote.ts'
import { limits, SECOND } from '../../src/core/limits.ts'
import type { NodeCore } from '../../src/core/node.ts'
import { recordTopic } from '../../src/core/topics.ts'
import { decodeEnvelope, sealEnvelope, VOTE_KIND } from '../../src/wire/envelope.ts'
import { decodeVote, encodeVote } from '../../src/wire/vote.ts'
import { ScaleFleet } from '../sim/scale/fleet.ts'
import { FORGED } from '../sim/scale/identity.ts'
import type { ScaleMachine } from '../sim/scale/machine.ts'
import { namedScaleScenario } from '../sim/scale/scenario.ts'
import type { Message } from '../sim/scale/topics.ts'

const SIZE = 19
const GENUINE = new Uint8Array(64)

interface Told {
  by: ScaleMachine
  node: NodeId
  to: string
}

let fleet: ScaleFleet
/** Everybody in the zone, and the one whom the others want to be gone: another for each test, as votes are remembered. */
let zone: readonly ScaleMachine[]
let victim: ScaleMachine
let witnesses: readonly ScaleMachine[]
let changes: Told[] = []
/** Votes that were published by whoever meant them. */
let published: Message[] = []
let tests = 0

beforeAll(async () => {
  const shape = { regions: 1, sites: 2, nodesPerSite: SIZE, warmMinutes: 2 }
  fleet = new ScaleFleet({ ...namedScaleScenario('scale-100'), ...shape }, 7, {
    told: (by, event) => {
      if (event.type === 'status') changes.push({ by, node: event.node, to: event.to })
    },
  })
  const publish = fleet.topics.publish.bind(fleet.topics)
  fleet.topics.publish = (from, message) => {
    if (message.kind === 'vote') published.push(message)
    publish(from, message)
  }
  await fleet.settle()
})

beforeEach(() => {
  victim = fleet.machines[tests++] as ScaleMachine
  zone = fleet.machines.filter(({ id }) => id.zone === victim.id.zone)
  witnesses = witnessesBy(zone.at(-1) as ScaleMachine)
  const names = (machines: readonly ScaleMachine[]) => machines.map(({ node }) => node)
  for (const mate of zone) expect(names(witnessesBy(mate))).toEqual(names(witnesses))
  expect([zone.length, witnesses.length]).toEqual([SIZE, limits.witnesses])
  changes = []
  published = []
})

const core = (machine: ScaleMachine) => machine.core as NodeCore

function witnessesBy(mate: ScaleMachine): ScaleMachine[] {
  const { witnesses: seen = [] } = core(mate).sight(victim.node, fleet.queue.now) ?? {}
  return seen.map((node) => fleet.machines[fleet.enrolment.indexOf(node)] as ScaleMachine)
}

/** What somebody says of the victim: that it is gone since its newest record. */
function voteOf(changed: Partial<Vote> = {}): Vote {
  const { node } = victim
  const row = core(victim)
    .rows(fleet.queue.now)
    .find((one) => one.node === node)
  const { incarnation = 1, counter = 1 } = row?.record ?? {}
  return { node, incarnation, counter, voter: 99, met: true, ...changed }
}

/** Everybody in the zone but the author hears this vote, and says what becomes of it. */
function say(by: ScaleMachine, vote: Vote, { signature = GENUINE, membership = by.id.membership.id } = {}) {
  const mesh8 = fleet.enrolment.mesh.id.slice(0, 16)
  const bytes = sealEnvelope({ kind: VOTE_KIND, mesh8, membership, body: encodeVote(vote) }, () => signature)
  const envelope = decodeEnvelope(bytes)
  const topic = recordTopic(mesh8, victim.id.zone)
  const content = { type: 'gossip' as const, envelope, record: undefined, vote: decodeVote(envelope.body) }
  return heard(by, { kind: 'vote', topic, bytes: bytes.length, content })
}

function heard(by: ScaleMachine, message: Message): Verdict[] {
  const verdicts: Verdict[] = []
  for (const mate of zone) if (mate !== by) mate.hear(message, by.id.index, (verdict) => void verdicts.push(verdict))
  return verdicts
}

/** Who shows the victim as what. */
const shown = () => {
  const statuses = zone.map(
    (mate) =>
      core(mate)
        .rows(fleet.queue.now)
        .find(({ node }) => node === victim.node)?.status,
  )
  return [...new Set(statuses)]
}
const accused = () => changes.filter(({ node }) => node === victim.node)
const all = (verdict: Verdict, count = SIZE - 1): Verdict[] => new Array(count).fill(verdict)

describe('T15 votes on a node that lives', () => {
  it('of everybody in its zone but one of its witnesses change nothing, round after round', async () => {
    const [honest] = witnesses
    const hostile = zone.filter((mate) => mate !== honest && mate !== victim)
    for (let round = 0; round < 6; round++) {
      for (const by of hostile) say(by, voteOf({ counter: 2 ** 40 }))
      await fleet.run(limits.votePause + SECOND)
      expect([shown(), accused()]).toEqual([['up'], []])
    }
    // The one that they left out looked for itself, found it there, and said nothing.
    expect(published).toEqual([])
  })

  it('of two of its three witnesses, and a forged one of the third, change nothing; the forgery is refused and counted', async () => {
    const [honest, ...hostile] = witnesses as [ScaleMachine, ...ScaleMachine[]]
    for (const by of hostile) expect(new Set(say(by, voteOf()))).toEqual(new Set(['accept']))
    const forger = hostile[0] as ScaleMachine
    const forged = { signature: FORGED, membership: honest.id.membership.id }
    const verdicts = say(forger, voteOf(), forged)
    // Nobody has a vote of his own told by others.
    expect(verdicts.toSorted()).toEqual([...all('reject', SIZE - 2), 'ignore'].toSorted())
    await fleet.run(10 * SECOND)
    expect([shown(), accused()]).toEqual([['up'], []])
    const others = zone.filter((mate) => mate !== honest && mate !== forger)
    for (const mate of others) expect(core(mate).snapshot().refusals.badSignature).toBe(1)
  })

  it('of everybody but two of its witnesses, in turn, do not make it doubt itself: who does is the witness of nobody', async () => {
    const hostile = zone.filter((mate) => mate !== victim && !witnesses.slice(1).includes(mate))
    for (let round = 0; round < 3 * hostile.length; round++) {
      const by = hostile[round % hostile.length] as ScaleMachine
      say(by, voteOf({ counter: 2 ** 40 + round, voter: 99 + round }))
      await fleet.run(limits.votePause / hostile.length + SECOND / 10)
      expect(core(victim).health(fleet.queue.now)).toBeLessThanOrEqual(limits.accuseHealth)
    }
    expect([shown(), accused()]).toEqual([['up'], []])
  })

  it('of members of other zones are refused, of strangers and of who may be no witness ignored, and cost no signature check', async () => {
    const outsiders = fleet.machines.filter(({ id }) => id.zone !== victim.id.zone)
    const before = zone.map(({ checks }) => checks)
    // Whoever has not met the author does not know its zone.
    const verdicts = outsiders.flatMap((by) => say(by, voteOf()))
    expect(new Set(verdicts)).toEqual(new Set(['reject', 'ignore']))
    const refused = zone.map((mate) => core(mate).snapshot().refusals.outsideGrant ?? 0)
    expect(refused.reduce((sum, count) => sum + count)).toBe(verdicts.filter((one) => one === 'reject').length)
    for (let i = 0; i < 100; i++) {
      const membership = i.toString(16).padStart(32, '0')
      expect(say(outsiders[0] as ScaleMachine, voteOf(), { membership })).toEqual(all('ignore', SIZE))
    }
    expect(say(victim, voteOf())).toEqual(all('ignore'))
    expect(zone.map(({ checks }) => checks)).toEqual(before)
    expect([shown(), accused()]).toEqual([['up'], []])
  })

  it('are taken of few in a zone of many: each has its places, and more members do not make more voices', () => {
    const mates = zone.filter((mate) => mate !== victim)
    const taken = mates.filter((by) => say(by, voteOf()).includes('accept'))
    expect(witnesses.every((witness) => taken.includes(witness))).toBe(true)
    expect(taken.length).toBeLessThanOrEqual((2 * limits.witnessDays + 1) * limits.witnessPlaces)
  })

  it('that were true once are not, when they are said again: neither of this run of it nor of the one before', async () => {
    victim.pause(fleet.queue.now + 26 * SECOND)
    await fleet.run(25 * SECOND)
    expect(shown()).toContain('down')
    await fleet.run(60 * SECOND)
    expect(shown()).toEqual(['up'])
    await expectVoid(published.splice(0))
    victim.stop(false)
    await fleet.run(10 * SECOND)
    victim.start()
    await fleet.run(60 * SECOND)
    expect(shown()).toEqual(['up'])
    await expectVoid(published.splice(0))
  })

  /** Everybody hears these again. */
  async function expectVoid(votes: readonly Message[]): Promise<void> {
    changes = []
    expect(votes.length).toBeGreaterThanOrEqual(limits.witnesses)
    for (const vote of votes) expect(heard(victim, vote)).toEqual(all('ignore'))
    await fleet.run(5 * SECOND)
    expect([shown(), accused()]).toEqual([['up'], []])
  }

  it('of all of its witnesses are believed: that is what the others were about, and its next record ends it', async () => {
    for (const by of witnesses) say(by, voteOf())
    // The witnesses do not hear themselves here.
    expect(accused().map(({ to }) => to)).toEqual(new Array(SIZE - 1 - witnesses.length).fill('down'))
    await fleet.run(limits.recordPeriodMin)
    expect(shown()).toEqual(['up'])
  })
})
