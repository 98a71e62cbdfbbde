// A publisher's key that is taken out of its role, with real nodes and the commands of the owner: it counts nowhere from then on, whatever
// version it signs, and the publisher goes on with another key.
import { readFileSync, writeFileSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { toHex } from '../../src/core/bytes.ts'
import { writeKeyFile } from '../../src/keys/key-file.ts'
import type { MeshKey } from '../../src/publish/mesh.ts'
import { meshKeys } from '../../src/publish/mesh.ts'
import { parseAnnouncement } from '../../src/wire/announcement.ts'
import { jsonOf } from '../../src/wire/canonical.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { line } from '../cli/line.ts'
import { keyOf, seedOf } from '../fixtures/documents.ts'
import { closeFleets, Fleet, until } from './fleet.ts'
import { announce, reaches, textOf } from './publishing.ts'

const PATH = 'publisher/agent'

afterEach(closeFleets)

test('a key that is rotated out counts nowhere at once, and T04 what it signs last blocks nothing', async () => {
  const fleet = await Fleet.create()
  const a = await fleet.found('a')
  const b = await fleet.add('b', a)
  const places = ['--mesh', fleet.mesh.dir, '--data', a.data]
  const done = async (...words: string[]) => {
    const { status, err } = await line([...words, ...places])
    if (status !== 0) throw new Error(`pimesh ${words.join(' ')} failed: ${err}`)
  }
  const file = joinPath(fleet.dir, 'artifact')
  const publish = async (bytes: string, ...more: string[]) => {
    writeFileSync(file, bytes)
    await done('publish', file, '--name', PATH, '--to', 'true', '--no-wait', ...more)
  }
  await until('a link', async () => (await a.status()).links.length > 0)
  await publish('first')
  await reaches(b, 'committed', 1, PATH)

  const stolen = [...meshKeys(fleet.mesh).values()].find(({ path }) => path.endsWith('publisher.key')) as MeshKey
  writeKeyFile(joinPath(fleet.dir, 'new.key'), seedOf('new'))
  const rotation = ['--out-key', stolen.keyId, '--pub', `ed25519:${toHex(keyOf('new').publicKey)}`]
  await done('trust', 'rotate', 'publisher', ...rotation, '--yes')
  for (const member of [a, b])
    await until(`${member.name} holds nothing of it`, async () => (await member.api.publishers()).roles.length === 0)

  // The thief goes to a member that has heard of it, with the highest version that there is, in the old epoch and in the new one.
  for (const epoch of [1, 2]) {
    const terms = { role: 'publisher', epoch, version: 2 ** 31 - 1, releases: {} }
    const document = parseAnnouncement(encodeSigned(jsonOf(announce(fleet, terms).signedBytes), [stolen]))
    await expect(b.api.submit({ announcement: textOf(document), targets: null })).rejects.toMatchObject({
      code: 'E_ANNOUNCEMENT',
      message: expect.stringContaining(epoch === 1 ? 'oldVersion' : 'badSignature'),
    })
  }
  await publish('second', '--key', joinPath(fleet.dir, 'new.key'))
  const current = joinPath(b.data, 'installed', PATH, 'current', 'artifact')
  await until('b has the second in use', () => readFileSync(current, 'utf8') === 'second')
  expect((await b.api.publishers()).roles).toMatchObject([{ role: 'publisher', epoch: 2, version: 1, frozen: false }])
})
