// A publisher changes its own keys, and ends its own role, with real nodes and without the owner of the mesh: who has only keys that went
// counts nowhere, whatever version he signs; an end holds against who has its keys; a new epoch of the owner brings the role back.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { writeKeyFile } from '../../src/keys/key-file.ts'
import { type MeshKey, meshKeys } from '../../src/publish/mesh.ts'
import { parseAnnouncement } from '../../src/wire/announcement.ts'
import { jsonOf } from '../../src/wire/canonical.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { line } from '../cli/line.ts'
import { keyOf, seedOf } from '../fixtures/documents.ts'
import { closeFleets, Fleet, until } from './fleet.ts'
import { announce, reaches, textOf } from './publishing.ts'

const PATH = 'publisher/agent'
const LAST = 2 ** 31 - 1

afterEach(closeFleets)

test('T09 a role that changed its keys, or ended, by itself is out of the reach of who has the old ones', async () => {
  const fleet = await Fleet.create()
  const a = await fleet.found('a')
  const b = await fleet.add('b', a)
  const run = (...words: string[]) => line([...words, '--mesh', fleet.mesh.dir, '--data', a.data])
  const done = async (...words: string[]) => {
    const result = await run(...words)
    if (result.status !== 0) throw new Error(`pimesh ${words.join(' ')} failed: ${result.err}`)
    return result.out
  }
  const fileOf = (name: string) => joinPath(fleet.dir, `${name}.key`)
  for (const name of ['next', 'after', 'third']) writeKeyFile(fileOf(name), seedOf(name))
  const artifact = joinPath(fleet.dir, 'artifact')
  const publish = (bytes: string, ...more: string[]) => {
    writeFileSync(artifact, bytes)
    return run('publish', artifact, '--name', PATH, '--to', 'true', '--no-wait', ...more)
  }
  const published = async (bytes: string, ...more: string[]) => {
    const { status, err } = await publish(bytes, ...more)
    expect(err).not.toContain('E_')
    expect(status).toBe(0)
    const current = joinPath(b.data, 'installed', PATH, 'current', 'artifact')
    await until(`b has ${bytes} in use`, () => existsSync(current) && readFileSync(current, 'utf8') === bytes)
  }
  const heldBy = async (member: typeof a) => {
    const { roles } = await member.api.publishers()
    const { signed } = parseAnnouncement(Buffer.from(roles[0]?.announcement ?? ''))
    return [signed.epoch, signed.rotation ?? 0, signed.version]
  }
  const both = async (order: number[]) => {
    for (const member of [a, b])
      await until(`${member.name} holds ${order}`, async () => `${await heldBy(member)}` === `${order}`)
  }
  /** The highest version that there is, as somebody with this key alone can sign it, handed to a member that has heard of everything. */
  const forged = (key: MeshKey, base: ReturnType<typeof announce>) => {
    const signed = { ...jsonOf(base.signedBytes), version: LAST }
    return b.api.submit({ announcement: textOf(parseAnnouncement(encodeSigned(signed, [key]))), targets: null })
  }
  const refused = (code: string) => ({ code: 'E_ANNOUNCEMENT', message: expect.stringContaining(code) })

  await until('a link', async () => (await a.status()).links.length > 0)
  await published('first')
  await reaches(b, 'committed', 1, PATH)
  const plain = announce(fleet, { role: 'publisher', releases: {} })
  const old = [...meshKeys(fleet.mesh).values()].find(({ path }) => path.endsWith('publisher.key')) as MeshKey

  // Without the new key nothing happens; with it the publisher needs nobody.
  const rotation = ['trust', 'rotate-self', 'publisher', '--out-key', old.keyId, '--pub', fileOf('next'), '--yes']
  expect(await run(...rotation)).toMatchObject({ status: 1, err: expect.stringContaining('E_SIGNATURES') })
  expect(await heldBy(a)).toEqual([1, 0, 1])
  expect(await done(...rotation, '--key', fileOf('next'))).toContain(keyOf('next').keyId.slice(0, 16))
  await both([1, 1, 2])
  const events = (await b.api.events()).events
  expect(events.some(({ text }) => text.includes('publisher changed its own keys (rotation 1 of epoch 1)'))).toBe(true)

  await expect(forged(old, plain)).rejects.toMatchObject(refused('keysRotated'))
  const held = parseAnnouncement(Buffer.from((await b.api.publishers()).roles[0]?.announcement ?? ''))
  await expect(forged(old, held)).rejects.toMatchObject(refused('badSignature'))
  expect(await publish('stolen')).toMatchObject({ status: 1, err: expect.stringContaining('E_KEY') })
  await published('second', '--key', fileOf('next'))
  await both([1, 1, 3])
  const shown = async () => (await line(['trust', 'show', '--data', b.data])).out
  expect(await shown()).toMatch(
    new RegExp(`keys +1 of 1: ${keyOf('next').keyId.slice(0, 16)}; given by the role itself`),
  )

  // In three steps: who has the key of now, then who has the next one, then any member.
  const out = joinPath(fleet.dir, 'request')
  const swap = ['--out-key', keyOf('next').keyId, '--pub', fileOf('after')]
  expect(await done('trust', 'rotate-self', 'publisher', ...swap, '--prepare', out)).toContain('the keys of the role')
  const sign = (name: string) => line(['sign', out, '--key', fileOf(name), '--yes'])
  expect(await sign('after')).toMatchObject({ status: 1, err: expect.stringContaining('as it is now') })
  for (const name of ['next', 'after']) expect(await sign(name)).toMatchObject({ status: 0 })
  expect(await done('publish', '--submit', out)).toContain('the role "publisher" has other keys')
  await both([1, 2, 4])
  await expect(forged(keyOf('next'), held)).rejects.toMatchObject(refused('keysRotated'))

  // The role ends: neither its keys nor those before them get it back, and what is installed stays.
  await done('trust', 'rotate-self', 'publisher', '--end', '--key', fileOf('after'), '--yes')
  await both([1, 255, 5])
  expect(await shown()).toContain('none: the role has ended itself')
  await expect(forged(keyOf('next'), held)).rejects.toMatchObject(refused('roleEnded'))
  await expect(forged(old, plain)).rejects.toMatchObject(refused('roleEnded'))
  const listed = await line(['releases', '--data', b.data])
  expect(listed.out).toContain('the role "publisher" has ended itself')
  const after = await publish('third', '--key', fileOf('after'))
  expect(after).toMatchObject({ status: 1, err: expect.stringContaining('E_ROLE') })
  expect(readFileSync(joinPath(b.data, 'installed', PATH, 'current', 'artifact'), 'utf8')).toBe('second')

  // The owner begins the next epoch with a key of its own choice.
  const renewed = ['--raise-epoch', '--out-key', old.keyId, '--pub', fileOf('third'), '--yes']
  await done('trust', 'rotate', 'publisher', ...renewed)
  await published('third', '--key', fileOf('third'))
  await both([2, 0, 1])
  await expect(forged(keyOf('next'), held)).rejects.toMatchObject(refused('oldVersion'))
})
