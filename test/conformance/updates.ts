// How a client moves on: what it asks of peers, older versions, recovery from versions that ran away, and what expires.
import { expect } from 'vitest'
import { DAY } from '../../src/core/limits.ts'
import { headOf } from '../../src/core/trust/registers.ts'
import { announcementJson } from '../../src/wire/announcement.ts'
import type { JsonObject } from '../../src/wire/canonical.ts'
import { encodeSigned } from '../../src/wire/signed.ts'
import { announcementOf, delegationOf, keyOf, MESH, NOW, releaseOf, targetsOf } from '../fixtures/documents.ts'
import { type Cases, Client, refuses, rootBytes } from './client.ts'

const FIRST = rootBytes({})
const LAST = 2 ** 31 - 1

/** A client with targets and version 1 of `acme`. */
function started(): Client {
  const client = new Client(FIRST)
  client.offerTargets(targetsOf().raw)
  client.offer(announcementOf())
  return client
}

/** The first release of an announcement with these hashes of its artifact. */
function hashed(hashes: (sha256: string) => JsonObject): Uint8Array {
  const frame = { mesh: MESH, role: 'acme', epoch: 1, version: 2, expires: NOW + DAY }
  const signed = announcementJson(frame, { 'acme/agent': releaseOf() })
  const target = (signed.targets as Record<string, JsonObject>)['acme/agent'] as JsonObject
  target.hashes = hashes((target.hashes as { sha256: string }).sha256)
  return encodeSigned(signed, [keyOf('publisher')])
}

const sha512 = 'ab'.repeat(64)
const takesHashes = (hashes: (sha256: string) => JsonObject, taken: boolean) => () => {
  const client = started()
  expect(refuses(() => client.offer(hashed(hashes)))).toBe(!taken)
  expect(client.version()).toBe(taken ? 2 : 1)
}

export const updates: Cases = {
  test_basic_refresh_requests() {
    const { world } = new Client(FIRST)
    const [targets, one] = [targetsOf(), announcementOf()]
    /** What is asked of the peer, which then gives it. */
    const questions = () => {
      const asks = world.take('ask')
      for (const ask of asks) world.reply(ask, [targets, one])
      world.write()
      return asks.map(({ body }) => ('hashes' in body ? body.hashes.join() : body))
    }
    world.hello('peer', [one], targets)
    expect([questions(), questions(), questions()]).toEqual([[{ type: 'targets' }], [one.hash], []])
    world.hello('peer', [one], targets)
    expect([questions(), world.held()]).toEqual([[], 'acme 1'])
  },

  'test_url_and_metadata_version_mismatch[root]'() {
    const client = new Client(FIRST)
    expect(client.offerRoots(rootBytes({ version: 3 }))).toBe('root version 2 is missing')
    expect(client.root).toBe(1)
  },

  'test_url_and_metadata_version_mismatch[targets]'() {
    const { world } = started()
    const [told, given] = [announcementOf({ version: 2 }), announcementOf({ version: 3 })]
    world.hear('peer', { ...headOf(told), hash: given.hash })
    world.answer({ peer: [given] })
    world.write()
    expect([world.held(), world.refusals.all()]).toEqual(['acme 1', { malformed: 1 }])
  },

  test_basic_metadata_hash_support() {
    const { world } = started()
    world.receive(announcementOf({ version: 2 }))
    expect(world.held()).toBe('acme 2')
  },

  test_targets_hash_mismatch() {
    const { world } = started()
    world.hear('peer', { ...headOf(announcementOf({ version: 2 })), hash: '00'.repeat(32) })
    world.answer({ peer: [announcementOf({ version: 2 })] })
    world.write()
    expect([world.held(), world.refusals.all()]).toEqual(['acme 1', { bodyMissing: 1 }])
  },

  test_targets_404() {
    const client = started()
    client.world.hello('peer', [], targetsOf({ version: 2 }))
    expect(client.world.asked()).toEqual(['peer targets'])
    client.world.hear('peer', announcementOf({ version: 2 }))
    client.world.answer({ peer: [] })
    client.world.write()
    expect([client.targets, client.version(), client.world.refusals.all()]).toEqual([1, 1, { bodyMissing: 1 }])
  },

  async 'test_targets_rollback[basic]'() {
    const client = started()
    client.offerTargets(targetsOf({ version: 2 }).raw)
    expect(client.offerTargets(targetsOf({ version: 1 }).raw)).toBe('oldVersion')
    await client.restart()
    expect(client.offerTargets(targetsOf({ version: 1 }).raw)).toBe('oldVersion')
    expect(client.targets).toBe(2)
    // Nor under a root that covers what is held no more.
    client.offerRoots(rootBytes({ version: 2, targets: { keys: ['clean'], threshold: 1 } }))
    expect(client.offerTargets(targetsOf({ version: 1, by: ['clean'] }).raw)).toBe('oldVersion')
    expect(client.targets).toBe(0)
  },

  async 'test_targets_rollback[with hashes]'() {
    const client = started()
    client.offer(announcementOf({ version: 2 }))
    for (const again of [() => undefined, () => client.restart()]) {
      await again()
      expect(client.offer(announcementOf({ version: 1 }))).toBe('oldVersion')
      client.world.receive(announcementOf({ version: 1 }))
      expect(client.version()).toBe(2)
    }
  },

  async test_targets_role_removal() {
    const client = started()
    client.offer(announcementOf({ version: 2 }))
    expect(client.offerTargets(targetsOf({ version: 2, roles: [] }).raw)).toBe('accepted')
    expect([client.version(), client.offer(announcementOf({ version: 3 }))]).toEqual([0, 'unknownRole'])
    // Back again it goes on where it was, not before.
    client.offerTargets(targetsOf({ version: 3 }).raw)
    await client.restart()
    expect(client.offer(announcementOf({ version: 1 }))).toBe('oldVersion')
    expect(client.offer(announcementOf({ version: 2 }))).toBe('accepted')
  },

  async test_targets_fast_forward_recovery() {
    const client = started()
    expect(client.offer(announcementOf({ version: LAST }))).toBe('accepted')
    expect(client.offer(announcementOf({ version: 2 }))).toBe('oldVersion')
    const anew = delegationOf({ by: ['clean'], epoch: 2 })
    client.offerTargets(targetsOf({ version: 2, roles: [anew], keys: ['clean'] }).raw)
    const after = announcementOf({ version: 1, epoch: 2, by: ['clean'] })
    expect([client.version(), client.offer(after), client.version()]).toEqual([0, 'accepted', 1])
    await client.restart()
    expect([client.offer(announcementOf({ version: LAST })), client.version()]).toEqual(['oldVersion', 1])

    // A root that only gives targets another key takes the same version from it; one that begins a new epoch, any.
    const stolen = new Client(FIRST)
    stolen.offerTargets(targetsOf({ version: LAST, roles: [] }).raw)
    stolen.offerRoots(rootBytes({ version: 2, targets: { keys: ['clean'], threshold: 1 } }))
    expect(stolen.targets).toBe(0)
    expect(stolen.offerTargets(targetsOf({ version: LAST, by: ['clean'] }).raw)).toBe('accepted')
    expect([stolen.targets, stolen.offer(announcementOf())]).toEqual([LAST, 'accepted'])
    stolen.offerRoots(
      rootBytes({ version: 3, targets: { keys: ['clean'], threshold: 1 }, changes: { targetsEpoch: 2 } }),
    )
    expect(stolen.targets).toBe(0)
    expect(stolen.offerTargets(targetsOf({ version: LAST, by: ['clean'] }).raw)).toBe('oldVersion')
    expect(stolen.offerTargets(targetsOf({ epoch: 2, version: 1, by: ['clean'] }).raw)).toBe('accepted')
    expect([stolen.targets, stolen.offer(announcementOf({ version: 2 }))]).toEqual([1, 'accepted'])
  },

  test_root_expired() {
    const client = started()
    const changes = { expires: NOW + DAY }
    expect(client.offerRoots(rootBytes({ version: 2, changes }))).toBeUndefined()
    // Our clocks may lie by decades: an end warns people, and locks no fleet out.
    expect([client.root, client.offer(announcementOf({ version: 2 }))]).toEqual([2, 'accepted'])
  },

  test_expired_local_root() {
    const changes = (day: number) => ({ issued: NOW + (day - 7) * DAY, expires: NOW + day * DAY })
    const client = new Client(FIRST)
    client.offerRoots(rootBytes({ version: 2, changes: changes(7) }))
    expect(client.offerRoots(rootBytes({ version: 3, changes: changes(21) }))).toBeUndefined()
    expect(client.root).toBe(3)
  },

  test_targets_expired() {
    const client = started()
    expect(client.offer(announcementOf({ version: 2, expires: NOW - DAY }))).toBe('accepted')
    expect([client.version(), client.expired(), client.hold('acme/agent')]).toEqual([2, true, 'expired'])
  },

  test_expired_local_timestamp() {
    const client = new Client(FIRST)
    client.offerTargets(targetsOf().raw)
    client.offer(announcementOf({ expires: NOW - DAY }))
    expect(client.hold('acme/agent')).toBe('expired')
    client.offer(announcementOf({ version: 2 }))
    expect([client.version(), client.expired(), client.hold('acme/agent')]).toEqual([2, false, undefined])
  },

  'test_download_with_hash_algorithms[hashes0]': takesHashes((sha256) => ({ sha256 }), true),
  'test_download_with_hash_algorithms[hashes1]': takesHashes(() => ({ sha512 }), false),
  'test_download_with_hash_algorithms[hashes2]': takesHashes((sha256) => ({ sha256, sha512 }), true),
  test_download_with_unknown_hash_algorithm: takesHashes(() => ({ 'unknown-hash': sha512 }), false),
}
