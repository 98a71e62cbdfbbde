// T39: one node id at two places, because an SD card was copied, and two node ids on one seat, because a token was. Each raises
// an alert that people see at other members too, and the fleet's state does not flap meanwhile.

import { cp } from 'node:fs/promises'
import { afterEach, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { closeFleets, Fleet, tokenThrough, until } from './fleet.ts'

/** The alert is there before so many more records of the node arrived: one promise each, at most. */
const WITHIN = 3

afterEach(closeFleets)

test('T39 one node id at two places: an alert, and nobody sees the node but up', async () => {
  const fleet = await Fleet.create()
  const a = await fleet.found('a')
  const b = await fleet.add('b', a)
  const original = await fleet.add('original', a)
  const { id } = original
  await b.seesStatus(id, 'up')
  await original.stop()
  await cp(fleet.data('original'), fleet.data('copy'), { recursive: true })
  await original.start()
  for (const member of [a, b]) await member.sees(id, 'its second run', ({ incarnation }) => incarnation === 2)
  await until('links that no dial of the same time can be', async () => {
    const ages = (await original.status()).links.map(({ ageMs }) => ageMs)
    return ages.length === 2 && ages.every((age) => age > limits.addressDialTimeout)
  })

  const from = new Map([a, b].map((member) => [member, member.lines.length]))
  const before = await b.row(id)
  const copy = await fleet.start('copy')
  expect(copy.id).toBe(id)
  for (const member of [a, b]) {
    await until('an alert', async () => (await member.alerts(id)).includes('cloned'))
    expect(await member.row(id)).toMatchObject({ status: 'up', alerts: ['cloned'] })
  }
  const [first = 0, now = 0] = [before?.counter, (await b.row(id))?.counter]
  expect(now - first).toBeLessThanOrEqual(WITHIN)
  expect(copy.logged('refused')).not.toEqual([])

  await b.hears(id, WITHIN)
  for (const member of [a, b]) {
    expect(member.logged('status', from.get(member)).filter((text) => text.startsWith('original '))).toEqual([])
    expect(await member.row(id)).toMatchObject({ status: 'up', incarnation: 2 })
    expect(await member.alerts(a.id)).toEqual([])
  }
})

test('T39 two node ids on one seat: an alert at the members, and the used token is refused', async () => {
  const fleet = await Fleet.create()
  const a = await fleet.found('a')
  const b = await fleet.add('b', a)
  const token = fleet.token({ through: [a] })
  await fleet.join('first', token)
  await expect(fleet.join('third', token)).rejects.toMatchObject({ code: 'E_TOKEN_USED' })
  await fleet.join('second', tokenThrough(token, [b]))

  const sharers = [await fleet.start('first'), await fleet.start('second')]
  for (const member of [a, b]) {
    for (const { id } of sharers) {
      await member.seesStatus(id, 'up')
      await until('an alert', async () => (await member.alerts(id)).includes('seatShared'))
      expect(await member.row(id)).toMatchObject({ alerts: ['seatShared'] })
    }
    expect(await member.alerts(a.id)).toEqual([])
  }
  await expect(fleet.join('third', tokenThrough(token, [b]))).rejects.toMatchObject({ code: 'E_TOKEN_USED' })
})
