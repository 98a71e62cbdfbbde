// A site's owner, with real nodes: their key enrols and revokes within their zone, and is refused or without effect beyond it.
import { cpSync, mkdirSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { toHex } from '../../src/core/bytes.ts'
import { writeKeyFile } from '../../src/keys/key-file.ts'
import { makeInvite } from '../../src/publish/invite.ts'
import { openToken } from '../../src/publish/membership.ts'
import { openMesh } from '../../src/publish/mesh.ts'
import { jsonOf } from '../../src/wire/canonical.ts'
import { inviteFromJson } from '../../src/wire/invite.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { encodeToken } from '../../src/wire/token.ts'
import { line } from '../cli/line.ts'
import { keyOf, seedOf } from '../fixtures/documents.ts'
import { closeFleets, Fleet, type Member, NORTH, SOUTH, until } from './fleet.ts'
import { announce, artifactOf, installed, PATH, publish, reaches, releaseFor, targetsFor } from './publishing.ts'

const SITE = keyOf('owner of the site')

afterEach(closeFleets)

/** Runs a command that has to succeed. */
async function done(...words: string[]): Promise<string> {
  const { status, out, err } = await line(words)
  if (status !== 0) throw new Error(`pimesh ${words.join(' ')} failed: ${err}`)
  return out
}

function holdsRoot(member: Member, version: number): Promise<unknown> {
  return until(`${member.name} holds root ${version}`, async () => (await member.status()).rootVersion === version)
}

/** The owner of the site's own mesh folder: the documents of the root, and their key. */
function siteFolder(fleet: Fleet): string {
  const dir = fleet.data('site')
  mkdirSync(joinPath(dir, 'keys'), { recursive: true })
  cpSync(joinPath(fleet.mesh.dir, 'root'), joinPath(dir, 'root'), { recursive: true })
  writeKeyFile(joinPath(dir, 'keys', 'enrol.key'), seedOf('owner of the site'))
  return dir
}

test('the key of a site enrols and revokes in its zone, and nowhere else', async () => {
  const fleet = await Fleet.create()
  const a = await fleet.found('a')
  const b = await fleet.add('b', a)
  const key = `ed25519:${toHex(SITE.publicKey)}`
  await done('trust', 'delegate-zone', SOUTH, '--pub', key, '--yes', '--mesh', fleet.mesh.dir, '--data', a.data)
  await Promise.all([a, b].map((member) => holdsRoot(member, 2)))
  fleet.mesh = openMesh(fleet.mesh.dir)
  expect(fleet.mesh.root.signed.enrolment.zones).toEqual(new Map([[SITE.keyId, SOUTH]]))

  // Within: who joins with an invite of that key is a member like any other.
  const dir = siteFolder(fleet)
  const site = openMesh(dir)
  const invited = (zone: string) => makeInvite(site, { zone, via: [a.address] }, Date.now()).token
  await fleet.join('s1', invited(SOUTH))
  const s1 = await fleet.start('s1')
  await fleet.join('s2', invited(SOUTH))
  const s2 = await fleet.start('s2')
  await s1.seesStatus(s2.id, 'up')

  // Outside: no invite is signed, and one that is signed all the same opens no gate.
  expect(() => invited(NORTH)).toThrow(expect.objectContaining({ code: 'E_ZONE' }))
  const honest = openToken(invited(SOUTH), Date.now())
  const invite = { ...jsonOf(honest.invite.signedBytes), zone: NORTH }
  const forged = encodeToken({ ...honest, invite: inviteFromJson(jsonOf(encodeSigned(invite, [SITE]))) })
  await expect(fleet.join('intruder', forged)).rejects.toMatchObject({
    code: expect.stringMatching(/^E_(REFUSED|TOKEN_FOREIGN)$/),
  })

  // It cuts off a node of its own; what it says of others has no effect.
  const revoke = (what: string) => done('trust', 'revoke', what, '--mesh', dir, '--data', s2.data)
  await revoke('s1')
  await until('s1 is cut off', async () => !(await s2.status()).links.some(({ node }) => node === s1.id))
  expect(await s2.row(s1.id)).toBeUndefined()
  await revoke(b.id)
  await until('a has heard of it', async () => (await a.api.enrolment()).statements.join().includes(b.id))
  await a.hears(b.id, 2)
  expect((await a.status()).links.some(({ node }) => node === b.id)).toBe(true)
  expect((await b.status()).revoked).toBeNull()

  // The owner of the mesh reaches into the site as before.
  await done('trust', 'revoke', s2.id, '--mesh', fleet.mesh.dir, '--data', a.data)
  await until('s2 is cut off', async () => !(await a.status()).links.some(({ node }) => node === s2.id))
})

test('the owner of a site vetoes a release there, and there only', async () => {
  const fleet = await Fleet.create()
  const a = await fleet.found('a')
  const key = toHex(SITE.publicKey)
  await done('trust', 'delegate-zone', SOUTH, '--pub', key, '--yes', '--mesh', fleet.mesh.dir, '--data', a.data)
  const dir = siteFolder(fleet)
  await fleet.join('s1', makeInvite(openMesh(dir), { zone: SOUTH, via: [a.address] }, Date.now()).token)
  const s1 = await fleet.start('s1')
  const state = (...words: string[]) => done('trust', 'policy', ...words, '--mesh', dir, '--data', s1.data)
  const [first, second] = [artifactOf('first'), artifactOf('second')]
  const release = (counter: number, artifact: typeof first) => {
    const releases = { [PATH]: releaseFor(artifact, { counter }) }
    const targets = counter === 1 ? { targets: targetsFor(fleet) } : {}
    return publish(a, announce(fleet, { version: counter, releases }), { ...targets, artifacts: [artifact] })
  }
  await release(1, first)
  for (const member of [a, s1]) await reaches(member, 'committed', 1)

  await state('--zone', SOUTH, '--veto', `${PATH}@2`)
  await release(2, second)
  await reaches(a, 'committed', 2)
  expect(await reaches(s1, 'announced', 2)).toMatchObject({ reason: 'vetoed' })
  expect(await installed(s1)).toBe(first.hash)

  // The rest of the policy holds it as well, each reason in its turn; nothing of it reaches the other zone.
  await state('--zone', SOUTH, '--allow', `${PATH}@2`, '--only-publishers', 'another')
  await until('the reason is another', async () => (await reaches(s1, 'announced', 2)).reason === 'notTaken')
  const refused = await line([
    'trust',
    'policy',
    '--zone',
    NORTH,
    '--veto',
    `${PATH}@2`,
    '--mesh',
    dir,
    '--data',
    s1.data,
  ])
  expect(refused).toMatchObject({ status: 2, err: expect.stringContaining('[E_ZONE]') })
  await state('--zone', SOUTH, '--only-publishers', 'any')
  await reaches(s1, 'committed', 2)
  expect(await installed(s1)).toBe(second.hash)
})

test('a key that has a task already, or no zone of its own, is not delegated to, and nothing changes', async () => {
  const fleet = await Fleet.create()
  const a = await fleet.found('a')
  const refused = async (zone: string, publicKey: Uint8Array, code: string) => {
    const words = [
      'trust',
      'delegate-zone',
      zone,
      '--pub',
      toHex(publicKey),
      '--yes',
      '--mesh',
      fleet.mesh.dir,
      '--data',
      a.data,
    ]
    expect((await line(words)).err).toContain(`[${code}]`)
    expect(openMesh(fleet.mesh.dir).root.signed.version).toBe(1)
    expect((await a.status()).rootVersion).toBe(1)
  }
  const [own] = [...fleet.mesh.root.signed.keys.values()] as [Uint8Array]
  await refused('/', SITE.publicKey, 'E_ZONE')
  await refused('uk', SITE.publicKey, 'E_ZONE')
  await refused(SOUTH, own, 'E_KEY')
  await refused(SOUTH, own.subarray(1), 'E_USAGE')
})
