// T21: announcement floods. A member sends ten thousand heads as fast as its link takes them: of announcements that nobody signed,
// and of genuine ones that are old. What it costs is bounded by what is cheap: few bodies are fetched, fewer signatures checked, one
// line is audited, and an announcement of the publisher comes in force meanwhile. The ratio of delays is a benchmark: docs/benchmarks.md.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import type { AnnouncementDocument } from '../../src/core/trust/announcement.ts'
import { encodeHead } from '../../src/wire/head.ts'
import { sha256Hex } from '../../src/wire/signed.ts'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import { Hostile } from './hostile.ts'
import { announce, head, holds, publish, targetsFor } from './publishing.ts'

const FLOOD = 10_000
/** Heads between two looks at what the member does meanwhile. */
const BATCH = 1_000
/** Forged announcements that there is a body of. */
const KNOWN = 2 * limits.headsPerMinute
/** Heads that may wait for a body of theirs, and some that are being passed on. */
const UNANSWERED = limits.headsWaiting + 100

let fleet: Fleet
let member: Member
let publisher: Member
let hostile: Hostile
let version = 3

beforeAll(async () => {
  fleet = await Fleet.create()
  publisher = await fleet.found('publisher')
  member = await fleet.add('member', publisher)
  hostile = await another('old')
  for (let v = 1; v <= version; v++) {
    const document = announce(fleet, { version: v, releases: {} })
    await publish(publisher, document, v === 1 ? { targets: targetsFor(fleet) } : {})
    await holds(member, document)
  }
})
afterAll(closeFleets)

/** A member with a link to the one that is attacked. */
async function another(name: string): Promise<Hostile> {
  await fleet.join(name, fleet.token({ through: [member] }))
  const one = await Hostile.start(fleet.data(name))
  await one.dial(member)
  return one
}

/** The same head in as many messages as it takes: gossip knows a message by its bytes, and unknown fields are skipped. */
function disguised(document: AnnouncementDocument, i: number): Uint8Array {
  const mark = Uint8Array.of(0x98, 0x06, 0x80 | (i & 127), 0x80 | ((i >> 7) & 127), 1 + (i >> 14))
  return new Uint8Array(Buffer.concat([encodeHead(head(document)), mark]))
}

/** Floods while the publisher announces; resolves when that one is in force at the member. */
async function floods(messages: readonly Uint8Array[]): Promise<void> {
  version += 1
  const honest = announce(fleet, { version, releases: {} })
  let published: Promise<unknown> | undefined
  const before = await judged()
  for (let at = 0; at < messages.length && hostile.isLinked(member); at += BATCH) {
    await hostile.floodHeads(member, messages.slice(at, at + BATCH))
    published ??= publish(publisher, honest)
    // As fast as the member takes them: what the stream of gossip cannot hold would end it.
    const sent = at + BATCH - UNANSWERED
    await until('most are judged', async () => !hostile.isLinked(member) || (await judged()) >= before + sent)
  }
  await published
  await holds(member, honest)
}

/** Heads, and all else, that the member refused. */
async function judged(): Promise<number> {
  const { refusals } = await member.status()
  return Object.values(refusals).reduce((sum, count) => sum + count, 0)
}

/** Bodies that the member asked the hostile one for. */
const bodies = () => hostile.asked.filter(({ request }) => request.type === 'announcements').length

test('T21 ten thousand old heads cost no body, one line of the audit log, and then the link', async () => {
  const old = announce(fleet, { version: 1, releases: {} })
  await floods(Array.from({ length: FLOOD }, (_, i) => disguised(old, i)))
  await until('it is dropped', () => member.logged('peerDropped').length === 1)
  expect(bodies()).toBe(0)
  await expectDropped('oldVersion')
})

test('T21 nor do ten thousand heads of unsigned announcements cost more bodies than a minute allows', async () => {
  hostile = await another('unsigned')
  const bodyOf = new Map<string, Uint8Array>()
  const forged = Array.from({ length: FLOOD }, (_, i) => {
    const stub = { role: 'acme', epoch: 1, version: 1_000 + i }
    if (i >= KNOWN) return encodeHead({ ...stub, hash: sha256Hex(Buffer.from(`none ${i}`)) })
    const document = announce(fleet, { version: 1_000 + i, by: [], releases: {} })
    bodyOf.set(document.hash, document.raw)
    return encodeHead(head(document))
  })
  hostile.tricks.bodies = bodyOf
  await hostile.agree(member)
  await floods(forged)
  await until('it is dropped', () => member.logged('peerDropped').length === 2)
  expect(bodies()).toBeLessThanOrEqual(limits.headsPerMinute)
  await expectDropped('tooOften')
})

/** One entry for what it was dropped for, which says how often; few others; and no link, neither this one nor another. */
async function expectDropped(code: string): Promise<void> {
  const { entries } = await member.api.audit()
  const lines = entries.filter(({ peer, outcome }) => peer === hostile.id && outcome !== 'accepted')
  const counted = lines.filter(({ outcome }) => outcome === code)
  expect(counted).toHaveLength(1)
  expect(counted[0]?.count).toBeGreaterThan(limits.refusedPoints / 2)
  expect(lines.length).toBeLessThanOrEqual(4)
  await until('its link is gone', () => !hostile.isLinked(member))
  await expect(hostile.dial(member)).rejects.toThrow()
}

test('T21 after both the publisher is heard', async () => {
  version += 1
  const honest = announce(fleet, { version, releases: {} })
  await publish(publisher, honest)
  await holds(member, honest)
})
