// A stolen board, with real nodes: once its owner has revoked it, every member that has heard of it cuts it off and never lets it
// in again, through restarts of everybody, by no other door, and with nothing that others pass on of it.
import { rm } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { DAY } from '../../src/core/limits.ts'
import { keepStatement, planStatement, type StatementChanges, signStatement } from '../../src/publish/statement.ts'
import { closeFleets, Fleet, type Member, SOUTH, until } from './fleet.ts'

afterEach(closeFleets)

/** States something with the owner's key at one member. */
async function state(fleet: Fleet, through: Member, changes: StatementChanges): Promise<void> {
  const { statements } = await through.api.enrolment()
  const document = signStatement(
    planStatement(fleet.mesh, { zone: undefined, offered: statements }, changes, Date.now()),
  )
  await through.api.state(Buffer.from(document.raw).toString('utf8'))
  keepStatement(fleet.mesh, document)
}

const byNode = (member: Member): StatementChanges => ({ nodes: new Map([[member.id, Date.now() + 800 * DAY]]) })

/** Resolves when the member has a statement in force. */
function knows(member: Member): Promise<unknown> {
  return until(`${member.name} heard of it`, async () => (await member.api.enrolment()).statements.length > 0)
}

async function isLinkedTo(member: Member, other: { id: string }): Promise<boolean> {
  return (await member.status()).links.some(({ node }) => node === other.id)
}

/** Resolves when somebody has turned the node away so many times more for being revoked. */
async function turnsAway(members: readonly Member[], times: number): Promise<void> {
  const count = async () => {
    const counts = await Promise.all(members.map((member) => member.refused('revoked')))
    return counts.reduce((sum, one) => sum + one, 0)
  }
  const before = await count()
  await until('it is turned away', async () => (await count()) >= before + times, count)
}

test('a revoked node is cut off by all that have heard of it, and by nobody let in again', async () => {
  const fleet = await Fleet.create()
  const a = await fleet.found('a')
  const b = await fleet.add('b', a)
  const far = await fleet.add('far', a, SOUTH)
  const stolen = await fleet.add('stolen', b)
  const thief = { id: stolen.id }
  for (const member of [a, b]) await member.seesStatus(thief.id, 'up')
  await until('the node is linked', async () => (await isLinkedTo(a, thief)) && (await isLinkedTo(b, thief)))

  // Told to one; the others hear of it at once, also in the other zone.
  await state(fleet, b, byNode(stolen))
  await Promise.all([a, b, far].map(knows))
  for (const member of [a, b, far]) {
    await until(`${member.name} has no link to it`, async () => !(await isLinkedTo(member, thief)))
    expect(await member.row(thief.id)).toBeUndefined()
  }
  expect(b.logged('statementAccepted').join()).toContain('cut off: ')

  // It goes on trying, learns why, and says so.
  await until('it knows', async () => ((await stolen.status()).revoked?.by.length ?? 0) > 0)
  expect((await stolen.status()).revoked?.proven).toBe(false)
  await turnsAway([a, b, far], 2)

  // Restarts of everybody change nothing: what was heard is on disk.
  for (const member of [a, b, far, stolen]) await member.stop()
  for (const member of [stolen, b, a, far]) await member.start()
  await turnsAway([a, b, far], 2)
  for (const member of [a, b]) {
    await member.hears((member === a ? b : a).id, 2)
    expect(await member.row(thief.id)).toBeUndefined()
    expect(await isLinkedTo(member, thief)).toBe(false)
  }
  expect((await stolen.status()).links).toEqual([])
})

test('a member that was off hears of it from the first one it meets', async () => {
  const fleet = await Fleet.create()
  const a = await fleet.found('a')
  const sleeper = await fleet.add('sleeper', a)
  const stolen = await fleet.add('stolen', a)
  const thief = { id: stolen.id }
  await sleeper.seesStatus(thief.id, 'up')
  await sleeper.stop()
  await state(fleet, a, byNode(stolen))
  await sleeper.start()
  await knows(sleeper)
  await until('it is cut off there too', async () => !(await isLinkedTo(sleeper, thief)))
  expect(await sleeper.row(thief.id)).toBeUndefined()
  const newcomer = await fleet.add('newcomer', sleeper)
  await knows(newcomer)
  expect(await newcomer.row(thief.id)).toBeUndefined()
})

test('an invite that is revoked takes all seats with it: who joined, and who still would', async () => {
  const fleet = await Fleet.create()
  const a = await fleet.found('a')
  const leaked = fleet.token({ through: [a], seats: 3 })
  await fleet.join('one', leaked)
  await fleet.join('two', leaked)
  const [one, two] = [await fleet.start('one'), await fleet.start('two')]
  await a.seesStatus(one.id, 'up')
  await a.seesStatus(two.id, 'up')
  const invite = (await a.row(one.id))?.invite as string
  await state(fleet, a, { invites: new Map([[invite, Date.now() + 800 * DAY]]) })
  for (const member of [one, two]) await until('it is cut off', async () => !(await isLinkedTo(a, member)))
  await expect(fleet.join('three', leaked)).rejects.toMatchObject({
    code: 'E_REFUSED',
    message: expect.stringContaining('revoked'),
  })
  // Whoever was revoked by mistake joins again, with a new token into an empty folder.
  await one.stop()
  await rm(joinPath(fleet.data('one')), { recursive: true })
  const again = await fleet.add('one', a)
  await a.seesStatus(again.id, 'up')
})
