// `pimesh trust add-publisher`, `rotate`, `revoke` of roles and keys, `beacon` and `renew`, against the real API server with a backend of
// the test: what they sign, hand in and say, and what they refuse.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DAY, limits } from '../../src/core/limits.ts'
import { newestStored, publisherFloors } from '../../src/publish/delegations.ts'
import { initMesh, meshKeys } from '../../src/publish/mesh.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { parseTargets, targetsJson } from '../../src/wire/targets.ts'
import { nodeOf } from '../fixtures/documents.ts'
import { nodeJson, nodesJson } from './answers.ts'
import { line } from './line.ts'
import { ADA, answering, BOB, hashOf, owner, short, text } from './trust-owner.ts'

describe('pimesh trust add-publisher', () => {
  it('shows it, signs the next targets, hands them to the peer, and keeps them in the folder', async () => {
    const { run, targets, backend, mesh, at } = await owner()
    const pubs = ['--pub', text(ADA), '--pub', at('bob.key')]
    const ran = await run(
      'add-publisher',
      'lab',
      ...pubs,
      '--threshold',
      '2',
      '--paths',
      'lab/*',
      '--when-stale',
      'refuse',
    )
    expect(ran.out).toMatch(
      new RegExp(
        `^targets document, version 2\\n[\\s\\S]*new: role "lab"\\n +keys +${short(ADA)}, ${short(BOB)}\\n +needs +2 of 2 keys\\n`,
      ),
    )
    expect(ran.out).toMatch(
      /\n +when stale +a node that hears no beacon installs nothing of it\n[\s\S]*unchanged: role "acme"\n/,
    )
    expect(ran.out).toMatch(/\nthe publisher "lab" may announce lab\/\*\n {2}targets {2}version 2\n$/)
    expect([ran.status, ran.err]).toEqual([0, expect.stringContaining('nodes that are off take it when they are back')])
    expect(targets().signed.roles[1]).toMatchObject({ name: 'lab', threshold: 2, epoch: 1, whenStale: 'refuse' })
    expect(backend.delegated.map((raw) => parseTargets(Buffer.from(raw)).hash)).toEqual([targets().hash])
    // A node that joins now goes behind it never.
    expect(publisherFloors(mesh()).targets).toBe(2)
  })

  it('is told for a program, too', async () => {
    const { run } = await owner()
    const ran = await run('add-publisher', 'lab', '--pub', text(ADA), '--paths', 'lab/*', '-o', 'json')
    const [document] = JSON.parse(ran.out).documents
    expect(JSON.parse(ran.out)).toMatchObject({ schema: 'pimesh.trust-change/1', handedIn: true, linked: 2 })
    expect(document).toMatchObject({ kind: 'targets', version: 2 })
  })

  it('asks on a terminal, and leaves all as it was without a yes', async () => {
    const { ask, state } = await owner()
    const before = state()
    const words = ['add-publisher', 'lab', '--pub', text(ADA), '--paths', 'lab/*']
    const left = await ask(words, answering('no'))
    expect([left.status, left.err, state()]).toEqual([
      1,
      expect.stringContaining('not signed: nothing has changed'),
      before,
    ])
    const nobody = await ask(words)
    expect([nobody.status, nobody.err, state()]).toEqual([2, expect.stringContaining('add --yes'), before])
    const agreed = await ask(words, answering('yes'))
    expect([agreed.status, agreed.err]).toEqual([0, expect.stringMatching(/^Sign this with the key \w{16}\?/)])
  })

  it('refuses what is wrong in one sentence', async () => {
    const { refused } = await owner()
    const add = (...words: string[]) => ['add-publisher', ...words]
    const pub = ['--pub', text(ADA)]
    await refused(add(), 'E_USAGE', /needs a name/)
    await refused(add('lab', '--paths', 'lab/*'), 'E_USAGE', /whose key publishes/)
    await refused(add('lab', ...pub), 'E_USAGE', /what it may announce/)
    await refused(
      add('lab', '--pub', 'ed25519:xyz', '--paths', 'lab/*'),
      'E_USAGE',
      /a public key is "ed25519:" and 64 hex/,
    )
    await refused(add('lab', '--pub', 'nobody.key', '--paths', 'lab/*'), 'E_KEY', /nobody.key cannot be read/)
    await refused(add('lab', ...pub, ...pub, '--paths', 'lab/*'), 'E_USAGE', /is given twice/)
    await refused(add('lab', ...pub, '--threshold', '2', '--paths', 'lab/*'), 'E_ROLE', /1 key and need 2 signatures/)
    await refused(add('lab', ...pub, '--paths', 'acme/agent'), 'E_PATH', /overlaps "acme\/\*"/)
    await refused(add('root', ...pub, '--paths', 'root/*'), 'E_ROLE', /"root" cannot name a publisher/)
    await refused(add('lab', '--pub', 'enrol', '--paths', 'lab/*'), 'E_KEY', /another task .* that of "enrol"/)
    await refused(add('lab', ...pub, '--paths', '/lab'), 'E_PATH', /no pattern of paths/)
    await refused(add('acme', ...pub, '--paths', 'lab/*'), 'E_ROLE', /"pimesh trust rotate acme" changes its keys/)
    await refused(add('lab', ...pub, '--paths', 'lab/*', '--when-stale', 'panic'), 'E_USAGE', /refuse or warn/)
    await refused(add('lab', ...pub, '--paths', 'lab/*', '--key', 'nobody.key'), 'E_KEY', /nobody.key/)
  })
})

describe('pimesh trust rotate', () => {
  it('gives a publisher another key and a new epoch, and says what that voids', async () => {
    const { run, targets, mesh } = await owner()
    const old = String(targets().signed.roles[0]?.keyIds[0])
    const ran = await run('rotate', 'acme', '--out-key', old.slice(0, 12), '--pub', text(ADA))
    expect(ran.out).toMatch(new RegExp(`keys +${old.slice(0, 16)} -> ${short(ADA)}\\n[\\s\\S]* epoch +1 -> 2\\n`))
    expect(ran.status).toBe(0)
    expect(targets().signed.roles[0]).toMatchObject({ keyIds: [ADA.keyId], epoch: 2 })
    expect(mesh().root.signed.version).toBe(1)
  })

  it('T04 raises the epoch alone, and sets what its nodes do without beacons', async () => {
    const { run, targets } = await owner()
    expect((await run('rotate', 'acme', '--raise-epoch')).status).toBe(0)
    expect((await run('rotate', 'acme', '--when-stale', 'refuse')).out).toMatch(
      /when stale +nothing -> a node that hears no/,
    )
    expect(targets().signed.roles[0]).toMatchObject({ epoch: 2, whenStale: 'refuse' })
  })

  it('changes the targets key: root and targets are shown, signed and handed in, or neither', async () => {
    const { run, refused, dir, at, mesh, targets, backend, ask } = await owner()
    const words = ['rotate', 'targets', '--out-key', 'targets', '--pub', at('ada.key')]
    const before = [mesh().root.hash, targets().hash]
    const short1 = await run(...words)
    expect([short1.status, short1.err]).toEqual([
      1,
      expect.stringMatching(/too few: 1 more of the role "targets".*E_SIGNATURES/),
    ])
    expect([mesh().root.hash, targets().hash, backend.rooted]).toEqual([...before, []])
    expect((await ask([...words, '--key', at('ada.key')], answering('yes', 'no'))).status).toBe(1)
    expect([mesh().root.hash, targets().hash, backend.rooted]).toEqual([...before, []])
    const ran = await run(...words, '--key', at('ada.key'))
    expect(ran.out).toMatch(
      /^root document, version 2\n[\s\S]*\ntargets document, version 1\n[\s\S]* {2}root {5}version 2\n {2}targets {2}version 1\n$/,
    )
    expect([backend.rooted.length, backend.delegated.length]).toEqual([1, 1])
    expect(targets().signatures.map(({ keyId }) => keyId)).toEqual([ADA.keyId])
    rmSync(join(dir, 'keys', 'targets.key'))
    await refused(['renew', 'targets'], 'E_SIGNATURES', /role "targets"/)
  })

  /** The peer holds what a thief of the targets key signed: the highest version, and the highest epochs that it can have. */
  function stolen({ backend, dir, mesh, targets }: Awaited<ReturnType<typeof owner>>, version = 2 ** 31 - 1) {
    const before = targets()
    const highest = { epoch: limits.roleEpochs, keyIds: [BOB.keyId], threshold: 1 }
    const roles = before.signed.roles.map((role) => ({ ...role, ...highest }))
    const signed = { ...before.signed, version, roles, keys: new Map([[BOB.keyId, BOB.publicKey]]) }
    const thief = meshKeys({ dir } as never).get(mesh().root.signed.roles.targets.keyIds[0] as string)
    const raw = encodeSigned(targetsJson({ ...signed, formerEpoch: limits.roleEpochs }), [thief as never])
    backend.held = { ...backend.held, targets: Buffer.from(raw).toString() }
    return before
  }

  /** All publishers are those of the folder, in an epoch that the thief could not sign (clause TARGETS 3). */
  const begun = (before: ReturnType<Awaited<ReturnType<typeof owner>>['targets']>) => ({
    ...{ epoch: 2, version: 1, formerEpoch: limits.roleEpochs },
    roles: before.signed.roles.map((role) => ({ ...role, epoch: limits.roleEpochs + 1 })),
  })

  it.each([[[]], [['--raise-epoch']]])(
    'T04 gives the targets another key and a new epoch, whatever a thief of the old one signed: %j (clause ROOT 9)',
    async (words) => {
      const made = await owner()
      const { at, run, mesh, targets, backend } = made
      const before = stolen(made)
      const ran = await run(
        ...['rotate', 'targets', ...words, '--out-key', 'targets', '--pub', text(ADA), '--key', at('ada.key')],
      )
      expect(ran.status, ran.err).toBe(0)
      expect(ran.out).toMatch(
        /the targets document begins a new epoch.* with it every publisher: each has to publish again/,
      )
      expect(ran.out).toMatch(
        /version 2147483647 .* is undone: what counts is version 1 of the folder, with the publishers acme/,
      )
      expect(ran.out).toMatch(/epoch +1 -> 2/)
      expect(mesh().root.signed).toMatchObject({ version: 2, targetsEpoch: 2 })
      expect(targets().signed).toMatchObject(begun(before))
      expect(publisherFloors(mesh())).toMatchObject({ targets: 1, targetsEpoch: 2 })
      expect(backend.delegated).toHaveLength(1)
      // And the mesh goes on from there.
      for (const change of [
        ['rotate', 'acme', '--raise-epoch'],
        ['revoke', 'acme'],
      ])
        expect((await run(...change, '--key', at('ada.key'))).status).toBe(0)
      expect(
        (await run('add-publisher', 'acme', '--pub', text(BOB), '--paths', 'acme/*', '--key', at('ada.key'))).status,
      ).toBe(0)
      expect(targets().signed.roles[0]?.epoch).toBe(limits.roleEpochs + 3)
    },
  )

  it('T04 the same by others: the root first, then what the folder has under it', async () => {
    const made = await owner()
    const { at, ask, sign, keyOfRole, run, targets } = made
    const before = stolen(made)
    await ask(['rotate', 'targets', '--out-key', 'targets', '--pub', text(ADA), '--prepare', at('root')])
    await sign('root', keyOfRole('root'))
    await run('submit', at('root'))
    expect(() => targets()).toThrow('sign it anew: "pimesh trust renew targets"')
    const renewed = await run('renew', 'targets', '--key', at('ada.key'))
    expect(renewed.status, renewed.err).toBe(0)
    expect(targets().signed).toMatchObject(begun(before))
  })

  it('T04 no version is left of targets, nor an epoch of a publisher: what to do is said', async () => {
    const made = await owner()
    stolen(made)
    const raise = /used up.*"pimesh trust rotate targets --raise-epoch" begins new ones/
    await made.refused(['renew', 'targets'], 'E_TARGETS', raise)
    stolen(made, 7)
    await made.refused(['rotate', 'acme', '--raise-epoch'], 'E_ROLE', raise)
    await made.refused(['add-publisher', 'lab', '--pub', text(ADA), '--paths', 'lab/*'], 'E_ROLE', raise)
  })

  it('T04 what the peer holds and the folder does not know is undone only when that is said', async () => {
    const made = await owner()
    const { at, run, refused, mesh, targets } = made
    const before = stolen(made, 7)
    const words = ['--out-key', 'targets', '--pub', text(ADA), '--key', at('ada.key')]
    await refused(
      ['rotate', 'targets', ...words],
      'E_TARGETS',
      /version 7 of the targets document, which the peer holds, is not in .*: if it is yours, "pimesh trust renew targets" takes it in/,
    )
    expect((await run('rotate', 'targets', '--raise-epoch', ...words)).status).toBe(0)
    expect([mesh().root.signed.targetsEpoch, targets().signed]).toEqual([2, expect.objectContaining(begun(before))])
  })

  it('a targets key that cannot sign alone goes without a new epoch', async () => {
    const { run, at, mesh, targets } = await owner()
    const keys = ['--key', at('ada.key'), '--key', at('bob.key')]
    await run('rotate', 'targets', '--pub', text(ADA), '--pub', text(BOB), '--threshold', '2', ...keys)
    expect((await run('revoke', ADA.keyId, ...keys)).status).toBe(0)
    expect([mesh().root.signed.targetsEpoch, targets().signed.epoch]).toEqual([undefined, undefined])
    expect((await run('rotate', 'targets', '--threshold', '1', ...keys)).status).toBe(0)
    expect((await run('revoke', BOB.keyId, ...keys)).out).toContain('since the keys that go could have signed alone')
    expect([mesh().root.signed.targetsEpoch, targets().signed.epoch]).toEqual([2, 2])
  })

  it('by others, the targets are signed anew after the root', async () => {
    const { ask, run, sign, at, keyOfRole, mesh, targets } = await owner()
    await ask(['rotate', 'targets', '--out-key', 'targets', '--pub', text(ADA), '--prepare', at('root')])
    await sign('root', keyOfRole('root'))
    expect((await run('submit', at('root'))).err).toContain(
      'nothing is installed until it is: "pimesh trust renew targets"',
    )
    expect(() => targets()).toThrow('pimesh trust renew targets')
    expect(newestStored(mesh()).signed.version).toBe(1)
    // Other changes of the root do not wait for the targets keys, which are elsewhere.
    const other = await run('renew', 'root')
    expect([other.status, other.err]).toEqual([0, expect.stringContaining('"pimesh trust renew targets"')])
    expect(mesh().root.signed.version).toBe(3)
    await ask(['renew', 'targets', '--prepare', at('targets')])
    await sign('targets', at('ada.key'))
    expect((await run('submit', at('targets'))).err).not.toContain('renew')
    expect(targets().signed).toMatchObject({ epoch: 2, version: 1 })
  })

  it('retires an enrol key, for which a peer is needed', async () => {
    const { run, mesh } = await owner()
    const [old] = mesh().root.signed.roles.enrol.keyIds
    const { status, out } = await run('rotate', 'enrol', '--out-key', 'enrol', '--pub', text(ADA))
    expect(status).toBe(0)
    expect(out.replace(/\s+/g, ' ')).toContain(
      `can still let machines in, until "pimesh trust revoke ${old?.slice(0, 16)}"`,
    )
    expect(mesh().root.signed.enrolment.retired).toEqual([old])
    expect((await run('revoke', `${old?.slice(0, 16)}`)).status).toBe(0)
    expect(mesh().root.signed.enrolment.retired).toEqual([])
    const alone = await owner({ peer: false })
    await alone.refused(
      ['rotate', 'enrol', '--out-key', 'enrol', '--pub', text(ADA)],
      'E_NO_DAEMON',
      /what this enrol key revoked/,
    )
  })

  it('refuses what is wrong in one sentence', async () => {
    const { refused, at } = await owner()
    await refused(['rotate', 'acme'], 'E_USAGE', /say what changes/)
    await refused(['rotate', 'acm', '--raise-epoch'], 'E_ROLE', /did you mean "acme"/)
    await refused(['rotate', 'acme', '--out-key', 'ada'], 'E_KEY', /"ada" is not one of the keys of the role "acme"/)
    await refused(['rotate', 'acme', '--out-key', at('ada.key')], 'E_KEY', /is not one of the keys of the role "acme"/)
    await refused(
      ['rotate', 'acme', '--out-key', 'publisher'],
      'E_ROLE',
      /0 keys and need 1 signature: rotate to a new key with/,
    )
    await refused(['rotate', 'acme', '--threshold', '2'], 'E_ROLE', /1 key and need 2 signatures/)
    await refused(['rotate', 'acme', '--pub', 'publisher'], 'E_KEY', /is one of the role "acme" already/)
    await refused(['rotate', 'root', '--when-stale', 'refuse'], 'E_USAGE', /is for publishers/)
    await refused(['rotate', 'beacon', '--pub', text(ADA)], 'E_ROLE', /has no beacons/)
  })
})

describe('pimesh trust revoke of a role or a key', () => {
  it('ends a publisher, whose next one has a higher epoch', async () => {
    const { run, targets } = await owner()
    expect((await run('revoke', 'acme')).out).toMatch(
      /removed: role "acme"\n[\s\S]*the role "acme" is revoked\n {2}targets {2}version 2\n$/,
    )
    expect(targets().signed).toMatchObject({ roles: [], formerEpoch: 1 })
    await run('add-publisher', 'acme', '--pub', text(ADA), '--paths', 'acme/*')
    expect(targets().signed.roles[0]).toMatchObject({ name: 'acme', epoch: 2 })
  })

  it('takes a key out of the roles that it has', async () => {
    const { run, targets } = await owner()
    await run('rotate', 'acme', '--pub', text(ADA))
    const ran = await run('revoke', ADA.keyId.slice(0, 10))
    expect(ran.out).toContain(`the key ${short(ADA)} of acme is revoked\n`)
    expect(targets().signed.roles[0]?.keyIds).not.toContain(ADA.keyId)
  })

  it('refuses a key that is needed, and a word that means several things, or nothing', async () => {
    const { refused, run, backend, mesh } = await owner()
    await refused(
      ['revoke', 'publisher'],
      'E_ROLE',
      /"acme" would have 0 keys .*pimesh trust rotate acme --out-key \w{16} --pub NEW/,
    )
    await refused(
      ['revoke', mesh().root.signed.roles.targets.keyIds[0] as string],
      'E_ROLE',
      /"targets" would have 0 keys/,
    )
    await refused(['revoke', 'root', '--as', 'role'], 'E_ROLE', /no mesh can be without the role "root"/)
    backend.answer = nodesJson([nodeJson({ name: 'acme', node: nodeOf('acme') })])
    await refused(
      ['revoke', 'acme'],
      'E_USAGE',
      /may mean the role "acme" or the node acme \(.*say which with --as role or --as node/,
    )
    await refused(['revoke', 'acme', '--as', 'key'], 'E_KEY', /"acme" is no key of this mesh/)
    await refused(['revoke', 'acme', '--as', 'invite'], 'E_USAGE', /64 hex digits/)
    await refused(['revoke', 'acme', '--as', 'thing'], 'E_USAGE', /role, key, node, invite/)
    await refused(['revoke', 'nobody'], 'E_UNKNOWN_NODE', /nobody/)
    expect((await run('revoke', 'acme', '--as', 'node')).out).toMatch(/^acme is revoked\n {2}node /)
    expect((await run('revoke', 'acme', '--as', 'role')).out).toContain('the role "acme" is revoked')
  })
})

describe('pimesh trust beacon and renew', () => {
  it('give the root a beacon role, and end it', async () => {
    const { run, mesh, refused } = await owner()
    const ran = await run('beacon', '--pub', text(ADA), '--pub', text(BOB), '--threshold', '2', '--period', '10m')
    expect(ran.out).toMatch(/new: role "beacon"\n +keys +\w{16}, \w{16}\n +needs +2 of 2 keys\n +signs every +600 s\n/)
    expect(mesh().root.signed.beaconPeriod).toBe(600_000)
    await refused(['beacon'], 'E_USAGE', /which keys sign beacons/)
    await refused(['beacon', '--pub', 'root'], 'E_KEY', /another task .* that of "root"/)
    await refused(['delegate-zone', '/uk', '--pub', 'publisher'], 'E_KEY', /another task .* that of "acme"/)
    await refused(['beacon', '--pub', text(ADA), '--threshold', '2'], 'E_USAGE', /threshold/)
    await refused(['beacon', '--pub', text(ADA), '--period', '5s'], 'E_USAGE', /every 10 to/)
    expect((await run('revoke', 'beacon')).out).toContain('no node proves any more that nothing newer is withheld')
    expect(mesh().root.signed.roles.beacon).toBeUndefined()
  })

  it('move the end of root and targets', async () => {
    const { run, mesh, targets, refused } = await owner()
    expect((await run('renew', 'root', '--days', '400')).out).toContain('nothing else than version and dates changes')
    await run('renew', 'targets', '--days', '380')
    expect(Math.round((mesh().root.signed.expires - Date.now()) / DAY)).toBe(400)
    expect(Math.round((targets().signed.expires - Date.now()) / DAY)).toBe(380)
    await refused(['renew', 'root', '--days', '399'], 'E_USAGE', /it lasts until .* already: give --days 400 or more/)
    await refused(['renew', 'targets'], 'E_USAGE', /give --days 380 or more/)
    await refused(['renew', 'acme'], 'E_USAGE', /root or targets/)
  })

  it('refuse targets under a root that has expired, which is renewed first', async () => {
    const { run, refused, home } = await owner()
    const dir = join(home, 'old')
    initMesh({ dir, rootLifetimeDays: 1 }, Date.now() - 2 * DAY)
    const old = (...words: string[]) => line(['trust', ...words, '--yes', '--mesh', dir, '--data', join(home, 'none')])
    const hash = hashOf(dir)
    expect((await old('renew', 'targets')).err).toMatch(
      /the root document expired on .*renew that first.*\[E_REQUEST\]/,
    )
    expect(hashOf(dir)).toBe(hash)
    // It may as well be the clock that is wrong.
    expect((await old('renew', 'root')).err).toMatch(/ended before .*set the clock, or, .*--expired" \[E_STATE\]/)
    expect(hashOf(dir)).toBe(hash)
    const renewed = await old('renew', 'root', '--expired')
    expect([renewed.status, renewed.out]).toEqual([
      0,
      expect.stringContaining('it was issued after the end of version 1'),
    ])
    expect((await old('renew', 'targets')).status).toBe(0)
    await run('renew', 'root')
    await refused(['renew', 'root', '--days', '0'], 'E_USAGE', /--days/)
  })
})
