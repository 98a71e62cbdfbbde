// T23: the same bytes under another mesh, kind, author or zone. A genuine record is taken from the row of a member, changed as
// an attacker can change it without the author's key, and said by a real member of the other mesh: rejected, the reason counted,
// no row changed, and honest records still arrive.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Envelope } from '../../src/core/fleet/rows.ts'
import type { Membership } from '../../src/core/trust/documents.ts'
import { readJoined, writeJoined } from '../../src/daemon/folder.ts'
import { makeMembership, openToken } from '../../src/publish/membership.ts'
import { decodeEnvelope } from '../../src/wire/envelope.ts'
import { encodeRecord } from '../../src/wire/record.ts'
import { closeFleets, Fleet, type Member, NORTH, SOUTH, until } from './fleet.ts'
import { forge, Hostile } from './hostile.ts'

/** A node with one key in two meshes: the one case in which the author's signature alone proves nothing. */
interface Stage {
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
  stage = { north, south, inB, membershipInA, membershipInB, fromA, fromB, attacker }
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
    what: 'a record of this mesh under another kind',
    bytes: async ({ fromB }) => forge(await fromB(), { kind: 'dig' }),
    code: 'wrongKind',
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
  for (const code of ['foreignMesh', 'badSignature']) expect(await north.refused(code)).toBeGreaterThan(0)
  await north.hears(inB.id)
  await expectUntouched(north, inB, attacker)
})

/** All has been judged, the node is as it said itself in this mesh, and nobody else is in the zone. */
async function expectUntouched(north: Member, inB: Member, attacker: Hostile): Promise<void> {
  await attacker.barrier(north)
  expect(await north.row(inB.id)).toMatchObject({ status: 'up', incarnation: 2, alerts: [] })
  const names = (await north.rows()).map(({ name }) => name)
  expect(names.sort()).toEqual(['both', 'north'])
}
