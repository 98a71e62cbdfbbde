// T23: the same bytes under another mesh, kind, author or zone. A genuine record is taken from the row of a member, changed as
// an attacker can change it without the author's key, and said by a real member of the other mesh: rejected, the reason counted,
// no row changed, and honest records still arrive. And a genuine announcement of a publisher that has one key in two meshes, and
// for two roles: it means nothing in the other mesh or for the other role.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Envelope } from '../../src/core/fleet/rows.ts'
import type { AnnouncementDocument, Head } from '../../src/core/trust/announcement.ts'
import type { Membership } from '../../src/core/trust/documents.ts'
import { readJoined, writeJoined } from '../../src/daemon/folder.ts'
import { makeMembership, openToken } from '../../src/publish/membership.ts'
import { parseAnnouncement } from '../../src/wire/announcement.ts'
import { decodeEnvelope } from '../../src/wire/envelope.ts'
import { encodeRecord } from '../../src/wire/record.ts'
import { delegationOf } from '../fixtures/documents.ts'
import { closeFleets, Fleet, type Member, NORTH, SOUTH, until } from './fleet.ts'
import { forge, Hostile } from './hostile.ts'
import {
  announce,
  artifactOf,
  head,
  holdings,
  installed,
  PATH,
  publish,
  reaches,
  releaseFor,
  targetsFor,
  textOf,
} from './publishing.ts'

/** A node with one key in two meshes: the one case in which the author's signature alone proves nothing. */
interface Stage {
  meshA: Fleet
  meshB: Fleet
  /** A member of mesh A, and a spy in its zone. */
  a: Member
  spy: Hostile
  /** A member of mesh B, in the zone of the attacker, and one in another zone. */
  north: Member
  south: Member
  /** The node with one key in both meshes: in A its incarnation is higher, so that its records of A would count as news in B. */
  inB: Member
  membershipInA: Membership
  membershipInB: Membership
  /** A record of that node from a row in mesh A, and the newest in mesh B. */
  fromA: Envelope
  fromB: () => Promise<Envelope>
  attacker: Hostile
}

let stage: Stage

beforeAll(async () => {
  const [meshA, meshB] = [await Fleet.create(), await Fleet.create()]
  const [a, north] = [await meshA.found('a'), await meshB.found('north')]
  await meshA.join('both', meshA.token({ through: [a] }))
  const { secret, membership: membershipInA } = await readJoined(meshA.data('both'))
  const membershipInB = await enrolWithKey(meshB, 'both', secret, north)
  const inA = await meshA.start('both')
  const inB = await meshB.start('both')
  for (const member of [inA, inA, inB]) {
    await member.stop()
    await member.start()
  }
  const south = await meshB.add('south', inB, SOUTH)
  await meshA.join('spy', meshA.token({ through: [a] }))
  await meshB.join('attacker', meshB.token({ through: [north] }))
  const spy = await Hostile.start(meshA.data('spy'))
  await spy.dial(a)
  await a.sees(inA.id, 'its third run', ({ incarnation }) => incarnation === 3)
  await north.sees(inB.id, 'its second run', ({ incarnation }) => incarnation === 2)
  await until('a link to the south', async () => (await south.status()).links.some(({ node }) => node === inB.id))
  const attacker = await Hostile.start(meshB.data('attacker'))
  attacker.tricks.memberships = [membershipInA, membershipInB]
  for (const member of [north, south]) await attacker.dial(member)
  const fromA = await newest(spy, a, inA.id)
  const fromB = () => newest(attacker, north, inB.id)
  stage = { meshA, meshB, a, spy, north, south, inB, membershipInA, membershipInB, fromA, fromB, attacker }
})
afterAll(closeFleets)

async function enrolWithKey(fleet: Fleet, name: string, secret: Uint8Array, through: Member): Promise<Membership> {
  const token = openToken(fleet.token({ through: [through] }), Date.now())
  const membership = makeMembership({ token, nodeSecret: secret, seat: 0, name, now: Date.now() })
  const { roots } = fleet.mesh
  const { mesh, floors, via } = token
  await writeJoined(fleet.data(name), { mesh, secret, membership, roots, rootFloor: 1, floors, via, contacts: [] })
  return membership
}

async function newest(from: Hostile, member: Member, node: string): Promise<Envelope> {
  const row = (await from.rowsOf(member)).find((each) => each.node === node)
  return (row as NonNullable<typeof row>).envelope
}

interface Attack {
  what: string
  bytes: (s: Stage) => Uint8Array | Promise<Uint8Array>
  code: string
  target?: (s: Stage) => Member
}

/** Newer than any record of an honest node here. */
const news = encodeRecord({ incarnation: 9, counter: 9, promise: 10_000, flags: 0, metrics: [], installs: [] })

const attacks: Attack[] = [
  { what: 'a record of another mesh, as it is', bytes: ({ fromA }) => fromA.raw, code: 'foreignMesh' },
  {
    what: "a record of another mesh with our mesh id and its author's membership here",
    bytes: ({ fromA, attacker, membershipInB }) =>
      forge(fromA, { mesh8: attacker.mesh8, membership: membershipInB.id }),
    code: 'badSignature',
  },
  {
    what: 'a record of this mesh under a kind that nobody knows',
    bytes: async ({ fromB }) => forge(await fromB(), { kind: 'new' }),
    code: 'wrongKind',
  },
  {
    what: 'a record of this mesh as a digest',
    bytes: async ({ fromB }) => forge(await fromB(), { kind: 'dig' }),
    code: 'wrongTopic',
  },
  {
    what: 'what was signed as another kind, as a record',
    bytes: ({ attacker }) => forge(decodeEnvelope(attacker.seal({ kind: 'dig', body: news })), { kind: 'rec' }),
    code: 'badSignature',
  },
  {
    what: "a record with the attacker's membership in place of its author's",
    bytes: async ({ attacker, fromB }) => forge(await fromB(), { membership: attacker.membership.id }),
    code: 'badSignature',
  },
  {
    what: 'a record of the attacker that names the membership of another',
    bytes: ({ attacker, membershipInB }) => attacker.seal({ membership: membershipInB.id, body: news }),
    code: 'badSignature',
  },
  {
    what: 'a record on the topic of another zone of its mesh',
    bytes: async ({ fromB }) => (await fromB()).raw,
    code: 'outsideGrant',
    target: ({ south }) => south,
  },
]

test.each(attacks)('T23 $what', async ({ bytes, code, target }) => {
  const { inB, north, attacker } = stage
  const member = target?.(stage) ?? north
  const { refusals } = await member.status()
  await attacker.say(member, member.zone, await bytes(stage))
  await until(
    `one ${code} more`,
    async () => (await member.refused(code)) > (refusals[code] ?? 0),
    () => member.status(),
  )
  expect((await member.status()).refusals).toEqual({ ...refusals, [code]: (refusals[code] ?? 0) + 1 })
  await expectUntouched(north, inB, attacker)
  expect((await stage.south.rows()).map((row) => row.name)).toEqual(['south'])
})

test('T23 a record of another mesh with our mesh id: nobody knows its author, who cannot be introduced', async () => {
  const { north, attacker, fromA, inB } = stage
  const before = { unknown: await north.refused('unknownMembership'), foreign: await north.refused('foreignMesh') }
  await attacker.say(north, NORTH, forge(fromA, { mesh8: attacker.mesh8 }))
  await until('its refusal', async () => (await north.refused('foreignMesh')) > before.foreign)
  expect(await north.refused('unknownMembership')).toBe(before.unknown + 1)
  await expectUntouched(north, inB, attacker)
})

test('T23 records of another mesh in the answer to a question', async () => {
  const { north, inB, attacker, fromA, membershipInB } = stage
  const membership = membershipInB.id
  const rewritten = [forge(fromA, { membership }), forge(fromA, { mesh8: attacker.mesh8, membership })]
  await attacker.tell(
    north,
    rewritten.map((bytes) => ({ node: inB.id, envelope: decodeEnvelope(bytes) })),
  )
  for (const code of ['foreignMesh', 'badSignature'])
    await until(`${code} is refused`, async () => (await north.refused(code)) > 0)
  await north.hears(inB.id)
  await expectUntouched(north, inB, attacker)
})

describe('an announcement', () => {
  const both = [delegationOf(), delegationOf({ name: 'twin', paths: ['acme/*'] })]
  const [ours, theirs] = [artifactOf('ours'), artifactOf('theirs')]
  /** In force in mesh B, and in mesh A: a later version of the same role, signed with the same key. */
  let inForce: AnnouncementDocument
  let foreign: AnnouncementDocument

  beforeAll(async () => {
    const { meshA, meshB, a, spy, north, inB } = stage
    const document = announce(meshA, { version: 2, releases: { [PATH]: releaseFor(theirs, { counter: 2 }) } })
    inForce = announce(meshB, { releases: { [PATH]: releaseFor(ours) } })
    await publish(a, document, { targets: targetsFor(meshA, { roles: both }) })
    await publish(north, inForce, { targets: targetsFor(meshB, { roles: both }), artifacts: [ours] })
    for (const member of [north, inB]) await reaches(member, 'committed', 1)
    const answer = await spy.ask(a, { protocol: 'sync', body: { type: 'announcements', hashes: [document.hash] } })
    foreign = (answer.protocol === 'sync' && answer.body.announcements[0]) as AnnouncementDocument
  })

  /** Its bytes, with a text of what is signed replaced and the signatures as they were. */
  const rewritten = ({ raw }: AnnouncementDocument, from: string, to: string): AnnouncementDocument =>
    parseAnnouncement(Buffer.from(Buffer.from(raw).toString().replaceAll(from, to)))

  const replays: { what: string; document: () => AnnouncementDocument; code: string; told: string }[] = [
    { what: 'of another mesh', document: () => foreign, code: 'foreignMesh', told: 'it belongs to another mesh' },
    {
      what: 'of another mesh with our mesh written in',
      document: () => rewritten(foreign, stage.meshA.mesh.id, stage.meshB.mesh.id),
      code: 'badSignature',
      told: 'a signature is wrong',
    },
    {
      what: 'of another role with this role written in',
      document: () => rewritten(inForce, '"role":"acme"', '"role":"twin"'),
      code: 'badSignature',
      told: 'a signature is wrong',
    },
  ]

  test.each(replays)(
    'T23 an announcement $what: refused, from a peer and on the spot',
    async ({ document, code, told }) => {
      const replayed = document()
      await expectRefused({ head: head(replayed), body: replayed }, code)
      await expect(publish(stage.north, replayed)).rejects.toMatchObject({
        code: 'E_ANNOUNCEMENT',
        message: expect.stringContaining(told),
      })
      await expectNothingNew()
    },
  )

  test('T23 an announcement of another role under a head of this role: refused', async () => {
    await expectRefused({ head: { ...head(inForce), role: 'twin' }, body: inForce }, 'malformed')
    await expectNothingNew()
  })

  /** One refusal more at the node that is told, and none at the others. */
  async function expectRefused({ head: said, body }: { head: Head; body: AnnouncementDocument }, code: string) {
    const { north, inB, attacker } = stage
    const [refusals, others] = [(await north.status()).refusals, (await inB.status()).refusals]
    attacker.tricks.bodies = new Map([[body.hash, body.raw]])
    await attacker.agree(north)
    await attacker.sayHead(north, said)
    await until(`one ${code} more`, async () => (await north.refused(code)) > (refusals[code] ?? 0))
    expect((await north.status()).refusals).toEqual({ ...refusals, [code]: (refusals[code] ?? 0) + 1 })
    expect((await inB.status()).refusals).toEqual(others)
  }

  async function expectNothingNew(): Promise<void> {
    for (const member of [stage.north, stage.inB]) {
      const { roles, counters } = await holdings(member)
      expect(roles.map(({ announcement }) => announcement)).toEqual([textOf(inForce)])
      expect(counters).toEqual({ [PATH]: 1 })
      expect(await installed(member)).toBe(ours.hash)
    }
  }
})

/** All has been judged, the node is as it said itself in this mesh, and nobody else is in the zone. */
async function expectUntouched(north: Member, inB: Member, attacker: Hostile): Promise<void> {
  await attacker.barrier(north)
  expect(await north.row(inB.id)).toMatchObject({ status: 'up', incarnation: 2, alerts: [] })
  const names = (await north.rows()).map(({ name }) => name)
  expect(names.sort()).toEqual(['both', 'north'])
}
