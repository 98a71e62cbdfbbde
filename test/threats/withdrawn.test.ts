// A bad release is withdrawn while nodes fetch it: they stop, who comes later never begins it, what was in use before stays, and its
// announcement given again changes nothing, also after a restart.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseAnnouncement, withoutRelease } from '../../src/wire/announcement.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { keyOf } from '../fixtures/documents.ts'
import { closeFleets, Fleet, type Member, until } from './fleet.ts'
import {
  announce,
  artifactOf,
  holds,
  installed,
  PATH,
  publish,
  reaches,
  releaseAt,
  releaseFor,
  targetsFor,
} from './publishing.ts'

const [GOOD, BAD, NEXT] = [artifactOf('good'), artifactOf('bad'), artifactOf('next')]

let fleet: Fleet
let first: Member
let second: Member

beforeAll(async () => {
  fleet = await Fleet.create()
  first = await fleet.found('first')
  second = await fleet.add('second', first)
  const good = announce(fleet, { releases: { [PATH]: releaseFor(GOOD) } })
  await publish(first, good, { targets: targetsFor(fleet), artifacts: [GOOD] })
  for (const member of [first, second]) await reaches(member, 'committed', 1)
})
afterAll(closeFleets)

test('a withdrawn release is begun nowhere any more, and what is in use stays', async () => {
  const bad = announce(fleet, { version: 2, releases: { [PATH]: releaseFor(BAD, { counter: 2 }) } })
  await publish(first, bad)
  for (const member of [first, second]) await reaches(member, 'fetching', 2)
  const [release] = bad.signed.releases
  const terms = { ...bad.signed, version: 3 }
  const signed = withoutRelease(bad, terms, release as NonNullable<typeof release>)
  const withdrawn = parseAnnouncement(encodeSigned(signed, [keyOf('publisher')]))
  await publish(first, withdrawn, { artifacts: [BAD] })
  const third = await fleet.add('third', first)
  for (const member of [first, second, third]) {
    await holds(member, withdrawn)
    expect(await releaseAt(member)).toMatchObject({ withdrawn: true, selected: false })
  }
  await expect(publish(second, bad)).rejects.toMatchObject({ code: 'E_ANNOUNCEMENT' })
  await second.stop()
  await second.start()
  await holds(second, withdrawn)
  await until('a link', async () => (await second.status()).links.length > 0)
  await expect(publish(second, bad)).rejects.toMatchObject({ code: 'E_ANNOUNCEMENT' })
  expect(await Promise.all([first, second, third].map((member) => installed(member)))).toEqual([
    GOOD.hash,
    GOOD.hash,
    undefined,
  ])
  const next = announce(fleet, { version: 4, releases: { [PATH]: releaseFor(NEXT, { counter: 3 }) } })
  await publish(first, next, { artifacts: [NEXT] })
  for (const member of [first, second, third]) await reaches(member, 'committed', 3)
})
